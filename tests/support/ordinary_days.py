"""What the calibration to ordinary days is judged by: data, fit, weeks left out, lines to beat.

A day's liquidations are a pair of natural logarithms of USD, of longs and of shorts. A model is a table of such
pairs by day: `level` and `long_share` of a coin only shift the two columns, since longs and shorts live
apart from each other along a price that is given.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from cascade.calibration.scores import crps
from tests.support.bent_bars import PRICES, bent

Floats = npt.NDArray[np.float64]

DATA = Path(os.environ.get("CASCADE_SHARED") or Path(__file__).parents[3] / "shared") / "data"

COINS = ("BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "ADA")
START, N_DAYS = datetime(2025, 6, 20, tzinfo=UTC), 37
DAYS = tuple(f"{START + timedelta(days=k):%Y-%m-%d}" for k in range(N_DAYS))
WEEK = np.minimum(np.arange(N_DAYS) // 7, 4)
"""The fold of each day: weeks from the first day on, the last with two days more."""

UNKNOWN = {"ETH": ("2025-07-02", "2025-07-03", "2025-07-04")}
"""Days without bars: ether's are filled with bitcoin's, and not judged."""

_NORMAL = norm.ppf((np.arange(1_000) + 0.5) / 1_000)
"""The standard normal distribution as evenly spaced quantiles."""

_BARS: Final = {
    "BTC": ("binance_usdm_BTCUSDT_5m_20250620_20250727.csv.gz",),
    "ETH": (
        "bybit_linear_ETHUSDT_5m_20250620_20250702.csv.gz",
        "binance_usdm_ETHUSDT_5m_20250704_20250727.csv.gz",
    ),
    "SOL": ("binance_usdm_SOLUSDT_5m_20250620_20250727.csv.gz",),
}
"""Files of bars of 5 minutes; other coins have bars of a day alone."""

WITH_BARS: Final = tuple(_BARS)
LENDERS: Final = ("SOL", "ETH", "BTC")
"""Coins whose days others borrow the shape of."""


@dataclass(frozen=True)
class Coin:
    """The days of a coin: logarithms of longs and shorts as three venues show them, and the path they are given."""

    name: str
    observed: Floats  # (days, 2)
    log_range: Floats
    returns: Floats

    @property
    def judged(self) -> npt.NDArray[np.intp]:
        """Return the numbers of the days that count."""
        return np.flatnonzero([day not in UNKNOWN.get(self.name, ()) for day in DAYS])


@dataclass(frozen=True)
class Fit:
    """What moves a model's logarithms to the observed ones, and what is left."""

    shift: Floats  # of longs and shorts
    spread: Floats

    def level(self, long_share: float) -> tuple[float, float]:
        """Return by what the level of a model with a long share is multiplied, and the long share then."""
        long, short = long_share * np.exp(self.shift[0]), (1.0 - long_share) * np.exp(self.shift[1])
        return float(long + short), float(long / (long + short))


# --- data -----------------------------------------------------------------------------------------


def bars_of(coin: str) -> pd.DataFrame:
    """Return the 5-minute bars of a coin by their opening time, gaps filled with bitcoin's between the same ends."""
    read = [pd.read_csv(DATA / "klines" / name, index_col="time_utc")[PRICES] for name in _BARS[coin]]
    bars = pd.concat(read)
    if coin == "BTC":
        return bars
    whole = bars_of("BTC")
    missing = whole.index.difference(bars.index)
    if len(missing):
        like = whole.loc[missing]
        before, after = bars[bars.index < missing[0]].iloc[-1], bars[bars.index > missing[-1]].iloc[0]
        ends = np.log([before.close / like.open.iloc[0], after.open / like.close.iloc[-1]])
        bars = pd.concat([bars, like.mul(np.exp(np.linspace(*ends, len(like))), axis=0)])
    return bars.sort_index()


def borrowed_bars_of(coin: str, lender: str) -> pd.DataFrame:
    """Return the bars of another coin on the same days, bent to the daily prices of a coin."""
    shapes = bars_of(lender).groupby(lambda time: time[:10])
    prices = _daily_bars(coin)
    days = [bent(shapes.get_group(day), prices.loc[day].to_numpy()) for day in DAYS]
    return pd.concat(days).rename_axis("time_utc")


def days_before(coin: str) -> pd.DataFrame:
    """Return the daily bars of a coin in June before the first day."""
    rows = _daily_bars(coin)
    rows = pd.DataFrame(rows[(rows.index >= "2025-06-01") & (rows.index < DAYS[0])])
    return rows.set_axis(rows.index + "T00:00:00Z").rename_axis("time_utc")


def _daily_bars(coin: str) -> pd.DataFrame:
    """Return the daily bars of a coin by day."""
    rows = pd.read_csv(DATA / "daily" / "perp_ohlcv.csv.gz")
    return pd.DataFrame(rows[rows.symbol == f"{coin}USDT"].set_index("ts_utc")[PRICES])


def coin_of(name: str) -> Coin:
    """Return the days of a coin."""
    rows = pd.read_csv(DATA / "daily" / "liquidations.csv.gz")
    mine = rows[rows.symbol == name].set_index("ts_utc").loc[list(DAYS), ["liq_long_usd", "liq_short_usd"]]
    path = _daily_bars(name).loc[list(DAYS)]
    if name in _BARS:
        by_day = bars_of(name).groupby(lambda time: time[:10])
        path = by_day.agg({"open": "first", "high": "max", "low": "min", "close": "last"}).loc[list(DAYS)]
    return Coin(
        name, np.log(mine.to_numpy()), np.log(np.log(path.high / path.low)).to_numpy(),
        (path.close / path.open - 1.0).to_numpy(),
    )  # fmt: skip


def daily(liquidations: pd.DataFrame, coin: str) -> Floats:
    """Return USD by replicate, day and side of what the feeds show of a coin."""
    shown = liquidations[(liquidations.reporting != "withheld") & (liquidations.asset == coin)]
    usd = np.zeros((liquidations.replicate.nunique(), N_DAYS, 2))
    day = (shown.t_s // 86_400.0).astype(int).clip(upper=N_DAYS - 1)  # what happens as the run ends
    np.add.at(usd, (shown.replicate, day, (shown.side == "short").astype(int)), shown.liquidated_usd)
    return usd


# --- model and lines ------------------------------------------------------------------------------


def total(sides: Floats) -> Floats:
    """Return the logarithm of longs and shorts together."""
    return np.logaddexp(sides[:, 0], sides[:, 1])


def fit(model: Floats, coin: Coin, days: npt.NDArray[np.intp]) -> Fit:
    """Return level and long share by maximum likelihood: the two mean logarithmic errors."""
    errors = coin.observed[days] - model[days]
    return Fit(errors.mean(axis=0), errors.std(axis=0))


@dataclass(frozen=True)
class Foretold:
    """Normal forecasts of each judged day's logarithm, and what came."""

    mean: Floats
    spread: Floats
    observed: Floats

    @property
    def rmse(self) -> float:
        """Return the root of the mean squared error."""
        return float(np.sqrt(((self.mean - self.observed) ** 2).mean()))

    def crps(self) -> Floats:
        """Return the continuous ranked probability score of each day."""
        foretold = self.mean[:, None] + self.spread[:, None] * _NORMAL
        pairs = zip(foretold, self.observed.tolist(), strict=True)
        return np.array([crps(draws, day, is_sample=False) for draws, day in pairs])

    def inside(self, share: float = 0.9) -> float:
        """Return the share of the days in their central interval."""
        return float((np.abs(self.observed - self.mean) <= norm.ppf(0.5 + share / 2.0) * self.spread).mean())


def hold_out(model: Floats, coin: Coin) -> Foretold:
    """Foretell each week's totals with level and long share of the other weeks; their errors give the spread."""
    mean, spread, observed = np.zeros(N_DAYS), np.zeros(N_DAYS), total(coin.observed)
    for week in np.unique(WEEK):
        known, asked = _split(coin, week)
        moved = total(model + fit(model, coin, known).shift)
        mean[asked] = moved[asked]
        spread[asked] = np.sqrt(((moved - observed)[known] ** 2).mean())
    return Foretold(mean[coin.judged], spread[coin.judged], observed[coin.judged])


def lines(coin: Coin) -> dict[str, Floats]:
    """Return what the lines to beat are drawn along, a column each."""
    one = np.ones(N_DAYS)
    return {
        "climatology": np.column_stack([one]),
        "a x range^b": np.column_stack([one, coin.log_range]),
        "range and return": np.column_stack([one, coin.log_range, coin.returns / np.exp(coin.log_range)]),
    }


def hold_out_line(columns: Floats, coin: Coin) -> Foretold:
    """Foretell each week's totals by the least-squares line of the other weeks."""
    mean, spread, observed = np.zeros(N_DAYS), np.zeros(N_DAYS), total(coin.observed)
    for week in np.unique(WEEK):
        known, asked = _split(coin, week)
        slope, *_ = np.linalg.lstsq(columns[known], observed[known], rcond=None)
        mean[asked] = columns[asked] @ slope
        errors = observed[known] - columns[known] @ slope
        spread[asked] = np.sqrt((errors**2).sum() / (len(known) - columns.shape[1]))
    return Foretold(mean[coin.judged], spread[coin.judged], observed[coin.judged])


def _split(coin: Coin, week: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    judged = coin.judged
    return judged[WEEK[judged] != week], judged[WEEK[judged] == week]

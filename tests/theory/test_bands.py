"""The bands of the stylised facts, computed again from the bars, books and trades they rest on.

The data are in no licence and not part of the project; the tests skip without them. They are looked for in
the folder `CASCADE_SHARED`, or in `shared` beside the checkout.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from cascade.analysis.facts import FACTS, Sample, Series
from cascade.analysis.facts import assets as a
from cascade.analysis.facts import book as b
from cascade.analysis.facts import flow as f
from cascade.analysis.facts import returns as r
from cascade.analysis.facts.evidence import autocorrelation, plain
from cascade.analysis.facts.judge import estimate_of, gather, known_of, values_of
from cascade.analysis.facts.real import orders_of, real_sample, series_of_trades
from cascade.data.klines import Trades, read_trades

DATA = Path(os.environ.get("CASCADE_SHARED") or Path(__file__).parents[3] / "shared") / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the bars, books and trades are not here")

KLINES, WINDOWS, TICKS = DATA / "klines", DATA / "windows", DATA / "ticks"

BARS = {
    r.DECEMBER: ("20241205_BTC_binance_spot.csv",),
    r.JUNE_13: ("20250613_BTC_bybit_perp_1m.csv",),
    r.JUNE_22: ("20250622_BTC_binance_perp_1m.csv",),
    r.JUNE_22_BYBIT: ("20250622_BTC_bybit_perp_1m.csv",),
    a.JUNE_PAIR: ("20250622_BTC_binance_perp_1m.csv", "20250622_ETH_binance_perp_1m.csv"),
    a.JUNE_13_PAIR: ("20250613_BTC_bybit_perp_1m.csv", "20250613_ETH_bybit_perp_1m.csv"),
    r.BTC_DAYS: ("binance_usdm_BTCUSDT_5m_20250620_20250727.csv.gz",),
    r.SOL_DAYS: ("binance_usdm_SOLUSDT_5m_20250620_20250727.csv.gz",),
    r.ETH_JULY: ("binance_usdm_ETHUSDT_5m_20250704_20250727.csv.gz",),
    r.ETH_JUNE: ("bybit_linear_ETHUSDT_5m_20250620_20250702.csv.gz",),
    a.PAIR_JUNE: (
        "binance_usdm_BTCUSDT_5m_20250620_20250727.csv.gz",
        "bybit_linear_ETHUSDT_5m_20250620_20250702.csv.gz",
    ),
    a.PAIR_JULY: (
        "binance_usdm_BTCUSDT_5m_20250620_20250727.csv.gz",
        "binance_usdm_ETHUSDT_5m_20250704_20250727.csv.gz",
    ),
}
BOOKS = {r.BTC_BOOK: ("BTC", 0.1), r.ETH_BOOK: ("ETH", 0.01)}
TRADES = {
    f.AUGUST: "binance_usdm_BTCUSDT_trades_20240808.csv.gz",
    f.AUGUST_ETH: "binance_usdm_ETHUSDT_trades_20240808.csv.gz",
    f.FEBRUARY: "binance_trades_btc_fut_2026-02-16_04.csv.gz",
    f.MARCH: "binance_usdm_BTCUSDT_trades_20240328_two_10min.csv.gz",
    f.MARCH_2: "binance_usdm_BTCUSDT_trades_20240328_two_10min.csv.gz",
}

WINDOW_S = 3 * 86_400.0
"""Windows of a run, of data that is longer: as long as a replicate of the market's own scenario."""


@cache
def sample(name: str) -> Sample:
    """Return a set of data by the name that bands call it by."""
    if name in BARS:
        files = [
            next(path for path in (KLINES / each, WINDOWS / each) if path.is_file()) for each in BARS[name]
        ]
        found = real_sample(files)
        assert found is not None
        return found
    if name in BOOKS:
        return Sample((book(*BOOKS[name]),))
    if name == b.BASIS:
        (own,), (other,) = sample(r.JUNE_22).bars, sample(r.JUNE_22_BYBIT).bars
        return Sample((Series(60.0, {**own.columns, "reference": other["price"]}),))
    if name == b.FUNDING:
        import pandas as pd

        rates = pd.read_csv(DATA / "funding_BTCUSDT_202506_202507.csv").funding_rate_8h.to_numpy() * 1e4
        return Sample(funding_bps=rates)
    trades = ticks(name)
    return Sample((series_of_trades(trades),), orders=orders_of(trades))


def book(coin: str, tick: float) -> Series:
    import pandas as pd

    rows = pd.read_csv(DATA / "depth" / f"binance_usdm_{coin}USDT_lob1s_20240808.csv.gz")
    bid, ask = rows.best_bid.to_numpy(), rows.best_ask.to_numpy()
    columns = {"price": (bid + ask) / 2.0, "spread": np.rint((ask - bid) / tick)}
    columns |= {f"{side}_10": rows[f"{side}_10bps_usd"].to_numpy() for side in ("bid", "ask")}
    return Series(1.0, columns)


def ticks(name: str) -> Trades:
    """Return trades; two of the files are recordings of a stream, with columns of their own."""
    import pandas as pd

    path = TICKS / TRADES[name]
    if name in {f.AUGUST, f.AUGUST_ETH}:
        return read_trades(path)
    rows = pd.read_csv(path)
    if name == f.FEBRUARY:
        time_s, size = rows.exch_ts_ms.to_numpy() / 1e3, rows.qty.to_numpy()
    else:
        times = pd.to_datetime(rows.timestamp, format="ISO8601", utc=True)
        time_s = ((times - pd.Timestamp(0, tz="UTC")) // pd.Timedelta("1ms")).to_numpy() / 1e3
        size = rows["size"].to_numpy()
    price, sign = rows.price.to_numpy(), np.where(rows.side == "buy", 1.0, -1.0)
    parts = np.split(np.arange(len(rows)), np.flatnonzero(np.diff(time_s) > 60.0) + 1)
    mine = parts[1] if name == f.MARCH_2 else parts[0]
    return Trades(name, time_s[mine], price[mine], (price * size)[mine], sign[mine], ())


@cache
def gathered(name: str):
    return gather(sample(name), run_s=WINDOW_S)


def windows(fact: str, part: int, name: str) -> np.ndarray:
    """Return the figure of each window of a set of data."""
    return np.array([plain(each) for each in known_of(gathered(name)[fact], part)])


def figure(fact: str, part: int, name: str):
    """Return the figure of a set of data, with its interval."""
    entry, each = FACTS[fact], [known_of(gathered(name)[fact], part)]
    return estimate_of(entry, each, values_of(entry, each))


OBSERVED = [
    (fact.name, number, name, value)
    for fact in FACTS.values()
    for number, part in enumerate(fact.parts)
    for name, value in part.band.observed.items()
]


@pytest.mark.parametrize(("fact", "part", "name", "value"), OBSERVED, ids=str)
def test_what_was_observed_is_what_the_estimator_gives(fact, part, name, value):
    digits = len(str(value).partition(".")[2])
    found = figure(fact, part, name).value
    assert found == pytest.approx(value, abs=0.51 * 10.0**-digits + 1e-9)


PARTS = [(fact.name, number) for fact in FACTS.values() for number in range(len(fact.parts))]


def by_rule(*rules: str):
    return [(name, k) for name, k in PARTS if FACTS[name].parts[k].band.rule in rules]


@pytest.mark.parametrize(("fact", "part"), by_rule("days"))
def test_bands_of_days_are_5_to_95_percent_of_them(fact, part):
    band = FACTS[fact].parts[part].band
    names = [
        name for name in band.observed if name != r.SOL_DAYS
    ]  # of BTC, or of BTC and ETH in two stretches
    days = np.concatenate([windows(fact, part, name) for name in names])
    days = days[np.isfinite(days)]
    assert len(days) >= 35
    low, high = np.quantile(days, (0.05, 0.95))
    digits = len(str(band.high).partition(".")[2])
    assert (band.low, band.high) == pytest.approx((low, high), abs=0.51 * 10.0**-digits)


@pytest.mark.parametrize(("fact", "part"), by_rule("windows", "union"))
def test_bands_of_windows_hold_all_that_was_observed_and_little_more(fact, part):
    entry = FACTS[fact]
    band = entry.parts[part].band
    if not band.observed:
        pytest.skip("observed by others, in data that is not here")
    rows = (
        band.observed
        if fact != "correlation"
        else {k: v for p in entry.parts for k, v in p.band.observed.items()}
    )
    values = list(rows.values())
    if fact == "correlation":
        values = [value for p in entry.parts for value in p.band.observed.values()]
    slack = 0.051 * max(abs(min(values)), abs(max(values)), 0.2)
    assert min(values) - band.low >= -1e-9
    assert band.high - max(values) >= -1e-9
    if band.rule == "windows":
        assert min(values) - band.low <= slack
        assert band.high - max(values) <= slack


@pytest.mark.parametrize(("fact", "part"), by_rule("bootstrap"))
def test_bands_of_one_window_are_its_bootstrap_interval(fact, part):
    band = FACTS[fact].parts[part].band
    name = next(iter(band.observed))
    found = figure(fact, part, name)
    low, high = found.low, found.high
    assert low is not None
    assert high is not None
    width = max(high - low, 0.02)
    assert band.low == pytest.approx(low, abs=0.08 * width)
    assert band.high == pytest.approx(high, abs=0.08 * width)


@pytest.mark.parametrize(("fact", "part"), by_rule("own", "stated"))
def test_other_bands_hold_what_was_observed_or_say_why_not(fact, part):
    band = FACTS[fact].parts[part].band
    outside = {name: value for name, value in band.observed.items() if not band.holds(value)}
    explained = {
        ("kurtosis_1s", 0): {r.ETH_BOOK},  # six minutes: a day has more
        ("sign_memory", 1): {f.AUGUST_ETH, f.FEBRUARY, f.MARCH_2},  # windows of a few thousand orders: ± .03
    }
    assert set(outside) == explained.get((fact, part), set())


def test_the_half_life_of_the_book_is_where_its_memory_has_halved():
    """Depth within 10 bps forgets half in 3 to 20 s: the band of resilience."""
    found = []
    for name in BOOKS:
        for side in ("bid", "ask"):
            depth = np.log(sample(name).bars[0][f"{side}_10"])
            memory = [plain(autocorrelation(depth, lag)) for lag in range(1, 60)]
            found.append(1 + int(np.argmax(np.array(memory) < 0.5)))
    band = FACTS["resilience"].parts[0].band
    assert sorted(found) == [3, 7, 9, 20]
    assert band.low <= min(found)
    assert band.high >= max(found)

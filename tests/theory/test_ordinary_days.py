"""Ordinary days: who is liquidated along a path that is given, against what three venues published of 37 days.

The data are in no licence and not part of the project; the tests against them skip without them.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from cascade.analysis.statistics.bootstrap import block_mean
from cascade.experiment.run import run
from cascade.scenario.load import load
from cascade.scenario.schema_population import LeveragedLayer
from tests.support import ordinary_days as days
from tests.support.bent_bars import bent
from tests.support.ordinary_days import COINS, DATA, WITH_BARS, Coin, Floats
from tests.support.ordinary_tables import model_of, simulated

SCENARIO = Path(__file__).parents[2] / "scenarios" / "ordinary-days.yaml"

with_data = pytest.mark.skipif(not DATA.is_dir(), reason="the bars and daily liquidations are not here")


# --- what needs no data ---------------------------------------------------------------------------


def test_the_mark_meets_every_extreme_of_every_bar(tmp_path: Path) -> None:
    """A path that is sampled or smoothed loses the wicks, and with them most of who is liquidated."""
    rng = np.random.default_rng(5)
    start = pd.Timestamp("2025-06-20", tz="UTC")
    close = 104_607.0 * np.exp(np.cumsum(rng.normal(0.0, 0.001, 24)))
    bars = pd.DataFrame({"time_utc": [f"{start + pd.Timedelta(minutes=5 * k):%FT%TZ}" for k in range(24)]})
    bars["open"], bars["close"] = np.r_[104_607.0, close[:-1]], close
    ends = bars[["open", "close"]]
    bars["high"] = ends.max(axis=1) * (1.0 + rng.exponential(0.002, 24))
    bars["low"] = ends.min(axis=1) * (1.0 - rng.exponential(0.002, 24))
    bars.to_csv(tmp_path / "btc.csv", index=False)
    news = f"assets.BTC.news={{type: bars, file: {tmp_path / 'btc.csv'}}}"
    changes = [news, "duration=2h", "outputs.bars=5m", *small()]
    result = run(SCENARIO, changes, replicates=1, allow=[tmp_path], out=tmp_path)
    seen = result.tables["bars"].to_pandas()
    seen = seen[(seen.market == "offshore:BTCUSDT") & (seen.t_s > 0)].sort_values("t_s")
    assert seen.mark_high_price.tolist() == pytest.approx(bars.high.tolist(), rel=1e-5)
    assert seen.mark_low_price.tolist() == pytest.approx(bars.low.tolist(), rel=1e-5)


def small() -> list[str]:
    """Return changes that leave a hundredth of the traders."""
    layers = [each for each in load(SCENARIO).population if isinstance(each, LeveragedLayer)]
    return [
        f"population.{each.name}.open_interest={(each.open_interest or 0.0) / 100:.0f}" for each in layers
    ]


def test_level_and_long_share_are_found_again() -> None:
    rng = np.random.default_rng(3)
    model = rng.normal(16.0, 1.0, (days.N_DAYS, 2))
    coin = Coin("SOL", model + np.log([1.5 * 0.7 / 0.6, 1.5 * 0.3 / 0.4]), np.zeros(37), np.zeros(37))
    found = days.fit(model, coin, coin.judged)
    assert found.level(0.6) == pytest.approx((1.5, 0.7))
    assert days.hold_out(model, coin).rmse == pytest.approx(0.0, abs=1e-12)


def test_a_borrowed_day_has_its_own_open_high_low_and_close() -> None:
    """Whatever the shape does: the other way, with its open at an extreme, or with a wick through the day."""
    rng = np.random.default_rng(7)
    for open_, close in ((0.170, 0.178), (0.178, 0.170), (0.162, 0.181), (0.181, 0.181)):
        ends = np.exp(np.r_[0.0, np.cumsum(rng.normal(0.0, 0.003, 288))])
        shape = pd.DataFrame({"open": ends[:-1], "high": 0.0, "low": 0.0, "close": ends[1:]})
        shape["high"] = shape[["open", "close"]].max(axis=1) * (1.0 + rng.exponential(0.002, 288))
        shape["low"] = shape[["open", "close"]].min(axis=1) * (1.0 - rng.exponential(0.002, 288))
        bars = bent(shape, np.array([open_, 0.181, 0.162, close]))
        found = [bars.open.iloc[0], bars.high.max(), bars.low.min(), bars.close.iloc[-1]]
        assert found == pytest.approx([open_, 0.181, 0.162, close])
        assert (bars.high >= bars[["open", "close"]].max(axis=1)).all()
        assert (bars.low <= bars[["open", "close"]].min(axis=1)).all()


# --- against the days -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def liquidations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    return simulated(tmp_path_factory.mktemp("ordinary-days"))


@pytest.fixture(scope="module", params=WITH_BARS)
def coin(request: pytest.FixtureRequest) -> Coin:
    return days.coin_of(request.param)


@pytest.fixture
def model(coin: Coin, liquidations: dict[str, pd.DataFrame]) -> Floats:
    return model_of(liquidations[coin.name], coin)


@with_data
@pytest.mark.slow
def test_totals_of_the_days_are_those_of_the_feeds(coin: Coin, model: Floats) -> None:
    found = agreement(coin, model)
    assert found.correlation >= 0.90
    assert abs(found.steeper) <= 0.25
    assert 0.8 <= found.median_ratio <= 1.25


class Agreement(NamedTuple):
    """How totals of the judged days go with the published ones."""

    correlation: float
    steeper: float
    """By how much the elasticity to the range is above the published one."""
    median_ratio: float


def agreement(coin: Coin, model: Floats) -> Agreement:
    judged = coin.judged
    ours, theirs = days.total(model)[judged], days.total(coin.observed)[judged]
    slopes = [np.polyfit(coin.log_range[judged], each, 1)[0] for each in (ours, theirs)]
    return Agreement(
        np.corrcoef(ours, theirs)[0, 1], slopes[0] - slopes[1], float(np.exp(np.median(ours - theirs)))
    )


@with_data
@pytest.mark.slow
@pytest.mark.parametrize("sign", [-1, 1])
def test_longs_pay_for_falls_and_shorts_for_rises(coin: Coin, model: Floats, sign: int) -> None:
    """The share of longs on all days that moved by more than 3 %; bitcoin fell so far on none of them."""
    assert off_in_long_share(coin, model, sign) <= 0.10


def off_in_long_share(coin: Coin, model: Floats, sign: int) -> float:
    """Return how far the share of longs is from the published one on days that moved by more than 3 %."""
    large = coin.judged[sign * coin.returns[coin.judged] > 0.03]
    if len(large) == 0:
        pytest.skip("there was no such day")
    ours, theirs = (np.exp(each[large]).sum(axis=0) for each in (model, coin.observed))
    return abs(ours[0] / ours.sum() - theirs[0] / theirs.sum())


@with_data
@pytest.mark.slow
def test_weeks_that_are_left_out_are_foretold_better_than_by_any_line(coin: Coin, model: Floats) -> None:
    ours = days.hold_out(model, coin)
    assert ours.rmse <= 0.40
    for columns in days.lines(coin).values():
        apart = block_mean(ours.crps() - days.hold_out_line(columns, coin).crps())
        assert apart.high is not None
        assert apart.high < 0.0


@with_data
@pytest.mark.slow
@pytest.mark.parametrize("name", COINS)
def test_low_leverage_does_not_pile_up_shorts_through_the_rally(
    name: str, liquidations: dict[str, pd.DataFrame]
) -> None:
    mine = liquidations[name][liquidations[name].asset == name]
    is_low = (mine.layer == f"{name.lower()}-low") & (mine.side == "short")
    most = 0.02 if name in WITH_BARS else 0.03  # dogecoin rose by three quarters
    assert mine.loc[is_low, "liquidated_usd"].sum() <= most * mine.liquidated_usd.sum()


# --- coins whose days have the shape of others' ------------------------------------------------------


@with_data
@pytest.mark.slow
@pytest.mark.parametrize("name", [each for each in COINS if each not in WITH_BARS])
def test_along_borrowed_shapes_less_is_held(name: str, liquidations: dict[str, pd.DataFrame]) -> None:
    """What the page says of them: it is less than of coins with bars, and always better than climatology."""
    coin = days.coin_of(name)
    model = model_of(liquidations[name], coin)
    found = agreement(coin, model)
    assert found.correlation >= 0.85
    assert 0.8 <= found.median_ratio <= 1.25
    apart = block_mean(
        days.hold_out(model, coin).crps() - days.hold_out_line(days.lines(coin)["climatology"], coin).crps()
    )
    assert apart.high is not None
    assert apart.high < 0.0

"""Ordinary days: who is liquidated along a path that is given, against what three venues published of 37 days.

The data are in no licence and not part of the project; the tests against them skip without them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cascade.analysis.statistics.bootstrap import block_mean
from cascade.experiment.run import run
from cascade.scenario.load import load
from cascade.scenario.schema_population import LeveragedLayer
from tests.support import ordinary_days as days
from tests.support.ordinary_days import COINS, DATA, Coin, Floats
from tests.support.ordinary_tables import liquidations_of, model_of, simulated

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


# --- against the days -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def liquidations(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return liquidations_of(simulated(tmp_path_factory.mktemp("ordinary-days")))


@pytest.fixture(scope="module", params=COINS)
def coin(request: pytest.FixtureRequest) -> Coin:
    return days.coin_of(request.param)


@pytest.fixture
def model(coin: Coin, liquidations: pd.DataFrame) -> Floats:
    return model_of(liquidations, coin)


@with_data
@pytest.mark.slow
def test_totals_of_the_days_are_those_of_the_feeds(coin: Coin, model: Floats) -> None:
    judged = coin.judged
    ours, theirs = days.total(model)[judged], days.total(coin.observed)[judged]
    slopes = [np.polyfit(coin.log_range[judged], each, 1)[0] for each in (ours, theirs)]
    assert np.corrcoef(ours, theirs)[0, 1] >= 0.90
    assert abs(slopes[0] - slopes[1]) <= 0.25
    assert 0.8 <= np.exp(np.median(ours - theirs)) <= 1.25


@with_data
@pytest.mark.slow
@pytest.mark.parametrize("sign", [-1, 1])
def test_longs_pay_for_falls_and_shorts_for_rises(coin: Coin, model: Floats, sign: int) -> None:
    """The share of longs on all days that moved by more than 3 %; bitcoin fell so far on none of them."""
    large = coin.judged[sign * coin.returns[coin.judged] > 0.03]
    if len(large) == 0:
        pytest.skip("there was no such day")
    ours, theirs = (np.exp(each[large]).sum(axis=0) for each in (model, coin.observed))
    assert abs(ours[0] / ours.sum() - theirs[0] / theirs.sum()) <= 0.10


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
def test_low_leverage_does_not_pile_up_shorts_through_the_rally(
    coin: Coin, liquidations: pd.DataFrame
) -> None:
    mine = liquidations[liquidations.asset == coin.name]
    low = mine[(mine.layer == f"{coin.name.lower()}-low") & (mine.side == "short")]
    assert low.liquidated_usd.sum() <= 0.02 * mine.liquidated_usd.sum()

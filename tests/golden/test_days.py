"""The calm control and the July day, on a replicate each; the documentation has all sixteen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cascade.experiment.run import run
from cascade.output.reader import Result

SCENARIOS = Path(__file__).parents[2] / "scenarios"
PERPETUAL = "offshore:BTCUSDT"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run(
        SCENARIOS / "calm.yaml", ["outputs.bars=1s"], replicates=1, out=tmp_path_factory.mktemp("calm")
    )


@pytest.fixture(scope="module")
def july(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run(
        SCENARIOS / "btc-2025-07-01.yaml",
        replicates=1,
        counterfactual=True,
        out=tmp_path_factory.mktemp("july"),
    )


@pytest.fixture(scope="module")
def july_seconds(tmp_path_factory: pytest.TempPathFactory) -> Result:
    changes = ["outputs.bars=1s", "population=[]", "published=[]"]
    out = tmp_path_factory.mktemp("seconds")
    return run(SCENARIOS / "btc-2025-07-01.yaml", changes, replicates=1, out=out)


@pytest.fixture(scope="module")
def july_hour(tmp_path_factory: pytest.TempPathFactory) -> Result:
    changes = ["duration=1h", "outputs.trades=true", "published=[]"]
    out = tmp_path_factory.mktemp("hour")
    return run(SCENARIOS / "btc-2025-07-01.yaml", changes, replicates=1, out=out)


def bars_of(result: Result, replicate: int) -> pd.DataFrame:
    bars = result.replicate("bars", replicate).to_pandas()
    return bars[bars.market == PERPETUAL].sort_values("step")


def returns(bars: pd.DataFrame, seconds: int) -> np.ndarray:
    mid = (bars.best_bid_price + bars.best_ask_price) / 2
    return np.diff(np.log(mid.ffill().to_numpy()[::seconds]))


@pytest.mark.parametrize("replicate", [0])
@pytest.mark.parametrize("day", ["calm", "july_seconds"])
def test_prices_of_both_days_are_a_market_s(day: str, replicate: int, request: pytest.FixtureRequest) -> None:
    """White from a minute on, with heavy tails and volatility that clusters; single days, so wide bounds."""
    bars = bars_of(request.getfixturevalue(day), replicate)
    minute = returns(bars, 60)
    assert abs(np.corrcoef(minute[1:], minute[:-1])[0, 1]) < 0.1
    assert 0.75 < returns(bars, 600).var() / minute.var() / 10 < 1.3
    assert ((minute - minute.mean()) ** 4).mean() / minute.var() ** 2 - 3 > 1
    sizes = np.abs(minute)
    assert np.corrcoef(sizes[1:], sizes[:-1])[0, 1] > 0.1
    volume = bars.volume_usd.to_numpy()
    volumes = np.log(volume[: len(volume) // 300 * 300].reshape(-1, 300).sum(axis=1))
    moves = np.abs(returns(bars, 300))[: len(volumes)]
    assert np.corrcoef(volumes[: len(moves)], moves)[0, 1] > 0.25


@pytest.mark.parametrize("replicate", [0])
@pytest.mark.parametrize(("within", "measured", "drift"), [(10, 2.5 * 9e6, 2.0), (100, 2.5 * 240e6, 2.0)])
def test_calm_book_keeps_its_depth(
    calm: Result, replicate: int, within: int, measured: float, drift: float
) -> None:
    """Six hours to the next: makers quote less while markets are busy, and by how much is a matter of the day."""
    bars = bars_of(calm, replicate)
    depth = (bars[f"bid_depth_{within}bps_usd"] + bars[f"ask_depth_{within}bps_usd"]).to_numpy() / 2
    means = [depth[quarter].mean() for quarter in np.array_split(np.arange(len(bars)), 4)]
    assert max(means) / min(means) < drift
    assert np.mean(means) == pytest.approx(measured, rel=0.3)


@pytest.mark.parametrize("market", [PERPETUAL, "offshore:ETHUSDT"])
def test_accounts_on_margin_are_not_the_market(july_hour: Result, market: str) -> None:
    """A third of a perpetual's volume at most: their holds say how much they trade, the crowd how much is traded."""
    trades = july_hour.tables["trades"].to_pandas()
    trades = trades[trades.market == market]
    mine = trades[trades.purpose.isin(["opening", "closing"])]
    assert 0.05 < mine.size_usd.sum() / trades.size_usd.sum() < 1 / 3
    assert 20e9 < trades.size_usd.sum() * 24 < 80e9


@pytest.mark.parametrize("replicate", [0])
def test_july_liquidates_what_was_published(july: Result, calm: Result, replicate: int) -> None:
    """Wider than the bands of the documentation, which are for the median of sixteen."""
    metrics = july.metrics(replicate)
    assert 50e6 < metrics["public_btc_usd"] < 170e6
    assert 100e6 < metrics["complete_btc_usd"] < 350e6
    assert 0.6 < metrics["long_share"] < 0.96
    assert 25_000 < metrics["liquidated_accounts"] < 80_000
    assert 2e6 < metrics["largest_liquidation_usd"] < 13e6
    assert 0.99 < metrics["offshore_btcusdt_amplification"] < 1.15
    assert metrics["offshore_btcusdt_peak_price"] == pytest.approx(107_500, rel=0.005)
    assert metrics["offshore_btcusdt_trough_price"] == pytest.approx(105_010, rel=0.004)
    assert calm.metrics(replicate)["complete_usd"] < metrics["complete_usd"]

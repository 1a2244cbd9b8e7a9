"""The calm control and the July day, on few replicates; the documentation has all sixteen."""

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
        SCENARIOS / "calm.yaml", ["outputs.bars=1s"], replicates=2, out=tmp_path_factory.mktemp("calm")
    )


@pytest.fixture(scope="module")
def july(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return run(
        SCENARIOS / "btc-2025-07-01.yaml",
        replicates=2,
        counterfactual=True,
        out=tmp_path_factory.mktemp("july"),
    )


def bars_of(result: Result, replicate: int) -> pd.DataFrame:
    bars = result.replicate("bars", replicate).to_pandas()
    return bars[bars.market == PERPETUAL].sort_values("step")


@pytest.mark.parametrize("replicate", [0, 1])
def test_calm_mid_stays_with_the_news_value(calm: Result, replicate: int) -> None:
    bars = bars_of(calm, replicate)
    mid = (bars.best_bid_price + bars.best_ask_price) / 2
    gap = (mid / bars.news_value_price - 1) * 1e4
    assert abs(gap.mean()) < 0.7
    assert gap.std() < 2.5
    for every in (1, 10, 60, 300):
        ours, news = (np.diff(np.log(x.to_numpy()[::every])).std() for x in (mid, bars.news_value_price))
        assert ours / news == pytest.approx(1.0, abs=0.2), every


@pytest.mark.parametrize("replicate", [0, 1])
@pytest.mark.parametrize(("within", "measured", "drift"), [(10, 2.5 * 9e6, 1.05), (100, 2.5 * 240e6, 1.15)])
def test_calm_book_keeps_its_depth(
    calm: Result, replicate: int, within: int, measured: float, drift: float
) -> None:
    """Six hours to the next: at 100 bps the outer levels pass in and out as makers shade their quotes."""
    bars = bars_of(calm, replicate)
    depth = (bars[f"bid_depth_{within}bps_usd"] + bars[f"ask_depth_{within}bps_usd"]).to_numpy() / 2
    means = [depth[quarter].mean() for quarter in np.array_split(np.arange(len(bars)), 4)]
    assert max(means) / min(means) < drift
    assert np.mean(means) == pytest.approx(measured, rel=0.3)


@pytest.mark.parametrize("replicate", [0, 1])
def test_july_liquidates_what_was_published(july: Result, calm: Result, replicate: int) -> None:
    """Wider than the bands of the documentation, which are for the median of sixteen."""
    metrics = july.metrics(replicate)
    assert 50e6 < metrics["public_btc_usd"] < 170e6
    assert 100e6 < metrics["complete_btc_usd"] < 350e6
    assert 0.55 < metrics["long_share"] < 0.85
    assert 25_000 < metrics["liquidated_accounts"] < 80_000
    assert 2e6 < metrics["largest_liquidation_usd"] < 13e6
    assert 0.99 < metrics["offshore_btcusdt_amplification"] < 1.15
    assert metrics["offshore_btcusdt_peak_price"] == pytest.approx(107_500, rel=0.002)
    assert metrics["offshore_btcusdt_trough_price"] == pytest.approx(105_010, rel=0.002)
    assert calm.metrics(replicate)["complete_usd"] < metrics["complete_usd"] / 2

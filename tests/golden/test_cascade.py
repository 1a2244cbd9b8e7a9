"""The stylised chain reaction does what its description says, in every replicate."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from cascade.experiment.run import run
from cascade.output.reader import Result

SCENARIO = Path(__file__).parents[2] / "scenarios" / "btc-107k-105k-cascade.yaml"
PERPETUAL = "offshore:BTCUSDT"
SHOCK_S, WINDOW_S = 300, 1_800
N, USUAL = 16, 1
"""Replicates, and how many of them are looked at without `--slow`."""

REPLICATES = [pytest.param(k, marks=() if k < USUAL else pytest.mark.slow) for k in range(N)]


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Result]:
    """Return what runs a replicate, once."""
    folder = tmp_path_factory.mktemp("cascade")

    @cache
    def play(replicate: int) -> Result:
        return run(SCENARIO, replicate=replicate, counterfactual=True, out=folder / str(replicate))

    return play


@pytest.mark.parametrize("replicate", REPLICATES)
def test_liquidations_carry_the_price_from_107k_to_105k_and_it_recovers_in_part(
    play: Callable[[int], Result], replicate: int
) -> None:
    result = play(replicate)
    bars = result.replicate("bars", replicate).to_pandas()
    bars = bars[bars.market == PERPETUAL].sort_values("step")
    window = bars[(bars.t_s >= SHOCK_S) & (bars.t_s <= SHOCK_S + WINDOW_S)]
    at = window.low_price.idxmin()
    low, when = window.low_price[at], window.t_s[at]
    assert 104_500 <= low <= 105_500
    after = bars[(bars.t_s > when) & (bars.t_s <= when + WINDOW_S)]
    assert 0.1 < (after.last_price.max() - low) / (107_000 - low) < 1.0
    metrics = result.metrics(replicate)
    slug = "offshore_btcusdt"
    assert metrics[f"{slug}_added_fall_bps"] / metrics[f"{slug}_fall_bps"] > 0.5
    assert 107_000 * np.exp(-metrics[f"{slug}_outside_fall_bps"] * 1e-4) > 106_000


@pytest.mark.parametrize("replicate", REPLICATES)
def test_most_of_the_liquidated_would_not_have_been_without_the_cascade(
    play: Callable[[int], Result], replicate: int
) -> None:
    metrics = play(replicate).metrics(replicate)
    assert metrics["endogenous_usd"] + metrics["brought_forward_usd"] > metrics["exogenous_usd"]

"""The draws beside `ordinary-days.yaml` are those of the fit that its page tells, and the scenario takes them."""

from __future__ import annotations

import numpy as np
import pytest

from cascade.scenario.document import shipped_scenarios
from cascade.scenario.draws import draws_beside, read_draws, with_draw
from cascade.scenario.load import load
from tests.support.ordinary_draws import ALTS, COINS, draws


@pytest.fixture(scope="module")
def shipped():
    return read_draws(draws_beside(shipped_scenarios()["ordinary-days"]))


def test_the_file_is_what_the_fit_gives(shipped):
    made = draws()
    assert shipped.paths == made.paths
    assert np.allclose(shipped.values, made.values, rtol=1e-12)


def test_levels_and_shares_of_longs_are_wide_as_days_differ(shipped):
    columns = dict(zip(shipped.paths, shipped.values.T, strict=True))
    for coin in (*COINS, *ALTS):
        scale, longs = (columns[f"population.{coin.layer}.{each}"] for each in ("scale", "long_share"))
        assert np.median(scale) == pytest.approx(1.0, abs=0.05)
        assert np.log(scale).std() == pytest.approx(np.hypot(coin.days, 0.06), rel=0.12)
        assert np.median(longs) == pytest.approx(coin.longs[1], abs=0.02)
        assert longs.min() > 0
        assert longs.max() < 1


def test_coins_that_came_later_move_no_draw_of_the_others(shipped):
    """The first of bitcoin, ether and SOL, as they were before there were others."""
    first = shipped.of_replicate(0)
    assert first["population.btc-high.scale"] == pytest.approx(0.7749849012724404, rel=1e-12)
    assert first["population.sol-low.openings"] == pytest.approx(1.0913509149875387, rel=1e-12)


def test_a_replicate_of_the_scenario_takes_its_draw(shipped):
    scenario = load(shipped_scenarios()["ordinary-days"]).replace(
        parameters=str(draws_beside(shipped_scenarios()["ordinary-days"]))
    )
    third = with_draw(scenario, 3)
    layers = {each.name: each for each in third.population}
    for path, value in shipped.of_replicate(3).items():
        _, layer, field = path.split(".")
        assert getattr(layers[layer], field) == value

"""The draws beside `ordinary-days.yaml` are those of the fit that its page tells, and the scenario takes them."""

from __future__ import annotations

import numpy as np
import pytest

from cascade.scenario.document import shipped_scenarios
from cascade.scenario.draws import draws_beside, read_draws, with_draw
from cascade.scenario.load import load
from tests.support.ordinary_draws import ALTS, COINS, _columns, draws


@pytest.fixture(scope="module")
def shipped():
    return read_draws(draws_beside(shipped_scenarios()["ordinary-days"]))


def test_the_file_is_what_the_fit_gives(shipped):
    made = draws()
    assert shipped.paths == made.paths
    assert np.allclose(shipped.values, made.values, rtol=1e-12)


@pytest.mark.parametrize("n", [20, 500])
def test_longs_and_shorts_are_as_wide_as_days_differ(shipped, n):
    """The first twenty, which a scorecard takes, are like all: neither side is wider or narrower by luck."""
    columns = dict(zip(shipped.paths, shipped.values[:n].T, strict=True))
    for coin in (*COINS, *ALTS):
        scale, longs = (columns[f"population.{coin.layer}.{each}"] for each in ("scale", "long_share"))
        sides = np.log(scale * [longs, 1 - longs])
        assert np.median(sides, axis=1) == pytest.approx(np.log([coin.longs[1], 1 - coin.longs[1]]), abs=0.15)
        assert sides.std(axis=1) == pytest.approx(np.sqrt(np.diag(coin.errors)), rel=0.2 if n == 20 else 0.03)
        assert longs.min() > 0
        assert longs.max() < 1


def test_errors_of_days_and_of_other_months_add_up():
    bitcoin, xrp = COINS[0], ALTS[0]
    assert np.sqrt(np.diag(bitcoin.errors)) == pytest.approx([0.40, 0.53], abs=0.015)
    assert np.sqrt(np.diag(xrp.errors)) == pytest.approx(np.hypot(xrp.sides, 0.10), abs=0.02)


def test_coins_that_come_later_move_no_draw_of_the_others(shipped):
    first = shipped.of_replicate(0)
    for number, coin in enumerate(COINS):
        alone = dict(_columns(coin, number))
        assert {path: each[0] for path, each in alone.items()} == pytest.approx(
            {path: first[path] for path in alone}, rel=1e-12
        )


def test_a_replicate_of_the_scenario_takes_its_draw(shipped):
    scenario = load(shipped_scenarios()["ordinary-days"]).replace(
        parameters=str(draws_beside(shipped_scenarios()["ordinary-days"]))
    )
    third = with_draw(scenario, 3)
    layers = {each.name: each for each in third.population}
    for path, value in shipped.of_replicate(3).items():
        _, layer, field = path.split(".")
        assert getattr(layers[layer], field) == value

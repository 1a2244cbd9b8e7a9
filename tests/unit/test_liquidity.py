"""What a scenario says of its markets' depth and volume, and when impact does not fit it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cascade.assembly import assemble
from cascade.errors import Problem
from cascade.scenario.checks import check
from cascade.scenario.liquidity import DAY_S, daily_flow, depth_within, learning_of, mean_activity
from cascade.scenario.load import tree_of
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_formation import Activity
from tests.support.scenarios import small_data

VOLUME = {"daily_volume": "3.6B", "daily_volatility": "4 %"}  # of a book of 77M within 1 %, 47 times that


def misfits(**changes: Any) -> list[Problem]:
    """Return what CAS156 says of a scenario."""
    scenario = Scenario.model_validate(small_data(**changes))
    return [found for found in check(scenario, tree_of(scenario)) if found.code == "CAS156"]


def with_impact(**impact: Any) -> dict[str, Any]:
    return {"BTC": {"news": {"type": "constant", "price": 107000}, "impact": VOLUME | impact}}


def test_depth_is_that_of_all_makers_of_a_market() -> None:
    data = small_data()
    data["makers"].append({"type": "touch", "name": "touch", "markets": "venue:*", "count": 2, "size": "1M"})
    scenario = Scenario.model_validate(data)
    assert depth_within(scenario, "spot:BTCUSD", 10) == pytest.approx(1.8e6)
    assert depth_within(scenario, "venue:BTCUSDT", 10) == pytest.approx(3.8e6)


def test_volume_that_fits_depth_and_flow_is_not_warned_of() -> None:
    flow = [{"name": "flow", "markets": "*", "market_orders": {"size": {"dist": "constant", "value": 5000}}}]
    assert misfits(assets=with_impact(), flow=flow) == []


@pytest.mark.parametrize(("volume", "warns"), [("55B", True), ("20B", False), ("1B", False), ("100M", True)])
def test_volume_is_held_against_depth(volume: str, warns: bool) -> None:
    found = misfits(assets=with_impact(daily_volume=volume), flow=[])
    assert bool(found) is warns
    assert all("write daily_volume: 4.32B" in each.hint for each in found)


def test_volume_that_fits_depth_is_held_against_flow() -> None:
    flow = [{"name": "flow", "markets": "*", "market_orders": {"size": {"dist": "constant", "value": 50}}}]
    scenario = Scenario.model_validate(small_data(flow=flow))
    assert sum(daily_flow(scenario, name) for name in scenario.markets) == 2 * 5 * 50 * DAY_S
    (found,) = misfits(assets=with_impact(), flow=flow)
    assert "write daily_volume: 43.2M" in found.hint
    assert "by 83" in found.hint


@pytest.mark.parametrize(
    ("learnt", "warns"), [(0.2, False), (2.0, False), (0, False), (3, True), (0.01, True)]
)
def test_learning_is_held_against_depth(learnt: float, warns: bool) -> None:
    depth = {"profile": [[10, 9e6], [100, 200e6]], "scale": 0.2}
    makers = [
        {"name": "makers", "markets": "*", "depth": depth, "learning": {"impact_bps_per_million": learnt}}
    ]
    found = misfits(makers=makers)
    assert bool(found) is warns
    assert all("write impact_bps_per_million: 0.25" in each.hint for each in found)


@pytest.mark.parametrize(("share", "scale"), [(1.0, 0.075), (1.0, 2.5), (0.1, 1.0), (0.02, 0.3)])
def test_learning_follows_depth_unless_given(share: float, scale: float) -> None:
    depth = {"profile": [[10, share * 9e6], [100, share * 240e6], [200, share * 400e6]], "scale": scale}
    group = {"name": "makers", "markets": "*", "depth": depth}
    assert misfits(makers=[group]) == []
    followed, given = (
        assemble(Scenario.model_validate(small_data(makers=[group | {"learning": learning}], population=[])))
        for learning in ({}, {"impact_bps_per_million": 0.2})
    )
    was, now = (list(each.params.markets.impact) for each in (given, followed))
    assert now == (was if share == 1.0 else pytest.approx([each / share for each in was]))


def test_makers_of_one_market_learn_by_the_depth_of_all() -> None:
    half = {"profile": [[10, 4.5e6], [100, 120e6]]}
    groups = [{"name": name, "markets": "*", "depth": half} for name in ("one", "other")]
    scenario = Scenario.model_validate(small_data(makers=groups))
    learnt = [
        learning_of(scenario, group, "spot:BTCUSD") for group in scenario.makers if group.type == "ladder"
    ]
    assert learnt == [0.2, 0.2]


def test_the_mean_of_activity_is_that_of_its_draws() -> None:
    rule = Activity(spread=0.5, waves=((0.4, 15.0),))
    normal = np.random.default_rng(1).normal(size=400_000)
    hours = np.random.default_rng(2).uniform(0, 24, 400_000)
    wave = 0.4 * np.cos(2 * np.pi * (hours - 15) / 24)
    drawn = np.exp(0.5 * normal + wave - 0.25 - 0.08)
    assert mean_activity(rule, 2.0) == pytest.approx(1.0, abs=0.01)
    expected = float((drawn**0.85 * np.exp(0.3 * wave)).mean())
    assert mean_activity(rule, 0.85, 0.3) == pytest.approx(expected, rel=0.01)

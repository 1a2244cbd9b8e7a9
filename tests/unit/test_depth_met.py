"""Cumulated depth meets the profile at its own points, whatever the levels and their jitter."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from cascade.assembly import assemble
from cascade.engine import Engine
from cascade.model import Logs
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_makers import LEVELS_BPS, LadderMaker
from tests.support.scenarios import DEPTH, small_data

POINTS, USD = np.array(DEPTH).T
PRICE = 107_000.04
LADDERS = (
    LEVELS_BPS,
    (0.05, 0.5, 2, 6, 20, 80),
    (0.03, 0.09, 0.3, 0.8, 1, 3, 9, 10, 30, 100, 120, 150, 250),
    (0.02, 8, 30),
)
"""Levels finer than the profile, one between any two points, some that stand on points, and too few."""


def group(levels: tuple[float, ...], **changes: object) -> dict[str, object]:
    """Return three makers who see no error and quote these levels."""
    depth = {"profile": DEPTH, "met": "points"}
    return {
        "name": "makers", "markets": "*", "count": 3, "depth": depth, "levels_bps": levels,
        "level_jitter": [1, 1], "fair_noise_bps": 0,
    } | changes  # fmt: skip


def cumulated(maker: dict[str, object], within_bps: np.ndarray) -> np.ndarray:
    """Return what rests on each side of a still market within distances of its value: sides by distances, USD."""
    data = small_data(news_takers=[], flow=[], arbitrage=[], population=[], makers=[maker])
    data["assets"] = {"BTC": {"news": {"type": "constant", "price": PRICE}}}
    engine = Engine(assemble(Scenario.model_validate(data)), Logs())
    engine.advance(2)
    resting = engine.state.orders[engine.state.quotes[engine.state.quotes >= 0]]
    resting = resting[engine.state.positions.market[resting.position] == 1]
    away = np.abs(resting.tick * 0.1 / PRICE - 1) * 1e4
    usd = resting.lots * 0.001 * PRICE
    return np.array(
        [[usd[(side * usd > 0) & (away <= far)].sum() * side for far in within_bps] for side in (1, -1)]
    )


def reached(levels: tuple[float, ...]) -> np.ndarray:
    """Return the points before which a level stands, with none of the others between."""
    return np.array([any(low < far <= high for low, high in pairwise([*levels, np.inf])) for far in POINTS])


@pytest.mark.parametrize("levels", LADDERS[:3], ids=str)
def test_depth_meets_the_profile_at_every_point(levels: tuple[float, ...]) -> None:
    found = cumulated(group(levels), POINTS)
    assert reached(levels).all()
    assert found == pytest.approx(np.array([USD, USD]), rel=0.01)


def test_it_does_so_though_distances_are_multiplied() -> None:
    found = cumulated(group(LEVELS_BPS, level_jitter=[0.8, 1.25]), POINTS)
    assert found == pytest.approx(np.array([USD, USD]), rel=0.01)


def test_at_middles_it_is_off_at_points() -> None:
    found = cumulated(group(LEVELS_BPS, depth={"profile": DEPTH}), POINTS)
    assert (found[:, 3] < 0.85 * 9e6).all()


def test_a_level_too_few_holds_back_what_lies_beyond_the_next_point() -> None:
    found = cumulated(group(LADDERS[3]), POINTS)[0]
    met = np.array([0.15e6, 0.15e6, 0.15e6, 9e6, 100e6, 100e6])  # at 8 bps all from .1 to 10, at 30 to 50
    assert found == pytest.approx(met, rel=0.01)


def test_sizes_are_never_negative() -> None:
    for levels in (*LADDERS, (300.0, 500.0), (0.01,)):
        usd = LadderMaker.model_validate(group(levels)).levels().usd
        assert (usd >= 0).all()
        assert usd.sum() <= USD[-1] * (1 + 1e-12)

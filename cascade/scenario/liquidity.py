"""What a scenario says of how much its markets hold and trade: depth near the price, flow of a day.

The figures of reference are measured: Binance perpetuals of seven coins, April 2024 to July 2025, a day each.
"""

from __future__ import annotations

import math

import numpy as np

from cascade.scenario.schema import Scenario
from cascade.scenario.schema_agents import BackgroundFlow, SplittersFlow
from cascade.scenario.schema_formation import Activity
from cascade.scenario.schema_makers import LadderMaker

NEAR_BPS, FAR_BPS = 10.0, 100.0
"""Distances at which depth is told."""

TURNOVER = 54.0
"""A day's volume over what the book holds within 1 % on a side: the median."""

LEARNT = 0.5
"""Root-law move, as a share of 1 %, of a sale of what the book holds within 1 %: .29 (BTC) to .82 (DOGE)."""

APART = 5.0
"""Days differ by up to this factor from the median, 98 of 100 of them."""

LEARNT_APART = 10.0
"""Learning is linear: set to the root law at a hundredth of that depth, or at a hundred times it, it is off by this."""

REFERENCE_DEPTH, REFERENCE_LEARNING = 240e6, 0.2
"""Bitcoin on Binance: USD within 1 % on a side, and what its makers learn from 1M, in bps."""

DAY_S = 86_400.0

USUAL = math.sqrt(2.0 / math.pi)
"""Mean of a usual move without its sign."""


def depth_within(scenario: Scenario, market: str, distance_bps: float) -> float:
    """Return the USD that makers want to quote in a market within a distance, on one side."""
    return sum(
        group.within(distance_bps)
        for group in scenario.makers
        if len(group.profile().usd) and market in scenario.select_markets(group.markets)
    )


def learning_of(scenario: Scenario, group: LadderMaker, market: str) -> float:
    """Return the bps that makers of a market learn from 1M at depth scale 1: as given, else in inverse to its depth."""
    if group.learning.impact_bps_per_million is not None:
        return group.learning.impact_bps_per_million
    others = sum(
        each.within(FAR_BPS)
        for each in scenario.makers
        if each is not group
        and isinstance(each, LadderMaker)
        and market in scenario.select_markets(each.markets)
    )
    held = float(group.depth.points().at(np.array([FAR_BPS]))[0]) + others / group.depth.scale
    return REFERENCE_LEARNING * (REFERENCE_DEPTH / held) if held > 0.0 else REFERENCE_LEARNING


def daily_flow(scenario: Scenario, market: str) -> float:
    """Return the USD that ordinary flow trades in a market on a mean day; leveraged accounts come on top."""
    total = 0.0
    for group in scenario.flow:
        if market in scenario.select_markets(group.markets):
            busy = (
                _crowd(group, scenario.activity) if isinstance(group, SplittersFlow) else _background(group)
            )
            total += DAY_S * busy
    return total


def _background(group: BackgroundFlow) -> float:
    orders = group.market_orders
    return orders.rate * orders.size.mean() * group.scale


def _crowd(group: SplittersFlow, activity: Activity | None) -> float:
    """Return the USD a second of a crowd: its orders, and its follower's."""
    mean = group.size.mean()
    pieces = _capped_mean(group)
    share = group.split.share
    orders = group.rate * group.scale * (share * pieces + (1.0 - share) * mean)
    orders *= mean_activity(activity, group.activity_exponent, group.daytime_exponent)
    follower = group.tilt.follow_rate * group.tilt.follow_size * USUAL
    return orders + follower * mean_activity(activity, group.activity_exponent)


def _capped_mean(group: SplittersFlow) -> float:
    """Return the mean of sizes that are cut at the largest piece."""
    u = (np.arange(20_000) + 0.5) / 20_000
    most = group.split.largest_piece / group.scale
    return float(np.minimum(group.size.ppf(u), most).mean())


def mean_activity(activity: Activity | None, power: float, daytime: float = 0.0) -> float:
    """Return the mean of a power of activity, times a power of the waves of the day."""
    if activity is None:
        return 1.0
    hours = np.linspace(0.0, 24.0, 1440, endpoint=False)
    waves = np.zeros(len(hours))
    for cycles, (height, peak) in enumerate(activity.waves, start=1):
        waves += height * np.cos(2.0 * math.pi * cycles * (hours - peak) / 24.0)
    offset = activity.spread**2 + sum(height**2 for height, _ in activity.waves) / 2.0
    swings = math.exp((power * activity.spread) ** 2 / 2.0 - power * offset)
    return swings * float(np.exp((power + daytime) * waves).mean())

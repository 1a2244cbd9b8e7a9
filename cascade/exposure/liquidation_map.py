"""The liquidation map: what is to be liquidated at which price, against what the book can take.

Each account that fails counts in full: a venue that reduces tier by tier may sell less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cascade.assembly import Assembled
from cascade.core.state import Array
from cascade.exposure.failing import failing_moves
from cascade.exposure.holdings import Holdings, holdings, price_usd
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_shocks import DepthShock
from cascade.scenario.schema_venues import LendingPool

WIDTH, REACH = 0.0025, 0.20
"""Width of a bucket, and how far the map reaches, as shares of the start price."""


@dataclass(frozen=True, slots=True)
class Side:
    """One direction of the map; arrays run over the buckets, from near to far, except the moves."""

    moves: Array
    """By position held, the move at which it fails; NaN where it does not on this side."""
    usd: Array
    """To be liquidated within each bucket."""
    depth_usd: Array
    """What makers quote up to the far edge of each bucket, at the start."""
    thin_usd: Array
    """The same with every maker withdrawn to its floor, and the deepest depth shock on."""
    beyond_usd: float
    """To be liquidated farther away."""

    @property
    def cumulative_usd(self) -> Array:
        """Return what is to be liquidated up to the far edge of each bucket."""
        return np.cumsum(self.usd)

    def overrun(self, *, thin: bool = False) -> float | None:
        """Return the distance at which more is to be liquidated than the book holds, or None."""
        depth = self.thin_usd if thin else self.depth_usd
        over = np.flatnonzero(self.cumulative_usd > depth)
        return float(WIDTH * (over[0] + 1)) if len(over) else None

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return {
            "usd": self.usd.tolist(),
            "cumulative_usd": self.cumulative_usd.tolist(),
            "depth_usd": self.depth_usd.tolist(),
            "thin_depth_usd": self.thin_usd.tolist(),
            "beyond_usd": self.beyond_usd,
            "exceeds_depth_at": self.overrun(),
            "exceeds_thin_depth_at": self.overrun(thin=True),
        }


@dataclass(frozen=True, slots=True)
class LiquidationMap:
    """The map of one market."""

    market: str
    price: float
    held: Holdings
    below: Side
    above: Side

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        edges = (WIDTH * np.arange(1, len(self.below.usd) + 1)).round(6).tolist()
        sides = {"below": self.below.as_dict(), "above": self.above.as_dict()}
        return {"market": self.market, "price": self.price, "distance": edges, **sides}


def liquidation_maps(scenario: Scenario, drawn: Assembled) -> tuple[LiquidationMap, ...]:
    """Return the map of each market that has leveraged accounts; a pool's is set against the book it sells in."""
    moves = failing_moves(drawn)
    found: list[LiquidationMap] = []
    for m, (name, market) in enumerate(scenario.markets.items()):
        held = holdings(drawn, m)
        if len(held.account):
            depths = quoted_depth(scenario, market.spot if isinstance(market, LendingPool) else name)
            below, above = (_side(side[held.account], held.usd, *depths) for side in moves)
            found.append(LiquidationMap(name, price_usd(drawn, m), held, below, above))
    return tuple(found)


def _side(moves: Array, usd: Array, depth: Array, thin: Array) -> Side:
    beyond = usd[np.floor(moves / WIDTH) >= len(depth)]
    return Side(moves, by_distance(moves, usd), depth, thin, float(beyond.sum()))


def by_distance(moves: Array, usd: Array) -> Array:
    """Return how much of what fails at some moves does so within each bucket of the map."""
    n = round(REACH / WIDTH)
    place = np.floor(moves / WIDTH)
    near = place < n  # never, where it is NaN
    return np.bincount(place[near].astype(np.int64), usd[near], minlength=n)


def quoted_depth(scenario: Scenario, market: str) -> tuple[Array, Array]:
    """Return USD quoted on one side up to each bucket's far edge: at the start, and at its thinnest."""
    edges = np.asarray(WIDTH * np.arange(1, round(REACH / WIDTH) + 1) * 1e4, np.float64)  # in bps
    depth, thin = np.zeros(len(edges)), np.zeros(len(edges))
    for group in scenario.makers:
        if market in scenario.select_markets(group.markets):
            own = group.profile().at(edges)
            depth += own
            thin += own * group.remains()
    shocks = (s for s in scenario.shocks if isinstance(s, DepthShock))
    factors = [s.factor for s in shocks if market in scenario.select_markets(s.markets)]
    return depth, thin * min([1.0, *factors])


__all__ = ["REACH", "WIDTH", "LiquidationMap", "Side", "by_distance", "liquidation_maps", "quoted_depth"]

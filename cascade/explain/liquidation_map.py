"""The liquidation map: what is to be liquidated at which price, against what the book can take.

An account with one position fails at its liquidation price. One that margins several positions
together is followed while all prices move by the same share. Each counts in full: a venue that
reduces tier by tier may sell less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cascade.assembly import MONEY, Assembled
from cascade.assembly.channels import maintenance
from cascade.assembly.groups import depth_points
from cascade.core.exact import INVERSE
from cascade.core.params import SPOT
from cascade.core.state import Array
from cascade.explain.population import notional_usd, open_positions
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_shocks import DepthShock
from cascade.scenario.schema_venues import LendingPool

WIDTH, REACH = 0.0025, 0.20
"""Width of a bucket, and how far the map reaches, as shares of the start price."""

_HALVINGS = 40


@dataclass(frozen=True, slots=True)
class Side:
    """One direction of the map; arrays run over the buckets, from near to far."""

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
    for m, name in enumerate(scenario.markets):
        numbers = open_positions(drawn, m) if drawn.params.markets[m].kind != SPOT else np.zeros(0)
        if not len(numbers):
            continue
        sizes, accounts = notional_usd(drawn, numbers), drawn.state.positions.account[numbers]
        market = scenario.markets[name]
        depth, thin = quoted_depth(scenario, market.spot if isinstance(market, LendingPool) else name)
        sides = [_side(side[accounts], sizes, depth, thin) for side in moves]
        price = float(drawn.state.markets.mark[m]) * float(drawn.params.markets.tick_size[m])
        found.append(LiquidationMap(name, price, *sides))
    return tuple(found)


def _side(moves: Array, sizes: Array, depth: Array, thin: Array) -> Side:
    n = len(depth)
    bucket = np.minimum(np.floor(np.nan_to_num(moves, nan=np.inf, posinf=1e9) / WIDTH), n + 1).astype(
        np.int64
    )
    bucket[np.isnan(moves)] = n + 1  # never, within any move
    usd = np.bincount(bucket, sizes, minlength=n + 2)
    far = ~np.isnan(moves) & (bucket >= n)
    return Side(usd[:n], depth, thin, float(sizes[far].sum()))


def quoted_depth(scenario: Scenario, market: str) -> tuple[Array, Array]:
    """Return USD quoted on one side up to each bucket's far edge: at the start, and at its thinnest."""
    edges = WIDTH * np.arange(1, round(REACH / WIDTH) + 1) * 1e4
    depth, thin = np.zeros(len(edges)), np.zeros(len(edges))
    for group in scenario.makers:
        if market in scenario.select_markets(group.markets):
            distances, cumulative = depth_points(group.depth)
            own = group.depth.scale * np.interp(edges, [0.0, *distances], [0.0, *cumulative])
            depth += own
            thin += own * (1.0 if group.withdrawal is None else group.withdrawal.floor)
    shocks = (s for s in scenario.shocks if isinstance(s, DepthShock))
    factors = [s.factor for s in shocks if market in scenario.select_markets(s.markets)]
    return depth, thin * min([1.0, *factors])


# --- where margins fail --------------------------------------------------------------------------------


def failing_moves(drawn: Assembled) -> tuple[Array, Array]:
    """Return by account the fall, and the rise, at which its margin fails, as shares; NaN where none does."""
    state, p = drawn.state, drawn.params
    down, up = np.full(len(state.accounts), np.nan), np.full(len(state.accounts), np.nan)
    for m in range(len(p.markets)):
        if p.markets[m].kind != SPOT:
            numbers = open_positions(drawn, m)
            accounts = state.positions.account[numbers]
            alone = state.accounts.n_positions[accounts] == 1
            numbers, accounts = numbers[alone], accounts[alone]
            move = _single(drawn, m, numbers) / float(state.markets.mark[m]) - 1.0
            long = state.positions.lots[numbers] > 0
            down[accounts[long]] = np.maximum(-move[long], 0.0)
            up[accounts[~long]] = np.maximum(move[~long], 0.0)
    first = int(p.run[0].first_trader)
    several = first + np.flatnonzero(state.accounts.n_positions[first:] > 1)
    if len(several):
        down[several], up[several] = _together(drawn, several, -1.0), _together(drawn, several, 3.0)
    return down, up


def _single(drawn: Assembled, m: int, numbers: Array) -> Array:
    """Return liquidation prices, in ticks, of positions margined alone; NaN where none is above zero."""
    p, positions = drawn.params, drawn.state.positions[numbers]
    market = p.markets[m]
    lots = positions.lots.astype(np.float64)
    balance = drawn.state.balances[positions.account, market.settlement].astype(np.float64)
    value, open_ = np.full(len(lots), np.nan), np.ones(len(lots), np.bool_)
    for tier in p.tiers[market.first_tier : market.first_tier + market.n_tiers]:
        slope = -np.sign(lots) if market.contract == INVERSE else np.sign(lots)
        guess = -(balance + tier.deduction) / (lots * (1.0 - slope * tier.rate * 1e-8))
        value = np.where(open_, guess, value)
        open_ &= np.abs(lots * value) > tier.cap
    with np.errstate(divide="ignore"):
        ticks = -float(market.unit) / value if market.contract == INVERSE else value / float(market.unit)
    return np.where(ticks > 0.0, ticks, np.nan)


def _together(drawn: Assembled, accounts: Array, farthest: float) -> Array:
    """Return the move of all prices at which cross-margined accounts fail; NaN where none does."""
    near, far = np.zeros(len(accounts)), np.full(len(accounts), farthest)
    fails = (_excess(drawn, accounts, far) <= 0.0) & _is_open(drawn, accounts)
    for _ in range(_HALVINGS):
        middle = 0.5 * (near + far)
        safe = _excess(drawn, accounts, middle) > 0.0
        near, far = np.where(safe, middle, near), np.where(safe, far, middle)
    return np.where(fails, np.abs(far), np.nan)


def _rows(drawn: Assembled, accounts: Array) -> tuple[Array, Array]:
    """Return the positions of accounts, and where each account's begin among them."""
    counts = drawn.state.accounts.n_positions[accounts].astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    own = np.arange(int(counts.sum())) - np.repeat(starts, counts)
    return np.repeat(drawn.state.accounts.first_position[accounts].astype(np.int64), counts) + own, starts


def _is_open(drawn: Assembled, accounts: Array) -> Array:
    rows, starts = _rows(drawn, accounts)
    return np.add.reduceat((drawn.state.positions.lots[rows] != 0).astype(np.int64), starts) > 0


def _excess(drawn: Assembled, accounts: Array, move: Array) -> Array:
    """Return equity less maintenance margin of accounts, all prices moved by a share."""
    p, state = drawn.params, drawn.state
    rows, starts = _rows(drawn, accounts)
    positions = state.positions[rows]
    counts = state.accounts.n_positions[accounts]
    mark = state.markets.mark[positions.market] * (1.0 + np.repeat(move, counts))
    unit = p.markets.unit[positions.market].astype(np.float64)
    inverse = p.markets.contract[positions.market] == INVERSE
    value = positions.lots * np.where(inverse, -unit / np.maximum(mark, 1.0), mark * unit)
    is_spot = p.markets.kind[positions.market] == SPOT  # collateral: it keeps its price, and counts in part
    at = (
        np.repeat(state.accounts.venue[accounts].astype(np.int64), counts) * len(p.markets) + positions.market
    )
    held = np.where(p.collateral.price[at] == 0, state.markets.mark[positions.market], state.collateral[at])
    value = np.where(is_spot, positions.lots * held * unit * p.collateral.kept[at] * 1e-8, value)
    kept = value - maintenance(p, positions.market, np.abs(value))
    return state.balances[accounts, state.accounts.settlement[accounts]] + np.add.reduceat(kept, starts)


__all__ = [
    "MONEY",
    "REACH",
    "WIDTH",
    "LiquidationMap",
    "Side",
    "failing_moves",
    "liquidation_maps",
    "quoted_depth",
]

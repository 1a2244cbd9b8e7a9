"""The integer grid of a question, a market of one contract on it, and the search for a price."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from math import gcd, lcm
from typing import Any, NamedTuple

from cascade.calculator import kernels
from cascade.calculator.whole import RATES, unit_for, whole
from cascade.compiler.tables import blank
from cascade.core.exact import INVERSE, LINEAR
from cascade.core.params import MARKET_P, TIER, Params
from cascade.core.start import empty
from cascade.errors import UsageError

_LARGEST = 1 << 62
_PASSES = 3
_STEPS = 8
"""Tiers that the exact price of a hedge may lie from where it is looked for."""

_NEAR = Fraction(1, 100)
"""How far the grid of a hedge may be off."""

_FAR = 1000
"""How far beyond the prices of a hedge its second liquidation price is looked for."""

_MOST_LOTS = 10**9

_TICKS = 1000
"""How many ticks a price of an inverse contract is, where only the value there is asked for."""

_NOTHING = 1000
"""The lowest tick that counts as a price. Below it rounding decides, at 1e-14 of the position."""


class Grid(NamedTuple):
    """What a tick, a lot and a unit of money are."""

    tick: Fraction
    lot: Fraction
    money: Fraction

    @property
    def unit(self) -> Fraction:
        """Return the money units that one lot is worth at one tick."""
        return self.tick * self.lot / self.money


class Tier(NamedTuple):
    """A margin tier: rate in 1e-8, and the `rest` of the rate that this leaves over."""

    cap: Fraction
    rate: int
    rest: Fraction
    amount: Fraction
    max_leverage: float


class Leg(NamedTuple):
    """A linear position: sign, size and entry."""

    sign: int
    size: Fraction
    entry: Fraction


def margin_params(
    tiers: Sequence[Tier], grid: Grid, reach: Fraction, *, inverse: bool = False
) -> Params:  # fmt: skip
    """Return parameters of one market with these tiers.

    Tiers that begin beyond `reach` are left out: their figures may exceed 63 bits of a fine grid.
    """
    market = empty(MARKET_P, 1)
    market.contract = INVERSE if inverse else LINEAR
    market.unit = whole(grid.lot / grid.tick / grid.money if inverse else grid.unit, Fraction(1))
    kept = [tier for k, tier in enumerate(tiers) if k == 0 or tiers[k - 1].cap <= reach]
    rows: Any = empty(TIER, len(kept))
    for row, tier in zip(rows, kept, strict=False):
        row.cap = min(whole(tier.cap, grid.money), _LARGEST)
        row.rate, row.deduction = tier.rate, whole(tier.amount, grid.money)
        row.max_leverage = tier.max_leverage
    market.n_tiers, market.step_tiers = len(kept), int(is_stepped(kept))
    return blank(Params)._replace(markets=market, tiers=rows)


def is_stepped(tiers: Sequence[Tier]) -> bool:
    """Tell whether the maintenance margin jumps at an edge of a tier, as under BitMEX's risk limits."""
    return any(_charged(below, below.cap) != _charged(tier, below.cap) for below, tier in pairwise(tiers))


def _charged(tier: Tier, notional: Fraction) -> Fraction:
    return notional * (Fraction(tier.rate, RATES) + tier.rest) - tier.amount


def search(
    legs: Sequence[Leg], tiers: Sequence[Tier], free: Fraction, marks: Sequence[Fraction]
) -> Fraction | None:  # fmt: skip
    """Return the price at which legs of one contract with `free` money beside them fail, or None.

    What a rate leaves beyond 1e-8 is charged on the notional where the price was found, and the
    price is looked for again: each pass gains eight digits.
    """
    if len(legs) > 1:
        found = _search(legs, tiers, free, marks)
        return None if found is None else _exact(legs, tiers, free, found)
    charged, found = Fraction(0), None
    for _ in range(_PASSES):
        found = _search(legs, tiers, free - charged, marks)
        if found is None:
            return None
        again = sum((_rest(leg.size * found, tiers) for leg in legs), Fraction(0))
        if again == charged:
            return found
        charged = again
    return found


def _exact(legs: Sequence[Leg], tiers: Sequence[Tier], free: Fraction, near: Fraction) -> Fraction:
    """Return the price near one at which legs fail: equity less margins is a line between two tiers of each.

    One grid for legs of very different sizes is too coarse to say it.
    """
    at = near
    for _ in range(_STEPS):
        excess, slope = free, Fraction(0)
        for leg in legs:
            rate, amount = _charge(leg.size * at, tiers)
            slope += leg.size * (leg.sign - rate)
            excess += leg.sign * leg.size * (at - leg.entry) - leg.size * at * rate + amount
        if slope == 0 or excess == 0:
            return at
        at -= excess / slope
        if abs(at - near) > near * _NEAR:
            return near
    return at


def _charge(notional: Fraction, tiers: Sequence[Tier]) -> tuple[Fraction, Fraction]:
    """Return rate and amount of the tier of a notional."""
    tier = next((tier for tier in tiers if notional <= tier.cap), tiers[-1] if tiers else None)
    return (Fraction(tier.rate, RATES) + tier.rest, tier.amount) if tier else (Fraction(0), Fraction(0))


def _rest(notional: Fraction, tiers: Sequence[Tier]) -> Fraction:
    tier = next((tier for tier in tiers if notional <= tier.cap), tiers[-1] if tiers else None)
    return notional * tier.rest if tier else Fraction(0)


def _search(
    legs: Sequence[Leg], tiers: Sequence[Tier], free: Fraction, marks: Sequence[Fraction]
) -> Fraction | None:  # fmt: skip
    highest = _highest(legs, tiers, free, marks)
    lot = _common_lot(legs)
    lots = [leg.sign * int(leg.size / lot) for leg in legs]
    tick = unit_for([highest * max(abs(n) for n in lots)])
    grid = Grid(tick, lot, tick * lot)
    p = margin_params(tiers, grid, highest * max(leg.size for leg in legs))
    balance = whole(free - sum(leg.sign * leg.size * leg.entry for leg in legs), grid.money)
    long, short = sum(max(n, 0) for n in lots), sum(min(n, 0) for n in lots)
    top = whole(highest, tick)

    known = [whole(price, tick) for price in (*marks, *(leg.entry for leg in legs))]
    if len(legs) == 1:
        found = _failing(p, lots[0], balance, known[0], top)
        return None if found is None else found * tick
    if p.markets.step_tiers[0]:
        raise UsageError("hedged legs under step limits have no price here", remedy="ask for each leg alone")

    def fails(at: int) -> bool:
        hedged = kernels.excess_at(p, 0, long, balance, at)
        return hedged + kernels.excess_at(p, 0, short, 0, at) <= 0

    safe = next((at for at in known if not fails(at)), 0)
    found = [_first(fails, safe, end) for end in (_NOTHING, top) if safe and fails(end)]
    return min((Fraction(at) * tick for at in found), key=lambda at: _apart(at, safe * tick), default=None)


def _first(fails: Callable[[int], bool], safe: int, failing: int) -> int:
    """Return the tick nearest `safe` at which a margin test fails, between it and one that fails."""
    while abs(failing - safe) > 1:
        middle = safe + (failing - safe) // 2
        safe, failing = (safe, middle) if fails(middle) else (middle, failing)
    return failing


def _failing(p: Params, lots: int, balance: int, mark: int, top: int) -> int | None:
    """Return the tick at which a single position fails; under step limits, the nearest to the mark."""
    safe, failing = (top, _NOTHING) if lots > 0 else (_NOTHING, top)
    if p.markets.step_tiers[0]:
        found = kernels.failing_step_tick(p, 0, lots, balance, mark, top + 1)
        if found != mark:
            return found if found >= _NOTHING else None
        failing = mark  # it fails there: what is asked for is where that began

    def fails(at: int) -> bool:
        return kernels.excess_at(p, 0, lots, balance, at) <= 0

    return None if fails(safe) or not fails(failing) else _first(fails, safe, failing)


def _apart(a: Fraction, b: Fraction) -> Fraction:
    return max(a, b) / min(a, b)


def _highest(
    legs: Sequence[Leg], tiers: Sequence[Tier], free: Fraction, marks: Sequence[Fraction]
) -> Fraction:  # fmt: skip
    """Return a price above which the margin test of a single leg no longer changes its answer.

    With legs on both sides there may be none; the search then ends far away.
    """
    size = min(leg.size for leg in legs)
    fixed = max((-tier.amount for tier in tiers), default=Fraction(0))
    price = (
        max(*marks, *(leg.entry for leg in legs), Fraction(0)) + (abs(free) + max(fixed, Fraction(0))) / size
    )
    if len(legs) > 1:
        return price * _FAR
    steepest = max((Fraction(tier.rate, RATES) + tier.rest for tier in tiers), default=Fraction(0))
    return 2 * price / max(1 - steepest, Fraction(1, 100)) if legs[0].sign > 0 else 2 * price


def _common_lot(legs: Sequence[Leg]) -> Fraction:
    """Return the largest size of which every leg is a multiple, or about, where the lots would be many."""
    if len(legs) == 1:
        return legs[0].size
    below = lcm(*(leg.size.denominator for leg in legs))
    lot = Fraction(gcd(*(int(leg.size * below) for leg in legs)), below)
    largest = max(leg.size for leg in legs)
    return lot if largest / lot <= _MOST_LOTS else largest / _MOST_LOTS


def inverse_value(size: Fraction, price: Fraction) -> Fraction:
    """Return what a position of an inverse contract is worth in coin at a price, as a market values a lot.

    The price is a few ticks of a grid of its own: a lot's value times the tick fits into 62 bits, so
    that few ticks leave many digits to the value.
    """
    grid = Grid(price / _TICKS, size, unit_for([size / price * _TICKS]))
    p = margin_params((), grid, size / price, inverse=True)
    return -kernels.excess_at(p, 0, 1, 0, _TICKS) * grid.money  # a market without tiers keeps no margin

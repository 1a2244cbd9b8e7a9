"""The integer grid of a question, a market of one contract on it, and the search for a price."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import Any, NamedTuple

from cascade.calculator import entries
from cascade.calculator.whole import unit_for, whole
from cascade.core.exact import LINEAR
from cascade.core.params import MARKET_P, TIER, Params
from cascade.core.start import empty
from cascade.tables import blank

_LARGEST = 1 << 62
_PASSES = 3
_FAR = 1000
"""How far beyond the prices of a hedge its second liquidation price is looked for."""

_MOST_LOTS = 10**9

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


def margin_params(tiers: Sequence[Tier], grid: Grid, reach: Fraction) -> Params:
    """Return parameters of one linear market with these tiers.

    Tiers that begin beyond `reach` are left out: their figures may exceed 63 bits of a fine grid.
    """
    market = empty(MARKET_P, 1)
    market.contract, market.unit = LINEAR, whole(grid.unit, Fraction(1))
    kept = [tier for k, tier in enumerate(tiers) if k == 0 or tiers[k - 1].cap <= reach]
    rows: Any = empty(TIER, len(kept))
    for row, tier in zip(rows, kept, strict=False):
        row.cap = min(whole(tier.cap, grid.money), _LARGEST)
        row.rate, row.deduction = tier.rate, whole(tier.amount, grid.money)
        row.max_leverage = tier.max_leverage
    market.n_tiers = len(kept)
    return blank(Params)._replace(markets=market, tiers=rows)


def search(
    legs: Sequence[Leg], tiers: Sequence[Tier], free: Fraction, marks: Sequence[Fraction]
) -> Fraction | None:  # fmt: skip
    """Return the price at which legs of one contract with `free` money beside them fail, or None.

    What a rate leaves beyond 1e-8 is charged on the notional where the price was found, and the
    price is looked for again: each pass gains eight digits.
    """
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


def _rest(notional: Fraction, tiers: Sequence[Tier]) -> Fraction:
    tier = next((tier for tier in tiers if notional <= tier.cap), tiers[-1] if tiers else None)
    return notional * tier.rest if tier else Fraction(0)


def _search(
    legs: Sequence[Leg], tiers: Sequence[Tier], free: Fraction, marks: Sequence[Fraction]
) -> Fraction | None:  # fmt: skip
    highest = _highest(legs, tiers, free)
    lot = _common_lot(legs)
    lots = [leg.sign * int(leg.size / lot) for leg in legs]
    tick = unit_for([highest * max(abs(n) for n in lots)])
    grid = Grid(tick, lot, tick * lot)
    p = margin_params(tiers, grid, highest * max(leg.size for leg in legs))
    balance = whole(free - sum(leg.sign * leg.size * leg.entry for leg in legs), grid.money)
    long, short = sum(max(n, 0) for n in lots), sum(min(n, 0) for n in lots)
    top = whole(highest, tick)

    def excess(at: int) -> int:
        return entries.excess_at(p, long, short, balance, at)

    if len(legs) == 1:
        safe, failing = (top, _NOTHING) if long else (_NOTHING, top)
        if excess(safe) <= 0 or excess(failing) > 0:
            return None
        return entries.first_failing(p, long, short, balance, safe, failing) * tick
    known = [whole(price, tick) for price in (*marks, *(leg.entry for leg in legs))]
    safe = next((at for at in known if excess(at) > 0), 0)
    ends = [end for end in (_NOTHING, top) if safe and excess(end) <= 0]
    found = [entries.first_failing(p, long, short, balance, safe, end) for end in ends]
    return min((Fraction(at) * tick for at in found), key=lambda at: _apart(at, safe * tick), default=None)


def _apart(a: Fraction, b: Fraction) -> Fraction:
    return max(a, b) / min(a, b)


def _highest(legs: Sequence[Leg], tiers: Sequence[Tier], free: Fraction) -> Fraction:
    """Return a price above which the margin test of a single leg no longer changes its answer.

    With legs on both sides there may be none; the search then ends far away.
    """
    size = min(leg.size for leg in legs)
    fixed = max((-tier.amount for tier in tiers), default=Fraction(0))
    price = max(leg.entry for leg in legs) + (abs(free) + max(fixed, Fraction(0))) / size
    if len(legs) > 1:
        return price * _FAR
    steepest = max((Fraction(tier.rate, 10**8) + tier.rest for tier in tiers), default=Fraction(0))
    return 2 * price / max(1 - steepest, Fraction(1, 100)) if legs[0].sign > 0 else 2 * price


def _common_lot(legs: Sequence[Leg]) -> Fraction:
    """Return the largest size of which every leg is a multiple, or about, where the lots would be many."""
    if len(legs) == 1:
        return legs[0].size
    below = lcm(*(leg.size.denominator for leg in legs))
    lot = Fraction(gcd(*(int(leg.size * below) for leg in legs)), below)
    largest = max(leg.size for leg in legs)
    return lot if largest / lot <= _MOST_LOTS else largest / _MOST_LOTS

"""Margins and prices of one position, alone or with the rest of its account, in user units.

The margin test is that of the markets, `core.margin`, in integers. The grid is chosen for the
question: one position is one lot, and a tick is the smallest power of ten with which all of its
money stays within 63 bits, which leaves 15 digits or more after rounding. So a price is found by
the same test as in a run, only finer than a venue's tick; with `tick` it is found on that.

An inverse contract of C quote units is a linear one of the other side at the price 1/p: equity
is B - C/p and maintenance a part of C/p, in coin. Other variants are the same test with adjusted
figures, and each kind of `calculator.liquidation_prices` says which.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Final, Literal, TypeAlias

from cascade.calculator import kernels
from cascade.calculator.grid import Grid, Leg, Tier, margin_params, search
from cascade.calculator.whole import FINE, RATES, Number, exact, rate, unit_for, whole
from cascade.core import rules
from cascade.errors import UsageError

Side: TypeAlias = Literal["long", "short"]


USD: Final = "USD"
"""What the margin of linear contracts is in."""


def currency_of(contract: str, *, inverse: bool) -> str:
    """Return what the margin of a contract is in; of an inverse one, the coin that its name begins with."""
    return contract.removesuffix(USD) if inverse else USD


@dataclass(frozen=True, slots=True)
class MarginTier:
    """One step of a maintenance margin table: N x rate - amount up to the notional `cap`, inclusive.

    Attributes
    ----------
    amount : float
        Maintenance amount (Binance "cum", Bybit "mmDeduction"); `tiers_from` computes it.
    max_leverage : float
        The largest leverage of the tier, for the initial margin.
    """

    cap: Number
    rate: Number
    amount: Number = 0
    max_leverage: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A position.

    Attributes
    ----------
    size : float
        In base units; of an inverse contract in quote units (contracts of one dollar).
    mark : float, optional
        Where the position is valued when it is not the one that is asked about; default the entry.
    tiers : sequence of MarginTier
        Maintenance margin; none of it without.
    fee : float
        Closing fee that counts against equity in the margin test, as a part of the notional there.
    """

    side: Side
    size: Number
    entry: Number
    mark: Number | None = None
    tiers: Sequence[MarginTier] = ()
    inverse: bool = False
    fee: Number = 0

    def __post_init__(self) -> None:
        """Refuse what is no position."""
        for name, value in (("size", self.size), ("entry", self.entry), ("mark", self.mark)):
            if value is not None and not 0 < value < float("inf"):
                raise UsageError(f"{name} {value} is not a positive number", remedy="the side is given apart")

    @property
    def valued_at(self) -> Number:
        """Return the mark, or the entry where none is given."""
        return self.entry if self.mark is None else self.mark


def single_tier(rate: Number, amount: Number = 0) -> tuple[MarginTier, ...]:
    """Return a table of one rate and one maintenance amount, for any notional."""
    return (MarginTier(10**30, rate, amount),)


def tiers_from(rows: Iterable[tuple[Number, Number, float]]) -> tuple[MarginTier, ...]:
    """Return tiers of (cap, rate, largest leverage), with the amounts that make the margin continuous."""
    plain = [MarginTier(cap, share, 0, leverage) for cap, share, leverage in rows]
    floors = [0, *(tier.cap for tier in plain[:-1])]
    amounts = tier_amounts(floors, [tier.rate for tier in plain])
    return tuple(replace(tier, amount=amount) for tier, amount in zip(plain, amounts, strict=True))


def tier_amounts(floors: Sequence[Number], rates: Sequence[Number]) -> list[Fraction]:
    """Return the maintenance amount of each tier, given where it begins."""
    amounts = [Fraction(0)]
    for floor, (before, after) in zip(floors[1:], pairwise(rates), strict=True):
        amounts.append(next_amount(amounts[-1], exact(floor), exact(after) - exact(before)))
    return amounts


def next_amount(amount: Fraction, floor: Fraction, step: Fraction) -> Fraction:
    """Return the maintenance amount above a floor, given that below it and the step of the rate there."""
    unit = unit_for([amount, floor])
    return rules.tier_amount(whole(amount, unit), whole(floor, unit), rate(step, FINE), FINE) * unit


def notional(position: Position, price: Number | None = None) -> float:
    """Return the value of a position, by default at its mark; in coin if it is inverse."""
    return float(_notional(position, price))


def profit(position: Position) -> float:
    """Return the unrealised profit of a position at its mark; in coin if it is inverse."""
    return float(_profit(position))


def maintenance_margin(position: Position, price: Number | None = None) -> float:
    """Return the maintenance margin of a position, by default at its mark; in coin if it is inverse."""
    return float(maintenance_of(position, price))


def margin_pieces(position: Position) -> list[tuple[Fraction, Fraction, Fraction]]:
    """Return cap, rate and amount of each tier, exactly, with the closing fee in the rate."""
    tiers = _tiers(position)
    return [(tier.cap, Fraction(tier.rate, RATES) + tier.rest, tier.amount) for tier in tiers]


def maintenance_of(position: Position, price: Number | None = None) -> Fraction:
    """Return `maintenance_margin` as an exact number."""
    value, kept, _, tier = _margins(position, price)
    return kept + (value * _tiers(position, with_fee=False)[tier].rest if position.tiers else 0)


def initial_margin(
    position: Position, price: Number | None = None, leverage: Number | None = None
) -> float:  # fmt: skip
    """Return what opening a position takes: notional / leverage, by default the largest of its tier."""
    value, _, least, _ = _margins(position, price)
    return float(least if leverage is None else value / exact(leverage))


def tier_number(position: Position, price: Number | None = None) -> int:
    """Return the tier, from 0, of a position's notional."""
    return _margins(position, price)[-1]


def _margins(position: Position, price: Number | None) -> tuple[Fraction, Fraction, Fraction, int]:
    """Return notional, maintenance margin at rates in 1e-8, initial margin and tier, as a market finds them."""
    value = _notional(position, price)
    unit = unit_for([value])
    p = margin_params(_tiers(position, with_fee=False), Grid(unit, Fraction(1), unit), value)
    size = whole(value, unit)
    kept, least = kernels.maintenance(p, 0, size), kernels.initial_margin(p, 0, size)
    return value, kept * unit, least * unit, kernels.tier_of(p, 0, size)


def liquidation_price(
    position: Position, margin: Number, *, others: Sequence[Position] = (), hedge: Position | None = None
) -> float | None:
    """Return the mark at which the margin test of a position fails, or None where none does.

    Parameters
    ----------
    position : Position
        The position asked about.
    margin : float
        Its isolated margin; of a cross account the wallet balance, without unrealised profit.
    others : sequence of Position
        The other positions of a cross account; their marks stay.
    hedge : Position, optional
        The opposite leg of the same contract in hedge mode: both share one price. Where legs of
        nearly one size fail on both sides of the mark, the price is the nearer one.
    """
    found = liquidation_at(position, margin, others=others, hedge=hedge)
    return None if found is None else float(found)


def liquidation_at(
    position: Position, margin: Number, *, others: Sequence[Position] = (), hedge: Position | None = None
) -> Fraction | None:
    """Return `liquidation_price` as an exact number."""
    free = exact(margin) + sum((_profit(other) - maintenance_of(other) for other in others), Fraction(0))
    legs = [_leg(leg) for leg in ([position] if hedge is None else [position, hedge])]
    if hedge is not None and position.side == hedge.side:
        raise UsageError("both legs are on one side", remedy="a hedge is the opposite leg; add up equal ones")
    marks = [_price(position, leg.mark) for leg in (position, hedge) if leg and leg.mark is not None]
    return _as_price(position, search(legs, _tiers(position), free, marks))


def bankruptcy_price(position: Position, margin: Number, *, others: Sequence[Position] = ()) -> float | None:
    """Return the price at which closing a position leaves the account with nothing, or None.

    It is the liquidation price without maintenance margin; the position's `fee` counts. `margin`
    and `others` are those of `liquidation_price`.
    """
    found = bankruptcy_at(position, margin, others=others)
    return None if found is None else float(found)


def bankruptcy_at(position: Position, margin: Number, *, others: Sequence[Position] = ()) -> Fraction | None:
    """Return `bankruptcy_price` as an exact number."""
    plain = [replace(other, tiers=()) for other in others]
    return liquidation_at(replace(position, tiers=()), margin, others=plain)


def with_margin_of_entry(position: Position) -> Position:
    """Return a position whose maintenance margin is that of its entry value, whatever the mark (Bybit)."""
    return replace(position, tiers=single_tier(0, -maintenance_of(position, position.entry)))


def trigger_prices(
    position: Position, margin: Number, tick: Number, lot: Number
) -> tuple[float | None, float]:
    """Return where a run with this tick and lot liquidates a position, and the forced order's limit.

    These are `margin.failing_tick` and `margin.bankruptcy_tick` with money in millionths of a USD, or of
    an inverse contract in hundred millionths of a coin: to the last unit what the position's triggers
    are hung at in a market.
    """
    money = Fraction(1, 10**8 if position.inverse else 10**6)
    grid = Grid(exact(tick), exact(lot), money)
    lots = exact(position.size) / grid.lot
    units = grid.lot / grid.tick / money if position.inverse else grid.unit
    if lots.denominator != 1 or units.denominator != 1:
        raise UsageError(f"{position.size} is not a whole number of lots", remedy=f"the lot is {lot}")
    leg = _leg(position)
    p = margin_params(_tiers(position), grid, 10 * leg.size * leg.entry, inverse=position.inverse)
    held = int(lots) * (1 if position.side == "long" else -1)
    balance = whole(exact(margin) - leg.sign * leg.size * leg.entry, money)
    found = kernels.failing_tick(p, 0, held, balance, whole(exact(position.valued_at), grid.tick))
    limit = float(kernels.bankruptcy_tick(p, 0, held, balance) * grid.tick)
    return (None if found < 0 else float(found * grid.tick)), limit


# --- inverse contracts as linear ones ---------------------------------------------------------------


def _leg(position: Position) -> Leg:
    sign = 1 if position.side == "long" else -1
    entry = _price(position, position.entry)
    return Leg(-sign if position.inverse else sign, exact(position.size), entry)


def _price(position: Position, price: Number) -> Fraction:
    return 1 / exact(price) if position.inverse else exact(price)


def _as_price(position: Position, found: Fraction | None) -> Fraction | None:
    return 1 / found if found is not None and position.inverse else found


def _notional(position: Position, price: Number | None) -> Fraction:
    return exact(position.size) * _price(position, position.valued_at if price is None else price)


def _profit(position: Position) -> Fraction:
    leg = _leg(position)
    return leg.sign * leg.size * (_price(position, position.valued_at) - leg.entry)


def _tiers(position: Position, *, with_fee: bool = True) -> list[Tier]:
    """Return a position's tiers with its closing fee in their rates: both are parts of the notional."""
    fee = exact(position.fee) if with_fee else Fraction(0)
    tiers = position.tiers or (single_tier(0) if fee else ())
    made: list[Tier] = []
    for tier in tiers:
        share = exact(tier.rate) + fee
        units = rate(share)
        rest = share - Fraction(units, RATES)
        made.append(Tier(exact(tier.cap), units, rest, exact(tier.amount), tier.max_leverage))
    return made

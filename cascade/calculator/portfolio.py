"""Liquidation of an account with several positions on one margin: as its marks move together, or one by one.

The margin test is exact here: equity is linear in what a unit of each contract is worth, and maintenance margin is
between two tiers. So the marks at which the test fails are found on the pieces between tiers, as fractions. A unit of a
linear contract is worth its mark in USD; one of an inverse contract, a dollar, is worth 1 / mark in coin.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from cascade.calculator.account import USD, Position, currency_of, initial_margin, margin_pieces
from cascade.calculator.whole import Number, exact
from cascade.errors import UsageError

Moves = Mapping[str, Fraction]
"""Relative moves of marks, by contract."""


@dataclass(frozen=True)
class PortfolioLeg:
    """A position of an account, at its mark."""

    contract: str
    position: Position

    @cached_property
    def signed(self) -> Fraction:
        """Return its size, negative if it is short."""
        size = exact(self.position.size)
        return size if self.position.side == "long" else -size

    @cached_property
    def gain(self) -> Fraction:
        """Return what equity gains as a unit is worth one more; a long of an inverse contract loses."""
        return -self.signed if self.position.inverse else self.signed

    @property
    def currency(self) -> str:
        """Return what its margin is in."""
        return currency_of(self.contract, inverse=self.position.inverse)

    def worth(self, price: Fraction) -> Fraction:
        """Return what a unit is worth at a price."""
        return 1 / price if self.position.inverse else price

    @cached_property
    def pieces(self) -> list[tuple[Fraction, Fraction, Fraction]]:
        """Return cap, rate and amount of each of its tiers."""
        return margin_pieces(self.position)

    def tier(self, notional: Fraction, *, beyond: bool = False) -> tuple[Fraction, Fraction]:
        """Return rate and amount of the tier of a notional, or at its cap of the one beyond it."""
        for cap, rate, amount in self.pieces:
            if notional < cap or (notional == cap and not beyond):
                return rate, amount
        return self.pieces[-1][1:] if self.pieces else (Fraction(0), Fraction(0))

    def kept(self, price: Fraction) -> Fraction:
        """Return its maintenance margin at a price."""
        notional = abs(self.signed) * self.worth(price)
        rate, amount = self.tier(notional)
        return notional * rate - amount


class Range(NamedTuple):
    """Relative moves within which an account passes its margin test; None where there is no end."""

    low: Fraction | None
    high: Fraction | None


@dataclass(frozen=True)
class Portfolio:
    """An account: the positions on one margin, and its balance without unrealised profit.

    Money is in USD, or in the coin that all of its contracts settle in.

    Attributes
    ----------
    label
        As the user's file says; may be empty.
    """

    legs: tuple[PortfolioLeg, ...]
    balance: Number
    label: str = ""

    def __post_init__(self) -> None:
        """Refuse margins in several currencies, and positions that should be one."""
        currencies = list(dict.fromkeys(leg.currency for leg in self.legs))
        if len(currencies) > 1:
            raise UsageError(
                f"{self.label or 'the account'} holds contracts that settle in {' and in '.join(currencies)}",
                remedy="give those of each currency a label of their own, as venues keep their margins apart",
            )
        places = [(leg.contract, leg.position.side) for leg in self.legs]
        for contract, side in places:
            if places.count((contract, side)) > 1:
                raise UsageError(f"two positions are {side} in {contract}", remedy="add them up")

    @property
    def contracts(self) -> tuple[str, ...]:
        """Return the contracts it holds, the largest first."""
        worth: dict[str, Fraction] = {}
        for leg in self.legs:
            notional = abs(leg.signed) * leg.worth(self.mark(leg.contract))
            worth[leg.contract] = worth.get(leg.contract, Fraction(0)) + notional
        return tuple(sorted(worth, key=lambda name: -worth[name]))

    @property
    def currency(self) -> str:
        """Return what its margin is in."""
        return self.legs[0].currency if self.legs else USD

    def mark(self, contract: str) -> Fraction:
        """Return the mark of a contract that it holds."""
        return next(exact(leg.position.valued_at) for leg in self.legs if leg.contract == contract)

    def without(self, leg: PortfolioLeg) -> Portfolio:
        """Return the account with a position closed at its mark: what it gained stays in the balance."""
        rest = tuple(each for each in self.legs if each is not leg)
        return replace(self, legs=rest, balance=exact(self.balance) + self._profit(leg, None))

    def equity(self, moves: Moves | None = None) -> Fraction:
        """Return balance and unrealised profit, at its marks or after moves of them."""
        return exact(self.balance) + sum((self._profit(leg, moves) for leg in self.legs), Fraction(0))

    def maintenance(self, moves: Moves | None = None) -> Fraction:
        """Return the maintenance margin of all positions, at its marks or after moves of them."""
        margins = (leg.kept(self._moved(leg, moves)) for leg in self.legs)
        return sum(margins, Fraction(0))

    def free(self) -> Fraction:
        """Return the equity that positions leave free, at the largest leverage that their tiers allow."""
        bound = (exact(initial_margin(leg.position)) for leg in self.legs)
        return self.equity() - sum(bound, Fraction(0))

    def is_liquidated(self, moves: Moves | None = None) -> bool:
        """Tell whether the margin test fails."""
        return bool(self.legs) and self.equity(moves) <= self.maintenance(moves)

    def safe(self, along: Sequence[str] | None = None, at: Moves | None = None) -> Range | None:
        """Return the moves within which the margin test passes, of some contracts alike; None where it never does.

        Parameters
        ----------
        along
            Contracts that move, all by the same; by default all of them.
        at
            Moves that have been made already, of the others.
        """
        moving = set(self.contracts if along is None else along)
        fixed = {name: move for name, move in (at or {}).items() if name not in moving}
        stretches = list(_joined(self._stretches(moving, fixed)))
        if any(leg.position.inverse for leg in self.legs):
            stretches = [Range(_of_price(each.high), _of_price(each.low)) for each in stretches]
        if not stretches:
            return None
        return min(stretches, key=_from_here)

    def _stretches(self, moving: set[str], fixed: Moves) -> Iterator[tuple[Fraction, Fraction | None]]:
        """Yield the stretches of a common move of units' worth, from nothing on, where the margin test passes."""
        caps = {
            cap / (abs(leg.signed) * leg.worth(self.mark(leg.contract))) - 1
            for leg in self.legs
            if leg.contract in moving
            for cap, _, _ in leg.pieces[:-1]
        }
        ends: list[Fraction | None] = [Fraction(-1), *sorted(move for move in caps if move > -1), None]
        for low, high in pairwise(ends):
            assert low is not None
            constant, slope = self._line(
                moving, fixed, low if high is None else (low + high) / 2, beyond=high is None
            )
            yield from _positive(constant, slope, low, high)

    def _line(
        self, moving: set[str], fixed: Moves, at: Fraction, *, beyond: bool
    ) -> tuple[Fraction, Fraction]:
        """Return equity less maintenance margin as a + b x, for moves x of the tiers at one of them, or beyond it."""
        constant, slope = exact(self.balance), Fraction(0)
        for leg in self.legs:
            moves = leg.contract in moving
            worth = leg.worth(self._moved(leg, None if moves else fixed))
            rate, amount = leg.tier(abs(leg.signed) * worth * (1 + at * moves), beyond=beyond and moves)
            kept_back = (leg.gain - abs(leg.signed) * rate) * worth
            constant += amount - leg.gain * leg.worth(exact(leg.position.entry)) + kept_back
            slope += kept_back * moves
        return constant, slope

    def _profit(self, leg: PortfolioLeg, moves: Moves | None) -> Fraction:
        return leg.gain * (leg.worth(self._moved(leg, moves)) - leg.worth(exact(leg.position.entry)))

    def _moved(self, leg: PortfolioLeg, moves: Moves | None) -> Fraction:
        return self.mark(leg.contract) * (1 + (moves or {}).get(leg.contract, Fraction(0)))


def _of_price(move: Fraction | None) -> Fraction | None:
    """Return the move of a price, by that of what a dollar is worth at it."""
    return None if move is None else 1 / (1 + move) - 1


def _positive(
    constant: Fraction, slope: Fraction, low: Fraction, high: Fraction | None
) -> Iterator[tuple[Fraction, Fraction | None]]:
    """Yield the part of a stretch on which a + b x is above zero."""
    if slope == 0:
        if constant > 0:
            yield low, high
        return
    root = -constant / slope
    if slope > 0 and (high is None or root < high):
        yield max(low, root), high
    elif slope < 0 and root > low:
        yield low, root if high is None else min(high, root)


def _joined(stretches: Iterator[tuple[Fraction, Fraction | None]]) -> Iterator[Range]:
    """Yield stretches, those that touch as one; without an end where nothing below it, or above it, fails."""
    begun: Fraction | None = None
    until: Fraction | None = None
    for low, high in stretches:
        if begun is not None and until != low:
            yield Range(begun if begun > -1 else None, until)
            begun = None
        begun = low if begun is None else begun
        until = high
    if begun is not None:
        yield Range(begun if begun > -1 else None, until)


def _from_here(found: Range) -> Fraction:
    """Return how far a range lies from where marks are now."""
    below = max(found.low, Fraction(0)) if found.low is not None else Fraction(0)
    above = max(-found.high, Fraction(0)) if found.high is not None else Fraction(0)
    return below + above

"""Tables of margin tiers: those of a rulebook, and those that worked examples write out."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, NamedTuple

from cascade.calculator.account import MarginTier, tier_amounts, tiers_from
from cascade.calculator.inputs import CannotComputeError
from cascade.calculator.whole import decimal, exact
from cascade.errors import UsageError
from cascade.scenario.words import did_you_mean, listing
from cascade.venues.load import load_rulebook
from cascade.venues.rulebook import Contract, Rulebook


class Table(NamedTuple):
    """Margin tiers, and whether they are those of an inverse contract, with caps and amounts in coin."""

    tiers: tuple[MarginTier, ...]
    inverse: bool = False


def rulebook_tiers(rulebook: str, contract: str) -> tuple[MarginTier, ...]:
    """Return the maintenance margin tiers of a contract under a rulebook, by name or path.

    The rates hold what the venue sets aside for the fee of closing; where each rate holds for the
    whole position, no amount is deducted. Caps and amounts of an inverse contract are in coin.

    Raises
    ------
    UsageError
        If the rulebook has no such contract.
    """
    return rulebook_table(rulebook, contract).tiers


def rulebook_table(rulebook: str, contract: str) -> Table:
    """Return `rulebook_tiers` with the kind of the contract."""
    book = load_rulebook(rulebook)
    fee = exact(book.margin.closing_fee)
    figures = contract_of(book, contract)
    rows = [(tier.limit, float(exact(tier.mmr) + fee), tier.max_leverage) for tier in figures.tiers]
    if book.margin.tiers == "whole":
        plain = tuple(MarginTier(cap, rate, 0, leverage) for cap, rate, leverage in rows)
        return Table(plain, figures.inverse)
    return Table(tiers_from(rows), figures.inverse)


def contract_of(book: Rulebook, contract: str) -> Contract:
    """Return a contract of a rulebook, or say which there are."""
    if contract in book.contracts:
        return book.contracts[contract]
    message = f"the rulebook {book.name} has no contract '{contract}'{did_you_mean(contract, book.contracts)}"
    remedy = f"it has {listing(book.contracts)}" if book.contracts else "a spot venue has no margin"
    raise UsageError(message, remedy=remedy)


# --- written tables ---------------------------------------------------------------------------------


class _Row(NamedTuple):
    """A tier as it is written: what is not given is None."""

    floor: Fraction
    figure: Fraction
    is_leverage: bool
    cap: Fraction | None = None
    amount: Fraction | None = None
    max_leverage: Fraction | None = None


def written_rates(rows: Any, *, guess: bool = False) -> tuple[list[Fraction], list[Fraction]]:
    """Return where each tier of a written table begins, and its rate.

    With `guess`, figures that cannot be rising rates are taken for largest leverages, as Hyperliquid
    writes its tables; a rate is then half of 1 / leverage.
    """
    read = _rows(rows)
    return [row.floor for row in read], _rates(read, guess=guess)


def table_tiers(rows: Any) -> tuple[MarginTier, ...]:
    """Return tiers from a written table, with the amounts that it gives or that make it continuous."""
    read = _rows(rows)
    rates = _rates(read)
    floors = [row.floor for row in read]
    caps = [*floors[1:], Fraction(10**30)]
    amounts = tier_amounts(floors, rates)
    return tuple(
        MarginTier(
            caps[k] if row.cap is None else row.cap,
            rates[k],
            amounts[k] if row.amount is None else row.amount,
            float(row.max_leverage or 1),
        )
        for k, row in enumerate(read)
    )


def _rates(rows: Sequence[_Row], *, guess: bool = False) -> list[Fraction]:
    figures = [row.figure for row in rows]
    falling = any(above < below for below, above in pairwise(figures))
    leverages = guess and (max(figures) > 1 or falling)
    for k, row in enumerate(rows):
        if row.is_leverage or leverages:
            if row.figure <= 0:
                raise CannotComputeError(f"the leverage of tier {k} is {float(row.figure):g}")
            figures[k] = 1 / (2 * row.figure)
    return figures


def _rows(rows: Any) -> list[_Row]:
    if not isinstance(rows, list) or not rows:
        raise CannotComputeError("the input 'tiers' is not a table of rows")
    read = [_row(row, k) for k, row in enumerate(rows)]
    for k, (below, row) in enumerate(pairwise(read)):
        if row.floor <= below.floor:
            raise CannotComputeError(f"tier {k + 1} does not begin above tier {k}")
    return read


def _row(row: Any, k: int) -> _Row:
    """Return a row: (floor, rate), (floor, cap, rate) or a mapping."""
    if isinstance(row, dict):
        name = "mmr" if row.get("mmr") is not None else "max_leverage"
        if row.get("floor") is None or row.get(name) is None:
            raise CannotComputeError(f"tier {k} lacks 'floor' or 'mmr'")
        found = {key: _figure(row[key], k) for key in _KEYS if row.get(key) is not None}
        given = (found.get(key) for key in ("cap", "maint_amount", "max_leverage"))
        return _Row(found["floor"], found[name], name == "max_leverage", *given)
    if not isinstance(row, list) or len(row) not in (2, 3):
        raise CannotComputeError(f"tier {k} is not (floor, rate) or (floor, cap, rate)")
    cap = _figure(row[1], k) if len(row) == 3 and row[1] is not None else None
    return _Row(_figure(row[0], k), _figure(row[-1], k), False, cap)


_KEYS = ("floor", "cap", "mmr", "maint_amount", "max_leverage")


def _figure(value: Any, k: int) -> Fraction:
    found = decimal(value)
    if found is None:
        raise CannotComputeError(f"tier {k} holds {value!r}, which is not a number")
    return found

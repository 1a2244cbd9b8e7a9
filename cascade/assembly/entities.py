"""Accounts and positions as they are collected, before they become arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cascade.core import params as k
from cascade.core.start import empty
from cascade.core.state import ACCOUNT, NONE, POSITION, Array


def records(dtype: np.dtype[np.void], rows: Iterable[Mapping[str, Any]]) -> Array:
    """Return records of a type; a field that is not named is zero.

    Raises
    ------
    KeyError
        If a row names what is no field of the type.
    """
    names, rows = dtype.names or (), list(rows)
    unknown = {name for row in rows for name in row} - set(names)
    if unknown:
        raise KeyError(*sorted(unknown))
    return np.array([tuple(row.get(name, 0) for name in names) for row in rows], dtype).view(np.recarray)


class _Account(NamedTuple):
    """What is set of an account's record before the run."""

    first_position: int
    n_positions: int
    venue: int
    kind: int
    margin: int
    fees: int
    settlement: int


class _Position(NamedTuple):
    """What is set of a position's record before the run."""

    account: int
    market: int
    lots: int


def _with_room(dtype: np.dtype[np.void], collected: Sequence[_Account | _Position], more: int) -> Array:
    """Return records of what was collected, and `more` blank ones behind them."""
    n = len(collected)
    table = empty(dtype, n + more)[: n + more]
    for name, column in zip(collected[0]._fields, zip(*collected, strict=True), strict=True) if n else ():
        table[name][:n] = column
    return table


class Entities:
    """Accounts of agents and venues, each with its positions and its cash.

    Parameters
    ----------
    settlements
        Asset that each market settles in, as a number.
    worth
        Money units that one USD is worth in each settlement asset at the start.
    """

    def __init__(self, settlements: Sequence[int], worth: Sequence[float]) -> None:
        self.settlements, self.worth = settlements, worth
        self.accounts: list[_Account] = []
        self.positions: list[_Position] = []
        self.cash: list[list[int]] = []  # by settlement asset

    def add(
        self, kind: int, venue: int, markets: Sequence[int], cash_usd: float, lots: Sequence[int] = (),
        margin: int = k.UNMARGINED, fees: int = 0,
    ) -> tuple[int, int]:  # fmt: skip
        """Add an account holding `lots` of each market and cash; return its number and its first position.

        It has as much cash in each asset that its markets settle in, and its margin in the first of these.
        `fees` is 1 for those who pay them: makers and other agents of the model trade free.
        """
        account, first = len(self.accounts), len(self.positions)
        settles = [self.settlements[m] for m in markets] or [0]
        self.accounts.append(
            _Account(
                first_position=first, n_positions=len(markets), venue=venue, kind=int(kind), margin=margin,
                fees=fees, settlement=min(settles),
            )
        )  # fmt: skip
        cash = [0] * len(self.worth)
        for s in set(settles):
            cash[s] = round(cash_usd * self.worth[s])
        self.cash.append(cash)
        held = list(lots) or [0] * len(markets)
        self.positions += [
            _Position(account=account, market=m, lots=q) for m, q in zip(markets, held, strict=True)
        ]
        return account, first

    def account_rows(self, more: int) -> Array:
        """Return account records with room for `more` at the end."""
        table = _with_room(ACCOUNT, self.accounts, more)
        table.first_order[:], table.tag[:] = NONE, NONE
        return table

    def position_rows(self, more: int) -> Array:
        """Return position records with room for `more` at the end."""
        return _with_room(POSITION, self.positions, more)

"""Accounts and positions as they are collected, before they become arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cascade.core import params as k
from cascade.core.start import empty
from cascade.core.state import ACCOUNT, NONE, POSITION, Array


def rows(dtype: np.dtype[np.void], values: Sequence[tuple[object, ...]]) -> Array:
    """Return records of a type from tuples in the order of its fields."""
    return np.array([tuple(value) for value in values], dtype=dtype).view(np.recarray)


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
        self.accounts: list[tuple[int, int, int, int, int, int, int]] = []  # as in `account_rows`
        self.positions: list[tuple[int, int, int]] = []  # account, market, lots
        self.cash: list[list[int]] = []  # by settlement asset

    def add(
        self, kind: int, venue: int, markets: Sequence[int], cash_usd: float, lots: Sequence[int] = (),
        margin: int = int(k.UNMARGINED), fees: int = 0,
    ) -> tuple[int, int]:  # fmt: skip
        """Add an account holding `lots` of each market and cash; return its number and its first position.

        It has as much cash in each asset that its markets settle in, and its margin in the first of these.
        `fees` is 1 for those who pay them: makers and other agents of the model trade free.
        """
        account, first = len(self.accounts), len(self.positions)
        settles = [self.settlements[m] for m in markets] or [0]
        self.accounts.append((first, len(markets), venue, int(kind), margin, fees, min(settles)))
        cash = [0] * len(self.worth)
        for s in set(settles):
            cash[s] = round(cash_usd * self.worth[s])
        self.cash.append(cash)
        held = list(lots) or [0] * len(markets)
        self.positions += [(account, m, q) for m, q in zip(markets, held, strict=True)]
        return account, first

    def account_rows(self, more: int) -> Array:
        """Return account records with room for `more` at the end."""
        table = empty(ACCOUNT, len(self.accounts) + more)[: len(self.accounts) + more]
        own = np.array(self.accounts, np.int64).reshape(-1, 7)
        n = len(own)
        names = ("first_position", "n_positions", "venue", "kind", "margin", "fees", "settlement")
        for column, name in enumerate(names):
            table[name][:n] = own[:, column]
        table.first_order[:], table.tag[:] = NONE, NONE
        return table

    def position_rows(self, more: int) -> Array:
        """Return position records with room for `more` at the end."""
        table = empty(POSITION, len(self.positions) + more)[: len(self.positions) + more]
        own = np.array(self.positions, np.int64).reshape(-1, 3)
        n = len(own)
        for column, name in enumerate(("account", "market", "lots")):
            table[name][:n] = own[:, column]
        table.low_tick[:], table.high_tick[:] = NONE, NONE
        return table

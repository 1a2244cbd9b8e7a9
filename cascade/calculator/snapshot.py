"""Accounts from a user's file of positions, in the format of a scenario's tables, under one rulebook."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np

from cascade.calculator.account import Position
from cascade.calculator.portfolio import Portfolio, PortfolioLeg
from cascade.calculator.tiers import Table, rulebook_table
from cascade.calculator.whole import exact
from cascade.errors import UsageError
from cascade.scenario.positions import Positions, margins_of, read_positions
from cascade.scenario.words import did_you_mean, listing


def read_portfolios(
    path: str | Path, rulebook: str, *, contract: str | None = None, marks: Mapping[str, float] | None = None
) -> list[Portfolio]:
    """Return the accounts of a file: rows that share their margin are one, every other row is one by itself.

    Parameters
    ----------
    contract
        Of rows that name no market.
    marks
        By contract; by default the entry price, where all rows of a contract have the same.

    Raises
    ------
    ScenarioError
        With a problem for each bad row.
    UsageError
        A contract that the rulebook does not have, a mark that is missing or of none.
    """
    found = read_positions(path)
    names = [(name or contract or "").rpartition(":")[2] for name in found.market]
    if "" in names:
        row = found.rows[names.index("")]
        raise UsageError(
            f"row {row} of {path} names no market", where="--contract", remedy="write --contract BTCUSDT"
        )
    kinds = {name: rulebook_table(rulebook, name) for name in dict.fromkeys(names)}
    at = _marks(found, names, marks or {})
    margins, owners = margins_of(found), found.owners()
    accounts: list[Portfolio] = []
    for owner in range(int(owners.max(initial=-1)) + 1):
        legs: list[PortfolioLeg] = []
        balance = exact(0.0)
        for place in np.flatnonzero(owners == owner).tolist():
            position = _position(found, place, kinds[names[place]], at[names[place]])
            legs.append(PortfolioLeg(names[place], position))
            balance += _posted(position, float(margins[place]), float(found.leverage[place]))
        label = found.label[int(np.flatnonzero(owners == owner)[0])]
        accounts.append(Portfolio(tuple(legs), balance, label))
    return accounts


def _position(found: Positions, place: int, kind: Table, mark: float) -> Position:
    """Return the position of a row; its size is in units of the asset, of an inverse contract in USD."""
    entry = float(found.entry_price[place])
    size, notional = float(found.quantity[place]), float(found.notional_usd[place])
    if math.isnan(size):
        size = notional if kind.inverse else notional / entry
    return Position(
        side="long" if found.is_long[place] else "short", size=size, entry=entry, mark=mark, tiers=kind.tiers,
        inverse=kind.inverse,
    )  # fmt: skip


def _posted(position: Position, margin_usd: float, leverage: float) -> Fraction:
    """Return the margin of a position, in what it settles in: as said in USD at entry, or by its leverage."""
    entry, size = exact(position.entry), exact(position.size)
    opened_usd = size if position.inverse else size * entry
    margin = opened_usd / exact(leverage) if math.isnan(margin_usd) else exact(margin_usd)
    return margin / entry if position.inverse else margin


def _marks(found: Positions, names: list[str], given: Mapping[str, float]) -> dict[str, float]:
    """Return the mark of every contract."""
    for name in given:
        if name not in names:
            raise UsageError(
                f"a mark is given of '{name}', which the file does not hold{did_you_mean(name, names)}", where="--mark",
                remedy=f"it holds {listing(dict.fromkeys(names))}",
            )  # fmt: skip
    entries: dict[str, set[float]] = {}
    for name, entry in zip(names, found.entry_price.tolist(), strict=True):
        entries.setdefault(name, set()).add(entry)
    unsaid = [name for name, prices in entries.items() if name not in given and len(prices) > 1]
    if unsaid:
        raise UsageError(
            f"rows of {listing(unsaid)} have several entry prices, and no mark is given", where="--mark",
            remedy=f"write --mark {unsaid[0]}={max(entries[unsaid[0]]):g}",
        )  # fmt: skip
    return {name: given.get(name, min(prices)) for name, prices in entries.items()}

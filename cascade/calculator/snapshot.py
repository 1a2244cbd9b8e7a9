"""Accounts from a user's file of positions, in the format of a scenario's tables, under one rulebook."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cascade.calculator.account import Position
from cascade.calculator.portfolio import Portfolio, PortfolioLeg
from cascade.calculator.tiers import rulebook_tiers
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
    tiers = {name: rulebook_tiers(rulebook, name) for name in dict.fromkeys(names)}
    at = _marks(found, names, marks or {})
    margins, owners = margins_of(found), found.owners()
    accounts: list[Portfolio] = []
    for owner in range(int(owners.max(initial=-1)) + 1):
        legs: list[PortfolioLeg] = []
        balance = exact(0.0)
        for place in np.flatnonzero(owners == owner).tolist():
            entry, size = float(found.entry_price[place]), _size(found, place)
            position = Position(
                side="long" if found.is_long[place] else "short", size=size, entry=entry, mark=at[names[place]],
                tiers=tiers[names[place]],
            )  # fmt: skip
            legs.append(PortfolioLeg(names[place], position))
            said = float(margins[place])
            posted = size * entry / float(found.leverage[place]) if math.isnan(said) else said
            balance += exact(posted)
        label = found.label[int(np.flatnonzero(owners == owner)[0])]
        accounts.append(Portfolio(tuple(legs), balance, label))
    return accounts


def _size(found: Positions, place: int) -> float:
    """Return the size of a row in units of the asset."""
    quantity, notional = float(found.quantity[place]), float(found.notional_usd[place])
    return notional / float(found.entry_price[place]) if math.isnan(quantity) else quantity


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

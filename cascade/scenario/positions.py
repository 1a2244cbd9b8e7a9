"""Positions from a user's own file: what a snapshot of accounts says, row by row."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from cascade.scenario.cells import BadCellError, Parser, is_empty, positive, shown, text_cell
from cascade.scenario.schema_venues import InversePerpetual, Perpetual
from cascade.scenario.tables import DataTable, Floats, read_table
from cascade.scenario.words import did_you_mean

if TYPE_CHECKING:
    from cascade.scenario.schema import Scenario
    from cascade.scenario.schema_population import LeverageCap, TableLayer

_OTHER_WORDS: Final = {
    "symbol": "market", "contract": "market", "account": "label", "user": "label", "account_id": "label",
    "direction": "side", "qty": "quantity", "size": "quantity", "amount": "quantity",
    "notional": "notional_usd", "entry": "entry_price", "mode": "margin_mode", "margin": "margin_usd",
    "wallet": "wallet_usd", "balance": "wallet_usd", "wallet_balance": "wallet_usd",
    "stop_loss": "stop_price", "sl": "stop_price", "take_profit": "take_profit_price",
    "tp": "take_profit_price",
}  # fmt: skip
"""Columns as other systems call them."""

HAIR: Final = 1e-6
"""A run keeps leverage in single precision: no more than this above a cap is at it."""


@dataclass(frozen=True, slots=True)
class Positions:
    """Positions of a population, a row each; a number that the file leaves out is NaN.

    Attributes
    ----------
    market : tuple[str, ...]
        As the file says; empty where it names none. See `holdings_of`.
    quantity : Floats
        Units of the asset, of an inverse contract USD.
    margin_usd, wallet_usd : Floats
        Margin of a position, and of a whole cross-margined account.
    is_cross : npt.NDArray[np.bool_]
        Whether the rows of an account share their margin.
    label : tuple[str, ...]
        The user's own label; may be empty.
    """

    table: DataTable
    market: tuple[str, ...]
    is_long: npt.NDArray[np.bool_]
    quantity: Floats
    notional_usd: Floats
    entry_price: Floats
    leverage: Floats
    margin_usd: Floats
    wallet_usd: Floats
    is_cross: npt.NDArray[np.bool_]
    stop_price: Floats
    take_profit_price: Floats
    label: tuple[str, ...]

    @property
    def rows(self) -> list[int]:
        """Return the lines of a text file, the row numbers of a parquet file."""
        return self.table.rows

    def owners(self) -> npt.NDArray[np.int64]:
        """Return the number of the margin account of each row: an isolated position is one by itself."""
        numbers: dict[tuple[str, int], int] = {}
        return np.array(
            [
                numbers.setdefault((name, -1) if cross and name else ("", place), len(numbers))
                for place, (name, cross) in enumerate(zip(self.label, self.is_cross.tolist(), strict=True))
            ],
            np.int64,
        )


def kept_under(cap: LeverageCap, leverage: Floats) -> Floats:
    """Return the share of its positions that each account keeps under a cap, by its leverage."""
    left = 0.0 if cap.then == "leave" else cap.max / np.maximum(leverage, 1.0)
    return np.where(leverage > cap.max * (1.0 + HAIR), left, 1.0)


def read_positions(path: str | Path, ignore: Collection[str] = ()) -> Positions:
    """Return positions from a file; `ignore` names columns that are not read.

    Raises
    ------
    ScenarioError
        With a problem for each bad row, or each column that is not known.
    """
    number, word = _or_nothing(positive, math.nan), text_cell
    needed: dict[str, Parser] = {"side": _side, "entry_price": positive}
    optional: dict[str, Parser] = {
        "market": word, "label": word, "quantity": number, "notional_usd": number, "leverage": number,
        "margin_usd": number, "wallet_usd": number, "margin_mode": _or_nothing(_mode, None),
        "stop_price": number, "take_profit_price": number,
    }  # fmt: skip
    table = read_table(Path(path), needed, optional, ignore=ignore, other_words=_OTHER_WORDS)
    n = len(table.rows)
    columns = {**dict.fromkeys(optional, [math.nan] * n), **table.columns}
    texts = {name: table.columns.get(name, [""] * n) for name in ("market", "label")}
    modes = table.columns.get("margin_mode", [None] * n)
    figures = {
        name: np.array(columns[name], np.float64)
        for name in columns
        if name not in (*texts, "side", "margin_mode")
    }
    cross = _crosses(texts["label"], modes, figures)
    is_long = np.array([side is True for side in table.columns["side"]], np.bool_)
    found = Positions(
        table=table, market=tuple(texts["market"]), label=tuple(texts["label"]), is_long=is_long, is_cross=cross,
        **figures,
    )  # fmt: skip
    for row, column, message, hint in _faults(found):
        if row not in table.bad_rows:
            table.note(row, column, message, hint)
    table.raise_problems()
    return found


def _crosses(accounts: list[str], modes: list[Any], figures: dict[str, Floats]) -> npt.NDArray[np.bool_]:
    """Return which rows are margined with the rest of their account; one that does not say is if it is not alone."""
    times = Counter(name for name in accounts if name)
    only_wallet = (
        np.isnan(figures["margin_usd"]) & np.isnan(figures["leverage"]) & ~np.isnan(figures["wallet_usd"])
    )
    shared = np.array([times[name] > 1 for name in accounts], np.bool_) | only_wallet
    said = np.array([mode in ("cross", "isolated") for mode in modes], np.bool_)
    return np.where(said, np.array([mode == "cross" for mode in modes], np.bool_), shared)


def _faults(found: Positions) -> Iterator[tuple[int, str, str, str]]:
    """Yield row, column, message and hint of what does not fit within a row or an account."""
    yield from _sizes(found)
    yield from _backings(found)
    yield from _wallets(found)
    count = np.bincount(found.owners())[found.owners()]
    for name in ("stop_price", "take_profit_price"):
        for place in np.flatnonzero((count > 1) & ~np.isnan(getattr(found, name))):
            label = found.label[place]
            message = (
                f"account '{label}' holds {count[place]} positions on one margin: a price closes none of them"
            )
            yield found.rows[place], name, message, "leave it empty, or write margin_mode isolated"


def _sizes(found: Positions) -> Iterator[tuple[int, str, str, str]]:
    """Yield rows that give no size, or two."""
    no_quantity = np.isnan(found.quantity)
    for place in np.flatnonzero(no_quantity == np.isnan(found.notional_usd)):
        has = "neither quantity nor notional_usd" if no_quantity[place] else "both quantity and notional_usd"
        yield found.rows[place], "notional_usd", f"the row has {has}", "write one of them"


def _backings(found: Positions) -> Iterator[tuple[int, str, str, str]]:
    """Yield rows of which nothing says what backs them."""
    owners = found.owners()
    has_wallet = np.zeros(len(owners), np.bool_)
    has_wallet[owners[found.is_cross & ~np.isnan(found.wallet_usd)]] = True
    backed = ~np.isnan(found.leverage) | ~np.isnan(found.margin_usd) | (found.is_cross & has_wallet[owners])
    for place in np.flatnonzero(~backed):
        if math.isnan(found.wallet_usd[place]):
            message = "nothing says what backs the position"
            hint = "write leverage or margin_usd, or wallet_usd for a cross-margined account"
        else:
            message = "an isolated position is backed by its own margin, not by the wallet"
            hint = "write margin_usd or leverage, or margin_mode cross"
        yield found.rows[place], "margin_usd", message, hint


def _wallets(found: Positions) -> Iterator[tuple[int, str, str, str]]:
    """Yield rows that disagree with an earlier one about the wallet of their account."""
    first: dict[int, tuple[float, int]] = {}
    for row, owner, wallet, cross in zip(
        found.rows, found.owners().tolist(), found.wallet_usd.tolist(), found.is_cross.tolist(), strict=True
    ):
        if not cross or math.isnan(wallet):
            continue
        known, where = first.setdefault(owner, (wallet, row))
        if known != wallet:
            message = f"the wallet of this account is {known:g} in row {where}, and {wallet:g} here"
            yield row, "wallet_usd", message, "write one balance for an account, in one row or in each"


def holdings_of(scenario: Scenario, layer: TableLayer) -> Positions:
    """Return the positions of a layer, with the market that each is in and its notional at entry.

    A market that the scenario does not have stays as the file says.

    Raises
    ------
    ScenarioError
        As `read_positions`.
    """
    found = read_positions(layer.file, layer.ignore)
    written = [name or layer.market or "" for name in found.market]
    meant = {name: _meant(scenario, name) for name in set(written)}
    markets = tuple(meant[name] for name in written)
    inverse = {name for name, each in scenario.markets.items() if isinstance(each, InversePerpetual)}
    per_unit = np.where([name in inverse for name in markets], 1.0, found.entry_price)
    notional = np.where(np.isnan(found.notional_usd), found.quantity * per_unit, found.notional_usd)
    return replace(found, market=markets, notional_usd=notional)


def perpetuals_named(scenario: Scenario, written: str) -> list[str]:
    """Return the perpetual markets that a word may mean: a market, an asset, a contract; all of no word."""
    perpetuals = {name: each for name, each in scenario.markets.items() if isinstance(each, Perpetual)}
    if written in perpetuals or not written:
        return [written] if written else list(perpetuals)
    return [name for name, each in perpetuals.items() if written in (each.asset, name.partition(":")[2])]


def _meant(scenario: Scenario, written: str) -> str:
    """Return the one market that a word means, or the word."""
    found = perpetuals_named(scenario, written)
    return found[0] if len(found) == 1 else written


def margins_of(found: Positions) -> Floats:
    """Return the margin that each row brings to its account in USD; NaN where leverage says it.

    The wallet of an account counts once, in its first row.
    """
    owners = found.owners()
    wallets = np.full(len(owners), math.nan)
    said = np.flatnonzero(found.is_cross & ~np.isnan(found.wallet_usd))
    wallets[owners[said][::-1]] = found.wallet_usd[said][::-1]
    first = np.zeros(len(owners), np.bool_)
    first[np.unique(owners, return_index=True)[1]] = True
    of_wallet = np.where(first, wallets[owners], 0.0)
    return np.where(np.isnan(wallets[owners]), found.margin_usd, of_wallet)


def _or_nothing(parse: Callable[[Any], Any], nothing: Any) -> Parser:
    """Return a parser that takes an empty cell, too."""

    def parsed(cell: Any) -> Any:
        return nothing if is_empty(cell) else parse(cell)

    return parsed


def _side(cell: Any) -> bool:
    return _one_of(cell, ("long", "short"), "a side") == "long"


def _mode(cell: Any) -> str:
    return _one_of(cell, ("isolated", "cross"), "a margin mode")


def _one_of(cell: Any, words: tuple[str, str], what: str) -> str:
    text = str(cell).strip().lower()
    if text not in words:
        message = f"{shown(cell)} is not {what}{did_you_mean(text, words)}"
        raise BadCellError(message, f"write {words[0]} or {words[1]}")
    return text

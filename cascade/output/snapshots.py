"""Rows of the tables that are pictures of a moment: open positions, the book, the funds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cascade.output.columns import category
from cascade.output.convert import BOOK_ROW, FUND_ROW, SIDES, MarketRows, from_columns
from cascade.output.run_units import Ints, RunUnits

if TYPE_CHECKING:
    import pyarrow as pa

Array = npt.NDArray[Any]


def positions_batch(
    positions: Array,
    accounts: Array,
    balances: Array,
    marks: Ints,
    units: RunUnits,
    *,
    step: int,
    replicate: int,
) -> pa.RecordBatch:
    """Return the open positions as a batch of `accounts`.

    Parameters
    ----------
    positions, accounts, balances
        POSITION and ACCOUNT records and quote balances (n_accounts, n_settlements) of the state.
    marks
        Mark of each market in ticks, shape (n_markets,).
    """
    unit = np.array([market.unit for market in units.markets], dtype=np.int64)
    per_position = positions["lots"] * marks[positions["market"]] * unit[positions["market"]]
    equity = balances.sum(axis=1)
    np.add.at(equity, positions["account"], per_position)
    is_open = positions["lots"] != 0
    rows, value = positions[is_open], per_position[is_open]
    owner = rows["account"]
    markets = MarketRows(rows["market"], units)
    size = np.abs(rows["lots"])
    entry_ticks = rows["entry_value"] / (rows["lots"] * markets.per_row("unit"))
    named = {
        **markets.names(),
        "account": owner.astype(np.int64),
        "kind": category(accounts["kind"][owner], units.kinds),
        "reporting": markets.reporting(accounts["tag"][owner].astype(np.int64)),
        "side": category((rows["lots"] > 0).astype(np.int64), SIDES),
        "position_lots": size,
        "position_usd": markets.money(np.abs(value)),
        "entry_price": entry_ticks * markets.per_row("tick_size"),
        "profit_usd": markets.money(value - rows["entry_value"]),
        "balance_usd": markets.money(balances.sum(axis=1)[owner]),
        "equity_usd": markets.money(equity[owner]),
    }
    steps = np.full(len(rows), step, dtype=np.int64)
    return from_columns("accounts", named, units, replicate, steps=steps)


def book_rows(market: int, step: int, ticks: Ints, lots: Ints, mid2: int) -> Array:
    """Return the levels of one book as `BOOK_ROW` records; lots are positive for bids.

    `mid2` is best bid plus best ask in ticks, or 0 where a side is empty.
    """
    rows = np.zeros(len(ticks), dtype=BOOK_ROW)
    rows["step"], rows["market"], rows["mid2"] = step, market, mid2
    rows["tick"], rows["lots"] = ticks, lots
    return rows


def fund_rows(step: int, equity: Ints, uncovered: Ints, ledger: Array) -> Array:
    """Return the funds as `FUND_ROW` records, one per settlement, from the LEDGER of the state.

    `uncovered` is what funds owe beyond what they have: nobody stands behind them, nor one for another.
    """
    rows = np.zeros(len(ledger), dtype=FUND_ROW)
    rows["step"], rows["fund"], rows["equity"] = step, np.arange(len(ledger)), equity
    rows["uncovered"] = uncovered
    rows["income"], rows["losses"] = ledger["fund_income"], ledger["fund_losses"]
    for name in ("adl_value", "fees", "deposits", "withdrawals"):
        rows[name] = ledger[name]
    return rows

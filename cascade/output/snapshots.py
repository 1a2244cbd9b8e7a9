"""Rows of the tables that are pictures of a moment: open positions, the book."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cascade.core.exact import lot_values_of
from cascade.output.columns import category, owned
from cascade.output.convert import BOOK_ROW, SIDES, MarketRows, from_columns
from cascade.output.run_units import COIN_UNIT, USD_UNIT, Ints, RunUnits, scale

if TYPE_CHECKING:
    import pyarrow as pa

    from cascade.assembly import Owners

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
    owners: Owners | None = None,
) -> pa.RecordBatch:
    """Return the open positions as a batch of `accounts`.

    Parameters
    ----------
    positions, accounts, balances
        POSITION and ACCOUNT records and quote balances (n_accounts, n_settlements) of the state.
    marks
        Mark of each market in ticks, shape (n_markets,).
    """
    per_position = positions["lots"] * _lot_values(marks, units)[positions["market"]]
    equity = balances.copy()
    np.add.at(equity, (positions["account"], _settlements(units)[positions["market"]]), per_position)
    prices = _asset_prices(marks, units, balances.shape[1])
    is_open = positions["lots"] != 0
    rows, value = positions[is_open], per_position[is_open]
    owner = rows["account"]
    markets = MarketRows(rows["market"], units)
    size = np.abs(rows["lots"])
    at = marks[rows["market"]]
    entry_ticks = markets.fill_ticks(rows["lots"], rows["entry_value"])
    named = {
        **markets.names(),
        "account": owner.astype(np.int64),
        **(owned(owners, owner) if owners is not None else {}),
        "kind": category(accounts["kind"][owner], units.kinds),
        "reporting": markets.reporting(accounts["tag"][owner].astype(np.int64)),
        "side": category((rows["lots"] > 0).astype(np.int64), SIDES),
        "position_lots": size,
        "position_usd": markets.notional(size, at),
        "mean_entry_price": entry_ticks * markets.per_row("tick_size"),
        "profit_usd": markets.money(value - rows["entry_value"], markets.prices(at)),
        "balance_usd": _in_usd(balances, prices)[owner],
        "equity_usd": _in_usd(equity, prices)[owner],
    }
    steps = np.full(len(rows), step, dtype=np.int64)
    return from_columns("accounts", named, units, replicate, steps=steps)


def _lot_values(marks: Ints, units: RunUnits) -> Ints:
    """Return what a lot of each market is worth at its mark, in money units of its settlement asset."""
    unit = np.array([market.unit for market in units.markets], dtype=np.int64)
    inverse = np.array([market.inverse for market in units.markets])
    return lot_values_of(unit, inverse, marks)


def _settlements(units: RunUnits) -> Ints:
    """Return the number of the asset that each market settles in."""
    return np.array(
        [units.funds.index(m.settlement) if m.inverse else 0 for m in units.markets], dtype=np.int64
    )


def _asset_prices(marks: Ints, units: RunUnits, n: int) -> list[float]:
    """Return the USD of a money unit of each settlement asset, at the mark of the first market that settles in it."""
    worth = [USD_UNIT] * n
    for m, s in reversed(list(enumerate(_settlements(units)))):
        if units.markets[m].inverse:
            worth[s] = COIN_UNIT * float(marks[m]) * units.markets[m].tick_size
    return worth


def _in_usd(amounts: Array, worth: list[float]) -> Array:
    """Return the sum of each row's amounts by settlement asset, in USD."""
    total = scale(amounts[:, 0], worth[0])
    for s in range(1, len(worth)):
        total = total + amounts[:, s] * worth[s]
    return total


def book_rows(market: int, step: int, ticks: Ints, lots: Ints, mid2: int) -> Array:
    """Return the levels of one book as `BOOK_ROW` records; lots are positive for bids.

    `mid2` is best bid plus best ask in ticks, or 0 where a side is empty.
    """
    rows = np.zeros(len(ticks), dtype=BOOK_ROW)
    rows["step"], rows["market"], rows["mid2"] = step, market, mid2
    rows["tick"], rows["lots"] = ticks, lots
    return rows

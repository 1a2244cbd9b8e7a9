"""The log of liquidations: a row is opened with the state before an order and closed with what came of it."""

from __future__ import annotations

from cascade.compiler.jit import kernel, outlined
from cascade.core.collateral import counted_value
from cascade.core.margin import Standing, bankruptcy_tick, failing_tick
from cascade.core.params import POOL, Params
from cascade.core.state import NONE, State


@outlined
def open_row(st: State, p: Params, position: int, size: int, part: int, standing: Standing) -> int:
    """Open the row of an order for `size` lots of a position, with the state before it; return its number."""
    clock, held = st.clock[0], st.positions[position]
    account, m = held.account, held.market
    number = clock.n_liquidations
    row = st.liquidations[number]
    row.step, row.wave, row.account, row.market, row.part = clock.step, clock.wave, account, m, part
    row.side, row.position_lots, row.order_lots = 1 if held.lots > 0 else -1, abs(held.lots), size
    row.trigger_mark, row.tag = st.markets[m].mark, st.accounts[account].tag
    row.bankruptcy_tick = bankruptcy_tick(p, m, held.lots, standing.equity - counted_value(st, p, position))
    row.liquidation_tick, row.shortfall = (
        _began_to_fail(st, p, position),
        standing.maintenance - standing.equity,
    )
    row.life, row.leverage = NONE, 0.0
    trader = account - p.run[0].first_trader
    if 0 <= trader < len(st.traders):
        row.life, row.leverage = st.traders[trader].life, st.traders[trader].leverage
    row.taken_over_lots, row.adl_lots, row.deficit, row.repaid = 0, 0, 0, 0
    clock.n_liquidations += 1
    close_row(st, p, number, 0, 0, 0)
    row.best_before = row.best_after
    st.noted[position - st.accounts[account].first_position] = number
    return number


@kernel
def close_row(st: State, p: Params, number: int, filled: int, value: int, fee: int) -> None:
    """Note what an order has brought: unsigned lots and value filled, and its fee, which the fund pays if negative."""
    row = st.liquidations[number]
    row.filled_lots, row.filled_value = filled, value
    row.fee, row.fund_draw = max(fee, 0), max(-fee, 0)
    faced = p.markets[row.market].spot if p.markets[row.market].kind == POOL else row.market
    row.worst_tick = st.markets[faced].last
    row.best_after = st.markets[faced].best_bid if row.side > 0 else st.markets[faced].best_ask


@kernel
def drop_row(st: State) -> None:
    """Take the last row back: nothing happened that is worth a row."""
    st.clock[0].n_liquidations -= 1


@kernel
def forget_rows(st: State, account: int) -> None:
    """Begin the liquidation of an account: none of its positions has a row yet."""
    for place in range(st.accounts[account].n_positions):
        st.noted[place] = NONE


@kernel
def row_of(st: State, account: int, position: int) -> int:
    """Return the last row of a position of the account that is being liquidated, or NONE."""
    return st.noted[position - st.accounts[account].first_position]


@outlined
def _began_to_fail(st: State, p: Params, position: int) -> int:
    """Return the tick at which a position that is margined alone began to fail, or NONE."""
    row = st.positions[position]
    if st.accounts[row.account].n_positions != 1 or p.markets[row.market].n_tiers == 0:
        return NONE
    balance = st.balances[row.account, p.markets[row.market].settlement]
    return failing_tick(p, row.market, row.lots, balance, st.markets[row.market].mark_before)

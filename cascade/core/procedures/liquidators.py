"""Let liquidators repay debt and sell the collateral that they seize (Aave v3; venues.md 2.8)."""

from __future__ import annotations

from cascade.compiler.jit import outlined
from cascade.core.exact import lot_value
from cascade.core.lending import call
from cascade.core.liquidation_log import close_row, drop_row, open_row
from cascade.core.margin import Standing, is_flat, is_safe, standing_of
from cascade.core.params import Params
from cascade.core.procedures.forced_order import OPEN, SAFE
from cascade.core.state import NONE, State


@outlined
def liquidate(st: State, p: Params, account: int, standing: Standing) -> int:
    """Let liquidators call each collateral in turn as far as it pays; the rest waits for later tests.

    Where none pays, the first test says so in the log and the following are silent.
    """
    row = st.accounts[account]
    before, was_waiting, paid = st.clock[0].n_liquidations, row.cooling_until != NONE, False
    for k in range(row.first_position, row.first_position + row.n_positions):
        if st.positions[k].lots == 0:
            continue
        part = st.clock[0].n_liquidations - before
        paid = _call_collateral(st, p, account, k, part, was_waiting, standing) or paid
        standing = standing_of(st, p, account)
        if is_safe(standing) or is_flat(st, account):
            return SAFE
    if paid:
        row.cooling_until = NONE
    elif st.clock[0].n_liquidations > before:
        row.cooling_until = st.clock[0].step
    return OPEN


@outlined
def _call_collateral(
    st: State, p: Params, account: int, position: int, part: int, was_waiting: bool, standing: Standing
) -> bool:
    """Let liquidators call one collateral and log it; tell whether any did."""
    m = st.positions[position].market
    value_at_mark = lot_value(p.markets[m], st.markets[m].mark)
    row = open_row(st, p, position, 0, part, standing)
    wanted, sold, value, protocol, repaid = call(st, p, account, position)
    if wanted == 0 or (sold == 0 and was_waiting):
        drop_row(st)
        return False
    close_row(st, p, row, sold, value, 0)
    log = st.liquidations[row]
    log.order_lots, log.repaid = wanted, repaid
    log.taken_over_lots, log.fund_draw = protocol, -protocol * value_at_mark
    st.markets[m].long_liquidated += (sold + protocol) * value_at_mark
    st.clock[0].events += 1
    return sold > 0

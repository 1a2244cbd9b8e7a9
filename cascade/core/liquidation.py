"""The liquidation of one account, in order: cancel, test again, procedure, hand over, close.

Marks are frozen within a wave. One account is one item: it is processed as a whole, after room for its
worst case has been checked. Residuals that the fund may not take wait for the batch of
auto-deleveraging, so that every liquidation fill precedes any ADL fill.
"""

from __future__ import annotations

from cascade.compiler.jit import kernel, outlined
from cascade.core.backstop import add_residuals, buy_holdings, close_wallet, fund_accepts, take_over
from cascade.core.book import cancel_account
from cascade.core.liquidation_log import forget_rows, open_row, row_of
from cascade.core.margin import equity_of, is_flat, is_safe, standing_of
from cascade.core.params import SLICES_RULE, Params
from cascade.core.procedures import proceed
from cascade.core.procedures.forced_order import FAILED, SAFE
from cascade.core.seats import abandon_life
from cascade.core.state import NONE, State
from cascade.core.triggers import retrigger


@outlined
def rows_needed(st: State, p: Params, account: int) -> int:
    """Return the most forced orders that liquidating an account can take."""
    row = st.accounts[account]
    first = row.first_position
    total = 0
    for k in range(first, first + row.n_positions):
        position = st.positions[k]
        if position.lots != 0:
            market = p.markets[position.market]
            total += market.n_tiers + abs(position.lots) // market.max_order + 2
    return total


@outlined
def liquidate(st: State, p: Params, account: int) -> None:
    """Take one flagged account through its venue's procedure at the frozen marks."""
    cancel_account(st, p, account)
    standing, before = standing_of(st, p, account), st.clock[0].n_liquidations
    if is_flat(st, account) or is_safe(standing):
        _end_waiting(st, p, account)
        retrigger(st, p, account)
        return
    forget_rows(st, account)
    abandon_life(st, p, account)
    left = proceed(p.venues[st.accounts[account].venue].procedure, st, p, account, standing)
    if left == FAILED and not _hand_over(st, p, account):
        return
    if is_flat(st, account):
        last = st.clock[0].n_liquidations - 1
        close_wallet(st, p, account, last if last >= before else NONE)
    if left == SAFE:
        _end_waiting(st, p, account)
    retrigger(st, p, account)


@kernel
def _end_waiting(st: State, p: Params, account: int) -> None:
    """Forget that a safe account waited for the book, or for liquidators; a cool-down takes its time, safe or not."""
    row = st.accounts[account]
    if p.venues[row.venue].procedure != SLICES_RULE:
        row.cooling_until = NONE


@outlined
def _hand_over(st: State, p: Params, account: int) -> bool:
    """Give what the book would not take to the fund, or leave it to auto-deleveraging: then False.

    A position for which no order was sent gets its row now.
    """
    row = st.accounts[account]
    standing = standing_of(st, p, account)
    for k in range(row.first_position, row.first_position + row.n_positions):
        if st.positions[k].lots != 0 and row_of(st, account, k) == NONE:
            open_row(st, p, k, 0, 0, standing)
    buy_holdings(st, p, account)
    if is_flat(st, account):
        return True
    if fund_accepts(st, p, account):
        take_over(st, p, account)
        return True
    st.liquidations[st.clock[0].n_liquidations - 1].deficit = max(-equity_of(st, p, account), 0)
    add_residuals(st, p, account)
    return False

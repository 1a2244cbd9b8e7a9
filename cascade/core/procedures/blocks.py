"""Send at most a part of each position at a test, at no worse than its fillable price (dYdX v4; venues.md 2.5)."""

from __future__ import annotations

from cascade.compiler.jit import int64, outlined
from cascade.core.backstop import fillable_tick, fund_may_lose
from cascade.core.exact import usd_value
from cascade.core.margin import Standing, is_flat, is_safe, standing_of
from cascade.core.params import Params
from cascade.core.procedures.forced_order import FAILED, OPEN, SAFE, in_turn, send_to_fund
from cascade.core.state import NONE, State


@outlined
def liquidate(st: State, p: Params, account: int, standing: Standing) -> int:
    """Send a part of each position within the account's budget; the rest goes at later tests.

    Insolvent accounts, and those whose order could cost the fund more than it may lose, are left to
    auto-deleveraging.
    """
    row = st.accounts[account]
    rule = p.blocks[row.venue]
    budget, part = rule.notional, 0
    for turn in range(2 * row.n_positions):
        k = in_turn(st, p, account, turn)
        if k == NONE:
            continue
        if standing.equity < 0:
            return FAILED
        if st.positions[k].lots == 0:
            continue
        m, held = st.positions[k].market, abs(st.positions[k].lots)
        value = usd_value(p.markets[m], st.markets[m].mark)
        size = max(int64(float(held) * rule.share), rule.floor // value)
        size = max(min(size, held, budget // value), 1)
        worst = fillable_tick(st, p, k, standing)
        if not fund_may_lose(st, p, k, size, worst, standing):
            return FAILED
        filled = send_to_fund(st, p, k, min(size, p.markets[m].max_order), worst, part, standing)
        budget -= filled * value
        part += 1
        standing = standing_of(st, p, account)
        if is_safe(standing) or is_flat(st, account):
            return SAFE
        if budget < value:
            break
    return OPEN

"""Send a first slice of what is large and wait before the rest (Hyperliquid)."""

from __future__ import annotations

from cascade.compiler.jit import int64, outlined
from cascade.core.exact import usd_value
from cascade.core.margin import MAX_TICK, Standing, is_flat, is_safe, standing_of
from cascade.core.params import Params
from cascade.core.procedures.forced_order import FAILED, FOREVER, OPEN, SAFE, in_turn, is_for_backstop, send
from cascade.core.state import NONE, State


@outlined
def liquidate(st: State, p: Params, account: int, standing: Standing) -> int:
    """Send a slice of what is large, the whole of what is not, and leave the rest to later tests.

    A cool-down begins with a first slice and ends with its time, or when the account is closed. Below
    the backstop's part of maintenance margin the account is handed over.
    """
    row = st.accounts[account]
    rule, step = p.slices[row.venue], st.clock[0].step
    if is_for_backstop(p, row.venue, standing):
        return FAILED
    if step < row.cooling_until and rule.cooldown_waits != 0:
        return OPEN
    memory = rule.cooldown_steps if rule.cooldown_waits != 0 else 0  # the whole after the wait
    is_cooling = row.cooling_until != NONE and step < row.cooling_until + memory
    part = 0
    for turn in range(2 * row.n_positions):
        k = in_turn(st, p, account, turn)
        if k == NONE or st.positions[k].lots == 0:
            continue
        m, lots = st.positions[k].market, st.positions[k].lots
        size, worst = abs(lots), 1 if lots > 0 else MAX_TICK
        if not is_cooling and size * usd_value(p.markets[m], st.markets[m].mark) > rule.above:
            size = max(int64(float(size) * rule.share), 1)
            row.cooling_until = min(step + rule.cooldown_steps, FOREVER)
        send(st, p, k, min(size, p.markets[m].max_order), worst, part, standing)
        part += 1
        standing = standing_of(st, p, account)
        if is_safe(standing) or is_flat(st, account):
            return SAFE
    return FAILED if is_for_backstop(p, row.venue, standing) else OPEN

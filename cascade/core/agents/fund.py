"""An insurance fund works off what it has taken over."""

from __future__ import annotations

from cascade.compiler.jit import int64, outlined
from cascade.core.agents.sizes import lots_worth
from cascade.core.inbox import append, has_room
from cascade.core.ledger import held_at
from cascade.core.margin import MAX_TICK
from cascade.core.params import IOC, POOL, UNWINDING, Params
from cascade.core.state import State


@outlined
def unwind(st: State, p: Params, v: int, m: int) -> bool:
    """Let the fund of venue v work off what it holds of market m; False where the inbox is full."""
    rule = p.funds[v]
    fund = held_at(st, p.venues[v].fund, m)
    held = st.positions[fund].lots
    if held == 0 or p.run[0].forced_orders == 0 or p.markets[m].kind == POOL:
        return True
    if not has_room(st, 1):
        return False
    size = max(int64(float(abs(held)) * rule.unwind_fraction), 1)
    size = min(size, max(lots_worth(p, st, m, float(rule.unwind_max)), 1))
    lots = -size if held > 0 else size
    limit = MAX_TICK if lots > 0 else 1
    append(st, fund, lots, limit, IOC, UNWINDING, 0.5, 1)
    return True

"""Value traders: they buy below the news value and sell above it, with finite capital."""

from __future__ import annotations

import math

from cascade.compiler.jit import int64, outlined
from cascade.core.inbox import append, has_room
from cascade.core.index import mid_price
from cascade.core.margin import MAX_TICK
from cascade.core.params import ANY, IOC, Params
from cascade.core.state import State
from cascade.rng import ALONE, FIRST, SECOND, uniform


@outlined
def act(st: State, p: Params, k: int) -> bool:
    """Let agent k trade towards the news value, in proportion to the gap beyond its threshold."""
    trader, step = p.agents[k], st.clock[0].step
    if uniform(trader.key, step, ALONE, FIRST) >= trader.rate:
        return True
    if not has_room(st, 1):
        return False
    row = st.positions[trader.position]
    gap = math.log(st.assets[p.markets[row.market].asset].value / mid_price(st, p, row.market))
    wanted = min(trader.gain * max(abs(gap) - trader.threshold, 0.0), trader.max_order)
    held = float(row.lots - trader.initial)
    room = max(trader.cap - math.copysign(1.0, gap) * held, 0.0)
    lots = int64(math.copysign(min(wanted, room), gap))
    if lots != 0:
        limit = MAX_TICK if lots > 0 else 1
        append(st, trader.position, lots, limit, IOC, ANY, uniform(trader.key, step, ALONE, SECOND), 0)
    return True

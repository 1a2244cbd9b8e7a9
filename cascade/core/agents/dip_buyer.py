"""Dip buyers: they buy what has fallen below its own slow mean, with finite capital, and sell it when it is back."""

from __future__ import annotations

import math

from cascade.compiler.jit import int64, kernel, outlined
from cascade.core.agents.sizes import valid_tick
from cascade.core.exact import INVERSE, usd_value
from cascade.core.inbox import append, has_room
from cascade.core.params import ANY, IOC, Params
from cascade.core.state import State
from cascade.core.trails import distance_from
from cascade.rng import ALONE, FIRST, SECOND, uniform


@outlined
def act(st: State, p: Params, k: int) -> bool:
    """Let agent k buy a slice below its threshold, and sell one where the price is at the mean again or above.

    Neither order goes beyond the price that it is sent for: so what is held has cost its capital at most.
    """
    buyer, step = p.agents[k], st.clock[0].step
    if uniform(buyer.key, step, ALONE, FIRST) >= buyer.rate:
        return True
    if not has_room(st, 1):
        return False
    row, gap = st.positions[buyer.position], distance_from(st, p, buyer.own)
    market = p.markets[row.market]
    mean = math.exp(st.trails[buyer.own]) / market.tick_size
    lots, limit = 0, valid_tick(math.ceil(mean))
    if gap < -buyer.threshold:
        limit = valid_tick(math.floor(mean * math.exp(-buyer.threshold)))
        left = buyer.cap - _spent(st, p, k)
        lots = int64(max(min(left / float(usd_value(market, limit)), buyer.max_order), 0.0))
    elif gap >= 0.0:
        lots = -min(row.lots, int64(buyer.max_order))
    if lots != 0:
        append(st, buyer.position, lots, limit, IOC, ANY, uniform(buyer.key, step, ALONE, SECOND), 0)
    return True


@kernel
def _spent(st: State, p: Params, k: int) -> float:
    """Return what agent k has paid for what it holds, in USD money units."""
    row = st.positions[p.agents[k].position]
    market = p.markets[row.market]
    if market.contract == INVERSE:
        return abs(float(row.lots)) * float(market.face)
    return abs(float(row.entry_value))

"""News-takers: they take quotes that the fair value has left behind."""

from __future__ import annotations

import math

from cascade.compiler.jit import outlined
from cascade.core.agents.makers.opinion import fair_value
from cascade.core.agents.sizes import lots_worth, valid_tick
from cascade.core.flow import poisson
from cascade.core.inbox import append, has_room
from cascade.core.params import IOC, NEWS, Params
from cascade.core.state import State
from cascade.rng import ALONE, uniform

CALLS = 1_000
"""Number of the draw of how many calls a news-taker makes."""


@outlined
def act(st: State, p: Params, k: int) -> bool:
    """Let agent k take quotes that the fair value has left behind; False where the inbox is full."""
    taker = p.agents[k]
    step = st.clock[0].step
    calls = poisson(taker.key, step, ALONE, CALLS, taker.rate)
    if not has_room(st, calls):
        return False
    m = st.positions[taker.position].market
    market = st.markets[m]
    fair = fair_value(st, p, m) / p.markets[m].tick_size
    highest, lowest = (
        valid_tick(math.floor(fair * (1.0 - taker.threshold))),
        valid_tick(math.ceil(fair * (1.0 + taker.threshold))),
    )
    lots = lots_worth(p, st, m, taker.max_order)
    for call in range(calls):
        offset = uniform(taker.key, step, ALONE, call)
        if market.best_ask < highest:
            append(st, taker.position, lots, highest, IOC, NEWS, offset, 0)
        elif market.best_bid > lowest:
            append(st, taker.position, -lots, lowest, IOC, NEWS, offset, 0)
    return True

"""Background flow: uninformed market and limit orders."""

from __future__ import annotations

import math

from cascade.compiler.jit import int64, outlined
from cascade.core.agents.sizes import lots_worth, valid_tick
from cascade.core.book import NO_ASK, NO_BID
from cascade.core.flow import poisson, quantile
from cascade.core.inbox import append, has_room
from cascade.core.margin import MAX_TICK
from cascade.core.params import ANY, IOC, LIMIT, Params
from cascade.core.state import State
from cascade.rng import FIFTH, FIRST, FOURTH, SECOND, THIRD, exponential, uniform

LIMITS = 1_000_000
"""Slots of a flow's limit orders begin here."""


@outlined
def act(st: State, p: Params, k: int) -> bool:
    """Write the market and limit orders of agent k; False where the inbox is full."""
    own = p.agents[k].own
    flow = p.flows[own]
    step = st.clock[0].step
    n_market = poisson(flow.key, step, FIRST, FIRST, flow.market_rate)
    n_limit = poisson(flow.key, step, SECOND, FIRST, flow.limit_rate)
    if not has_room(st, n_market + n_limit):
        return False
    m = st.positions[flow.market_position].market
    for j in range(n_market):
        size = flow.scale * quantile(p, flow.market_size, uniform(flow.key, step, 2 + j, FIRST))
        lots = lots_worth(p, st, m, size)
        if uniform(flow.key, step, 2 + j, SECOND) < 0.5:
            lots = -lots
        if lots != 0:
            limit = MAX_TICK if lots > 0 else 1
            offset = uniform(flow.key, step, 2 + j, THIRD)
            append(st, flow.market_position, lots, limit, IOC, ANY, offset, 0)
    for j in range(n_limit):
        _send_limit(st, p, own, m, LIMITS + j)
    return True


@outlined
def _send_limit(st: State, p: Params, k: int, m: int, slot: int) -> None:
    """Write one background limit order at a drawn distance from the opposite best, with a drawn life."""
    flow = p.flows[k]
    market = st.markets[m]
    step = st.clock[0].step
    if market.best_ask == NO_ASK or market.best_bid == NO_BID:
        return
    size = flow.scale * quantile(p, flow.limit_size, uniform(flow.key, step, slot, FIRST))
    lots = lots_worth(p, st, m, size)
    away = quantile(p, flow.distance, uniform(flow.key, step, slot, SECOND)) * float(market.mark)
    if lots == 0:
        return
    if uniform(flow.key, step, slot, THIRD) < 0.5:
        tick = valid_tick(math.floor(float(market.best_ask) - away))
    else:
        tick, lots = valid_tick(math.ceil(float(market.best_bid) + away)), -lots
    offset = uniform(flow.key, step, slot, FOURTH)
    number = append(st, flow.limit_position, lots, tick, LIMIT, ANY, offset, 0)
    life = int64(flow.life * exponential(flow.key, step, slot, FIFTH))
    st.inbox[number].life_steps = min(life, 1_000_000_000) + 1

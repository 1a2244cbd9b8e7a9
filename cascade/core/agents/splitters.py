"""Flow whose signs have a memory: splitters who work large orders in pieces, single orders, and a follower.

The memory is that of Lillo, Mike and Farmer (arXiv cond-mat/0412708): pieces a parent order follow a Pareto law.
Rates follow activity. New parents and single orders tilt towards what quotes have done by news and lean, never
by their own impact; a follower works the same off over some seconds. Forced orders draw single ones after them.
"""

from __future__ import annotations

import math

from cascade.compiler.jit import int64, kernel, outlined
from cascade.core.agents.sizes import lots_worth
from cascade.core.exact import usd_value
from cascade.core.flow import poisson, quantile
from cascade.core.inbox import append, has_room
from cascade.core.margin import MAX_TICK
from cascade.core.params import ANY, IOC, Params
from cascade.core.state import State
from cascade.rng import FIFTH, FIRST, FOURTH, SECOND, THIRD, normal, uniform

LENGTH = FIFTH + 1
"""Number of the draw of how many pieces a parent order has."""

COUNT, FOLLOWER, ORDERS, DRAWN = 1, 2, 3, 1 << 20
"""Slots of the draws of a step: how many orders, the follower; from here on an order each, and one that forced orders
draw: with slots of their own these leave the luck of the others as it is."""


@outlined
def act(st: State, p: Params, k: int) -> bool:
    """Write the market orders of agent k; False where the inbox is full."""
    own, step = p.agents[k].own, st.clock[0].step
    flow, crowd = p.splitters[own], st.crowds[own]
    m = st.positions[flow.first_position].market
    asset, usual = st.assets[p.markets[m].asset], p.assets[p.markets[m].asset].volatility
    memory = flow.swing_decay if step > 0 else 0.0
    swing = memory * crowd.swing + math.sqrt(1.0 - memory * memory) * normal(flow.key, step, COUNT, FIRST)
    busy = asset.activity**flow.activity_power
    rate = flow.rate * busy * math.exp(flow.daytime_power * asset.daytime + flow.swing * swing)
    n = poisson(flow.key, step, COUNT, THIRD, rate)
    drawn = poisson(flow.key, step, COUNT, FIFTH, rate * asset.drawn) if asset.drawn > 0.0 else 0
    if not has_room(st, n + drawn + 1):
        return False
    moved = asset.moved / (usual * asset.activity) if usual > 0.0 else 0.0
    crowd.swing, crowd.trend = swing, flow.trend_decay * crowd.trend + (1.0 - flow.trend_decay) * moved
    trend, held = flow.trend_scale * crowd.trend, _held(st, p, k) / flow.holds
    for j in range(n):
        _send_order(st, p, own, m, ORDERS + j, trend, moved, held)
    for j in range(drawn):
        _send_single(st, p, own, m, DRAWN + j, moved, held)
    if uniform(flow.key, step, FOLLOWER, FIRST) < flow.follow_rate:
        money, offset = flow.follow_size * busy * trend, uniform(flow.key, step, FOLLOWER, SECOND)
        _send(st, p, flow.first_position, m, money, offset)
    return True


@outlined
def _send_order(
    st: State, p: Params, own: int, m: int, slot: int, trend: float, moved: float, held: float
) -> None:
    """Write one order: the next piece of a parent, or one of somebody else's."""
    flow, step = p.splitters[own], st.clock[0].step
    if uniform(flow.key, step, slot, FIRST) >= flow.split_share:
        _send_single(st, p, own, m, slot, moved, held)
        return
    trader = int64(uniform(flow.key, step, slot, SECOND) * float(flow.n_parents))
    parent = st.parents[flow.first_parent + trader]
    if parent.left == 0:
        side = uniform(flow.key, step, slot, THIRD)
        parent.side = 1 if side < _chance(flow.parent_tilt * trend - held) else -1
        parent.piece = min(_size(st, p, own, slot), flow.most)
        run = uniform(flow.key, step, slot, LENGTH) ** (-1.0 / flow.run_exponent)
        parent.left = int64(min(run, flow.run_most))
    parent.left -= 1
    money, offset = float(parent.side) * parent.piece, uniform(flow.key, step, slot, FOURTH)
    _send(st, p, flow.first_position + 1 + trader, m, money, offset)


@kernel
def _send_single(st: State, p: Params, own: int, m: int, slot: int, moved: float, held: float) -> None:
    """Write an order of somebody who sends but one."""
    flow, step = p.splitters[own], st.clock[0].step
    trader = flow.n_parents + int64(uniform(flow.key, step, slot, SECOND) * float(flow.n_singles))
    buys = uniform(flow.key, step, slot, THIRD) < _chance(flow.single_tilt * moved - held)
    money = _size(st, p, own, slot) if buys else -_size(st, p, own, slot)
    offset = uniform(flow.key, step, slot, FOURTH)
    _send(st, p, flow.first_position + 1 + trader, m, money, offset)


@kernel
def _size(st: State, p: Params, own: int, slot: int) -> float:
    """Return the drawn money of an order."""
    flow = p.splitters[own]
    return flow.scale * quantile(p, flow.order_size, uniform(flow.key, st.clock[0].step, slot, FIFTH))


@kernel
def _chance(tilt: float) -> float:
    """Return the probability of a buy order under a tilt from -1 to 1."""
    return 0.5 + 0.5 * min(max(tilt, -1.0), 1.0)


@kernel
def _held(st: State, p: Params, k: int) -> float:
    """Return the money that the traders of agent k have bought, net."""
    flow, lots = p.splitters[p.agents[k].own], 0
    for trader in range(1 + flow.n_parents + flow.n_singles):
        lots += st.positions[flow.first_position + trader].lots - p.agents[k].initial
    m = st.positions[flow.first_position].market
    return float(lots) * float(usd_value(p.markets[m], st.markets[m].mark))


@kernel
def _send(st: State, p: Params, position: int, m: int, money: float, offset: float) -> None:
    """Write an order over signed money that takes what it finds."""
    lots = lots_worth(p, st, m, money)
    if lots != 0:
        limit = MAX_TICK if lots > 0 else 1
        append(st, position, lots, limit, IOC, ANY, offset, 0)

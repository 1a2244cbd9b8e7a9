"""Liquidation hunters: they push the price into levels where others are liquidated, and close into the forced orders."""

from __future__ import annotations

import math
from typing import NamedTuple

from cascade.compiler.jit import int64, kernel, outlined
from cascade.core.agents.sizes import valid_tick
from cascade.core.agents.wallets import lots_borne
from cascade.core.bitmap import first_from, last_until
from cascade.core.book import NO_ASK, NO_BID
from cascade.core.buckets import HIGH, LOW, TRIGGERS, bitmap_at, bucket_at
from cascade.core.exact import usd_value
from cascade.core.halts import is_shut
from cascade.core.inbox import append, has_room
from cascade.core.margin import MAX_TICK, equity_of
from cascade.core.params import ANY, CANCEL_ALL, IOC, POST_ONLY, Params
from cascade.core.propagator import feel
from cascade.core.state import NONE, State
from cascade.core.window import depth_between
from cascade.rng import ALONE, FIFTH, FIRST, SECOND, THIRD, normal, uniform

LOOKS, PUSHES, CLOSES, TAKES, GONE = range(5)
"""Stages: it looks for levels, trades towards them, closes by quotes into what they set off, then by taking; it has
lost what it may, and closes by taking for good."""


class Fuel(NamedTuple):
    """What pushes on within reach on a side, in lots, and the tick that is the middle of it."""

    lots: float
    tick: int


@outlined
def act(st: State, p: Params, k: int) -> bool:
    """Let hunter k look for fuel, push towards it, or close."""
    hunter, step = p.agents[k], st.clock[0].step
    desk, m = st.desks[hunter.own], st.positions[hunter.position].market
    if desk.stage == GONE and st.positions[hunter.position].lots == 0:
        return True
    if uniform(hunter.key, step, ALONE, FIRST) >= hunter.rate:
        return True
    if not has_room(st, 2):
        return False
    market = st.markets[m]
    if is_shut(st, m) or market.best_bid == NO_BID or market.best_ask == NO_ASK:
        return True
    if desk.stage == CLOSES:
        _show(st, p, k)
    if _has_lost(st, p, k):
        desk.stage = GONE
    if desk.stage == LOOKS:
        _look(st, p, k)
    elif desk.stage == PUSHES:
        _push(st, p, k)
    else:
        _close(st, p, k)
    return True


@kernel
def _has_lost(st: State, p: Params, k: int) -> bool:
    """Tell whether hunter k has lost the part that it may of what it had at the start."""
    hunter = p.agents[k]
    rule, equity = p.ties[hunter.own], equity_of(st, p, st.positions[hunter.position].account)
    return float(equity) < rule.capital * (1.0 - rule.most_lost)


@outlined
def _look(st: State, p: Params, k: int) -> None:
    """Begin an attack on the side where what hunter k thinks is liquidated is worth what is in front of it.

    It sees the levels within its reach with an error; what is in front of them is what the book holds.
    """
    hunter, step = p.agents[k], st.clock[0].step
    rule, desk, m = p.ties[hunter.own], st.desks[hunter.own], st.positions[hunter.position].market
    if st.positions[hunter.position].lots != 0:  # whatever a quote was filled of too late
        desk.stage, desk.due = CLOSES, step + rule.patience
        return
    worth, side = rule.worth, 0
    for way in range(2):
        fuel = _fuel(st, p, m, way, rule.reach)
        draw = THIRD if way == LOW else FIFTH
        seen = fuel.lots * math.exp(rule.error * normal(hunter.key, step, ALONE, draw) - 0.5 * rule.error**2)
        depth = _in_front(st, p, m, way, fuel.tick)
        if seen > 0.0 and depth <= _allowed(st, p, k) and seen / max(depth, 1.0) >= worth:
            worth, side, desk.tick = seen / max(depth, 1.0), 1 if way == HIGH else -1, fuel.tick
    if side != 0:
        desk.side, desk.stage, desk.due = side, PUSHES, step + rule.patience


@outlined
def _fuel(st: State, p: Params, m: int, way: int, reach: float) -> Fuel:
    """Return what hangs in the triggers of market m within reach of its mark, and its mean tick.

    Longs that sell as it falls and shorts that buy as it rises push on; take-profits go against the push. What stops
    out or tops up there is not told from what is liquidated: nobody outside sees that either.
    """
    market = st.markets[m]
    at, heads = bitmap_at(p, m, TRIGGERS + way), bucket_at(p, m, way)
    mark = market.mark - market.window
    last = int64(float(market.mark) * math.exp(reach if way == HIGH else -reach)) - market.window
    total, weighted = 0.0, 0.0
    slot = _next(st, p, at, mark, way)
    while slot != NONE and (slot <= last if way == HIGH else slot >= last):
        lots, node = 0.0, st.trigger_heads[heads + slot]
        while node != NONE:
            held = float(st.positions[node >> 1].lots)
            lots += max(-held if way == HIGH else held, 0.0)
            node = st.triggers[node].next
        total += lots
        weighted += lots * float(slot)
        slot = _next(st, p, at, slot + (1 if way == HIGH else -1), way)
    return Fuel(total, market.window + int64(weighted / total) if total > 0.0 else market.mark)


@kernel
def _next(st: State, p: Params, at: int, slot: int, way: int) -> int:
    """Return the first slot with a trigger from a slot on, away from the mark, or NONE."""
    run = p.run[0]
    if way == HIGH:
        return first_from(st.bits, at, run.n0, run.n1, slot) if slot < run.n_ticks else NONE
    return last_until(st.bits, at, run.n0, run.n1, min(slot, run.n_ticks - 1))


@kernel
def _in_front(st: State, p: Params, m: int, way: int, tick: int) -> float:
    """Return the lots that the book of market m holds between its best price and a tick."""
    slot, n = tick - st.markets[m].window, p.run[0].n_ticks
    if way == HIGH:
        return float(depth_between(st, p, m, 0, slot, True))
    return float(depth_between(st, p, m, n - 1, slot, False))


@kernel
def _allowed(st: State, p: Params, k: int) -> float:
    """Return the lots that hunter k may hold for its equity."""
    hunter = p.agents[k]
    equity = float(equity_of(st, p, st.positions[hunter.position].account))
    return lots_borne(st, p, hunter.position, p.ties[hunter.own].leverage, equity)


@outlined
def _push(st: State, p: Params, k: int) -> None:
    """Trade a slice towards the levels; close once the mark is there, or patience or capital is used up."""
    hunter, step = p.agents[k], st.clock[0].step
    desk, row = st.desks[hunter.own], st.positions[hunter.position]
    mark, side = st.markets[row.market].mark, desk.side
    left = int64(min(_allowed(st, p, k) - abs(float(row.lots)), hunter.max_order))
    is_there = mark <= desk.tick if side < 0 else mark >= desk.tick
    if is_there or left <= 0 or step >= desk.due:
        desk.stage, desk.due, desk.held = CLOSES, step + p.ties[hunter.own].patience, row.lots
        return
    limit = MAX_TICK if side > 0 else 1
    append(st, hunter.position, side * left, limit, IOC, ANY, uniform(hunter.key, step, ALONE, SECOND), 0)


@outlined
def _close(st: State, p: Params, k: int) -> None:
    """Quote at the best price what is held, for forced orders to take; what patience does not close takes.

    A quote rests until the next look, which replaces it: two at a time could fill to more than is held. Who is to
    take cancels before all else of the step, so that nothing is filled by quotes that is not shown.
    """
    hunter, step = p.agents[k], st.clock[0].step
    desk, row = st.desks[hunter.own], st.positions[hunter.position]
    market, offset = st.markets[row.market], uniform(hunter.key, step, ALONE, SECOND)
    if desk.stage == CLOSES and step >= desk.due:
        desk.stage = TAKES
    takes = desk.stage != CLOSES
    append(st, hunter.position, 0, 0, CANCEL_ALL, ANY, 0.0 if takes else offset, 0)
    desk.held = row.lots
    if row.lots == 0:
        desk.stage = GONE if desk.stage == GONE else LOOKS
        return
    most = max(int64(hunter.max_order), 1)
    lots = max(min(-row.lots, most), -most)
    if takes:
        append(st, hunter.position, lots, MAX_TICK if lots > 0 else 1, IOC, ANY, offset, 1)
        return
    tick = valid_tick(market.best_bid if lots > 0 else market.best_ask)
    append(st, hunter.position, lots, tick, POST_ONLY, ANY, offset, 1)


@kernel
def _show(st: State, p: Params, k: int) -> None:
    """Let makers learn from what hunter k's quotes have been filled of since its last look.

    They see flow by whoever takes: one who pushes by taking and closes by quoting would move the price one way alone.
    """
    desk, position = st.desks[p.agents[k].own], p.agents[k].position
    row = st.positions[position]
    lots = row.lots - desk.held
    if lots != 0:
        market = st.markets[row.market]
        market.flow_learnt += lots * usd_value(p.markets[row.market], market.mark)
        feel(st, p, position, lots, ANY)
    desk.held = row.lots

"""Desks of makers who quote several markets of an asset on one capital, and hedge in one what they took in another."""

from __future__ import annotations

import math

from cascade.compiler.jit import int64, kernel, outlined
from cascade.core.agents.sizes import lots_worth
from cascade.core.book import NO_ASK, NO_BID
from cascade.core.exact import lot_value, usd_value
from cascade.core.funding import average_price
from cascade.core.halts import is_shut
from cascade.core.inbox import append, has_room
from cascade.core.index import mid_price
from cascade.core.margin import MAX_TICK
from cascade.core.params import ANY, CANCEL, IOC, POST_ONLY, Params
from cascade.core.state import NONE, State
from cascade.rng import ALONE, SECOND, uniform

WAITS, QUOTES = 0, 1
"""Stages of a hedge: it is on its way; it rests as a quote."""


@outlined
def act(st: State, p: Params, k: int) -> bool:
    """Let desk k count what it holds, and hedge what has been open beyond its threshold for its delay.

    Where no other market is open the inventory stays, and what it uses of the capital is missing in every market.
    """
    hedger, step = p.agents[k], st.clock[0].step
    rule, desk = p.ties[hedger.own], st.desks[hedger.own]
    net = _count(st, p, rule.maker, rule.capital)
    if hedger.rate == 0.0:  # it holds what it took
        return True
    if desk.stage == QUOTES and (abs(net) <= hedger.threshold or (net > 0.0) == (desk.side > 0)):
        if not has_room(st, 1):
            return False
        if step < desk.due:  # then its life ends by itself
            _recall(st, p, rule.maker)
        desk.due, desk.stage = 0, WAITS
        return True
    if abs(net) <= hedger.threshold:
        desk.due = 0
        return True
    if desk.due == 0:
        desk.due = step + rule.delay
    if step < desk.due:
        return True
    money = -math.copysign(min(abs(net), hedger.max_order), net)
    to = _cheapest(st, p, rule.maker, net, abs(money))
    if to == NONE:
        return True
    if not has_room(st, 1):
        return False
    position = p.makers[to].position
    lots = lots_worth(p, st, st.positions[position].market, money)
    offset = uniform(hedger.key, step, ALONE, SECOND)
    if rule.patience > 0 and desk.stage == WAITS:
        desk.stage, desk.due, desk.side = QUOTES, step + rule.patience, 1 if net < 0.0 else -1
        _quote(st, position, lots, offset, rule.patience)
        return True
    desk.stage, desk.due = WAITS, 0  # what the book does not take waits as long again
    if lots != 0:
        append(st, position, lots, MAX_TICK if lots > 0 else 1, IOC, ANY, offset, 0)
    return True


@kernel
def _inventory(st: State, p: Params, k: int) -> float:
    """Return what maker k holds, in USD money units."""
    maker = p.makers[k]
    row = st.positions[maker.position]
    worth = usd_value(p.markets[row.market], st.markets[row.market].mark)
    return float((row.lots - maker.initial) * worth)


@outlined
def _count(st: State, p: Params, first: int, capital: float) -> float:
    """Return what the makers of a desk hold, net, in USD money units, and let each of them know.

    What they hold, long and short added up, leaves them that much less room.
    """
    net, used, k = 0.0, 0.0, first
    while True:
        held = _inventory(st, p, k)
        net += held
        used += abs(held)
        k = p.makers[k].desk
        if k == first:
            break
    while True:
        maker = p.makers[k]
        m = st.positions[maker.position].market
        st.purses[k].net = net / (maker.cap * float(usd_value(p.markets[m], st.markets[m].mark)))
        st.purses[k].room = max(1.0 - used / capital, 0.0) if capital > 0.0 else 1.0
        k = maker.desk
        if k == first:
            break
    return net


@outlined
def _cheapest(st: State, p: Params, first: int, net: float, money: float) -> int:
    """Return the maker of the desk whose market takes a hedge nearest to its mid, or NONE where all are shut.

    The market that most of what is open came from is none of them; without capital left, nor is one in which the
    desk would hold more.
    """
    source, most, k = first, 0.0, first
    while True:
        held = math.copysign(1.0, net) * _inventory(st, p, k)
        if held > most:
            source, most = k, held
        k = p.makers[k].desk
        if k == first:
            break
    best, least = NONE, 1.0
    while True:
        if k != source and (st.purses[k].room > 0.0 or math.copysign(1.0, net) * _inventory(st, p, k) > 0.0):
            slip = _slippage(st, p, st.positions[p.makers[k].position].market, net < 0.0, money)
            if slip < least:
                best, least = k, slip
        k = p.makers[k].desk
        if k == first:
            break
    return best


@kernel
def _slippage(st: State, p: Params, m: int, buys: bool, money: float) -> float:
    """Return how far from its mid market m takes a hedge, as a share; 1 where it takes none."""
    market = st.markets[m]
    if is_shut(st, m) or market.best_bid == NO_BID or market.best_ask == NO_ASK:
        return 1.0
    worth = float(usd_value(p.markets[m], market.mark))
    wanted = int64(money / worth * abs(float(lot_value(p.markets[m], market.mark))))
    return abs(average_price(st, p, m, buys, max(wanted, 1)) / mid_price(st, p, m) - 1.0)


@kernel
def _quote(st: State, position: int, lots: int, offset: float, patience: int) -> None:
    """Let a hedge rest at the best price of its side for as long as there is patience."""
    market = st.markets[st.positions[position].market]
    if lots != 0:
        tick = market.best_bid if lots > 0 else market.best_ask
        number = append(st, position, lots, tick, POST_ONLY, ANY, offset, 0)
        st.inbox[number].life_steps = patience


@outlined
def _recall(st: State, p: Params, first: int) -> None:
    """Cancel the hedge of a desk that rests: what it was for has gone. Its makers' other orders are their quotes."""
    k = first
    while True:
        order = st.accounts[st.positions[p.makers[k].position].account].first_order
        while order != NONE:
            row = st.orders[order]
            if row.quote == NONE:
                number = append(st, row.position, 0, 0, CANCEL, ANY, 0.0, 0)
                st.inbox[number].ref, st.inbox[number].generation = order, row.generation
                return
            order = row.own_next
        k = p.makers[k].desk
        if k == first:
            return

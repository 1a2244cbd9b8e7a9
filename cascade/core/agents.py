"""Who trades besides the leveraged accounts; all of them write intents, none calls the book.

Makers, news-takers, background flow, arbitrageurs, the fund that unwinds, and scheduled shocks.
"""

from __future__ import annotations

import math

from cascade.compiler.jit import int64, kernel, outlined
from cascade.core.book import NO_ASK, NO_BID
from cascade.core.exact import INVERSE, lot_value, usd_value
from cascade.core.flow import poisson, quantile
from cascade.core.inbox import append, has_room
from cascade.core.ledger import held_at
from cascade.core.margin import MAX_TICK
from cascade.core.params import (
    ANY,
    CANCEL,
    DEPTH_SHOCK,
    IOC,
    LIMIT,
    MARKET_SHOCK,
    NEWS,
    POOL,
    QUOTE,
    UNWINDING,
    Params,
)  # fmt: skip
from cascade.core.pricing import fair_value
from cascade.core.state import NONE, State
from cascade.rng import ALONE, FIFTH, FIRST, FOURTH, SECOND, THIRD, exponential, normal, uniform

CALLS = 1_000  # number of the draw of how many calls a news-taker makes
LIMITS = 1_000_000  # slots of a flow's limit orders begin here


@kernel
def _lots(p: Params, st: State, m: int, money: float) -> int:
    """Return how many lots of market m a sum of USD, in money units, buys at the mark."""
    return int64(money / float(usd_value(p.markets[m], st.markets[m].mark)))


@kernel
def valid_tick(price: float) -> int:
    """Return a price in ticks as a tick within bounds."""
    return int64(min(max(price, 1.0), float(MAX_TICK)))


# --- shocks and expiries ----------------------------------------------------------------------------


@outlined
def set_depth_shocks(st: State, p: Params) -> None:
    """Set every market's depth factor from the depth shocks that are on."""
    step = st.clock[0].step
    for m in range(len(p.markets)):
        st.markets[m].depth_shock = 1.0
    for k in range(len(p.shocks)):
        shock = p.shocks[k]
        if shock.kind == DEPTH_SHOCK and shock.start <= step < shock.stop:
            st.markets[shock.target].depth_shock *= shock.amount


@outlined
def send_shock(st: State, p: Params, k: int) -> bool:
    """Send what a market shock should have traded by now and has not; False where the inbox is full.

    What the book would not take in the shock's time is sent again until it does.
    """
    shock = p.shocks[k]
    step = st.clock[0].step
    if shock.kind != MARKET_SHOCK or step < shock.start:
        return True
    if not has_room(st, 1):
        return False
    due = shock.amount * min(float(step + 1 - shock.start) / float(shock.stop - shock.start), 1.0)
    lots = math.floor(due) if due > 0.0 else math.ceil(due)
    lots -= st.positions[shock.position].lots - shock.initial
    if lots != 0:
        limit = MAX_TICK if lots > 0 else 1
        append(st, shock.position, lots, limit, IOC, ANY, 0.5, 0)
    return True


@outlined
def expire_orders(st: State, p: Params) -> bool:
    """Write a cancellation, at the beginning of the step, for every order whose life ends in it."""
    clock = st.clock[0]
    order = st.calendars[1, clock.step]
    while order != NONE:
        if not has_room(st, 1):
            return False
        row = st.orders[order]
        after = row.due_next
        number = append(st, row.position, 0, 0, CANCEL, ANY, 0.0, 0)
        st.inbox[number].ref = order
        st.inbox[number].generation = row.generation
        st.calendars[1, clock.step] = after
        if after != NONE:
            st.orders[after].due_prev = NONE
        row.due, row.due_next = NONE, NONE
        order = after
    return True


# --- makers -----------------------------------------------------------------------------------------


@kernel
def _overtakes(st: State, quote: int, bid: int) -> bool:
    """Tell whether a maker's new best bid reaches its own resting best ask, which must then move first."""
    order = st.quotes[quote + 1]
    return order != NONE and bid >= st.orders[order].tick


@outlined
def requote(st: State, p: Params, k: int) -> bool:
    """Let maker k renew the quotes that are off by more than its tolerance; False where the inbox is full."""
    maker = p.makers[k]
    step = st.clock[0].step
    if step > 0 and uniform(maker.key, step, maker.slot, FIRST) >= maker.act:
        return True
    if not has_room(st, 2 * maker.n_levels):
        return False
    row = st.positions[maker.position]
    m = row.market
    inventory = float(row.lots - maker.initial) / maker.cap
    offset = uniform(maker.key, step, maker.slot, SECOND)
    shift = maker.noise * normal(maker.key, step, maker.slot, THIRD) - maker.skew * inventory
    fair = fair_value(st, p, m) * math.exp(shift) / p.markets[m].tick_size
    value = float(usd_value(p.markets[m], st.markets[m].mark))
    thick = st.markets[m].depth_factor * st.markets[m].depth_shock
    buying = thick * min(max(1.0 - inventory, 0.0), 1.0)
    selling = thick * min(max(1.0 + inventory, 0.0), 1.0)
    nearest = p.quote_levels[maker.first_level].distance
    rises = _overtakes(st, maker.first_quote, valid_tick(math.floor(fair * (1.0 - nearest))))
    for turn in range(2 * maker.n_levels):  # the side that gives way first: the other would slide behind it
        j, bids = turn % maker.n_levels, (turn < maker.n_levels) != rises
        level = p.quote_levels[maker.first_level + j]
        quote = maker.first_quote + 2 * j
        away = fair * level.distance
        slack = maker.tolerance * away
        lots = int64(level.money / value)
        if bids:
            bid, size = valid_tick(math.floor(fair - away)), int64(float(lots) * buying)
            _renew(st, maker.position, quote, size, bid, slack, maker.tolerance, offset)
        else:
            ask, size = valid_tick(math.ceil(fair + away)), -int64(float(lots) * selling)
            _renew(st, maker.position, quote + 1, size, ask, slack, maker.tolerance, offset)
    return True


@kernel
def _renew(
    st: State, position: int, quote: int, lots: int, tick: int, slack: float, tolerance: float, offset: float
) -> None:
    """Write a quote intent where the resting quote is off in price or size."""
    order = st.quotes[quote]
    if order != NONE:
        row = st.orders[order]
        near = abs(float(row.tick - tick)) <= slack
        if near and abs(float(row.lots - lots)) <= tolerance * abs(float(lots)):
            return
    elif lots == 0:
        return
    number = append(st, position, lots, tick, QUOTE, ANY, offset, 0)
    st.inbox[number].ref = quote


@outlined
def sweep(st: State, p: Params, k: int) -> bool:
    """Let news-taker k take quotes that the fair value has left behind; False where the inbox is full."""
    taker = p.news_takers[k]
    step = st.clock[0].step
    calls = poisson(taker.key, step, ALONE, CALLS, taker.rate)
    if not has_room(st, calls):
        return False
    m = st.positions[taker.position].market
    market = st.markets[m]
    fair = fair_value(st, p, m) / p.markets[m].tick_size
    highest, lowest = (
        valid_tick(math.floor(fair * (1.0 - taker.edge))),
        valid_tick(math.ceil(fair * (1.0 + taker.edge))),
    )
    lots = _lots(p, st, m, taker.max_order)
    for call in range(calls):
        offset = uniform(taker.key, step, ALONE, call)
        if market.best_ask < highest:
            append(st, taker.position, lots, highest, IOC, NEWS, offset, 0)
        elif market.best_bid > lowest:
            append(st, taker.position, -lots, lowest, IOC, NEWS, offset, 0)
    return True


# --- background flow --------------------------------------------------------------------------------


@outlined
def send_background(st: State, p: Params, k: int) -> bool:
    """Write the market and limit orders of background flow k; False where the inbox is full."""
    flow = p.flows[k]
    step = st.clock[0].step
    n_market = poisson(flow.key, step, FIRST, FIRST, flow.market_rate)
    n_limit = poisson(flow.key, step, SECOND, FIRST, flow.limit_rate)
    if not has_room(st, n_market + n_limit):
        return False
    m = st.positions[flow.market_position].market
    for j in range(n_market):
        size = flow.scale * quantile(p, flow.market_size, uniform(flow.key, step, 2 + j, FIRST))
        lots = _lots(p, st, m, size)
        if uniform(flow.key, step, 2 + j, SECOND) < 0.5:
            lots = -lots
        if lots != 0:
            limit = MAX_TICK if lots > 0 else 1
            offset = uniform(flow.key, step, 2 + j, THIRD)
            append(st, flow.market_position, lots, limit, IOC, ANY, offset, 0)
    for j in range(n_limit):
        _send_limit(st, p, k, m, LIMITS + j)
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
    lots = _lots(p, st, m, size)
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


# --- arbitrage --------------------------------------------------------------------------------------


@outlined
def arbitrage(st: State, p: Params, k: int) -> bool:
    """Let arbitrageur k trade the gap between a perpetual and its spot, and hedge what is left open.

    It sells the dear one and buys the cheap one, in proportion to the gap beyond its threshold,
    within its cap; legs that filled unequally are squared in the perpetual.
    """
    arb = p.arbitrage[k]
    step = st.clock[0].step
    if uniform(arb.key, step, ALONE, FIRST) >= arb.act:
        return True
    if not has_room(st, 2):
        return False
    spot, perpetual = st.positions[arb.spot_position], st.positions[arb.perpetual_position]
    s, f = spot.market, perpetual.market
    ratio = p.markets[s].lot_size / _base_of_lot(st, p, f)
    size = _gap_lots(st, p, k, s, f)
    room = arb.cap - float(abs(perpetual.lots))
    held = float(perpetual.lots)
    if (size > 0.0) == (held > 0.0):
        size = max(min(size, max(room, 0.0)), -max(room, 0.0))
    loose = _exposure(st, p, arb.perpetual_position) + float(spot.lots - arb.initial_spot) * ratio
    hedge = max(min(-loose, arb.max_order), -arb.max_order)
    offset = uniform(arb.key, step, ALONE, SECOND)
    _send(st, arb.perpetual_position, int64(size + hedge), offset)
    _send(st, arb.spot_position, int64(-size / ratio), offset)
    return True


@kernel
def _base_of_lot(st: State, p: Params, m: int) -> float:
    """Return the units of the asset that one lot of market m stands for, of an inverse contract at the mark."""
    market = p.markets[m]
    if market.contract == INVERSE:
        return market.lot_size / (float(st.markets[m].mark) * market.tick_size)
    return market.lot_size


@kernel
def _exposure(st: State, p: Params, position: int) -> float:
    """Return the lots of a perpetual whose value moves, in USD, as a position does.

    What an inverse contract is worth in its asset when it is entered is what it moves like until it is
    closed, however many lots that is at a later mark.
    """
    row = st.positions[position]
    m = row.market
    if p.markets[m].contract == INVERSE:
        return float(row.entry_value) / float(lot_value(p.markets[m], st.markets[m].mark))
    return float(row.lots)


@kernel
def _gap_lots(st: State, p: Params, k: int, s: int, f: int) -> float:
    """Return the lots of the perpetual to buy (sell, < 0) for the gap between its book and the spot's."""
    arb = p.arbitrage[k]
    spot, perpetual = st.markets[s], st.markets[f]
    if spot.best_bid == NO_BID or spot.best_ask == NO_ASK:
        return 0.0
    if perpetual.best_bid == NO_BID or perpetual.best_ask == NO_ASK:
        return 0.0
    spot_bid, spot_ask = (
        float(spot.best_bid) * p.markets[s].tick_size,
        float(spot.best_ask) * p.markets[s].tick_size,
    )
    bid, ask = (
        float(perpetual.best_bid) * p.markets[f].tick_size,
        float(perpetual.best_ask) * p.markets[f].tick_size,
    )
    dear = bid / spot_ask - 1.0 - arb.threshold
    cheap = 1.0 - ask / spot_bid - arb.threshold
    if dear > 0.0:
        return -min(arb.gain * dear, arb.max_order)
    if cheap > 0.0:
        return min(arb.gain * cheap, arb.max_order)
    return 0.0


@kernel
def _send(st: State, position: int, lots: int, offset: float) -> None:
    """Write an order that takes what it finds."""
    if lots != 0:
        limit = MAX_TICK if lots > 0 else 1
        append(st, position, lots, limit, IOC, ANY, offset, 0)


# --- the fund ---------------------------------------------------------------------------------------


@outlined
def unwind(st: State, p: Params, v: int, m: int) -> bool:
    """Let the fund of venue v work off what it holds of market m; False where the inbox is full."""
    venue = p.venues[v]
    fund = held_at(st, venue.fund, m)
    held = st.positions[fund].lots
    if held == 0 or p.run[0].forced_orders == 0 or p.markets[m].kind == POOL:
        return True
    if not has_room(st, 1):
        return False
    size = max(int64(float(abs(held)) * venue.unwind_fraction), 1)
    size = min(size, max(_lots(p, st, m, float(venue.unwind_max)), 1))
    lots = -size if held > 0 else size
    limit = MAX_TICK if lots > 0 else 1
    append(st, fund, lots, limit, IOC, UNWINDING, 0.5, 1)
    return True

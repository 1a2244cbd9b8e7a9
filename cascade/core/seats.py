"""Leveraged seats: a trader's life opens, is worked, held, topped up, stopped and closed; a pause follows.

A seat has habits (leverage, notional, mean hold); every life draws its side, hold, stop,
take-profit and the pause after it from (seat, life). Lives begin and end by the seat's own calendar,
whatever the market does: a life cut short leaves the seat empty until its hold and pause are over.
So a run and its counterfactual hold the same lives.
"""

from __future__ import annotations

import math
from typing import Any

from cascade.compiler.jit import int64, kernel, outlined
from cascade.core.collateral import counted_value
from cascade.core.exact import INVERSE, charge, lot_value, tick_where, usd_value
from cascade.core.flow import quantile
from cascade.core.inbox import append
from cascade.core.ledger import transfer
from cascade.core.margin import MAX_TICK, failing_tick, tier_of
from cascade.core.params import CLOSING, IOC, OPENING, SPOT, Params
from cascade.core.prefetch import expect_order
from cascade.core.state import NONE, Array, State
from cascade.core.trails import distance_from
from cascade.rng import exponential, uniform

BEGINNING, WORKING, HOLDING, LEAVING, PAUSING = range(5)

# numbers of the draws of a life
SIDE, HOLD, STOP, STOP_AT, TAKE, TAKE_AT, TOP_UP, ARRIVAL, HEDGE, PAUSE = range(10)


@kernel
def draw(st: State, p: Params, trader: int, number: int) -> float:
    """Return a uniform variate of the trader's present life."""
    seat = st.traders[trader]
    layer = p.layers[seat.layer]
    return uniform(layer.key, seat.life, trader - layer.first_trader, number)


@kernel
def schedule(st: State, trader: int, step: int) -> None:
    """Wake a trader at a step; beyond the end of the run it sleeps on."""
    seat = st.traders[trader]
    seat.due, seat.due_next = step, NONE
    if step < st.calendars.shape[1]:
        seat.due_next = st.calendars[0, step]
        st.calendars[0, step] = trader


@outlined
def begin_life(st: State, p: Params, trader: int) -> None:
    """Start the next life of a seat: draw its side and its hold."""
    seat = st.traders[trader]
    layer = p.layers[seat.layer]
    seat.life += 1
    slot = trader - layer.first_trader
    long = uniform(layer.key, seat.life, slot, SIDE) < long_chance(st, p, trader)
    seat.side = 1 if long else -1
    hold = float(seat.mean_hold_s) * exponential(layer.key, seat.life, slot, HOLD)
    seat.life_ends = prolonged(p, int64(seat.life_ends), hold)
    seat.phase = BEGINNING
    seat.stop_tick, seat.take_tick, seat.top_up_tick = NONE, NONE, NONE


@kernel
def long_chance(st: State, p: Params, trader: int) -> float:
    """Return the probability that a life begun now is long: the layer's share, moved by past return and funding."""
    layer = p.layers[st.traders[trader].layer]
    if layer.on_return == 0.0 and layer.on_funding == 0.0:
        return layer.long_share
    row = st.accounts[p.run[0].first_trader + trader]
    rate = st.markets[st.positions[row.first_position].market].funding_rate
    push = layer.on_return * distance_from(st, p, layer.trail) + layer.on_funding * float(rate)
    odds = math.exp(min(max(push, -50.0), 50.0))
    return layer.long_share * odds / (1.0 - layer.long_share + layer.long_share * odds)


@kernel
def prolonged(p: Params, ends: int, seconds: float) -> int:
    """Return the step at which a life or a pause ends that begins when the last one was to end.

    Leaving late must not move the calendar. It lasts a step at least: so nobody closes and opens at once.
    """
    return min(ends + max(int64(seconds / p.run[0].dt), 1), 2_000_000_000)


@kernel
def abandon_life(st: State, p: Params, account: int) -> None:
    """Let a trader that was liquidated, stopped or called for margin open no more in this life."""
    trader = account - p.run[0].first_trader
    if 0 <= trader < len(st.traders) and st.traders[trader].phase == WORKING:
        st.traders[trader].phase = HOLDING


@kernel
def entry_notional(st: State, p: Params, account: int) -> int:
    """Return the sum of |entry value| over an account's perpetuals."""
    row = st.accounts[account]
    first = row.first_position
    total = 0
    for k in range(first, first + row.n_positions):
        if p.markets[st.positions[k].market].kind != SPOT:
            total += abs(st.positions[k].entry_value)
    return total


@kernel
def n_perpetuals(st: State, p: Params, account: int) -> int:
    """Return in how many perpetuals an account trades: what else it holds backs them."""
    row = st.accounts[account]
    first = row.first_position
    n = 0
    for k in range(first, first + row.n_positions):
        n += 1 if p.markets[st.positions[k].market].kind != SPOT else 0
    return n


@outlined
def post_margin(st: State, p: Params, trader: int) -> None:
    """Set a trader's margin, collateral included, to entry notional / leverage by a deposit or a withdrawal."""
    account = p.run[0].first_trader + trader
    row = st.accounts[account]
    first = row.first_position
    entries = 0
    for k in range(first, first + row.n_positions):
        if p.markets[st.positions[k].market].kind != SPOT:
            entries += st.positions[k].entry_value
        else:
            entries += counted_value(st, p, k)
    settlement = row.settlement
    rate = int64(1e8 / float(st.traders[trader].leverage) + 0.5)
    margin = charge(entry_notional(st, p, account), rate)
    transfer(st, account, settlement, margin - entries - st.balances[account, settlement])


@outlined
def plan_exits(st: State, p: Params, trader: int) -> None:
    """Set the stop-loss, take-profit and top-up ticks of a life from its entry and liquidation price."""
    seat = st.traders[trader]
    layer = p.layers[seat.layer]
    account = p.run[0].first_trader + trader
    if st.accounts[account].n_positions != 1:
        return
    row = st.positions[st.accounts[account].first_position]
    m = row.market
    balance = st.balances[account, p.markets[m].settlement]
    liquidation = failing_tick(p, m, row.lots, balance, st.markets[m].mark)
    if row.lots == 0 or liquidation == NONE:
        return
    entry = tick_where(p.markets[m], float(row.entry_value) / float(row.lots))
    way = float(liquidation) - entry
    if draw(st, p, trader, STOP) < layer.stop_share:
        part = quantile(p, layer.stop_distance, draw(st, p, trader, STOP_AT))
        seat.stop_tick = exit_tick(entry, way, part)
    if draw(st, p, trader, TAKE) < layer.take_share:
        part = quantile(p, layer.take_distance, draw(st, p, trader, TAKE_AT))
        seat.take_tick = exit_tick(entry, way, -part)
    if draw(st, p, trader, TOP_UP) < layer.top_up_share:
        seat.top_up_tick = exit_tick(entry, way, layer.top_up_at)


@kernel
def exit_tick(entry: float, way: float, part: float) -> int:
    """Return the valid tick nearest to a part of the way from the entry to the liquidation price."""
    return int64(min(max(math.floor(entry + part * way + 0.5), 1.0), float(MAX_TICK)))


@outlined
def top_up(st: State, p: Params, trader: int, position: int) -> None:
    """Deposit margin that moves the liquidation price away by the layer's factor; once in a life.

    Who has to does not add to the position any more.
    """
    seat, row = st.traders[trader], st.positions[position]
    layer = p.layers[seat.layer]
    account = p.run[0].first_trader + trader
    market = p.markets[row.market]
    m = row.market
    seat.top_up_tick = NONE
    abandon_life(st, p, account)
    liquidation = failing_tick(p, m, row.lots, st.balances[account, market.settlement], st.markets[m].mark)
    if liquidation == NONE:
        return
    way = abs(row.entry_value - row.lots * lot_value(market, liquidation))
    amount = int64(float(way) * (layer.top_up_factor - 1.0))
    transfer(st, account, market.settlement, amount)


@outlined
def wake(st: State, p: Params, trader: int) -> None:
    """Take one decision of a trader's calendar: leave, pause, begin anew, send the next order, or sleep."""
    seat = st.traders[trader]
    layer = p.layers[seat.layer]
    step = st.clock[0].step
    account = p.run[0].first_trader + trader
    slot = trader - layer.first_trader
    offset = uniform(layer.key, step, slot, ARRIVAL)
    if step >= seat.life_ends and seat.phase == PAUSING:
        begin_life(st, p, trader)
    elif step >= seat.life_ends:
        seat.phase = LEAVING
        if _leave(st, p, account, layer.max_order, offset):
            schedule(st, trader, step + 1)
        elif layer.turnover != 0:
            seat.phase = PAUSING
            pause = layer.pause_s * exponential(layer.key, seat.life, slot, PAUSE)
            seat.life_ends = prolonged(p, int64(seat.life_ends), pause)
            schedule(st, trader, max(seat.life_ends, step + 1))
        return
    if seat.phase != HOLDING and _enter(st, p, trader, offset):
        seat.phase = WORKING
        schedule(st, trader, step + 1)
        return
    seat.phase = HOLDING
    schedule(st, trader, max(seat.life_ends, step + 1))


@outlined
def _leave(st: State, p: Params, account: int, max_order: float, offset: float) -> bool:
    """Send closing orders; return whether they are worked, so that more must follow."""
    row = st.accounts[account]
    first = row.first_position
    worked = False
    for k in range(first, first + row.n_positions):
        position = st.positions[k]
        m = position.market
        if position.lots == 0 or p.markets[m].kind == SPOT:
            continue
        most = max(int64(max_order / float(usd_value(p.markets[m], st.markets[m].mark))), 1)
        size = min(abs(position.lots), most)
        worked = worked or size < abs(position.lots)
        lots = -size if position.lots > 0 else size
        limit = 1 if lots < 0 else MAX_TICK
        expect_order(st, k)
        append(st, k, lots, limit, IOC, CLOSING, offset, 1)
    return worked


@kernel
def is_hedge(layer: Any, place: int) -> bool:
    """Tell whether the position at a place of an account is the hedge of the one before it."""
    return layer.legs > 1 and place % layer.legs == 1


@kernel
def leg_notional(layer: Any, notional: float, places: int, hedges: bool, place: int) -> float:
    """Return what a life wants to hold at one of so many places: its part, or of a hedge its size."""
    part = notional * float(max(layer.legs, 1)) / float(places)
    if not is_hedge(layer, place):
        return part
    return part * layer.hedge_size if hedges else 0.0


@outlined
def _enter(st: State, p: Params, trader: int, offset: float) -> bool:
    """Send opening orders for what the life still lacks; return whether it is worked further."""
    seat = st.traders[trader]
    layer = p.layers[seat.layer]
    account = p.run[0].first_trader + trader
    row = st.accounts[account]
    first = row.first_position
    hedges = layer.legs > 1 and draw(st, p, trader, HEDGE) < layer.hedge_share
    parts = n_perpetuals(st, p, account)
    worked = False
    for k in range(first, first + row.n_positions):
        position = st.positions[k]
        m = position.market
        if p.markets[m].kind == SPOT:
            continue
        value = float(usd_value(p.markets[m], st.markets[m].mark))
        place = layer.first_place + k - first
        wanted = leg_notional(layer, seat.notional, parts, hedges, place)
        if wanted == 0.0:
            continue
        if seat.phase != BEGINNING:  # what this life holds already; before, it is the last life's rest
            wanted -= _entry_usd(p.markets[m], position)
        size = int64(min(wanted, layer.max_order) / value)
        if seat.phase == BEGINNING:  # a position is at least one lot
            size = max(size, 1)
        if size >= 1:
            lots = size if (seat.side > 0) != is_hedge(layer, place) else -size
            expect_order(st, k)
            append(st, k, lots, MAX_TICK if lots > 0 else 1, IOC, OPENING, offset, 0)
            worked = worked or wanted - float(size) * value >= value
    return worked


@kernel
def _entry_usd(market: Array, position: Array) -> float:
    """Return the notional of a position at its entry in USD money units."""
    if market.contract == INVERSE:
        return abs(float(position.lots)) * float(market.face)
    return abs(float(position.entry_value))


@kernel
def leverage_allowed(st: State, p: Params, account: int, m: int, notional: int) -> bool:
    """Tell whether the tier of a notional allows the leverage a trader uses."""
    trader = account - p.run[0].first_trader
    if trader < 0:
        return True
    tier = p.tiers[tier_of(p, m, notional)]
    return float(st.traders[trader].leverage) <= tier.max_leverage + 1e-9

"""The margin test: what becomes of a trigger that the mark has reached.

An account that fails is flagged for liquidation; a trader tops up, stops out or takes profit; whoever
is safe still is hung anew.
"""

from __future__ import annotations

from cascade.compiler.jit import int64, kernel, outlined
from cascade.core.buckets import drop, reached
from cascade.core.halts import is_spared
from cascade.core.inbox import append
from cascade.core.margin import MAX_TICK, excess_of
from cascade.core.params import IOC, PROFIT, SPARED, SPOT, STOPPING, Params
from cascade.core.seats import abandon_life, top_up
from cascade.core.state import NONE, STALE, State
from cascade.core.triggers import flag, retrigger

INBOX_ROOM = 1
"""Intents one fired trigger may append: a stop or a take-profit."""


@kernel
def clock_ticks(st: State, p: Params, v: int) -> bool:
    """Tell whether venue v tests margins in this wave of this step."""
    venue, clock = p.venues[v], st.clock[0]
    return clock.wave < venue.n_waves and clock.step % venue.wave_steps == 0


@outlined
def fire(st: State, p: Params, position: int) -> None:
    """Act on a trigger that the mark has reached: flag, top up, stop out, take profit, or hang anew."""
    row = st.positions[position]
    account = row.account
    if not clock_ticks(st, p, st.accounts[account].venue) or is_spared(st, account):  # reached too early
        _unhang(st, p, account)
        st.accounts[account].standing |= STALE
        st.clock[0].stale_traders |= int64(account >= p.run[0].first_trader)
        return
    if excess_of(st, p, account) <= 0:
        _unhang(st, p, account)
        flag(st, p, account)
        return
    trader = account - p.run[0].first_trader
    if 0 <= trader < len(st.traders):
        _standing_orders(st, p, trader, position)
    retrigger(st, p, account)


@kernel
def _unhang(st: State, p: Params, account: int) -> None:
    """Take all nodes of an account out of the index while it waits for its liquidation."""
    row = st.accounts[account]
    first = row.first_position
    for k in range(first, first + row.n_positions):
        drop(st, p, st.positions[k].market, 2 * k)
        drop(st, p, st.positions[k].market, 2 * k + 1)


@outlined
def _standing_orders(st: State, p: Params, trader: int, position: int) -> None:
    """Carry out a trader's top-up, stop-loss or take-profit at the present mark."""
    seat, row = st.traders[trader], st.positions[position]
    mark = st.markets[row.market].mark
    long = row.lots > 0
    if seat.top_up_tick != NONE and (mark <= seat.top_up_tick if long else mark >= seat.top_up_tick):
        top_up(st, p, trader, position)
    stopped = seat.stop_tick != NONE and (mark <= seat.stop_tick if long else mark >= seat.stop_tick)
    taken = seat.take_tick != NONE and (mark >= seat.take_tick if long else mark <= seat.take_tick)
    if stopped:
        seat.stop_tick = NONE
    if taken:
        seat.take_tick = NONE
    if stopped or taken:
        abandon_life(st, p, row.account)
        limit = 1 if long else MAX_TICK
        purpose = STOPPING if stopped else PROFIT
        append(st, position, -row.lots, limit, IOC, purpose, 0.0, 1)


@outlined
def fire_triggers(st: State, p: Params) -> bool:
    """Fire every trigger the marks have reached, if their venue's clock ticks in this wave.

    Returns False where the inbox has no room left.
    """
    clock = st.clock[0]
    for m in range(len(p.markets)):
        market = p.markets[m]  # spot has triggers too: cross-margined accounts hold it
        if market.kind != SPOT and (not clock_ticks(st, p, market.venue) or st.markets[m].halt & SPARED != 0):
            continue
        while True:
            if clock.n_inbox + INBOX_ROOM > len(st.inbox):
                clock.need = clock.n_inbox + INBOX_ROOM
                return False
            position = reached(st, p, m)
            if position == NONE:
                break
            fire(st, p, position)
    return True

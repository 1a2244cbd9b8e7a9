"""Compiled loops that drive the kernels of the market in the way a benchmark needs."""

from __future__ import annotations

from typing import Any

from cascade.compiler.jit import entry, kernel
from cascade.core import book, buckets, ladder, margin, triggers
from cascade.core.params import ANY, UNMARGINED, Params
from cascade.core.state import NONE, State


@entry
def replay(st: State, p: Params, events: Any, placed: Any, results: Any, first: int, n_makers: int) -> int:
    """Run a flow through the book with full accounting: fills, fees, open interest, reserved margin."""
    n_placed = 0
    for i in range(len(events)):
        kind, tick, lots, target = events[i, 0], events[i, 1], events[i, 2], events[i, 3]
        if kind == 1:
            if target < n_placed and placed[target, 0] >= 0:
                order = st.orders[placed[target, 0]]
                if order.generation == placed[target, 1] and order.lots != 0:
                    book.remove(st, p, 0, placed[target, 0])
            continue
        before = st.markets[0].n_trades
        filled, value = book.take(st, p, first + n_makers, lots, tick, ANY)
        results[0] += st.markets[0].n_trades - before
        results[1] += abs(value)
        if kind == 0:
            placed[n_placed, 0] = NONE
            if filled != lots:
                number = book.rest(st, p, 0, first + n_placed % n_makers, lots - filled, tick, NONE, NONE)
                placed[n_placed, 0], placed[n_placed, 1] = number, st.orders[number].generation
            n_placed += 1
    return n_placed


@kernel
def _link(st: State, p: Params, lots: int, tick: int) -> int:
    """Rest an order that belongs to nobody."""
    clock = st.clock[0]
    number = clock.free_order
    row = st.orders[number]
    clock.free_order = row.next
    clock.n_orders += 1
    row.lots, row.tick = lots, tick
    ladder.link(st, p, 0, number)
    market = st.markets[0]
    if lots > 0:
        market.best_bid = max(market.best_bid, tick)
    else:
        market.best_ask = min(market.best_ask, tick)
    return number


@kernel
def _unlink(st: State, p: Params, number: int) -> None:
    """Remove an order that belongs to nobody."""
    row = st.orders[number]
    clock, market = st.clock[0], st.markets[0]
    buys = row.lots > 0
    tick = row.tick
    if ladder.unlink(st, p, 0, number) and tick == (market.best_bid if buys else market.best_ask):
        book.refresh_best(st, p, 0, buys)
    row.lots = 0
    row.generation += 1
    row.next = clock.free_order
    clock.free_order = number
    clock.n_orders -= 1


@entry
def replay_book(st: State, p: Params, events: Any, placed: Any, results: Any) -> int:
    """Run a flow through levels, queues and bitmaps alone: what the plain loop in C does."""
    n_placed = 0
    market = st.markets[0]
    for i in range(len(events)):
        kind, tick, left, target = events[i, 0], events[i, 1], events[i, 2], events[i, 3]
        if kind == 1:
            if target < n_placed and placed[target, 0] >= 0:
                order = st.orders[placed[target, 0]]
                if order.generation == placed[target, 1] and order.lots != 0:
                    _unlink(st, p, placed[target, 0])
            continue
        buys = left > 0
        while left != 0:
            best = market.best_ask if buys else market.best_bid
            if (
                (buys and best > tick)
                or (not buys and best < tick)
                or best == book.NO_BID
                or best == book.NO_ASK
            ):
                break
            number = st.levels[best - market.window].head
            row = st.orders[number]
            filled = min(left, -row.lots) if buys else max(left, -row.lots)
            results[0] += 1
            results[1] += abs(filled) * best
            left -= filled
            if filled == -row.lots:
                _unlink(st, p, number)
            else:
                row.lots += filled
                st.levels[best - market.window].lots += filled
        if kind == 0:
            placed[n_placed, 0] = NONE
            if left != 0:
                number = _link(st, p, left, tick)
                placed[n_placed, 0], placed[n_placed, 1] = number, st.orders[number].generation
            n_placed += 1
    return n_placed


# --- triggers --------------------------------------------------------------------------------------


@entry
def walk(st: State, p: Params, m: int, marks: Any, distances: Any) -> int:
    """Move the mark along a path; a position whose trigger it reaches is hung anew at a drawn distance."""
    fired = 0
    for i in range(len(marks)):
        mark = marks[i]
        st.markets[m].mark = mark
        while True:
            position = buckets.reached(st, p, m)
            if position == NONE:
                break
            away = distances[fired % len(distances)]
            if st.positions[position].lots > 0:
                triggers.set_triggers(st, p, position, mark - away, NONE)
            else:
                triggers.set_triggers(st, p, position, NONE, mark + away)
            fired += 1
    return fired


@entry
def hang(st: State, p: Params, m: int, first: int, distances: Any) -> int:
    """Hang every open position of market m at a drawn distance from the mark."""
    mark = st.markets[m].mark
    n = 0
    for k in range(first, len(st.positions)):
        row = st.positions[k]
        if row.market == m and row.lots != 0:
            away = distances[k % len(distances)]
            if row.lots > 0:
                triggers.set_triggers(st, p, k, mark - away, NONE)
            else:
                triggers.set_triggers(st, p, k, NONE, mark + away)
            n += 1
    return n


@entry
def boxes(st: State, p: Params, marks: Any, failed: Any, counts: Any) -> int:
    """Move all marks along paths; an account that leaves its box is tested, then boxed anew or failed."""
    for i in range(len(marks)):
        for m in range(marks.shape[1]):
            if marks[i, m] > 0:
                st.markets[m].mark = marks[i, m]
        for m in range(marks.shape[1]):
            if p.markets[m].n_tiers == 0:
                continue
            while True:
                position = buckets.reached(st, p, m)
                if position == NONE:
                    break
                account = st.positions[position].account
                counts[0] += 1
                if margin.excess_of(st, p, account) > 0:
                    triggers.retrigger(st, p, account)
                    continue
                failed[account] = 1
                counts[1] += 1
                first = st.accounts[account].first_position
                for k in range(first, first + st.accounts[account].n_positions):
                    triggers.set_triggers(st, p, k, NONE, NONE)
    return counts[1]


@entry
def missed(st: State, p: Params, failed: Any) -> int:
    """Return how many accounts fail at the present marks and have not been noticed: a full scan."""
    n = 0
    for account in range(p.run[0].first_trader, len(st.accounts)):
        if failed[account] == 0 and st.accounts[account].margin != UNMARGINED:
            row = st.accounts[account]
            first = row.first_position
            holds = False
            for k in range(first, first + row.n_positions):
                holds = holds or st.positions[k].lots != 0
            if holds and margin.excess_of(st, p, account) <= 0:
                n += 1
    return n


__all__ = ["boxes", "hang", "missed", "replay", "replay_book", "walk"]

"""The ladder of a market: a window of ticks whose slots hold queues of orders and buckets of triggers.

What lies outside the window waits: orders in the far list, in time order, triggers in the far
bucket. When the window is re-centred, all of them are hung anew; none is lost.
"""

from __future__ import annotations

from cascade.compiler.jit import kernel, outlined
from cascade.core.bitmap import clear_bit, first_from, set_bit
from cascade.core.params import Params
from cascade.core.state import NONE, State

HIGH, LOW = True, False

BIDS, ASKS, LOWS, HIGHS = 0, 1, 2, 3


@kernel
def bitmap_at(p: Params, m: int, which: int) -> int:
    """Return where the bitmap of bids, asks, low or high triggers of market m begins."""
    run = p.run[0]
    return (4 * m + which) * (run.n0 + run.n1 + ((run.n1 + 63) >> 6))


# --- the queue of a level -------------------------------------------------------------------------


@kernel
def link(st: State, p: Params, m: int, order: int) -> None:
    """Put an order at the end of its level's queue, or of the far list."""
    row = st.orders[order]
    market = st.markets[m]
    run = p.run[0]
    tick = row.tick
    row.next = NONE
    if market.window <= tick < market.window + run.n_ticks:
        slot = tick - market.window
        level = st.levels[m * run.n_ticks + slot]
        row.prev = level.tail
        if level.tail == NONE:
            level.head = order
            set_bit(st.bits, bitmap_at(p, m, BIDS if row.lots > 0 else ASKS), run.n0, run.n1, slot)
        else:
            st.orders[level.tail].next = order
        level.tail = order
        level.lots += row.lots
    else:
        row.prev = market.far_tail
        if market.far_tail == NONE:
            market.far_head = order
        else:
            st.orders[market.far_tail].next = order
        market.far_tail = order


@kernel
def unlink(st: State, p: Params, m: int, order: int) -> bool:
    """Take an order out of its queue; return whether its level is now empty."""
    row = st.orders[order]
    market = st.markets[m]
    run = p.run[0]
    tick = row.tick
    before, after = row.prev, row.next
    if before != NONE:
        st.orders[before].next = after
    if after != NONE:
        st.orders[after].prev = before
    if market.window <= tick < market.window + run.n_ticks:
        slot = tick - market.window
        level = st.levels[m * run.n_ticks + slot]
        level.lots -= row.lots
        if before == NONE:
            level.head = after
        if after == NONE:
            level.tail = before
        if level.head == NONE:
            clear_bit(st.bits, bitmap_at(p, m, BIDS if row.lots > 0 else ASKS), run.n0, run.n1, slot)
            return True
        return False
    if before == NONE:
        market.far_head = after
    if after == NONE:
        market.far_tail = before
    return True


# --- buckets of triggers --------------------------------------------------------------------------


@kernel
def trigger_slot(st: State, p: Params, m: int, tick: int, high: bool) -> int:
    """Return the bucket of a trigger: far where the mark must leave the window to reach it."""
    n = p.run[0].n_ticks
    slot = tick - st.markets[m].window
    if high:
        return n if slot >= n else max(slot, 0)
    return n if slot < 0 else min(slot, n - 1)


@kernel
def hang_low(st: State, p: Params, m: int, position: int) -> None:
    """Hang the low node of a position, whose `low_tick` is set, into its bucket."""
    run = p.run[0]
    row = st.positions[position]
    slot = trigger_slot(st, p, m, row.low_tick, LOW)
    head = 2 * m * (run.n_ticks + 1) + slot
    after = st.trigger_heads[head]
    row.low_prev, row.low_next = NONE, after
    if after != NONE:
        st.positions[after].low_prev = position
    elif slot < run.n_ticks:
        set_bit(st.bits, bitmap_at(p, m, LOWS), run.n0, run.n1, slot)
    st.trigger_heads[head] = position


@kernel
def hang_high(st: State, p: Params, m: int, position: int) -> None:
    """Hang the high node of a position, whose `high_tick` is set, into its bucket."""
    run = p.run[0]
    row = st.positions[position]
    slot = trigger_slot(st, p, m, row.high_tick, HIGH)
    head = (2 * m + 1) * (run.n_ticks + 1) + slot
    after = st.trigger_heads[head]
    row.high_prev, row.high_next = NONE, after
    if after != NONE:
        st.positions[after].high_prev = position
    elif slot < run.n_ticks:
        set_bit(st.bits, bitmap_at(p, m, HIGHS), run.n0, run.n1, slot)
    st.trigger_heads[head] = position


# --- the window -----------------------------------------------------------------------------------


@outlined
def recentre(st: State, p: Params, m: int, tick: int) -> None:
    """Move market m's window so that `tick` lies in its middle; orders and triggers go along."""
    run = p.run[0]
    market = st.markets[m]
    n = run.n_ticks
    old, new = market.window, max(0, tick - n // 2)
    shift = new - old
    if shift == 0:
        return
    for which in range(2):  # levels that leave the window go to the end of the far list, in time order
        at = bitmap_at(p, m, which)
        slot = first_from(st.bits, at, run.n0, run.n1, 0)
        while slot != NONE:
            level = st.levels[m * n + slot]
            clear_bit(st.bits, at, run.n0, run.n1, slot)
            if not 0 <= slot - shift < n:
                _append_far(st, m, level.head, level.tail)
                level.head, level.tail, level.lots = NONE, NONE, 0
            slot = first_from(st.bits, at, run.n0, run.n1, slot + 1)
    _shift_levels(st, p, m, shift)
    market.window = new
    order = market.far_head
    market.far_head, market.far_tail = NONE, NONE
    while order != NONE:
        after = st.orders[order].next
        link(st, p, m, order)
        order = after
    _recentre_triggers(st, p, m, shift)


@kernel
def _append_far(st: State, m: int, head: int, tail: int) -> None:
    """Append a chain of orders to the far list of market m."""
    market = st.markets[m]
    st.orders[head].prev = market.far_tail
    if market.far_tail == NONE:
        market.far_head = head
    else:
        st.orders[market.far_tail].next = head
    market.far_tail = tail


@kernel
def _shift_levels(st: State, p: Params, m: int, shift: int) -> None:
    """Move the levels of market m down by `shift` slots and set the bits of what stays."""
    run = p.run[0]
    n = run.n_ticks
    for k in range(n):
        slot = k if shift > 0 else n - 1 - k
        target = st.levels[m * n + slot]
        source = slot + shift
        if 0 <= source < n:
            row = st.levels[m * n + source]
            target.lots, target.head, target.tail = row.lots, row.head, row.tail
        else:
            target.lots, target.head, target.tail = 0, NONE, NONE
        if target.head != NONE:
            which = BIDS if target.lots > 0 else ASKS
            set_bit(st.bits, bitmap_at(p, m, which), run.n0, run.n1, slot)


@outlined
def _recentre_triggers(st: State, p: Params, m: int, shift: int) -> None:
    """Re-hang every trigger node of market m after its window has moved by `shift`."""
    n = p.run[0].n_ticks
    for which in range(2):
        high = which == 1
        chain = NONE
        at = (2 * m + which) * (n + 1)
        bitmap = bitmap_at(p, m, LOWS + which)
        for slot in range(n + 1):
            node = st.trigger_heads[at + slot]
            while node != NONE:
                row = st.positions[node]
                after = row.high_next if high else row.low_next
                if high:
                    row.high_next = chain
                else:
                    row.low_next = chain
                chain = node
                node = after
            if st.trigger_heads[at + slot] != NONE and slot < n:
                clear_bit(st.bits, bitmap, p.run[0].n0, p.run[0].n1, slot)
            st.trigger_heads[at + slot] = NONE
        while chain != NONE:
            row = st.positions[chain]
            after = row.high_next if high else row.low_next
            if high:
                hang_high(st, p, m, chain)
            else:
                hang_low(st, p, m, chain)
            chain = after

"""The window of a market's book: ticks whose slots hold queues of orders.

What lies outside the window waits in the far list, in time order. When the window is re-centred, all
orders and triggers are hung anew; none is lost.
"""

from __future__ import annotations

from cascade.compiler.jit import kernel, outlined
from cascade.core.bitmap import clear_bit, first_from, last_until, set_bit
from cascade.core.buckets import ASKS, BIDS, bitmap_at, rehang
from cascade.core.params import Params
from cascade.core.state import NONE, State

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


@kernel
def level_from(st: State, p: Params, m: int, slot: int, asks: bool) -> int:
    """Return the first occupied slot of a side at `slot` or farther from the touch, or NONE."""
    run = p.run[0]
    if asks:
        return first_from(st.bits, bitmap_at(p, m, ASKS), run.n0, run.n1, max(slot, 0))
    return last_until(st.bits, bitmap_at(p, m, BIDS), run.n0, run.n1, min(slot, run.n_ticks - 1))


@kernel
def level_after(st: State, p: Params, m: int, slot: int, asks: bool) -> int:
    """Return the next occupied slot of a side away from the touch, or NONE."""
    return level_from(st, p, m, slot + 1 if asks else slot - 1, asks)


@outlined
def depth_between(st: State, p: Params, m: int, near: int, far: int, asks: bool) -> int:
    """Return the lots quoted on a side from slot `near` to slot `far`, inclusive."""
    total, slot = 0, level_from(st, p, m, near, asks)
    while slot != NONE and (slot <= far if asks else slot >= far):
        total += abs(st.levels[m * p.run[0].n_ticks + slot].lots)
        slot = level_after(st, p, m, slot, asks)
    return total


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
    rehang(st, p, m)


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

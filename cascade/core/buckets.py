"""Buckets of triggers: each tick of a market's window has one for the mark's way down and one for its way up.

Every position has two nodes, `2 * position + side`. A trigger outside the window waits in the far
bucket, the last; when the window moves, all are hung anew.
"""

from __future__ import annotations

from cascade.compiler.jit import kernel, outlined
from cascade.core.bitmap import clear_bit, first_from, last_until, set_bit
from cascade.core.params import Params
from cascade.core.state import NONE, State

LOW, HIGH = 0, 1
"""Sides of the mark: a low trigger fires as the mark falls to it, a high one as it rises."""

BIDS, ASKS, TRIGGERS = 0, 1, 2
"""Bitmaps of a market: occupied bids and asks, and from the third on the triggers of either side."""


@kernel
def bitmap_at(p: Params, m: int, which: int) -> int:
    """Return where a bitmap of market m begins: that of bids, asks, or of triggers and their side."""
    run = p.run[0]
    return (4 * m + which) * (run.n0 + run.n1 + ((run.n1 + 63) >> 6))


@kernel
def bucket_at(p: Params, m: int, side: int) -> int:
    """Return where the buckets of one side of market m begin."""
    return (2 * m + side) * (p.run[0].n_ticks + 1)


@kernel
def bucket_of(st: State, p: Params, m: int, tick: int, side: int) -> int:
    """Return the bucket of a trigger: far where the mark must leave the window to reach it."""
    n = p.run[0].n_ticks
    slot = tick - st.markets[m].window
    if side == HIGH:
        return n if slot >= n else max(slot, 0)
    return n if slot < 0 else min(slot, n - 1)


@kernel
def hang(st: State, p: Params, m: int, node: int) -> None:
    """Hang a node, whose tick is set, into its bucket."""
    run, row, side = p.run[0], st.triggers[node], node & 1
    slot = bucket_of(st, p, m, row.tick, side)
    head = bucket_at(p, m, side) + slot
    after = st.trigger_heads[head]
    row.prev, row.next = NONE, after
    if after != NONE:
        st.triggers[after].prev = node
    elif slot < run.n_ticks:
        set_bit(st.bits, bitmap_at(p, m, TRIGGERS + side), run.n0, run.n1, slot)
    st.trigger_heads[head] = node


@kernel
def drop(st: State, p: Params, m: int, node: int) -> None:
    """Take a node out of its bucket, if it hangs in one."""
    run, row, side = p.run[0], st.triggers[node], node & 1
    if row.tick == NONE:
        return
    before, after = row.prev, row.next
    if after != NONE:
        st.triggers[after].prev = before
    if before != NONE:
        st.triggers[before].next = after
    else:
        slot = bucket_of(st, p, m, row.tick, side)
        st.trigger_heads[bucket_at(p, m, side) + slot] = after
        if after == NONE and slot < run.n_ticks:
            clear_bit(st.bits, bitmap_at(p, m, TRIGGERS + side), run.n0, run.n1, slot)
    row.tick = NONE


@kernel
def first_reached(st: State, p: Params, m: int, side: int) -> int:
    """Return a position whose trigger on one side the mark of market m has reached, or NONE."""
    run, market = p.run[0], st.markets[m]
    at = bitmap_at(p, m, TRIGGERS + side)
    if side == LOW:
        slot = last_until(st.bits, at, run.n0, run.n1, run.n_ticks - 1)
        if slot == NONE or market.window + slot < market.mark:
            return NONE
    else:
        slot = first_from(st.bits, at, run.n0, run.n1, 0)
        if slot == NONE or market.window + slot > market.mark:
            return NONE
    return st.trigger_heads[bucket_at(p, m, side) + slot] >> 1


@kernel
def reached(st: State, p: Params, m: int) -> int:
    """Return a position whose trigger the mark of market m has reached, or NONE."""
    position = first_reached(st, p, m, LOW)
    return first_reached(st, p, m, HIGH) if position == NONE else position


@outlined
def rehang(st: State, p: Params, m: int) -> None:
    """Hang every node of market m anew, after its window has moved."""
    run = p.run[0]
    for side in range(2):
        chain, at = NONE, bucket_at(p, m, side)
        for slot in range(run.n_ticks + 1):
            node = st.trigger_heads[at + slot]
            if node != NONE and slot < run.n_ticks:
                clear_bit(st.bits, bitmap_at(p, m, TRIGGERS + side), run.n0, run.n1, slot)
            st.trigger_heads[at + slot] = NONE
            while node != NONE:
                after = st.triggers[node].next
                st.triggers[node].next = chain
                chain, node = node, after
        while chain != NONE:
            after = st.triggers[chain].next
            hang(st, p, m, chain)
            chain = after

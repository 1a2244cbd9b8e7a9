"""The inbox: what agents want done in a step, in the order of arrival offset, ties by order of writing."""

from __future__ import annotations

import numpy as np

from cascade.compiler.jit import int64, kernel, outlined
from cascade.core.bitmap import trailing_zeros
from cascade.core.state import NONE, State

_ONE, _NOBODY = np.uint64(1), np.uint64(0)

N_BUCKETS = 256
"""Enough that a bucket holds few intents."""


@kernel
def has_room(st: State, n: int) -> bool:
    """Tell whether n more intents fit; where not, the clock's `need` says how many rows are wanted."""
    clock = st.clock[0]
    if clock.n_inbox + n <= len(st.inbox):
        return True
    clock.need = clock.n_inbox + n
    return False


@outlined
def append(
    st: State, position: int, lots: int, tick: int, kind: int, purpose: int, offset: float, reduce_only: int
) -> int:
    """Write an intent (signed lots, limit tick, arrival offset in [0, 1)) and return its number."""
    clock = st.clock[0]
    number = clock.n_inbox
    clock.n_inbox += 1
    row = st.inbox[number]
    row.position, row.lots, row.tick, row.kind, row.purpose = position, lots, tick, kind, purpose
    row.offset, row.reduce_only = offset, reduce_only
    row.ref, row.generation, row.life_steps = NONE, 0, NONE
    bucket = int64(offset * float(N_BUCKETS))
    tail = st.buckets[1, bucket]
    if tail == NONE or st.inbox[tail].offset <= offset:
        row.next = NONE
        if tail == NONE:
            st.buckets[0, bucket] = number
            st.arrivals[bucket >> 6] |= _ONE << np.uint64(bucket & 63)
        else:
            st.inbox[tail].next = number
        st.buckets[1, bucket] = number
        return number
    before, after = NONE, st.buckets[0, bucket]
    while st.inbox[after].offset <= offset:
        before, after = after, st.inbox[after].next
    row.next = after
    if before == NONE:
        st.buckets[0, bucket] = number
    else:
        st.inbox[before].next = number
    return number


@kernel
def first_intent(st: State) -> int:
    """Return the next intent to be matched, or NONE; the clock's cursor is the bucket reached."""
    clock = st.clock[0]
    while clock.cursor < N_BUCKETS:
        later = st.arrivals[clock.cursor >> 6] >> np.uint64(clock.cursor & 63)
        if later != _NOBODY:
            clock.cursor += trailing_zeros(later)
            return st.buckets[0, clock.cursor]
        clock.cursor = (clock.cursor | 63) + 1
    return NONE


@kernel
def drop_intent(st: State, number: int) -> None:
    """Take the next intent out of its bucket."""
    bucket = st.clock[0].cursor
    st.buckets[0, bucket] = st.inbox[number].next
    if st.inbox[number].next == NONE:
        st.buckets[1, bucket] = NONE
        st.arrivals[bucket >> 6] &= ~(_ONE << np.uint64(bucket & 63))

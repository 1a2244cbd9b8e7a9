"""Orders whose life ends are cancelled."""

from __future__ import annotations

from cascade.compiler.jit import kernel, outlined
from cascade.core.inbox import append, has_room
from cascade.core.params import ANY, CANCEL, LOCKED, Params
from cascade.core.state import NONE, State


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
        market = st.markets[st.positions[row.position].market]
        if market.halt & LOCKED != 0:  # nobody can cancel it before the market opens
            st.calendars[1, clock.step] = after
            if after != NONE:
                st.orders[after].due_prev = NONE
            _put_off(st, order, market.opens)
            order = after
            continue
        number = append(st, row.position, 0, 0, CANCEL, ANY, 0.0, 0)
        st.inbox[number].ref = order
        st.inbox[number].generation = row.generation
        st.calendars[1, clock.step] = after
        if after != NONE:
            st.orders[after].due_prev = NONE
        row.due, row.due_next = NONE, NONE
        order = after
    return True


@kernel
def _put_off(st: State, order: int, step: int) -> None:
    """Let the life of an order end at a later step; beyond the end of the run it rests on."""
    row = st.orders[order]
    row.due, row.due_next, row.due_prev = NONE, NONE, NONE
    if step < st.calendars.shape[1]:
        later = st.calendars[1, step]
        row.due, row.due_next = step, later
        if later != NONE:
            st.orders[later].due_prev = order
        st.calendars[1, step] = order

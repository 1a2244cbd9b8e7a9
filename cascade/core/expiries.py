"""Orders whose life ends are cancelled."""

from __future__ import annotations

from cascade.compiler.jit import outlined
from cascade.core.inbox import append, has_room
from cascade.core.params import ANY, CANCEL, Params
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
        number = append(st, row.position, 0, 0, CANCEL, ANY, 0.0, 0)
        st.inbox[number].ref = order
        st.inbox[number].generation = row.generation
        st.calendars[1, clock.step] = after
        if after != NONE:
            st.orders[after].due_prev = NONE
        row.due, row.due_next = NONE, NONE
        order = after
    return True

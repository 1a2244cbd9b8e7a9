"""Small compiled entry points through which tests reach kernels that Python cannot call."""

from __future__ import annotations

from typing import Any

from cascade.core import inbox
from cascade.core.state import State
from cascade.jit import entry


@entry
def send(st: State, rows: Any, first: int) -> int:
    """Append intents `first`.. to the inbox; return the first one for which it has no room."""
    for k in range(first, len(rows)):
        if not inbox.has_room(st, 1):
            return k
        row = rows[k]
        number = inbox.append(
            st, row.position, row.lots, row.tick, row.kind, row.purpose, row.offset, row.reduce_only
        )
        st.inbox[number].ref = row.ref
        st.inbox[number].generation = row.generation
        st.inbox[number].life_steps = row.life_steps
    return len(rows)

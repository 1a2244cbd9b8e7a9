"""Markets that are halted: what is off in them, the orders that wait, and who must not act meanwhile."""

from __future__ import annotations

from cascade.compiler.jit import kernel, outlined
from cascade.core.inbox import append, has_room
from cascade.core.params import SHUT, SPARED
from cascade.core.state import State


@kernel
def halt_market(st: State, m: int, halt: int, until: int) -> None:
    """Let what a halt names be off in market m; it takes orders again when the last of its halts is over."""
    market = st.markets[m]
    if halt & SHUT != 0:
        market.opens = until if market.halt & SHUT == 0 else max(market.opens, until)
    market.halt |= halt
    st.clock[0].halted = 1


@kernel
def is_shut(st: State, m: int) -> bool:
    """Tell whether users' orders are not taken in market m."""
    return st.markets[m].halt & SHUT != 0


@kernel
def is_spared(st: State, account: int) -> bool:
    """Tell whether an account holds a position in a market in which nobody is liquidated at present."""
    if st.clock[0].halted == 0:
        return False
    row = st.accounts[account]
    first = row.first_position
    for k in range(first, first + row.n_positions):
        if st.positions[k].lots != 0 and st.markets[st.positions[k].market].halt & SPARED != 0:
            return True
    return False


@kernel
def opening_of(st: State, account: int) -> int:
    """Return the step from which all markets of an account take its orders; the present one if they do."""
    step = st.clock[0].step
    if st.clock[0].halted == 0:
        return step
    row = st.accounts[account]
    first = row.first_position
    for k in range(first, first + row.n_positions):
        m = st.positions[k].market
        if is_shut(st, m):
            step = max(step, st.markets[m].opens)
    return step


@outlined
def wait(st: State, number: int) -> None:
    """Let an intent wait until a market opens; room must have been checked."""
    clock = st.clock[0]
    row, kept = st.inbox[number], st.waiting[clock.n_waiting]
    kept.position, kept.lots, kept.tick, kept.kind = row.position, row.lots, row.tick, row.kind
    kept.purpose, kept.reduce_only = row.purpose, row.reduce_only
    kept.ref, kept.generation, kept.life_steps = row.ref, row.generation, row.life_steps
    clock.n_waiting += 1


@outlined
def open_markets(st: State) -> bool:
    """Write what waits, in its order, before all else of the next step, if a market opens in that.

    Orders for markets that stay shut are held back anew. Returns False, with nothing done, where the inbox has
    no room.
    """
    clock = st.clock[0]
    opening = False
    for k in range(clock.n_waiting):
        m = st.positions[st.waiting[k].position].market
        opening = opening or st.markets[m].opens <= clock.step + 1
    if not opening:
        return True
    if not has_room(st, clock.n_waiting):
        return False
    for k in range(clock.n_waiting):
        row = st.waiting[k]
        number = append(st, row.position, row.lots, row.tick, row.kind, row.purpose, 0.0, row.reduce_only)
        st.inbox[number].ref, st.inbox[number].generation = row.ref, row.generation
        st.inbox[number].life_steps = row.life_steps
    clock.n_waiting = 0
    return True

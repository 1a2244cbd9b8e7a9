"""Scheduled shocks: orders to be traded by a time, and depth that is gone for a while."""

from __future__ import annotations

import math

from cascade.compiler.jit import outlined
from cascade.core.inbox import append, has_room
from cascade.core.margin import MAX_TICK
from cascade.core.params import ANY, DEPTH_SHOCK, IOC, MARKET_SHOCK, Params
from cascade.core.state import State


@outlined
def set_depth_shocks(st: State, p: Params) -> None:
    """Set every market's depth factor from the depth shocks that are on."""
    step = st.clock[0].step
    for m in range(len(p.markets)):
        st.markets[m].depth_shock = 1.0
    for k in range(len(p.shocks)):
        shock = p.shocks[k]
        if shock.kind == DEPTH_SHOCK and shock.start <= step < shock.stop:
            st.markets[shock.target].depth_shock *= shock.amount


@outlined
def send_shock(st: State, p: Params, k: int) -> bool:
    """Send what a market shock should have traded by now and has not; False where the inbox is full.

    What the book would not take in the shock's time is sent again until it does.
    """
    shock = p.shocks[k]
    step = st.clock[0].step
    if shock.kind != MARKET_SHOCK or step < shock.start:
        return True
    if not has_room(st, 1):
        return False
    due = shock.amount * min(float(step + 1 - shock.start) / float(shock.stop - shock.start), 1.0)
    lots = math.floor(due) if due > 0.0 else math.ceil(due)
    lots -= st.positions[shock.position].lots - shock.initial
    if lots != 0:
        limit = MAX_TICK if lots > 0 else 1
        append(st, shock.position, lots, limit, IOC, ANY, 0.5, 0)
    return True

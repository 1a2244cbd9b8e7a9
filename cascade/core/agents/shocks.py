"""Scheduled shocks: orders to be traded by a time; depth that is gone, and markets that are halted, for a while."""

from __future__ import annotations

import math

from cascade.compiler.jit import kernel, outlined
from cascade.core.halts import halt_market, is_shut
from cascade.core.inbox import append, has_room
from cascade.core.margin import MAX_TICK
from cascade.core.params import (
    ANY,
    DEPTH_SHOCK,
    FRONT_LOADED,
    HALT_SHOCK,
    IOC,
    MARKET_SHOCK,
    WITH_VOLUME,
    Params,
)  # fmt: skip
from cascade.core.state import Array, State


@outlined
def set_states(st: State, p: Params) -> None:
    """Set every market's depth factor, and what is off in it, from the shocks that are on."""
    step = st.clock[0].step
    st.clock[0].halted = 0
    for m in range(len(p.markets)):
        st.markets[m].depth_shock = 1.0
        st.markets[m].halt = 0
    for k in range(len(p.shocks)):
        shock = p.shocks[k]
        if not shock.start <= step < shock.stop:
            continue
        if shock.kind == DEPTH_SHOCK:
            st.markets[shock.target].depth_shock *= shock.amount
        elif shock.kind == HALT_SHOCK:
            halt_market(st, shock.target, shock.halt, shock.stop)
    for m in range(len(p.markets)):
        st.markets[m].silent = st.markets[m].silent + 1 if is_shut(st, m) else 0


@outlined
def send_shock(st: State, p: Params, k: int) -> bool:
    """Send what a market shock should have traded by now and has not; False where the inbox is full.

    What the book would not take in the shock's time is sent again until it does; only an order that goes with
    volume, or is on margin, ends with its time.
    """
    shock = p.shocks[k]
    step = st.clock[0].step
    if shock.kind != MARKET_SHOCK or step < shock.start:
        return True
    if not has_room(st, 1):
        return False
    work, market, held = st.works[k], st.markets[shock.target], st.positions[shock.position].lots
    if step == shock.start:
        work.mid2, work.traded = market.mid2, market.traded
    if (shock.schedule == WITH_VOLUME or shock.margined != 0) and step >= shock.stop:
        return True
    due = shock.amount * _share_due(
        shock, step + 1 - shock.start, market.traded - work.traded - abs(work.filled)
    )
    lots = math.floor(due) if due > 0.0 else math.ceil(due)
    if shock.closes != 0:  # what has been liquidated meanwhile is closed already
        lots -= work.filled
        lots = max(lots, -max(held, 0)) if lots < 0 else min(lots, -min(held, 0))
    elif shock.margined != 0:  # what has been liquidated meanwhile is not opened anew
        lots -= work.filled
    else:
        lots -= held - shock.initial
    if lots != 0:
        limit = MAX_TICK if lots > 0 else 1
        number = append(st, shock.position, lots, limit, IOC, ANY, 0.5, shock.closes)
        st.inbox[number].ref = k
    return True


@kernel
def _share_due(shock: Array, steps: int, others: int) -> float:
    """Return the part of an order that is to be filled after some steps, in which others traded so many lots."""
    lasts = shock.stop - shock.start
    if shock.schedule == WITH_VOLUME:
        return min(shock.pace * float(others) / abs(shock.amount), 1.0) if shock.amount != 0.0 else 1.0
    if shock.schedule != FRONT_LOADED or steps >= lasts:
        return min(float(steps) / float(lasts), 1.0)
    # 1 - sinh(pace (lasts - steps)) / sinh(pace lasts), without numbers that overflow
    left = math.exp(-shock.pace * float(steps)) - math.exp(-shock.pace * float(2 * lasts - steps))
    return 1.0 - left / (1.0 - math.exp(-2.0 * shock.pace * float(lasts)))

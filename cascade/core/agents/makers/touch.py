"""Makers at the touch: one quote a side, a tick apart around their fair value, that comes back slowly."""

from __future__ import annotations

import math

from cascade.compiler.jit import int64, kernel, outlined
from cascade.core.agents.makers.quoting import look, overtakes, renew
from cascade.core.agents.sizes import valid_tick
from cascade.core.params import Params
from cascade.core.state import NONE, State


@outlined
def requote(st: State, p: Params, k: int) -> None:
    """Follow the fair value to the tick; of the size that is missing a part returns."""
    maker, seen = p.makers[k], look(st, p, k)
    bid = valid_tick(math.floor(seen.fair))
    rises = overtakes(st, maker.first_quote, bid)
    target = p.quote_levels[maker.first_level].money / seen.lot
    for turn in range(2):  # the side that gives way first: the other would slide behind it
        if (turn == 0) != rises:
            lots = _refilled(st, maker.first_quote, target * seen.buying, maker.refill)
            renew(st, maker.position, maker.first_quote, lots, bid, 0.0, maker.tolerance, seen.offset)
        else:
            lots = -_refilled(st, maker.first_quote + 1, target * seen.selling, maker.refill)
            renew(st, maker.position, maker.first_quote + 1, lots, bid + 1, 0.0, maker.tolerance, seen.offset)


@kernel
def _refilled(st: State, quote: int, target: float, refill: float) -> int:
    """Return the unsigned size of a quote after a look: what rests and a part of the target, at most all of it."""
    if st.clock[0].step == 0:
        return int64(target)
    order = st.quotes[quote]
    resting = abs(float(st.orders[order].lots)) if order != NONE else 0.0
    return int64(min(target, resting + refill * target))

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
    bid = _kept(st, maker.first_quote, valid_tick(math.floor(seen.fair)), maker.slack * seen.fair)
    rises = overtakes(st, maker.first_quote, bid)
    level = p.quote_levels[maker.first_level]
    lots = level.money / seen.lot
    for turn in range(2):  # the side that gives way first: the other would slide behind it
        # of who looks often, quotes that give way come first: nobody slides behind what is about to be withdrawn
        offset = seen.offset - 0.5 / maker.pace if turn == 0 and maker.pace > 1.0 else seen.offset
        if (turn == 0) != rises:
            size = int64(lots * seen.buying)
            renew(st, p, maker, maker.first_quote, size, level.refill, bid, 0.0, offset)
        else:
            size = -int64(lots * seen.selling)
            renew(st, p, maker, maker.first_quote + 1, size, level.refill, bid + 1, 0.0, offset)


@kernel
def _kept(st: State, quote: int, bid: int, slack: float) -> int:
    """Return the bid that rests, or that the resting ask goes with, if it is off by no more than the slack."""
    bids, asks, held = st.quotes[quote], st.quotes[quote + 1], bid
    if bids != NONE:
        held = st.orders[bids].tick
    elif asks != NONE:
        held = st.orders[asks].tick - 1
    return held if abs(float(held - bid)) <= slack else bid

"""Makers who quote a ladder of sizes by distance around their fair value."""

from __future__ import annotations

import math

from cascade.compiler.jit import int64, outlined
from cascade.core.agents.makers.quoting import look, overtakes, renew
from cascade.core.agents.makers.withdrawal import spared
from cascade.core.agents.sizes import valid_tick
from cascade.core.params import Params
from cascade.core.state import State


@outlined
def requote(st: State, p: Params, k: int) -> None:
    """Renew the quotes of maker k that are off by more than its tolerance."""
    maker, seen = p.makers[k], look(st, p, k)
    nearest = p.quote_levels[maker.first_level].distance
    rises = overtakes(st, maker.first_quote, valid_tick(math.floor(seen.fair * (1.0 - nearest))))
    for turn in range(2 * maker.n_levels):  # the side that gives way first: the other would slide behind it
        j, bids = turn % maker.n_levels, (turn < maker.n_levels) != rises
        level = p.quote_levels[maker.first_level + j]
        quote = maker.first_quote + 2 * j
        away = seen.fair * level.distance
        slack = max(maker.tolerance * away, maker.slack * seen.fair)
        lots = int64(level.money / seen.lot)
        if bids:
            bid, wanted = valid_tick(math.floor(seen.fair - away)), float(lots) * seen.buying
            size = int64(wanted * spared(seen.bids_left, level.nearness))
            renew(st, p, maker, quote, size, level.refill, bid, slack, seen.offset)
        else:
            ask, wanted = valid_tick(math.ceil(seen.fair + away)), float(lots) * seen.selling
            size = -int64(wanted * spared(seen.asks_left, level.nearness))
            renew(st, p, maker, quote + 1, size, level.refill, ask, slack, seen.offset)

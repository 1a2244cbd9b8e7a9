"""Arbitrageurs tie a perpetual to its spot."""

from __future__ import annotations

from cascade.compiler.jit import int64, kernel, outlined
from cascade.core.book import NO_ASK, NO_BID
from cascade.core.exact import INVERSE, lot_value
from cascade.core.halts import is_shut
from cascade.core.inbox import append, has_room
from cascade.core.margin import MAX_TICK
from cascade.core.params import ANY, IOC, Params
from cascade.core.state import State
from cascade.rng import ALONE, FIRST, SECOND, uniform


@outlined
def act(st: State, p: Params, k: int) -> bool:
    """Let agent k trade the gap between a perpetual and its spot, and hedge what is left open.

    It sells the dear one and buys the cheap one, in proportion to the gap beyond its threshold,
    within its cap; legs that filled unequally are squared in the perpetual.
    """
    arb = p.agents[k]
    step = st.clock[0].step
    if uniform(arb.key, step, ALONE, FIRST) >= arb.rate:
        return True
    if not has_room(st, 2):
        return False
    spot, perpetual = st.positions[arb.second], st.positions[arb.position]
    s, f = spot.market, perpetual.market
    if is_shut(st, s) or is_shut(st, f):  # one leg alone ties nothing
        return True
    ratio = p.markets[s].lot_size / _base_of_lot(st, p, f)
    size = _gap_lots(st, p, k, s, f)
    room = arb.cap - float(abs(perpetual.lots))
    held = float(perpetual.lots)
    if (size > 0.0) == (held > 0.0):
        size = max(min(size, max(room, 0.0)), -max(room, 0.0))
    loose = _exposure(st, p, arb.position) + float(spot.lots - arb.initial) * ratio
    hedge = max(min(-loose, arb.max_order), -arb.max_order)
    offset = uniform(arb.key, step, ALONE, SECOND)
    _send(st, arb.position, int64(size + hedge), offset)
    _send(st, arb.second, int64(-size / ratio), offset)
    return True


@kernel
def _base_of_lot(st: State, p: Params, m: int) -> float:
    """Return the units of the asset that one lot of market m stands for, of an inverse contract at the mark."""
    market = p.markets[m]
    if market.contract == INVERSE:
        return market.lot_size / (float(st.markets[m].mark) * market.tick_size)
    return market.lot_size


@kernel
def _exposure(st: State, p: Params, position: int) -> float:
    """Return the lots of a perpetual whose value moves, in USD, as a position does.

    What an inverse contract is worth in its asset when it is entered is what it moves like until it is
    closed, however many lots that is at a later mark.
    """
    row = st.positions[position]
    m = row.market
    if p.markets[m].contract == INVERSE:
        return float(row.entry_value) / float(lot_value(p.markets[m], st.markets[m].mark))
    return float(row.lots)


@kernel
def _gap_lots(st: State, p: Params, k: int, s: int, f: int) -> float:
    """Return the lots of the perpetual to buy (sell, < 0) for the gap between its book and the spot's."""
    arb = p.agents[k]
    spot, perpetual = st.markets[s], st.markets[f]
    if spot.best_bid == NO_BID or spot.best_ask == NO_ASK:
        return 0.0
    if perpetual.best_bid == NO_BID or perpetual.best_ask == NO_ASK:
        return 0.0
    spot_bid, spot_ask = (
        float(spot.best_bid) * p.markets[s].tick_size,
        float(spot.best_ask) * p.markets[s].tick_size,
    )
    bid, ask = (
        float(perpetual.best_bid) * p.markets[f].tick_size,
        float(perpetual.best_ask) * p.markets[f].tick_size,
    )
    dear = bid / spot_ask - 1.0 - arb.threshold
    cheap = 1.0 - ask / spot_bid - arb.threshold
    if dear > 0.0:
        return -min(arb.gain * dear, arb.max_order)
    if cheap > 0.0:
        return min(arb.gain * cheap, arb.max_order)
    return 0.0


@kernel
def _send(st: State, position: int, lots: int, offset: float) -> None:
    """Write an order that takes what it finds."""
    if lots != 0:
        limit = MAX_TICK if lots > 0 else 1
        append(st, position, lots, limit, IOC, ANY, offset, 0)

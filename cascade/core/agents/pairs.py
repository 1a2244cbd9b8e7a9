"""Pairs of markets of an asset that agents tie: the gap between their books, what it is worth, and both legs.

The first leg of a pair is a perpetual; the second is its spot, or a perpetual of another venue.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from cascade.compiler.jit import int64, kernel, outlined
from cascade.core.agents.sizes import valid_tick
from cascade.core.book import NO_ASK, NO_BID
from cascade.core.exact import INVERSE, lot_value
from cascade.core.funding import expected_rate
from cascade.core.halts import is_shut
from cascade.core.inbox import append
from cascade.core.margin import MAX_TICK
from cascade.core.params import ANY, IOC, PERPETUAL, Params
from cascade.core.state import State
from cascade.rng import ALONE, SECOND, uniform


class Gap(NamedTuple):
    """What selling the first leg and buying the second gains at their best prices, and what the reverse gains."""

    dear: float
    cheap: float


NO_GAP = -1.0
"""A gap that nobody trades: of a pair of which a book has no quote."""


AT_ANY_PRICE = -1.0


@kernel
def is_cut(st: State, p: Params, k: int) -> bool:
    """Tell whether a leg of agent k's pair takes no orders: one leg alone ties nothing."""
    arb = p.agents[k]
    return is_shut(st, st.positions[arb.second].market) or is_shut(st, st.positions[arb.position].market)


@outlined
def gap_of(st: State, p: Params, k: int) -> Gap:
    """Return the gap between the books of agent k's pair."""
    s, f = st.positions[p.agents[k].second].market, st.positions[p.agents[k].position].market
    second, first = st.markets[s], st.markets[f]
    if second.best_bid == NO_BID or second.best_ask == NO_ASK:
        return Gap(NO_GAP, NO_GAP)
    if first.best_bid == NO_BID or first.best_ask == NO_ASK:
        return Gap(NO_GAP, NO_GAP)
    second_bid, second_ask = (
        float(second.best_bid) * p.markets[s].tick_size,
        float(second.best_ask) * p.markets[s].tick_size,
    )
    bid, ask = (
        float(first.best_bid) * p.markets[f].tick_size,
        float(first.best_ask) * p.markets[f].tick_size,
    )
    return Gap(bid / second_ask - 1.0, 1.0 - ask / second_bid)


@outlined
def carry_of(st: State, p: Params, k: int) -> float:
    """Return what being short the first leg and long the second is expected to receive, as a share of the size.

    That is funding at the rates expected now, over the time that agent k expects to hold.
    """
    arb = p.agents[k]
    return _funding(st, p, arb.position, p.ties[arb.own].hold) - _funding(
        st, p, arb.second, p.ties[arb.own].hold
    )


@kernel
def _funding(st: State, p: Params, position: int, steps: float) -> float:
    """Return what a long of a position's market is expected to pay in so many steps."""
    m = st.positions[position].market
    if p.markets[m].kind != PERPETUAL:
        return 0.0
    return expected_rate(st, p, m) * 1e-8 * steps / float(p.funding[p.markets[m].venue].steps)


@kernel
def ratio_of(st: State, p: Params, k: int) -> float:
    """Return how many lots of the first leg are as much of the asset as a lot of the second."""
    arb = p.agents[k]
    s, f = st.positions[arb.second].market, st.positions[arb.position].market
    return _base_of_lot(st, p, s) / _base_of_lot(st, p, f)


@kernel
def _base_of_lot(st: State, p: Params, m: int) -> float:
    """Return the units of the asset that one lot of market m stands for, of an inverse contract at the mark."""
    market = p.markets[m]
    if market.contract == INVERSE:
        return market.lot_size / (float(st.markets[m].mark) * market.tick_size)
    return market.lot_size


@kernel
def _exposure(st: State, p: Params, position: int) -> float:
    """Return the lots of a position whose value moves, in USD, as the position does.

    What an inverse contract is worth in its asset when it is entered is what it moves like until it is
    closed, however many lots that is at a later mark.
    """
    row = st.positions[position]
    m = row.market
    if p.markets[m].contract == INVERSE:
        return float(row.entry_value) / float(lot_value(p.markets[m], st.markets[m].mark))
    return float(row.lots)


@outlined
def trade_pair(st: State, p: Params, k: int, lots: float, spare: float) -> None:
    """Let agent k trade lots of its first leg against the second; room for two intents must have been checked.

    Legs that filled unequally are squared in the first, at any price. Of what the gap has to spare, as a share of the
    price, each leg may give up a half beyond its best price; `AT_ANY_PRICE` is no bound.
    """
    arb, ratio = p.agents[k], ratio_of(st, p, k)
    loose = _exposure(st, p, arb.position) + (_exposure(st, p, arb.second) - float(arb.initial)) * ratio
    hedge = max(min(-loose, arb.max_order), -arb.max_order)
    offset = uniform(arb.key, st.clock[0].step, ALONE, SECOND)
    first = spare if int64(hedge) == 0 else AT_ANY_PRICE
    _send(st, arb.position, int64(lots + hedge), first, offset)
    _send(st, arb.second, int64(-lots / ratio), spare, offset)


@kernel
def _send(st: State, position: int, lots: int, spare: float, offset: float) -> None:
    """Write an order that takes what it finds, up to half of what there is to spare beyond the best price."""
    if lots == 0:
        return
    market, limit = st.markets[st.positions[position].market], MAX_TICK if lots > 0 else 1
    if spare != AT_ANY_PRICE:
        best = float(market.best_ask if lots > 0 else market.best_bid)
        limit = valid_tick(math.floor(best * (1.0 + 0.5 * spare if lots > 0 else 1.0 - 0.5 * spare)))
    append(st, position, lots, limit, IOC, ANY, offset, 0)

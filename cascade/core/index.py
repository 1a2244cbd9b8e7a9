"""Mids of books, and the index of an asset that venues make of its spot mids."""

from __future__ import annotations

from cascade.compiler.jit import kernel, outlined
from cascade.core.book import NO_ASK, NO_BID
from cascade.core.params import MUTE, SPOT, Params
from cascade.core.state import State


@kernel
def update_mid(st: State, m: int) -> None:
    """Take twice the mid of market m, in ticks; a side that is empty leaves the last one standing."""
    market = st.markets[m]
    if market.best_bid != NO_BID and market.best_ask != NO_ASK:
        market.mid2 = market.best_bid + market.best_ask


@kernel
def mid_price(st: State, p: Params, m: int) -> float:
    """Return the mid of market m in quote units."""
    return 0.5 * float(st.markets[m].mid2) * p.markets[m].tick_size


@outlined
def index_price(st: State, p: Params, asset: int, limit: float, otherwise: float) -> float:
    """Return the weighted mean of the spot mids of an asset, with the guard against outliers.

    A source farther than `limit` from the median of all has no weight; where that befalls more than
    one, the index is the median (Binance). Where no source is left, it is `otherwise`.
    """
    total, weight, n = 0.0, 0.0, 0
    for m in range(len(p.markets)):
        if _is_source(st, p, m, asset):
            total += p.markets[m].index_weight * mid_price(st, p, m)
            weight += p.markets[m].index_weight
            n += 1
    if n < 2:
        return total / weight if n == 1 else otherwise
    median = 0.5 * (_ranked_mid(st, p, asset, (n - 1) // 2) + _ranked_mid(st, p, asset, n // 2))
    outliers = 0
    for m in range(len(p.markets)):
        mid = mid_price(st, p, m)
        if _is_source(st, p, m, asset) and abs(mid - median) > limit * median:
            total -= p.markets[m].index_weight * mid
            weight -= p.markets[m].index_weight
            outliers += 1
    return median if outliers > 1 or weight <= 0.0 else total / weight


@kernel
def _is_source(st: State, p: Params, m: int, asset: int) -> bool:
    """Tell whether market m is one of those the index of an asset is made of."""
    market = p.markets[m]
    is_named = market.kind == SPOT and market.asset == asset and market.index_weight > 0.0
    return is_named and st.markets[m].halt & MUTE == 0


@outlined
def _ranked_mid(st: State, p: Params, asset: int, rank: int) -> float:
    """Return the spot mid of an asset that `rank` others lie below (few sources: counted, not sorted)."""
    for m in range(len(p.markets)):
        if not _is_source(st, p, m, asset):
            continue
        mid = mid_price(st, p, m)
        below, level = 0, 0
        for other in range(len(p.markets)):
            if _is_source(st, p, other, asset):
                price = mid_price(st, p, other)
                below += 1 if price < mid else 0
                level += 1 if price == mid else 0
        if below <= rank < below + level:
            return mid
    return 0.0

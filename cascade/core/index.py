"""Mids of books, and the index of an asset that each venue makes of its spot mids, by its own rule and weights."""

from __future__ import annotations

import math

from cascade.compiler.choice import choice
from cascade.compiler.jit import kernel, outlined
from cascade.core.book import NO_ASK, NO_BID
from cascade.core.params import MUTE, Params
from cascade.core.state import State
from cascade.names import IndexRule, names_of


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
def index_price(st: State, p: Params, v: int, asset: int, otherwise: float) -> float:
    """Return venue v's index of an asset, made of spot mids; where it has no source left, it is `otherwise`."""
    total, weight, n = 0.0, 0.0, 0
    for m in range(len(p.markets)):
        if _is_source(st, p, v, m, asset):
            total += p.sources[v, m] * mid_price(st, p, m)
            weight += p.sources[v, m]
            n += 1
    if n < 2:
        return total / weight if n == 1 else otherwise
    return _made(p.marks[v].index_rule, st, p, v, asset, total, weight, n)


@kernel
def _is_source(st: State, p: Params, v: int, m: int, asset: int) -> bool:
    """Tell whether market m is one of those that venue v's index of an asset is made of at present."""
    if p.sources[v, m] <= 0.0 or p.markets[m].asset != asset:
        return False
    patience = p.marks[v].silent_steps
    return st.markets[m].halt & MUTE == 0 and (patience == 0 or st.markets[m].silent <= patience)


# --- rules, a kernel for each name, of n sources with their weight, and their prices times it, added up -----


@outlined
def weighted_mean(st: State, p: Params, v: int, asset: int, total: float, weight: float, n: int) -> float:
    """Return the weighted mean of n sources, with the guard against outliers.

    A source farther than the venue's limit from the median of all has no weight; where that befalls more than
    one, the index is the median (Binance).
    """
    median = 0.5 * (_ranked_mid(st, p, v, asset, (n - 1) // 2) + _ranked_mid(st, p, v, asset, n // 2))
    limit, outliers = p.marks[v].outlier_limit, 0
    for m in range(len(p.markets)):
        mid = mid_price(st, p, m)
        if _is_source(st, p, v, m, asset) and abs(mid - median) > limit * median:
            total -= p.sources[v, m] * mid
            weight -= p.sources[v, m]
            outliers += 1
    return median if outliers > 1 or weight <= 0.0 else total / weight


@outlined
def weighted_median(st: State, p: Params, v: int, asset: int, total: float, weight: float, n: int) -> float:
    """Return the price on either side of which lies half of the sources' weight, between two of them their mean."""
    low, high = math.inf, -math.inf
    for m in range(len(p.markets)):
        if not _is_source(st, p, v, m, asset):
            continue
        mid = mid_price(st, p, m)
        up_to, from_on = 0.0, 0.0
        for other in range(len(p.markets)):
            if _is_source(st, p, v, other, asset):
                price = mid_price(st, p, other)
                up_to += p.sources[v, other] if price <= mid else 0.0
                from_on += p.sources[v, other] if price >= mid else 0.0
        if 2.0 * up_to >= weight:
            low = min(low, mid)
        if 2.0 * from_on >= weight:
            high = max(high, mid)
    return 0.5 * (low + high)


_made = choice(names_of(IndexRule), globals())
"""Make an index by the rule of a number."""


@outlined
def _ranked_mid(st: State, p: Params, v: int, asset: int, rank: int) -> float:
    """Return the mid of a source that `rank` others lie below (few sources: counted, not sorted)."""
    for m in range(len(p.markets)):
        if not _is_source(st, p, v, m, asset):
            continue
        mid = mid_price(st, p, m)
        below, level = 0, 0
        for other in range(len(p.markets)):
            if _is_source(st, p, v, other, asset):
                price = mid_price(st, p, other)
                below += 1 if price < mid else 0
                level += 1 if price == mid else 0
        if below <= rank < below + level:
            return mid
    return 0.0

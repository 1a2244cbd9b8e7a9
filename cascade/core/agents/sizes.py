"""Sizes and prices of the orders that agents write."""

from __future__ import annotations

from cascade.compiler.jit import int64, kernel
from cascade.core.exact import usd_value
from cascade.core.margin import MAX_TICK
from cascade.core.params import Params
from cascade.core.state import State


@kernel
def lots_worth(p: Params, st: State, m: int, money: float) -> int:
    """Return how many lots of market m a sum of USD, in money units, buys at the mark."""
    return int64(money / float(usd_value(p.markets[m], st.markets[m].mark)))


@kernel
def valid_tick(price: float) -> int:
    """Return a price in ticks as a tick within bounds."""
    return int64(min(max(price, 1.0), float(MAX_TICK)))

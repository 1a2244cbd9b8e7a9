"""The mark of a market, set from its index, its books and the basis between them."""

from __future__ import annotations

import math

from cascade.compiler.jit import outlined
from cascade.core.index import index_price
from cascade.core.mark_rules import follow_basis, mark_price
from cascade.core.params import FROZEN, POOL, SPOT, Params
from cascade.core.state import State
from cascade.core.window import recentre


@outlined
def update_mark(st: State, p: Params, m: int, sample: bool) -> None:
    """Set index and mark of market m; `sample` advances the average of the basis with time.

    Waves inside a step pass sample=False: time has not passed.
    """
    market, fixed = st.markets[m], p.markets[m]
    rule = p.marks[fixed.venue]
    is_due = rule.index_steps == 1 or (sample and st.clock[0].step % rule.index_steps == 0)
    if is_due and market.halt & FROZEN == 0:
        market.index = index_price(st, p, fixed.venue, fixed.asset, market.index)
    market.mark_before = market.mark
    if fixed.kind == SPOT:
        market.mark = max((market.mid2 + 1) // 2, 1)
    else:
        if sample:
            follow_basis(rule.rule, st, p, m)
        price = mark_price(rule.rule, st, p, m)
        market.mark = max(math.floor(price / fixed.tick_size + 0.5), 1)
    if fixed.kind == POOL:  # nobody trades there: its prices are the oracle's
        market.last, market.mid2 = market.mark, 2 * market.mark
        market.high, market.low = max(market.high, market.mark), min(market.low, market.mark)
    market.mark_high = max(market.mark_high, market.mark)
    market.mark_low = min(market.mark_low, market.mark)
    n = p.run[0].n_ticks
    if not market.window + n // 8 <= market.mark < market.window + n - n // 8:
        recentre(st, p, m, market.mark)

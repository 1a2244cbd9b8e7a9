"""What the makers of a market share: a fair value that learns from flow, and fear of volatility."""

from __future__ import annotations

import math

from cascade.compiler.jit import kernel, outlined
from cascade.core.params import Params
from cascade.core.state import State


@kernel
def learn(st: State, p: Params, m: int) -> None:
    """Let the makers' fair value follow the signed flow of the last step, and forget with time.

    The same flow moves a thinner book farther.
    """
    market, fixed = st.markets[m], p.markets[m]
    thin = max(market.depth_factor, fixed.learning_floor) * market.depth_shock
    market.impact = market.impact * fixed.impact_decay + fixed.impact * float(market.flow_learnt) / thin
    market.flow_learnt = 0


@kernel
def fair_value(st: State, p: Params, m: int) -> float:
    """Return what makers of market m think it is worth: news value times what they learnt from flow."""
    return st.assets[p.markets[m].asset].value * math.exp(st.markets[m].impact)


@outlined
def update_withdrawal(st: State, p: Params, m: int) -> None:
    """Follow one-minute returns of the mid, and let makers' depth fall as they exceed the calm.

    factor = clamp((sqrt(var / calm) / threshold)^-exponent, floor, 1); one-minute returns with a
    floor, since bounce alone would otherwise empty the book (science.md 1.4).
    """
    market, fixed = st.markets[m], p.markets[m]
    if st.clock[0].step < market.variance_at:
        return
    mid = float(market.mid2)
    change = math.log(mid / market.variance_mid)
    market.variance = fixed.variance_decay * market.variance + (1.0 - fixed.variance_decay) * change * change
    market.variance_mid = mid
    market.variance_at += fixed.variance_steps
    ratio = math.sqrt(market.variance / fixed.calm_variance) / fixed.withdrawal_threshold
    factor = ratio**-fixed.withdrawal_exponent if ratio > 1.0 else 1.0
    market.depth_factor = max(factor, fixed.withdrawal_floor)

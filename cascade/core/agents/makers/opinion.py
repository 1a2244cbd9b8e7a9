"""What makers share: a fair value that learns from flow, and sizes that come and go."""

from __future__ import annotations

import math

from cascade.compiler.jit import kernel, outlined
from cascade.core import propagator
from cascade.core.agents.makers.lean import advance_lean
from cascade.core.params import Params
from cascade.core.state import State
from cascade.rng import ALONE, FIFTH, FIRST, THIRD, normal

ERROR = FIFTH + 2
"""Number of the draw of what the makers of a market err by together."""


@outlined
def form_opinions(st: State, p: Params) -> None:
    """Let the makers of each asset add impact and lean to the news value."""
    for a in range(len(p.assets)):
        before = st.assets[a].lean
        propagator.move(st, p, a)
        advance_lean(st, p, a)
        st.assets[a].moved += st.assets[a].lean - before
    for a in range(len(p.assets)):
        asset, forced = st.assets[a], 0.0
        asset.ordinary = asset.lean
        for b in range(len(p.assets)):
            asset.ordinary += p.cross[a, b] * st.assets[b].impact
            forced += p.cross[a, b] * st.assets[b].forced_impact
        asset.opinion = asset.ordinary + forced


@kernel
def learn(st: State, p: Params, m: int) -> None:
    """Let the makers' fair value follow the signed flow of the last step, and forget with time.

    The same flow moves a thinner book farther. Where orders move the asset, its markets learn a small part alone.
    """
    market, fixed = st.markets[m], p.markets[m]
    rule = p.impacts[fixed.asset]
    if rule.kick != 0.0:
        market.impact = market.impact * rule.local_decay + rule.kick * rule.local * market.kicks
        market.kicks, market.flow_learnt = 0.0, 0
        return
    thin = max(market.depth_factor, fixed.learning_floor) * market.depth_shock
    market.impact = market.impact * fixed.impact_decay + fixed.impact * float(market.flow_learnt) / thin
    market.flow_learnt = 0


@kernel
def fair_value(st: State, p: Params, m: int) -> float:
    """Return what makers of market m think it is worth: news value times what they learnt from flow."""
    asset = st.assets[p.markets[m].asset]
    return asset.value * math.exp(st.markets[m].impact + asset.opinion + st.markets[m].error)


@outlined
def update_swings(st: State, p: Params, m: int) -> None:
    """Let the sizes that makers want on each side of market m come and go, and with them what they err by together.

    Sizes tilt with their intent and go with a power of activity.
    """
    market, fixed, step = st.markets[m], p.markets[m], st.clock[0].step
    asset, tilt = st.assets[fixed.asset], p.leans[fixed.asset].tilt
    if fixed.error > 0.0:
        kept = fixed.error_decay if step > 0 else 0.0
        fresh = fixed.error * math.sqrt(1.0 - kept * kept)
        market.error = kept * market.error + fresh * normal(fixed.key, step, ALONE, ERROR)
    if fixed.side_swing == 0.0 and fixed.swing == 0.0 and fixed.activity_power == 0.0 and tilt == 0.0:
        return
    near = fixed.side_decay if step > 0 else 0.0
    far = fixed.swing_decay if step > 0 else 0.0
    fresh = math.sqrt(1.0 - near * near)
    market.bid_swing = near * market.bid_swing + fresh * normal(fixed.key, step, ALONE, FIRST)
    market.ask_swing = near * market.ask_swing + fresh * normal(fixed.key, step, ALONE, THIRD)
    market.swing = far * market.swing + math.sqrt(1.0 - far * far) * normal(fixed.key, step, ALONE, FIFTH)
    both = fixed.swing * market.swing + fixed.activity_power * math.log(asset.activity)
    both -= 0.5 * (
        fixed.swing**2 + fixed.side_swing**2 + tilt**2
    )  # so that the mean size is what was asked for
    market.bid_thickness = math.exp(both + fixed.side_swing * market.bid_swing + tilt * asset.intent)
    market.ask_thickness = math.exp(both + fixed.side_swing * market.ask_swing - tilt * asset.intent)

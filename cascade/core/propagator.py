"""Impact: how orders move what the makers of an asset think it is worth, and how that is forgotten.

Each order kicks the log price by kick x |money|^exponent, and a kick decays as a power of time: a sum of
exponentials, the modes ("double root law", Durin, Rosenbaum and Szymanski, arXiv 2502.16246; propagator of
Bouchaud et al., arXiv cond-mat/0307332). Exponent and decay sum to about 1, so that a sale moves the price as
the root of its size, however long it takes. Ordinary orders act by their surprise: what means of past kicks
lead one to expect is taken off, so that flow with a memory leaves returns white. Forced and scheduled orders
are never expected. They are netted over all markets of the asset before the root, as a rate over some seconds:
many small ones move the price as one of their sum, at whatever interval they come.
"""

from __future__ import annotations

import math

from cascade.compiler.jit import kernel, outlined
from cascade.core.exact import usd_value
from cascade.core.params import (
    ANY,
    ARBITRAGE_ACCOUNT,
    CARRY_ACCOUNT,
    CLOSING,
    FLOW_ACCOUNT,
    HUNTER_ACCOUNT,
    MAKER_ACCOUNT,
    NEWS_TAKER_ACCOUNT,
    OPENING,
    TRADER_ACCOUNT,
    Params,
)
from cascade.core.state import State

N_MODES = 7
"""Exponentials that make up the decay."""

N_MEANS = 3
"""Running means of past kicks, from which the next are expected."""

LEAST_DEPTH = 0.01
"""Share of the depth below which an empty book counts as no emptier."""


@kernel
def feel(st: State, p: Params, position: int, lots: int, purpose: int) -> None:
    """Let the asset's makers feel an order that has filled signed lots.

    Who follows quotes or ties markets together tells nothing new.
    """
    m = st.positions[position].market
    a = p.markets[m].asset
    if p.impacts[a].kick == 0.0 or lots == 0:
        return
    kind = st.accounts[st.positions[position].account].kind
    if (
        kind == MAKER_ACCOUNT
        or kind == NEWS_TAKER_ACCOUNT
        or kind == ARBITRAGE_ACCOUNT
        or kind == CARRY_ACCOUNT
    ):
        return
    value = lots * usd_value(p.markets[m], st.markets[m].mark)
    if _is_ordinary(kind, purpose):
        kick = math.copysign(abs(float(value)) ** p.impacts[a].exponent, float(value))
        st.assets[a].kicks += kick
        st.markets[m].kicks += kick
    else:
        st.assets[a].forced += value


@kernel
def _is_ordinary(kind: int, purpose: int) -> bool:
    """Tell whether an order is one of the crowd's, which others learn to expect."""
    if kind == TRADER_ACCOUNT:
        return purpose == OPENING or purpose == CLOSING
    return (kind == FLOW_ACCOUNT or kind == HUNTER_ACCOUNT) and purpose == ANY


@outlined
def move(st: State, p: Params, a: int) -> None:
    """Let the impact on an asset decay by one step, and add that of the last step's orders."""
    rule, asset = p.impacts[a], st.assets[a]
    if rule.kick == 0.0:
        return
    asset.drawn = rule.drawn_decay * asset.drawn + rule.drawn * abs(float(asset.forced))
    asset.forced_rate = rule.memory * asset.forced_rate + (1.0 - rule.memory) * float(asset.forced)
    forced = math.copysign(abs(asset.forced_rate) ** rule.exponent, asset.forced_rate)
    ordinary = asset.kicks - rule.surprise * _expected(st, p, a, asset.kicks)
    kicked = rule.kick * _depth_left(st, p, a, 0.0) ** -rule.depth_power
    pushed = rule.kick * _depth_left(st, p, a, forced) ** -rule.depth_power
    asset.impact, asset.forced_impact = 0.0, 0.0
    for k in range(N_MODES):
        mode = p.modes[a * N_MODES + k]
        st.modes[2 * a, k] = mode.decay * st.modes[2 * a, k] + kicked * mode.weight * ordinary
        st.modes[2 * a + 1, k] = mode.decay * st.modes[2 * a + 1, k] + pushed * mode.weight * forced
        asset.impact += st.modes[2 * a, k]
        asset.forced_impact += st.modes[2 * a + 1, k]
    asset.kicks, asset.forced = 0.0, 0


@kernel
def _depth_left(st: State, p: Params, a: int, hit: float) -> float:
    """Return the share of their sizes that an asset's makers have left, on the mean of its markets.

    On the side that signed flow hits; 0 for both sides alike: noise on a book that is thin on one side would else be
    a trend.
    """
    total, n = 0.0, 0
    for m in range(len(p.markets)):
        if p.markets[m].asset == a:
            left = st.markets[m].depth_factor * st.markets[m].depth_shock
            if hit != 0.0:
                left *= st.pressures[m].bids_left if hit < 0.0 else st.pressures[m].asks_left
            total += left
            n += 1
    return max(total / float(n), LEAST_DEPTH) if n > 0 else 1.0


@kernel
def _expected(st: State, p: Params, a: int, kicks: float) -> float:
    """Return what means of past kicks lead one to expect of this step's, and let the means go on."""
    expected = 0.0
    for k in range(N_MEANS):
        memory, mean = p.memories[a * N_MEANS + k], st.means[a, k]
        expected += memory.share * mean
        st.means[a, k] = memory.decay * mean + (1.0 - memory.decay) * kicks
    return expected

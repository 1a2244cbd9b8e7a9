"""Makers: ladders around a fair value that learns from flow, thinner as volatility rises."""

from __future__ import annotations

import math

from cascade.compiler.jit import int64, kernel, outlined
from cascade.core.agents.sizes import valid_tick
from cascade.core.exact import usd_value
from cascade.core.inbox import append, has_room
from cascade.core.params import ANY, QUOTE, Params
from cascade.core.state import NONE, State
from cascade.rng import FIRST, SECOND, THIRD, normal, uniform


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


@outlined
def requote(st: State, p: Params, k: int) -> bool:
    """Let maker k renew the quotes that are off by more than its tolerance; False where the inbox is full."""
    maker = p.makers[k]
    step = st.clock[0].step
    if step > 0 and uniform(maker.key, step, maker.slot, FIRST) >= maker.act:
        return True
    if not has_room(st, 2 * maker.n_levels):
        return False
    row = st.positions[maker.position]
    m = row.market
    inventory = float(row.lots - maker.initial) / maker.cap
    offset = uniform(maker.key, step, maker.slot, SECOND)
    shift = maker.noise * normal(maker.key, step, maker.slot, THIRD) - maker.skew * inventory
    fair = fair_value(st, p, m) * math.exp(shift) / p.markets[m].tick_size
    value = float(usd_value(p.markets[m], st.markets[m].mark))
    thick = st.markets[m].depth_factor * st.markets[m].depth_shock
    buying = thick * min(max(1.0 - inventory, 0.0), 1.0)
    selling = thick * min(max(1.0 + inventory, 0.0), 1.0)
    nearest = p.quote_levels[maker.first_level].distance
    rises = _overtakes(st, maker.first_quote, valid_tick(math.floor(fair * (1.0 - nearest))))
    for turn in range(2 * maker.n_levels):  # the side that gives way first: the other would slide behind it
        j, bids = turn % maker.n_levels, (turn < maker.n_levels) != rises
        level = p.quote_levels[maker.first_level + j]
        quote = maker.first_quote + 2 * j
        away = fair * level.distance
        slack = maker.tolerance * away
        lots = int64(level.money / value)
        if bids:
            bid, size = valid_tick(math.floor(fair - away)), int64(float(lots) * buying)
            _renew(st, maker.position, quote, size, bid, slack, maker.tolerance, offset)
        else:
            ask, size = valid_tick(math.ceil(fair + away)), -int64(float(lots) * selling)
            _renew(st, maker.position, quote + 1, size, ask, slack, maker.tolerance, offset)
    return True


@kernel
def _overtakes(st: State, quote: int, bid: int) -> bool:
    """Tell whether a maker's new best bid reaches its own resting best ask, which must then move first."""
    order = st.quotes[quote + 1]
    return order != NONE and bid >= st.orders[order].tick


@kernel
def _renew(
    st: State, position: int, quote: int, lots: int, tick: int, slack: float, tolerance: float, offset: float
) -> None:
    """Write a quote intent where the resting quote is off in price or size."""
    order = st.quotes[quote]
    if order != NONE:
        row = st.orders[order]
        near = abs(float(row.tick - tick)) <= slack
        if near and abs(float(row.lots - lots)) <= tolerance * abs(float(lots)):
            return
    elif lots == 0:
        return
    number = append(st, position, lots, tick, QUOTE, ANY, offset, 0)
    st.inbox[number].ref = quote

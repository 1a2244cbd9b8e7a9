"""What makers of every kind do: look now and then, value the asset, and renew quotes that are off."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from cascade.compiler.jit import int64, kernel
from cascade.core.agents.makers.opinion import fair_value
from cascade.core.exact import usd_value
from cascade.core.inbox import append
from cascade.core.params import ANY, QUOTE, Params
from cascade.core.prefetch import expect_level
from cascade.core.state import NONE, State
from cascade.rng import FIRST, SECOND, THIRD, normal, uniform


class Look(NamedTuple):
    """What a maker sees: its fair value in ticks, the money of a lot, what it wants to do.

    That is the share of its sizes near the price, its arrival, and the part of that share that withdrawal has left.
    """

    fair: float
    lot: float
    buying: float
    selling: float
    offset: float
    bids_left: float
    asks_left: float


@kernel
def is_looking(st: State, p: Params, k: int) -> bool:
    """Tell whether maker k looks at its quotes in this step; at the start all do."""
    maker, step = p.makers[k], st.clock[0].step
    return step == 0 or uniform(maker.key, step, maker.slot, FIRST) < maker.act


@kernel
def look(st: State, p: Params, k: int) -> Look:
    """Return what maker k sees; its inventory moves its value and tilts its sizes, withdrawal thins them."""
    maker, step = p.makers[k], st.clock[0].step
    row = st.positions[maker.position]
    m = row.market
    inventory = float(row.lots - maker.initial) / maker.cap
    risk = inventory if maker.desk == k else st.purses[k].net  # what it has hedged elsewhere is none
    shift = maker.noise * normal(maker.key, step, maker.slot, THIRD) - maker.skew * risk
    thick, own = st.markets[m].depth_factor * st.markets[m].depth_shock, st.purses[k].left
    room = st.purses[k].room
    bids_left, asks_left = own * st.pressures[m].bids_left, own * st.pressures[m].asks_left
    return Look(
        fair_value(st, p, m) * math.exp(shift) / p.markets[m].tick_size,
        float(usd_value(p.markets[m], st.markets[m].mark)),
        thick
        * min(max(1.0 - inventory, 0.0), 1.0)
        * st.markets[m].bid_thickness
        * bids_left
        * (room if inventory >= 0.0 else 1.0),
        thick
        * min(max(1.0 + inventory, 0.0), 1.0)
        * st.markets[m].ask_thickness
        * asks_left
        * (room if inventory <= 0.0 else 1.0),
        _arrival(maker.pace, uniform(maker.key, step, maker.slot, SECOND)),
        st.markets[m].depth_factor * bids_left,
        st.markets[m].depth_factor * asks_left,
    )


@kernel
def _arrival(pace: float, u: float) -> float:
    """Return when a maker's quotes arrive: at any time in a step, or, if it looks often, when it looks last."""
    return 1.0 - 0.5 * u / pace if pace > 1.0 else u


@kernel
def overtakes(st: State, quote: int, bid: int) -> bool:
    """Tell whether a maker's new best bid reaches its own resting best ask, which must then move first."""
    order = st.quotes[quote + 1]
    return order != NONE and bid >= st.orders[order].tick


@kernel
def renew(
    st: State,
    p: Params,
    maker: Any,
    quote: int,
    lots: int,
    refill: float,
    tick: int,
    slack: float,
    offset: float,
) -> None:
    """Write a quote intent where the resting quote is off in price or size.

    It follows in price at once; of the size that is missing the share `refill` of the whole returns.
    """
    order, resting = st.quotes[quote], 0
    if order != NONE:
        row = st.orders[order]
        resting = row.lots
        near = abs(float(row.tick - tick)) <= slack
        if near and abs(float(resting - lots)) <= maker.tolerance * abs(float(lots)):
            return
    if refill < 1.0 and st.clock[0].step > 0:  # at the start all of it is there
        most = abs(float(resting)) + refill * abs(float(lots))
        lots = int64(math.copysign(min(abs(float(lots)), most), float(lots)))
    if order == NONE and lots == 0:
        return
    m = st.positions[maker.position].market
    if order != NONE:
        expect_level(st, p, m, st.orders[order].tick)
    expect_level(st, p, m, tick)
    number = append(st, maker.position, lots, tick, QUOTE, ANY, offset, 0)
    st.inbox[number].ref = quote

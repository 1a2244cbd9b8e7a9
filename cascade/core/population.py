"""The leveraged population at the start: what has survived the prices before it.

Each seat is drawn as it stands in the middle of a life: an age, an entry at the price of that
time, a side, a hold still to come. A life that the prices since its entry have liquidated or
stopped is over; its seat stays empty until its hold is. So liquidation prices are not a comb, and
none lies where the price has just been.
"""

from __future__ import annotations

import math

from cascade.core.exact import charge, lot_value
from cascade.core.flow import quantile
from cascade.core.margin import excess_at, liquidation_tick
from cascade.core.params import Params
from cascade.core.seats import (
    HOLD,
    HOLDING,
    SIDE,
    STOP,
    STOP_AT,
    TAKE,
    TAKE_AT,
    TOP_UP,
)  # fmt: skip
from cascade.core.state import NONE, Array, record
from cascade.jit import entry, int64, kernel
from cascade.rng import exponential, uniform

LEVERAGE, SIZE, AGE, OLD = (int64(k) for k in range(20, 24))  # numbers of the draws of a seat's birth

BIRTH_LIFE = int64(0)  # the life in whose middle the run begins

HISTORY = record(("price", "f8"), ("low", "f8"), ("high", "f8"))
"""Price k minutes before the start, and the extremes from then until the start."""

DRAWN = record(("lots", "i8"), ("entry_tick", "i8"), ("balance", "i8"))
"""A position as drawn; zero lots where the seat is empty."""

BIRTH = record(
    ("layer", "i8"), ("market", "i8"), ("n_markets", "i8"), ("sizes", "i8"), ("size_exponent", "f8"),
    ("size_reference", "f8"), ("hold_s", "f8"), ("hold_reference", "f8"), ("hold_exponent", "f8"),
    ("wanted_notional", "f8"), ("wanted_accounts", "i8"),
)  # fmt: skip
"""How a layer is drawn: size quantile table (money units), habits by leverage, and when to stop."""


@entry
def draw_seats(
    p: Params, birth: Array, markets: Array, history: Array, leverage: Array, traders: Array, drawn: Array,
    progress: Array,
) -> int:  # fmt: skip
    """Draw the seats of one layer into `traders` and `drawn` until its target is met or they are full.

    `leverage` is (2, n): values and cumulative account weights. `markets` are the layer's markets;
    `history` is (n_minutes, n_markets of the layer) of HISTORY. `progress` holds (seats drawn,
    notional alive in money units, accounts alive) and is continued. Returns 1 when the target is met.
    """
    b = birth[0]
    while progress[1] < b.wanted_notional and progress[2] < float(b.wanted_accounts):
        seat = int64(progress[0])
        if seat >= len(traders) or (seat + 1) * b.n_markets > len(drawn):
            return 0
        alive = _draw_seat(p, b, markets, history, leverage, traders, drawn, seat)
        progress[0] += 1.0
        if alive > 0.0:
            progress[1] += alive
            progress[2] += 1.0
    return 1


@kernel
def _pick(leverage: Array, u: float) -> float:
    """Return the value of a discrete distribution at probability u."""
    low, high = int64(0), int64(leverage.shape[1] - 1)
    while low < high:
        middle = (low + high) // 2
        if leverage[1, middle] < u:
            low = middle + 1
        else:
            high = middle
    return leverage[0, low]


@kernel
def _largest_notional(p: Params, m: int, leverage: float) -> float:
    """Return the notional up to which the tiers of market m allow a leverage."""
    market = p.markets[m]
    most = 0.0
    for k in range(market.first_tier, market.first_tier + market.n_tiers):
        if p.tiers[k].max_leverage >= leverage - 1e-9:
            most = float(p.tiers[k].cap)
    return most


@kernel
def _draw_seat(
    p: Params, b: Array, markets: Array, history: Array, leverages: Array, traders: Array, drawn: Array, seat: int
) -> float:  # fmt: skip
    """Draw one seat; return its notional at the start, 0 where it is empty."""
    layer = p.layers[b.layer]
    key = layer.key
    row = traders[seat]
    leverage = _pick(leverages, uniform(key, BIRTH_LIFE, seat, LEVERAGE))
    m0 = int64(markets[0])
    most = 0.98 * _largest_notional(p, m0, leverage)
    notional = (
        quantile(p, b.sizes, uniform(key, BIRTH_LIFE, seat, SIZE))
        * (leverage / b.size_reference) ** b.size_exponent
    )
    notional = min(notional, most)
    hold = max(layer.min_hold_s, b.hold_s * (leverage / b.hold_reference) ** b.hold_exponent)
    row.leverage, row.notional, row.mean_hold_s, row.layer = leverage, notional, hold, b.layer
    row.life, row.phase, row.due, row.due_next = 0, HOLDING, 0, NONE
    row.stop_tick, row.take_tick, row.top_up_tick = NONE, NONE, NONE
    long = uniform(key, BIRTH_LIFE, seat, SIDE) < layer.long_share
    row.side = 1 if long else -1
    ends = hold * exponential(key, BIRTH_LIFE, seat, HOLD) / p.run[0].dt
    row.life_ends = int64(min(ends, 1.9e9)) + 1 if layer.turnover != 0 else 2_000_000_000
    minutes = int64(hold * exponential(key, BIRTH_LIFE, seat, AGE) / 60.0)
    if minutes >= len(history):
        minutes = int64(uniform(key, BIRTH_LIFE, seat, OLD) * float(len(history)))
    alive = 0.0
    for j in range(b.n_markets):
        at = seat * b.n_markets + j
        m = int64(markets[j])
        _draw_entry(p, m, notional / float(b.n_markets), leverage, long, history[minutes, j].price, drawn, at)
        if b.n_markets == 1:
            _outlive(p, layer, m, row, drawn, at, seat, history[minutes, j], history[0, j].price)
        lots = drawn[at].lots
        alive += abs(float(lots)) * history[0, j].price * p.markets[m].lot_size * 1e6
    return alive


@kernel
def _draw_entry(
    p: Params, m: int, notional: float, leverage: float, long: bool, price: float, drawn: Array, at: int
) -> None:
    """Write a position of a notional at an entry price, with its margin as balance."""
    market = p.markets[m]
    tick = max(int64(math.floor(price / market.tick_size + 0.5)), int64(1))
    value = lot_value(market, tick)
    lots = max(int64(notional / abs(float(value))), int64(1))
    if not long:
        lots = -lots
    margin = charge(abs(lots * value), int64(1e8 / leverage + 0.5))
    row = drawn[at]
    row.lots, row.entry_tick, row.balance = lots, tick, margin - lots * value


@kernel
def _outlive(
    p: Params, layer: Array, m: int, seat: Array, drawn: Array, at: int, slot: int, past: Array, now: float
) -> None:  # fmt: skip
    """Plan the exits of a life and empty its seat where the past has reached one of them."""
    row = drawn[at]
    market = p.markets[m]
    long = row.lots > 0
    liquidation = liquidation_tick(p, m, row.lots, row.balance)
    if liquidation == NONE:
        return
    key = layer.key
    entry_tick = float(row.entry_tick)
    way = float(liquidation) - entry_tick
    worst = past.low / market.tick_size if long else past.high / market.tick_size
    best = past.high / market.tick_size if long else past.low / market.tick_size
    if uniform(key, BIRTH_LIFE, slot, TOP_UP) < layer.top_up_share:
        warning = entry_tick + layer.top_up_at * way
        if (worst <= warning) == long:
            row.balance += int64(
                abs(float(row.lots)) * abs(way) * float(market.unit) * (layer.top_up_factor - 1.0)
            )
            liquidation = liquidation_tick(p, m, row.lots, row.balance)
        else:
            seat.top_up_tick = int64(warning)
    if uniform(key, BIRTH_LIFE, slot, STOP) < layer.stop_share:
        seat.stop_tick = int64(
            entry_tick + quantile(p, layer.stop_distance, uniform(key, BIRTH_LIFE, slot, STOP_AT)) * way
        )
    if uniform(key, BIRTH_LIFE, slot, TAKE) < layer.take_share:
        seat.take_tick = int64(
            entry_tick - quantile(p, layer.take_distance, uniform(key, BIRTH_LIFE, slot, TAKE_AT)) * way
        )
    dead = _reached(worst, liquidation, long) or _reached(worst, int64(seat.stop_tick), long)
    dead = dead or (seat.take_tick != NONE and _reached(-best, -int64(seat.take_tick), long))
    mark = max(int64(math.floor(now / market.tick_size + 0.5)), int64(1))
    if dead or excess_at(p, m, row.lots, row.balance, mark) <= 0:
        row.lots, row.balance = 0, 0
        seat.stop_tick, seat.take_tick, seat.top_up_tick = NONE, NONE, NONE


@kernel
def _reached(price: float, tick: int, long: bool) -> bool:
    """Tell whether an adverse extreme has reached a tick."""
    if tick == NONE:
        return False
    return price <= float(tick) if long else price >= float(tick)

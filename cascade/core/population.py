"""The leveraged population at the start: what has survived the prices before it.

Each seat is drawn as it stands in the middle of a life: an age, an entry at the price of that
time, a side, a hold still to come; or in the pause between two. A life that the prices since its
entry have liquidated or stopped is over; its seat stays empty until its hold is. So liquidation
prices are not a comb, and none lies where the price has just been.
"""

from __future__ import annotations

import math

from cascade.compiler.jit import entry, int64, kernel, outlined
from cascade.core.exact import INVERSE, charge, lot_value, usd_value
from cascade.core.flow import quantile
from cascade.core.margin import excess_at, failing_tick, fails
from cascade.core.params import Params
from cascade.core.seats import (
    HEDGE,
    HOLD,
    HOLDING,
    PAUSE,
    PAUSING,
    SIDE,
    STOP,
    STOP_AT,
    TAKE,
    TAKE_AT,
    TOP_UP,
    exit_tick,
    is_hedge,
    leg_notional,
    prolonged,
)  # fmt: skip
from cascade.core.state import NONE, Array, record
from cascade.rng import exponential, uniform

LEVERAGE, SIZE, AGE, OLD, AWAY = range(20, 25)  # numbers of the draws of a seat's birth

BIRTH_LIFE = 0  # the life in whose middle the run begins

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


BLOCK = 32
"""Minutes that one row of block extremes stands for."""


@entry
def draw_seats(
    p: Params, birth: Array, markets: Array, history: Array, blocks: Array, leverage: Array, traders: Array,
    drawn: Array, progress: Array,
) -> int:  # fmt: skip
    """Draw the seats of one layer into `traders` and `drawn` until its target is met or they are full.

    `leverage` is (2, n): values and cumulative account weights. `markets` are the layer's markets;
    `history` is (n_minutes, n_markets of the layer) of HISTORY, and `blocks` holds the extremes of each
    BLOCK of its minutes. `progress` holds (seats drawn, notional alive in money units, accounts alive,
    seats that pause) and is continued. Returns 1 when the target is met.
    """
    b = birth[0]
    while progress[1] < b.wanted_notional and progress[2] < float(b.wanted_accounts):
        seat = int64(progress[0])
        if seat >= len(traders) or (seat + 1) * b.n_markets > len(drawn):
            return 0
        alive = _draw_seat(p, b, markets, history, blocks, leverage, traders, drawn, seat)
        progress[0] += 1.0
        progress[3] += 1.0 if traders[seat].phase == PAUSING else 0.0
        if alive > 0.0:
            progress[1] += alive
            progress[2] += 1.0
    return 1


@kernel
def _pick(leverage: Array, u: float) -> float:
    """Return the value of a discrete distribution at probability u."""
    low, high = 0, leverage.shape[1] - 1
    while low < high:
        middle = (low + high) // 2
        if leverage[1, middle] < u:
            low = middle + 1
        else:
            high = middle
    return leverage[0, low]


@kernel
def _largest_notional(p: Params, m: int, leverage: float, price: float) -> float:
    """Return the USD notional up to which the tiers of market m allow a leverage at a price."""
    market = p.markets[m]
    tick = _tick(market, price)
    usd = (
        float(usd_value(market, tick)) / abs(float(lot_value(market, tick)))
        if market.contract == INVERSE
        else 1.0
    )
    most = 0.0
    for k in range(market.first_tier, market.first_tier + market.n_tiers):
        if p.tiers[k].max_leverage >= leverage - 1e-9:
            most = float(p.tiers[k].cap) * usd
    return most


@kernel
def _draw_seat(
    p: Params, b: Array, markets: Array, history: Array, blocks: Array, leverages: Array, traders: Array,
    drawn: Array, seat: int,
) -> float:  # fmt: skip
    """Draw one seat; return its notional at the start, 0 where it is empty."""
    layer = p.layers[b.layer]
    row = traders[seat]
    leverage = _pick(leverages, uniform(layer.key, BIRTH_LIFE, seat, LEVERAGE))
    row.leverage, row.notional = leverage, _draw_notional(p, b, markets, history, leverage, seat)
    hold = max(layer.min_hold_s, b.hold_s * (leverage / b.hold_reference) ** b.hold_exponent)
    row.mean_hold_s = hold
    row.layer, row.life, row.phase, row.due, row.due_next = b.layer, 0, HOLDING, 0, NONE
    row.stop_tick, row.take_tick, row.top_up_tick = NONE, NONE, NONE
    long = uniform(layer.key, BIRTH_LIFE, seat, SIDE) < layer.long_share
    row.side = 1 if long else -1
    pause = max(layer.pause_s, p.run[0].dt)
    if layer.turnover != 0 and uniform(layer.key, BIRTH_LIFE, seat, AWAY) < pause / (hold + pause):
        row.phase = PAUSING
        row.life_ends = prolonged(p, 0, layer.pause_s * exponential(layer.key, BIRTH_LIFE, seat, PAUSE))
        return 0.0
    ends = hold * exponential(layer.key, BIRTH_LIFE, seat, HOLD) / p.run[0].dt
    row.life_ends = int64(min(ends, 1.9e9)) + 1 if layer.turnover != 0 else 2_000_000_000
    age = hold * exponential(layer.key, BIRTH_LIFE, seat, AGE)
    minutes = int64(min(age / 60.0, 1e9))
    if minutes >= len(history):
        minutes = int64(uniform(layer.key, BIRTH_LIFE, seat, OLD) * float(len(history)))
    first = seat * b.n_markets
    hedges = layer.legs > 1 and uniform(layer.key, BIRTH_LIFE, seat, HEDGE) < layer.hedge_share
    for j in range(b.n_markets):
        notional = leg_notional(layer, row.notional, b.n_markets, hedges, j)
        if notional > 0.0:
            price = history[minutes, j].price
            side = long != is_hedge(layer, j)
            _draw_entry(p, markets[j], notional, leverage, side, price, drawn, first + j)
    if b.n_markets == 1:
        m = markets[0]
        _outlive(p, layer, m, row, drawn, first, seat, history[minutes, 0], history[0, 0].price)
    else:
        _outlive_jointly(p, markets, drawn, first, history, blocks, minutes)
    return _alive(p, markets, history, drawn, first)


@kernel
def _alive(p: Params, markets: Array, history: Array, drawn: Array, first: int) -> float:
    """Return the notional of a seat at the start in money units."""
    total = 0.0
    for j in range(len(markets)):
        lots = abs(float(drawn[first + j].lots))
        market = p.markets[markets[j]]
        if market.contract == INVERSE:
            total += lots * float(market.face)
        else:
            total += lots * history[0, j].price * market.lot_size * 1e6
    return total


@kernel
def _draw_notional(p: Params, b: Array, markets: Array, history: Array, leverage: float, seat: int) -> float:
    """Return the notional of a seat in all its markets, within what their tiers allow at its leverage."""
    most = math.inf
    for j in range(b.n_markets):
        most = min(most, 0.98 * _largest_notional(p, markets[j], leverage, history[0, j].price))
    notional = (
        quantile(p, b.sizes, uniform(p.layers[b.layer].key, BIRTH_LIFE, seat, SIZE))
        * (leverage / b.size_reference) ** b.size_exponent
    )
    return min(notional, most * float(b.n_markets // max(p.layers[b.layer].legs, 1)))


@kernel
def _draw_entry(
    p: Params, m: int, notional: float, leverage: float, long: bool, price: float, drawn: Array, at: int
) -> None:
    """Write a position of a notional at an entry price, with its margin as balance."""
    market = p.markets[m]
    tick = _tick(market, price)
    value = lot_value(market, tick)
    lots = max(int64(notional / float(usd_value(market, tick))), 1)
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
    liquidation = failing_tick(p, m, row.lots, row.balance, row.entry_tick)
    if liquidation == NONE:
        return
    key = layer.key
    entry_tick = float(row.entry_tick)
    way = float(liquidation) - entry_tick
    worst = past.low / market.tick_size if long else past.high / market.tick_size
    best = past.high / market.tick_size if long else past.low / market.tick_size
    if uniform(key, BIRTH_LIFE, slot, TOP_UP) < layer.top_up_share:
        warning = exit_tick(entry_tick, way, layer.top_up_at)
        if _reached(worst, warning, long):
            money = row.lots * (lot_value(market, row.entry_tick) - lot_value(market, liquidation))
            row.balance += int64(float(abs(money)) * (layer.top_up_factor - 1.0))
            liquidation = failing_tick(p, m, row.lots, row.balance, row.entry_tick)
        else:
            seat.top_up_tick = warning
    if uniform(key, BIRTH_LIFE, slot, STOP) < layer.stop_share:
        part = quantile(p, layer.stop_distance, uniform(key, BIRTH_LIFE, slot, STOP_AT))
        seat.stop_tick = exit_tick(entry_tick, way, part)
    if uniform(key, BIRTH_LIFE, slot, TAKE) < layer.take_share:
        part = quantile(p, layer.take_distance, uniform(key, BIRTH_LIFE, slot, TAKE_AT))
        seat.take_tick = exit_tick(entry_tick, way, -part)
    dead = _reached(worst, liquidation, long) or _reached(worst, int64(seat.stop_tick), long)
    dead = dead or _reached(best, int64(seat.take_tick), not long)
    if dead or fails(p, m, row.lots, row.balance, _tick(market, now)):
        row.lots, row.balance = 0, 0
        seat.stop_tick, seat.take_tick, seat.top_up_tick = NONE, NONE, NONE


@kernel
def _tick(market: Array, price: float) -> int:
    """Return the tick nearest to a price."""
    return max(math.floor(price / market.tick_size + 0.5), 1)


@kernel
def _reached(price: float, tick: int, down: bool) -> bool:
    """Tell whether a price has reached a tick on its way down, or up."""
    if tick == NONE:
        return False
    return price <= float(tick) if down else price >= float(tick)


@outlined
def _outlive_jointly(
    p: Params, markets: Array, drawn: Array, first: int, history: Array, blocks: Array, minutes: int
) -> None:
    """Empty a seat whose positions together have failed the margin test at some minute since their entry.

    Most need no walk: what passes with every position at its own worst price has passed each minute,
    since equity less maintenance margin falls in every adverse move. The same spares whole blocks.
    """
    proves = True  # with whole tiers margin jumps: the worst price proves nothing about those before it
    for j in range(len(markets)):
        proves = proves and p.markets[markets[j]].step_tiers == 0
    if proves and _joint_excess(p, markets, drawn, first, history, minutes, True) > 0:
        return
    k = minutes
    while k >= 0:
        if (
            proves
            and k % BLOCK == BLOCK - 1
            and _joint_excess(p, markets, drawn, first, blocks, k // BLOCK, True) > 0
        ):
            k -= BLOCK
        elif _joint_excess(p, markets, drawn, first, history, k, False) > 0:
            k -= 1
        else:
            for j in range(len(markets)):
                drawn[first + j].lots, drawn[first + j].balance = 0, 0
            return


@outlined
def _joint_excess(
    p: Params, markets: Array, drawn: Array, first: int, prices: Array, k: int, worst: bool
) -> int:
    """Return equity minus maintenance margin of a seat at row k of prices, or of each position's worst."""
    total = 0
    for j in range(len(markets)):
        row = drawn[first + j]
        m = markets[j]
        price = prices[k, j].price
        if worst:
            price = prices[k, j].low if row.lots > 0 else prices[k, j].high
        total += excess_at(p, m, row.lots, row.balance, _tick(p.markets[m], price))
    return total

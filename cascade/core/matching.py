"""Matching of the inbox: the one place where an intent becomes orders, fills or a counted rejection."""

from __future__ import annotations

from cascade.compiler.jit import kernel, outlined
from cascade.core.book import NO_ASK, NO_BID, cancel_account, remove, replace, rest, take
from cascade.core.exact import lot_value, times_rate
from cascade.core.inbox import drop_intent, first_intent
from cascade.core.ledger import settle_flat
from cascade.core.margin import MAX_TICK, equity_of, initial_margin, initial_margin_of, is_flat
from cascade.core.params import (
    AGENT,
    CANCEL,
    CANCEL_ALL,
    CROSSED,
    GONE,
    IOC,
    NO_HOLDING,
    NO_MARGIN,
    NOT_FLAT,
    NOT_REDUCING,
    OPENING,
    OUT_OF_BAND,
    OVER_LEVERAGE,
    POST_ONLY,
    PROFIT,
    QUOTE,
    SPOT,
    STOPPING,
    UNMARGINED,
    Params,
)  # fmt: skip
from cascade.core.seats import (
    leverage_allowed,
    plan_exits,
    post_margin,
)  # fmt: skip
from cascade.core.state import NONE, State
from cascade.core.triggers import retrigger

DONE, NEEDS_ORDERS, NEEDS_TRADES = 0, 1, 2


@kernel
def match_inbox(st: State, p: Params) -> int:
    """Match intents until none is left; stop before one for which a buffer has no room."""
    clock = st.clock[0]
    while True:
        number = first_intent(st)
        if number == NONE:
            clock.n_inbox = 0
            return DONE
        if clock.free_order == NONE:
            clock.need = len(st.orders) + 1
            return NEEDS_ORDERS
        m = st.positions[st.inbox[number].position].market
        if p.run[0].record_trades != 0:
            market = st.markets[m]
            most = market.n_asks if st.inbox[number].lots > 0 else market.n_bids
            if clock.n_trades + most > len(st.trades):
                clock.need = most
                return NEEDS_TRADES
        drop_intent(st, number)
        process(st, p, m, number)


@kernel
def reject(st: State, reason: int) -> None:
    """Count a rejected intent."""
    st.counts[reason] += 1


@outlined
def process(st: State, p: Params, m: int, number: int) -> None:
    """Carry out one intent."""
    row = st.inbox[number]
    position = row.position
    kind = row.kind
    if kind == CANCEL:
        _cancel(st, p, m, position, row.ref, row.generation)
        return
    if kind == CANCEL_ALL:
        cancel_account(st, p, st.positions[position].account)
        return
    if kind == QUOTE:
        _quote(st, p, m, position, row.lots, row.tick, row.ref)
        return
    lots = row.lots
    if row.reduce_only != 0:
        lots = reducible(st, position, lots)
        if lots == 0:
            reject(st, NOT_REDUCING)
            return
    limit = row.tick
    purpose = row.purpose
    if kind == POST_ONLY and crosses(st, m, lots, limit):
        reject(st, CROSSED)
        return
    if not _admissible(st, p, m, position, lots, limit, kind, purpose, row.reduce_only):
        return
    if kind == IOC:
        limit = bounded(st, p, m, lots, limit)
    filled, value = take(st, p, position, lots, limit, purpose)
    if row.ref != NONE:  # the scheduled order that this is a part of
        st.works[row.ref].filled += filled
        st.works[row.ref].value += value
    if kind != IOC and filled != lots:
        due = NONE
        if row.life_steps > 0 and st.clock[0].step + row.life_steps < st.calendars.shape[1]:
            due = st.clock[0].step + row.life_steps
        rest(st, p, m, position, lots - filled, limit, NONE, due)
    after_fill(st, p, position, filled, purpose)


@kernel
def reducible(st: State, position: int, lots: int) -> int:
    """Return the part of signed lots that only reduces a position."""
    held = st.positions[position].lots
    if held == 0 or (held > 0) == (lots > 0):
        return 0
    return max(lots, -held) if held > 0 else min(lots, -held)


@kernel
def crosses(st: State, m: int, lots: int, tick: int) -> bool:
    """Tell whether a limit order would trade at once."""
    market = st.markets[m]
    return tick >= market.best_ask if lots > 0 else tick <= market.best_bid


@kernel
def bounded(st: State, p: Params, m: int, lots: int, limit: int) -> int:
    """Return the limit of an order that takes, drawn to the venue's bound around the mark."""
    return drawn_in(st, m, lots, limit, p.markets[m].take_bound)


@kernel
def drawn_in(st: State, m: int, lots: int, limit: int, share: int) -> int:
    """Return a limit no farther beyond the mark than a share of it; 0 sets no bound."""
    if share == 0:
        return limit
    mark = st.markets[m].mark
    band = times_rate(mark, share)
    return min(limit, mark + band) if lots > 0 else max(limit, mark - band)


@outlined
def _admissible(
    st: State,
    p: Params,
    m: int,
    position: int,
    lots: int,
    tick: int,
    kind: int,
    purpose: int,
    reduce_only: int,
) -> bool:
    """Tell whether the venue admits an order; count the reason where not."""
    account = st.positions[position].account
    market = p.markets[m]
    if kind != IOC and drawn_in(st, m, lots, tick, market.price_band) != tick:
        reject(st, OUT_OF_BAND)
        return False
    if purpose == OPENING:
        held = st.positions[position].lots
        if held != 0 and (held > 0) != (lots > 0):
            reject(st, NOT_FLAT)
            return False
        notional = abs((held + lots) * lot_value(market, st.markets[m].mark))
        if not leverage_allowed(st, p, account, m, notional):
            reject(st, OVER_LEVERAGE)
            return False
    if st.accounts[account].kind == AGENT and reduce_only == 0:
        if market.kind == SPOT and lots < 0 and -lots > sellable(st, position):
            reject(st, NO_HOLDING)
            return False
        if not affordable(st, p, position, lots, tick):
            reject(st, NO_MARGIN)
            return False
    return True


@kernel
def sellable(st: State, position: int) -> int:
    """Return the lots of a spot holding that no resting order offers already: nobody lends more."""
    free = st.positions[position].lots
    order = st.accounts[st.positions[position].account].first_order
    while order != NONE:
        row = st.orders[order]
        if row.position == position:
            free += min(row.lots, 0)
        order = row.own_next
    return free


@outlined
def affordable(st: State, p: Params, position: int, lots: int, tick: int) -> bool:
    """Tell whether equity beyond the margin of positions and resting orders covers what an order adds.

    What only reduces a position needs no margin.
    """
    row = st.positions[position]
    m, account = row.market, row.account
    added = abs(lots)
    if (row.lots > 0) != (lots > 0):
        added = max(added - abs(row.lots), 0)
    if added == 0:
        return True
    mark = st.markets[m].mark
    price = tick if lots > 0 and tick < 2 * mark else mark
    wanted = initial_margin(p, m, abs(added * lot_value(p.markets[m], price)))
    free = equity_of(st, p, account) - initial_margin_of(st, p, account) - st.accounts[account].reserved
    return free >= wanted


@outlined
def after_fill(st: State, p: Params, position: int, filled: int, purpose: int) -> None:
    """Settle a margined account's wallet and triggers after its own order."""
    account = st.positions[position].account
    if st.accounts[account].margin == UNMARGINED:
        return
    trader = account - p.run[0].first_trader
    if trader >= 0:
        if purpose == OPENING and filled != 0:
            post_margin(st, p, trader)
            plan_exits(st, p, trader)
        elif is_flat(st, account):
            settle_flat(st, p, account)
        else:
            _stand_again(st, trader, position, purpose)
    elif is_flat(st, account):
        settle_flat(st, p, account)
    retrigger(st, p, account)


@kernel
def _stand_again(st: State, trader: int, position: int, purpose: int) -> None:
    """Let a stop or take-profit that found too little in the book fire again at any mark."""
    seat, long = st.traders[trader], st.positions[position].lots > 0
    if purpose == STOPPING:
        seat.stop_tick = MAX_TICK if long else 1
    elif purpose == PROFIT:
        seat.take_tick = 1 if long else MAX_TICK


@kernel
def _cancel(st: State, p: Params, m: int, position: int, order: int, generation: int) -> None:
    """Cancel a resting order, unless it has been filled since."""
    row = st.orders[order]
    if row.generation == generation and row.lots != 0 and row.position == position:
        remove(st, p, m, order)
    else:
        reject(st, GONE)


@kernel
def _quote(st: State, p: Params, m: int, position: int, lots: int, tick: int, quote: int) -> None:
    """Replace a maker's quote; a price that would cross slides behind the opposite best."""
    before, market = st.quotes[quote], st.markets[m]
    if lots > 0 and market.best_ask != NO_ASK:
        tick = min(tick, market.best_ask - 1)
    elif lots < 0 and market.best_bid != NO_BID:
        tick = max(tick, market.best_bid + 1)
    if lots == 0 or tick < 1:
        if before != NONE:
            remove(st, p, m, before)
    elif before == NONE:
        rest(st, p, m, position, lots, tick, quote, NONE)
    else:
        replace(st, p, m, before, lots, tick)

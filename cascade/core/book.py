"""Limit-order books on integer ticks: price-time priority, first in first out, for many markets.

A market's queues lie in its `window`. One window serves both sides, since a book is never crossed.
"""

from __future__ import annotations

from cascade.compiler.jit import kernel, outlined
from cascade.core.exact import lot_value, usd_value
from cascade.core.ledger import apply_fill
from cascade.core.margin import initial_margin
from cascade.core.params import FORCED, NEWS, SPOT, STILL, UNMARGINED, Params
from cascade.core.propagator import feel
from cascade.core.state import NONE, STALE, State
from cascade.core.window import level_after, level_from, link, recentre, unlink

NO_BID = 0
NO_ASK = 2_147_483_647
"""Best prices of an empty side; valid ticks lie strictly between."""

BUYS, SELLS = True, False


# --- best prices ----------------------------------------------------------------------------------


@outlined
def _best_far(st: State, m: int, buys: bool) -> int:
    """Return the best price of a side in the far list, or that of an empty side."""
    best = NO_BID if buys else NO_ASK
    order = st.markets[m].far_head
    while order != NONE:
        row = st.orders[order]
        tick = row.tick
        if buys and row.lots > 0:
            best = max(best, tick)
        elif not buys and row.lots < 0:
            best = min(best, tick)
        order = row.next
    return best


@outlined
def refresh_best(st: State, p: Params, m: int, buys: bool) -> None:
    """Find the best price of a side after its best level has emptied."""
    market = st.markets[m]
    if buys:
        slot = level_from(st, p, m, p.run[0].n_ticks - 1, SELLS)
        inside = NO_BID if slot == NONE else market.window + slot
        if market.far_head != NONE:
            inside = max(inside, _best_far(st, m, BUYS))
        market.best_bid = inside
    else:
        slot = level_from(st, p, m, 0, BUYS)
        inside = NO_ASK if slot == NONE else market.window + slot
        if market.far_head != NONE:
            inside = min(inside, _best_far(st, m, SELLS))
        market.best_ask = inside


# --- resting orders -------------------------------------------------------------------------------


@kernel
def reserve_of(st: State, p: Params, m: int, position: int, lots: int, tick: int) -> int:
    """Return the margin a resting order of a margined account holds back; what is sold on spot is there."""
    account = st.accounts[st.positions[position].account]
    if account.margin == UNMARGINED or (p.markets[m].kind == SPOT and lots < 0):
        return 0
    return initial_margin(p, m, abs(lots * lot_value(p.markets[m], tick)))


@outlined
def rest(st: State, p: Params, m: int, position: int, lots: int, tick: int, quote: int, due: int) -> int:
    """Add a resting order (signed lots) and return its number; room must have been checked."""
    clock = st.clock[0]
    order = clock.free_order
    row = st.orders[order]
    clock.free_order = row.next
    clock.n_orders += 1
    row.lots, row.tick, row.position, row.quote = lots, tick, position, quote
    row.due_next, row.due_prev, row.due = NONE, NONE, due
    account = st.accounts[st.positions[position].account]
    head = account.first_order
    row.own_prev, row.own_next = NONE, head
    if head != NONE:
        st.orders[head].own_prev = order
    account.first_order = order
    account.reserved += reserve_of(st, p, m, position, lots, tick)
    link(st, p, m, order)
    market = st.markets[m]
    if lots > 0:
        market.n_bids += 1
        market.best_bid = max(market.best_bid, tick)
    else:
        market.n_asks += 1
        market.best_ask = min(market.best_ask, tick)
    if quote != NONE:
        st.quotes[quote] = order
    if due != NONE:
        later = st.calendars[1, due]
        row.due_next = later
        if later != NONE:
            st.orders[later].due_prev = order
        st.calendars[1, due] = order
    return order


@outlined
def remove(st: State, p: Params, m: int, order: int) -> None:
    """Take an order out of the book and free its number."""
    row = st.orders[order]
    market = st.markets[m]
    tick = row.tick
    buys = row.lots > 0
    emptied = unlink(st, p, m, order)
    account = st.accounts[st.positions[row.position].account]
    before, after = row.own_prev, row.own_next
    if before != NONE:
        st.orders[before].own_next = after
    else:
        account.first_order = after
    if after != NONE:
        st.orders[after].own_prev = before
    account.reserved -= reserve_of(st, p, m, row.position, row.lots, tick)
    if row.due != NONE:
        before, after = row.due_prev, row.due_next
        if before != NONE:
            st.orders[before].due_next = after
        else:
            st.calendars[1, row.due] = after
        if after != NONE:
            st.orders[after].due_prev = before
    if row.quote != NONE:
        st.quotes[row.quote] = NONE
    if buys:
        market.n_bids -= 1
        if emptied and tick == market.best_bid:
            refresh_best(st, p, m, BUYS)
    else:
        market.n_asks -= 1
        if emptied and tick == market.best_ask:
            refresh_best(st, p, m, SELLS)
    clock = st.clock[0]
    row.lots = 0
    row.generation += 1
    row.next = clock.free_order
    clock.free_order = order
    clock.n_orders -= 1


@outlined
def replace(st: State, p: Params, m: int, order: int, lots: int, tick: int) -> None:
    """Put a maker's resting quote at the end of the queue of another tick, in another size of the same side.

    As to remove it and to rest it anew, but the account and the calendar need not be told.
    """
    row, market = st.orders[order], st.markets[m]
    before = row.tick
    emptied = unlink(st, p, m, order)
    row.lots, row.tick = lots, tick
    row.generation += 1
    link(st, p, m, order)
    if lots > 0:
        if emptied and before == market.best_bid and tick < before:
            refresh_best(st, p, m, BUYS)
        market.best_bid = max(market.best_bid, tick)
    else:
        if emptied and before == market.best_ask and tick > before:
            refresh_best(st, p, m, SELLS)
        market.best_ask = min(market.best_ask, tick)


@outlined
def cancel_account(st: State, p: Params, account: int) -> int:
    """Cancel every resting order of an account; return how many there were."""
    n = 0
    order = st.accounts[account].first_order
    while order != NONE:
        after = st.orders[order].own_next
        m = st.positions[st.orders[order].position].market
        remove(st, p, m, order)
        order = after
        n += 1
    return n


# --- matching -------------------------------------------------------------------------------------


@kernel
def fee_rate(st: State, p: Params, account: int, m: int, taker: int) -> int:
    """Return the maker (0) or taker (1) fee rate of an account in market m; some trade free or have their own."""
    schedule = st.accounts[account].fees
    if schedule == 0:
        return 0
    return p.fees[p.markets[m].venue if schedule == 1 else len(p.venues) + schedule - 2, taker]


@kernel
def log_trade(
    st: State, p: Params, m: int, tick: int, lots: int, maker: int, taker: int, purpose: int
) -> None:
    """Count a fill of taker-signed lots in the bar and, where asked for, in the trade log."""
    market = st.markets[m]
    value = lots * usd_value(p.markets[m], tick)
    market.last = tick
    market.high = max(market.high, tick)
    market.low = min(market.low, tick)
    market.volume += abs(value)
    market.flow += value
    market.n_trades += 1
    market.traded += abs(lots)
    if purpose != NEWS:
        market.flow_learnt += value
    if p.run[0].record_trades != 0:
        clock = st.clock[0]
        row = st.trades[clock.n_trades]
        row.step, row.market, row.tick, row.lots = clock.step, m, tick, lots
        row.maker, row.taker, row.purpose = maker, taker, purpose
        clock.n_trades += 1


@outlined
def execute(
    st: State, p: Params, m: int, position: int, lots: int, limit: int, purpose: int
) -> tuple[int, int]:
    """Match signed lots against the book up to a limit; return (filled lots, value), both signed.

    Makers are booked fill by fill, the taker by the caller. The account's own resting orders in
    the way are cancelled, never traded with. Room for a trade row per resting order must be free.
    While the market stands still nothing is.
    """
    market = st.markets[m]
    n = p.run[0].n_ticks
    taker = st.positions[position].account
    left, value = lots, 0
    buys, trades = lots > 0, market.halt & STILL == 0
    while left != 0 and trades:
        best = market.best_ask if buys else market.best_bid
        if (buys and best > limit) or (not buys and best < limit) or best == NO_ASK or best == NO_BID:
            break
        if not market.window <= best < market.window + n:
            recentre(st, p, m, best)
        order = st.levels[m * n + best - market.window].head
        row = st.orders[order]
        maker_position = row.position
        maker = st.positions[maker_position].account
        if maker == taker:
            remove(st, p, m, order)
            continue
        filled = min(left, -row.lots) if buys else max(left, -row.lots)
        fill_resting(st, p, m, order, -filled, fee_rate(st, p, maker, m, 0))
        log_trade(st, p, m, best, filled, maker, taker, purpose)
        value += filled * lot_value(p.markets[m], best)
        left -= filled
    st.clock[0].events += 1
    return lots - left, value


@outlined
def offered(st: State, p: Params, position: int, lots: int, limit: int) -> tuple[int, int]:
    """Return what others' resting orders within a limit would fill of signed lots: (lots, value), both signed."""
    m = st.positions[position].market
    account = st.positions[position].account
    market = st.markets[m]
    buys = lots > 0
    left, value = lots, 0
    tick = market.best_ask if buys else market.best_bid
    while left != 0 and tick != NO_ASK and tick != NO_BID and (tick <= limit if buys else tick >= limit):
        held = _offered_at(st, p, m, tick, account)
        filled = min(left, held) if buys else max(left, -held)
        value += filled * lot_value(p.markets[m], tick)
        left -= filled
        tick = _next_tick(st, p, m, tick, buys)
    return lots - left, value


@kernel
def _offered_at(st: State, p: Params, m: int, tick: int, account: int) -> int:
    """Return the lots that accounts other than this one offer at a tick."""
    market, n = st.markets[m], p.run[0].n_ticks
    order = market.far_head
    if market.window <= tick < market.window + n:
        order = st.levels[m * n + tick - market.window].head
    total = 0
    while order != NONE:
        row = st.orders[order]
        if row.tick == tick and st.positions[row.position].account != account:
            total += abs(row.lots)
        order = row.next
    return total


@kernel
def _next_tick(st: State, p: Params, m: int, tick: int, buys: bool) -> int:
    """Return the best price beyond a tick of the side that fills buys, or sells; an empty side's where none is."""
    market = st.markets[m]
    slot = level_after(st, p, m, tick - market.window, buys)
    best = (NO_ASK if buys else NO_BID) if slot == NONE else market.window + slot
    order = market.far_head
    while order != NONE:
        row = st.orders[order]
        far = row.tick
        if buys and row.lots < 0 and far > tick:
            best = min(best, far)
        elif not buys and row.lots > 0 and far < tick:
            best = max(best, far)
        order = row.next
    return best


@kernel
def fill_resting(st: State, p: Params, m: int, order: int, lots: int, rate: int) -> None:
    """Fill a resting order by signed lots (its own side) and remove it when it is done."""
    row = st.orders[order]
    position = row.position
    tick = row.tick
    account = st.positions[position].account
    apply_fill(st, p, position, lots, lots * lot_value(p.markets[m], tick), rate)
    if row.lots == lots:
        remove(st, p, m, order)
    else:
        reserved = reserve_of(st, p, m, position, row.lots, tick)
        row.lots -= lots
        st.levels[m * p.run[0].n_ticks + tick - st.markets[m].window].lots -= lots
        st.accounts[account].reserved += reserve_of(st, p, m, position, row.lots, tick) - reserved
    if st.accounts[account].margin != UNMARGINED:
        st.accounts[account].standing |= STALE


@kernel
def take(st: State, p: Params, position: int, lots: int, limit: int, purpose: int) -> tuple[int, int]:
    """Execute signed lots for a position and book them to it; return (filled lots, value).

    A forced order pays no taker fee: its clearance fee is charged by the liquidation.
    """
    row = st.positions[position]
    account = row.account
    filled, value = execute(st, p, row.market, position, lots, limit, purpose)
    if filled != 0:
        rate = 0 if purpose == FORCED else fee_rate(st, p, account, row.market, 1)
        apply_fill(st, p, position, filled, value, rate)
        feel(st, p, position, filled, purpose)
    return filled, value

"""Limit-order books on integer ticks: price-time priority, first in first out, for many markets.

A market's ladder is a window of ticks; an order outside it waits in the far list, in time order,
and joins the ladder when the window is re-centred. One ladder serves both sides, since a book is
never crossed.
"""

from __future__ import annotations

from cascade.core.bitmap import clear_bit, first_from, last_until, set_bit
from cascade.core.exact import charge, lot_value, proportion
from cascade.core.params import FORCED, NEWS, UNMARGINED, Params
from cascade.core.state import NONE, STALE, State
from cascade.jit import boolean, int64, kernel, outlined

NO_BID = int64(0)
NO_ASK = int64(2_147_483_647)
"""Best prices of an empty side; valid ticks lie strictly between."""

BUYS, SELLS = boolean(True), boolean(False)  # typed, so that a kernel is compiled once
HIGH, LOW = boolean(True), boolean(False)

BIDS, ASKS, LOWS, HIGHS = int64(0), int64(1), int64(2), int64(3)


@kernel
def bitmap_at(p: Params, m: int, which: int) -> int:
    """Return where the bitmap of bids, asks, low or high triggers of market m begins."""
    run = p.run[0]
    return (4 * m + which) * (run.n0 + run.n1 + ((run.n1 + 63) >> 6))


@kernel
def in_window(st: State, p: Params, m: int, tick: int) -> bool:
    """Tell whether a tick has a slot in market m's ladder."""
    base = st.markets[m].window
    return base <= tick < base + p.run[0].n_ticks


# --- fills ----------------------------------------------------------------------------------------


@outlined
def apply_fill(st: State, p: Params, position: int, lots: int, value: int, rate: int) -> int:
    """Book a fill of signed lots worth signed value to a position; return the fee charged."""
    row = st.positions[position]
    market = p.markets[int64(row.market)]
    held = row.lots
    after = held + lots
    if held == 0 or (held > 0) == (lots > 0):
        row.entry_value += value
    elif abs(lots) <= abs(held):
        row.entry_value -= proportion(row.entry_value, abs(lots), abs(held))
    else:
        row.entry_value = value - proportion(value, abs(held), abs(lots))
    row.lots = after
    st.markets[int64(row.market)].open_interest += max(after, int64(0)) - max(held, int64(0))
    account = int64(row.account)
    fee = charge(abs(value), rate)
    st.balances[account, market.settlement] -= value + fee
    st.balances[p.venues[market.venue].fees, market.settlement] += fee
    st.ledger[market.settlement].fees += fee
    return fee


@kernel
def log_trade(
    st: State, p: Params, m: int, tick: int, lots: int, maker: int, taker: int, purpose: int
) -> None:
    """Count a fill of taker-signed lots in the bar and, where asked for, in the trade log."""
    market = st.markets[m]
    value = lots * lot_value(p.markets[m], tick)
    market.last = tick
    market.high = max(market.high, tick)
    market.low = min(market.low, tick)
    market.volume += abs(value)
    market.flow += value
    market.n_trades += 1
    if purpose != NEWS:
        market.flow_learnt += value
    if p.run[0].record_trades != 0:
        clock = st.clock[0]
        row = st.trades[clock.n_trades]
        row.step, row.market, row.tick, row.lots = clock.step, m, tick, lots
        row.maker, row.taker, row.purpose = maker, taker, purpose
        clock.n_trades += 1


# --- the queue of a level -------------------------------------------------------------------------


@kernel
def link(st: State, p: Params, m: int, order: int) -> None:
    """Put an order at the end of its level's queue, or of the far list."""
    row = st.orders[order]
    market = st.markets[m]
    run = p.run[0]
    tick = int64(row.tick)
    row.next = NONE
    if market.window <= tick < market.window + run.n_ticks:
        slot = tick - market.window
        level = st.levels[m * run.n_ticks + slot]
        row.prev = level.tail
        if level.tail == NONE:
            level.head = order
            set_bit(st.bits, bitmap_at(p, m, BIDS if row.lots > 0 else ASKS), run.n0, run.n1, slot)
        else:
            st.orders[int64(level.tail)].next = order
        level.tail = order
        level.lots += row.lots
    else:
        row.prev = market.far_tail
        if market.far_tail == NONE:
            market.far_head = order
        else:
            st.orders[market.far_tail].next = order
        market.far_tail = order


@kernel
def unlink(st: State, p: Params, m: int, order: int) -> bool:
    """Take an order out of its queue; return whether its level is now empty."""
    row = st.orders[order]
    market = st.markets[m]
    run = p.run[0]
    tick = int64(row.tick)
    before, after = int64(row.prev), int64(row.next)
    if before != NONE:
        st.orders[before].next = after
    if after != NONE:
        st.orders[after].prev = before
    if market.window <= tick < market.window + run.n_ticks:
        slot = tick - market.window
        level = st.levels[m * run.n_ticks + slot]
        level.lots -= row.lots
        if before == NONE:
            level.head = after
        if after == NONE:
            level.tail = before
        if level.head == NONE:
            clear_bit(st.bits, bitmap_at(p, m, BIDS if row.lots > 0 else ASKS), run.n0, run.n1, slot)
            return True
        return False
    if before == NONE:
        market.far_head = after
    if after == NONE:
        market.far_tail = before
    return True


@outlined
def recentre(st: State, p: Params, m: int, tick: int) -> None:
    """Move market m's window so that `tick` lies in its middle; orders and triggers go along."""
    run = p.run[0]
    market = st.markets[m]
    n = run.n_ticks
    old, new = market.window, max(int64(0), tick - n // 2)
    shift = new - old
    if shift == 0:
        return
    for which in range(2):  # levels that leave the window go to the end of the far list, in time order
        at = bitmap_at(p, m, int64(which))
        slot = first_from(st.bits, at, run.n0, run.n1, int64(0))
        while slot != NONE:
            level = st.levels[m * n + slot]
            clear_bit(st.bits, at, run.n0, run.n1, slot)
            if not 0 <= slot - shift < n:
                _append_far(st, m, int64(level.head), int64(level.tail))
                level.head, level.tail, level.lots = NONE, NONE, 0
            slot = first_from(st.bits, at, run.n0, run.n1, slot + 1)
    _shift_levels(st, p, m, shift)
    market.window = new
    order = market.far_head
    market.far_head, market.far_tail = NONE, NONE
    while order != NONE:
        after = int64(st.orders[order].next)
        link(st, p, m, order)
        order = after
    recentre_triggers(st, p, m, shift)


@kernel
def _append_far(st: State, m: int, head: int, tail: int) -> None:
    """Append a chain of orders to the far list of market m."""
    market = st.markets[m]
    st.orders[head].prev = market.far_tail
    if market.far_tail == NONE:
        market.far_head = head
    else:
        st.orders[market.far_tail].next = head
    market.far_tail = tail


@kernel
def _shift_levels(st: State, p: Params, m: int, shift: int) -> None:
    """Move the levels of market m down by `shift` slots and set the bits of what stays."""
    run = p.run[0]
    n = run.n_ticks
    for k in range(n):
        slot = k if shift > 0 else n - 1 - k
        target = st.levels[m * n + slot]
        source = slot + shift
        if 0 <= source < n:
            row = st.levels[m * n + source]
            target.lots, target.head, target.tail = row.lots, row.head, row.tail
        else:
            target.lots, target.head, target.tail = 0, NONE, NONE
        if target.head != NONE:
            which = BIDS if target.lots > 0 else ASKS
            set_bit(st.bits, bitmap_at(p, m, which), run.n0, run.n1, slot)


@outlined
def recentre_triggers(st: State, p: Params, m: int, shift: int) -> None:
    """Re-hang every trigger node of market m after its window has moved by `shift`."""
    n = p.run[0].n_ticks
    for which in range(2):
        high = which == 1
        chain = int64(NONE)
        at = (2 * m + which) * (n + 1)
        bitmap = bitmap_at(p, m, LOWS + which)
        for slot in range(n + 1):
            node = int64(st.trigger_heads[at + slot])
            while node != NONE:
                row = st.positions[node]
                after = int64(row.high_next if high else row.low_next)
                if high:
                    row.high_next = chain
                else:
                    row.low_next = chain
                chain = node
                node = after
            if st.trigger_heads[at + slot] != NONE and slot < n:
                clear_bit(st.bits, bitmap, p.run[0].n0, p.run[0].n1, int64(slot))
            st.trigger_heads[at + slot] = NONE
        while chain != NONE:
            row = st.positions[chain]
            after = int64(row.high_next if high else row.low_next)
            if high:
                hang_high(st, p, m, chain)
            else:
                hang_low(st, p, m, chain)
            chain = after


# --- trigger nodes (used by `triggers`; here because the window is shared) --------------------------


@kernel
def trigger_slot(st: State, p: Params, m: int, tick: int, high: bool) -> int:
    """Return the bucket of a trigger: far where the mark must leave the window to reach it."""
    n = p.run[0].n_ticks
    slot = tick - st.markets[m].window
    if high:
        return n if slot >= n else max(slot, int64(0))
    return n if slot < 0 else min(slot, n - 1)


@kernel
def hang_low(st: State, p: Params, m: int, position: int) -> None:
    """Hang the low node of a position, whose `low_tick` is set, into its bucket."""
    run = p.run[0]
    row = st.positions[position]
    slot = trigger_slot(st, p, m, int64(row.low_tick), LOW)
    head = 2 * m * (run.n_ticks + 1) + slot
    after = int64(st.trigger_heads[head])
    row.low_prev, row.low_next = NONE, after
    if after != NONE:
        st.positions[after].low_prev = position
    elif slot < run.n_ticks:
        set_bit(st.bits, bitmap_at(p, m, LOWS), run.n0, run.n1, slot)
    st.trigger_heads[head] = position


@kernel
def hang_high(st: State, p: Params, m: int, position: int) -> None:
    """Hang the high node of a position, whose `high_tick` is set, into its bucket."""
    run = p.run[0]
    row = st.positions[position]
    slot = trigger_slot(st, p, m, int64(row.high_tick), HIGH)
    head = (2 * m + 1) * (run.n_ticks + 1) + slot
    after = int64(st.trigger_heads[head])
    row.high_prev, row.high_next = NONE, after
    if after != NONE:
        st.positions[after].high_prev = position
    elif slot < run.n_ticks:
        set_bit(st.bits, bitmap_at(p, m, HIGHS), run.n0, run.n1, slot)
    st.trigger_heads[head] = position


# --- best prices ----------------------------------------------------------------------------------


@outlined
def _best_far(st: State, m: int, buys: bool) -> int:
    """Return the best price of a side in the far list, or that of an empty side."""
    best = NO_BID if buys else NO_ASK
    order = st.markets[m].far_head
    while order != NONE:
        row = st.orders[order]
        tick = int64(row.tick)
        if buys and row.lots > 0:
            best = max(best, tick)
        elif not buys and row.lots < 0:
            best = min(best, tick)
        order = int64(row.next)
    return best


@outlined
def refresh_best(st: State, p: Params, m: int, buys: bool) -> None:
    """Find the best price of a side after its best level has emptied."""
    market = st.markets[m]
    run = p.run[0]
    if buys:
        slot = last_until(st.bits, bitmap_at(p, m, BIDS), run.n0, run.n1, run.n_ticks - 1)
        inside = NO_BID if slot == NONE else market.window + slot
        if market.far_head != NONE:
            inside = max(inside, _best_far(st, m, BUYS))
        market.best_bid = inside
    else:
        slot = first_from(st.bits, bitmap_at(p, m, ASKS), run.n0, run.n1, int64(0))
        inside = NO_ASK if slot == NONE else market.window + slot
        if market.far_head != NONE:
            inside = min(inside, _best_far(st, m, SELLS))
        market.best_ask = inside


# --- resting orders -------------------------------------------------------------------------------


@kernel
def reserve_of(st: State, p: Params, m: int, position: int, lots: int, tick: int) -> int:
    """Return the margin a resting order of a margined account holds back."""
    account = st.accounts[int64(st.positions[position].account)]
    if account.margin == UNMARGINED:
        return int64(0)
    tier = p.tiers[p.markets[m].first_tier]
    return charge(abs(lots * lot_value(p.markets[m], tick)), int64(100_000_000.0 / tier.max_leverage))


@outlined
def rest(st: State, p: Params, m: int, position: int, lots: int, tick: int, quote: int, due: int) -> int:
    """Add a resting order (signed lots) and return its number; room must have been checked."""
    clock = st.clock[0]
    order = clock.free_order
    row = st.orders[order]
    clock.free_order = int64(row.next)
    clock.n_orders += 1
    row.lots, row.tick, row.position, row.quote = lots, tick, position, quote
    row.due_next, row.due_prev, row.due = NONE, NONE, due
    account = st.accounts[int64(st.positions[position].account)]
    head = int64(account.first_order)
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
        later = int64(st.calendars[1, due])
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
    tick = int64(row.tick)
    buys = row.lots > 0
    emptied = unlink(st, p, m, order)
    account = st.accounts[int64(st.positions[int64(row.position)].account)]
    before, after = int64(row.own_prev), int64(row.own_next)
    if before != NONE:
        st.orders[before].own_next = after
    else:
        account.first_order = after
    if after != NONE:
        st.orders[after].own_prev = before
    account.reserved -= reserve_of(st, p, m, int64(row.position), row.lots, tick)
    if row.due != NONE:
        before, after = int64(row.due_prev), int64(row.due_next)
        if before != NONE:
            st.orders[before].due_next = after
        else:
            st.calendars[1, int64(row.due)] = after
        if after != NONE:
            st.orders[after].due_prev = before
    if row.quote != NONE:
        st.quotes[int64(row.quote)] = NONE
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
def cancel_account(st: State, p: Params, account: int) -> int:
    """Cancel every resting order of an account; return how many there were."""
    n = int64(0)
    order = int64(st.accounts[account].first_order)
    while order != NONE:
        after = int64(st.orders[order].own_next)
        m = int64(st.positions[int64(st.orders[order].position)].market)
        remove(st, p, m, order)
        order = after
        n += 1
    return n


# --- matching -------------------------------------------------------------------------------------


@kernel
def fee_rate(st: State, p: Params, account: int, taker: int) -> int:
    """Return the maker (0) or taker (1) fee rate of an account."""
    return p.fees[int64(st.accounts[account].fees), taker]


@outlined
def execute(
    st: State, p: Params, m: int, position: int, lots: int, limit: int, purpose: int
) -> tuple[int, int]:
    """Match signed lots against the book up to a limit; return (filled lots, value), both signed.

    Makers are booked fill by fill, the taker by the caller. The account's own resting orders in
    the way are cancelled, never traded with. Room for a trade row per resting order must be free.
    """
    market = st.markets[m]
    n = p.run[0].n_ticks
    taker = int64(st.positions[position].account)
    left, value = lots, int64(0)
    buys = lots > 0
    while left != 0:
        best = market.best_ask if buys else market.best_bid
        if (buys and best > limit) or (not buys and best < limit) or best == NO_ASK or best == NO_BID:
            break
        if not market.window <= best < market.window + n:
            recentre(st, p, m, best)
        order = int64(st.levels[m * n + best - market.window].head)
        row = st.orders[order]
        maker_position = int64(row.position)
        maker = int64(st.positions[maker_position].account)
        if maker == taker:
            remove(st, p, m, order)
            continue
        filled = min(left, -row.lots) if buys else max(left, -row.lots)
        fill_resting(st, p, m, order, -filled, fee_rate(st, p, maker, int64(0)))
        log_trade(st, p, m, best, filled, maker, taker, purpose)
        value += filled * lot_value(p.markets[m], best)
        left -= filled
    st.clock[0].events += 1
    return lots - left, value


@kernel
def fill_resting(st: State, p: Params, m: int, order: int, lots: int, rate: int) -> None:
    """Fill a resting order by signed lots (its own side) and remove it when it is done."""
    row = st.orders[order]
    position = int64(row.position)
    tick = int64(row.tick)
    account = int64(st.positions[position].account)
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
    account = int64(row.account)
    filled, value = execute(st, p, int64(row.market), position, lots, limit, purpose)
    if filled != 0:
        rate = int64(0) if purpose == FORCED else fee_rate(st, p, account, int64(1))
        apply_fill(st, p, position, filled, value, rate)
    return filled, value

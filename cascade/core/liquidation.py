"""Margin test and liquidation: trigger, cancel, re-test, forced order, fee, re-test, take-over.

Marks are frozen within a wave. One account is one item: it is processed as a whole, after room
for its worst case has been checked. Residuals that the fund may not take wait for the batch of
auto-deleveraging, so that every liquidation fill precedes any ADL fill.
"""

from __future__ import annotations

from cascade.core.backstop import add_residuals, buy_holdings, fund_accepts, take_over
from cascade.core.book import cancel_account, take
from cascade.core.exact import charge, lot_value
from cascade.core.inbox import append
from cascade.core.ledger import apply_fill, held_at, settle_flat
from cascade.core.margin import MAX_TICK, bankruptcy_tick, equity_of, excess_of, is_flat, tier_of
from cascade.core.matching import drawn_in
from cascade.core.params import (
    FORCED,
    FULL,
    IOC,
    PERPETUAL,
    PROFIT,
    STOPPING,
    Params,
)  # fmt: skip
from cascade.core.seats import abandon_life, top_up
from cascade.core.state import NONE, STALE, State
from cascade.core.triggers import (
    drop_high,
    drop_low,
    flag,
    next_high,
    next_low,
    retrigger,
)  # fmt: skip
from cascade.jit import int64, kernel, outlined

INBOX_ROOM = int64(1)
"""Intents one fired trigger may append: a stop or a take-profit."""


# --- margin test ----------------------------------------------------------------------------------


@kernel
def clock_ticks(st: State, p: Params, v: int) -> bool:
    """Tell whether venue v tests margins in this wave of this step."""
    venue, clock = p.venues[v], st.clock[0]
    return clock.wave < venue.n_waves and clock.step % venue.wave_steps == 0


@outlined
def fire(st: State, p: Params, position: int) -> None:
    """Act on a trigger that the mark has reached: flag, top up, stop out, take profit, or hang anew."""
    row = st.positions[position]
    account = int64(row.account)
    if not clock_ticks(st, p, int64(st.accounts[account].venue)):  # a spot mark has reached it early
        _unhang(st, p, account)
        st.accounts[account].standing |= STALE
        return
    if excess_of(st, p, account) <= 0:
        _unhang(st, p, account)
        flag(st, p, account, int64(0))
        return
    trader = account - p.run[0].first_trader
    if 0 <= trader < len(st.traders):
        _standing_orders(st, p, trader, position)
    retrigger(st, p, account)


@kernel
def _unhang(st: State, p: Params, account: int) -> None:
    """Take all nodes of an account out of the index while it waits for its liquidation."""
    row = st.accounts[account]
    first = int64(row.first_position)
    for k in range(first, first + row.n_positions):
        drop_low(st, p, int64(k))
        drop_high(st, p, int64(k))


@outlined
def _standing_orders(st: State, p: Params, trader: int, position: int) -> None:
    """Carry out a trader's top-up, stop-loss or take-profit at the present mark."""
    seat, row = st.traders[trader], st.positions[position]
    mark = st.markets[int64(row.market)].mark
    long = row.lots > 0
    if seat.top_up_tick != NONE and (mark <= seat.top_up_tick if long else mark >= seat.top_up_tick):
        top_up(st, p, trader, position)
    stopped = seat.stop_tick != NONE and (mark <= seat.stop_tick if long else mark >= seat.stop_tick)
    taken = seat.take_tick != NONE and (mark >= seat.take_tick if long else mark <= seat.take_tick)
    if stopped:
        seat.stop_tick = NONE
    if taken:
        seat.take_tick = NONE
    if stopped or taken:
        abandon_life(st, p, int64(row.account))
        limit = int64(1) if long else MAX_TICK
        purpose = STOPPING if stopped else PROFIT
        append(st, position, -row.lots, limit, IOC, purpose, 0.0, int64(1))


@outlined
def fire_triggers(st: State, p: Params) -> bool:
    """Fire every trigger the marks have reached, if their venue's clock ticks in this wave.

    Returns False where the inbox has no room left.
    """
    clock = st.clock[0]
    for m in range(len(p.markets)):
        market = p.markets[m]  # spot has triggers too: cross-margined accounts hold it
        if market.kind == PERPETUAL and not clock_ticks(st, p, market.venue):
            continue
        while True:
            if clock.n_inbox + INBOX_ROOM > len(st.inbox):
                clock.need = clock.n_inbox + INBOX_ROOM
                return False
            position = next_low(st, p, int64(m))
            if position == NONE:
                position = next_high(st, p, int64(m))
            if position == NONE:
                break
            fire(st, p, position)
    return True


# --- forced orders --------------------------------------------------------------------------------


@outlined
def rows_needed(st: State, p: Params, account: int) -> int:
    """Return the most forced orders that liquidating an account can take."""
    row = st.accounts[account]
    first = int64(row.first_position)
    total = int64(0)
    for k in range(first, first + row.n_positions):
        position = st.positions[k]
        if position.lots != 0:
            market = p.markets[int64(position.market)]
            total += market.n_tiers + abs(position.lots) // market.max_order + 2
    return total


@outlined
def liquidate(st: State, p: Params, account: int) -> None:
    """Take one flagged account through its venue's procedure at the frozen marks."""
    cancel_account(st, p, account)
    if is_flat(st, account) or excess_of(st, p, account) > 0:
        retrigger(st, p, account)
        return
    abandon_life(st, p, account)
    row = st.accounts[account]
    first = int64(row.first_position)
    part = int64(0)
    solvent = False
    for k in range(first, first + row.n_positions):  # in the order of its positions: venues publish none
        if not solvent:
            part, solvent = _reduce(st, p, account, int64(k), part)
    if not solvent:
        buy_holdings(st, p, account)
    if not solvent and not is_flat(st, account):
        last_row = st.clock[0].n_liquidations - 1
        if not fund_accepts(st, p, account):
            add_residuals(st, p, account, last_row)
            return
        take_over(st, p, account, last_row)
    if is_flat(st, account):
        settle_flat(st, p, account)
    retrigger(st, p, account)


@kernel
def _reduce(st: State, p: Params, account: int, position: int, part: int) -> tuple[int, bool]:
    """Send forced orders for one position until the account is safe, the book is dry or it is closed."""
    row = st.positions[position]
    m = int64(row.market)
    while row.lots != 0:
        wanted = _forced_lots(st, p, m, row.lots)
        filled = _forced_order(st, p, account, position, wanted, part)
        part += 1
        if excess_of(st, p, account) > 0 or is_flat(st, account):
            return part, True
        if filled != wanted:
            break
    return part, False


@kernel
def _forced_lots(st: State, p: Params, m: int, lots: int) -> int:
    """Return the unsigned size of the next forced order: down to the next lower tier, or all of it."""
    market = p.markets[m]
    held = abs(lots)
    size = held
    if p.venues[market.venue].procedure != FULL:
        value = abs(lot_value(market, st.markets[m].mark))
        tier = tier_of(p, m, held * value)
        if tier > market.first_tier:
            size = held - p.tiers[tier - 1].cap // value
    return max(min(size, market.max_order), int64(1))


@outlined
def _forced_order(st: State, p: Params, account: int, position: int, size: int, part: int) -> int:
    """Send one forced order bounded by the bankruptcy price and the price band; charge its fee."""
    row = st.positions[position]
    clock = st.clock[0]
    m = int64(row.market)
    market, venue = p.markets[m], p.venues[int64(st.accounts[account].venue)]
    mark = st.markets[m].mark
    held = row.lots
    long = held > 0
    value_at_mark = lot_value(market, mark)
    rest = equity_of(st, p, account) - held * value_at_mark
    bankruptcy = bankruptcy_tick(p, m, held, rest)
    lots = -size if long else size
    limit = drawn_in(st, m, lots, bankruptcy, market.take_bound)
    if p.run[0].forced_orders != 0:
        filled, value = take(st, p, position, lots, limit, FORCED)
    else:
        filled, value = lots, lots * value_at_mark
        apply_fill(st, p, position, filled, value, int64(0))
        apply_fill(st, p, held_at(st, venue.absorber, m), -filled, -value, int64(0))
    fee = charge(abs(value), market.liquidation_fee)
    fee = max(min(fee, equity_of(st, p, account)), int64(0))
    st.balances[account, market.settlement] -= fee
    st.balances[venue.fund, market.settlement] += fee
    st.ledger[market.settlement].fund_income += fee
    _log(st, p, account, position, held, lots, filled, value, bankruptcy, fee, part)
    liquidated = abs(filled * value_at_mark)
    if long:
        st.markets[m].long_liquidated += liquidated
    else:
        st.markets[m].short_liquidated += liquidated
    clock.events += 1
    return abs(filled)


@kernel
def _log(
    st: State, p: Params, account: int, position: int, held: int, lots: int, filled: int, value: int,
    bankruptcy: int, fee: int, part: int,
) -> None:  # fmt: skip
    """Write the row of one forced order."""
    clock = st.clock[0]
    row = st.liquidations[clock.n_liquidations]
    m = int64(st.positions[position].market)
    row.step, row.wave, row.account, row.market, row.part = clock.step, clock.wave, account, m, part
    row.side = 1 if held > 0 else -1
    row.position_lots, row.order_lots, row.filled_lots = abs(held), abs(lots), abs(filled)
    row.filled_value, row.trigger_mark = abs(value), st.markets[m].mark
    row.bankruptcy_tick, row.worst_tick, row.fee = bankruptcy, st.markets[m].last, fee
    row.taken_over_lots, row.fund_draw, row.adl_lots = 0, 0, 0
    row.tag = st.accounts[account].tag
    row.life, row.leverage = NONE, 0.0
    trader = account - p.run[0].first_trader
    if 0 <= trader < len(st.traders):
        row.life = st.traders[trader].life
        row.leverage = st.traders[trader].leverage
    clock.n_liquidations += 1

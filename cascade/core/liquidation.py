"""Margin test and liquidation: trigger, cancel, re-test, forced order, fee, re-test, take-over.

A venue's procedure is one of four, tuned by its rulebook. Marks are frozen within a wave. One
account is one item: it is processed as a whole, after room for its worst case has been checked.
Residuals that the fund may not take wait for the batch of auto-deleveraging, so that every
liquidation fill precedes any ADL fill.
"""

from __future__ import annotations

from cascade.compiler.jit import int64, kernel, outlined
from cascade.core.backstop import (
    add_residuals,
    buy_holdings,
    close_wallet,
    fillable_tick,
    fund_accepts,
    fund_may_lose,
    pay_fund,
    quote_of_part,
    row_of,
    settle_with_fund,
    take_over,
)  # fmt: skip
from cascade.core.book import cancel_account, offered, take
from cascade.core.collateral import counted_value
from cascade.core.exact import charge, lot_value, proportion, times_rate, usd_value
from cascade.core.ledger import apply_fill, held_at
from cascade.core.lending import call
from cascade.core.margin import (
    MAX_TICK,
    bankruptcy_tick,
    equity_of,
    excess_of,
    failing_tick,
    is_flat,
    maintenance_of,
    tier_of,
)
from cascade.core.matching import drawn_in
from cascade.core.params import (
    BY_LIQUIDATORS,
    FORCED,
    IN_BLOCKS,
    IN_SLICES,
    SPOT,
    Params,
)  # fmt: skip
from cascade.core.rules import beyond_cap
from cascade.core.seats import abandon_life
from cascade.core.state import NONE, State
from cascade.core.triggers import (
    retrigger,
)  # fmt: skip

# --- procedures -----------------------------------------------------------------------------------

SAFE, OPEN, FAILED = range(3)
"""What a procedure leaves: margin that suffices, a position for the next test, or one to hand over."""


@outlined
def rows_needed(st: State, p: Params, account: int) -> int:
    """Return the most forced orders that liquidating an account can take."""
    row = st.accounts[account]
    first = row.first_position
    total = 0
    for k in range(first, first + row.n_positions):
        position = st.positions[k]
        if position.lots != 0:
            market = p.markets[position.market]
            total += market.n_tiers + abs(position.lots) // market.max_order + 2
    return total


@outlined
def liquidate(st: State, p: Params, account: int) -> None:
    """Take one flagged account through its venue's procedure at the frozen marks."""
    cancel_account(st, p, account)
    row = st.accounts[account]
    venue = p.venues[row.venue]
    if is_flat(st, account) or excess_of(st, p, account) > 0:
        _end_waiting(st, p, account)
        retrigger(st, p, account)
        return
    before = st.clock[0].n_liquidations
    abandon_life(st, p, account)
    if venue.procedure == IN_SLICES:
        left = _in_slices(st, p, account)
    elif venue.procedure == IN_BLOCKS:
        left = _in_blocks(st, p, account)
    elif venue.procedure == BY_LIQUIDATORS:
        left = _by_liquidators(st, p, account)
    else:
        left = _to_lower_tier(st, p, account)
    if left == FAILED and not _hand_over(st, p, account, before):
        return
    if is_flat(st, account):
        last = st.clock[0].n_liquidations - 1
        close_wallet(st, p, account, last if last >= before else NONE)
    if left == SAFE:
        _end_waiting(st, p, account)
    retrigger(st, p, account)


@kernel
def _end_waiting(st: State, p: Params, account: int) -> None:
    """Forget that a safe account waited for liquidators; a cool-down takes its time, safe or not."""
    row = st.accounts[account]
    if p.venues[row.venue].procedure == BY_LIQUIDATORS:
        row.cooling_until = NONE


@outlined
def _hand_over(st: State, p: Params, account: int, before: int) -> bool:
    """Give what the book would not take to the fund, or leave it to auto-deleveraging: then False.

    `before` is how many rows the log had: a position for which no order was sent gets one now.
    """
    row = st.accounts[account]
    first = row.first_position
    for k in range(first, first + row.n_positions):
        if st.positions[k].lots != 0 and row_of(st, before, k) == NONE:
            _log_without_order(st, p, account, k)
    buy_holdings(st, p, account, before)
    if is_flat(st, account):
        return True
    if fund_accepts(st, p, account):
        take_over(st, p, account, before)
        return True
    st.liquidations[st.clock[0].n_liquidations - 1].deficit = max(-equity_of(st, p, account), 0)
    add_residuals(st, p, account, before)
    return False


@outlined
def _to_lower_tier(st: State, p: Params, account: int) -> int:
    """Reduce position by position, each down the tiers, until the account is safe or the book is dry."""
    row = st.accounts[account]
    part = 0
    for turn in range(2 * row.n_positions):
        k = _in_turn(st, p, account, turn)
        if k == NONE:
            continue
        position = st.positions[k]
        m = position.market
        while position.lots != 0 and not _goes_whole(st, p, account, m, position.lots):
            wanted = _forced_lots(st, p, account, m, position.lots)
            filled = _forced_order(st, p, account, k, wanted, NONE, part)
            part += 1
            if excess_of(st, p, account) > 0 or is_flat(st, account):
                return SAFE
            if filled != wanted:
                break
    return FAILED


@kernel
def _in_turn(st: State, p: Params, account: int, turn: int) -> int:
    """Return which position of an account is liquidated at a turn: of 2n, or NONE.

    First the perpetuals, in the order of its positions, which venues do not publish; then the spot that
    backs them.
    """
    row = st.accounts[account]
    k = row.first_position + turn % row.n_positions
    is_spot = p.markets[st.positions[k].market].kind == SPOT
    return k if is_spot == (turn >= row.n_positions) else NONE


@kernel
def _goes_whole(st: State, p: Params, account: int, m: int, lots: int) -> bool:
    """Tell whether the venue takes over a position of this size without sending an order."""
    market, venue = p.markets[m], p.venues[st.accounts[account].venue]
    if venue.whole_tiers == 0 or market.kind == SPOT or p.run[0].forced_orders == 0:
        return False
    notional = abs(lots * lot_value(market, st.markets[m].mark))
    return tier_of(p, m, notional) - market.first_tier < venue.whole_tiers


@kernel
def _forced_lots(st: State, p: Params, account: int, m: int, lots: int) -> int:
    """Return the unsigned size of the next forced order: down to a lower tier, or all of it."""
    market, venue = p.markets[m], p.venues[st.accounts[account].venue]
    held = abs(lots)
    size = held
    if venue.tiers_down > 0:
        value = abs(lot_value(market, st.markets[m].mark))
        tier = tier_of(p, m, held * value)
        if tier > market.first_tier:
            lower = max(tier - venue.tiers_down, market.first_tier)
            size = beyond_cap(held, value, p.tiers[lower].cap)
    return max(min(size, market.max_order), 1)


@outlined
def _in_slices(st: State, p: Params, account: int) -> int:
    """Send a first slice of what is large, the whole of what is not, and leave the rest to later tests.

    A cool-down begins with a first slice and ends with its time, or when the account is closed. Below
    the backstop's part of maintenance margin the account is handed over (Hyperliquid; venues.md 2.4).
    """
    row = st.accounts[account]
    venue = p.venues[row.venue]
    step = st.clock[0].step
    if _below_backstop(st, p, account):
        return FAILED
    if step < row.cooling_until and venue.cooldown_waits != 0:
        return OPEN
    memory = venue.cooldown_steps if venue.cooldown_waits != 0 else 0  # the whole after the wait
    cooling = row.cooling_until != NONE and step < row.cooling_until + memory
    part = 0
    for turn in range(2 * row.n_positions):
        k = _in_turn(st, p, account, turn)
        if k == NONE or st.positions[k].lots == 0:
            continue
        position = st.positions[k]
        m = position.market
        size, worst = abs(position.lots), 1 if position.lots > 0 else MAX_TICK
        if not cooling and size * usd_value(p.markets[m], st.markets[m].mark) > venue.slice_above:
            size = max(int64(float(size) * venue.slice_share), 1)
            row.cooling_until = min(step + venue.cooldown_steps, 2_000_000_000)
        _forced_order(st, p, account, k, min(size, p.markets[m].max_order), worst, part)
        part += 1
        if excess_of(st, p, account) > 0 or is_flat(st, account):
            return SAFE
    return FAILED if _below_backstop(st, p, account) else OPEN


@kernel
def _below_backstop(st: State, p: Params, account: int) -> bool:
    """Tell whether equity is below the backstop's part of maintenance margin."""
    venue = p.venues[st.accounts[account].venue]
    return equity_of(st, p, account) < times_rate(maintenance_of(st, p, account), venue.backstop)


@outlined
def _in_blocks(st: State, p: Params, account: int) -> int:
    """Send at most a part of each position at no worse than its fillable price; the rest at later tests.

    Insolvent accounts, and those whose order could cost the fund more than it may lose, are left to
    auto-deleveraging (dYdX v4; venues.md 2.5).
    """
    row = st.accounts[account]
    venue = p.venues[row.venue]
    budget, part = venue.block_notional, 0
    for turn in range(2 * row.n_positions):
        k = _in_turn(st, p, account, turn)
        if k == NONE:
            continue
        if equity_of(st, p, account) < 0:
            return FAILED
        if st.positions[k].lots == 0:
            continue
        position = st.positions[k]
        m = position.market
        value = usd_value(p.markets[m], st.markets[m].mark)
        held = abs(position.lots)
        size = max(int64(float(held) * venue.block_share), venue.block_floor // value)
        size = max(min(size, held, budget // value), 1)
        worst = fillable_tick(st, p, account, k)
        if not fund_may_lose(st, p, account, k, size, worst):
            return FAILED
        filled = _forced_order(st, p, account, k, min(size, p.markets[m].max_order), worst, part)
        budget -= filled * value
        part += 1
        if excess_of(st, p, account) > 0 or is_flat(st, account):
            return SAFE
        if budget < value:
            break
    return OPEN


@outlined
def _by_liquidators(st: State, p: Params, account: int) -> int:
    """Let liquidators call each collateral in turn as far as it pays; the rest waits for later tests.

    Where none pays, the first test says so in the log and the following are silent (Aave v3; venues.md 2.8).
    """
    row = st.accounts[account]
    first = row.first_position
    before, waiting, paid = st.clock[0].n_liquidations, row.cooling_until != NONE, False
    for k in range(first, first + row.n_positions):
        if st.positions[k].lots == 0:
            continue
        part = st.clock[0].n_liquidations - before
        paid = _call_collateral(st, p, account, k, part, waiting) or paid
        if excess_of(st, p, account) > 0 or is_flat(st, account):
            return SAFE
    if paid:
        row.cooling_until = NONE
    elif st.clock[0].n_liquidations > before:
        row.cooling_until = st.clock[0].step
    return OPEN


@outlined
def _call_collateral(st: State, p: Params, account: int, position: int, part: int, waiting: bool) -> bool:
    """Let liquidators call one collateral and log it; tell whether any did."""
    row = st.positions[position]
    m, held = row.market, row.lots
    spot = p.markets[m].spot
    value_at_mark = lot_value(p.markets[m], st.markets[m].mark)
    bankruptcy = bankruptcy_tick(p, m, held, equity_of(st, p, account) - held * value_at_mark)
    failing, shortfall = _failing_tick(st, p, position), -excess_of(st, p, account)
    best = _best_facing(st, spot, held)
    wanted, sold, value, protocol, repaid = call(st, p, account, position)
    if wanted == 0 or (sold == 0 and waiting):
        return False
    _log(st, p, account, position, held, wanted, sold, value, bankruptcy, 0, part)
    noted = st.liquidations[st.clock[0].n_liquidations - 1]
    noted.worst_tick, noted.best_before, noted.best_after = (
        st.markets[spot].last,
        best,
        _best_facing(st, spot, held),
    )
    noted.liquidation_tick, noted.shortfall, noted.repaid = failing, shortfall, repaid
    noted.taken_over_lots, noted.fund_draw = protocol, -protocol * value_at_mark
    st.markets[m].long_liquidated += (sold + protocol) * value_at_mark
    st.clock[0].events += 1
    return sold > 0


# --- forced orders --------------------------------------------------------------------------------


@outlined
def _forced_order(st: State, p: Params, account: int, position: int, size: int, worst: int, part: int) -> int:
    """Send one forced order within its bounds, charge its fee and log it; return the lots that filled.

    It trades at no worse a tick than `worst`; NONE stands for that of bankruptcy.
    """
    row = st.positions[position]
    m = row.market
    market, venue = p.markets[m], p.venues[st.accounts[account].venue]
    mark, held = st.markets[m].mark, row.lots
    value_at_mark = lot_value(market, mark)
    equity, maintained = equity_of(st, p, account), maintenance_of(st, p, account)
    bankruptcy = bankruptcy_tick(p, m, held, equity - counted_value(st, p, position))
    lots = -size if held > 0 else size
    limit = drawn_in(st, m, lots, bankruptcy if worst == NONE else worst, market.take_bound)
    quote = quote_of_part(p, m, held, mark, size, equity, maintained)
    failing, best = _failing_tick(st, p, position), _best_facing(st, m, held)
    if p.run[0].forced_orders == 0:
        filled, value = lots, lots * value_at_mark
        apply_fill(st, p, position, filled, value, 0)
        apply_fill(st, p, held_at(st, venue.absorber, m), -filled, -value, 0)
    elif venue.fill_or_kill != 0 and size < abs(held) and offered(st, p, position, lots, limit)[0] != lots:
        filled, value = 0, 0
    else:
        filled, value = take(st, p, position, lots, limit, FORCED)
    if venue.procedure == IN_BLOCKS:
        fee = settle_with_fund(st, p, account, m, value, proportion(quote, abs(filled), size))
    else:
        fee = max(min(charge(abs(value), market.liquidation_fee), equity_of(st, p, account)), 0)
        pay_fund(st, p, account, m, fee)
    _log(st, p, account, position, held, lots, filled, value, bankruptcy, max(fee, 0), part)
    noted = st.liquidations[st.clock[0].n_liquidations - 1]
    noted.fund_draw, noted.shortfall = max(-fee, 0), maintained - equity
    noted.liquidation_tick, noted.best_before = failing, best
    liquidated = abs(filled) * usd_value(market, mark)
    if held > 0:
        st.markets[m].long_liquidated += liquidated
    else:
        st.markets[m].short_liquidated += liquidated
    st.clock[0].events += 1
    return abs(filled)


@outlined
def _failing_tick(st: State, p: Params, position: int) -> int:
    """Return the tick at which a position that is margined alone began to fail, or NONE."""
    row = st.positions[position]
    account, m = row.account, row.market
    if st.accounts[account].n_positions != 1 or p.markets[m].n_tiers == 0:
        return NONE
    balance = st.balances[account, p.markets[m].settlement]
    return failing_tick(p, m, row.lots, balance, st.markets[m].mark_before)


@kernel
def _best_facing(st: State, m: int, held: int) -> int:
    """Return the best price that a position of `held` lots could be closed at."""
    return st.markets[m].best_bid if held > 0 else st.markets[m].best_ask


@kernel
def _log(
    st: State, p: Params, account: int, position: int, held: int, lots: int, filled: int, value: int,
    bankruptcy: int, fee: int, part: int,
) -> None:  # fmt: skip
    """Write the row of one forced order."""
    clock = st.clock[0]
    row = st.liquidations[clock.n_liquidations]
    m = st.positions[position].market
    row.step, row.wave, row.account, row.market, row.part = clock.step, clock.wave, account, m, part
    row.side = 1 if held > 0 else -1
    row.position_lots, row.order_lots, row.filled_lots = abs(held), abs(lots), abs(filled)
    row.filled_value, row.trigger_mark = abs(value), st.markets[m].mark
    row.bankruptcy_tick, row.worst_tick, row.fee = bankruptcy, st.markets[m].last, fee
    row.taken_over_lots, row.fund_draw, row.adl_lots, row.deficit, row.repaid = 0, 0, 0, 0, 0
    row.best_after = _best_facing(st, m, held)
    row.tag = st.accounts[account].tag
    row.life, row.leverage = NONE, 0.0
    trader = account - p.run[0].first_trader
    if 0 <= trader < len(st.traders):
        row.life = st.traders[trader].life
        row.leverage = st.traders[trader].leverage
    clock.n_liquidations += 1


@outlined
def _log_without_order(st: State, p: Params, account: int, position: int) -> None:
    """Write the row of a position that is handed over without a forced order."""
    row = st.positions[position]
    held, m = row.lots, row.market
    rest = equity_of(st, p, account) - counted_value(st, p, position)
    bankruptcy = bankruptcy_tick(p, m, held, rest)
    _log(st, p, account, position, held, 0, 0, 0, bankruptcy, 0, 0)
    noted = st.liquidations[st.clock[0].n_liquidations - 1]
    noted.liquidation_tick, noted.best_before = _failing_tick(st, p, position), noted.best_after
    noted.shortfall = -excess_of(st, p, account)

"""What absorbs a loss beyond an account's margin: the insurance fund, then auto-deleveraging.

The fund takes over an insolvent account whole, positions and balance, which is a transfer at
the bankruptcy price to the last unit. Where it may not, the residual is closed against ranked
counterparties at the same price: each gets its proportion of the balance, the last one the rest.
"""

from __future__ import annotations

import math

from cascade.core.book import cancel_account
from cascade.core.exact import lot_value, proportion
from cascade.core.ledger import held_at, move_position, settle_flat
from cascade.core.margin import equity_of, excess_of, is_flat, maintenance, maintenance_of
from cascade.core.params import (
    ABSORBER,
    AT_MARK,
    FUND,
    QUEUE_PNL_MARGIN,
    SPOT,
    TAKE_OVER_CAPACITY,
    TAKE_OVER_NEVER,
    UNMARGINED,
    Params,
)  # fmt: skip
from cascade.core.state import INSOLVENT, NONE, State
from cascade.core.triggers import flag, retrigger
from cascade.jit import int64, kernel, outlined

# --- insurance fund -------------------------------------------------------------------------------


@outlined
def buy_holdings(st: State, p: Params, account: int) -> None:
    """Let the fund buy at mark the spot holdings that the book would not take from an account."""
    row = st.accounts[account]
    fund = p.venues[int64(row.venue)].fund
    first = int64(row.first_position)
    for k in range(first, first + row.n_positions):
        position = st.positions[k]
        m = int64(position.market)
        if p.markets[m].kind == SPOT and position.lots != 0:
            value = -position.lots * lot_value(p.markets[m], st.markets[m].mark)
            move_position(st, p, int64(k), held_at(st, fund, m), position.lots, value)


@outlined
def fund_accepts(st: State, p: Params, account: int) -> bool:
    """Tell whether the fund of an account's venue may take it over under its rule."""
    row = st.accounts[account]
    first = int64(row.first_position)
    venue = p.venues[int64(row.venue)]
    if p.run[0].forced_orders == 0:
        return True
    if venue.take_over == TAKE_OVER_NEVER:
        return False
    after = equity_of(st, p, venue.fund) + equity_of(st, p, account)
    if venue.take_over == TAKE_OVER_CAPACITY:
        return after >= 0
    exposure = 0.0
    for k in range(first, first + row.n_positions):
        position = st.positions[k]
        m = int64(position.market)
        held = st.positions[held_at(st, venue.fund, m)].lots + position.lots
        exposure += abs(float(held * lot_value(p.markets[m], st.markets[m].mark)))
    return exposure <= float(after)


@outlined
def take_over(st: State, p: Params, account: int, row: int) -> None:
    """Give all positions and the balance of an account to the fund; note it in liquidation row `row`."""
    first = int64(st.accounts[account].first_position)
    settlement = p.markets[int64(st.positions[first].market)].settlement
    fund = p.venues[int64(st.accounts[account].venue)].fund
    loss = -equity_of(st, p, account)
    left = st.balances[account, settlement]
    total = int64(0)
    for k in range(first, first + int64(st.accounts[account].n_positions)):
        position = st.positions[k]
        if position.lots == 0:
            continue
        m = int64(position.market)
        value = -position.lots * lot_value(p.markets[m], st.markets[m].mark)
        total += abs(position.lots)
        left -= value
        move_position(st, p, int64(k), held_at(st, fund, m), position.lots, value)
    st.balances[account, settlement] -= left
    st.balances[fund, settlement] += left
    ledger = st.ledger[settlement]
    ledger.fund_losses += max(loss, int64(0))
    ledger.fund_income += max(-loss, int64(0))
    st.liquidations[row].taken_over_lots = total
    st.liquidations[row].fund_draw = loss


# --- auto-deleveraging ----------------------------------------------------------------------------


@outlined
def add_residuals(st: State, p: Params, account: int, row: int) -> None:
    """Queue what an insolvent account still holds for the ADL batch at the end of the wave.

    The balance is shared among its positions so that each closes at its bankruptcy price: by
    maintenance margin (dYdX rule, venues.md 2.5), the last position taking the rounding.
    """
    clock = st.clock[0]
    st.accounts[account].standing |= INSOLVENT
    first = int64(st.accounts[account].first_position)
    last = first + int64(st.accounts[account].n_positions)
    equity = float(equity_of(st, p, account))
    total = float(max(maintenance_of(st, p, account), int64(1)))
    left = st.balances[account, p.markets[int64(st.positions[first].market)].settlement]
    final = int64(NONE)
    for k in range(first, last):
        if st.positions[k].lots != 0:
            final = int64(k)
    for k in range(first, final + 1):
        position = st.positions[k]
        if position.lots == 0:
            continue
        m = int64(position.market)
        value = position.lots * lot_value(p.markets[m], st.markets[m].mark)
        share = float(maintenance(p, m, abs(value))) / total
        quote = left if k == final else int64(math.floor(equity * share)) - value
        left -= quote
        residual = st.residuals[clock.n_residual]
        residual.position, residual.lots, residual.quote, residual.row = k, position.lots, quote, row
        clock.n_residual += 1


@outlined
def adl_score(st: State, p: Params, position: int) -> float:
    """Return the rank score of a counterparty under the venue's formula (venues.md 1.5)."""
    row = st.positions[position]
    m = int64(row.market)
    market = p.markets[m]
    account = int64(row.account)
    value = row.lots * lot_value(market, st.markets[m].mark)
    profit = float(value - row.entry_value)
    equity = float(equity_of(st, p, account))
    if p.venues[market.venue].adl_ranking == QUEUE_PNL_MARGIN:
        wallet = max(equity - profit, float(1_000_000))
        ratio = float(maintenance_of(st, p, account)) / equity if equity > 0.0 else 0.0
        return max(0.0, profit) / wallet * ratio
    gain = profit / max(abs(float(value)), 1.0)
    leverage = abs(float(value)) / max(equity, 1.0)
    return gain * leverage if gain >= 0.0 else gain / leverage


@kernel
def is_counterparty(st: State, position: int, m: int, long: bool) -> bool:
    """Tell whether a position may be deleveraged against a residual on the other side of market m."""
    row = st.positions[position]
    if row.market != m or row.lots == 0 or (row.lots > 0) != long:
        return False
    account = st.accounts[int64(row.account)]
    return account.kind != FUND and account.kind != ABSORBER and account.standing & INSOLVENT == 0


@kernel
def count_counterparties(st: State, m: int, long: bool) -> int:
    """Return how many positions may be deleveraged."""
    n = int64(0)
    for k in range(len(st.positions)):
        if is_counterparty(st, int64(k), m, long):
            n += 1
    return n


@kernel
def _precedes(st: State, a: int, b: int) -> bool:
    """Tell whether ranked row a comes before row b: the higher score, ties by position number."""
    x, y = st.ranked[a], st.ranked[b]
    return x.score > y.score or (x.score == y.score and x.position < y.position)


@kernel
def _sift_down(st: State, root: int, n: int) -> None:
    """Restore the heap below `root`."""
    while True:
        child = 2 * root + 1
        if child >= n:
            return
        if child + 1 < n and _precedes(st, child + 1, child):
            child += 1
        if not _precedes(st, child, root):
            return
        x, y = st.ranked[root], st.ranked[child]
        score, position = x.score, x.position
        x.score, x.position = y.score, y.position
        y.score, y.position = score, position
        root = child


@outlined
def rank_counterparties(st: State, p: Params, m: int, long: bool) -> None:
    """Rank all counterparties of a batch at its start, as a heap; the ranking then stays as it is."""
    n = int64(0)
    for k in range(len(st.positions)):
        if is_counterparty(st, int64(k), m, long):
            st.ranked[n].score, st.ranked[n].position = adl_score(st, p, int64(k)), k
            n += 1
    for root in range(n // 2 - 1, -1, -1):
        _sift_down(st, int64(root), n)
    st.clock[0].n_ranked = n


@kernel
def pop_ranked(st: State) -> None:
    """Take the first counterparty out of the ranking."""
    clock = st.clock[0]
    clock.n_ranked -= 1
    first, last = st.ranked[0], st.ranked[clock.n_ranked]
    first.score, first.position = last.score, last.position
    _sift_down(st, int64(0), clock.n_ranked)


@outlined
def deleverage(st: State, p: Params, index: int) -> None:
    """Close residual `index` against the first counterparty in rank, at the residual's price."""
    clock = st.clock[0]
    residual = st.residuals[index]
    target = st.ranked[0].position
    row = st.positions[target]
    m = int64(row.market)
    counterparty = int64(row.account)
    cancel_account(st, p, counterparty)
    size = min(abs(residual.lots), abs(row.lots))
    lots = size if residual.lots > 0 else -size
    value = proportion(residual.quote, size, abs(residual.lots))
    if p.venues[p.markets[m].venue].adl_price == AT_MARK:
        value = -lots * lot_value(p.markets[m], st.markets[m].mark)
    log = st.adl[clock.n_adl]
    log.step, log.wave, log.account, log.counterparty = (
        clock.step, clock.wave, int64(st.positions[residual.position].account), counterparty,
    )  # fmt: skip
    log.market, log.lots, log.value = m, lots, abs(value)
    log.mark_value = abs(lots * lot_value(p.markets[m], st.markets[m].mark))
    log.rank, log.score = clock.adl_rank, st.ranked[0].score
    clock.n_adl += 1
    clock.adl_rank += 1
    move_position(st, p, residual.position, target, lots, value)
    residual.lots -= lots
    residual.quote -= value
    st.liquidations[residual.row].adl_lots += size
    st.ledger[p.markets[m].settlement].adl_value += log.mark_value
    if row.lots == 0:
        pop_ranked(st)
    retest(st, p, counterparty)


@outlined
def absorb_residual(st: State, p: Params, index: int) -> None:
    """Give a residual for which no counterparty is left to the fund, whatever that costs it."""
    residual = st.residuals[index]
    row = st.positions[residual.position]
    m = int64(row.market)
    fund = p.venues[int64(st.accounts[int64(row.account)].venue)].fund
    mark_value = residual.lots * lot_value(p.markets[m], st.markets[m].mark)
    st.ledger[p.markets[m].settlement].fund_losses += max(-(mark_value + residual.quote), int64(0))
    move_position(st, p, residual.position, held_at(st, fund, m), residual.lots, residual.quote)
    residual.lots, residual.quote = 0, 0


@outlined
def retest(st: State, p: Params, account: int) -> None:
    """Test the margin of an account that a batch has touched; failing, it goes into the next wave."""
    if st.accounts[account].margin == UNMARGINED:
        return
    if is_flat(st, account):
        settle_flat(st, p, account)
        retrigger(st, p, account)
    elif excess_of(st, p, account) <= 0:
        flag(st, p, account, int64(1))
    else:
        retrigger(st, p, account)

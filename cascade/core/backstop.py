"""What absorbs a loss beyond an account's margin before others do: the insurance fund.

The fund takes over an account whole, positions and balance, which is a transfer at the bankruptcy
price to the last unit, or pays what forced orders fill worse than bankruptcy. What it may not take
is left as residuals to `deleveraging`.
"""

from __future__ import annotations

from cascade.compiler.choice import choice
from cascade.compiler.jit import kernel, outlined
from cascade.core.exact import from_usd, lot_value, proportion, usd_value
from cascade.core.ledger import fund_of, held_at, move_position, settle_flat
from cascade.core.liquidation_log import row_of
from cascade.core.margin import (
    Standing,
    bankruptcy_tick,
    equity_in,
    equity_of,
    excess_of,
    is_flat,
    maintenance,
    standing_of,
)  # fmt: skip
from cascade.core.params import SPOT, UNMARGINED, Params
from cascade.core.rules import bankruptcy_quote, fillable_value, fund_change, fund_floor, is_fund_drawn
from cascade.core.state import INSOLVENT, N_LEVELS, NONE, State
from cascade.core.triggers import retrigger
from cascade.names import TakeOver, names_of

WAVES = 1 << 20
"""More than the waves of any step."""

# --- prices of a part of an account ----------------------------------------------------------------


@kernel
def quote_of_part(p: Params, m: int, held: int, mark: int, size: int, standing: Standing) -> int:
    """Return what an account receives for closing `size` lots of a position at its bankruptcy price."""
    unit = lot_value(p.markets[m], mark)
    part = proportion(maintenance(p, m, abs(held * unit)), size, abs(held))
    return bankruptcy_quote(
        size * unit if held > 0 else -size * unit, standing.equity, part, standing.maintenance
    )


@outlined
def fillable_tick(st: State, p: Params, position: int, standing: Standing) -> int:
    """Return the worst price of a forced order in blocks: mark, less a spread that grows as margin is used up."""
    row = st.positions[position]
    m = row.market
    rule = p.blocks[st.accounts[row.account].venue]
    value = row.lots * lot_value(p.markets[m], st.markets[m].mark)
    least = fillable_value(
        value, standing.equity, maintenance(p, m, abs(value)), standing.maintenance,
        rule.bankruptcy_adjustment, rule.spread_to_maintenance,
    )  # fmt: skip
    return bankruptcy_tick(p, m, row.lots, -least)


# --- insurance fund -------------------------------------------------------------------------------


@kernel
def pay_fund(st: State, p: Params, account: int, m: int, amount: int) -> None:
    """Move money from an account to the fund of its venue."""
    settlement = p.markets[m].settlement
    st.balances[account, settlement] -= amount
    st.balances[fund_of(st, p, account), settlement] += amount
    st.ledger[settlement].fund_income += max(amount, 0)
    st.ledger[settlement].fund_losses += max(-amount, 0)


@outlined
def settle_with_fund(st: State, p: Params, account: int, m: int, value: int, quote: int) -> int:
    """Let the fund take what a fill is better than bankruptcy, up to the fee, or pay what it is worse.

    `value` is the signed value of the fill, `quote` what bankruptcy would have paid. Returns the
    fee, negative where the fund paid.
    """
    change = fund_change(-value, quote, abs(value), p.markets[m].liquidation_fee)
    v = st.accounts[account].venue
    if change < 0:
        st.venues[v].lost = _lost(st, v) - change
    pay_fund(st, p, account, m, change)
    return change


@kernel
def _lost(st: State, v: int) -> int:
    """Return what the fund of venue v has lost on fills in this wave."""
    now = st.clock[0].step * WAVES + st.clock[0].wave
    if st.venues[v].lost_at != now:
        st.venues[v].lost_at, st.venues[v].lost = now, 0
    return st.venues[v].lost


@kernel
def close_wallet(st: State, p: Params, account: int, row: int) -> None:
    """Settle a flat account whose liquidation ends in log row `row`, which notes what the fund makes good."""
    balance = st.balances[account, st.accounts[account].settlement]
    if row != NONE:
        st.liquidations[row].fund_draw += max(-balance, 0)
    settle_flat(st, p, account)


@outlined
def fund_may_lose(st: State, p: Params, position: int, size: int, worst: int, standing: Standing) -> bool:
    """Tell whether the fund covers a forced order that fills at its worst tick, within its limit for a test."""
    if p.run[0].forced_orders == 0:
        return True
    row = st.positions[position]
    m, v = row.market, st.accounts[row.account].venue
    quote = quote_of_part(p, m, row.lots, st.markets[m].mark, size, standing)
    received = size * lot_value(p.markets[m], worst)
    loss = quote - (received if row.lots > 0 else -received)
    if loss <= 0:
        return True
    most = from_usd(p.markets[m], st.markets[m].mark, p.blocks[v].max_loss)
    within = p.blocks[v].max_loss == 0 or _lost(st, v) + loss <= most
    return within and equity_in(st, p, p.venues[v].fund, p.markets[m].settlement) >= loss


@outlined
def sample_funds(st: State, p: Params) -> None:
    """Note the equity of every fund, for the drawdown that may trigger auto-deleveraging."""
    n = st.balances.shape[1]
    for v in range(len(p.venues)):
        if st.clock[0].step % p.funds[v].level_steps == 0:
            for s in range(n):
                level = equity_in(st, p, p.venues[v].fund, s)
                st.fund_levels[v * n + s, st.venues[v].n_levels % N_LEVELS] = level
            st.venues[v].n_levels += 1


@outlined
def _has_drawn_down(st: State, p: Params, account: int) -> bool:
    """Tell whether an account's fund has fallen so far, from its past level, that it takes over no more."""
    v, settlement = st.accounts[account].venue, st.accounts[account].settlement
    rule = p.funds[v]
    held = min(st.venues[v].n_levels, N_LEVELS)
    if rule.drawdown == 0 or held == 0:
        return False
    ring = v * st.balances.shape[1] + settlement
    peak, total = st.fund_levels[ring, 0], 0
    for k in range(held):
        peak = max(peak, st.fund_levels[ring, k])
        total += st.fund_levels[ring, k] // held
    level = total if rule.drawdown_of_mean != 0 else peak
    m = st.positions[st.accounts[account].first_position].market
    least = from_usd(p.markets[m], st.markets[m].mark, rule.drawdown_floor)
    fund = equity_in(st, p, p.venues[v].fund, settlement)
    return is_fund_drawn(fund, fund_floor(level, rule.drawdown, least))


@outlined
def buy_holdings(st: State, p: Params, account: int) -> None:
    """Let the fund buy at mark the spot that the book would not take; note it in its rows."""
    row = st.accounts[account]
    fund = fund_of(st, p, account)
    first = row.first_position
    for k in range(first, first + row.n_positions):
        position = st.positions[k]
        m = position.market
        if p.markets[m].kind == SPOT and position.lots != 0:
            value = -position.lots * lot_value(p.markets[m], st.markets[m].mark)
            st.liquidations[row_of(st, account, k)].taken_over_lots = abs(position.lots)
            move_position(st, p, k, held_at(st, fund, m), position.lots, value)


@kernel
def _exposure_with(st: State, p: Params, fund: int, account: int) -> int:
    """Return the net notional that a fund would hold, over all markets of an account's asset, with the account."""
    row = st.accounts[account]
    first = row.first_position
    exposure = 0
    for m in range(len(p.markets)):
        if p.markets[m].settlement == row.settlement:
            held = st.positions[held_at(st, fund, m)].lots
            for k in range(first, first + row.n_positions):
                held += st.positions[k].lots if st.positions[k].market == m else 0
            exposure += abs(held * lot_value(p.markets[m], st.markets[m].mark))
    return exposure


@kernel
def _taken(st: State, p: Params, v: int) -> int:
    """Return what the fund of venue v has taken over in this window, in USD."""
    now = st.clock[0].step // p.funds[v].taken_steps
    if st.venues[v].taken_at != now:
        st.venues[v].taken_at, st.venues[v].taken = now, 0
    return st.venues[v].taken


@kernel
def _notional_of(st: State, p: Params, account: int) -> int:
    """Return the notional of all positions of an account at the marks, in USD."""
    row = st.accounts[account]
    first = row.first_position
    total = 0
    for k in range(first, first + row.n_positions):
        m = st.positions[k].market
        total += abs(st.positions[k].lots) * usd_value(p.markets[m], st.markets[m].mark)
    return total


@outlined
def _exceeds_limits(st: State, p: Params, account: int) -> bool:
    """Tell whether an account is more than its fund may hold, or take over in this window."""
    row = st.accounts[account]
    rule = p.funds[row.venue]
    if rule.most_taken != 0 and _taken(st, p, row.venue) + _notional_of(st, p, account) > rule.most_taken:
        return True
    if rule.most_held == 0:
        return False
    m = st.positions[row.first_position].market
    most = from_usd(p.markets[m], st.markets[m].mark, rule.most_held)
    return _exposure_with(st, p, fund_of(st, p, account), account) > most


# What a fund takes, a kernel for each name: an account of some equity, with which the fund would have `after`.


@kernel
def takes_capacity(st: State, p: Params, account: int, equity: int, after: int) -> bool:
    """Tell whether the fund's losses stay below its size."""
    return after >= 0


@kernel
def takes_notional(st: State, p: Params, account: int, equity: int, after: int) -> bool:
    """Tell whether all that the fund would hold stays below its size."""
    return _exposure_with(st, p, fund_of(st, p, account), account) <= after


@kernel
def takes_solvent(st: State, p: Params, account: int, equity: int, after: int) -> bool:
    """Tell whether the account still has equity."""
    return equity >= 0 and after >= 0


@kernel
def takes_never(st: State, p: Params, account: int, equity: int, after: int) -> bool:
    """Take over nobody."""
    return False


_takes = choice(names_of(TakeOver), globals(), "takes_{}")


@outlined
def fund_accepts(st: State, p: Params, account: int) -> bool:
    """Tell whether the fund of an account's venue may take it over under its rule."""
    row = st.accounts[account]
    if p.run[0].forced_orders == 0:
        return True
    if _has_drawn_down(st, p, account) or _exceeds_limits(st, p, account):
        return False
    equity = equity_of(st, p, account)
    after = equity_in(st, p, p.venues[row.venue].fund, row.settlement) + equity
    return _takes(p.funds[row.venue].take_over, st, p, account, equity, after)


@outlined
def take_over(st: State, p: Params, account: int) -> None:
    """Give all positions and the balance of an account to the fund; note it in its rows."""
    first = st.accounts[account].first_position
    settlement = st.accounts[account].settlement
    fund = fund_of(st, p, account)
    loss = -equity_of(st, p, account)
    left = st.balances[account, settlement]
    v = st.accounts[account].venue
    st.venues[v].taken = _taken(st, p, v) + _notional_of(st, p, account)
    for k in range(first, first + st.accounts[account].n_positions):
        position = st.positions[k]
        if position.lots == 0:
            continue
        m = position.market
        value = -position.lots * lot_value(p.markets[m], st.markets[m].mark)
        st.liquidations[row_of(st, account, k)].taken_over_lots = abs(position.lots)
        left -= value
        move_position(st, p, k, held_at(st, fund, m), position.lots, value)
    st.balances[account, settlement] -= left
    st.balances[fund, settlement] += left
    ledger = st.ledger[settlement]
    ledger.fund_losses += max(loss, 0)
    ledger.fund_income += max(-loss, 0)
    st.liquidations[st.clock[0].n_liquidations - 1].fund_draw += loss


# --- residuals -------------------------------------------------------------------------------------


@outlined
def add_residuals(st: State, p: Params, account: int) -> None:
    """Queue what an insolvent account still holds for the ADL batch at the end of the wave.

    The balance is shared among its positions so that each closes at its bankruptcy price, the last
    position taking the rounding.
    """
    clock = st.clock[0]
    st.accounts[account].standing |= INSOLVENT
    first = st.accounts[account].first_position
    last = first + st.accounts[account].n_positions
    standing = standing_of(st, p, account)
    left = st.balances[account, st.accounts[account].settlement]
    final = NONE
    for k in range(first, last):
        if st.positions[k].lots != 0:
            final = k
    for k in range(first, final + 1):
        position = st.positions[k]
        if position.lots == 0:
            continue
        m = position.market
        mark = st.markets[m].mark
        quote = left
        if k != final:
            quote = -quote_of_part(p, m, position.lots, mark, abs(position.lots), standing)
        left -= quote
        residual = st.residuals[clock.n_residual]
        residual.position, residual.lots, residual.quote = k, position.lots, quote
        residual.row = row_of(st, account, k)
        clock.n_residual += 1


@outlined
def absorb_residual(st: State, p: Params, index: int) -> None:
    """Give a residual for which no counterparty is left to the fund, whatever that costs it."""
    residual = st.residuals[index]
    row = st.positions[residual.position]
    m = row.market
    fund = fund_of(st, p, row.account)
    mark_value = residual.lots * lot_value(p.markets[m], st.markets[m].mark)
    loss = -(mark_value + residual.quote)
    st.ledger[p.markets[m].settlement].fund_losses += max(loss, 0)
    st.ledger[p.markets[m].settlement].fund_income += max(-loss, 0)
    st.liquidations[residual.row].taken_over_lots += abs(residual.lots)
    st.liquidations[residual.row].fund_draw += loss
    move_position(st, p, residual.position, held_at(st, fund, m), residual.lots, residual.quote)
    residual.lots, residual.quote = 0, 0


@outlined
def retest(st: State, p: Params, account: int) -> None:
    """Test the margin of an account that a batch has touched; failing, it is due when its venue tests next."""
    if st.accounts[account].margin == UNMARGINED:
        return
    if is_flat(st, account):
        settle_flat(st, p, account)
    elif excess_of(st, p, account) <= 0:
        st.clock[0].n_due += 1
    retrigger(st, p, account)

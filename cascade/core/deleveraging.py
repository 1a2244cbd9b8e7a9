"""Auto-deleveraging: counterparties give up positions, or profit, for losses that no fund has taken.

A batch is one side of one market in one wave. Its ranking, and with it the lots each counterparty
is to give up, is made at its start and then frozen; queues take a counterparty whole before the
next, the other policies share. Every liquidation fill of the wave precedes any fill here.
"""

from __future__ import annotations

from cascade.compiler.choice import choice
from cascade.compiler.jit import kernel, outlined
from cascade.core.adl_policies import leverage_of
from cascade.core.backstop import quote_of_part, retest
from cascade.core.book import cancel_account
from cascade.core.exact import lot_value, proportion
from cascade.core.ledger import fund_of, held_at, move_position
from cascade.core.margin import Standing, equity_in, maintenance_of
from cascade.core.params import RANDOM, Params
from cascade.core.ranking import pop_ranked
from cascade.core.rules import deleveraged, overlaps
from cascade.core.state import State
from cascade.names import AdlPrice, names_of

# --- prices, a kernel for each name: what goes with `lots` of residual `index` ------------------------


@kernel
def value_at_bankruptcy(st: State, p: Params, index: int, lots: int) -> int:
    """Return the residual's own balance, in proportion."""
    residual = st.residuals[index]
    return proportion(residual.quote, abs(lots), abs(residual.lots))


@kernel
def value_at_mark(st: State, p: Params, index: int, lots: int) -> int:
    """Return what the lots cost at the mark."""
    m = st.positions[st.residuals[index].position].market
    return -lots * lot_value(p.markets[m], st.markets[m].mark)


@kernel
def value_at_mark_before(st: State, p: Params, index: int, lots: int) -> int:
    """Return what the lots cost at the mark before this one."""
    m = st.positions[st.residuals[index].position].market
    return -lots * lot_value(p.markets[m], st.markets[m].mark_before)


_price = choice(names_of(AdlPrice), globals(), "value_at_{}")


# --- fills ----------------------------------------------------------------------------------------


@outlined
def deleverage(st: State, p: Params, index: int) -> None:
    """Close residual `index` against the first counterparty in rank, at the policy's price.

    Where counterparties come in random order, one that cannot pay that price for the part is passed
    over (dYdX v4; venues.md 2.5).
    """
    residual, ranked = st.residuals[index], st.ranked[0]
    target = ranked.position
    row = st.positions[target]
    m, counterparty = row.market, row.account
    venue = p.venues[p.markets[m].venue]
    size = min(deleveraged(residual.lots, row.lots), ranked.lots)
    if size == 0:
        pop_ranked(st)
        return
    lots = size if residual.lots > 0 else -size
    worth = lots * lot_value(p.markets[m], st.markets[m].mark)
    value = _price(venue.adl_price, st, p, index, lots)
    if venue.adl_ranking == RANDOM and not overlaps(-value, _affordable(st, p, target, size)):
        pop_ranked(st)
        return
    cancel_account(st, p, counterparty)
    move_position(st, p, residual.position, target, lots, value)
    residual.lots -= lots
    residual.quote -= value
    ranked.lots -= size
    st.liquidations[residual.row].adl_lots += size
    st.ledger[p.markets[m].settlement].adl_value += abs(worth)
    _log(st, p, index, target, lots, value, worth, -value - worth)
    if ranked.lots == 0:
        pop_ranked(st)
    retest(st, p, counterparty)


@outlined
def _affordable(st: State, p: Params, position: int, size: int) -> int:
    """Return the most that an account can pay for closing `size` lots: at its own bankruptcy price."""
    row = st.positions[position]
    m, account = row.market, row.account
    standing = Standing(equity_in(st, p, account, p.markets[m].settlement), maintenance_of(st, p, account))
    return -quote_of_part(p, m, row.lots, st.markets[m].mark, size, standing)


@outlined
def pool_deficits(st: State, p: Params, m: int, long: bool, index: int) -> None:
    """Move a batch's residuals to the fund at mark and gather their deficits in residual `index`.

    The fund advances what is missing to the accounts; those who bear the loss pay it back.
    """
    missing = 0
    for k in range(st.clock[0].n_residual):
        residual = st.residuals[k]
        row = st.positions[residual.position]
        if row.market != m or residual.lots == 0 or (residual.lots > 0) != long:
            continue
        account = row.account
        settlement, fund = p.markets[m].settlement, fund_of(st, p, account)
        value = -residual.lots * lot_value(p.markets[m], st.markets[m].mark)
        move_position(st, p, residual.position, held_at(st, fund, m), residual.lots, value)
        st.liquidations[residual.row].taken_over_lots += abs(residual.lots)
        deficit = max(value - residual.quote, 0)
        st.balances[account, settlement] += deficit
        st.balances[fund, settlement] -= deficit
        missing += deficit
        residual.quote = 0
        if k != index:
            residual.lots = 0
    st.residuals[index].quote = -missing


@outlined
def socialise(st: State, p: Params, index: int) -> None:
    """Let the first counterparty pay its part of the deficits gathered in residual `index`, by lots held.

    So do Drift and Vega; what nobody is left to pay stays with the fund.
    """
    residual = st.residuals[index]
    m = st.positions[residual.position].market
    settlement = p.markets[m].settlement
    fund = fund_of(st, p, st.positions[residual.position].account)
    if st.clock[0].n_ranked == 0 or residual.quote == 0:
        st.ledger[settlement].fund_losses -= residual.quote
        st.liquidations[residual.row].fund_draw -= residual.quote
        residual.lots, residual.quote = 0, 0
        return
    ranked = st.ranked[0]
    target, wanted = ranked.position, st.clock[0].adl_lots
    account = st.positions[target].account
    part = proportion(-residual.quote, ranked.lots, wanted) if ranked.lots < wanted else -residual.quote
    cancel_account(st, p, account)
    st.balances[account, settlement] -= part
    st.balances[fund, settlement] += part
    residual.quote += part
    st.clock[0].adl_lots -= ranked.lots
    _log(st, p, index, target, 0, 0, 0, part)
    pop_ranked(st)
    retest(st, p, account)


@kernel
def _log(
    st: State, p: Params, index: int, target: int, lots: int, value: int, worth: int, forgone: int
) -> None:  # fmt: skip
    """Write the row of one fill."""
    clock = st.clock[0]
    log = st.adl[clock.n_adl]
    counterparty = st.positions[target].account
    log.step, log.wave = clock.step, clock.wave
    log.account, log.counterparty = st.positions[st.residuals[index].position].account, counterparty
    log.side = 1 if lots < 0 or (lots == 0 and st.positions[target].lots > 0) else -1
    log.market, log.lots, log.value = st.positions[target].market, lots, abs(value)
    log.mark_value, log.forgone = abs(worth), forgone
    log.rank, log.score = clock.adl_rank, st.ranked[0].score
    log.leverage_after = leverage_of(st, p, counterparty, p.markets[log.market].settlement)
    log.mark = st.markets[log.market].mark
    clock.n_adl += 1

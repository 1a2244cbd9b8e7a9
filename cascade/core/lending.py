"""A lending pool: liquidators repay debt, seize collateral at a discount and sell it in the spot book.

A borrower is a margined account: its debt is a negative balance, its collateral a position in a pool,
which is a claim on spot that the venue's vault holds. A pool's only tier has the maintenance rate
1 - liquidation threshold, so that health below 1 is a failed margin test at the oracle's price.
Interest does not accrue. Rules of Aave v3.
"""

from __future__ import annotations

from typing import Any

from cascade.compiler.jit import kernel, outlined
from cascade.core.book import fee_rate, offered, take
from cascade.core.exact import RATE, charge, lot_value, proportion, times_rate
from cascade.core.halts import is_shut
from cascade.core.ledger import apply_fill, change_position, fund_of, held_at, transfer
from cascade.core.margin import MAX_TICK, excess_of
from cascade.core.params import SEIZED, Params
from cascade.core.rules import covered_debt, quotient, repayable_debt, seized_collateral
from cascade.core.state import State

TAKER = 1


@kernel
def debt_of(st: State, p: Params, account: int) -> int:
    """Return what a borrower owes."""
    first = st.accounts[account].first_position
    return max(-st.balances[account, p.markets[st.positions[first].market].settlement], 0)


@kernel
def health_of(st: State, p: Params, account: int) -> int:
    """Return the health factor of a borrower: collateral at its thresholds over debt, in 1e-8."""
    debt = max(debt_of(st, p, account), 1)
    return quotient(max(excess_of(st, p, account) + debt, 0), debt, RATE)


@outlined
def largest_call(st: State, p: Params, account: int, position: int) -> tuple[int, int, int]:
    """Return the most that a call on a collateral may do: (lots seized, lots of them for the protocol, debt repaid).

    What is seized is rounded up, against the borrower.
    """
    row = st.positions[position]
    market, rule = p.markets[row.market], p.lending[st.accounts[account].venue]
    value = lot_value(market, st.markets[row.market].mark)
    debt = debt_of(st, p, account)
    repaid = repayable_debt(
        debt, debt, row.lots * value, health_of(st, p, account), rule.close_health, rule.close_factor,
        rule.close_least,
    )  # fmt: skip
    repaid = min(repaid, max(st.balances[rule.liquidator, market.settlement], 0))
    lots = min(-((-times_rate(repaid, market.bonus)) // value), row.lots)
    repaid = min(repaid, covered_debt(lots * value, market.bonus))
    _, protocol = seized_collateral(repaid, market.bonus, market.protocol_fee)
    return lots, protocol // value, repaid


@kernel
def paying_tick(spot: Any, cost: int, lots: int, fee: int) -> int:
    """Return the lowest price at which selling `lots` makes up for a cost, the taker fee paid."""
    wanted = quotient(cost, RATE - fee, RATE) + 1
    return min(-(-wanted // (lots * lot_value(spot, 1))), MAX_TICK)


@outlined
def _without_dust(
    st: State, p: Params, account: int, position: int, seized: int, repaid: int, sold: int
) -> int:
    """Return how many of `sold` lots may go in a call after which both debt and collateral are left: no dust."""
    row = st.positions[position]
    rule = p.lending[st.accounts[account].venue]
    value = lot_value(p.markets[row.market], st.markets[row.market].mark)
    lots = max(row.lots - -(-rule.leftover // value), 0)
    debt = max(debt_of(st, p, account) - rule.leftover, 0)
    return min(
        proportion(sold, min(lots, seized), seized),
        proportion(sold, min(debt, repaid), max(repaid, 1)),
    )


@kernel
def _sale(st: State, p: Params, seller: int, lots: int, limit: int) -> tuple[int, int]:
    """Return how many of unsigned lots could be sold within a limit, and for how much."""
    m = st.positions[seller].market
    if p.run[0].forced_orders == 0:
        mark = st.markets[m].mark
        lots = lots if mark >= limit else 0
        return lots, lots * lot_value(p.markets[m], mark)
    if is_shut(st, m):
        return 0, 0
    filled, value = offered(st, p, seller, -lots, limit)
    return -filled, -value


@outlined
def call(st: State, p: Params, account: int, position: int) -> tuple[int, int, int, int, int]:
    """Let liquidators make one call on a collateral, as far as it pays at the prices bid for it now.

    Returns the lots that could be seized at most, those sold and what they fetched, those that went to
    the protocol, and the debt repaid; where no call pays, all but the first are 0.
    """
    m = st.positions[position].market
    rule = p.lending[st.accounts[account].venue]
    spot = p.markets[m].spot
    seized, protocol, repaid = largest_call(st, p, account, position)
    sold = seized - protocol
    if sold <= 0:
        return 0, 0, 0, 0, 0
    seller = held_at(st, rule.liquidator, spot)
    fee = fee_rate(st, p, rule.liquidator, spot, TAKER)
    limit = paying_tick(p.markets[spot], repaid + charge(repaid, rule.min_profit), sold, fee)
    filled, value = _sale(st, p, seller, sold, limit)
    if filled != sold or (repaid != debt_of(st, p, account) and seized != st.positions[position].lots):
        most = _without_dust(st, p, account, position, seized, repaid, sold)
        filled, value = _sale(st, p, seller, min(filled, most), limit)
    repaid, protocol = proportion(repaid, filled, sold), proportion(protocol, filled, sold)
    gain = value - charge(value, fee) - repaid
    if filled == 0 or gain < rule.gas + charge(repaid, rule.min_profit):
        return seized, 0, 0, 0, 0
    _seize(st, p, account, position, filled, protocol, repaid)
    _sell(st, p, seller, filled, value, limit, fee)
    transfer(st, rule.liquidator, p.markets[m].settlement, -rule.gas)
    return seized, filled, value, protocol, repaid


@outlined
def _seize(st: State, p: Params, account: int, position: int, lots: int, protocol: int, repaid: int) -> None:
    """Repay debt for lots of collateral, which the vault hands out; the fund gets the protocol's claims."""
    m = st.positions[position].market
    rule = p.lending[st.accounts[account].venue]
    spot, settlement = p.markets[m].spot, p.markets[m].settlement
    st.balances[account, settlement] += repaid
    st.balances[rule.liquidator, settlement] -= repaid
    fee = protocol * lot_value(p.markets[m], st.markets[m].mark)
    change_position(st, position, -(lots + protocol), -(repaid + fee))
    change_position(st, held_at(st, fund_of(st, p, account), m), protocol, fee)
    change_position(st, held_at(st, rule.vault, m), lots, repaid)
    change_position(st, held_at(st, rule.vault, spot), -lots, -repaid)
    change_position(st, held_at(st, rule.liquidator, spot), lots, repaid)
    st.ledger[settlement].fund_income += fee


@outlined
def _sell(st: State, p: Params, seller: int, lots: int, value: int, limit: int, fee: int) -> None:
    """Sell seized lots in the spot book; in the counterfactual an absorber takes them at mark."""
    if p.run[0].forced_orders != 0:
        take(st, p, seller, -lots, limit, SEIZED)
        return
    row = st.positions[seller]
    absorber = p.venues[st.accounts[row.account].venue].absorber
    apply_fill(st, p, seller, -lots, -value, fee)
    apply_fill(st, p, held_at(st, absorber, row.market), lots, value, 0)

"""Bars: what each market did since the last one, and how deep its book is now; and what the funds hold."""

from __future__ import annotations

from cascade.compiler.jit import kernel, outlined
from cascade.core.book import NO_ASK, NO_BID
from cascade.core.exact import lot_value
from cascade.core.margin import equity_in
from cascade.core.params import Params
from cascade.core.state import NONE, State
from cascade.core.window import depth_between


@kernel
def start_bar(st: State, m: int) -> None:
    """Begin to collect the next bar of market m."""
    market = st.markets[m]
    market.open, market.high, market.low = market.last, market.last, market.last
    market.mark_high, market.mark_low = market.mark, market.mark
    market.volume, market.flow, market.n_trades = 0, 0, 0
    market.long_liquidated, market.short_liquidated = 0, 0


@outlined
def write_bar(st: State, p: Params, m: int) -> None:
    """Write the bar of market m and begin the next."""
    clock = st.clock[0]
    market, fixed = st.markets[m], p.markets[m]
    row = st.bars[clock.n_bars]
    clock.n_bars += 1
    row.step, row.market = clock.step, m
    row.open, row.high, row.low, row.last = market.open, market.high, market.low, market.last
    row.mark, row.mark_high, row.mark_low = market.mark, market.mark_high, market.mark_low
    row.index, row.news_value = market.index, st.assets[fixed.asset].value
    row.best_bid = NONE if market.best_bid == NO_BID else market.best_bid
    row.best_ask = NONE if market.best_ask == NO_ASK else market.best_ask
    at, half = market.mid2 // 2 - market.window, market.mid2 // 2
    w1, w2, w3 = half // 1000, half // 200, half // 100
    row.ask_10 = depth_between(st, p, m, 0, at + w1, True)
    row.ask_50 = row.ask_10 + depth_between(st, p, m, at + w1 + 1, at + w2, True)
    row.ask_100 = row.ask_50 + depth_between(st, p, m, at + w2 + 1, at + w3, True)
    row.bid_10 = depth_between(st, p, m, p.run[0].n_ticks - 1, at - w1, False)
    row.bid_50 = row.bid_10 + depth_between(st, p, m, at - w1 - 1, at - w2, False)
    row.bid_100 = row.bid_50 + depth_between(st, p, m, at - w2 - 1, at - w3, False)
    row.volume, row.flow, row.n_trades = market.volume, market.flow, market.n_trades
    row.long_liquidated, row.short_liquidated = market.long_liquidated, market.short_liquidated
    row.open_interest, row.on_margin = market.open_interest, market.on_margin
    row.funding_rate = market.funding_rate
    row.fund_equity = equity_in(st, p, p.venues[fixed.venue].fund, fixed.settlement)
    row.depth_factor = market.depth_factor * market.depth_shock
    start_bar(st, m)


@outlined
def write_funds(st: State, p: Params) -> None:
    """Write what the funds hold of each settlement asset, the venues' together."""
    clock = st.clock[0]
    for settlement in range(len(st.ledger)):
        ledger, row = st.ledger[settlement], st.funds[clock.n_funds]
        clock.n_funds += 1
        row.step, row.fund, row.price = clock.step, settlement, _price_of(st, p, settlement)
        row.equity, row.uncovered = 0, 0
        for v in range(len(p.venues)):
            equity = _fund_equity(st, p, v, settlement)
            row.equity += equity
            row.uncovered += max(-equity, 0)
        row.income, row.losses, row.adl_value = ledger.fund_income, ledger.fund_losses, ledger.adl_value
        row.fees, row.deposits, row.withdrawals = ledger.fees, ledger.deposits, ledger.withdrawals


@kernel
def _fund_equity(st: State, p: Params, v: int, settlement: int) -> int:
    """Return the balance of a venue's fund in an asset and what it holds of markets that settle in it, at mark."""
    fund = p.venues[v].fund
    equity = st.balances[fund, settlement]
    first = st.accounts[fund].first_position
    for m in range(len(p.markets)):  # a fund has a place in every market
        if p.markets[m].settlement == settlement:
            equity += st.positions[first + m].lots * lot_value(p.markets[m], st.markets[m].mark)
    return equity


@kernel
def _price_of(st: State, p: Params, settlement: int) -> float:
    """Return the USD of a settlement asset: the index of the first market that settles in it; the first is USD."""
    for m in range(len(p.markets)):
        if settlement != 0 and p.markets[m].settlement == settlement:
            return st.markets[m].index
    return 1.0

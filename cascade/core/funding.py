"""Funding: the premium of perpetuals, and the payments between their two sides."""

from __future__ import annotations

import math

from cascade.compiler.jit import kernel, outlined
from cascade.core.book import BUYS, NO_ASK, NO_BID, SELLS
from cascade.core.exact import lot_value, tick_where
from cascade.core.index import mid_price
from cascade.core.params import FUNDING_FIXED, PERPETUAL, UNMARGINED, Params
from cascade.core.rules import funding_payment, funding_rate, premium_index
from cascade.core.state import NONE, State
from cascade.core.triggers import retrigger
from cascade.core.window import level_after


@outlined
def average_price(st: State, p: Params, m: int, buys: bool, wanted: int) -> float:
    """Return the average price of buying (or selling) a notional at market, or the mid where a side is empty.

    `wanted` is in money units of the settlement asset; a book that holds less is priced by what it holds.
    """
    market, fixed, n = st.markets[m], p.markets[m], p.run[0].n_ticks
    value, lots = 0, 0
    best = market.best_ask if buys else market.best_bid
    if best == NO_ASK or best == NO_BID:
        return mid_price(st, p, m)
    slot = best - market.window
    while slot != NONE and value < wanted and 0 <= slot < n:
        unit = abs(lot_value(fixed, market.window + slot))
        part = min(abs(st.levels[m * n + slot].lots), (wanted - value) // unit + 1)
        value += part * unit
        lots += part
        slot = level_after(st, p, m, slot, buys)
    average = math.copysign(float(value), float(lot_value(fixed, 1))) / float(lots)
    return tick_where(fixed, average) * fixed.tick_size


@outlined
def sample_premium(st: State, p: Params, m: int) -> None:
    """Add a linearly weighted sample of the premium index."""
    market = st.markets[m]
    index = market.index
    premium = premium_index(
        average_price(st, p, m, SELLS, p.markets[m].impact_notional),
        average_price(st, p, m, BUYS, p.markets[m].impact_notional),
        index,
    )
    market.premium_at += 1.0
    market.premium_sum += market.premium_at * premium
    market.premium_weight += market.premium_at


@outlined
def expected_rate(st: State, p: Params, m: int) -> float:
    """Return the funding rate, in 1e-8, to be expected of the interval that runs in a perpetual.

    It is what the premium so far makes of it, for the part that is over, and for the rest the last rate.
    """
    market, fixed = st.markets[m], p.markets[m]
    last = float(market.funding_rate)
    if fixed.funding == FUNDING_FIXED or market.premium_weight == 0.0:
        return last
    left = float(market.next_funding - st.clock[0].step) / float(p.funding[fixed.venue].steps)
    return last + (float(_next_rate(st, p, m)) - last) * max(min(1.0 - left, 1.0), 0.0)


@kernel
def _next_rate(st: State, p: Params, m: int) -> int:
    """Return the funding rate of the interval that begins: the schedule's, or the venue's formula."""
    market, fixed = st.markets[m], p.markets[m]
    rule = p.funding[fixed.venue]
    if fixed.funding == FUNDING_FIXED:
        rate = market.funding_rate
        for k in range(fixed.first_rate, fixed.first_rate + fixed.n_rates):
            if p.rates[k].step <= st.clock[0].step:
                rate = p.rates[k].rate
        return rate
    premium = market.premium_sum / market.premium_weight if market.premium_weight > 0.0 else 0.0
    average = math.floor(premium * 1e8 + 0.5)
    return funding_rate(
        average, rule.interest, rule.clamp, rule.part, rule.whole, fixed.funding_cap
    )  # fmt: skip


@outlined
def settle_funding(st: State, p: Params, m: int) -> None:
    """Exchange funding between all positions of a perpetual at its stamp; longs pay M x Q x F.

    Each payment is rounded against its account; the difference goes to the rounding account. A
    margin that shrinks moves its triggers.
    """
    market, fixed = st.markets[m], p.markets[m]
    if fixed.funding != FUNDING_FIXED:
        market.funding_rate = _next_rate(st, p, m)
    value = lot_value(fixed, market.mark)
    if p.funding[fixed.venue].at_index != 0:
        value = lot_value(fixed, max(math.floor(market.index / fixed.tick_size + 0.5), 1))
    collected = 0
    for k in range(len(st.positions)):
        position = st.positions[k]
        if position.market == m and position.lots != 0:
            payment = funding_payment(position.lots * abs(value), market.funding_rate)
            account = position.account
            st.balances[account, fixed.settlement] -= payment
            collected += payment
            if st.accounts[account].margin != UNMARGINED:
                retrigger(st, p, account)
    st.balances[p.venues[fixed.venue].rounding, fixed.settlement] += collected
    if fixed.funding == FUNDING_FIXED:
        market.funding_rate = _next_rate(st, p, m)
    market.next_funding += p.funding[fixed.venue].steps
    market.premium_sum, market.premium_weight, market.premium_at = 0.0, 0.0, 0.0


@kernel
def fund_markets(st: State, p: Params) -> None:
    """Sample premiums and settle every perpetual whose funding stamp has come."""
    step = st.clock[0].step
    for m in range(len(p.markets)):
        fixed = p.markets[m]
        if fixed.kind != PERPETUAL:
            continue
        if fixed.funding != FUNDING_FIXED and step % p.funding[fixed.venue].premium_steps == 0:
            sample_premium(st, p, m)
        if step >= st.markets[m].next_funding:
            settle_funding(st, p, m)

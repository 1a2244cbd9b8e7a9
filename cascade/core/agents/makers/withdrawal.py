"""Makers' withdrawal: by volatility of the market, by the flow that hits a side of it, by a maker's own losses.

All three leave a share of the sizes, and the shares are multiplied: `quoting.look`.
"""

from __future__ import annotations

import math

from cascade.compiler.jit import kernel, outlined
from cascade.core.exact import lot_value
from cascade.core.params import Params
from cascade.core.state import State


@kernel
def share_left(ratio: float, exponent: float, floor: float) -> float:
    """Return the share of a size that stays, by what there is over where withdrawal starts.

    share = clamp(ratio^-exponent, floor, 1)
    """
    return max(ratio**-exponent if ratio > 1.0 else 1.0, floor)


@kernel
def spared(left: float, nearness: float) -> float:
    """Return by how much more than a near quote one stays that takes the share left to the power of its nearness."""
    return left ** (nearness - 1.0) if nearness < 1.0 and left < 1.0 else 1.0


@outlined
def update_withdrawal(st: State, p: Params, m: int) -> None:
    """Follow returns of the mid, by default of a minute, and let makers' depth fall as they exceed the calm.

    ratio = sqrt(variance / calm) / threshold; over seconds, bounce alone would empty the book.
    """
    market, rule = st.markets[m], p.withdrawals[m]
    if st.clock[0].step < market.variance_at:
        return
    mid = float(market.mid2)
    change = math.log(mid / market.variance_mid)
    market.variance = rule.decay * market.variance + (1.0 - rule.decay) * change * change
    market.variance_mid = mid
    market.variance_at += rule.steps
    ratio = math.sqrt(market.variance / rule.calm_variance) / rule.threshold
    market.depth_factor = share_left(ratio, rule.exponent, rule.floor)


@outlined
def count_flow(st: State, p: Params, m: int) -> None:
    """Thin the side of market m that takers of its asset hit by their net flow of late, in all its markets.

    net = decay x net + flow of the last step; ratio = |net| / (threshold x depth), depth shocks included. What ties
    markets together nets out.
    """
    rule, pressure = p.withdrawals[m], st.pressures[m]
    if rule.flow_at == 0.0:
        return
    market, flow = st.markets[m], 0
    for other in range(len(p.markets)):
        if p.markets[other].asset == p.markets[m].asset:
            flow += st.markets[other].flow_learnt
    pressure.net = rule.flow_decay * pressure.net + float(flow)
    ratio = abs(pressure.net) / (rule.flow_at * market.depth_shock)
    left = share_left(ratio, rule.flow_exponent, rule.flow_floor)
    pressure.bids_left = left if pressure.net < 0.0 else 1.0
    pressure.asks_left = left if pressure.net > 0.0 else 1.0


@outlined
def count_losses(st: State, p: Params) -> None:
    """Let makers whose capital has lost of late, by what they traded at mark, quote less.

    gained = decay x gained + (1 - decay) x gain; ratio = (gained - gain) / (threshold x cap at mark), where gain and
    threshold are sums over those who share the capital.
    """
    for k in range(len(p.makers)):
        _add_gain(st, p, k)
    for k in range(len(p.makers)):
        maker, purse = p.makers[k], st.purses[k]
        rule, shared = p.withdrawals[st.positions[maker.position].market], st.purses[maker.purse]
        if rule.loss_at > 0.0:
            purse.gained = rule.loss_decay * purse.gained + (1.0 - rule.loss_decay) * shared.gain
            purse.left = share_left(
                (purse.gained - shared.gain) / shared.at, rule.loss_exponent, rule.loss_floor
            )


@kernel
def _add_gain(st: State, p: Params, k: int) -> None:
    """Add what maker k has gained, and the loss at which it withdraws, to its capital; the first begins from zero."""
    maker = p.makers[k]
    row, shared = st.positions[maker.position], st.purses[maker.purse]
    rule, fixed = p.withdrawals[row.market], p.markets[row.market]
    if maker.purse == k:
        shared.gain, shared.at = 0.0, 0.0
    if rule.loss_at > 0.0:
        value = lot_value(fixed, st.markets[row.market].mark)
        cash = st.balances[row.account, fixed.settlement] - st.purses[k].start
        shared.gain += float(cash + (row.lots - maker.initial) * value)
        shared.at += rule.loss_at * maker.cap * abs(float(value))

"""Margin in exact integers: maintenance margin, equity, liquidation and bankruptcy ticks.

A margin test compares integers at integer ticks, so a trigger is the first tick at which the test
fails: a float guess from the closed form, then integer tests at its neighbours.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from cascade.compiler.jit import int64, kernel, outlined
from cascade.core.collateral import counted_value
from cascade.core.exact import INVERSE, charge, lot_value, tick_where
from cascade.core.params import Params
from cascade.core.state import NONE, State

MAX_TICK = 2_147_483_646


@kernel
def tier_of(p: Params, m: int, notional: int) -> int:
    """Return the tier of a notional: caps are inclusive; above the last cap the last tier holds."""
    market = p.markets[m]
    tier = market.first_tier
    last = tier + market.n_tiers - 1
    while tier < last and notional > p.tiers[tier].cap:
        tier += 1
    return tier


@kernel
def maintenance(p: Params, m: int, notional: int) -> int:
    """Return the maintenance margin of a notional, rounded up (venues: MM = N x rate - amount)."""
    if p.markets[m].n_tiers == 0 or notional == 0:
        return 0
    tier = p.tiers[tier_of(p, m, notional)]
    return max(charge(notional, tier.rate) - tier.deduction, 0)


@kernel
def excess_at(p: Params, m: int, lots: int, balance: int, tick: int) -> int:
    """Return equity minus maintenance margin of a single position at a tick."""
    value = lots * lot_value(p.markets[m], tick)
    return balance + value - maintenance(p, m, abs(value))


@kernel
def fails(p: Params, m: int, lots: int, balance: int, tick: int) -> bool:
    """Tell whether a single position fails its margin test at a tick: at equality it does."""
    return excess_at(p, m, lots, balance, tick) <= 0


@outlined
def equity_in(st: State, p: Params, account: int, settlement: int) -> int:
    """Return balance plus what all positions that settle in an asset count for at the present marks."""
    row = st.accounts[account]
    first = row.first_position
    equity = st.balances[account, settlement]
    for k in range(first, first + row.n_positions):
        position = st.positions[k]
        if p.markets[position.market].settlement == settlement and position.lots != 0:
            equity += counted_value(st, p, k)
    return equity


@kernel
def equity_of(st: State, p: Params, account: int) -> int:
    """Return the equity that an account's margin is tested with, in the asset it is counted in."""
    return equity_in(st, p, account, st.accounts[account].settlement)


@outlined
def maintenance_of(st: State, p: Params, account: int) -> int:
    """Return the maintenance margin of all positions at the present marks."""
    row = st.accounts[account]
    first = row.first_position
    total = 0
    for k in range(first, first + row.n_positions):
        position = st.positions[k]
        m = position.market
        total += maintenance(p, m, abs(position.lots * lot_value(p.markets[m], st.markets[m].mark)))
    return total


@kernel
def excess_of(st: State, p: Params, account: int) -> int:
    """Return equity minus maintenance margin; an account is liquidated when it holds a position and this is <= 0."""
    return equity_of(st, p, account) - maintenance_of(st, p, account)


class Standing(NamedTuple):
    """What an account is tested by, in the asset that its margin is counted in."""

    equity: int
    maintenance: int


@kernel
def standing_of(st: State, p: Params, account: int) -> Standing:
    """Return where an account stands at the present marks."""
    return Standing(equity_of(st, p, account), maintenance_of(st, p, account))


@kernel
def is_safe(standing: Standing) -> bool:
    """Tell whether an account passes its margin test."""
    return standing.equity > standing.maintenance


@kernel
def initial_margin_of(st: State, p: Params, account: int) -> int:
    """Return the initial margin of all positions of an account at the marks, at its tiers' maximum leverage."""
    row = st.accounts[account]
    first = row.first_position
    total = 0
    for k in range(first, first + row.n_positions):
        position = st.positions[k]
        if position.lots != 0:
            m = position.market
            total += initial_margin(p, m, abs(position.lots * lot_value(p.markets[m], st.markets[m].mark)))
    return total


@kernel
def initial_margin(p: Params, m: int, notional: int) -> int:
    """Return notional / maximum leverage of its tier, rounded up; a market without tiers wants it in full."""
    if p.markets[m].n_tiers == 0:
        return notional
    return charge(notional, int64(1e8 / p.tiers[tier_of(p, m, notional)].max_leverage + 0.5))


@kernel
def is_flat(st: State, account: int) -> bool:
    """Tell whether an account holds no position."""
    row = st.accounts[account]
    first = row.first_position
    for k in range(first, first + row.n_positions):
        if st.positions[k].lots != 0:
            return False
    return True


@outlined
def liquidation_tick(p: Params, m: int, lots: int, balance: int) -> int:
    """Return the tick nearest the money at which a single position fails its margin test, or NONE.

    For a long it is the highest such tick, for a short the lowest. The guess solves
    B + Q v = |Q v| rate - amount in each tier in turn (venues.md 1.2); exact tests follow.
    """
    market = p.markets[m]
    sign = 1 if lots > 0 else -1
    slope = -float(sign) if market.contract == INVERSE else float(sign)  # of notional as equity rises
    guess = 0
    for k in range(market.first_tier, market.first_tier + market.n_tiers):
        tier = p.tiers[k]
        rate = float(tier.rate) * 1e-8
        value = -(float(balance) + float(tier.deduction)) / (float(lots) * (1.0 - slope * rate))
        tick = tick_where(market, value)
        guess = int64(min(max(tick, 0.0), float(MAX_TICK - 1)))
        if abs(float(lots) * value) <= float(tier.cap):
            break
    guess = max(guess, 1)
    if not fails(p, m, lots, balance, guess):
        while not fails(p, m, lots, balance, guess):
            guess -= sign
            if guess < 1 or guess >= MAX_TICK:
                return NONE
        return guess
    while 1 <= guess + sign < MAX_TICK and fails(p, m, lots, balance, guess + sign):
        guess += sign
    return guess


@outlined
def failing_tick(p: Params, m: int, lots: int, balance: int, mark: int) -> int:
    """Return the tick nearest to the mark, on the adverse side, at which a single position fails, or NONE."""
    if p.markets[m].step_tiers == 0:
        return liquidation_tick(p, m, lots, balance)
    return failing_step_tick(p, m, lots, balance, mark, MAX_TICK)


@outlined
def failing_step_tick(p: Params, m: int, lots: int, balance: int, mark: int, end: int) -> int:
    """Return `failing_tick` where each tier's rate holds for the whole position, among ticks below `end`.

    Margin jumps at the tiers' edges, so that a position may fail at a price and not at a worse one:
    each tier is looked at in turn.
    """
    sign = 1 if lots > 0 else -1
    near = min(max(mark, 1), end - 1)
    while True:
        if fails(p, m, lots, balance, near):
            return near
        far = _far_end(p, m, lots, near, sign, end)
        if fails(p, m, lots, balance, far):
            while abs(near - far) > 1:  # within a tier excess falls all the way
                middle = (near + far) // 2
                if not fails(p, m, lots, balance, middle):
                    near = middle
                else:
                    far = middle
            return far
        near = far - sign
        if not 1 <= near < end:
            return NONE


@kernel
def _far_end(p: Params, m: int, lots: int, near: int, sign: int, end: int) -> int:
    """Return the last tick on the adverse side of `near`, below `end`, at which a position is in the same tier."""
    tier = tier_of(p, m, abs(lots * lot_value(p.markets[m], near)))
    inside, outside = near, 0 if sign > 0 else end
    while abs(inside - outside) > 1:
        middle = (inside + outside) // 2
        if tier_of(p, m, abs(lots * lot_value(p.markets[m], middle))) == tier:
            inside = middle
        else:
            outside = middle
    return inside


@outlined
def failing_upwards(p: Params, m: int, lots: int, balance: int, mark: int) -> int:
    """Return the nearest tick on the favourable side at which a growing position fails at a tier's edge, or NONE.

    Only where each tier's rate holds for the whole position; within a tier excess rises.
    """
    sign = 1 if lots > 0 else -1
    near = min(max(mark, 1), MAX_TICK - 1)
    while p.markets[m].step_tiers != 0:
        near = _far_end(p, m, lots, near, -sign, MAX_TICK) + sign
        if not 1 <= near < MAX_TICK:
            return NONE
        if fails(p, m, lots, balance, near):
            return near
    return NONE


@kernel
def maintenance_between(p: Params, m: int, notional: int, other: int) -> int:
    """Return what maintenance margin is at most while a notional goes from `other` to `notional`."""
    required = maintenance(p, m, notional)
    if p.markets[m].step_tiers == 0 or notional == 0 or other == 0:
        return required
    rate = max(p.tiers[tier_of(p, m, notional)].rate, p.tiers[tier_of(p, m, other)].rate)
    return max(required, charge(max(notional, other), rate))


@outlined
def bankruptcy_tick(p: Params, m: int, lots: int, balance: int) -> int:
    """Return the worst tick at which closing a position still leaves no loss, or 1 or the last tick.

    `balance` is that of the account plus the value of its other positions at their marks.
    """
    market = p.markets[m]
    tick = tick_where(market, -float(balance) / float(lots))
    sign = 1 if lots > 0 else -1
    tick = min(max(tick, 1.0), float(MAX_TICK))
    guess = math.floor(tick) if lots < 0 else math.ceil(tick)
    while 1 < guess < MAX_TICK and balance + lots * lot_value(market, guess) < 0:
        guess += sign
    while 1 < guess < MAX_TICK and balance + lots * lot_value(market, guess - sign) >= 0:
        guess -= sign
    return guess

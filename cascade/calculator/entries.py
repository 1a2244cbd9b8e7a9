"""Compiled entry points through which the calculator calls the kernels of a market."""

from __future__ import annotations

from typing import Any

from cascade.compiler.jit import entry, kernel
from cascade.core import exact, margin, rules
from cascade.core.params import Params

# --- margin ---------------------------------------------------------------------------------------


@kernel
def _fails(p: Params, long: int, short: int, balance: int, tick: int) -> bool:
    """Tell whether an account with a long and a short leg of market 0 fails its margin test."""
    if long == 0 or short == 0:
        return margin.fails(p, 0, long + short, balance, tick)
    hedged = margin.excess_at(p, 0, long, balance, tick)
    return hedged + margin.excess_at(p, 0, short, 0, tick) <= 0


@entry
def fails(p: Params, long: int, short: int, balance: int, tick: int) -> bool:
    """Return `_fails`."""
    return _fails(p, long, short, balance, tick)


@entry
def first_failing(p: Params, long: int, short: int, balance: int, safe: int, failing: int) -> int:
    """Return the tick nearest `safe` at which the margin test fails, between it and one that fails."""
    while abs(failing - safe) > 1:
        middle = safe + (failing - safe) // 2
        if _fails(p, long, short, balance, middle):
            failing = middle
        else:
            safe = middle
    return failing


@entry
def failing_step_tick(p: Params, lots: int, balance: int, mark: int, end: int) -> int:
    """Return the tick nearest to the mark at which a position fails under step tiers, or NONE."""
    return margin.failing_step_tick(p, 0, lots, balance, mark, end)


@entry
def failing_tick(p: Params, lots: int, balance: int, mark: int) -> int:
    """Return the tick that a market would hang the trigger of a position at, or NONE."""
    return margin.failing_tick(p, 0, lots, balance, mark)


@entry
def bankruptcy_tick(p: Params, lots: int, balance: int) -> int:
    """Return the limit that a market would set on the forced order of a position."""
    return margin.bankruptcy_tick(p, 0, lots, balance)


@entry
def margins(p: Params, notional: int, answers: Any) -> None:
    """Write maintenance margin, initial margin at the tier's greatest leverage, and the tier of a notional."""
    answers[0] = margin.maintenance(p, 0, notional)
    answers[1] = margin.initial_margin(p, 0, notional)
    answers[2] = margin.tier_of(p, 0, notional)


@entry
def lot_value(p: Params, tick: int) -> int:
    """Return what one lot is worth at a tick."""
    return exact.lot_value(p.markets[0], tick)


# --- rules ----------------------------------------------------------------------------------------


@entry
def carried_index(index: float, rate: float, remaining: float) -> float:
    """Return `rules.carried_index`."""
    return rules.carried_index(index, rate, remaining)


@entry
def premium_index(bid: float, ask: float, index: float) -> float:
    """Return `rules.premium_index`."""
    return rules.premium_index(bid, ask, index)


@entry
def funding_rate(premium: int, interest: int, clamp: int, part: int, whole: int, cap: int) -> int:
    """Return `rules.funding_rate`."""
    return rules.funding_rate(premium, interest, clamp, part, whole, cap)


@entry
def funding_payment(exposure: int, rate: int) -> int:
    """Return `rules.funding_payment`."""
    return rules.funding_payment(exposure, rate)


@entry
def beyond_cap(held: int, value: int, cap: int) -> int:
    """Return `rules.beyond_cap`."""
    return rules.beyond_cap(held, value, cap)


@entry
def bankruptcy_quote(value: int, equity: int, maintenance: int, total: int) -> int:
    """Return `rules.bankruptcy_quote`."""
    return rules.bankruptcy_quote(value, equity, maintenance, total)


@entry
def fillable_value(
    value: int, equity: int, maintenance: int, total: int, adjustment: int, spread: int
) -> int:  # fmt: skip
    """Return `rules.fillable_value`."""
    return rules.fillable_value(value, equity, maintenance, total, adjustment, spread)


@entry
def fund_change(received: int, bankruptcy: int, notional: int, rate: int) -> int:
    """Return `rules.fund_change`."""
    return rules.fund_change(received, bankruptcy, notional, rate)


@entry
def fund_floor(level: int, share: int, least: int) -> int:
    """Return `rules.fund_floor`."""
    return rules.fund_floor(level, share, least)


@entry
def is_fund_drawn(fund: int, floor: int) -> bool:
    """Return `rules.is_fund_drawn`."""
    return rules.is_fund_drawn(fund, floor)


@entry
def pnl_margin_score(profit: float, wallet: float, ratio: float, least: float) -> float:
    """Return `rules.pnl_margin_score`."""
    return rules.pnl_margin_score(profit, wallet, ratio, least)


@entry
def allocate(sizes: Any, order: Any, residual: int, taken: Any) -> None:
    """Write what each counterparty gives up, in the given order, until the residual is closed."""
    for k in range(len(order)):
        size = rules.deleveraged(residual, sizes[order[k]])
        taken[order[k]] = size
        residual -= size


@entry
def overlaps(received: int, paid: int) -> bool:
    """Return `rules.overlaps`."""
    return rules.overlaps(received, paid)


@entry
def quotient(amount: int, whole: int, one: int) -> int:
    """Return `rules.quotient`."""
    return rules.quotient(amount, whole, one)


@entry
def repayable_debt(
    debt: int, total: int, collateral: int, health: int, threshold: int, share: int, least: int
) -> int:  # fmt: skip
    """Return `rules.repayable_debt`."""
    return rules.repayable_debt(debt, total, collateral, health, threshold, share, least)


@entry
def seized_collateral(debt: int, bonus: int, fee: int, answers: Any) -> None:
    """Write `rules.seized_collateral`."""
    answers[0], answers[1] = rules.seized_collateral(debt, bonus, fee)


@entry
def covered_debt(collateral: int, bonus: int) -> int:
    """Return `rules.covered_debt`."""
    return rules.covered_debt(collateral, bonus)

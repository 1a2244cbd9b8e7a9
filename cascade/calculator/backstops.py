"""Worked examples of triggers, bankruptcy in parts, insurance funds, auto-deleveraging and lending pools."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NamedTuple

from cascade.calculator import kernels
from cascade.calculator.account import Position, maintenance_of, single_tier
from cascade.calculator.grid import Grid, Tier, inverse_value, margin_params
from cascade.calculator.inputs import CannotComputeError, Inputs, positive
from cascade.calculator.whole import RATES, rate, unit_for, whole

# --- triggers -----------------------------------------------------------------------------------------


def trigger(x: Inputs) -> dict[str, Any]:
    """Return whether a margin test fails: of a margin balance, or of an inverse position at a price."""
    if "contracts" in x:
        return _trigger_inverse(x)
    equity, kept = x.number("wallet_balance") + x.number("upnl", 0), x.number("maintenance_margin")
    return {"margin_balance": float(equity), "liquidate": _fails(equity, kept)}


def _fails(equity: Fraction, kept: Fraction) -> bool:
    """Tell whether the margin test of a market fails: of a position of one unit, beside money for the rest."""
    unit = unit_for([equity, kept])
    p = margin_params([_fixed(kept)], Grid(unit, Fraction(1), unit), unit)
    return bool(kernels.excess_at(p, 0, 1, whole(equity, unit) - 1, 1) <= 0)


def _fixed(kept: Fraction) -> Tier:
    """Return the tier of a maintenance margin that does not depend on the notional."""
    return Tier(Fraction(10**30), 0, Fraction(0), -kept, 1.0)


def _trigger_inverse(x: Inputs) -> dict[str, Any]:
    """Return the test of a simulated BitMEX account: equity, after the entry fee, against a multiple.

    Its maintenance margin is that of the entry value / leverage, and the test is on `trigger_ratio` times
    it.
    """
    entry, price = positive(x.number("entry"), "entry"), positive(x.number("crash"), "crash")
    size, sign = abs(x.number("contracts")), x.sign(default="long" if x.number("contracts") > 0 else "short")
    value = inverse_value(positive(size, "contracts"), entry)
    profit = sign * (value - inverse_value(size, price))
    equity = x.number("balance_btc") + profit - value * x.number("taker", 0)
    margin = value / positive(x.number("leverage", 1), "leverage")
    kept = maintenance_of(
        Position(side="long", size=margin, entry=1, tiers=single_tier(x.number("maint_rate")))
    )
    threshold = kept * x.number("trigger_ratio", 1)
    return {
        "pnl": float(profit),
        "equity": float(equity),
        "maint": float(kept),
        "threshold": float(threshold),
        "liquidate": _fails(equity, threshold),
    }


def partial_size(x: Inputs) -> float:
    """Return how many contracts have to go to reach the largest size of a lower tier (OKX)."""
    held, cap = abs(x.either("contracts", "qty", "size")), x.either("tier1_max", "tier_max")
    unit = unit_for([held, cap])
    return float(kernels.beyond_cap(whole(held, unit), 1, whole(cap, unit)) * unit)


# --- dYdX: an account of several positions ---------------------------------------------------------------


class _Account(NamedTuple):
    """An account in money units: its equity and maintenance margin, and those of the part that closes."""

    unit: Fraction
    part: Fraction
    value: int
    kept: int
    equity: int
    total: int


def _account(x: Inputs) -> _Account:
    sizes, prices = x.part("positions"), x.part("oracle")
    held = {name: sizes.number(name) for name in sizes.names()}
    close = x.text("close") or next(iter(held), "")
    if not held.get(close):
        raise CannotComputeError(f"the account has no position '{close}' to close")
    values = {name: size * prices.number(name) for name, size in held.items()}
    kept = {name: _maintenance(abs(value), _mmf(x, name)) for name, value in values.items()}
    part = -x.number("delta", -held[close])
    if not 0 < part / held[close] <= 1:
        raise CannotComputeError("the input 'delta' does not reduce the position")
    share = part / held[close]
    equity, total = x.number("usdc") + sum(values.values()), sum(kept.values(), Fraction(0))
    unit = unit_for([equity, total, x.number("usdc"), *values.values()])
    part_kept = min(whole(kept[close] * share, unit), whole(total, unit))
    value = whole(values[close] * share, unit)
    return _Account(unit, part, value, part_kept, whole(equity, unit), whole(total, unit))


def _mmf(x: Inputs, name: str) -> Fraction:
    return x.part("mmf").number(name) if isinstance(x.raw("mmf"), dict) else x.number("mmf")


def _maintenance(notional: Fraction, share: Fraction) -> Fraction:
    if not notional:
        return Fraction(0)
    return maintenance_of(Position(side="long", size=notional, entry=1, tiers=single_tier(share)))


def bankruptcy_quote(x: Inputs) -> float:
    """Return the quote received for a part of a position at its bankruptcy price, up to 1e-6 (dYdX)."""
    found = _account(x)
    quote = kernels.bankruptcy_quote(found.value, found.equity, found.kept, found.total) * found.unit
    steps = quote * 10**6
    near = round(steps)
    up = near if abs(steps - near) < Fraction(1, 10**4) else math.ceil(steps)  # it was rounded up before
    return up / 10**6


def fillable_price(x: Inputs) -> float:
    """Return the least favourable price of a forced close (dYdX); adjustment 1 and spread 1.5 if not given."""
    found = _account(x)
    adjustment, spread = rate(x.number("bankruptcy_adjustment", 1)), rate(x.number("spread_to_mmr", 1.5))
    value = kernels.fillable_value(
        found.value, found.equity, found.kept, found.total, adjustment, spread
    )  # fmt: skip
    return float(value * found.unit / found.part)


def fund_delta(x: Inputs) -> float:
    """Return what the fund gains from closing a position at a price, or pays (dYdX).

    Without other positions the share of the equity is the share of the position; `delta` closes a part.
    """
    held, oracle, price = x.number("position"), x.number("oracle"), x.number("fill_price")
    part = -x.number("delta", -held)
    if not held or not 0 < part / held <= 1:
        raise CannotComputeError("the input 'delta' does not reduce the position")
    value, equity = part * oracle, x.number("usdc") + held * oracle
    received = part * price
    unit = unit_for([value, equity, received, held * oracle])
    whole_value = abs(whole(held * oracle, unit))
    at_bankruptcy = kernels.bankruptcy_quote(
        whole(value, unit), whole(equity, unit), min(abs(whole(value, unit)), whole_value), whole_value
    )
    limit = rate(x.number("max_liq_fee"))
    got = whole(received, unit)
    return float(kernels.fund_change(got, at_bankruptcy, abs(got), limit) * unit)


def fund_delta_sign(x: Inputs) -> list[float]:
    """Return what the fund gains per unit closed at one price, for each bankruptcy price given."""
    sign, prices = x.sign(), x.numbers("exec")
    levels = [level for name in x.names() if name.startswith("bp") for level in x.numbers(name)]
    if not levels:
        raise CannotComputeError("the input 'bp' is missing")
    unit = unit_for([*levels, *prices])
    size = x.number("qty", 1)
    found: list[float] = []
    for price in prices:
        for level in levels:
            got, owed = sign * whole(price, unit), sign * whole(level, unit)
            gain = kernels.fund_change(got, owed, abs(got - owed), RATES)  # uncapped: all of it
            found.append(float(gain * unit * size))
    return found


# --- auto-deleveraging --------------------------------------------------------------------------------------


class _Holder(NamedTuple):
    """A quote balance and a signed position."""

    quote: Fraction
    size: Fraction

    def equity(self, price: Fraction) -> Fraction:
        return self.quote + self.size * price


def _part_quote(holder: _Holder, part: Fraction, price: Fraction) -> Fraction:
    """Return what a holder receives for `part` of its only position at its bankruptcy price."""
    value, equity, total = part * price, holder.equity(price), abs(holder.size * price)
    unit = unit_for([value, equity, total])
    kept = min(whole(abs(value), unit), whole(total, unit))
    whole_quote = kernels.bankruptcy_quote(whole(value, unit), whole(equity, unit), kept, whole(total, unit))
    return whole_quote * unit


def settlement(x: Inputs) -> list[list[float]]:
    """Return the balance of each counterparty after deleveraging at the bankruptcy price (dYdX).

    In the order given. One whom the price would bankrupt is passed over.
    """
    price = positive(x.number("oracle"), "oracle")
    left = _holder(x.part("liquidated"))
    balances: list[list[float]] = []
    for each in x.parts("offsetting"):
        other = _holder(each)
        size = min(abs(left.size), abs(other.size)) if left.size * other.size < 0 else Fraction(0)
        part = size if left.size > 0 else -size
        if part:
            received, affordable = _part_quote(left, part, price), -_part_quote(other, -part, price)
            unit = unit_for([received, affordable])
            if kernels.overlaps(whole(received, unit), whole(affordable, unit)):
                left = _Holder(left.quote + received, left.size - part)
                other = _Holder(other.quote - received, other.size + part)
        balances.append([float(other.quote)])
    return balances


def _holder(x: Inputs) -> _Holder:
    asset = next((name for name in x.names() if name not in ("usdc", "note")), "btc")
    return _Holder(x.number("usdc"), x.number(asset))


def bankruptcy_transfer(x: Inputs) -> dict[str, float]:
    """Return the close of the insolvent one of two accounts against the other at its bankruptcy price."""
    price = positive(x.number("price"), "price")
    parties = {name: _depositor(x.part(name)) for name in ("a", "b")}
    failed = min(parties, key=lambda name: parties[name].equity(price))
    winner = "a" if failed == "b" else "b"
    loser, other = parties[failed], parties[winner]
    size = min(abs(loser.size), abs(other.size))
    part = size if loser.size > 0 else -size
    if loser.size * other.size >= 0:
        raise CannotComputeError("the accounts do not hold opposite positions")
    quote = _part_quote(loser, part, price)
    closed = {
        failed: _Holder(loser.quote + quote, loser.size - part),
        winner: _Holder(other.quote - quote, other.size + part),
    }
    found = {"bankruptcy_price": float(quote / part)}
    for name, holder in closed.items():
        found[f"{name}_final"] = float(holder.equity(price))
        found[f"{name}_pnl"] = float(holder.equity(price) - x.part(name).number("deposit"))
    return found


def _depositor(x: Inputs) -> _Holder:
    size = x.number("size")
    return _Holder(x.number("deposit") - size * x.number("entry"), size)


def score(x: Inputs) -> float:
    """Return the rank score of Binance until 2023 at least: profit / wallet x margin ratio."""
    profit, wallet = x.number("upnl"), x.number("wallet_balance")
    if "margin_ratio" in x:
        ratio = x.number("margin_ratio")
    else:
        equity = wallet + profit
        ratio = x.number("maintenance_margin") / equity if equity > 0 else Fraction(0)
    return kernels.pnl_margin_score(float(profit), float(wallet), float(ratio), 1.0)


def allocation(x: Inputs) -> list[float]:
    """Return what each counterparty gives up of a residual; the largest rank (or score) comes first."""
    sizes, ranks = _ranked(x)
    residual = abs(x.number("size"))
    unit = unit_for([residual, *sizes])
    left, taken = whole(residual, unit), [0.0] * len(sizes)
    for k in _by_rank(ranks):
        given = kernels.deleveraged(left, whole(abs(sizes[k]), unit))
        left -= given
        taken[k] = float(given * unit)
    return taken


def quantiles(x: Inputs) -> list[float]:
    """Return each one's light: the share of open interest that ranks as high, up to the next fifth."""
    sizes, ranks = _ranked(x)
    total, passed = positive(sum(sizes, Fraction(0)), "qty"), Fraction(0)
    lights = [0.0] * len(sizes)
    for k in _by_rank(ranks):
        passed += sizes[k]
        lights[k] = 20.0 * math.ceil(passed / total * 5)
    return lights


def _ranked(x: Inputs) -> tuple[list[Fraction], list[Fraction]]:
    sizes, ranks = x.numbers("qty"), x.numbers(x.first("score_rank", "score"))
    if len(sizes) != len(ranks):
        raise CannotComputeError("the inputs 'qty' and 'score_rank' are not of one length")
    return sizes, ranks


def _by_rank(ranks: Iterable[Fraction]) -> list[int]:
    by_number = list(enumerate(ranks))
    return [k for k, _ in sorted(by_number, key=lambda entry: (-entry[1], entry[0]))]


def drawdown(x: Inputs) -> dict[str, Any]:
    """Return the level of the fund at which auto-deleveraging starts, and whether it does (OKX).

    The average of eight hours less a share of it or a fixed amount, whichever is more.
    """
    level, least, current = x.number("avg_8h_fund"), x.number("min_abs", 0), x.number("current")
    unit = unit_for([level, least, current])
    floor = kernels.fund_floor(whole(level, unit), rate(x.number("drop", 0.3)), whole(least, unit))
    return {"threshold": float(floor * unit), "adl": bool(kernels.is_fund_drawn(whole(current, unit), floor))}


def needed_budget(x: Inputs) -> dict[str, float]:
    """Return what deleveraging has to raise at the price of execution, what was expected, and the gap."""
    size, level = abs(x.number("qty")), x.number("p_bk")
    needed = abs(x.number("p_exec") - level) * size
    expected = abs(x.number("p_exec_est") - level) * size
    short = max(needed - expected, Fraction(0))
    return {"needed": float(needed), "estimated": float(expected), "undercoverage": float(short)}

"""Worked examples of margin amounts, mark prices and funding, by the functions the markets call."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from cascade.calculator import kernels
from cascade.calculator.account import Position, maintenance_of, next_amount, single_tier, tier_amounts
from cascade.calculator.grid import inverse_value
from cascade.calculator.inputs import CannotComputeError, Inputs, positive
from cascade.calculator.tiers import written_rates
from cascade.calculator.whole import FINE, exact, rate, unit_for, whole
from cascade.core import rules
from cascade.venues.load import load_rulebook

_RULEBOOK = "binance-2025-07"
_RATE_DAY = "2025-09-18"
"""From this day Binance scales the rate of eight hours to the interval."""

_IMPACT_MARGIN = 200
_NO_CAP = FINE * 10

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


# --- margin amounts ---------------------------------------------------------------------------------


def maintenance_amounts(x: Inputs) -> list[float] | dict[str, list[float]]:
    """Return the maintenance amount of every tier, of one table or of one for each symbol.

    Rows are (floor, rate) or (floor, cap, rate), or (floor, largest leverage) as Hyperliquid writes
    them, whose rate is half of 1 / leverage.
    """
    tiers = x.raw("tiers")
    if isinstance(tiers, dict):
        return {symbol: _amounts(rows) for symbol, rows in tiers.items()}
    return _amounts(tiers)


def _amounts(rows: Any) -> list[float]:
    floors, rates = written_rates(rows, guess=True)
    return [float(amount) for amount in tier_amounts(floors, rates)]


def maintenance_amount_step(x: Inputs) -> float:
    """Return the maintenance amount of one tier from that of the one below."""
    step = x.number("mmr_n") - x.number("mmr_prev")
    return float(next_amount(x.number("cum_prev", 0), x.number("floor"), step))


def step_model(x: Inputs) -> dict[str, list[float]]:
    """Return margins of BitMEX risk limits, where the whole position has the rate of its step.

    The same maintenance margin with an amount of 0, so that it jumps. Steps not given count from a
    base limit of 200 XBT in steps of 100.
    """
    sizes, base = x.numbers("position_xbt"), x.number("base_mm")
    limit, width = x.number("risk_limit", 200), positive(x.number("risk_step", 100), "risk_step")
    steps = x.numbers("steps") if "steps" in x else [max(-((limit - size) // width), 0) for size in sizes]
    if len(steps) != len(sizes):
        raise CannotComputeError("the inputs 'position_xbt' and 'steps' are not of one length")
    kept: list[float] = []
    for size, step in zip(sizes, steps, strict=True):
        tiers = single_tier(base + step * x.number("step_mm", base))
        kept.append(float(maintenance_of(Position(side="long", size=size, entry=1, tiers=tiers))))
    shares = [float(x.number("base_im") + step * x.number("step_mm", base)) for step in steps]
    return {"mm": kept, "im_pct": shares}


# --- mark and funding -------------------------------------------------------------------------------


def mark_component(x: Inputs) -> float:
    """Return the index carried by funding, the first of the three prices of Binance's mark."""
    interval = positive(x.number("interval_h", 8), "interval_h")
    remaining = float(x.number("hours_to_funding") / interval)
    return kernels.carried_index(float(x.number("index")), float(x.number("funding_rate")), remaining)


def funding_rate(x: Inputs) -> float:
    """Return the funding rate of an average premium (Binance).

    Since 18 September 2025 the rate of eight hours is scaled to the interval; `rule` says by its date
    which holds. Interest and clamp not given are those of the rulebook of July 2025.
    """
    dates = _DATE.findall(x.text("rule"))
    scaled = bool(dates) and dates[0] >= _RATE_DAY and not x.text("rule").startswith("pre")
    hours = x.number("interval_h", 8)
    return _rate(x, x.number("avg_premium"), hours / 8 if scaled else Fraction(1))


def funding_rate_8h(x: Inputs) -> float:
    """Return the rate of eight hours from impact prices and the oracle (Hyperliquid)."""
    oracle = float(positive(x.number(x.first("oracle", "index")), "oracle"))
    bid = float(x.number("impact_bid", oracle))
    ask = float(x.number("impact_ask", max(oracle, bid)))
    if "impact_bid" not in x and "impact_ask" not in x:
        raise CannotComputeError("the input 'impact_bid' is missing, and 'impact_ask', too")
    return _rate(x, exact(kernels.premium_index(bid, ask, oracle)), Fraction(1))


def _rate(x: Inputs, premium: Fraction, part: Fraction) -> float:
    rule = load_rulebook(_RULEBOOK).funding
    interest, clamp = x.number("interest", rule.interest), x.number("clamp", rule.clamp)
    cap = rate(x.number("cap"), FINE) if "cap" in x else _NO_CAP
    found = kernels.funding_rate(
        rate(premium, FINE), rate(interest, FINE), rate(abs(clamp), FINE),
        positive(part, "interval_h").numerator, part.denominator, cap,
    )  # fmt: skip
    return found / FINE


def impact_notional(x: Inputs) -> float | list[float]:
    """Return 200 USD / initial margin rate at the largest leverage (Binance)."""
    margin = x.number("margin", _IMPACT_MARGIN)
    return _each(x, "max_leverage", lambda leverage: float(margin * leverage))


def funding_cap(x: Inputs) -> Any:
    """Return the cap of the funding rate: a part of the first tier's maintenance rate (Binance)."""
    share = x.number("cap_of_mmr", load_rulebook(_RULEBOOK).funding.cap_of_mmr)

    def cap(mmr: Fraction) -> float:
        return rules.funding_cap(rate(mmr, FINE), rate(share, FINE), FINE) / FINE

    if isinstance(x.raw("mmr"), dict):
        rates = x.part("mmr")
        return {name: cap(rates.number(name)) for name in rates.names()}
    return _each(x, "mmr", cap)


# --- inverse contracts ------------------------------------------------------------------------------


def funding_payment_inverse(x: Inputs) -> float:
    """Return the funding of an inverse position, in coin; longs pay it where the quote's rate is higher."""
    sign, size = _signed(x)
    value = sign * inverse_value(size, positive(x.number("price"), "price"))
    daily, unit = x.number("quote_rate_day") - x.number("base_rate_day"), unit_for([value])
    paid = kernels.funding_payment(whole(value, unit), rate(daily)) * unit
    return float(paid / positive(x.number("intervals", 3), "intervals"))


def pnl_inverse(x: Inputs) -> float | list[float]:
    """Return the profit of an inverse position in coin: its value at the entry less that at the exit."""
    sign, size = _signed(x)
    entered, name = (
        inverse_value(size, positive(x.number("entry"), "entry")),
        x.first("exit", "mark", "price"),
    )
    return _each(x, name, lambda price: float(sign * (entered - inverse_value(size, positive(price, name)))))


def _signed(x: Inputs) -> tuple[int, Fraction]:
    """Return sign and size of an inverse position; contracts may be negative without a side."""
    contracts = x.number("contracts")
    sign = x.sign(default="long") * (1 if contracts > 0 else -1)
    return sign, positive(abs(contracts), "contracts")


def _each(x: Inputs, name: str, of: Callable[[Fraction], float]) -> float | list[float]:
    """Return a function of an input, or of each where it is a list."""
    found = [of(value) for value in x.numbers(name)]
    return found if x.is_list(name) else found[0]

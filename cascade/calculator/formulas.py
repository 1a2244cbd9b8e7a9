"""Formulas of venues that Cascade has no market for: Drift v2, GMX v2 and Vega, as their sources state them.

No kernel stands behind these; they are computed in fractions, or in whole numbers where the source does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from cascade.calculator.inputs import CannotComputeError, Inputs, positive

# --- Drift v2 (protocol-v2, math/liquidation.rs): decimals cut off where the program cuts them ----------------

_MICRO = 10**6
_BASE = 10**9
_WEIGHT = 10**4


def _micro(value: Fraction) -> int:
    return round(value * _MICRO)


def drift_base(x: Inputs) -> float:
    """Return the base size that covers a shortage: shortage / (price (ratio - fee) - oracle x fund fee)."""
    oracle = _micro(x.number("oracle"))
    price = oracle * _micro(x.number("quote_oracle", 1)) // _MICRO
    left = _micro(x.number("margin_ratio")) - _micro(x.number("liquidator_fee", 0))
    freed = price * left // _MICRO - oracle * _micro(x.number("if_fee", 0)) // _MICRO
    if left <= 0 or freed <= 0:
        raise CannotComputeError("fees exceed the margin ratio: no size covers the shortage")
    return _micro(x.number("margin_shortage")) * _BASE // freed / _BASE


def drift_liability(x: Inputs) -> float:
    """Return the borrowed tokens to transfer, from weights and multipliers of both sides."""
    price, decimals = _micro(x.number("liability_price")), round(x.number("liability_decimals", 9))
    owned, owed = (round(x.number(f"{side}_weight") * _WEIGHT) for side in ("asset", "liability"))
    bonus, malus = (_micro(x.number(f"{side}_multiplier", 1)) for side in ("asset", "liability"))
    if malus <= 0:
        raise CannotComputeError("the input 'liability_multiplier' has to be positive")
    freed = price * (owed * 10 - owned * 10 * bonus // malus)
    freed -= price * _micro(x.number("if_fee", 0)) // _MICRO * owed * 10
    if freed <= 0:
        raise CannotComputeError("fees and weights leave nothing: no transfer covers the shortage")
    tokens = _micro(x.number("margin_shortage")) * 10**decimals * _WEIGHT * 10 // freed
    return tokens / 10**decimals


def drift_fund_fee(x: Inputs) -> float:
    """Return the fund's fee: 95 % of what the margin ratio leaves beyond fee and shortage, up to its cap."""
    price = x.number("oracle") * x.number("quote_oracle", 1)
    notional = positive(abs(x.number("base")) * price, "base")
    left = x.number("margin_ratio") - x.number("liquidator_fee", 0)
    implied = (left - x.number("margin_shortage") / notional) * Fraction(95, 100)
    return math.floor(max(min(implied, x.number("max_if_fee")), Fraction(0)) * _MICRO) / _MICRO


def drift_loss_per_unit(x: Inputs) -> dict[str, float]:
    """Return the loss after fund and fee pool, and what it costs each base unit of either side, up to 1e-6."""
    paid = x.number("fee_pool_payment", 0) + x.number("insurance_payment", 0)
    loss = max(abs(x.number("user_loss")) - paid, Fraction(0))
    units = positive(abs(x.number("oi_long")) + abs(x.number("oi_short", 0)), "oi_long")
    return {"social_loss": float(loss), "per_unit": math.ceil(loss / units * _MICRO) / _MICRO}


def drift_haircut(x: Inputs) -> float:
    """Return the part of every deposit that a loss takes."""
    return float(x.number("loss") / positive(x.number("total_deposits"), "total_deposits"))


# --- GMX v2 (gmx-synthetics): oracle prices, no book ------------------------------------------------------------


def gmx_liquidatable(x: Inputs) -> bool | list[bool]:
    """Tell whether collateral + profit - fees is spent, below one dollar, or below a part of the size."""
    size, entry = x.number("size_usd"), positive(x.number("entry"), "entry")
    costs = x.number("fees_usd", 0) + max(-x.number("price_impact_usd", 0), Fraction(0))
    least = max(x.number("min_collateral_usd", 1), size * x.number("min_collateral_factor"))

    def fails(price: Fraction) -> bool:
        profit = x.sign(default="long") * size * (price / entry - 1)
        owned = x.number("collateral_eth", 0) * price + x.number("collateral_usd", 0)
        left = owned + profit - costs
        return left <= 0 or left < least

    if "collateral_eth" not in x and "collateral_usd" not in x:
        raise CannotComputeError("the input 'collateral_eth' is missing, and 'collateral_usd', too")
    return _at_prices(x, fails)


def gmx_adl_enabled(x: Inputs) -> bool | list[bool]:
    """Tell whether traders' profit exceeds a part of the pool."""
    size, entry = x.number("size_usd"), positive(x.number("entry"), "entry")
    factor = x.number("max_pnl_factor_for_adl")
    if "pool_eth" not in x and "pool_usd" not in x:
        raise CannotComputeError("the input 'pool_eth' is missing, and 'pool_usd', too")

    def exceeds(price: Fraction) -> bool:
        profit = x.sign(default="long") * size * (price / entry - 1)
        return profit > factor * (x.number("pool_eth", 0) * price + x.number("pool_usd", 0))

    return _at_prices(x, exceeds)


def _at_prices(x: Inputs, test: Callable[[Fraction], bool]) -> bool | list[bool]:
    found = [test(price) for price in x.numbers("price")]
    return found if x.is_list("price") else found[0]


# --- Vega (vegaprotocol/specs) --------------------------------------------------------------------------------


def vega_disposal(x: Inputs) -> list[float]:
    """Return the sizes of the network's disposal orders, if each fills: a fraction, bounded by the book.

    A position within the full disposal size goes at once; fractions of whole contracts are rounded, the
    bound upwards, as the engine does.
    """
    left = abs(x.number("position"))
    contracts = left.denominator == 1
    volumes = x.numbers("book_volume")
    share, most = x.number("disposal_fraction"), x.number("max_fraction")
    orders: list[float] = []
    while left > 0 and len(orders) < 10_000:
        wanted = left if left <= x.number("full_disposal_size") else left * share
        bound = volumes[min(len(orders), len(volumes) - 1)] * most
        if contracts:
            wanted, bound = Fraction(math.floor(wanted + Fraction(1, 2))), Fraction(math.ceil(bound))
        size = min(wanted, bound, left)
        if size <= 0:
            break
        orders.append(float(size))
        left -= size
    return orders


def vega_network(x: Inputs) -> list[list[float]]:
    """Return the network's position, realised and unrealised profit after each event.

    A take-over is at the mark, and so sets it; a trade of the network does not.
    """
    size, cost, realised, mark = Fraction(0), Fraction(0), Fraction(0), Fraction(0)
    rows: list[list[float]] = []
    for event in x.raw("events"):
        kind, change, price = _event(event)
        if kind in ("mark", "take_long", "take_short"):
            mark = price
        if size * change < 0:
            closed = min(abs(change), abs(size)) * (1 if size > 0 else -1)
            realised += closed * (price - cost / size)
            cost -= cost / size * closed
            size, change = size - closed, change + closed
        size, cost = size + change, cost + change * price
        rows.append([float(size), float(realised), float(size * mark - cost)])
    return rows


def _event(event: Any) -> tuple[str, Fraction, Fraction]:
    """Return the kind of an event, the signed change of the position, and the price."""
    signs = {"take_long": 1, "take_short": -1, "buy": 1, "sell": -1, "mark": 0}
    known = isinstance(event, list) and bool(event) and event[0] in signs
    if not known or len(event) != (2 if event[0] == "mark" else 3):
        raise CannotComputeError(f"the event {event!r} is not [{'|'.join(signs)}, size, price]")
    figures = Inputs({"event": event[1:]}).numbers("event")
    return event[0], signs[event[0]] * figures[0], figures[-1]


def vega_twap(x: Inputs) -> list[float]:
    """Return the time-weighted averages of the mark and of the spot price over a funding period.

    A price holds until the next; time in an auction, as [from, to] in `auctions`, does not count.
    """
    period = positive(x.number(x.first("period_min", "period")), "period_min")
    pauses = [_pair(pause) for pause in (x.raw("auctions") if "auctions" in x else [])]
    averages: list[float] = []
    for name in ("mark", "spot"):
        points = [_pair(point) for point in x.raw(name)]
        if f"start_{name}" in x:
            points.insert(0, (Fraction(0), x.number(f"start_{name}")))
        averages.append(float(_average(points, period, pauses)))
    return averages


def _average(
    points: Sequence[tuple[Fraction, Fraction]], end: Fraction, pauses: Sequence[tuple[Fraction, Fraction]]
) -> Fraction:
    weights, total = Fraction(0), Fraction(0)
    for k, (since, price) in enumerate(points):
        until = points[k + 1][0] if k + 1 < len(points) else end
        lost = sum((max(min(until, b) - max(since, a), Fraction(0)) for a, b in pauses), Fraction(0))
        span = max(min(until, end) - since, Fraction(0)) - lost
        weights, total = weights + span, total + span * price
    return total / weights if weights else Fraction(0)


def _pair(value: Any) -> tuple[Fraction, Fraction]:
    figures = Inputs({"pair": value}).numbers("pair")
    if len(figures) != 2:
        raise CannotComputeError(f"{value!r} is not a pair of numbers")
    return figures[0], figures[1]


_MINUTES = 365 * 24 * 60


def vega_funding_payment(x: Inputs) -> float:
    """Return f - s + clamp((1 + dt x interest) s - f), less the share of the period in auction.

    Bounds are parts of s, and `delta_t` a part of a year; without it, the period in minutes is taken.
    """
    f, s = x.number("internal_twap"), x.number("external_twap")
    payment = f - s
    if "clamp" in x:
        bounds = x.numbers("clamp")
        years = x.number("delta_t", x.number("period", 0) / _MINUTES)
        pulled = (1 + years * x.number("interest", 0)) * s - f
        payment += min(bounds[-1] * s, max(bounds[0] * s, pulled))
    if "auction" in x:
        payment *= 1 - x.number("auction") / positive(x.number("period"), "period")
    return float(_bounded(x, payment * x.number("scale", 1), s))


def vega_funding_rate(x: Inputs) -> float | list[float]:
    """Return (f - s) / s, scaled and then bounded."""
    cases = x.parts("cases") or [x]
    found = [_vega_rate(case) for case in cases]
    return found if "cases" in x else found[0]


def _vega_rate(x: Inputs) -> float:
    spot = positive(x.number("s"), "s")
    return float(_bounded(x, (x.number("f") - spot) / spot * x.number("scale", 1), Fraction(1)))


def _bounded(x: Inputs, value: Fraction, per: Fraction) -> Fraction:
    low = x.number("lo") * per if "lo" in x else value
    high = x.number("hi") * per if "hi" in x else value
    return min(max(value, low), high) if "hi" in x else max(value, low)


def vega_maintenance(x: Inputs) -> float:
    """Return mark x (slippage + risk factor) x size."""
    return float(x.number("mark") * (x.number("slippage") + x.number("rf")) * abs(x.number("pos")))


def vega_isolated(x: Inputs) -> float:
    """Return the margin of isolated mode: average entry x size x factor."""
    return float(x.number("avg_entry") * abs(x.number("pos")) * x.number("factor"))


def vega_with_funding(x: Inputs) -> float:
    """Return margin + factor x the funding that the position is going to pay, not what it receives."""
    due = max(x.number("funding_payment") * x.number("volume", 1), Fraction(0))
    return float(x.number("futures_margin") + x.number("margin_funding_factor") * due)


def vega_loss(x: Inputs) -> dict[str, Any]:
    """Return what the insurance pool covers of a shortfall, and what winners go without in proportion."""
    shortfall, pool = x.number("shortfall"), x.number("insurance", 0)
    covered = max(min(shortfall, pool), Fraction(0))
    found: dict[str, Any] = {"from_fund": float(covered), "socialised": float(shortfall - covered)}
    if "gains" in x:
        gains = x.numbers("gains")
        kept = 1 - (shortfall - covered) / positive(sum(gains, Fraction(0)), "gains")
        found["paid"] = [float(gain * kept) for gain in gains]
    return found

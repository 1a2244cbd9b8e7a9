"""How figures are written for a reader, by their unit."""

from __future__ import annotations

from typing import Final

from cascade.analysis.statistics.estimate import Estimate

_MULTIPLES: Final = ((1e9, "B"), (1e6, "M"), (1e3, "k"))

_PRICE: Final = "USD per unit of the asset"


def format_estimate(estimate: Estimate, unit: str) -> str:
    """Return a figure with its interval: `98.2M USD [92.0M, 105M]`."""
    text = format_value(estimate.value, unit)
    if estimate.low is None or estimate.high is None or estimate.n == 1:
        return text
    return f"{text} [{_bare(estimate.low, unit)}, {_bare(estimate.high, unit)}]"


def format_value(value: float, unit: str) -> str:
    """Return a figure with its unit: basis points and volatilities as percent, USD with a multiplier."""
    suffix = {"USD": " USD", "bps": " %", "per square root of a year": " %", "1": ""}.get(unit, "")
    return _bare(value, unit) + suffix


def _bare(value: float, unit: str) -> str:
    """Return a figure without its unit."""
    if unit == "USD":
        return _compact(value)
    if unit == "bps":
        return f"{_no_minus_zero(value / 100, 2):.2f}"
    if unit == "per square root of a year":
        return f"{value * 100:.1f}"
    if unit == _PRICE:
        return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:,.4g}"
    if unit == "1":
        return f"{_no_minus_zero(value, 3):.3f}"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def _compact(value: float) -> str:
    """Return a number with three digits and a multiplier."""
    for size, letter in _MULTIPLES:
        if abs(value) >= 0.9995 * size:
            scaled = value / size
            decimals = 2 if abs(scaled) < 9.995 else 1 if abs(scaled) < 99.95 else 0
            return f"{scaled:,.{decimals}f}{letter}"
    return f"{_no_minus_zero(value, 0):,.0f}"


def _no_minus_zero(value: float, digits: int) -> float:
    """Return zero for what would be written as -0."""
    return round(value, digits) + 0.0

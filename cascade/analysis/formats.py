"""How figures are written for a reader, by their unit."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from cascade.analysis.statistics.estimate import Estimate
from cascade.units import format_span

MISSING: Final = "--"
"""What stands for a figure that there is not."""

_POINTS: Final = frozenset({"bps", "%", "per square root of a year"})
"""Units written as percent: the difference of two is in points, since percent of percent would be read as a share."""

_MULTIPLES: Final = ((1e9, "B"), (1e6, "M"), (1e3, "k"))

_LONG = 10_000.0
"""From here on a number has a multiplier."""

_SUFFIXES: Final = {
    "USD": " USD",
    "bps": " %",
    "%": " %",
    "per square root of a year": " %",
    "h": " h",
    "min": " min",
}


def format_estimate(estimate: Estimate, unit: str) -> str:
    """Return a figure with its interval: `98.2M USD [92.0M, 105M]`."""
    text = format_value(estimate.value, unit)
    if estimate.low is None or estimate.high is None or estimate.n == 1:
        return text
    return f"{text} [{format_bare(estimate.low, unit)}, {format_bare(estimate.high, unit)}]"


def with_ends(estimate: Estimate, write: Callable[[float], str]) -> str:
    """Return a figure with the ends of its interval in brackets, where it has one, each as `write` has it."""
    text = write(estimate.value)
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} [{write(estimate.low)}, {write(estimate.high)}]"


def format_replicates(n: int) -> str:
    """Return so many replicates, in words."""
    return f"{n:,} replicate{'s' * (n != 1)}"


def format_difference(difference: Estimate, unit: str) -> str:
    """Return a difference with its sign and interval: `+12.3M USD [+8.10M, +16.5M]`."""
    if difference.low == difference.high == difference.value == 0.0:
        return "exactly 0"
    text = format_apart(difference.value, unit)
    if difference.low is None or difference.high is None:
        return text
    limits = (format_apart(limit, unit, is_bare=True) for limit in (difference.low, difference.high))
    return f"{text} [{', '.join(limits)}]"


def format_apart(value: float, unit: str, *, is_bare: bool = False) -> str:
    """Return by how much two figures differ: `+12.3M USD`, and of figures in percent `-0.30 points`."""
    suffix = "" if is_bare else " points" if unit in _POINTS else _SUFFIXES.get(unit, "")
    return _signed(value, format_bare(value, unit)) + suffix


def _signed(value: float, text: str) -> str:
    """Return a figure with a plus, unless it is written as zero."""
    return f"+{text}" if value > 0 and any(digit in text for digit in "123456789") else text


def format_value(value: float, unit: str) -> str:
    """Return a figure with its unit: basis points and volatilities as percent, USD with a multiplier."""
    return format_bare(value, unit) + _SUFFIXES.get(unit, "")


def format_bare(value: float, unit: str) -> str:
    """Return a figure without its unit."""
    write = _WRITERS.get(unit, _count)
    return write(value)


def _count(value: float) -> str:
    """Return a number of things; a mean of few has a digit behind the point."""
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 99.95 else f"{value:,.1f}"


def _price(value: float) -> str:
    return (
        f"{value:,.0f}" if abs(value) >= 9999.5 else f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.1f}"
    )


def _percent(value: float) -> str:
    """Return a share or a time: with more digits the smaller it is."""
    size = abs(value)
    return _fixed(
        value, 0 if size >= 99.95 else 1 if size >= 9.995 else 2 if value == 0 or size >= 0.1 else 3
    )


def _ratio(value: float) -> str:
    """Return a number without a unit: with more digits the smaller it is."""
    size = abs(value)
    return _fixed(value, 1 if size >= 9.995 else 2 if size >= 0.9995 else 3)


def _fixed(value: float, digits: int) -> str:
    return f"{_no_minus_zero(value, digits):.{digits}f}"


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


_WRITERS: Final[dict[str, Callable[[float], str]]] = {
    "USD": _compact,
    "bps": lambda value: _fixed(value / 100, 0 if abs(value) >= 9995 else 1 if abs(value) >= 999.5 else 2),
    "%": _percent,
    "h": _percent,
    "min": lambda value: _fixed(value, 1),
    "per square root of a year": lambda value: f"{value * 100:.1f}",
    "USD per unit of the asset": _price,
    "1": _ratio,
    "s": format_span,
}


def format_level(confidence: float) -> str:
    """Return a level of confidence as it was asked for: `99.9 %`."""
    return f"{100.0 * confidence:g} %"


def format_share(share: float, digits: int = 3) -> str:
    """Return a part of one as percent, with so many digits in all."""
    return f"{100.0 * share:.{digits}g} %"


def format_quote(value: float | None) -> str:
    """Return a price or an amount of a venue as it shows them, to the cent or with eight digits; `--` for none."""
    if value is None:
        return MISSING
    return f"{value:,.2f}" if abs(value) >= 1000.0 else f"{value:,.8g}"


def format_bytes(n: float) -> str:
    """Return bytes to two digits: more would be pretence where they are estimated."""
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n >= 0.995 * size:
            return f"{float(f'{n / size:.2g}'):,g} {unit}"
    return f"{n:.0f} B"


def format_bps(value: float) -> str:
    """Return a cost in basis points, which stays one: a bp and a hundredth of it are read from it."""
    return _fixed(value, 2 if abs(value) < 9.995 else 1)


def format_axis(value: float, unit: str) -> str:
    """Return a tick: as short as it can be, USD with a multiplier."""
    if unit == "USD":
        for size, letter in _MULTIPLES:
            if abs(value) >= size:
                return f"{value / size:.6g}{letter}"
    return f"{_no_minus_zero(value, 12):,.10g}"


def as_written(value: str) -> str:
    """Return a number of a scenario as people write it: 15M and not 15000000; as it is where that would be another."""
    if not re.fullmatch(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?", value) or abs(float(value)) < _LONG:
        return value
    number = float(value)
    return format_axis(number, "USD") if float(f"{number:.6g}") == number else value  # six digits are shown


def capital(text: str) -> str:
    """Return a text as the beginning of a sentence."""
    return f"{text[:1].upper()}{text[1:]}"

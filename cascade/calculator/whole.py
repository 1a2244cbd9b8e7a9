"""Decimal figures as the whole numbers that kernels count in."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from fractions import Fraction
from typing import TypeAlias

Number: TypeAlias = float | Fraction
"""What a figure may be given as; a float means the decimal that it prints as."""

ROOM = 4 * 10**17
"""Amounts stay below this: products with a few tiers, and sums, then keep within 63 bits."""

FINE = 10**17
"""Parts of one in which the calculator counts rates and shares where a kernel leaves it open."""

RATES = 10**8
"""Parts of one in which markets count rates."""


def exact(value: Number) -> Fraction:
    """Return the decimal that a float prints as, so that 0.1 is a tenth."""
    return value if isinstance(value, Fraction) else Fraction(repr(value))


_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_LARGEST = 1e300


def decimal(value: object) -> Fraction | None:
    """Return a number exactly as it is written in decimal, also as text; None for what is none."""
    if isinstance(value, str):
        text = value.strip()
        if not _DECIMAL.fullmatch(text) or abs(float(text)) > _LARGEST:
            return None
        return Fraction(text) if float(text) != 0.0 else Fraction(0)  # the exponent of a zero may be anything
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LARGEST:
        return None
    return exact(value)


def unit_for(amounts: Iterable[Fraction]) -> Fraction:
    """Return the smallest power of ten of which every amount is at most `ROOM`."""
    largest = max((abs(amount) for amount in amounts), default=Fraction(0))
    if largest == 0:
        return Fraction(1, 10**9)
    power = math.ceil(math.log10(largest / ROOM))
    unit = Fraction(10) ** power
    while largest > ROOM * unit:  # the logarithm is rounded
        unit *= 10
    return unit


def whole(amount: Fraction, unit: Fraction) -> int:
    """Return an amount as the nearest number of units."""
    return round(amount / unit)


def rate(share: Number, one: int = RATES) -> int:
    """Return a share in parts of one."""
    return round(exact(share) * one)

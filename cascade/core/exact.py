"""Exact integer arithmetic of money: rates, proportions and the value of a lot."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cascade.compiler.jit import int64, kernel

RATE = 100_000_000
"""Rates are int64 in units of 1e-8."""

DIRECT = 2_147_483_648
"""Up to this a product of two numbers below it fits 63 bits."""

LINEAR = 0
INVERSE = 1


@kernel
def times_rate(amount: int, rate: int) -> int:
    """Return floor(amount x rate / 1e8) without overflow for any amount below 2^62 and |rate| below 9e10."""
    whole = amount // RATE
    return whole * rate + ((amount - whole * RATE) * rate) // RATE


@kernel
def charge(amount: int, rate: int) -> int:
    """Return amount x rate rounded up, that is against the account that pays it."""
    return -times_rate(-amount, rate)


@kernel
def proportion(amount: int, part: int, whole: int) -> int:
    """Return floor(amount x part / whole) for 0 <= part <= whole, without overflow below whole = 2^61."""
    quotient = amount // whole
    left = amount - quotient * whole
    if whole <= DIRECT:
        return quotient * part + (left * part) // whole
    share, remainder = 0, 0
    for k in range(62, -1, -1):  # long multiplication of left by part, divided as it goes
        share, remainder = 2 * share, 2 * remainder
        if remainder >= whole:
            share, remainder = share + 1, remainder - whole
        if (part >> k) & 1 == 1:
            remainder += left
            if remainder >= whole:
                share, remainder = share + 1, remainder - whole
    return quotient * part + share


@kernel
def lot_value(market: Any, tick: int) -> int:
    """Return v(tick): the money one lot is worth. Linear: tick x unit; inverse: -round(unit / tick)."""
    if market.contract == INVERSE:
        return -((2 * market.unit + tick) // (2 * tick))
    return tick * market.unit


def lot_values_of(unit: Any, is_inverse: Any, ticks: Any) -> Any:
    """Return v(tick) of arrays: the units of some contracts, and whether each is inverse."""
    linear = ticks * unit
    if not np.any(is_inverse):
        return linear
    return np.where(is_inverse, -((2 * unit + ticks) // np.maximum(2 * ticks, 1)), linear)


@kernel
def usd_value(market: Any, tick: int) -> int:
    """Return the USD, in their money units, that one lot stands for: of an inverse contract its face."""
    if market.contract == INVERSE:
        return market.face
    return tick * market.unit


@kernel
def from_usd(market: Any, tick: int, amount: int) -> int:
    """Return USD in the settlement asset of a market at a mark, both in their money units."""
    if market.contract == INVERSE:
        return int64(float(amount) * float(-lot_value(market, tick)) / float(market.face))
    return amount


@kernel
def tick_where(market: Any, value: float) -> float:
    """Return the real-valued tick at which one lot is worth `value`."""
    if market.contract == INVERSE:
        return -float(market.unit) / value if value < 0.0 else math.inf
    return value / float(market.unit)

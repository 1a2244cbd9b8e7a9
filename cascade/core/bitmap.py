"""Bitmaps of three levels of 64: the next set bit among 2^18 in a few nanoseconds.

A bitmap over n slots lies at `at` in a shared uint64 array: ceil(n/64) words of bits, then one bit
per word, then one bit per word of those.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cascade.compiler.instructions import leading_zeros, trailing_zeros
from cascade.compiler.jit import kernel
from cascade.core.state import NONE

Bits = npt.NDArray[np.uint64]

_ONE = np.uint64(1)
_ZERO = np.uint64(0)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


def words(n: int) -> tuple[int, int, int]:
    """Return the words of each level of a bitmap over n slots."""
    first = -(-n // 64)
    second = -(-first // 64)
    return first, second, -(-second // 64)


@kernel
def set_bit(bits: Bits, at: int, n0: int, n1: int, i: int) -> None:
    """Set bit i; a no-op where it is set."""
    w0 = i >> 6
    w1 = w0 >> 6
    bits[at + w0] |= _ONE << np.uint64(i & 63)
    bits[at + n0 + w1] |= _ONE << np.uint64(w0 & 63)
    bits[at + n0 + n1 + (w1 >> 6)] |= _ONE << np.uint64(w1 & 63)


@kernel
def clear_bit(bits: Bits, at: int, n0: int, n1: int, i: int) -> None:
    """Clear bit i; a no-op where it is clear."""
    w0 = i >> 6
    w1 = w0 >> 6
    bits[at + w0] &= _ALL ^ (_ONE << np.uint64(i & 63))
    if bits[at + w0] == _ZERO:
        bits[at + n0 + w1] &= _ALL ^ (_ONE << np.uint64(w0 & 63))
        if bits[at + n0 + w1] == _ZERO:
            bits[at + n0 + n1 + (w1 >> 6)] &= _ALL ^ (_ONE << np.uint64(w1 & 63))


@kernel
def has_bit(bits: Bits, at: int, i: int) -> bool:
    """Tell whether bit i is set."""
    return ((bits[at + (i >> 6)] >> np.uint64(i & 63)) & _ONE) != _ZERO


@kernel
def first_from(bits: Bits, at: int, n0: int, n1: int, i: int) -> int:
    """Return the lowest set bit at or above i, or NONE."""
    w0 = i >> 6
    if w0 >= n0:
        return NONE
    word = bits[at + w0] >> np.uint64(i & 63)
    if word != _ZERO:
        return i + trailing_zeros(word)
    j = w0 + 1
    w1 = j >> 6
    if w1 < n1:
        word = bits[at + n0 + w1] >> np.uint64(j & 63)
        if word != _ZERO:
            w0 = j + trailing_zeros(word)
            return (w0 << 6) + trailing_zeros(bits[at + w0])
    j = w1 + 1
    w2 = j >> 6
    n2 = (n1 + 63) >> 6
    while w2 < n2:
        word = bits[at + n0 + n1 + w2] >> np.uint64(j & 63)
        if word != _ZERO:
            w1 = j + trailing_zeros(word)
            w0 = (w1 << 6) + trailing_zeros(bits[at + n0 + w1])
            return (w0 << 6) + trailing_zeros(bits[at + w0])
        w2 += 1
        j = w2 << 6
    return NONE


@kernel
def last_until(bits: Bits, at: int, n0: int, n1: int, i: int) -> int:
    """Return the highest set bit at or below i, or NONE."""
    if i < 0:
        return NONE
    w0 = i >> 6
    word = bits[at + w0] << np.uint64(63 - (i & 63))
    if word != _ZERO:
        return i - leading_zeros(word)
    j = w0 - 1
    if j < 0:
        return NONE
    w1 = j >> 6
    word = bits[at + n0 + w1] << np.uint64(63 - (j & 63))
    if word != _ZERO:
        w0 = j - leading_zeros(word)
        return (w0 << 6) + 63 - leading_zeros(bits[at + w0])
    j = w1 - 1
    while j >= 0:
        w2 = j >> 6
        word = bits[at + n0 + n1 + w2] << np.uint64(63 - (j & 63))
        if word != _ZERO:
            w1 = j - leading_zeros(word)
            w0 = (w1 << 6) + 63 - leading_zeros(bits[at + n0 + w1])
            return (w0 << 6) + 63 - leading_zeros(bits[at + w0])
        j = (w2 << 6) - 1
    return NONE

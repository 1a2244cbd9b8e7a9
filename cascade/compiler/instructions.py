"""What processors do by one instruction, and Python has no word for."""

from __future__ import annotations

from typing import Any

import numpy as np

from cascade.compiler.jit import instruction


@instruction
def trailing_zeros(word: np.uint64) -> int:
    """Return the number of zero bits below the lowest set bit of a non-zero word."""
    value = int(word)
    return (value & -value).bit_length() - 1


@instruction
def leading_zeros(word: np.uint64) -> int:
    """Return the number of zero bits above the highest set bit of a non-zero word."""
    return 64 - int(word).bit_length()


@instruction
def fetch(array: Any, index: int) -> None:
    """Have an item of an array, or the first of a row, in the processor's caches soon: it is about to be used.

    Plain Python has no say in what is cached.
    """

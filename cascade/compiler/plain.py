"""How kernels that run as plain Python read the arrays of a table: at 64 bits, as compiled ones do.

Numpy would compute with two numbers of 32 bits in 32 bits, which a product of ticks or links overflows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cascade.compiler.tables import DECLARED


def widened(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type at which a kernel reads numbers of a type: an integer or float has 64 bits."""
    wide = {"i": np.int64, "u": np.int64, "f": np.float64}.get(dtype.kind)
    return dtype if wide is None or dtype.itemsize >= 8 else np.dtype(wide)


def _wide(value: Any) -> Any:
    return widened(value.dtype).type(value)


class _Row(np.void):
    """A record of an array, whose fields are attributes."""

    def __getattr__(self, field: str) -> Any:
        return _wide(self[field])

    def __setattr__(self, field: str, value: Any) -> None:
        self[field] = value


class _Numbers(np.ndarray):
    """An array of numbers, of which single ones are read."""

    def __getitem__(self, at: Any) -> Any:
        return _wide(super().__getitem__(at))


def wide(value: Any) -> Any:
    """Return an argument as kernels in plain Python receive it: arrays, and NamedTuples of them, of the same memory."""
    if isinstance(value, np.ndarray):
        return _wide_column(value)
    return type(value)(*map(_wide_column, value)) if type(value) in DECLARED else value


def _wide_column(array: Any) -> Any:
    if array.dtype.names:
        return array.view(np.ndarray).view(np.dtype((_Row, array.dtype)))
    return array.view(_Numbers)

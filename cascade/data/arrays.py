"""Columns of Arrow as arrays of numpy, and back, by ways that do not import pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cascade.output.columns import flags_of, numbers, part_to_numpy, strings

if TYPE_CHECKING:
    from collections.abc import Sequence


Numbers: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]


def compute() -> Any:
    """Return Arrow's functions of columns, which come with no types."""
    import pyarrow.compute as pc

    return pc


def whole(values: Any) -> Any:
    """Return a column as one array."""
    import pyarrow as pa

    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def numbers_of(values: Any) -> Numbers:
    """Return a column as numbers; NaN where it has none."""
    import pyarrow as pa

    return part_to_numpy(whole(values).cast(pa.float64()), np.dtype(np.float64))


def integers_of(values: Any) -> npt.NDArray[np.int64]:
    """Return a column without empty cells as whole numbers; raises ArrowInvalid where one is none."""
    import pyarrow as pa

    return part_to_numpy(whole(values).cast(pa.int64()), np.dtype(np.int64))


def mask_of(values: Any) -> Mask:
    """Return a column of yes and no as an array; an empty cell is no."""
    return flags_of(whole(values))


def one_of(value: str | float) -> Any:
    """Return a text or number as Arrow's: `pyarrow.scalar` imports pandas."""
    import pyarrow as pa

    return (strings([value]) if isinstance(value, str) else numbers(np.array([value]), pa.float64()))[0]


def taken(values: Any, rows: npt.NDArray[np.int64]) -> Any:
    """Return some rows of a column or table."""
    import pyarrow as pa

    return values.take(numbers(rows, pa.int64()))


def places_of(values: Any, words: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return which of some small words each text is, in letters of any size; -1 where it is none."""
    import pyarrow as pa

    column = whole(values)
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    known = {word: k for k, word in enumerate(words)}
    places = [known.get(str(each).lower(), -1) for each in encoded.dictionary.to_pylist()]
    codes = part_to_numpy(encoded.indices, np.dtype(np.int32))
    empty = mask_of(encoded.indices.is_null())
    return np.where(empty, -1, np.array([*places, -1], np.int64)[np.where(empty, -1, codes)])

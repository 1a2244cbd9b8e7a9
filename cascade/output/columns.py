"""Arrow columns from numbers and names.

`pyarrow.array` would do all of this, but imports pandas, which costs more than most runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

    from cascade.assembly import Owners

Array = npt.NDArray[Any]

_DTYPES: Final = {
    "int32": np.dtype(np.int32),
    "int64": np.dtype(np.int64),
    "double": np.dtype(np.float64),
    "timestamp[us, tz=UTC]": np.dtype("datetime64[us]"),
}


def numbers(values: Array, kind: pa.DataType, *, nullable: bool = False) -> pa.Array:
    """Return numbers as a column over the same memory; NaN is null where the column may be null."""
    import pyarrow as pa

    plain = np.ascontiguousarray(values, dtype=_DTYPES[str(kind)])
    valid = None
    if nullable and plain.dtype.kind == "f":
        valid = _bitmap(~np.isnan(plain))
    return pa.Array.from_buffers(kind, len(plain), [valid, pa.py_buffer(plain)])


def strings(values: Iterable[str | None]) -> pa.StringArray:
    """Return a column of text."""
    import pyarrow as pa

    texts = list(values)
    encoded = [(text or "").encode() for text in texts]
    offsets = np.zeros(len(texts) + 1, dtype=np.int32)
    np.cumsum([len(text) for text in encoded], out=offsets[1:])
    valid = _bitmap(np.array([text is not None for text in texts], dtype=bool))
    buffers = [valid, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.StringArray.from_buffers(len(texts), buffers[1], buffers[2], buffers[0])


def category(codes: Array, names: Sequence[str]) -> pa.DictionaryArray:
    """Return codes as a categorical column; a code outside `names` becomes null."""
    import pyarrow as pa

    codes = np.asarray(codes, dtype=np.int64)
    inside = (codes >= 0) & (codes < len(names))
    data = pa.py_buffer(np.where(inside, codes, 0).astype(np.int32))
    indices = pa.Array.from_buffers(pa.int32(), len(codes), [_bitmap(inside), data])
    return pa.DictionaryArray.from_arrays(indices, strings(names))


def owned(owners: Owners, accounts: Array, prefix: str = "") -> dict[str, pa.DictionaryArray]:
    """Return the columns `layer` and `label` of accounts by their numbers; null where nobody gave one."""
    place = np.asarray(accounts, dtype=np.int64) - owners.first
    inside = (place >= 0) & (place < len(owners.layer))
    codes = {"layer": (owners.layer, owners.layers), "label": (owners.label, owners.labels)}
    return {
        f"{prefix}{name}": category(np.where(inside, of[np.where(inside, place, 0)], -1), names)
        if len(of)
        else category(np.full(len(place), -1), names)
        for name, (of, names) in codes.items()
    }


def categories(names: Iterable[str | None]) -> pa.DictionaryArray:
    """Return names as a categorical column."""
    listed = list(names)
    distinct = {name: code for code, name in enumerate(dict.fromkeys(n for n in listed if n is not None))}
    codes = np.array([-1 if name is None else distinct[name] for name in listed], dtype=np.int64)
    return category(codes, list(distinct))


def name_by_code(codes: Array, names: Sequence[str]) -> pa.DictionaryArray:
    """Return names by code, where several codes may share a name."""
    distinct = list(dict.fromkeys(names))
    place = np.array([distinct.index(name) for name in names], dtype=np.int64)
    return category(place[np.asarray(codes, dtype=np.int64)], distinct)


def column(values: Any, field: pa.Field, n_rows: int) -> pa.Array:
    """Return values in the declared type of a field; None in a list is null, and so is a missing column."""
    import pyarrow as pa

    if values is None:
        if not field.nullable:
            raise KeyError(f"column {field.name!r} is missing and may not be null")
        return pa.nulls(n_rows, field.type)
    found = values if isinstance(values, pa.Array) else _typed(values, field)
    if found.null_count and not field.nullable:
        raise ValueError(
            f"column {field.name!r} may not be null, and is in {found.null_count} of {n_rows} rows"
        )
    return found


def _typed(values: Any, field: pa.Field) -> pa.Array:
    """Return an array or list in the declared type of a field."""
    import pyarrow as pa

    if pa.types.is_dictionary(field.type):
        return categories(values)
    if pa.types.is_string(field.type):
        return strings(values)
    if pa.types.is_floating(field.type) and not isinstance(values, np.ndarray):
        values = [np.nan if value is None else value for value in values]
    return numbers(np.asarray(values), field.type, nullable=field.nullable)


def to_numpy(chunked: pa.ChunkedArray) -> Array:
    """Return a column of numbers as an array; null is NaN. `to_numpy` of pyarrow imports pandas."""
    kind = _DTYPES[str(chunked.type)]
    parts = [part_to_numpy(chunk, kind) for chunk in chunked.chunks]
    return np.concatenate(parts) if parts else np.empty(0, kind)


def to_names(chunked: pa.ChunkedArray) -> npt.NDArray[np.str_]:
    """Return a categorical column as an array of names; null is an empty name."""
    if len(chunked) == 0:
        return np.empty(0, np.str_)
    parts: list[npt.NDArray[np.str_]] = []
    for chunk in chunked.chunks:
        names = np.array([*(name.as_py() for name in chunk.dictionary), ""], dtype=np.str_)
        codes = part_to_numpy(chunk.indices, np.dtype(np.int32))
        parts.append(names[np.where(nulls_of(chunk.indices), len(names) - 1, codes)])
    return np.concatenate(parts)


def is_name(chunked: pa.ChunkedArray, name: str) -> npt.NDArray[np.bool_]:
    """Tell which rows of a categorical column have a name."""
    parts = [np.empty(0, np.bool_)]
    for chunk in chunked.chunks:
        codes = [k for k, known in enumerate(chunk.dictionary) if known.as_py() == name]
        parts.append(
            np.isin(part_to_numpy(chunk.indices, np.dtype(np.int32)), codes) & ~nulls_of(chunk.indices)
        )
    return np.concatenate(parts)


def part_to_numpy(chunk: pa.Array, kind: np.dtype[Any]) -> Array:
    """Return one chunk of numbers over the same memory, or with NaN for null."""
    data = chunk.buffers()[1]
    if data is None or len(chunk) == 0:
        return np.full(len(chunk), np.nan) if kind.kind == "f" else np.zeros(len(chunk), kind)
    found = np.frombuffer(data, dtype=kind)[chunk.offset : chunk.offset + len(chunk)]
    return np.where(nulls_of(chunk), np.nan, found) if chunk.null_count and kind.kind == "f" else found


def nulls_of(chunk: pa.Array) -> npt.NDArray[np.bool_]:
    """Return which values of a chunk are null."""
    valid = chunk.buffers()[0]
    if valid is None:
        return np.zeros(len(chunk), dtype=bool)
    return ~_bits(valid, chunk)


def flags_of(chunk: pa.Array) -> npt.NDArray[np.bool_]:
    """Return one chunk of yes and no as an array; null is no."""
    data = chunk.buffers()[1]
    found = np.zeros(len(chunk), bool) if data is None else _bits(data, chunk)
    return found & ~nulls_of(chunk) if chunk.null_count else found


def _bits(data: pa.Buffer, chunk: pa.Array) -> npt.NDArray[np.bool_]:
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8), bitorder="little")
    return bits[chunk.offset : chunk.offset + len(chunk)] == 1


def _bitmap(valid: npt.NDArray[np.bool_]) -> pa.Buffer | None:
    """Return Arrow's validity bitmap, or None where all is valid."""
    import pyarrow as pa

    return None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))

"""Rows that are there again: of one identity, or as copies of the row before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from cascade.data.arrays import integers_of, taken

if TYPE_CHECKING:
    import pyarrow as pa

Indices: TypeAlias = npt.NDArray[np.int64]

REMEMBERED: Final = 200_000
"""Rows back to which a row is known again: a file that is sorted has them side by side."""

_MOST_CODES: Final = 2**40


class Repeats:
    """Tells which rows of a stream are there again, in what is remembered of it."""

    def __init__(self, key: tuple[str, ...]) -> None:
        self._key = key
        self._before: list[pa.Table] = []
        self._highest: int | None = -(2**63)
        """The last number of the rows so far, where they are numbered upwards; else None."""

    def of(self, table: pa.Table) -> tuple[Indices, Indices]:
        """Return the rows of the next table that are there again: equal ones, and ones that say something else."""
        nothing = np.zeros(0, np.int64)
        found = (nothing, nothing) if self._goes_on(table) else self._search(table)
        self._remember(table)
        return found

    def _goes_on(self, table: pa.Table) -> bool:
        """Tell whether the numbers of rows rise, so that none is there again."""
        import pyarrow as pa

        if self._highest is None or len(self._key) != 1:
            return False
        (column,) = self._key
        try:
            numbers = integers_of(table.column(column))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            self._highest = None
            return False
        rises = bool(numbers[0] > self._highest and (np.diff(numbers) > 0).all())
        self._highest = int(numbers[-1]) if rises else None
        return rises

    def _search(self, table: pa.Table) -> tuple[Indices, Indices]:
        import pyarrow as pa

        both = pa.concat_tables([*self._before, table])
        first = len(both) - len(table)
        codes = codes_of(both, self._key)
        order = np.argsort(codes, kind="stable")
        again = np.flatnonzero(codes[order[1:]] == codes[order[:-1]])
        later, earlier = order[again + 1], order[again]
        is_new = later >= first
        later, earlier = later[is_new], earlier[is_new]
        if not len(later):
            return later, later
        pairs = taken(both, np.concatenate([earlier, later]))
        whole = codes_of(pairs, tuple(pairs.column_names))
        is_equal = whole[: len(later)] == whole[len(later) :]
        return np.sort(later[is_equal]) - first, np.sort(later[~is_equal]) - first

    def _remember(self, table: pa.Table) -> None:
        self._before.append(table)
        while sum(map(len, self._before)) - len(self._before[0]) > REMEMBERED:
            del self._before[0]


class Copied:
    """Counts how often each row is written, one after the other."""

    def __init__(self) -> None:
        self._last: pa.Table | None = None
        self._run = 0

    def of(self, table: pa.Table) -> Indices:
        """Return of each row of the next table the number of the copy that it is, from 1."""
        import pyarrow as pa

        both = table if self._last is None else pa.concat_tables([self._last, table])
        codes = codes_of(both, tuple(both.column_names))
        is_new = np.concatenate([[True], codes[1:] != codes[:-1]])
        place = np.arange(len(both))
        start = np.maximum.accumulate(np.where(is_new, place, 0))
        numbers = place - start + 1
        if self._last is not None:
            numbers = np.where(start == 0, numbers + self._run - 1, numbers)[1:]
        self._last, self._run = table.slice(len(table) - 1), int(numbers[-1])
        return numbers


def codes_of(table: pa.Table, columns: tuple[str, ...]) -> Indices:
    """Return a number for each row that rows with equal cells in some columns share, and no others."""
    codes, n = np.zeros(len(table), np.int64), 1
    for column in columns:
        encoded = table.column(column).combine_chunks().dictionary_encode(null_encoding="encode")
        codes = codes * len(encoded.dictionary) + integers_of(encoded.indices)
        n *= len(encoded.dictionary)
        if n > _MOST_CODES:
            codes, n = np.unique(codes, return_inverse=True)[1], len(codes)
    return codes

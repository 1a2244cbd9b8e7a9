"""Rows as published: cells of their kinds, and where they stand in the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from cascade.data.adapter import Adapter, Group
from cascade.data.faults import Faults, Place
from cascade.data.opening import Text
from cascade.data.origins import Cell
from cascade.data.times import is_instant
from cascade.scenario.cells import shown
from cascade.scenario.tables import ROW

if TYPE_CHECKING:
    import pyarrow as pa

Indices: TypeAlias = npt.NDArray[np.int64]

NOTHING: Final = ("", "null", "NULL", "None", "NaN", "nan")
"""What files write where a cell is empty."""

CUT_OFF: Final = "a line is cut off or two run into each other: fetch the file again"


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one group: their cells by usual names, and the record of the block that each is of."""

    group: Group
    cells: Mapping[str, pa.Array]
    records: Indices


@dataclass(frozen=True)
class Lines:
    """Where the records of a block stand."""

    text: Sequence[str]
    numbers: Sequence[int]
    columns: Mapping[str, int] | None = None
    """Of CSV: the number of each cell's column."""

    def place(self, record: int, cell: str = "") -> Place:
        """Return where a cell of a record stands, or the record."""
        if not self.text:
            return Place(self.numbers[record], path=cell)
        line = self.text[record]
        start, width = self._span(line, cell) if cell else (0, len(line))
        return Place(self.numbers[record], start + 1, max(1, width), line, cell)

    def _span(self, line: str, cell: str) -> tuple[int, int]:
        if self.columns is None:
            key = f'"{cell.lstrip("^").rpartition(".")[2]}"'
            return max(0, line.find(key)), len(key)
        cells = line.split(",")
        at = self.columns.get(cell, 0)
        return sum(len(each) + 1 for each in cells[:at]), len(cells[at]) if at < len(cells) else 1


@dataclass
class Block:
    """Some records of a file."""

    parts: list[Part]
    source: Lines | Text
    columns: Mapping[str, int] | None = None

    @cached_property
    def lines(self) -> Lines:
        """Return where its records stand; of a block of CSV its lines are told apart when asked for."""
        return self.source if isinstance(self.source, Lines) else lines_of(self.source, self.columns)


def lines_of(block: Text, columns: Mapping[str, int] | None) -> Lines:
    """Return the lines of a block that are not blank."""
    kept = [(n, line) for n, line in enumerate(_split(block.raw), block.first) if line.strip()]
    return Lines([line for _, line in kept], [n for n, _ in kept], columns)


def _split(raw: bytes) -> list[str]:
    lines = raw.decode("utf-8", "replace").split("\n")
    return [line.removesuffix("\r") for line in lines]


def same_parts(adapter: Adapter, cells: Mapping[str, pa.Array]) -> list[Part]:
    """Return a part for each group of a kind, all of them of the same cells."""
    n = len(next(iter(cells.values())))
    return [Part(group, cells, np.arange(n)) for group in adapter.groups] if n else []


def completed(adapter: Adapter, cells: dict[str, pa.Array], n: int) -> dict[str, pa.Array]:
    """Return cells with those that the file has no column for, all of them empty."""
    import pyarrow as pa

    absent = {name: pa.nulls(n, arrow_of(cell)) for name, cell in adapter.cells.items() if name not in cells}
    return cells | absent


def arrow_of(cell: Cell) -> pa.DataType:
    """Return the Arrow type that a published column is read as."""
    import pyarrow as pa

    is_text = cell.kind == "text" or (cell.kind == "time" and "text" in cell.units)
    return pa.string() if is_text else pa.float64()


def timed(cell: Cell, values: Any) -> Any:
    """Return times as numbers where a file of a user's own has numbers."""
    import pyarrow as pa

    if cell.kind != "time" or len(cell.units) == 1 or not pa.types.is_string(values.type):
        return values
    try:
        return values.cast(pa.float64())
    except pa.ArrowInvalid:
        return values


def typed(
    adapter: Adapter, values: Mapping[str, Sequence[Any]], lines: Lines, records: Indices, faults: Faults
) -> tuple[dict[str, pa.Array], Indices]:
    """Return cells of their kinds and the records of their rows, without rows that have a bad one."""
    import pyarrow as pa

    bad = np.zeros(len(records), bool)
    found: dict[str, list[Any]] = {}
    for name, column in values.items():
        cell = adapter.cells[name]
        read = [value_of(cell, each) for each in column]
        found[name] = [value for value, _ in read]
        for k, (_, expected) in enumerate(read):
            if expected:
                bad[k] = True
                message = "is empty" if column[k] in (None, "") else f"{shown(column[k])} is not {expected}"
                faults.note(
                    ROW, message, "correct or remove this row", lines.place(int(records[k]), name), alike=name
                )
    good = np.flatnonzero(~bad)
    cells = {
        name: timed(
            adapter.cells[name], pa.array([column[k] for k in good], _kind_of(adapter.cells[name], column))
        )
        for name, column in found.items()
    }
    return completed(adapter, cells, len(good)), records[good]


def _kind_of(cell: Cell, column: Sequence[Any]) -> pa.DataType:
    """Return the Arrow type of a column: times of a user's own are texts, or else numbers."""
    import pyarrow as pa

    return pa.string() if any(isinstance(each, str) for each in column) else arrow_of(cell)


def value_of(cell: Cell, value: Any) -> tuple[Any, str]:
    """Return what a cell holds and nothing, or what was expected."""
    if value is None or (isinstance(value, str) and value in NOTHING):
        return None, "" if cell.null else f"a {cell.said}"
    if isinstance(value, bool):
        value = str(value).lower()
    if cell.kind == "text":
        if not isinstance(value, str | int | float):
            return None, "a text"
        is_known = not cell.words or str(value).lower() in cell.words
        return (str(value), "") if is_known else (None, cell.said)
    if cell.kind == "time" and isinstance(value, str) and "text" in cell.units and is_instant(value):
        return value, ""
    if cell.kind == "time" and cell.units == ("text",):
        return None, "a date and time in UTC"
    number = _number(value)
    return number, "" if number is not None else f"a {cell.said}"


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if np.isfinite(number) and "_" not in str(value) else None

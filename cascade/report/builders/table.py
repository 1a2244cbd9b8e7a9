"""Tables of a report, and sentences whose every number names the cell that it comes from."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any, Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from cascade.analysis.formats import format_apart, format_bare, format_value
from cascade.analysis.statistics import Estimate
from cascade.escape import cell

Value: TypeAlias = float | int | str | None
Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; a number has `unit`, or, where that is None, the unit in the column `unit`.

    `interval` names the columns of a number's interval: a reader sees `12 [10, 15]`, a file three columns.
    """

    name: str
    label: str
    values: Sequence[Value] | Floats
    unit: str | None = ""
    kind: Literal["text", "number", "code"] = "number"
    interval: tuple[str, str] | None = None
    hidden: bool = False
    """Shown by another column, or of use to a program only; in the file all the same."""
    is_apart: bool = False
    """By how much figures differ: with a sign, and in points where they are percent."""


@dataclass(frozen=True)
class Table:
    """A table of a report: what is shown, what is drawn, and what can be downloaded are the same columns.

    The first column names its rows.
    """

    name: str
    title: str
    columns: tuple[Column, ...]

    def __len__(self) -> int:
        return len(self.columns[0].values)

    def __getitem__(self, column: str) -> Column:
        for each in self.columns:
            if each.name == column:
                return each
        raise KeyError(f"table {self.name!r} has no column {column!r}")

    def __contains__(self, column: str) -> bool:
        return any(each.name == column for each in self.columns)

    def numbers(self, column: str) -> Floats:
        """Return a column of numbers; what is missing is NaN."""
        values = self[column].values
        if isinstance(values, np.ndarray):
            return values
        return np.array([math.nan if value is None else value for value in values], dtype=np.float64)

    def names(self, column: str) -> list[str]:
        """Return a column of names."""
        return [str(value) for value in self[column].values]

    def value(self, row: int, column: str) -> Value:
        """Return a cell: a plain number, a name, or None."""
        value = self[column].values[row]
        if isinstance(value, np.generic):
            value = cast("float", value.item())
        return None if isinstance(value, float) and math.isnan(value) else value

    def row(self, key: str) -> int:
        """Return the number of the row of a name."""
        return self.names(self.columns[0].name).index(key)

    def unit(self, row: int, column: str) -> str:
        """Return the unit of a cell."""
        unit = self[column].unit
        return str(self.value(row, "unit")) if unit is None else unit

    def csv(self) -> str:
        """Return the table as a file: a column for each column, its unit in brackets, numbers in full."""
        head = [f"{_heading(c)} ({c.unit})" if c.unit else _heading(c) for c in self.columns]
        text = StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(map(cell, head))
        for row in range(len(self)):
            values = (self.value(row, column.name) for column in self.columns)
            writer.writerow([cell(value) if isinstance(value, str) else plain(value) for value in values])
        return text.getvalue()

    def refer(self, key: str, column: str) -> Ref:
        """Return a reference to a cell."""
        return Ref(self, self.row(key), column)


def _heading(column: Column) -> str:
    """Return what a file calls a column: its name, and of one that is numbered after a run what it says, too."""
    return f"{column.name} {column.label}" if re.match(r"v\d", column.name) else column.name


def plain(value: Value) -> str:
    """Return a value as a file holds it: numbers with ten digits, which is more than luck leaves certain."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)


@dataclass(frozen=True, slots=True)
class Ref:
    """A cell of a table."""

    table: Table
    row: int
    column: str
    is_bare: bool = False
    """Said without its unit, which stands before it."""

    @property
    def value(self) -> Value:
        """Return what is in the cell."""
        return self.table.value(self.row, self.column)

    @property
    def text(self) -> str:
        """Return the cell as a reader sees it."""
        unit, is_apart = self.table.unit(self.row, self.column), self.table[self.column].is_apart
        return show(self.value, unit, is_bare=self.is_bare, is_apart=is_apart)

    @property
    def place(self) -> str:
        """Return where the cell is: table, row and column."""
        return f"{self.table.name}/{self.row}/{self.column}"


def show(value: Value, unit: str, *, is_bare: bool = False, is_apart: bool = False) -> str:
    """Return a value with its unit, as a reader sees it; bare after one that has said the unit."""
    if value is None:
        return "n/a"
    if isinstance(value, str):
        return value
    if is_apart:
        return format_apart(value, unit, is_bare=is_bare)
    return format_bare(value, unit) if is_bare else format_value(value, unit)


@dataclass(frozen=True)
class Said:
    """A sentence: `{name}` stands for a cell of a table, or for text."""

    template: str
    parts: Mapping[str, Ref | str]

    @property
    def text(self) -> str:
        """Return the sentence as plain text."""
        return "".join(part if isinstance(part, str) else part.text for part in self.pieces())

    def pieces(self) -> list[str | Ref]:
        """Return the sentence in parts: text, and the cells that numbers come from."""
        pieces = re.split(r"(\{\w+\})", self.template)
        found = [self.parts[piece[1:-1]] if piece.startswith("{") else piece for piece in pieces]
        return [piece for piece in found if piece != ""]


def value_heading(n: int) -> str:
    """Return what stands above values over n replicates: of one there is no interval."""
    return "value [95 % interval]" if n > 1 else "value"


def said(template: str, **parts: Ref | str) -> Said:
    """Return a sentence."""
    return Said(template, parts)


def join(sentences: Sequence[Said], between: str = " ") -> Said:
    """Return sentences as one."""
    templates: list[str] = []
    parts: dict[str, Ref | str] = {}
    for number, sentence in enumerate(sentences):
        templates.append(re.sub(r"\{(\w+)\}", rf"{{s{number}_\1}}", sentence.template))
        parts |= {f"s{number}_{name}": part for name, part in sentence.parts.items()}
    return Said(between.join(templates), parts)


def filled(text: str, part: Said) -> Said:
    """Return a text with a part in the place of its `{x}`."""
    before, _, after = text.partition("{x}")
    return join([said(before), part, said(after)], "")


def text_column(
    name: str, label: str, values: Sequence[Any], *, kind: Literal["text", "code"] = "text"
) -> Column:
    """Return a column of names."""
    return Column(name, label, [None if value is None else str(value) for value in values], "", kind)


def scaled(estimate: Estimate, by: float) -> Estimate:
    """Return an estimate in a unit that is so many times the one it has."""
    low, high = (None if end is None else end / by for end in (estimate.low, estimate.high))
    return replace(estimate, value=estimate.value / by, low=low, high=high)


def estimate_columns(
    name: str, label: str, estimates: Sequence[Any], unit: str | None, *, is_apart: bool = False
) -> list[Column]:
    """Return figures and the ends of their intervals as three columns, shown as one."""
    ends = f"{name}_low", f"{name}_high"
    medians = [each.value if each else None for each in estimates]
    lows, highs = ([getattr(each, end) if each else None for each in estimates] for end in ("low", "high"))
    return [
        Column(name, label, medians, unit, interval=ends, is_apart=is_apart),
        Column(ends[0], f"{label}, low", lows, unit, hidden=True, is_apart=is_apart),
        Column(ends[1], f"{label}, high", highs, unit, hidden=True, is_apart=is_apart),
    ]


def with_interval(ref: Ref) -> Said:
    """Return a figure with the interval of its luck, where there is one."""
    low, high = (Ref(ref.table, ref.row, f"{ref.column}_{end}", is_bare=True) for end in ("low", "high"))
    if low.value is None or low.value == high.value:
        return said("{median}", median=ref)
    return said("{median} [{low}, {high}]", median=ref, low=low, high=high)

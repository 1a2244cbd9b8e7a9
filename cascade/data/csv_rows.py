"""Rows of CSV: read as Arrow reads them, and cell by cell where it cannot."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np

from cascade.data.adapter import Adapter, Csv
from cascade.data.faults import Faults
from cascade.data.opening import Text, blocks, unreadable
from cascade.data.origins import Cell
from cascade.data.published import (
    CUT_OFF,
    NOTHING,
    Block,
    Lines,
    Part,
    arrow_of,
    completed,
    lines_of,
    same_parts,
    timed,
    typed,
    value_of,
)
from cascade.scenario.cells import shown
from cascade.scenario.tables import UNREADABLE

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Header:
    """Where the cells of a kind are in the rows of a file."""

    columns: Mapping[str, int]
    width: int
    is_written: bool


def header_of(adapter: Adapter, first: str) -> Header | None:
    """Return where the cells of a kind are, by the first line of a file; None if it is of another kind."""
    assert isinstance(adapter.shape, Csv)
    names = [each.strip().strip('"').lower() for each in first.split(",")]
    found = _columns(adapter, names)
    if found is not None:
        return Header(found, len(names), is_written=True)
    for layout in adapter.shape.layouts:
        columns = _columns(adapter, [*layout])
        values = cells_of(first)
        if len(layout) == len(values) and columns and _fits(adapter, columns, values):
            return Header(columns, len(layout), is_written=False)
    return None


def cells_of(line: str) -> list[str]:
    """Return the cells of a line; none where quotes are not closed and the like."""
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        return []


def _columns(adapter: Adapter, names: Sequence[str]) -> dict[str, int] | None:
    """Return the number of each cell's column among names; None where one that is needed is not there."""
    found: dict[str, int] = {}
    for cell in adapter.cells.values():
        known = [each.lower() for each in cell.names]
        place = next((names.index(each) for each in known if each in names), None)
        if place is not None:
            found[cell.name] = place
        elif not cell.absent:
            return None
    return found


def _fits(adapter: Adapter, columns: Mapping[str, int], values: Sequence[str]) -> bool:
    """Tell whether a row holds what a kind has in its columns."""
    cells = adapter.cells
    return all(value_of(cells[name], values[at].strip())[1] == "" for name, at in columns.items())


def csv_blocks(stream: IO[bytes], adapter: Adapter, faults: Faults) -> Iterator[Block]:
    """Yield the rows of a file of CSV in blocks."""
    header: Header | None = None
    for block in blocks(stream, faults.name):
        if header is None:
            start, first = _first_line(block)
            if not first:
                continue
            header = header_of(adapter, first)
            if header is None:
                raise unreadable(
                    faults.name, f"is no file of {adapter.name}", f"its first line is: {shown(first)}"
                )
            block = Text(block.raw[start:], block.first + 1) if header.is_written else block  # noqa: PLW2901
        fast = _fast(block.raw, adapter, header)
        yield (
            _slow(block, adapter, header, faults)
            if fast is None
            else Block(same_parts(adapter, fast), block, header.columns)
        )


def _first_line(block: Text) -> tuple[int, str]:
    """Return where the line after the first that is not blank begins, and that line."""
    at = 0
    while at < len(block.raw):
        end = block.raw.find(b"\n", at)
        end = len(block.raw) if end < 0 else end
        line = block.raw[at:end].decode("utf-8", "replace").strip()
        at = end + 1
        if line:
            return at, line
    return at, ""


def _fast(raw: bytes, adapter: Adapter, header: Header) -> dict[str, pa.Array] | None:
    """Return the cells of a block as Arrow reads them; None where it meets what it cannot read."""
    import pyarrow as pa
    import pyarrow.csv as pacsv

    if not raw or raw.isspace():
        return {name: pa.nulls(0, arrow_of(cell)) for name, cell in adapter.cells.items()}
    names = [f"#{k}" for k in range(header.width)]
    types = {names[at]: _as_read(adapter.cells[name]) for name, at in header.columns.items()}
    try:
        table = pacsv.read_csv(
            pa.BufferReader(raw),
            read_options=pacsv.ReadOptions(column_names=names, block_size=len(raw) + 1, use_threads=False),
            convert_options=pacsv.ConvertOptions(
                column_types=types, include_columns=[*types], null_values=NOTHING, strings_can_be_null=True
            ),
        )
    except pa.ArrowInvalid:
        return None
    found = {name: table.column(names[at]).combine_chunks() for name, at in header.columns.items()}
    return completed(
        adapter, {name: timed(adapter.cells[name], each) for name, each in found.items()}, len(table)
    )


def _as_read(cell: Cell) -> pa.DataType:
    """Return the type that a cell is read as: few words, many times, by their numbers."""
    import pyarrow as pa

    return pa.dictionary(pa.int32(), pa.string()) if cell.words else arrow_of(cell)


def _slow(block: Text, adapter: Adapter, header: Header, faults: Faults) -> Block:
    """Return the rows of a block read cell by cell, noting every one that is wrong."""
    everything = lines_of(block, header.columns)
    rows: list[list[str]] = []
    kept: list[int] = []
    for k, line in enumerate(everything.text):
        cells = cells_of(line)
        if len(cells) != header.width:
            message = f"{len(cells)} cells under {header.width} columns"
            place = everything.place(k)
            faults.note(UNREADABLE, message, CUT_OFF, place, alike="cells under columns")
            continue
        rows.append(cells)
        kept.append(k)
    lines = Lines([everything.text[k] for k in kept], [everything.numbers[k] for k in kept], header.columns)
    values = {name: [row[at].strip() for row in rows] for name, at in header.columns.items()}
    cells, good = typed(adapter, values, lines, np.arange(len(rows)), faults)
    return Block([Part(group, cells, good) for group in adapter.groups] if len(good) else [], lines)

"""From the rows of a file as published to rows of its canonical table, a block at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cascade.data.adapter import Adapter, Keep
from cascade.data.arrays import (
    Mask,
    Numbers,
    compute,
    integers_of,
    mask_of,
    numbers_of,
    one_of,
    places_of,
    taken,
)
from cascade.data.canonical import columns_of, schema_of
from cascade.data.faults import CONTRACT, DAY, UNIT, Faults, Place
from cascade.data.origins import (
    About,
    Cell,
    Contracts,
    Known,
    Origin,
    Rows,
)
from cascade.data.published import Block, Indices, Part
from cascade.data.shapes import read_blocks
from cascade.data.times import instants, is_instant, units_in, units_of
from cascade.output.columns import nulls_of, numbers
from cascade.output.schemas import arrow_type
from cascade.scenario.tables import ROW

if TYPE_CHECKING:
    import pyarrow as pa

    from cascade.output.schemas import Column

_CORRECT = "correct or remove this row"


@dataclass(frozen=True)
class Batch:
    """Rows of a canonical table, and the record of the block that each is of."""

    table: pa.Table
    records: Indices
    block: Block
    adapter: Adapter
    units: frozenset[str]
    """Units in which times are published here."""

    def __len__(self) -> int:
        return len(self.records)

    @cached_property
    def time_us(self) -> npt.NDArray[np.int64]:
        """Return the times of the rows in microseconds since 1970 UTC."""
        return integers_of(self.table.column("time"))

    def number(self, column: str) -> Numbers:
        """Return a column as numbers; NaN where it is null."""
        return numbers_of(self.table.column(column))

    def place(self, row: int, column: str = "") -> Place:
        """Return where a row stands in the file: the cell that a column comes from, or all of it."""
        origins = self.adapter.columns | self.adapter.groups[0].columns
        cells = origins[column].cells if column in origins else ()
        return self.block.lines.place(int(self.records[row]), cells[0].name if cells else "")

    def says(self, column: str, word: str) -> Mask:
        """Tell which rows have a word in a column."""
        return mask_of(compute().equal(self.table.column(column), one_of(word)))


def batches(path: Path, adapter: Adapter, about: About, faults: Faults) -> Iterator[Batch]:
    """Yield the rows of a file as rows of its canonical table; what is wrong with a row is noted, and it is left out.

    Raises
    ------
    ScenarioError
        If the file cannot be read at all.
    """
    for block in read_blocks(path, adapter, faults):
        batch = _batch(block, adapter, about, faults)
        if len(batch):
            yield batch


def _batch(block: Block, adapter: Adapter, about: About, faults: Faults) -> Batch:
    import pyarrow as pa

    tables: list[pa.Table] = []
    records: list[Indices] = []
    units: set[str] = set()
    sound: dict[int, Mask] = {}
    for part in block.parts:
        if id(part.cells) not in sound:  # groups of a row of CSV share its cells
            sound[id(part.cells)] = _sound(part, block, adapter, faults)
        kept = _selected(part, sound[id(part.cells)])
        for keep in adapter.keep:
            kept = _selected(kept, _meets(kept, keep))
        if adapter.time_cell and len(kept.records):
            units |= units_in(kept.cells[adapter.time_cell.name])
        table, rows = _canonical(kept, block, adapter, about, faults)
        tables.append(table)
        records.append(rows)
    table = pa.concat_tables(tables) if tables else schema_of(adapter.table).empty_table()
    places = np.concatenate([*records, np.zeros(0, np.int64)])
    if len(tables) > 1:
        order = np.argsort(places, kind="stable")
        table, places = taken(table, order), places[order]
    return Batch(table, places, block, adapter, frozenset(units))


def _sound(part: Part, block: Block, adapter: Adapter, faults: Faults) -> Mask:
    """Tell which rows have only cells that can be, and note the others."""
    sound = np.ones(len(part.records), bool)
    for name, cell in adapter.cells.items():
        values = part.cells[name]
        for bad, code, message, hint in _wrong(cell, values):
            faults.note_rows(
                np.flatnonzero(bad),
                code,
                lambda row, told=message, of=values: told.format(of[row].as_py()),
                hint,
                lambda row, of=name: block.lines.place(int(part.records[row]), of),
                alike=f"{name} {message}",
            )
            sound &= ~bad
    return sound


def _wrong(cell: Cell, values: Any) -> Iterator[tuple[Mask, str, str, str]]:
    """Yield which values of a cell cannot be, with code, message and what to do."""
    empty = nulls_of(values)
    if not cell.null:
        yield empty, ROW, "is empty", _CORRECT
    if cell.kind == "time":
        yield from _wrong_times(cell, values, empty)
    elif cell.kind == "number":
        found = numbers_of(values)
        infinite = ~empty & ~np.isfinite(found)
        yield infinite, ROW, "{} is not a number", _CORRECT
        if cell.bound:
            low = found <= 0 if cell.bound == "above 0" else found < 0
            yield low & ~empty & ~infinite, ROW, f"must be {cell.bound}", _CORRECT
    elif cell.words:
        yield (places_of(values, cell.words) < 0) & ~empty, ROW, "'{}' is not " + cell.said, _CORRECT


def _wrong_times(cell: Cell, values: Any, empty: Mask) -> Iterator[tuple[Mask, str, str, str]]:
    import pyarrow as pa

    if pa.types.is_string(values.type):
        bad = np.array([each is not None and not is_instant(each) for each in _odd_times(values)], bool)
        yield (bad if len(bad) else ~empty & False), ROW, "'{}' is not a date and time in UTC", _CORRECT
        return
    units = units_of(values)
    other = ~empty & ~np.isin(units, cell.units)
    expected = " or ".join(cell.units)
    for unit in np.unique(units[other]):
        told = "{} is no time since 1970" if unit == "?" else f"{{}} is a time in {unit}, expected {expected}"
        yield other & (units == unit), UNIT, told, f"give times in {expected}, as they are published"


def _odd_times(values: Any) -> list[str | None]:
    """Return texts of times that Arrow does not take all of; none if it does."""
    import pyarrow as pa

    try:
        instants(values)
    except pa.ArrowInvalid:
        return values.to_pylist()
    return []


def _meets(part: Part, keep: Keep) -> Mask:
    """Tell which rows are of a kind that is kept."""
    pc = compute()
    values = part.cells[keep.cell.name]
    other = part.cells[keep.other.name] if keep.other else one_of(keep.word)
    found = pc.equal(pc.utf8_lower(values), pc.utf8_lower(other) if keep.other else other)
    return mask_of(found)


def _selected(part: Part, mask: Mask) -> Part:
    """Return some rows of a part."""
    if mask.all():
        return part
    rows = np.flatnonzero(mask)
    return Part(
        part.group, {name: taken(each, rows) for name, each in part.cells.items()}, part.records[mask]
    )


def _canonical(
    part: Part, block: Block, adapter: Adapter, about: About, faults: Faults
) -> tuple[pa.Table, Indices]:
    """Return the rows of a part as rows of the canonical table; those that lack what it needs are left out."""
    import pyarrow as pa

    rows = Rows(part.cells, about, len(part.records))
    origins: dict[str, Origin] = adapter.columns | part.group.columns
    columns: dict[str, Any] = {}
    there = np.ones(rows.n, bool)
    for column in columns_of(adapter.table):
        origin = origins.get(column.name)
        found = _filled(origin.of(rows) if origin else None, column, rows.n)
        if not column.nullable and found.null_count:
            lacking = nulls_of(found)
            _tell_lack(origin, lacking, part, block, adapter, faults)
            there &= ~lacking
        columns[column.name] = found
    if there.all():
        return pa.table(columns, schema=schema_of(adapter.table)), part.records
    kept = np.flatnonzero(there)
    columns = {name: taken(each, kept) for name, each in columns.items()}
    return pa.table(columns, schema=schema_of(adapter.table)), part.records[there]


def _filled(values: Any, column: Column, n: int) -> pa.Array:
    """Return values in the type of a column; one value in every row, NaN as null."""
    import pyarrow as pa

    kind = arrow_type(column.kind)
    if values is None and column.name != "symbol":
        return pa.nulls(n, kind)
    if values is None or isinstance(values, str):
        return pa.repeat(one_of(values or ""), n)
    if isinstance(values, float | int):
        return pa.repeat(one_of(float(values)).cast(kind), n)
    if isinstance(values, np.ndarray):
        is_whole = values.dtype.kind == "i"
        return numbers(values, kind) if is_whole else numbers(values, pa.float64(), nullable=True).cast(kind)
    return values.cast(kind)


def _tell_lack(
    origin: Origin | None, lacking: Mask, part: Part, block: Block, adapter: Adapter, faults: Faults
) -> None:
    """Note rows that lack what nobody could know but the user; a blank cell is a fact that is not there."""
    row = int(np.flatnonzero(lacking)[0])
    if isinstance(origin, Contracts):
        told, hint = "the size of a contract is not known", "write --contract 0.01, as the venue's page says"
        place = block.lines.place(int(part.records[row]), origin.count.name)
        faults.note(CONTRACT, told, hint, place, n=int(lacking.sum()))
    elif isinstance(origin, Known):
        hint = f"keep the name of the file as it is published: {adapter.file}"
        faults.note(DAY, "the name of the file does not say of which time it is", hint)

"""The shapes of published files: rows of CSV, records of JSON, parquet. Each is read a block at a time."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from cascade.data.adapter import Adapter, Csv, Group, JsonDocument, Parquet
from cascade.data.faults import Faults, Place
from cascade.data.opening import LONGEST_LINE, Text, blocks, unpacked, unreadable
from cascade.data.origins import Cell, is_instant
from cascade.scenario.source import shown_name
from cascade.scenario.tables import ROW, UNREADABLE, shown

if TYPE_CHECKING:
    import pyarrow as pa

Indices: TypeAlias = npt.NDArray[np.int64]

NOTHING: Final = ("", "null", "NULL", "None", "NaN", "nan")
"""What files write where a cell is empty."""

_WRAPPERS: Final = ("data", "result", "payload", "message", "msg")
"""Keys under which recorders keep what a venue sent."""

_CUT_OFF: Final = "a line is cut off or two run into each other: fetch the file again"


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
        return self.source if isinstance(self.source, Lines) else _lines(self.source, self.columns)


def _lines(block: Text, columns: Mapping[str, int] | None) -> Lines:
    kept = [(n, line) for n, line in enumerate(_split(block.raw), block.first) if line.strip()]
    return Lines([line for _, line in kept], [n for n, _ in kept], columns)


def _split(raw: bytes) -> list[str]:
    lines = raw.decode("utf-8", "replace").split("\n")
    return [line.removesuffix("\r") for line in lines]


def read_blocks(path: Path, adapter: Adapter, faults: Faults) -> Iterator[Block]:
    """Yield the records of a file of a kind in blocks; what cannot be read is noted and left out.

    Raises
    ------
    ScenarioError
        If the file is not there, damaged, or not of this kind at all.
    """
    if isinstance(adapter.shape, Parquet):
        yield from _parquet_blocks(path, adapter)
        return
    with unpacked(path) as stream:
        if isinstance(adapter.shape, Csv):
            yield from _csv_blocks(stream, adapter, faults)
        elif isinstance(adapter.shape, JsonDocument):
            yield _document(stream, adapter, faults)
        else:
            for block in blocks(stream, faults.name):
                yield _json_block(adapter, _lines(block, None), faults)


# --- CSV ------------------------------------------------------------------------------------------------


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
    return all(_value(cells[name], values[at].strip())[1] == "" for name, at in columns.items())


def _csv_blocks(stream: IO[bytes], adapter: Adapter, faults: Faults) -> Iterator[Block]:
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
            else Block(_same_parts(adapter, fast), block, header.columns)
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


def _same_parts(adapter: Adapter, cells: Mapping[str, pa.Array]) -> list[Part]:
    n = len(next(iter(cells.values())))
    return [Part(group, cells, np.arange(n)) for group in adapter.groups] if n else []


def _fast(raw: bytes, adapter: Adapter, header: Header) -> dict[str, pa.Array] | None:
    """Return the cells of a block as Arrow reads them; None where it meets what it cannot read."""
    import pyarrow as pa
    import pyarrow.csv as pacsv

    if not raw.strip():
        return {name: pa.array([], _arrow(cell)) for name, cell in adapter.cells.items()}
    names = [f"#{k}" for k in range(header.width)]
    types = {names[at]: _arrow(adapter.cells[name]) for name, at in header.columns.items()}
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
    return _completed(
        adapter, {name: _timed(adapter.cells[name], each) for name, each in found.items()}, len(table)
    )


def _completed(adapter: Adapter, cells: dict[str, pa.Array], n: int) -> dict[str, pa.Array]:
    """Return cells with those that the file has no column for, all of them empty."""
    import pyarrow as pa

    absent = {name: pa.nulls(n, _arrow(cell)) for name, cell in adapter.cells.items() if name not in cells}
    return cells | absent


def _arrow(cell: Cell) -> pa.DataType:
    import pyarrow as pa

    is_text = cell.kind == "text" or (cell.kind == "time" and "text" in cell.units)
    return pa.string() if is_text else pa.float64()


def _timed(cell: Cell, values: Any) -> Any:
    """Return times as numbers where a file of a user's own has numbers."""
    import pyarrow as pa

    if cell.kind != "time" or len(cell.units) == 1 or not pa.types.is_string(values.type):
        return values
    try:
        return values.cast(pa.float64())
    except pa.ArrowInvalid:
        return values


def _slow(block: Text, adapter: Adapter, header: Header, faults: Faults) -> Block:
    """Return the rows of a block read cell by cell, noting every one that is wrong."""
    everything = _lines(block, header.columns)
    rows: list[list[str]] = []
    kept: list[int] = []
    for k, line in enumerate(everything.text):
        cells = cells_of(line)
        if len(cells) != header.width:
            message = f"{len(cells)} cells under {header.width} columns"
            place = everything.place(k)
            faults.note(UNREADABLE, message, _CUT_OFF, place, alike="cells under columns")
            continue
        rows.append(cells)
        kept.append(k)
    lines = Lines([everything.text[k] for k in kept], [everything.numbers[k] for k in kept], header.columns)
    values = {name: [row[at].strip() for row in rows] for name, at in header.columns.items()}
    cells, good = _typed(adapter, values, lines, np.arange(len(rows)), faults)
    return Block([Part(group, cells, good) for group in adapter.groups] if len(good) else [], lines)


def _typed(
    adapter: Adapter, values: Mapping[str, Sequence[Any]], lines: Lines, records: Indices, faults: Faults
) -> tuple[dict[str, pa.Array], Indices]:
    """Return cells of their kinds and the records of their rows, without rows that have a bad one."""
    import pyarrow as pa

    bad = np.zeros(len(records), bool)
    found: dict[str, list[Any]] = {}
    for name, column in values.items():
        cell = adapter.cells[name]
        read = [_value(cell, each) for each in column]
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
        name: _timed(
            adapter.cells[name], pa.array([column[k] for k in good], _kind_of(adapter.cells[name], column))
        )
        for name, column in found.items()
    }
    return _completed(adapter, cells, len(good)), records[good]


def _kind_of(cell: Cell, column: Sequence[Any]) -> pa.DataType:
    """Return the Arrow type of a column: times of a user's own are texts, or else numbers."""
    import pyarrow as pa

    return pa.string() if any(isinstance(each, str) for each in column) else _arrow(cell)


def _value(cell: Cell, value: Any) -> tuple[Any, str]:
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


# --- JSON -----------------------------------------------------------------------------------------------


def _json_block(adapter: Adapter, lines: Lines, faults: Faults) -> Block:
    """Return the records of a block of lines."""
    records: list[tuple[int, Any]] = []
    for k, line in enumerate(lines.text):
        try:
            records.append((k, json.loads(line)))
        except (ValueError, RecursionError) as error:
            column = getattr(error, "colno", 1)
            place = Place(lines.numbers[k], column, 1, line)
            faults.note(UNREADABLE, "is not JSON here", _CUT_OFF, place)
    return Block(_json_parts(adapter, records, lines, faults), lines)


def _document(stream: IO[bytes], adapter: Adapter, faults: Faults) -> Block:
    """Return the records of a file that is read whole: one document, a list of them, or several in a row."""
    raw = stream.read(LONGEST_LINE + 1)
    if len(raw) > LONGEST_LINE:
        raise unreadable(faults.name, f"is larger than {LONGEST_LINE >> 20} MB", "give its records in lines")
    text, decoder, at = raw.decode("utf-8-sig", "replace"), json.JSONDecoder(), 0
    records: list[Any] = []
    numbers: list[int] = []
    while at < len(text.rstrip()):
        at += len(text[at:]) - len(text[at:].lstrip())
        line = text.count("\n", 0, at) + 1
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            place = Place(getattr(error, "lineno", line), getattr(error, "colno", 1))
            faults.note(UNREADABLE, "is not JSON here", "give the answer as it was sent", place)
            break
        found = value if isinstance(value, list) else [value]
        records += found
        numbers += [line] * len(found)
    lines = Lines([], numbers)
    return Block(_json_parts(adapter, [*enumerate(records)], lines, faults), lines)


def _json_parts(
    adapter: Adapter, records: Sequence[tuple[int, Any]], lines: Lines, faults: Faults
) -> list[Part]:
    """Return the rows that records give, a part for each group."""
    parts: list[Part] = []
    inner = [(k, _unwrapped(adapter, record)) for k, record in records]
    for k, record in inner:
        if record is None:
            message = f"this record is none of {adapter.name}"
            faults.note(UNREADABLE, message, "leave out records of other kinds", lines.place(k))
    cells = adapter.cells
    for group in adapter.groups:
        wanted = _names(adapter, group)
        values: dict[str, list[Any]] = {name: [] for name in wanted}
        places: list[int] = []
        for k, record in inner:
            for number, item in enumerate(_items(record, group) if record is not None else ()):
                places.append(k)
                for name in wanted:
                    value = (
                        number if name == "#" else _at(record if name[0] == "^" else item, name.lstrip("^"))
                    )
                    values[name].append(value)
        if places:
            typed, good = _typed(adapter, values, lines, np.array(places), faults)
            parts.append(Part(group, {name: typed[name] for name in cells}, good))
    return parts


def _names(adapter: Adapter, group: Group) -> list[str]:
    """Return the cells that a group reads."""
    origins = [*(adapter.columns | dict(group.columns)).values()]
    kept = [cell for keep in adapter.keep for cell in (keep.cell, keep.other) if cell]
    return [*dict.fromkeys(cell.name for cell in (*(c for o in origins for c in o.cells), *kept))]


def _items(record: Any, group: Group) -> Sequence[Any]:
    return _at(record, group.rows) if group.rows else (record,)


def _unwrapped(adapter: Adapter, record: Any) -> Any:
    """Return the record as the venue sent it, out of what a recorder put around it; None where it is none."""
    inner = [record[key] for key in _WRAPPERS if key in record] if isinstance(record, dict) else []
    around = [{"data": each if isinstance(each, list) else [each]} for each in inner]
    return next((each for each in (record, *inner, *around) if _is_record(adapter, each)), None)


def _is_record(adapter: Adapter, record: Any) -> bool:
    time = adapter.time_cell
    if adapter.groups[0].rows:
        lists = [_at(record, group.rows) for group in adapter.groups]
        items = [item for each in lists if isinstance(each, list) for item in each]
        is_whole = all(isinstance(each, list) for each in lists) and all(
            isinstance(i, dict | list) for i in items
        )
        return is_whole and (time is None or time.name[0] != "^" or _at(record, time.name[1:]) is not None
                             ) and (time is None or time.name[0] == "^" or not items
                                    or _at(items[0], time.name) is not None)  # fmt: skip
    return time is not None and _at(record, time.name) is not None


def _at(value: Any, path: str) -> Any:
    """Return what stands at a path; None where nothing does."""
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


# --- parquet --------------------------------------------------------------------------------------------

_ROWS: Final = 65_536


def _parquet_blocks(path: Path, adapter: Adapter) -> Iterator[Block]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = shown_name(path)
    try:
        with pq.ParquetFile(path) as file:
            there = [each for each in adapter.cells if each in file.schema_arrow.names]
            first = 1
            for batch in file.iter_batches(_ROWS, columns=there):
                cells = {each: batch.column(each).cast(_arrow(adapter.cells[each])) for each in there}
                cells = _completed(adapter, cells, batch.num_rows)
                yield Block(_same_parts(adapter, cells), Lines([], range(first, first + batch.num_rows)))
                first += batch.num_rows
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        reason = str(error).partition("\n")[0]
        raise unreadable(name, f"is not a parquet file: {reason}", "fetch it again") from None

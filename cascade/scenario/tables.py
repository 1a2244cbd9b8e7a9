"""Data files of a scenario, as CSV or parquet: bars and depth profiles; every bad row is located."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import math
import zlib
from collections import Counter
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cascade.errors import MANY, Problem, ScenarioError, Severity
from cascade.limits import MOST_DATA_BYTES, MOST_ROWS
from cascade.scenario.cells import BadCellError, Parser, not_negative, positive, time_cell
from cascade.scenario.source import MISSING_FILE, shown_name
from cascade.scenario.tree import TOO_MUCH
from cascade.scenario.words import closest, listing
from cascade.units import quoted

Floats: TypeAlias = npt.NDArray[np.float64]

COLUMN, ROW, UNREADABLE = "CAS020", "CAS021", "CAS022"
_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class Bars:
    """Prices of consecutive intervals; `time_s` is the opening time in seconds since 1970 UTC."""

    time_s: Floats
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    length_s: Floats
    """How long each of them is."""


@dataclass(frozen=True, slots=True)
class DepthProfile:
    """Cumulative USD quoted up to a distance, on one side."""

    distance_bps: Floats
    cumulative_usd: Floats


def read_bars(path: str | Path, time_column: str = "time_utc") -> Bars:
    """Return bars from a file; without a column `interval_s` all are as long as most lie apart.

    A file that has not changed since is not read again: the variants of a sweep have their prices in common.

    Raises
    ------
    ScenarioError
        With a problem for each bad row.
    """
    path = Path(path)
    try:
        found = path.stat()
    except (OSError, ValueError):
        return _read_bars(path, time_column)
    return _kept_bars(path, time_column, (found.st_mtime_ns, found.st_size, found.st_ino))


@lru_cache(maxsize=16)
def _kept_bars(path: Path, time_column: str, _version: tuple[int, int, int]) -> Bars:
    return _read_bars(path, time_column)


def _read_bars(path: Path, time_column: str) -> Bars:
    parsers: dict[str, Parser] = dict.fromkeys(_PRICES, positive)
    if time_column in parsers:
        message, hint = (
            f"'{time_column}' is the column of a price, not of times",
            "write time_column: time_utc",
        )
        raise ScenarioError([Problem(COLUMN, message, hint, shown_name(path))])
    table = read_table(path, {time_column: time_cell, **parsers}, {"interval_s": positive})
    times, *prices = (np.array(table.columns[name], dtype=np.float64) for name in (time_column, *parsers))
    lengths = table.columns.get("interval_s") or [
        float(np.median(np.diff(times))) if len(times) > 1 else 60.0
    ]
    bars = Bars(
        times,
        prices[0],
        prices[1],
        prices[2],
        prices[3],
        np.broadcast_to(np.array(lengths, np.float64), times.shape),
    )
    step_back = np.flatnonzero(np.diff(bars.time_s) <= 0) + 1
    top = np.maximum(bars.open, bars.close)
    bottom = np.minimum(bars.open, bars.close)
    table.refuse(step_back, time_column, "times must rise from row to row", "sort the file by time")
    if "interval_s" in table.columns:
        too_long = np.flatnonzero(times[:-1] + bars.length_s[:-1] > times[1:] + 1e-6)
        hint = "correct its length, or take out the bars that lie within it"
        table.refuse(too_long, "interval_s", "ends after the next bar begins", hint)
    table.refuse(np.flatnonzero(bars.high < top), "high", "high lies below open or close", "correct this row")
    table.refuse(np.flatnonzero(bars.low > bottom), "low", "low lies above open or close", "correct this row")
    table.raise_problems()
    for column in (bars.time_s, bars.open, bars.high, bars.low, bars.close):
        column.flags.writeable = False
    return bars


def read_depth(path: str | Path) -> DepthProfile:
    """Return a depth profile from a file with columns distance_bps and cumulative_usd.

    Raises
    ------
    ScenarioError
        With a problem for each bad row.
    """
    table = read_table(Path(path), {"distance_bps": positive, "cumulative_usd": not_negative})
    profile = DepthProfile(*(np.array(column, dtype=np.float64) for column in table.columns.values()))
    nearer = np.flatnonzero(np.diff(profile.distance_bps) <= 0) + 1
    less = np.flatnonzero(np.diff(profile.cumulative_usd) < 0) + 1
    table.refuse(nearer, "distance_bps", "distances must rise from row to row", "sort the file by distance")
    table.refuse(
        less, "cumulative_usd", "cumulative depth must not fall", "write the depth up to each distance"
    )
    table.raise_problems()
    return profile


@dataclass(slots=True)
class _Fault:
    """What is wrong with cells of a column, by one rule: the first problems, and where the others are."""

    problems: list[Problem] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)


class DataTable:
    """Columns read from a file, and the problems of its rows."""

    def __init__(self, name: str, header: Sequence[str], lines: Sequence[str] | None) -> None:
        self.name = name
        self.header = list(header)
        self.lines = lines
        self.columns: dict[str, list[Any]] = {}
        self.rows: list[int] = []
        self.bad_rows: set[int] = set()
        self._faults: dict[tuple[str, str], _Fault] = {}

    def note(self, row: int, column: str, message: str, hint: str, code: str = ROW) -> None:
        """Note a bad cell; `row` is the line of a text file, the row number of a parquet file."""
        self.bad_rows.add(row)
        fault = self._faults.setdefault((column, hint), _Fault())
        fault.rows.append(row)
        if len(fault.rows) <= MANY:
            fault.problems.append(self.problem(row, column, message, hint, code))

    def problem(
        self, row: int, column: str, message: str, hint: str, code: str = ROW, severity: Severity = "error"
    ) -> Problem:
        """Return a problem with a cell, located; with the whole row where the file lacks the column."""
        if self.lines is None:
            text = f"row {row}, {column}: {message}" if row else message
            return Problem(code, text, hint, self.name, path=column, severity=severity)
        line = self.lines[row - 1] if row <= len(self.lines) else ""
        has_cell = column in self.header
        start, width = _cell_span(line, self.header.index(column)) if has_cell else (0, max(1, len(line)))
        return Problem(code, message, hint, self.name, row, start + 1, width, line, column, severity)

    def refuse(self, places: npt.NDArray[np.intp], column: str, message: str, hint: str) -> None:
        """Note the same problem for several rows, counted from 0; what is no number is noted already."""
        for place in places:
            self.note(self.rows[place], column, message, hint)

    def raise_problems(self) -> None:
        """Raise what was noted: many equal faults as one."""
        told: list[Problem] = []
        for fault in self._faults.values():
            first, n = fault.problems[0], len(fault.rows) - 1
            of = "rows" if self.lines is None else "lines"
            many = n >= MANY
            told += [first.standing_for(n, fault.rows[1 : MANY + 2], of=of)] if many else fault.problems
        if told:
            raise ScenarioError(told)


def _cell_span(line: str, number: int) -> tuple[int, int]:
    cells = line.split(",")
    if number >= len(cells):
        return len(line), 1
    start = sum(len(cell) + 1 for cell in cells[:number])
    return start, max(1, len(cells[number]))


def read_table(
    path: Path, parsers: Mapping[str, Parser], optional: Mapping[str, Parser] | None = None, *,
    ignore: Collection[str] = (), other_words: Mapping[str, str] | None = None,
) -> DataTable:  # fmt: skip
    """Return the columns that are wanted, with the problems of their cells noted.

    Parameters
    ----------
    optional
        Columns that may be left out.
    ignore, other_words
        With `other_words`, what other systems call the columns, a column that is neither wanted nor ignored
        is a problem.

    Raises
    ------
    ScenarioError
        If the file cannot be read, lacks a column of `parsers` or has no rows.
    """
    name = _name_of(path)
    wanted = {**parsers, **(optional or {})}
    read = _read_parquet if path.suffix == ".parquet" else _read_csv
    table, cells = read(path, name, wanted)
    strange = _unknown(table, wanted, ignore, other_words) if other_words is not None else []
    _check_header(table, parsers, wanted, strange)
    for column, parse in wanted.items():
        if column in table.header:
            table.columns[column] = _parse_column(table, column, parse, cells[column])
    if not table.rows:
        table.raise_problems()
        problem = Problem(ROW, "the file has no rows", "add a row below the header", name, 2, 1)
        raise ScenarioError([problem])
    return table


def check_header(path: Path, needed: Collection[str]) -> None:
    """Refuse a file that is not there, is no table or lacks a column; none of its cells is read.

    Raises
    ------
    ScenarioError
        With every column that it lacks.
    """
    name = _name_of(path)
    if path.suffix == ".parquet":
        table, _ = _read_parquet(path, name, ())
    else:
        with _opened(path, name) as file:
            line = file.readline(MOST_DATA_BYTES).decode("utf-8-sig", "replace").rstrip("\r\n")
        table = DataTable(name, [cell.strip() for cell in next(csv.reader([line]), [])], [line])
    _check_header(table, needed, needed, ())


def _name_of(path: Path) -> str:
    """Return what messages call a file; raises if it is not there."""
    name = shown_name(path)
    if path.is_file():
        return name
    near = closest(path.name, [file.name for file in path.parent.glob("*")]) if path.parent.is_dir() else None
    hint = f"did you mean {path.parent / near}?" if near else "paths are relative to the file that names them"
    raise ScenarioError([Problem(MISSING_FILE, "no such data file", hint, name)])


def _unknown(
    table: DataTable, wanted: Collection[str], ignore: Collection[str], other_words: Mapping[str, str]
) -> list[Problem]:
    """Return a problem for each column that nobody reads."""
    unknown = [column for column in table.header if column not in wanted and column not in ignore]
    row = 1 if table.lines is not None else 0
    problems: list[Problem] = []
    for column in dict.fromkeys(unknown):
        meant = other_words.get(column.lower()) or closest(column, wanted)
        guess = f" — did you mean '{meant}'?" if meant else ""
        hint = f"columns known: {listing(wanted, 20)}; or leave it out: ignore: [{column}] in the layer"
        problem = table.problem(row, column, f"unknown column {quoted(column)}{guess}", hint, COLUMN)
        problems.append(problem)
    return problems


def _check_header(
    table: DataTable, parsers: Collection[str], wanted: Collection[str], strange: Sequence[Problem]
) -> None:
    header = ",".join(table.header)
    place = (1 if table.lines is not None else 0, 1, max(1, len(header)), header)
    missing = [
        Problem(
            COLUMN,
            f"no column '{column}'{_near(column, table.header)}",
            f"columns needed: {listing(parsers)}",
            table.name,
            *place,
        )
        for column in parsers
        if column not in table.header
    ]
    twice = [
        Problem(
            COLUMN, f"{quoted(column)} is the name of {n} columns", "rename all but one", table.name, *place
        )
        for column, n in Counter(table.header).items()
        if n > 1 and column in wanted
    ]
    if missing or twice or strange:
        raise ScenarioError([*missing, *twice, *strange])


def _near(column: str, header: Sequence[str]) -> str:
    match = closest(column, header)
    return f" — is it '{match}'?" if match else ""


def _parse_column(table: DataTable, column: str, parse: Parser, cells: Sequence[Any]) -> list[Any]:
    values: list[Any] = []
    for row, cell in zip(table.rows, cells, strict=True):
        try:
            values.append(parse(cell))
        except BadCellError as bad:
            values.append(math.nan)
            table.note(row, column, str(bad), bad.hint)
    return values


def _read_csv(path: Path, name: str, wanted: Collection[str]) -> tuple[DataTable, dict[str, list[Any]]]:
    text = _text_of(path, name).replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    reader = csv.reader(io.StringIO(text))
    try:
        header = [cell.strip() for cell in next(reader, [])]
        table = DataTable(name, header, lines)
        cells = _cells(table, reader, wanted)
    except csv.Error as error:
        at = reader.line_num
        line = lines[at - 1] if 0 < at <= len(lines) else ""
        problem = Problem(
            UNREADABLE, f"is not CSV here: {error}", "close the quotes before it", name, at, 1, 1, line
        )
        raise ScenarioError([problem]) from None
    return table, cells


def _cells(table: DataTable, records: Any, wanted: Collection[str]) -> dict[str, list[str]]:
    """Return the cells of the columns that are wanted, of every row that is not blank."""
    places = {column: table.header.index(column) for column in wanted if column in table.header}
    cells: dict[str, list[str]] = {column: [] for column in places}
    width = len(table.header)
    for record in records:
        if not any(cell.strip() for cell in record):
            continue
        if len(record) != width:
            message = f"{len(record)} cells under {width} columns"
            hint = f"write one cell for each of {listing(table.header)}"
            table.note(records.line_num, "", message, hint, UNREADABLE)
            continue
        table.rows.append(records.line_num)
        if len(table.rows) > MOST_ROWS:
            raise _too_much(table.name, f"of more than {MOST_ROWS:,} rows")
        for column, place in places.items():
            cells[column].append(record[place])
    return cells


@contextlib.contextmanager
def _opened(path: Path, name: str) -> Generator[io.BufferedIOBase]:
    """Open a file and give what is in it, unpacked."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield file
    except (OSError, EOFError, zlib.error) as error:
        what = "cannot be unpacked" if path.suffix == ".gz" else "cannot be read"
        hint = "pack it again, or write it as plain CSV" if path.suffix == ".gz" else ""
        raise ScenarioError([Problem(UNREADABLE, f"{what}: {error}", hint, name)]) from None


def _text_of(path: Path, name: str) -> str:
    """Return the text of a file, unpacked."""
    with _opened(path, name) as file:
        raw = file.read(MOST_DATA_BYTES + 1)
    if len(raw) > MOST_DATA_BYTES:
        raise _too_much(name, f"larger than {MOST_DATA_BYTES // 1_000_000} MB")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        hint = "save it as CSV in UTF-8, or as parquet"
        raise ScenarioError([Problem(UNREADABLE, "is not a CSV file", hint, name)]) from None


def _too_much(name: str, what: str) -> ScenarioError:
    hint = "keep what the run needs: fewer rows, or bars of a longer interval"
    return ScenarioError([Problem(TOO_MUCH, f"the file is {what}", hint, name)])


def _read_parquet(path: Path, name: str, wanted: Collection[str]) -> tuple[DataTable, dict[str, list[Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            header = file.schema_arrow.names
            if file.metadata.num_rows > MOST_ROWS:
                raise _too_much(name, f"of {file.metadata.num_rows:,} rows: more than {MOST_ROWS:,}")
            unique = [column for column in wanted if header.count(column) == 1]
            arrow = file.read(columns=unique)
            cells = {column: arrow.column(column).to_pylist() for column in unique}
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        reason = str(error).partition("\n")[0]
        hint = "write it with pandas, polars or duckdb as parquet"
        raise ScenarioError([Problem(UNREADABLE, f"is not a parquet file: {reason}", hint, name)]) from None
    table = DataTable(name, header, None)
    table.rows = list(range(1, arrow.num_rows + 1))
    return table, cells

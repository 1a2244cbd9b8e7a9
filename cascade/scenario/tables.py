"""Data files of a scenario, as CSV or parquet: bars, depth profiles, positions; every bad row is located."""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cascade.errors import Problem, ScenarioError
from cascade.scenario.source import MISSING_FILE, shown_name
from cascade.scenario.words import closest, did_you_mean, listing

Floats: TypeAlias = npt.NDArray[np.float64]
Parser: TypeAlias = Callable[[Any], Any]

COLUMN, ROW, UNREADABLE = "CAS020", "CAS021", "CAS022"
_SHOWN_ROWS = 20


@dataclass(frozen=True, slots=True)
class Bars:
    """Prices of consecutive intervals; `time_s` is the opening time in seconds since 1970 UTC."""

    time_s: Floats
    open: Floats
    high: Floats
    low: Floats
    close: Floats


@dataclass(frozen=True, slots=True)
class DepthProfile:
    """Cumulative USD quoted up to a distance, on one side."""

    distance_bps: Floats
    cumulative_usd: Floats


@dataclass(frozen=True, slots=True)
class Positions:
    """Positions of a population; rows with the same account (not empty) share their margin."""

    market: tuple[str, ...]
    is_long: npt.NDArray[np.bool_]
    notional_usd: Floats
    entry_price: Floats
    leverage: Floats
    account: tuple[str, ...]
    rows: tuple[int, ...]


def read_bars(path: str | Path, time_column: str = "time_utc") -> Bars:
    """Return bars from a file.

    Raises
    ------
    ScenarioError
        With a problem for each bad row.
    """
    parsers = {time_column: _time, "open": _positive, "high": _positive, "low": _positive, "close": _positive}
    table = _read(Path(path), parsers)
    times, *prices = (np.array(table.columns[name], dtype=np.float64) for name in parsers)
    bars = Bars(times, prices[0], prices[1], prices[2], prices[3])
    step_back = np.flatnonzero(np.diff(bars.time_s) <= 0) + 1
    top = np.maximum(bars.open, bars.close)
    bottom = np.minimum(bars.open, bars.close)
    table.refuse(step_back, time_column, "times must rise from row to row", "sort the file by time")
    table.refuse(np.flatnonzero(bars.high < top), "high", "high lies below open or close", "correct this row")
    table.refuse(np.flatnonzero(bars.low > bottom), "low", "low lies above open or close", "correct this row")
    table.raise_problems()
    return bars


def read_depth(path: str | Path) -> DepthProfile:
    """Return a depth profile from a file with columns distance_bps and cumulative_usd.

    Raises
    ------
    ScenarioError
        With a problem for each bad row.
    """
    table = _read(Path(path), {"distance_bps": _positive, "cumulative_usd": _not_negative})
    profile = DepthProfile(*(np.array(column, dtype=np.float64) for column in table.columns.values()))
    nearer = np.flatnonzero(np.diff(profile.distance_bps) <= 0) + 1
    less = np.flatnonzero(np.diff(profile.cumulative_usd) < 0) + 1
    table.refuse(nearer, "distance_bps", "distances must rise from row to row", "sort the file by distance")
    table.refuse(
        less, "cumulative_usd", "cumulative depth must not fall", "write the depth up to each distance"
    )
    table.raise_problems()
    return profile


def read_positions(path: str | Path) -> Positions:
    """Return positions from a file with columns market, side, notional_usd, entry_price, leverage.

    An optional column `account` groups positions that share their margin.

    Raises
    ------
    ScenarioError
        With a problem for each bad row.
    """
    parsers: dict[str, Parser] = {
        "market": _text,
        "side": _side,
        "notional_usd": _positive,
        "entry_price": _positive,
        "leverage": _positive,
    }
    table = _read(Path(path), parsers, optional={"account": str})
    table.raise_problems()
    columns = table.columns
    accounts = columns.get("account") or [""] * len(table.rows)
    return Positions(
        tuple(columns["market"]),
        np.array(columns["side"], dtype=np.bool_),
        np.array(columns["notional_usd"], dtype=np.float64),
        np.array(columns["entry_price"], dtype=np.float64),
        np.array(columns["leverage"], dtype=np.float64),
        tuple(accounts),
        tuple(table.rows),
    )


class _BadCellError(ValueError):
    """A cell that cannot be read, and what to write instead."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def _number(cell: Any) -> float:
    try:
        value = float(cell)
    except (TypeError, ValueError):
        raise _BadCellError(f"'{cell}' is not a number", "write plain digits, such as 1250.5") from None
    if not math.isfinite(value):
        raise _BadCellError(f"'{cell}' is not a finite number", "write plain digits, such as 1250.5")
    return value


def _positive(cell: Any) -> float:
    value = _number(cell)
    if value <= 0:
        raise _BadCellError(f"must be above 0, not {value:g}", "correct or remove this row")
    return value


def _not_negative(cell: Any) -> float:
    value = _number(cell)
    if value < 0:
        raise _BadCellError(f"must be at least 0, not {value:g}", "correct or remove this row")
    return value


def _text(cell: Any) -> str:
    text = str(cell).strip() if cell is not None else ""
    if not text:
        raise _BadCellError("is empty", "fill it in or remove this row")
    return text


def _side(cell: Any) -> bool:
    text = str(cell).strip().lower()
    if text not in ("long", "short"):
        raise _BadCellError(
            f"'{cell}' is not a side{did_you_mean(text, ('long', 'short'))}", "write long or short"
        )
    return text == "long"


def _time(cell: Any) -> float:
    """Return seconds since 1970; text without a time zone is UTC, as the name of the column says."""
    if isinstance(cell, datetime):
        return (cell if cell.tzinfo else cell.replace(tzinfo=UTC)).timestamp()
    text = str(cell).strip()
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise _BadCellError(f"'{cell}' is not a date and time", "write it as 2025-07-01T00:00:00Z") from None
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()


class _Table:
    """Columns read from a file, and the problems of its rows."""

    def __init__(self, name: str, header: Sequence[str], lines: Sequence[str] | None) -> None:
        self.name = name
        self.header = list(header)
        self.lines = lines
        self.columns: dict[str, list[Any]] = {}
        self.rows: list[int] = []
        self.problems: list[Problem] = []
        self.n_bad = 0

    def problem(self, row: int, column: str, message: str, hint: str) -> None:
        """Note a bad cell; `row` is the line of a text file, the row number of a parquet file."""
        self.n_bad += 1
        if self.n_bad > _SHOWN_ROWS:
            return
        if self.lines is None:
            self.problems.append(
                Problem(ROW, f"row {row}, {column}: {message}", hint, self.name, path=column)
            )
            return
        line = self.lines[row - 1] if row <= len(self.lines) else ""
        start, width = _cell_span(line, self.header.index(column))
        self.problems.append(Problem(ROW, message, hint, self.name, row, start + 1, width, line, column))

    def refuse(self, places: npt.NDArray[np.intp], column: str, message: str, hint: str) -> None:
        """Note the same problem for several rows, counted from 0."""
        for place in places:
            self.problem(self.rows[place], column, message, hint)

    def raise_problems(self) -> None:
        """Raise what was noted."""
        if not self.problems:
            return
        hidden = self.n_bad - len(self.problems)
        if hidden > 0:
            last = self.problems[-1]
            note = Problem(ROW, f"{hidden} more bad rows", "", self.name, last.line + 1, 1)
            self.problems.append(note)
        raise ScenarioError(self.problems)


def _cell_span(line: str, number: int) -> tuple[int, int]:
    cells = line.split(",")
    if number >= len(cells):
        return len(line), 1
    start = sum(len(cell) + 1 for cell in cells[:number])
    return start, max(1, len(cells[number]))


def _read(path: Path, parsers: Mapping[str, Parser], optional: Mapping[str, Parser] | None = None) -> _Table:
    name = shown_name(path)
    if not path.is_file():
        near = (
            closest(path.name, [file.name for file in path.parent.glob("*")])
            if path.parent.is_dir()
            else None
        )
        hint = (
            f"did you mean {path.parent / near}?"
            if near
            else "paths are relative to the file that names them"
        )
        raise ScenarioError([Problem(MISSING_FILE, "no such data file", hint, name)])
    raw = _read_parquet(path, name) if path.suffix == ".parquet" else _read_csv(path, name)
    table, cells = raw
    wanted = {**parsers, **{k: v for k, v in (optional or {}).items() if k in table.header}}
    _check_header(table, parsers)
    for column, parse in wanted.items():
        table.columns[column] = _parse_column(table, column, parse, cells[column])
    if not table.rows:
        problem = Problem(ROW, "the file has no rows", "add a row below the header", name, 2, 1)
        raise ScenarioError([problem])
    if table.problems:
        table.raise_problems()
    return table


def _check_header(table: _Table, parsers: Mapping[str, Parser]) -> None:
    header = ",".join(table.header)
    problems = [
        Problem(
            COLUMN,
            f"no column '{column}'{_near(column, table.header)}",
            f"columns needed: {listing(parsers)}",
            table.name,
            1 if table.lines is not None else 0,
            1,
            max(1, len(header)),
            header,
        )
        for column in parsers
        if column not in table.header
    ]
    if problems:
        raise ScenarioError(problems)


def _near(column: str, header: Sequence[str]) -> str:
    match = closest(column, header)
    return f" — is it '{match}'?" if match else ""


def _parse_column(table: _Table, column: str, parse: Parser, cells: Sequence[Any]) -> list[Any]:
    values: list[Any] = []
    for row, cell in zip(table.rows, cells, strict=True):
        try:
            values.append(parse(cell))
        except _BadCellError as bad:
            values.append(math.nan)
            table.problem(row, column, str(bad), bad.hint)
    return values


def _read_csv(path: Path, name: str) -> tuple[_Table, dict[str, list[Any]]]:
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
    except (UnicodeDecodeError, OSError):
        hint = "save it as CSV in UTF-8, or as parquet"
        raise ScenarioError([Problem(UNREADABLE, "is not a CSV file", hint, name)]) from None
    lines = text.splitlines()
    reader = csv.reader(io.StringIO(text))
    header = [cell.strip() for cell in next(reader, [])]
    table = _Table(name, header, lines)
    cells: dict[str, list[Any]] = {column: [] for column in header}
    for record in reader:
        if not any(cell.strip() for cell in record):
            continue
        table.rows.append(reader.line_num)
        if len(record) != len(header):
            _wrong_count(table, reader.line_num, len(record))
        padded = [*record, *[""] * (len(header) - len(record))]
        for column, cell in zip(header, padded, strict=False):
            cells[column].append(cell)
    if any(problem.code == UNREADABLE for problem in table.problems):
        raise ScenarioError(table.problems)
    return table, cells


def _wrong_count(table: _Table, row: int, count: int) -> None:
    line = table.lines[row - 1] if table.lines else ""
    message = f"{count} cells under {len(table.header)} columns"
    hint = f"write one cell for each of {listing(table.header)}"
    table.problems.append(Problem(UNREADABLE, message, hint, table.name, row, 1, max(1, len(line)), line))


def _read_parquet(path: Path, name: str) -> tuple[_Table, dict[str, list[Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        arrow = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        hint = "write it with pandas, polars or duckdb as parquet"
        raise ScenarioError([Problem(UNREADABLE, f"is not a parquet file: {error}", hint, name)]) from None
    table = _Table(name, arrow.column_names, None)
    table.rows = list(range(1, arrow.num_rows + 1))
    return table, {column: arrow.column(column).to_pylist() for column in arrow.column_names}

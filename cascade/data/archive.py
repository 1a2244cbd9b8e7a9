"""A published CSV file: plain, gzipped or zipped, with a header or without, its faults located."""

from __future__ import annotations

import csv
import gzip
import io
import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from cascade.errors import Problem, ScenarioError
from cascade.scenario.source import MISSING_FILE, shown_name
from cascade.scenario.tables import COLUMN, ROW, UNREADABLE
from cascade.scenario.words import closest, listing

Floats: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]

SHOWN: Final = 20
"""Bad rows of a file that are shown, one by one."""

FLAGS: Final = {"true": 1.0, "false": 0.0}

_MICROSECONDS_ABOVE, _MILLISECONDS_ABOVE = 1e14, 1e11
"""Times since 1970 beyond these are in microseconds (spot since 2025) and milliseconds; below, in seconds."""


@dataclass
class Rows:
    """The columns of a file that are wanted, and what is wrong with its rows."""

    name: str
    text: str
    header: tuple[str, ...]
    """What the columns are called, in the file or by its kind where it has no header."""
    has_header: bool
    columns: dict[str, Floats] = field(default_factory=dict[str, Floats])
    problems: list[Problem] = field(default_factory=list[Problem])
    n_bad: int = 0

    def refuse(self, bad: Mask, column: str, message: str, hint: str) -> None:
        """Note the same fault of a column for all rows that have it."""
        places = np.flatnonzero(bad)
        self.n_bad += len(places)
        if len(places) == 0 or len(self.problems) >= SHOWN:
            return
        lines = self.text.splitlines()
        numbers = [number for number, line in enumerate(lines, 1) if line.strip()][self.has_header :]
        for place in places[: SHOWN - len(self.problems)]:
            number = numbers[place]
            self.problems.append(self._at(number, lines[number - 1], column, message, hint))

    def refuse_cell(self, number: int, line: str, column: str, message: str, hint: str) -> None:
        """Note a fault of a line, of one cell or, without a column, of all of it."""
        self.n_bad += 1
        if len(self.problems) < SHOWN:
            self.problems.append(self._at(number, line, column, message, hint))

    def raise_problems(self) -> None:
        """Raise what was noted."""
        if not self.problems:
            return
        hidden = self.n_bad - len(self.problems)
        if hidden > 0:
            line = self.problems[-1].line + 1
            self.problems.append(Problem(ROW, f"{hidden:,} more bad rows", "", self.name, line, 1))
        raise ScenarioError(self.problems)

    def _at(self, number: int, line: str, column: str, message: str, hint: str) -> Problem:
        if not column:
            return Problem(UNREADABLE, message, hint, self.name, number, 1, max(1, len(line)), line)
        cells = line.split(",")
        place = self.header.index(column)
        start = sum(len(cell) + 1 for cell in cells[:place])
        width = len(cells[place]) if place < len(cells) else 1
        return Problem(ROW, message, hint, self.name, number, start + 1, max(1, width), line, column)


def read_rows(
    path: Path, layouts: Sequence[tuple[str, ...]], names: Mapping[str, str], needed: Sequence[str],
    optional: Sequence[str] = (),
) -> Rows:  # fmt: skip
    """Return the wanted columns of a file as numbers; a column of true and false as 1 and 0.

    Parameters
    ----------
    layouts
        Columns of each kind of file that has no header.
    names
        Our name of each column by what files call it.

    Raises
    ------
    ScenarioError
        If the file is not there or is no such table, with all of its bad cells.
    """
    name = shown_name(path)
    text = _text(path, name)
    first = next((line for line in text.splitlines() if line.strip()), "")
    cells = tuple(cell.strip().strip('"') for cell in first.split(","))
    if not first:
        raise _unreadable(name, "the file is empty", "give a file as it is published")
    has_header = _number(cells[0]) is None and _seconds(cells[0]) is None
    header = _ours(cells, names) if has_header else _layout(cells, layouts, name, first)
    rows = Rows(name, text, header, has_header)
    missing = [column for column in needed if column not in header]
    if missing:
        _refuse_header(rows, missing, needed, names, first)
    wanted = [*needed, *(column for column in optional if column in header)]
    rows.columns = _fast(rows, wanted) or _slow(rows, wanted)
    rows.raise_problems()
    if len(rows.columns[needed[0]]) == 0:
        raise _unreadable(name, "the file has no rows", "give a file as it is published")
    return rows


def seconds_since_1970(times: Floats) -> Floats:
    """Return times in seconds, each in the unit that its size tells: one file may hold several."""
    scale = np.where(times > _MICROSECONDS_ABOVE, 1e6, np.where(times > _MILLISECONDS_ABOVE, 1e3, 1.0))
    return times / scale


def _text(path: Path, name: str) -> str:
    """Return the text of a file, unpacked where it is packed."""
    if not path.is_file():
        near = (
            closest(path.name, [file.name for file in path.parent.glob("*")])
            if path.parent.is_dir()
            else None
        )
        hint = f"did you mean {path.parent / near}?" if near else "give the path of a file"
        raise ScenarioError([Problem(MISSING_FILE, "no such data file", hint, name)])
    raw = path.read_bytes()
    try:
        if raw[:4] == b"PK\x03\x04":
            raw = _only_member(raw, name)
        elif raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
        return raw.decode("utf-8-sig")
    except (zipfile.BadZipFile, EOFError, OSError, zlib.error):
        raise _unreadable(name, "the archive is damaged or cut off", "download it again") from None
    except UnicodeDecodeError:
        raise _unreadable(name, "is not a CSV file", "give CSV, or a zip or gz file of it") from None


def _only_member(raw: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        members = [each for each in archive.namelist() if each.endswith(".csv") and "__MACOSX" not in each]
        if len(members) != 1:
            found = f"{len(members)} CSV files: {listing(members, 4)}" if members else "no CSV file"
            raise _unreadable(name, f"the archive holds {found}", "unpack it and give one CSV file")
        return archive.read(members[0])


def _unreadable(name: str, message: str, hint: str) -> ScenarioError:
    return ScenarioError([Problem(UNREADABLE, message, hint, name)])


def _ours(cells: Sequence[str], names: Mapping[str, str]) -> tuple[str, ...]:
    """Return the header with our names; of two columns of one name the first has it."""
    seen: list[str] = []
    for cell in cells:
        ours = names.get(cell.lower(), cell)
        seen.append(ours if ours not in seen else f"{cell} again")
    return tuple(seen)


def _layout(
    cells: Sequence[str], layouts: Sequence[tuple[str, ...]], name: str, first: str
) -> tuple[str, ...]:
    """Return the columns of a file without a header: those of the kind whose flags are where the row's are."""
    flags = [cell.lower() in FLAGS for cell in cells]
    for layout in layouts:
        if len(layout) == len(cells) and flags == [column.startswith("is_") for column in layout]:
            return layout
    counts = listing(sorted({str(len(layout)) for layout in layouts}))
    message = f"the first row has {len(cells)} cells; a file without a header has {counts}"
    problem = Problem(
        UNREADABLE, message, "give the file as it is published, or a header", name, 1, 1, 1, first
    )
    raise ScenarioError([problem])


def _refuse_header(
    rows: Rows, missing: Sequence[str], needed: Sequence[str], names: Mapping[str, str], first: str
) -> None:
    """Raise for the columns that a header lacks."""
    problems: list[Problem] = []
    for column in missing:
        match = closest(column, rows.header)
        near = f" — is it '{match}'?" if match else ""
        called = listing([theirs for theirs, ours in names.items() if ours == column] or [column])
        hint = f"it may be called {called}; columns needed: {listing(needed)}"
        problems.append(
            Problem(COLUMN, f"no column '{column}'{near}", hint, rows.name, 1, 1, max(1, len(first)), first)
        )
    raise ScenarioError(problems)


def _fast(rows: Rows, wanted: Sequence[str]) -> dict[str, Floats] | None:
    """Return the columns as numpy reads them; None where it meets a cell that is none of them."""
    places = [rows.header.index(column) for column in wanted]
    kinds: list[Any] = [(column, "U5" if column.startswith("is_") else "f8") for column in wanted]
    lines = rows.text.splitlines()
    widths = {line.count(",") for line in lines if line.strip()}
    if widths != {len(rows.header) - 1} or len(lines) == rows.has_header:
        return None
    try:
        table = np.loadtxt(
            lines,
            dtype=kinds,
            delimiter=",",
            usecols=places,
            skiprows=int(rows.has_header),
            comments=None,
            ndmin=1,
        )
    except ValueError:
        return None
    found = {column: table[column] for column in wanted}
    for column in wanted:
        if column.startswith("is_"):
            words = np.char.lower(found[column])
            if not np.isin(words, list(FLAGS)).all():
                return None
            found[column] = (words == "true").astype(np.float64)
        elif not np.isfinite(found[column]).all():
            return None
    return found


def _slow(rows: Rows, wanted: Sequence[str]) -> dict[str, Floats]:
    """Return the columns read cell by cell, noting every one that is wrong."""
    values: dict[str, list[float]] = {column: [] for column in wanted}
    places = {column: rows.header.index(column) for column in wanted}
    for number, line, cells in _records(rows):
        if len(cells) != len(rows.header):
            hint = "a line is cut off or two run into each other: download the file again"
            rows.refuse_cell(number, line, "", f"{len(cells)} cells under {len(rows.header)} columns", hint)
            continue
        for column, place in places.items():
            value = _value(column, cells[place].strip())
            values[column].append(math.nan if value is None else value)
            if value is None:
                expected = "true or false" if column.startswith("is_") else "a number"
                message = f"'{cells[place]}' is not {expected}" if cells[place].strip() else "is empty"
                rows.refuse_cell(number, line, column, message, "correct or remove this row")
    return {column: np.array(found, np.float64) for column, found in values.items()}


def _records(rows: Rows) -> Iterator[tuple[int, str, list[str]]]:
    """Yield number, text and cells of each row."""
    seen_header = not rows.has_header
    for number, line in enumerate(rows.text.splitlines(), 1):
        if not line.strip():
            continue
        if seen_header:
            yield number, line, next(csv.reader([line]))
        seen_header = True


def _value(column: str, cell: str) -> float | None:
    if column.startswith("is_"):
        return FLAGS.get(cell.lower())
    number = _number(cell)
    return _seconds(cell) if number is None and column == "time" else number


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _seconds(cell: str) -> float | None:
    """Return what a date and time is in seconds since 1970; without a time zone it is UTC."""
    try:
        instant = datetime.fromisoformat(cell)
    except ValueError:
        return None
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()

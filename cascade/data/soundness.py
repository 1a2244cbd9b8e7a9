"""`cascade data check`: the verdict on a file, with everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from cascade.data.adapter import Adapter, lines_of_facts
from cascade.data.against import Against, Reference
from cascade.data.continuity import Frozen, Gaps
from cascade.data.faults import CHECKSUM, GAP, LABEL, SYMBOL, TWICE, Faults
from cascade.data.opening import promised_sha256, sha256_of
from cascade.data.origins import About, Known
from cascade.data.quality import Bands, Bars, Check, Copies, Order, Span, Takers, Twice, Values, stamp
from cascade.data.reading import batches
from cascade.data.recognise import Given, Recognised, recognise
from cascade.errors import Problem, ScenarioError, in_file_order
from cascade.scenario.source import shown_name
from cascade.scenario.tables import UNREADABLE

End = Literal["start", "end"]


@dataclass(frozen=True)
class Reading:
    """What was found of a file as one table.

    Attributes
    ----------
    label : str
        End of the interval that its times are as published; empty where rows have no interval.
    is_sorted : bool
        Whether its rows come in the order of time.
    has_repeats : bool
        Whether rows of one identity are there more than once.
    """

    adapter: Adapter
    about: About
    rows: int
    first_us: int | None
    last_us: int
    units: tuple[str, ...]
    interval_s: float | None
    label: End | Literal[""]
    is_sorted: bool
    has_repeats: bool
    problems: tuple[Problem, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the record that `--json` prints."""
        return {
            "kind": self.adapter.name,
            "table": self.adapter.table,
            "adapter_version": self.adapter.version,
            "symbol": self.about.symbol or None,
            "rows": self.rows,
            "first": None if self.first_us is None else stamp(self.first_us),
            "last": None if self.first_us is None else stamp(self.last_us),
            "time_units": [*self.units],
            "interval_s": self.interval_s,
            "label": self.label or None,
            "is_sorted": self.is_sorted,
            "facts": [[name, text] for name, text in lines_of_facts(self.adapter)],
        }


@dataclass(frozen=True)
class Checked:
    """A file that was checked, and what is to be said of it."""

    path: Path
    sha256: str
    has_header: bool
    readings: tuple[Reading, ...]
    problems: tuple[Problem, ...]

    @property
    def word(self) -> str:
        """Return the verdict in a word."""
        if any(each.severity == "error" for each in self.problems):
            return "failed"
        return "noted" if self.problems else "ok"

    @property
    def is_sound(self) -> bool:
        """Tell whether nothing is wrong: notes are of what conversion mends."""
        return self.word != "failed"

    def as_dict(self) -> dict[str, Any]:
        """Return the record that `--json` prints."""
        return {
            "file": shown_name(self.path),
            "verdict": self.word,
            "source_sha256": self.sha256 or None,
            "has_header": self.has_header,
            "tables": [each.as_dict() for each in self.readings],
            "problems": [each.as_dict() for each in self.problems],
        }


def check(
    paths: Sequence[Path], given: Given | None = None, against: Reference | None = None
) -> list[Checked]:
    """Return the verdict on each file; files of one kind and symbol are held against each other as well."""
    files = [check_file(path, given, against) for path in paths]
    return _side_by_side(files)


def check_file(path: Path, given: Given | None = None, against: Reference | None = None) -> Checked:
    """Return the verdict on a file; one that cannot be read has one, too."""
    try:
        found = recognise(path, given)
        readings = tuple(_read(path, adapter, found, against) for adapter in found.adapters)
    except ScenarioError as error:
        return Checked(path, sha256_of(path) if path.is_file() else "", False, (), error.problems)
    digest = sha256_of(path)
    problems = [problem for each in readings for problem in each.problems]
    return Checked(
        path, digest, found.has_header, readings, in_file_order([*_checksum(path, digest), *problems])
    )


def _read(path: Path, adapter: Adapter, found: Recognised, against: Reference | None) -> Reading:
    """Read a file as one table, with every check."""
    faults = Faults(shown_name(path))
    checks: list[Check] = [*_checks(adapter, found.about, faults)]
    if against is not None:
        checks.append(Against(faults, adapter, against))
    for batch in batches(path, adapter, found.about, faults):
        for each in checks:
            each.see(batch)
    span = next(each for each in checks if isinstance(each, Span))
    gaps = next(each for each in checks if isinstance(each, Gaps))
    order = next(each for each in checks if isinstance(each, Order))
    if span.rows:
        for each in checks:
            each.end()
    elif not adapter.keep and not faults.problems:
        faults.note(
            UNREADABLE, "the file has no rows", "it was fetched and is empty: that is no zero, leave it out"
        )
    about = replace(found.about, interval_s=found.about.interval_s or gaps.interval_s)
    label = _label(adapter, span, faults)
    if isinstance(adapter.columns["symbol"], Known) and not about.symbol:
        faults.note(
            SYMBOL, "the name of the file does not say what is traded",
            f"write --symbol BTCUSDT, or keep its name as published: {adapter.file}", severity="warning",
        )  # fmt: skip
    return Reading(
        adapter, about, span.rows, span.first_us, span.last_us, tuple(sorted(span.units)), about.interval_s, label,
        order.n == 0, any(isinstance(each, Twice) and each.n for each in checks), faults.problems,
    )  # fmt: skip


def _checks(adapter: Adapter, about: About, faults: Faults) -> Iterator[Check]:
    """Yield the checks that files of a kind have to pass."""
    is_grid = adapter.label is not None
    slack = adapter.every_s or about.interval_s or 0.0
    yield Span(faults, about, 1.5 * slack if is_grid else (adapter.quiet_s or 0.0))
    yield Order(faults, adapter.is_sorted)
    yield Gaps(faults, adapter.series, adapter.every_s or about.interval_s, adapter.quiet_s, is_grid)
    if adapter.copies > 1:
        yield Copies(faults, adapter.copies)
    elif adapter.key:
        yield Twice(faults, adapter.key)
    if adapter.moves:
        yield Frozen(faults, adapter.series, adapter.moves, adapter.frozen_s)
    if adapter.table in ("bars", "trades"):
        yield Values(faults, adapter.table, adapter.contract is not None)
    by_table: dict[str, Callable[[Faults], Check]] = {"bars": Bars, "trades": Takers, "depth": Bands}
    if adapter.table in by_table:
        yield by_table[adapter.table](faults)


def _label(adapter: Adapter, span: Span, faults: Faults) -> End | Literal[""]:
    """Return which end of its interval a row's time is: by the rows at the ends of the file's day, else as known."""
    if adapter.label is None or span.first_us is None:
        return ""
    has_changed = bool(adapter.label.since) and stamp(span.first_us)[:10] >= adapter.label.since
    known = adapter.label.then if has_changed else adapter.label.at
    if span.has_first and span.has_last:
        told = "it has rows of both midnights: some are labelled by the start of an interval, some by its end"
        faults.note(LABEL, told, "fetch it again: the label changed while it was made")
        return known
    found: End = "start" if span.has_first else "end" if span.has_last else known
    if found != known:
        told = f"times are the {found} of each interval, those of {adapter.name} at that time are the {known}"
        faults.note(LABEL, told, "conversion goes by what the file shows; see that its name is right")
    elif found == "end":
        told = "times are the end of each interval, as was usual: conversion labels by the start"
        faults.note(LABEL, told, "nothing to do", severity="warning")
    return found


def _checksum(path: Path, digest: str) -> list[Problem]:
    promised = promised_sha256(path)
    if promised is None or promised == digest:
        return []
    told = f"its SHA-256 is {digest[:12]}..., the .CHECKSUM beside it says {promised[:12] or 'nothing'}..."
    return [Problem(CHECKSUM, told, "it was altered or re-issued: fetch both again", shown_name(path))]


def _side_by_side(files: Sequence[Checked]) -> list[Checked]:
    """Return files with what only several files of a kind tell: stretches twice, and gaps between them."""
    more: dict[int, list[Problem]] = {}
    series: dict[tuple[str, str, float | None, str], list[tuple[int, Reading]]] = {}
    for k, checked in enumerate(files):
        for reading in checked.readings:
            if reading.rows:
                series.setdefault(_series_of(checked.path, reading), []).append((k, reading))
    for found in series.values():
        ordered = sorted(found, key=lambda each: (starts_us(each[1]), each[0]))
        for (before, first), (after, second) in pairwise(ordered):
            problem = _between(files[before].path, first, files[after].path, second)
            if problem is not None:
                more.setdefault(after, []).append(problem)
    return [
        replace(checked, problems=(*checked.problems, *more.get(k, []))) for k, checked in enumerate(files)
    ]


def starts_us(reading: Reading, us: int | None = None) -> int:
    """Return the first time of a file, or another of it, as the start of its interval."""
    time = (reading.first_us or 0) if us is None else us
    return time - round((reading.interval_s or 0.0) * 1e6) if reading.label == "end" else time


_TIME = re.compile(r"(?<!\d)(?:20\d\d(?:[-/]?\d\d){1,2}|\d{10,13})(?!\d)|(?<=/)\d{1,2}(?=[./])")
"""A date, a month or a timestamp in a path, or a number of an hour that is all of a folder's or file's name."""


def _series_of(path: Path, reading: Reading) -> tuple[str, str, float | None, str]:
    """Return what files that go on from one to the next have in common.

    A file that does not name its symbol is like others whose path is the same but for its time; so is one of a stream,
    since folders may tell apart what its symbol does not: an exchange, or levels of a book.
    """
    is_grid = bool(reading.interval_s and reading.about.symbol)
    like = "" if is_grid else _TIME.sub("", path.absolute().as_posix())
    return reading.adapter.name, reading.about.symbol, reading.interval_s, like


def _between(first_path: Path, first: Reading, second_path: Path, second: Reading) -> Problem | None:
    step = round((first.interval_s or 0.0) * 1e6)
    end, begin = starts_us(first, first.last_us), starts_us(second)
    name = shown_name(second_path)
    if begin <= end and first.rows and step:
        told = f"its rows from {stamp(begin)} to {stamp(end)} are in {shown_name(first_path)} as well"
        return Problem(TWICE, told, "give each stretch of time once", name)
    is_apart = begin - end > 1.5 * step if step else _skips(first.about, second.about)
    if is_apart:
        told = f"nothing between {stamp(end)}, where {shown_name(first_path)} ends, and {stamp(begin)}"
        return Problem(
            GAP, told, "fetch the files between them: they were never fetched, which is no zero", name
        )
    return None


def _skips(first: About, second: About) -> bool:
    """Tell whether days or hours that files are named after leave some out."""
    return None not in (first.until_s, second.first_s) and (second.first_s or 0.0) > (first.until_s or 0.0)

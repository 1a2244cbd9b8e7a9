"""A folder of files as they are published: what is in it, by table, coin and venue, and its rows of some time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cascade.data.adapter import Adapter
from cascade.data.arrays import compute
from cascade.data.canonical import TableName
from cascade.data.converting import refusals, tables_of
from cascade.data.faults import FROZEN, KIND
from cascade.data.opening import sha256_of
from cascade.data.recognise import Recognised, recognise
from cascade.data.soundness import Checked, check_file
from cascade.errors import Problem, ScenarioError

VENUES: Final = ("binance", "okx", "bybit", "hyperliquid")
"""Venues that names of files tell."""

_NOT_DATA: Final = {".checksum", ".md", ".yaml", ".yml", ".py", ".html", ".png", ".pdf", ".log"}
_QUOTES: Final = r"(?:USDT|USDC|USD)?(?:[-_./].*)?$"


@dataclass(frozen=True)
class Archive:
    """A file of one kind, and what its name says of it."""

    path: Path
    name: str
    """Its path within the folder."""
    found: Recognised
    adapter: Adapter

    @cached_property
    def sha256(self) -> str:
        """Return its checksum as it lies there."""
        return sha256_of(self.path)

    @cached_property
    def words(self) -> frozenset[str]:
        """Return the words of its name, in small letters."""
        return frozenset(re.split(r"[^a-z0-9]+", self.name.lower()))

    @property
    def venue(self) -> str:
        """Return whose data it is; nothing where it is of several venues, or not known."""
        if self.adapter.publisher in VENUES:
            return self.adapter.publisher
        return next((each for each in VENUES if each in self.words), "")

    @property
    def is_spot(self) -> bool:
        """Tell whether it is of spot, by what it is called."""
        return "spot" in self.words

    @property
    def has_symbols(self) -> bool:
        """Tell whether its rows say what is traded."""
        return bool(self.adapter.columns["symbol"].cells)

    @property
    def is_nameless(self) -> bool:
        """Tell whether neither its rows nor its name tell a pair."""
        pairs = any(re.fullmatch(r"[a-z0-9]{2,12}usd[tc]?", word) for word in self.words)
        return not (self.has_symbols or self.found.about.symbol or pairs)

    def is_of(self, coin: str) -> bool:
        """Tell whether it may hold rows of a coin."""
        if self.has_symbols:
            return True
        if self.found.about.symbol:
            return is_symbol_of(self.found.about.symbol, coin)
        return any(is_symbol_of(word.upper(), coin) for word in self.words)

    def reaches(self, begin: float, end: float) -> bool:
        """Tell whether its name leaves open that it holds rows between two times."""
        about = self.found.about
        return (about.first_s is None or about.first_s < end + 86_400) and (
            about.until_s is None or about.until_s > begin - 86_400
        )


@dataclass
class Table:
    """Rows of one file of a coin, as columns; times are in seconds since 1970 UTC, and intervals begin there."""

    archive: Archive
    interval_s: float | None
    columns: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.columns["time_s"])

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """Return a column of numbers; NaN where it is empty."""
        return self.columns[name]

    def words(self, name: str) -> npt.NDArray[np.str_]:
        """Return a column of texts; empty texts where it is empty."""
        return self.columns[name]


@dataclass
class Folder:
    """The archives of a folder; files are read when they are first asked for, and only if they can be used."""

    path: Path
    begin: float
    end: float
    """Rows of other times are left out: seconds since 1970 UTC."""
    unknown: list[str] = field(default_factory=list[str])
    """Files that no adapter reads."""
    used: dict[str, str] = field(default_factory=dict[str, str])
    """Checksums of the files that were read, by name."""
    notes: list[Problem] = field(default_factory=list[Problem])
    """What else is wrong with them."""
    _checked: dict[Path, Checked] = field(default_factory=dict[Path, Checked])

    def between(self, begin: float, end: float) -> Folder:
        """Return the same archives at other times: what has been checked is not checked anew."""
        other = Folder(self.path, begin, end, self.unknown, _checked=self._checked)
        other.archives = self.archives
        return other

    @cached_property
    def archives(self) -> list[Archive]:
        """Return every file that an adapter reads, once for each table that it becomes.

        Raises
        ------
        ScenarioError
            If there is no such folder, or files of it are damaged.
        """
        if not self.path.is_dir():
            hint = "give the folder that the files were fetched into: --from DIR"
            raise ScenarioError([Problem("CAS003", "there is no such folder", hint, str(self.path))])
        found: list[Archive] = []
        problems: list[Problem] = []
        for path in sorted(self.path.rglob("*")):
            name = path.relative_to(self.path).as_posix()
            if not path.is_file() or path.suffix.lower() in _NOT_DATA or "/." in f"/{name}":
                continue
            try:
                known = recognise(path)
            except ScenarioError as error:
                if {each.code for each in error.problems} == {KIND}:
                    self.unknown.append(name)
                else:
                    problems += error.problems
                continue
            found += [Archive(path, name, known, adapter) for adapter in known.adapters]
        if problems:
            raise ScenarioError(problems)
        return found

    def of(self, table: TableName, coin: str) -> list[Archive]:
        """Return the files that may have rows of a table and a coin."""
        return [
            each
            for each in self.archives
            if each.adapter.table == table and each.is_of(coin) and each.reaches(self.begin, self.end)
        ]

    def tables(self, table: TableName, coin: str, columns: Sequence[str]) -> list[Table]:
        """Return the rows of a coin of each file that has some, with some of their columns.

        Raises
        ------
        ScenarioError
            With what is wrong with each file that cannot be used.
        """
        found: list[Table] = []
        problems: list[Problem] = []
        for archive in self.of(table, coin):
            try:
                read = self.read(archive, coin, columns)
            except ScenarioError as error:
                problems += error.problems
                continue
            if len(read):
                found.append(read)
        if problems:
            raise ScenarioError(problems)
        return found

    def read(self, archive: Archive, coin: str, columns: Sequence[str]) -> Table:
        """Return the rows of a coin of a file."""
        checked = self._check(archive)
        reading = next(each for each in checked.readings if each.adapter is archive.adapter)
        parts = [
            self._selected(table, archive, coin, columns)
            for table in tables_of(checked, reading)
        ]  # fmt: skip
        names = ("time_s", *columns)
        joined = {name: np.concatenate([part[name] for part in parts]) for name in names} if parts else {}
        table = Table(archive, reading.interval_s, joined or {name: np.empty(0) for name in names})
        if len(table):
            self.used[archive.name] = archive.sha256
        return table

    def _check(self, archive: Archive) -> Checked:
        """Return the verdict on a file, unless it says something else than was published."""
        if archive.path not in self._checked:
            checked = check_file(archive.path)
            frozen = [each for each in checked.problems if each.code == FROZEN]
            refused = [each for each in refusals(checked) if each.code != "CAS312"]
            if refused or frozen:
                raise ScenarioError([*refused, *frozen])
            self._checked[archive.path] = checked
        return self._checked[archive.path]

    def _selected(
        self, table: Any, archive: Archive, coin: str, columns: Sequence[str]
    ) -> dict[str, npt.NDArray[Any]]:
        """Return the rows of a time and a coin, as arrays."""
        import pyarrow as pa

        times = table.column("time").cast(pa.int64()).to_numpy() / 1e6
        kept = (times >= self.begin) & (times < self.end)
        if archive.has_symbols and kept.any():
            symbols = table.column("symbol").to_pylist()
            known = {each: is_symbol_of(each or "", coin) for each in set(symbols)}
            kept &= np.array([known[each] for each in symbols], bool)
        rows = table.take(pa.array(np.flatnonzero(kept)))
        return {"time_s": times[kept], **{name: _array(rows.column(name)) for name in columns}}


def _array(column: Any) -> npt.NDArray[Any]:
    """Return a column as numbers or texts."""
    import pyarrow as pa

    if pa.types.is_string(column.type):
        return np.array(compute().fill_null(column, "").to_pylist(), dtype=np.str_)
    return column.cast(pa.float64()).to_numpy()


def is_symbol_of(symbol: str, coin: str) -> bool:
    """Tell whether a symbol, as any venue writes it, is of a coin against USD."""
    return re.match(re.escape(coin) + _QUOTES, symbol, re.IGNORECASE) is not None


def in_order(tables: Iterable[Table]) -> Iterator[Table]:
    """Yield tables by the time at which they begin."""
    yield from sorted(tables, key=lambda each: float(each.columns["time_s"][0]))


def seconds(moment: datetime) -> float:
    """Return a moment as seconds since 1970 UTC."""
    return moment.astimezone(UTC).timestamp()

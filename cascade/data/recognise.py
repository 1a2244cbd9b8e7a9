"""Which kind a file is of, by its content and its name, and what its name says besides."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Final

from cascade.data.adapter import Adapter, Csv, JsonDocument, JsonLines, Parquet, duration_s
from cascade.data.adapters import ADAPTERS
from cascade.data.contract import Contract
from cascade.data.csv_rows import Header, cells_of, header_of
from cascade.data.faults import CONTRACT, KIND
from cascade.data.opening import unpacked, unreadable
from cascade.data.origins import About, Known
from cascade.errors import Problem, ScenarioError, UsageError
from cascade.scenario.cells import shown
from cascade.scenario.source import shown_name
from cascade.scenario.words import did_you_mean, listing

HEAD_BYTES: Final = 1 << 20
"""What is looked at to tell the kind of a file."""

_PARQUET: Final = b"PAR1"
_LOOKED_AT: Final = 200


@dataclass(frozen=True)
class Given:
    """What the user says of files that their content and names do not tell.

    Attributes
    ----------
    kind : str or None
        Name of an adapter.
    contract : float or None
        Size of a contract of every symbol.
    """

    kind: str | None = None
    symbol: str | None = None
    contract: float | None = None


@dataclass(frozen=True)
class Recognised:
    """The adapters that read a file, one for each table that it becomes, and what is known of it."""

    path: Path
    adapters: tuple[Adapter, ...]
    about: About
    has_header: bool


@dataclass(frozen=True)
class _Head:
    """The beginning of a file."""

    path: Path
    text: str = ""
    names: tuple[str, ...] = ()
    headers: dict[str, Header | None] = field(default_factory=dict[str, Header | None])

    @cached_property
    def lines(self) -> list[str]:
        return [
            line.strip("\r\ufeff") for line in self.text.split("\n")[:_LOOKED_AT] if line.strip("\r\ufeff ")
        ]

    def header(self, adapter: Adapter) -> Header | None:
        if adapter.name not in self.headers:
            self.headers[adapter.name] = header_of(adapter, self.lines[0]) if self.lines else None
        return self.headers[adapter.name]

    def n_cells(self, adapter: Adapter) -> int:
        """Return how many of its cells the file has."""
        header = self.header(adapter) if self.text and isinstance(adapter.shape, Csv) else None
        return len(header.columns) if header else 0

    def cells(self, adapter: Adapter, name: str) -> list[str]:
        """Return a cell of the first rows."""
        header = self.header(adapter)
        if header is None or name not in header.columns:
            return []
        rows = [cells_of(line) for line in self.lines[header.is_written :]]
        return [row[header.columns[name]].strip() for row in rows if len(row) == header.width]


def recognise(path: Path, given: Given | None = None) -> Recognised:
    """Return which kind a file is of.

    Raises
    ------
    ScenarioError
        If there is no such file, it is empty or damaged, or of no kind or of several.
    UsageError
        If the kind that is given is none.
    """
    given = given or Given()
    head = _head(path)
    chosen = [_adapter(given.kind)] if given.kind else _candidates(head)
    if not chosen:
        raise _of_no_kind(head)
    best = _best(chosen, head)
    if len({(each.fetch, each.publisher) for each in best}) > 1:
        names = listing([each.name for each in best])
        hint = f"write --as {best[0].name}, or keep the folders that it is published in"
        raise _kind_error(path, f"may be of several kinds: {names}", hint)
    first = best[0]
    if given.contract is not None and not any(each.contract for each in best):
        raise _needless_contract(path, first)
    header = head.header(first) if isinstance(first.shape, Csv) else None
    return Recognised(path, tuple(best), _about(path, first, given), header is None or header.is_written)


def _head(path: Path) -> _Head:
    with unpacked(path) as stream:
        raw = stream.read(HEAD_BYTES)
        if raw[:4] == _PARQUET:
            return _Head(path, names=_parquet_names(path))
    if not raw.strip():
        raise unreadable(
            shown_name(path), "the file is empty", "it was fetched and holds nothing: fetch it again"
        )
    return _Head(path, raw.decode("utf-8", "replace"))


def _parquet_names(path: Path) -> tuple[str, ...]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with path.open("rb") as packed:
        if packed.read(4) != _PARQUET:
            raise unreadable(shown_name(path), "a parquet file lies within an archive", "unpack it first")
    try:
        with pq.ParquetFile(path) as file:
            return tuple(file.schema_arrow.names)
    except (pa.ArrowException, OSError):
        raise unreadable(shown_name(path), "is a damaged parquet file", "fetch it again") from None


def adapters_named(kind: str | None) -> list[Adapter]:
    """Return one adapter, or all of them."""
    return [*ADAPTERS.values()] if kind is None else [_adapter(kind)]


def _adapter(name: str) -> Adapter:
    if name not in ADAPTERS:
        guess = did_you_mean(name, ADAPTERS)
        raise UsageError(
            f"no kind '{name}'{guess}", where="--as", remedy="kinds: cascade data list", code=KIND
        )
    return ADAPTERS[name]


def _candidates(head: _Head) -> list[Adapter]:
    return [each for each in ADAPTERS.values() if _may_be(each, head)]


def _may_be(adapter: Adapter, head: _Head) -> bool:
    """Tell whether the beginning of a file is one of this kind."""
    if isinstance(adapter.shape, Parquet):
        needed = {cell.name for cell in adapter.cells.values() if not cell.absent}
        return bool(head.names) and needed <= set(head.names)
    if not head.text:
        return False
    if isinstance(adapter.shape, JsonLines | JsonDocument):
        return head.text.lstrip()[:1] in ("{", "[") and all(each in head.text for each in adapter.shape.has)
    if head.header(adapter) is None:
        return False
    return not adapter.symbols or re.fullmatch(adapter.symbols, _symbol(adapter, head)) is not None


def _symbol(adapter: Adapter, head: _Head) -> str:
    """Return what is traded, by the name of the file or its first row."""
    origin = adapter.columns["symbol"]
    if isinstance(origin, Known):
        return (adapter.name_parts(head.path.as_posix()) or {}).get("symbol", "")
    return next(iter(head.cells(adapter, origin.cells[0].name)), "")


def _best(found: Sequence[Adapter], head: _Head) -> list[Adapter]:
    """Return the candidates that fit best: several only where a file becomes several tables, or nobody can tell."""
    path = head.path.absolute()
    in_folder = [each for each in found if each.folder and each.folder in path.parts]
    found = in_folder or _by_volume(list(found), head)
    ranks = [
        (bool(each.symbols), each.name_parts(path.as_posix()) is not None, head.n_cells(each))
        for each in found
    ]
    return [each for each, rank in zip(found, ranks, strict=True) if rank == max(ranks)]


def _by_volume(found: list[Adapter], head: _Head) -> list[Adapter]:
    """Return of bars those of trades where something was traded, else those of prices that are not traded."""
    if {each.table for each in found} != {"bars"}:
        return found
    volumes = [cell for each in found for cell in head.cells(each, "volume")]
    traded = any(cell.strip("0.") for cell in volumes)
    return [each for each in found if ("size" in each.columns) == traded] or found


def _about(path: Path, adapter: Adapter, given: Given) -> About:
    """Return what is known of a file besides its rows."""
    parts = adapter.name_parts(path.absolute().as_posix()) or {}
    first, until = _span(parts, adapter)
    contract = adapter.contract or Contract()
    return About(
        given.symbol or parts.get("symbol", ""),
        parts.get("account", ""),
        duration_s(parts.get("interval", "")),
        first,
        until,
        contract if given.contract is None else contract.sized(given.contract),
    )


def _span(parts: Mapping[str, str], adapter: Adapter) -> tuple[float | None, float | None]:
    """Return the first and the last time that a file of this name is about, in seconds since 1970 UTC."""
    if "stamp" in parts:
        stamp = int(parts["stamp"])
        return (stamp / 1e3 if stamp > 1e11 else float(stamp)), None
    digits = re.sub(r"\D", "", parts.get("date", ""))
    try:
        first = datetime.strptime(digits, "%Y%m%d" if len(digits) == 8 else "%Y%m").replace(tzinfo=UTC)
    except ValueError:
        return None, None
    until = first + timedelta(days=1) if len(digits) == 8 else (first + timedelta(days=32)).replace(day=1)
    if "hour" in parts and int(parts["hour"]) < 24:
        first += timedelta(hours=int(parts["hour"]))
        until = first + timedelta(hours=1)
    shift = timedelta(hours=adapter.day_from_h)
    return (first + shift).timestamp(), (until + shift).timestamp()


def _of_no_kind(head: _Head) -> ScenarioError:
    """Return the error for a file that no adapter reads, with the kind that is nearest."""
    first = head.lines[0] if head.lines else ", ".join(head.names)
    names = {each.strip().strip('"').lower() for each in first.split(",")}
    shares = {each.name: _share(each, names) for each in ADAPTERS.values() if isinstance(each.shape, Csv)}
    near = max(shares, key=lambda name: shares[name][0])
    share, missing = shares[near]
    hint = "kinds: cascade data list; write --as KIND for a file that was renamed"
    if not missing:
        hint = f"its columns are those of {near}, but not of what it trades\n{hint}"
    elif share >= 0.5:
        hint = f"it is like {near}, but for: {listing(missing)}\n{hint}"
    return _kind_error(
        head.path, f"is of no kind that Cascade reads; its first line is: {shown(first)}", hint
    )


def _share(adapter: Adapter, names: set[str]) -> tuple[float, list[str]]:
    """Return the share of the cells that a kind needs which a header has, and those it lacks."""
    needed = [cell for cell in adapter.cells.values() if not cell.absent]
    missing = [cell.name for cell in needed if not {each.lower() for each in cell.names} & names]
    return 1 - len(missing) / len(needed), missing


def _needless_contract(path: Path, adapter: Adapter) -> ScenarioError:
    told = f"--contract says nothing of it: amounts of {adapter.name} are no contracts"
    hint = "leave --contract out, or give these files in a call of their own"
    return ScenarioError([Problem(CONTRACT, told, hint, shown_name(path))])


def _kind_error(path: Path, message: str, hint: str) -> ScenarioError:
    return ScenarioError([Problem(KIND, message, hint, shown_name(path), 1, 1)])

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
from cascade.data.canonical import TableName
from cascade.data.contract import Contract
from cascade.data.csv_rows import Header, cells_of, header_of
from cascade.data.faults import COLUMNS, CONTRACT, KIND
from cascade.data.opening import BOM, unpacked, unreadable
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
    symbol: str = ""
    """What is traded, as the user says."""
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


def recognise(path: Path, given: Given | None = None, table: TableName | None = None) -> Recognised:
    """Return which kind a file is of.

    Parameters
    ----------
    table
        Kinds of this table only; of several that fit alike the first.

    Raises
    ------
    ScenarioError
        If there is no such file, it is empty or damaged, or of no kind or of several.
    UsageError
        If the kind that is given is none.
    """
    given = given or Given()
    head = _head(path, given.symbol or "")
    chosen = [_adapter(given.kind)] if given.kind else _candidates(head)
    if not chosen:
        raise _of_no_kind(head)
    _refuse_lacking(chosen, head, is_said=bool(given.kind))
    of_table = [each for each in chosen if table in (None, each.table)]
    if not of_table:
        raise _kind_error(
            path, f"holds no {table}: it is {_best(chosen, head)[0].name}", f"give a file of {table}"
        )
    best = _best(of_table, head)
    if table is None and len({(each.fetch, each.publisher) for each in best}) > 1:
        names = listing([each.name for each in best])
        hint = f"write --as {best[0].name}, or keep the folders that it is published in"
        raise _kind_error(path, f"may be of several kinds: {names}", hint)
    first = best[0]
    if given.contract is not None and not any(each.contract for each in best):
        raise _needless_contract(path, first)
    header = head.header(first) if isinstance(first.shape, Csv) else None
    best = best if table is None else best[:1]
    return Recognised(path, tuple(best), _about(path, first, given), header is None or header.is_written)


def _head(path: Path, symbol: str) -> _Head:
    with unpacked(path) as stream:
        raw = stream.read(HEAD_BYTES)
        if raw[:4] == _PARQUET:
            return _Head(path, symbol, names=_parquet_names(path))
    if not raw.strip():
        raise unreadable(
            shown_name(path), "the file is empty", "it was fetched and holds nothing: fetch it again"
        )
    return _Head(path, symbol, raw.removeprefix(BOM).decode("utf-8", "replace"))


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
        return head.symbol or (adapter.name_parts(head.path.as_posix()) or {}).get("symbol", "")
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


def _refuse_lacking(found: Sequence[Adapter], head: _Head, *, is_said: bool) -> None:
    """Refuse a file that lacks columns of what it is said to be, or of the kind whose folder it lies in."""
    parts = head.path.absolute().parts
    if is_said:
        meant = [*found]
    elif any(each.folder in parts for each in found if each.folder):
        return
    else:
        publishers = {each.publisher for each in found}
        meant = [
            each
            for each in ADAPTERS.values()
            if each.folder in parts and each.folder and each.publisher in publishers
        ]
    for each in meant:
        missing = _share(each, _names(head))[1]
        if isinstance(each.shape, Csv) and head.text and head.header(each) is None and missing:
            raise _lacking(head, each, missing)


def _of_no_kind(head: _Head) -> ScenarioError:
    """Return the error for a file that no adapter reads, with the kind that is nearest: by its name, then by columns."""
    tables = [each for each in ADAPTERS.values() if isinstance(each.shape, Csv)]
    shares = {each.name: _share(each, _names(head)) for each in tables}

    def rank(each: Adapter) -> tuple[bool, float, bool]:
        share = shares[each.name][0]
        is_named = share >= 0.5 and _is_named(each, head)
        return is_named, share, is_named and bool(each.symbols)

    near = max(tables, key=rank)
    share, missing = shares[near.name]
    if missing and share >= 0.5 and (_is_named(near, head) or (len(missing) == 1 and share >= 0.8)):
        return _lacking(head, near, missing)
    hint = "kinds: cascade data list; write --as KIND for a file that was renamed"
    if not missing:
        hint = f"its columns are those of {near.name}, but not of what it trades\n{hint}"
    elif share >= 0.5:
        hint = f"it is like {near.name}, but for: {listing(missing)}\n{hint}"
    return _kind_error(
        head.path, f"is of no kind that Cascade reads; its first line is: {shown(_first(head))}", hint
    )


def _lacking(head: _Head, adapter: Adapter, missing: Sequence[str]) -> ScenarioError:
    """Return the error for a file of a kind that lacks columns."""
    one = len(missing) == 1
    which = f"column {missing[0]}, which is" if one else f"columns {listing(missing)}, which are"
    told = f"a file of {adapter.name} has the {which} not here"
    hint = f"fetch it again: {adapter.fetch}; or write --as KIND if it is of another"
    line = _first(head)
    return ScenarioError([Problem(COLUMNS, told, hint, shown_name(head.path), 1, 1, max(1, len(line)), line)])


def _first(head: _Head) -> str:
    return head.lines[0] if head.lines else ", ".join(head.names)


def _names(head: _Head) -> set[str]:
    return {each.strip().strip('"').lower() for each in _first(head).split(",")}


def _is_named(adapter: Adapter, head: _Head) -> bool:
    """Tell whether a file is named, or lies, as files of a kind do."""
    path = head.path.absolute()
    parts = adapter.name_parts(path.as_posix())
    symbol = head.symbol or (parts or {}).get("symbol", "")
    if adapter.symbols and re.fullmatch(adapter.symbols, symbol) is None:
        return False
    return adapter.folder in path.parts if adapter.folder else parts is not None


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

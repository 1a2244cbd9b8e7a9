"""An adapter: one table of facts about a kind of file that a venue publishes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from cascade.data.canonical import TableName
from cascade.data.contract import Contract
from cascade.data.origins import Cell, Origin

Publisher = Literal["binance", "bybit", "okx", "hyperliquid", "tardis", "coinglass", "any"]
"""Who publishes files that adapters read; `any`: files of a user's own, under common names."""

_DATED: Final = {
    "SYMBOL": r"(?P<symbol>[A-Z0-9_.]+?)",
    "INST": r"(?P<symbol>[A-Z0-9]+(?:-[A-Z0-9]+)+)",
    "INTERVAL": r"(?P<interval>\d+[smhdwM]o?)",
    "DATE": r"(?P<date>\d{4}[-/]?\d\d(?:[-/]?\d\d)?)",
    "HOUR": r"(?P<hour>\d{1,2})",
    "LEVELS": r"\d+",
    "BLOCK": r"\d+",
    "PAIR": r"(?P<symbol>[A-Z0-9]+)",
    "SPAN": r"[\d_-]+",
    "STAMP": r"(?P<stamp>\d{10,16})",
    "ACCOUNT": r"(?P<account>0x[0-9a-fA-F]{8,40})",
}
"""Parts of names of files, as `file` of an adapter writes them."""


@dataclass(frozen=True, slots=True)
class Csv:
    """Rows of cells with commas; `layouts` are the columns of files without a header."""

    layouts: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class JsonLines:
    """A record of JSON in each line; `has` are texts that each record of the kind holds."""

    has: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JsonDocument:
    """One record of JSON, or a list of them, over any number of lines; `has` as of lines."""

    has: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parquet:
    """A parquet file."""


Shape: TypeAlias = Csv | JsonLines | JsonDocument | Parquet


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that one row, or record, of a file gives; of JSON, those of the list at a path."""

    columns: dict[str, Origin] = field(default_factory=dict[str, Origin])
    rows: str = ""


@dataclass(frozen=True, slots=True)
class Keep:
    """Which rows are of this kind: those whose cell is a word, or equals another cell."""

    cell: Cell
    word: str = ""
    other: Cell | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """Which end of an interval its time is, and since when another."""

    at: Literal["start", "end"] = "start"
    since: str = ""
    then: Literal["start", "end"] = "start"


@dataclass(frozen=True, slots=True)
class Adapter:
    """What is known of a kind of file.

    Attributes
    ----------
    file : str
        A name as it is published, with SYMBOL, INTERVAL, DATE and such for its parts.
    fetch : str
        Where it is published.
    folder : str
        Folder that files of this kind are published in, where their names do not tell them from others.
    symbols : str
        Pattern of the symbols that it is about, where files of others look the same.
    side : str
        What a side means.
    key : tuple[str, ...]
        Columns in which no two rows are equal; none where rows have no identity.
    is_sorted : bool
        Rows are published in the order of time; others are sorted on conversion.
    every_s : float or None
        Time between two rows of one series; None where rows come as things happen.
    quiet_s : float or None
        Silence that is a gap.
    series : tuple[str, ...]
        Columns that tell apart the series of a file.
    moves : tuple[str, ...]
        Columns of which at least one changes within `frozen_s` in a market that lives.
    contract : Contract or None
        What one of an amount is worth; None where amounts are units of the asset, so that nobody has to say it.
    copies : int
        How often every row is written.
    day_from_h : int
        Hour of the day before at which the day of a file begins.
    traps : tuple[str, ...]
        What else to know.
    """

    publisher: Publisher
    kind: str
    table: TableName
    shape: Shape
    columns: dict[str, Origin]
    file: str
    fetch: str
    groups: tuple[Group, ...] = (Group(),)
    keep: tuple[Keep, ...] = ()
    folder: str = ""
    symbols: str = ""
    side: str = ""
    contract: Contract | None = None
    label: Label | None = None
    key: tuple[str, ...] = ()
    is_sorted: bool = True
    every_s: float | None = None
    quiet_s: float | None = None
    series: tuple[str, ...] = ("symbol",)
    moves: tuple[str, ...] = ()
    frozen_s: float = 3600.0
    copies: int = 1
    day_from_h: int = 0
    price_is: str = ""
    traps: tuple[str, ...] = ()
    version: int = 1

    @property
    def name(self) -> str:
        """Return publisher and kind, as options take it."""
        return f"{self.publisher}.{self.kind}"

    @property
    def cells(self) -> dict[str, Cell]:
        """Return every published column that is read, by its usual name."""
        origins = [
            *self.columns.values(),
            *(each for group in self.groups for each in group.columns.values()),
        ]
        found = {cell.name: cell for origin in origins for cell in origin.cells}
        for keep in self.keep:
            found |= {cell.name: cell for cell in (keep.cell, keep.other) if cell}
        return found

    @property
    def time_cell(self) -> Cell | None:
        """Return the published time; None where only the name of a file tells it."""
        return next(iter(self.columns["time"].cells), None)

    def name_parts(self, path: str) -> dict[str, str] | None:
        """Return the parts of a path whose end is a name of this kind, or None."""
        pattern = re.escape(self.file)
        for part, meaning in _DATED.items():
            pattern = pattern.replace(part, meaning, 1)
        found = re.search(rf"(?:^|/){pattern}(?:\.[a-z0-9]+)*$", path)
        return None if found is None else {k: text for k, text in found.groupdict().items() if text}


def duration_s(interval: str) -> float | None:
    """Return the length of an interval as names of files write it: 1m, 8h; None of months."""
    found = re.fullmatch(r"(\d+)([smhdw])", interval)
    return (
        int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}[found[2]] if found else None
    )


def lines_of_facts(adapter: Adapter) -> Iterator[tuple[str, str]]:
    """Yield what is known of a kind, a fact at a time."""
    time = adapter.time_cell
    yield "table", adapter.table
    yield "file", adapter.file
    yield "published", adapter.fetch
    yield "time", time.said if time else "in the name of the file"
    if adapter.label:
        later = f", {adapter.label.then} since {adapter.label.since}" if adapter.label.since else ""
        yield "label", f"{adapter.label.at} of the interval{later}"
    if adapter.side:
        yield "side", adapter.side
    if adapter.contract:
        yield from (("contract", line) for line in adapter.contract.lines())
    if adapter.price_is:
        yield "price", adapter.price_is
    yield from (("note", trap) for trap in adapter.traps)

"""Bars and trades of a file in whatever format is published, in the order of time, as facts are measured on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cascade.data.arrays import Mask, Numbers, integers_of
from cascade.data.canonical import TableName
from cascade.data.faults import Faults, Place
from cascade.data.opening import unreadable
from cascade.data.quality import Bars
from cascade.data.reading import Batch, batches
from cascade.data.recognise import recognise
from cascade.data.repeats import Indices, codes_of
from cascade.errors import ScenarioError
from cascade.scenario.source import shown_name
from cascade.scenario.tables import ROW

_PRICES = ("open", "high", "low", "close")
_TRADED = ("size", "notional_usd", "taker_buy_size", "taker_buy_usd")


@dataclass(frozen=True)
class Klines:
    """Bars on a regular grid, NaN where the file has none.

    Attributes
    ----------
    time_s : float
        Opening time of the first bar, in seconds since 1970 UTC.
    seconds : float
        Length of a bar.
    quote_volume : array or None
        Traded value in quote units; None where the file has none, or only zeros (mark and index prices).
    taker_quote_volume : array or None
        The part of it that takers bought.
    notes : tuple[str, ...]
        What was found and mended: gaps, duplicates, rows out of order.
    """

    name: str
    time_s: float
    seconds: float
    open: Numbers
    high: Numbers
    low: Numbers
    close: Numbers
    quote_volume: Numbers | None
    taker_quote_volume: Numbers | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Trades:
    """Trades in the order of time; a sign is 1 where the taker bought and -1 where it sold."""

    name: str
    time_s: Numbers
    price: Numbers
    usd: Numbers
    sign: Numbers
    notes: tuple[str, ...]


def read_klines(path: str | Path) -> Klines:
    """Return the bars of a file as published, or of any CSV with `time_utc`, open, high, low and close.

    Raises
    ------
    ScenarioError
        With all that is wrong, each where it is.
    """
    rows = _Rows.read(Path(path), "bars")
    columns = {name: rows.number(name) for name in (*_PRICES, *_TRADED)}
    columns = {name: values for name, values in columns.items() if not np.isnan(values).all()}
    time_s = rows.time_s
    order, notes = _in_order(rows, time_s, columns)
    time_s = time_s[order]
    seconds = _length(rows, time_s)
    places = np.rint((time_s - time_s[0]) / seconds).astype(np.int64)
    told = f"this time lies within a bar: bars are {seconds:g} s long"
    rows.refuse(_off_grid(order, time_s, seconds), told, "give whole bars of one length")
    rows.raise_problems()
    grid = {name: _on_grid(values[order], places) for name, values in columns.items()}
    notes += _gaps(places, time_s[0], seconds)
    quote, taker = _values(grid)
    return Klines(
        rows.name, float(time_s[0]), seconds, grid["open"], grid["high"], grid["low"], grid["close"], quote, taker,
        tuple(notes),
    )  # fmt: skip


def read_trades(path: str | Path) -> Trades:
    """Return the trades of a file as published, each once.

    Raises
    ------
    ScenarioError
        With all that is wrong, each where it is.
    """
    rows = _Rows.read(Path(path), "trades")
    time_s, ids, notes = rows.time_s, rows.ids(), list[str]()
    order = np.lexsort((ids, time_s))
    if (np.diff(order) < 0).any():
        notes.append(f"{rows.name}: trades were not in the order of time")
    is_again = np.concatenate([[False], np.diff(ids[order]) == 0])
    if is_again.any():
        notes.append(f"{rows.name}: {int(is_again.sum()):,} trades are there twice")
    order = order[~is_again]
    price = rows.number("price")
    usd = price * rows.number("size")
    sign = np.concatenate([np.where(each.says("taker_side", "buy"), 1.0, -1.0) for each in rows.batches])
    return Trades(rows.name, time_s[order], price[order], usd[order], sign[order], tuple(notes))


@dataclass(frozen=True)
class _Rows:
    """The rows of a file, and what is wrong with them."""

    name: str
    batches: Sequence[Batch]
    faults: Faults

    @classmethod
    def read(cls, path: Path, table: TableName) -> _Rows:
        """Read the rows of a file that has rows of a table."""
        found = recognise(path, table=table)
        name = shown_name(path)
        rows = cls(name, list[Batch](), Faults(name))
        bars = Bars(rows.faults)
        kept: list[Batch] = []
        for batch in batches(path, found.adapters[0], found.about, rows.faults):
            if table == "bars":
                bars.see(batch)
            kept.append(batch)
        rows.raise_problems()
        if not kept:
            raise unreadable(name, "the file has no rows", "give a file as it is published")
        return cls(name, kept, rows.faults)

    @property
    def time_s(self) -> Numbers:
        """Return the times in seconds since 1970 UTC."""
        return np.concatenate([each.time_us for each in self.batches]) / 1e6

    def number(self, column: str) -> Numbers:
        """Return a column; NaN where it is empty."""
        return np.concatenate([each.number(column) for each in self.batches])

    def ids(self) -> Indices:
        """Return a number for each trade that is its own: what the venue calls it, where that is a number."""
        import pyarrow as pa

        whole = pa.concat_tables([each.table.select(["id"]) for each in self.batches])
        if whole.column("id").null_count:
            return np.arange(len(whole))
        try:
            return integers_of(whole.column("id"))
        except pa.ArrowInvalid:
            return codes_of(whole, ("id",))

    def refuse(self, bad: Mask, message: str, hint: str) -> None:
        """Note the same fault of all rows that have it."""
        ends = np.cumsum([len(each) for each in self.batches])

        def place(row: int) -> Place:
            k = int(np.searchsorted(ends, row, side="right"))
            return self.batches[k].place(row - int(ends[k]) + len(self.batches[k]), "time")

        self.faults.note_rows(np.flatnonzero(bad), ROW, lambda _: message, hint, place, alike=message)

    def raise_problems(self) -> None:
        """Raise what was noted, if anything is wrong."""
        problems = self.faults.problems
        if any(each.severity == "error" for each in problems):
            raise ScenarioError(problems)


def _in_order(rows: _Rows, time_s: Numbers, columns: dict[str, Numbers]) -> tuple[Indices, list[str]]:
    """Return which rows to take in which order: by time, and of bars that are there twice the first."""
    order = np.argsort(time_s, kind="stable")
    notes = [f"{rows.name}: bars were not in the order of time"] if (np.diff(time_s) < 0).any() else []
    is_again = np.concatenate([[False], np.diff(time_s[order]) == 0])
    before = np.roll(order, 1)
    differs = np.zeros(len(order), np.bool_)
    for values in columns.values():
        now, then = values[order], values[before]
        differs |= is_again & (now != then) & ~(np.isnan(now) & np.isnan(then))
    conflicting = np.zeros(len(order), np.bool_)
    conflicting[order[differs]] = True
    rows.refuse(conflicting, "another row has another bar of the same time", "keep one of them")
    rows.raise_problems()
    if is_again.any():
        notes.append(f"{rows.name}: {int(is_again.sum()):,} bars are there twice")
    return order[~is_again], notes


def _length(rows: _Rows, time_s: Numbers) -> float:
    """Return the length of a bar: the step that most bars are apart."""
    if len(time_s) < 2:
        raise unreadable(rows.name, "one bar has no length", "give at least two bars")
    steps, counts = np.unique(np.rint(np.diff(time_s) * 1e3), return_counts=True)
    return float(steps[np.argmax(counts)]) / 1e3


def _off_grid(order: Indices, time_s: Numbers, seconds: float) -> Mask:
    """Tell, in the order of the file, which bars begin inside of another."""
    offset = (time_s - time_s[0]) / seconds
    found = np.zeros(int(order.max()) + 1, np.bool_)
    found[order] = np.abs(offset - np.rint(offset)) > 1e-6
    return found


def _on_grid(values: Numbers, places: Indices) -> Numbers:
    grid = np.full(int(places[-1]) + 1, np.nan)
    grid[places] = values
    return grid


def _gaps(places: Indices, first_s: float, seconds: float) -> list[str]:
    """Return what is missing between the first bar and the last."""
    steps = np.diff(places)
    if (steps == 1).all():
        return []
    missing, at = int((steps - 1).sum()), int(np.argmax(steps > 1))
    when = np.datetime64(int(first_s + (places[at] + 1) * seconds), "s")
    gaps = int((steps > 1).sum())
    return [f"{missing:,} bars are missing in {gaps:,} gap{'s' * (gaps > 1)}, the first from {when}Z"]


def _values(grid: dict[str, Numbers]) -> tuple[Numbers | None, Numbers | None]:
    """Return traded value and what takers bought of it; where a file has sizes only, at the middle of the bar."""
    middle = (grid["high"] + grid["low"]) / 2.0
    quote, taker = (
        grid[value] if value in grid else grid[size] * middle if size in grid else None
        for value, size in (("notional_usd", "size"), ("taker_buy_usd", "taker_buy_size"))
    )
    if quote is None or not np.nansum(quote) > 0:
        return None, None
    return quote, taker

"""Checks of a file's rows as they stream by: each looks at a batch at a time, and remembers little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cascade.data.faults import BAND, CONTRACT, DAY, GAP, ORDER, SIDE, TWICE, UNIT, Faults, Place
from cascade.data.origins import About
from cascade.data.reading import Batch
from cascade.data.repeats import Copied, Repeats, codes_of
from cascade.units import format_span

Times = npt.NDArray[np.int64]


class Check(Protocol):
    """One thing that may be wrong with the rows of a file."""

    def see(self, batch: Batch) -> None:
        """Look at a batch."""
        ...

    def end(self) -> None:
        """Say what only the whole file tells."""
        ...


@dataclass
class Span:
    """The stretch of time that the rows are of, and whether it is that of the file's name."""

    faults: Faults
    about: About
    slack_s: float
    """What may be missing at either end: rows come as things happen."""
    first_us: int | None = None
    last_us: int = 0
    rows: int = 0
    units: set[str] = field(default_factory=set[str])
    has_first: bool = False
    has_last: bool = False

    def see(self, batch: Batch) -> None:
        """Look at a batch."""
        times = batch.time_us
        self.first_us = int(times.min()) if self.first_us is None else min(self.first_us, int(times.min()))
        self.last_us = max(self.last_us, int(times.max()))
        self.rows += len(batch)
        self.units |= batch.units
        if self.about.first_s is None or self.about.until_s is None:
            return
        first, until = round(self.about.first_s * 1e6), round(self.about.until_s * 1e6)
        self.has_first |= bool((times == first).any())
        self.has_last |= bool((times == until).any())
        strange = np.flatnonzero((times < first) | (times > until))
        self.faults.note_rows(
            strange,
            DAY,
            lambda row: f"{stamp(times[row])} is not in the time that the file is named after",
            f"it is named after {stamp(first)} to {stamp(until)}: rename it, or fetch it again",
            placed(batch, "time"),
            alike="day",
        )

    def end(self) -> None:
        """Say what only the whole file tells."""
        if len(self.units) > 1:
            told = f"times are in {' and '.join(sorted(self.units))} within one file"
            self.faults.note(UNIT, told, "conversion reads each by its size", severity="warning")
        if (
            self.first_us is None
            or self.about.first_s is None
            or self.about.until_s is None
            or not self.slack_s
        ):
            return
        late, early = self.first_us / 1e6 - self.about.first_s, self.about.until_s - self.last_us / 1e6
        for lack, where in ((late, "at its beginning"), (early, "at its end")):
            if lack > self.slack_s:
                told = f"{format_span(lack)} of the time that the file is named after are missing {where}"
                self.faults.note(GAP, told, "it is cut off, or the venue had a gap: fetch it again")


@dataclass
class Order:
    """Whether rows come in the order of time."""

    faults: Faults
    is_promised: bool
    last_us: int = -(2**63)
    n: int = 0

    def see(self, batch: Batch) -> None:
        """Look at a batch."""
        times = np.concatenate([np.array([self.last_us]), batch.time_us])
        back = np.flatnonzero(times[1:] < times[:-1])
        self.n += len(back)
        self.last_us = int(times[-1])
        if self.is_promised:
            hint = "conversion sorts the rows; see that two files were not joined"
            self.faults.note_rows(
                back, ORDER, lambda row: f"{stamp(times[row + 1])} comes after {stamp(times[row])}", hint,
                placed(batch, "time"), alike="order",
            )  # fmt: skip

    def end(self) -> None:
        """Say what only the whole file tells."""
        if self.n and not self.is_promised:
            told = f"{self.n:,} rows are not in the order of time, as may be: conversion sorts them"
            self.faults.note(ORDER, told, "nothing to do", severity="warning")


class Twice:
    """Whether rows of one identity are there more than once: equal ones, or ones that contradict each other."""

    def __init__(self, faults: Faults, key: tuple[str, ...]) -> None:
        self.n = 0
        self._faults, self._what, self._repeats = faults, " and ".join(key), Repeats(key)

    def see(self, batch: Batch) -> None:
        """Look at a batch."""
        again, conflicts = self._repeats.of(batch.table)
        self.n += len(again) + len(conflicts)
        for rows, told, hint in (
            (again, f"this row is there twice: same {self._what}", "conversion keeps the first"),
            (conflicts, f"another row has the same {self._what} and says something else", "keep one of them"),
        ):
            self._faults.note_rows(rows, TWICE, lambda _, told=told: told, hint, placed(batch), alike=told)

    def end(self) -> None:
        """Say what only the whole file tells."""
        return


class Copies:
    """Whether every row is written as often as files of the kind are known to write it."""

    def __init__(self, faults: Faults, copies: int) -> None:
        self._faults, self._copies, self._copied = faults, copies, Copied()
        self._odd, self._last = 0, copies

    def see(self, batch: Batch) -> None:
        """Look at a batch."""
        numbers = np.concatenate([[self._last], self._copied.of(batch.table)])
        ends = numbers[:-1][numbers[1:] == 1]
        self._odd += int((ends % self._copies != 0).sum())
        self._last = int(numbers[-1])

    def end(self) -> None:
        """Say what only the whole file tells."""
        self._odd += self._last % self._copies != 0
        times = {2: "twice"}.get(self._copies, f"{self._copies} times")
        if self._odd:
            told = f"{self._odd:,} rows are not written {times}, as files of this kind are"
            self._faults.note(TWICE, told, "it is cut off, or was edited: fetch it again")
        else:
            told = f"every row is written {times}, as is known: conversion keeps one"
            self._faults.note(TWICE, told, "nothing to do", severity="warning")


@dataclass
class Values:
    """Whether value, size and price of rows agree, which they do not where sizes are contracts of another size."""

    faults: Faults
    table: str
    are_contracts: bool
    """Whether amounts of its kind are contracts, so that what one is worth can be said."""
    ratios: list[npt.NDArray[np.float64]] = field(default_factory=list[npt.NDArray[np.float64]])
    first: Callable[[], Place] | None = None

    def see(self, batch: Batch) -> None:
        """Look at a batch."""
        size, value = batch.number("size"), batch.number("notional_usd")
        is_bar = self.table == "bars"
        low, high = batch.number("low" if is_bar else "price"), batch.number("high" if is_bar else "price")
        with np.errstate(all="ignore"):
            paid = value / size
            off = np.where(paid < low, paid / low, np.where(paid > high, paid / high, 1.0))
        use = np.isfinite(off) & (size > 0) & (value > 0)
        self.ratios.append(np.array([np.median(off[use])]) if use.any() else np.zeros(0))
        if self.first is None and use.any():
            self.first = partial(batch.place, int(np.flatnonzero(use)[0]), "size")

    def end(self) -> None:
        """Say what only the whole file tells."""
        ratios = np.concatenate([*self.ratios, np.zeros(0)])
        if not len(ratios):
            return
        ratio = float(np.median(ratios))
        if abs(np.log(ratio)) > 0.02:
            told = f"value over size is {ratio:.4g} times the price: sizes are not in units of the asset"
            hint = "see that its columns are as published, and fetch it again"
            if self.are_contracts:
                hint = f"write --contract: one is worth {1 / ratio:.4g} times what is known of it"
            self.faults.note(CONTRACT, told, hint, self.first)


@dataclass
class Takers:
    """Whether takers who buy lift the price, as they do unless the side means the maker's."""

    faults: Faults
    last: float = np.nan
    agreed: int = 0
    changed: int = 0

    def see(self, batch: Batch) -> None:
        """Look at a batch."""
        prices = np.concatenate([[self.last], batch.number("price")])
        moved = np.sign(np.diff(prices))
        use = np.isfinite(moved) & (moved != 0) & ~batch.says("taker_side", "unknown")
        self.changed += int(use.sum())
        self.agreed += int(((moved > 0) == batch.says("taker_side", "buy"))[use].sum())
        self.last = float(prices[-1])

    def end(self) -> None:
        """Say what only the whole file tells."""
        if self.changed >= 200 and self.agreed < 0.35 * self.changed:
            told = f"takers agree with the change of the price in {self.agreed / self.changed:.0%} of {self.changed:,}"
            self.faults.note(SIDE, told, "the side is the maker's here: fetch the file as published")


@dataclass
class Bars:
    """Whether the prices of each bar lie within its high and low, and what takers bought within what was traded."""

    faults: Faults

    def see(self, batch: Batch) -> None:
        """Look at a batch."""
        from cascade.scenario.tables import ROW

        o, h, l, c = (batch.number(name) for name in ("open", "high", "low", "close"))  # noqa: E741
        with np.errstate(invalid="ignore"):
            more = [
                (
                    batch.number(part) > batch.number(all_) * (1 + 1e-9),
                    "takers cannot have bought more than was traded",
                    part,
                )
                for all_, part in (("size", "taker_buy_size"), ("notional_usd", "taker_buy_usd"))
            ]
        for bad, told, cell in (
            *more,
            (h < np.maximum(o, c), "high lies below open or close", "high"),
            (l > np.minimum(o, c), "low lies above open or close", "low"),
        ):
            self.faults.note_rows(
                np.flatnonzero(bad), ROW, lambda _, told=told: told, "correct or remove this row",
                placed(batch, cell), alike=told,
            )  # fmt: skip

    def end(self) -> None:
        """Say what only the whole file tells."""
        return


@dataclass
class Bands:
    """Whether depth does not fall with distance within one look at a book."""

    faults: Faults

    def see(self, batch: Batch) -> None:
        """Look at a batch."""
        distance, value = batch.number("distance_bps"), batch.number("notional_usd")
        groups = codes_of(batch.table, ("symbol", "side"))
        order = np.lexsort((distance, batch.time_us, groups))
        same = (np.diff(groups[order]) == 0) & (np.diff(batch.time_us[order]) == 0)
        less = np.sort(order[1:][same & (np.diff(value[order]) < 0)])
        self.faults.note_rows(
            less, BAND, lambda row: f"less depth within {distance[row]:g} bps than within a smaller distance",
            "depth is cumulative: bands are mixed up, leave this stretch out", placed(batch, "notional_usd"),
            alike="band",
        )  # fmt: skip

    def end(self) -> None:
        """Say what only the whole file tells."""
        return


def placed(batch: Batch, column: str = "") -> Callable[[int], Place]:
    """Return what finds the place of a row of a batch: of the cell that a column comes from, or of its line."""
    return lambda row: batch.place(row, column)


def stamp(us: Any) -> str:
    """Return a time in microseconds since 1970 as text."""
    text = str(np.datetime64(int(us), "us"))
    return f"{text.removesuffix('.000000')}Z"

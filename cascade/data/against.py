"""Prices of a file against another source's: as of the same time, within what was traded there."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from cascade.data.adapter import Adapter
from cascade.data.arrays import Numbers
from cascade.data.faults import LABEL, PRICE, SIDE, Faults, Place
from cascade.data.quality import placed, stamp
from cascade.data.reading import Batch, batches
from cascade.data.recognise import recognise
from cascade.errors import ScenarioError, UsageError
from cascade.scenario.source import shown_name

Times = npt.NDArray[np.int64]

TOLERANCE: Final = 0.005
"""By how much a price may lie beyond the high and low of another source: venues differ by some bps."""

_MOST_BEYOND: Final = 0.02
"""Share of rows that may lie beyond."""

_MINUTE_US: Final = 60_000_000
_LEAST_SIDES: Final = 30

_PRICES: Final = {
    "bars": "close", "trades": "price", "liquidations": "price", "book": "price", "ticker": "mark_price",
}  # fmt: skip


@dataclass(frozen=True)
class Reference:
    """Prices of another source: intervals with their low and high, in the order of time."""

    name: str
    start_us: Times
    step_us: int
    low: Numbers
    high: Numbers
    close: Numbers

    def interval_of(self, time_us: Times) -> Times:
        """Return the interval that each time lies in; -1 for none."""
        at = np.searchsorted(self.start_us, time_us, side="right") - 1
        inside = (at >= 0) & (time_us < self.start_us[np.maximum(at, 0)] + self.step_us)
        return np.where(inside, at, -1)


def read_reference(path: Path) -> Reference:
    """Return the prices of a file of bars, trades or a ticker, as intervals.

    Raises
    ------
    ScenarioError
        If it is no valid file of any kind.
    UsageError
        If it has no prices.
    """
    found = recognise(path)
    adapter = next((each for each in found.adapters if each.table in ("bars", "trades", "ticker")), None)
    if adapter is None:
        raise UsageError(
            f"{shown_name(path)} has no prices: it is {found.adapters[0].name}", where="--against",
            remedy="give bars, trades or a ticker",
        )  # fmt: skip
    faults = Faults(shown_name(path))
    rows = [_intervals(batch, adapter) for batch in batches(path, adapter, found.about, faults)]
    if any(each.severity == "error" for each in faults.problems) or not rows:
        raise ScenarioError(faults.problems or ())
    time, low, high, close = (np.concatenate(each) for each in zip(*rows, strict=True))
    return _merged(shown_name(path), adapter, time, (low, high, close))


def _intervals(batch: Batch, adapter: Adapter) -> tuple[Times, Numbers, Numbers, Numbers]:
    if adapter.table == "bars":
        return batch.time_us, batch.number("low"), batch.number("high"), batch.number("close")
    price = batch.number(_PRICES[adapter.table])
    if adapter.table == "ticker" and np.isnan(price).all():
        price = batch.number("last_price")
    minute = batch.time_us // _MINUTE_US * _MINUTE_US
    starts, place = np.unique(minute, return_inverse=True)
    low, high, close = (
        np.full(len(starts), np.inf),
        np.full(len(starts), -np.inf),
        np.full(len(starts), np.nan),
    )
    np.minimum.at(low, place, price)
    np.maximum.at(high, place, price)
    close[place] = price
    return starts, low, high, close


def _merged(name: str, adapter: Adapter, time: Times, prices: tuple[Numbers, ...]) -> Reference:
    """Return intervals in order, each once."""
    starts, place = np.unique(time, return_inverse=True)
    low, high, close = (
        np.full(len(starts), np.inf),
        np.full(len(starts), -np.inf),
        np.full(len(starts), np.nan),
    )
    np.minimum.at(low, place, prices[0])
    np.maximum.at(high, place, prices[1])
    close[place] = prices[2]
    steps = np.diff(starts) if adapter.table == "bars" and len(starts) > 1 else np.array([_MINUTE_US])
    return Reference(name, starts, int(np.median(steps)), low, high, close)


@dataclass
class Against:
    """Compares the prices of a file with a reference, as its rows stream by."""

    faults: Faults
    adapter: Adapter
    reference: Reference
    n: int = 0
    beyond: int = 0
    first: Place | None = None
    ratios: list[Numbers] = field(default_factory=list[Numbers])
    closes: list[tuple[Times, Numbers]] = field(default_factory=list[tuple[Times, Numbers]])
    long_in_falls: int = 0
    sided: int = 0

    def see(self, batch: Batch) -> None:
        """Look at a batch."""
        price = _price_of(batch, self.adapter.table)
        at = self.reference.interval_of(batch.time_us)
        use = (at >= 0) & np.isfinite(price) & (price > 0)
        low, high = self.reference.low[at], self.reference.high[at]
        off = np.where(price > high, price / high, np.where(price < low, price / low, 1.0))[use]
        far = np.abs(off - 1.0) > TOLERANCE
        self.n += len(off)
        self.beyond += int(far.sum())
        if far.any():
            self.ratios.append(off[far])
            if self.first is None:
                self.first = placed(batch, _PRICES.get(self.adapter.table, ""))(
                    int(np.flatnonzero(use)[far][0])
                )
        if self.adapter.table == "bars":
            self.closes.append((batch.time_us, price))
        if self.adapter.table == "liquidations":
            self._sides(batch, at)

    def _sides(self, batch: Batch, at: Times) -> None:
        """Count liquidations of longs while the price fell, and of shorts while it rose."""
        before = np.maximum(at - 1, 0)
        moved = np.sign(self.reference.close[at] - self.reference.close[before])
        use = (at > 0) & (moved != 0)
        is_long = batch.says("side", "long")
        self.sided += int(use.sum())
        self.long_in_falls += int((is_long == (moved < 0))[use].sum())

    def end(self) -> None:
        """Say what only the whole file tells."""
        name = self.reference.name
        if self._is_shifted() or (self.n and self.beyond <= _MOST_BEYOND * self.n):
            pass
        elif self.n:
            ratio = float(np.median(np.concatenate(self.ratios)))
            told = (
                f"{self.beyond:,} of {self.n:,} prices lie beyond those of {name}, by a factor of {ratio:.4g}"
            )
            self.faults.note(
                PRICE, told, "see that both are of one symbol, one unit and one time", self.first
            )
        else:
            first, last = stamp(self.reference.start_us[0]), stamp(self.reference.start_us[-1])
            told = f"no price of it lies within the time of {name}"
            self.faults.note(PRICE, told, f"give a source of that time: this one is of {first} to {last}")
        if self.sided >= _LEAST_SIDES and self.long_in_falls < 0.35 * self.sided:
            share = 1 - self.long_in_falls / self.sided
            told = f"in {share:.0%} of {self.sided:,} cases longs were liquidated in a rise"
            self.faults.note(
                SIDE, f"{told} of {name}, or shorts in a fall", f"sides are reversed: {self.adapter.side}"
            )

    def _is_shifted(self) -> bool:
        """Tell, and note, whether bars agree with the reference an interval later or earlier only."""
        if len(self.closes) == 0:
            return False
        time, close = (np.concatenate(each) for each in zip(*self.closes, strict=True))
        step = self.reference.step_us
        gaps = {shift: self._gap(time + shift * step, close) for shift in (-1, 0, 1)}
        best = min(gaps, key=lambda shift: gaps[shift])
        if best == 0 or not gaps[best] < gaps[0] / 3:
            return False
        told = "the end" if best < 0 else "an interval before the start"
        agrees = f"prices agree with {self.reference.name} shifted by {best:+d} interval"
        self.faults.note(
            LABEL,
            f"times are {told} of each interval: {agrees}",
            "give bars that are labelled by their start",
        )
        return True

    def _gap(self, time: Times, close: Numbers) -> float:
        """Return how far closes lie from those of the reference at these times."""
        at = np.searchsorted(self.reference.start_us, time)
        inside = at < len(self.reference.start_us)
        same = inside & (self.reference.start_us[np.where(inside, at, 0)] == time)
        if same.sum() < 3:
            return np.inf
        return float(np.mean(np.abs(np.log(close[same] / self.reference.close[at[same]]))))


def _price_of(batch: Batch, table: str) -> Numbers:
    """Return the price of each row; of open interest and depth its value over its size."""
    if table in _PRICES:
        return batch.number(_PRICES[table])
    names = {"open_interest": ("open_interest_usd", "open_interest"), "depth": ("notional_usd", "size"),
             "positions": ("notional_usd", "size")}  # fmt: skip
    if table not in names:
        return np.full(len(batch), np.nan)
    with np.errstate(all="ignore"):
        return batch.number(names[table][0]) / batch.number(names[table][1])

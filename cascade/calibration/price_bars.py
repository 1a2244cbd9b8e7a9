"""The price path of a coin out of whatever bars there are: the best source first, others where it has none."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from cascade.calibration.archives import Folder, Table
from cascade.calibration.figures import YEAR_S
from cascade.data.faults import PRICE
from cascade.errors import Problem, ScenarioError
from cascade.units import format_instant

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

PRICES: Final = ("open", "high", "low", "close")
DAY_S: Final = 86_400.0
LONGEST_BAR_S: Final = 3_600.0
"""Bars up to this are a path within a day."""
LONGEST_GAP_S: Final = 1_800.0
"""A stretch without bars within the event that is bridged."""
FURTHEST_APART: Final = 0.0025
"""By how much prices of a coin differ at most, in the median: of venues, perpetuals and spot it is less than 0.1 %."""


@dataclass(frozen=True)
class Bars:
    """Bars in the order of time that do not overlap, with the file that each is of."""

    time_s: Floats
    prices: Floats
    """Open, high, low and close of each."""
    interval_s: Floats
    file: npt.NDArray[np.str_]
    is_spot: bool = False
    venue: str = ""

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def end_s(self) -> Floats:
        """Return when each ends."""
        return self.time_s + self.interval_s

    def of(self, kept: Mask) -> Bars:
        """Return some of them."""
        return Bars(
            self.time_s[kept],
            self.prices[kept],
            self.interval_s[kept],
            self.file[kept],
            self.is_spot,
            self.venue,
        )

    @property
    def files(self) -> tuple[str, ...]:
        """Return the files that they are of, in the order of time."""
        return tuple(dict.fromkeys(self.file.tolist()))

    def within(self, begin: float, end: float) -> Bars:
        """Return those that lie between two times."""
        return self.of((self.time_s >= begin) & (self.end_s <= end))

    def coverage(self, begin: float, end: float) -> float:
        """Return the share of a stretch that they cover."""
        inside = np.minimum(self.end_s, end) - np.maximum(self.time_s, begin)
        return float(np.maximum(inside, 0.0).sum()) / (end - begin)

    def gaps(self, begin: float, end: float) -> list[tuple[float, float]]:
        """Return the stretches without bars between two times that are too long to be bridged."""
        inside = self.of((self.end_s > begin) & (self.time_s < end))
        ends = np.concatenate([[begin], inside.end_s])
        begins = np.concatenate([inside.time_s, [end]])
        long = np.flatnonzero(begins - ends > LONGEST_GAP_S)
        return [(float(ends[k]), float(begins[k])) for k in long]

    def marked(self) -> tuple[Floats, Floats]:
        """Return the times at which a bar begins or ends, each once, and the price then."""
        times, first = np.unique(np.concatenate([self.end_s, self.time_s]), return_index=True)
        return times, np.concatenate([self.prices[:, 3], self.prices[:, 0]])[first]

    def price_at(self, moment: float) -> float:
        """Return the close of the last bar that had ended by a moment, or the open of the first."""
        row = int(np.searchsorted(self.end_s, moment + 1e-6)) - 1
        return float(self.prices[row, 3] if row >= 0 else self.prices[0, 0])

    def volatility(self) -> float:
        """Return the yearly volatility that highs and lows tell (Parkinson 1980)."""
        squares = np.log(self.prices[:, 1] / self.prices[:, 2]) ** 2
        variance = float(squares.sum()) / (4.0 * math.log(2.0) * float(self.interval_s.sum()))
        return math.sqrt(variance * YEAR_S)


def bars_of(
    folder: Folder,
    coin: str,
    begin: float,
    end: float,
    venues: Sequence[str],
    longest_s: float = LONGEST_BAR_S,
) -> Bars:
    """Return the bars of a coin from the folder.

    Within the event only bars up to `longest_s` count. Perpetuals come before spot, then what covers more of the
    event, the earlier venue, the finer bars.

    Raises
    ------
    ScenarioError
        If two sources contradict each other, with the files.
    """
    sources = [*_sources(folder.tables("bars", coin, ("price_of", *PRICES)))]
    fine = [each for each in sources if each.interval_s[0] <= longest_s]
    if all(each.coverage(begin, end) < 0.99 for each in fine):
        sources += _from_trades(folder, coin)
    order = {name: rank for rank, name in enumerate(venues)}

    def rank(bars: Bars) -> tuple[bool, bool, float, int, float]:
        share = round(bars.coverage(begin, end), 2)
        length = float(bars.interval_s[0])
        return length > longest_s, bars.is_spot, -share, order.get(bars.venue, len(order)), length

    ranked = sorted(sources, key=rank)
    _refuse_strangers(coin, ranked)
    path = Bars(np.empty(0), np.empty((0, 4)), np.empty(0), np.empty(0, np.str_))
    for source in ranked:
        is_long = source.interval_s[0] > longest_s
        free = source.of(source.end_s <= begin) if is_long else source
        added = free.of(_is_free(path, free))
        if len(added):
            path = _joined(path, added)
    return path.of(path.time_s < end)


def _refuse_strangers(coin: str, ranked: Sequence[Bars]) -> None:
    """Refuse files whose prices are not those of the best source: they are of another coin, or of other times."""
    best = ranked[0] if ranked else None
    problems = [
        Problem(
            PRICE,
            f"its prices of {coin} are not those of {other} at the same times: {_apart(distance)} apart in the median",
            "one of them is of another coin, or its times are shifted: fetch both again, or take the wrong one out",
            name,
        )
        for more in ranked[1:]
        if best is not None
        for name, mine in _by_file(best)
        for other, theirs in _by_file(more)
        if (distance := _distance(mine, theirs)) > FURTHEST_APART
    ]
    if problems:
        raise ScenarioError(problems)


def _by_file(bars: Bars) -> Iterable[tuple[str, Bars]]:
    return [(name, bars.of(bars.file == name)) for name in bars.files]


def _distance(first: Bars, second: Bars) -> float:
    """Return how far prices lie apart at the times that two sources have in common: the median of the logarithm."""
    times, prices = zip(*(each.marked() for each in (first, second)), strict=True)
    _, mine, theirs = np.intersect1d(*times, return_indices=True)
    return float(np.median(np.abs(np.log(prices[0][mine] / prices[1][theirs])))) if len(mine) else 0.0


def _apart(distance: float) -> str:
    return (
        f"{100.0 * math.expm1(distance):.2g} %" if distance < 0.5 else f"a factor of {math.exp(distance):.3g}"
    )


def _sources(tables: Iterable[Table]) -> Iterable[Bars]:
    """Yield bars of one venue, kind and length together, whatever files they are in."""
    groups: dict[tuple[str, bool, float, str], list[Table]] = {}
    for table in tables:
        if table.interval_s is None or not (table.words("price_of") == "trade").all():
            continue
        archive = table.archive
        key = (archive.venue, archive.is_spot, table.interval_s, archive.adapter.name)
        groups.setdefault(key, []).append(table)
    for (venue, is_spot, interval, _), found in groups.items():
        times = np.concatenate([each.numbers("time_s") for each in found])
        prices = np.concatenate([np.stack([each.numbers(p) for p in PRICES], axis=1) for each in found])
        times, first = np.unique(times, return_index=True)
        names = np.repeat([each.archive.name for each in found], [len(each) for each in found])
        yield Bars(times, prices[first], np.full(len(times), interval), names[first], is_spot, venue)


def _from_trades(folder: Folder, coin: str) -> Iterable[Bars]:
    """Yield bars of a minute from files of trades."""
    for table in folder.tables("trades", coin, ("price",)):
        order = np.argsort(table.numbers("time_s"), kind="stable")
        times, prices = table.numbers("time_s")[order], table.numbers("price")[order]
        minutes, first = np.unique(np.floor(times / 60.0), return_index=True)
        last = np.append(first[1:], len(times)) - 1
        found = np.stack(
            [
                prices[first],
                np.maximum.reduceat(prices, first),
                np.minimum.reduceat(prices, first),
                prices[last],
            ],
            axis=1,
        )
        archive = table.archive
        yield Bars(
            minutes * 60.0,
            found,
            np.full(len(minutes), 60.0),
            np.full(len(minutes), archive.name),
            archive.is_spot,
            archive.venue,
        )


def _is_free(path: Bars, more: Bars) -> Mask:
    """Tell which bars overlap none of a path."""
    if not len(path):
        return np.ones(len(more), bool)
    after = np.searchsorted(path.time_s, more.time_s, side="right")
    before_end = np.where(after > 0, path.end_s[np.maximum(after - 1, 0)], -np.inf)
    next_begin = np.where(after < len(path), path.time_s[np.minimum(after, len(path) - 1)], np.inf)
    return (before_end <= more.time_s) & (more.end_s <= next_begin)


def _joined(path: Bars, more: Bars) -> Bars:
    times = np.concatenate([path.time_s, more.time_s])
    order = np.argsort(times)
    return Bars(
        times[order],
        np.concatenate([path.prices, more.prices])[order],
        np.concatenate([path.interval_s, more.interval_s])[order],
        np.concatenate([path.file, more.file])[order],
        path.is_spot if len(path) else more.is_spot,
        path.venue if len(path) else more.venue,
    )


def write_bars(path: Path, bars: Bars) -> None:
    """Write bars as a scenario reads them."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["time_utc", *PRICES, "interval_s"])
        for time, prices, interval in zip(bars.time_s, bars.prices, bars.interval_s, strict=True):
            rows.writerow([instant(time), *(f"{each:.10g}" for each in prices), f"{interval:g}"])


def instant(time_s: float) -> str:
    """Return seconds since 1970 as text."""
    return format_instant(datetime.fromtimestamp(time_s, UTC))

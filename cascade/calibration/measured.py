"""What archives tell of a market at a time: open interest, funding, depth; and what was liquidated in it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cascade.calibration.archives import Folder, Table
from cascade.calibration.price_bars import DAY_S
from cascade.data.adapters.coinglass import COIN_MARGINED, STABLE_MARGINED

Floats = npt.NDArray[np.float64]

THREE: Final = ("binance", "okx", "bybit")
"""Venues that daily tables are of."""

STALE_S: Final = 2 * DAY_S
"""Age beyond which a figure tells nothing of the present."""

DEPTH_DAYS: Final = 7.0
DEPTH_BPS: Final = 100.0
FUNDING_S: Final = 8 * 3600.0


@dataclass(frozen=True)
class Found:
    """A figure, the venues that it is of, the files that it was read from, and how."""

    value: float
    venues: tuple[str, ...]
    files: tuple[str, ...]
    said: str

    def of_all(self, shares: Mapping[str, float]) -> Found:
        """Return the figure of all venues of a market, by the shares that those it is of have."""
        share = sum(shares.get(each, 0.0) for each in self.venues)
        if share <= 0.0 or abs(share - 1.0) < 1e-9:
            return self
        said = f"{self.said}; {', '.join(self.venues)} taken for {100 * share:.3g} % of the market"
        return Found(self.value / share, self.venues, self.files, said)


class OpenInterest:
    """The open interest of a coin over time, in USD."""

    def __init__(self, folder: Folder, coin: str, venues: Sequence[str]) -> None:
        self._tables = folder.tables("open_interest", coin, ("venue", "open_interest", "open_interest_usd"))
        self._wanted = venues

    def at(self, moment: float, price: float) -> Found | None:
        """Return what was open at a moment, of as many of the venues as there are; None where nobody says."""
        found = [*self._of_three(moment, price), *self._of_venues(moment)]
        return max(found, key=lambda each: len(set(each.venues) & set(self._wanted)), default=None)

    def _of_three(self, moment: float, price: float) -> Iterator[Found]:
        """Yield that of daily tables: the close of the last day that had ended."""
        for table in self._tables:
            _, stable = _last(table, STABLE_MARGINED, "open_interest", moment)
            _, coin = _last(table, COIN_MARGINED, "open_interest_usd", moment)
            if stable > 0.0 and coin >= 0.0:
                said = f"{stable:,.0f} coins stable-margined at {price:,.6g} USD, and coin-margined: the close before"
                yield Found(stable * price + coin, THREE, (table.archive.name,), said)

    def _of_venues(self, moment: float) -> Iterator[Found]:
        """Yield the sum of what single venues say, of stable-margined and coin-margined contracts."""
        latest: dict[tuple[str, str], tuple[float, float, str]] = {}
        for table in self._tables:
            for word in np.unique(table.words("venue")):
                venue = str(word).lower() or table.archive.venue
                if venue in self._wanted:
                    time, value = _last(table, str(word), "open_interest_usd", moment)
                    key, said = (venue, table.archive.adapter.name), (time, value, table.archive.name)
                    if value > 0.0:
                        latest[key] = max(latest.get(key, said), said)
        if latest:
            venues = tuple(dict.fromkeys(venue for venue, _ in latest))
            files = tuple(dict.fromkeys(name for _, _, name in latest.values()))
            yield Found(
                sum(value for _, value, _ in latest.values()), venues, files, "open interest at that time"
            )


def _last(table: Table, venue: str, column: str, moment: float) -> tuple[float, float]:
    """Return the last value that was known at a moment, and its time; NaN where there is none, or it is old."""
    times = table.numbers("time_s") + (table.interval_s or 0.0)
    values = table.numbers(column)
    known = (times <= moment) & (times > moment - STALE_S) & ~np.isnan(values)
    rows = np.flatnonzero(known & (table.words("venue") == venue))
    last = rows[np.argmax(times[rows])] if len(rows) else None
    return (math.nan, math.nan) if last is None else (float(times[last]), float(values[last]))


@dataclass(frozen=True)
class Funding:
    """Rates of eight hours, each from the time at which its interval begins; the first holds at the start."""

    times: Floats
    rates: Floats
    files: tuple[str, ...]
    known: float
    """The last rate that was settled before the start; NaN where there is none."""


def funding_of(folder: Folder, coin: str, begin: float, end: float) -> Funding | None:
    """Return the funding of a stretch, from the file with most rates of it; None where nobody says.

    A published rate is paid at its time, for the interval that ends there; that of a daily table is the day's.
    """
    found = [
        _funding(table, begin, end)
        for table in folder.tables("funding", coin, ("venue", "rate", "interval_s"))
    ]
    return max((each for each in found if each), key=lambda each: len(each.times), default=None)


def _funding(table: Table, begin: float, end: float) -> Funding | None:
    stamps = np.round(table.numbers("time_s") / 60.0) * 60.0
    starts = stamps if table.interval_s else stamps - FUNDING_S
    rates = table.numbers("rate")
    usable = ~np.isnan(rates) & (table.numbers("interval_s") == FUNDING_S) & (starts < end)
    before = starts[usable & (starts <= begin)]
    if not len(before) or before.max() < begin - STALE_S:
        return None
    rows = np.flatnonzero(usable & (starts >= before.max()))
    rows = rows[np.argsort(starts[rows])]
    settled = np.flatnonzero(usable & (starts + (table.interval_s or FUNDING_S) <= begin))
    known = float(rates[settled[np.argmax(starts[settled])]]) if len(settled) else math.nan
    return Funding(np.maximum(starts[rows], begin), rates[rows], (table.archive.name,), known)


def depth_of(folder: Folder, coin: str, begin: float) -> Found | None:
    """Return what rests within 1 % of the mid on one side, the mean of the week before a moment."""
    found: list[Found] = []
    for table in folder.tables("depth", coin, ("side", "distance_bps", "notional_usd")):
        times = table.numbers("time_s") + (table.interval_s or 0.0)
        values = table.numbers("notional_usd")
        near = np.abs(np.abs(table.numbers("distance_bps")) - DEPTH_BPS) < 1.0
        kept = near & (values > 0) & (times <= begin) & (times > begin - DEPTH_DAYS * DAY_S)
        if kept.any():
            venues = (table.archive.venue,) if table.archive.venue else ()
            said = "mean of bids and asks within 1 % of the mid, the week before"
            found.append(Found(float(values[kept].mean()), venues, (table.archive.name,), said))
    return min(found, key=lambda each: len(each.venues), default=None)


@dataclass(frozen=True)
class Liquidated:
    """What was liquidated in a stretch of time, by side, as the feeds of some venues showed it."""

    begin: float
    end: float
    usd: Mapping[str, float]
    largest_usd: float | None
    venues: tuple[str, ...]
    files: tuple[str, ...]


def liquidated(folder: Folder, coin: str, begin: float, end: float) -> Iterator[Liquidated]:
    """Yield what was liquidated: each whole day of daily tables, and what recorded orders cover of each venue."""
    recorded: dict[str, list[Table]] = {}
    for table in folder.tables("liquidations", coin, ("side", "notional_usd")):
        if table.interval_s == DAY_S:
            yield from _days(table, begin, end)
        elif table.archive.venue:
            recorded.setdefault(table.archive.venue, []).append(table)
    for venue, tables in recorded.items():
        yield from _orders(venue, tables, begin, end)


def _days(table: Table, begin: float, end: float) -> Iterator[Liquidated]:
    times, values = table.numbers("time_s"), table.numbers("notional_usd")
    sides: Any = table.words("side")
    for day in np.unique(times[(times >= begin) & (times + DAY_S <= end) & (values > 0)]):
        usd = {side: float(values[(times == day) & (sides == side)].sum()) for side in ("long", "short")}
        yield Liquidated(float(day), float(day) + DAY_S, usd, None, THREE, (table.archive.name,))


def _orders(venue: str, tables: Sequence[Table], begin: float, end: float) -> Iterator[Liquidated]:
    """Yield what the recorded orders of a venue add to, over the whole hours that they cover."""
    times = np.concatenate([each.numbers("time_s") for each in tables])
    values = np.concatenate([each.numbers("notional_usd") for each in tables])
    sides = np.concatenate([each.words("side") for each in tables])
    first = max(begin, float(np.floor(times.min() / 3600.0)) * 3600.0)
    last = min(end, float(np.ceil(times.max() / 3600.0)) * 3600.0)
    inside = (times >= first) & (times < last) & ~np.isnan(values)
    if not inside.any():
        return
    usd = {side: float(values[inside & (sides == side)].sum()) for side in ("long", "short")}
    names = tuple(each.archive.name for each in tables)
    yield Liquidated(first, last, usd, float(values[inside].max()), (venue,), names)

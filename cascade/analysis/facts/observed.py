"""What was observed of a market: bars on a regular grid, orders, liquidations, responses to sales."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]

DAY_S: Final = 86_400.0

Window: TypeAlias = Literal["run", "day", "minutes"]
"""The stretches that a fact is estimated on: all of a run, each of its days, each 341 s."""

MINUTES_S: Final = 341.0
"""Length of the recorded books that facts of seconds are held against."""

_SUMS: Final = ("volume", "flow")
_WHAT: Final = {
    "volume": "traded volume", "flow": "taker buys and sells", "high": "highs", "low": "lows",
    "reference": "a second price to hold this one against", "news": "a news value", "spread": "best bid and ask",
    "mark": "a mark price",
}  # fmt: skip


class LackingError(Exception):
    """A fact cannot be judged; says why, and what to record."""


@dataclass(frozen=True)
class Series:
    """Bars of one market on a regular grid; NaN where there is none.

    Attributes
    ----------
    seconds : float
        Length of a bar.
    start_s : float or None
        Seconds after midnight UTC at which the first bar begins.
    columns : Mapping[str, array]
        `price` at the end of each bar (the mid; of real bars the last trade), and what else is known: `high`,
        `low`, `volume` and `flow` in USD, `reference` (spot, or another venue), `news`, `mark`, `spread` in ticks,
        `bid_10` and so on, USD within so many bps.
    """

    seconds: float
    columns: Mapping[str, Floats]
    start_s: float | None = None

    def __len__(self) -> int:
        return len(self.columns["price"])

    def __getitem__(self, name: str) -> Floats:
        if name not in self.columns:
            raise LackingError(f"there is no record of {_WHAT.get(name, name)}")
        return self.columns[name]

    @property
    def logs(self) -> Floats:
        """Return the logarithm of the price."""
        return np.log(self["price"])

    @property
    def returns(self) -> Floats:
        """Return the log returns from bar to bar."""
        return np.diff(self.logs)

    def every(self, seconds: float) -> Series:
        """Return the bars joined to longer ones; the rest at the end is left out."""
        k = round(seconds / self.seconds)
        if k == 1:
            return self
        n = len(self) // k
        joined = {name: _joined(name, values[: n * k].reshape(n, k)) for name, values in self.columns.items()}
        return Series(seconds, joined, self.start_s)

    def part(self, first: int, until: int) -> Series:
        """Return some of the bars."""
        start_s = None if self.start_s is None else (self.start_s + first * self.seconds) % DAY_S
        return Series(self.seconds, {name: v[first:until] for name, v in self.columns.items()}, start_s)


def _joined(name: str, table: Floats) -> Floats:
    if name in _SUMS:
        return table.sum(axis=1)
    if name in {"high", "low"}:
        return (np.fmax if name == "high" else np.fmin).reduce(table, axis=1)
    return table[:, -1]


@dataclass(frozen=True)
class Orders:
    """Taker orders in the order in which they arrived: what fills of one order traded is one."""

    sign: Floats
    usd: Floats


@dataclass(frozen=True)
class Liquidations:
    """Liquidations of a run.

    Attributes
    ----------
    usd
        Sizes; an account's successive forced orders are one.
    t_s
        Times of forced orders.
    feed
        Times and sizes of the orders that a complete feed (Bybit's) shows; None where no account reports there.
    """

    usd: Floats
    t_s: Floats
    feed: tuple[Floats, Floats] | None
    duration_s: float


@dataclass(frozen=True)
class Response:
    """How the price answered to a sale, under the same luck as without it."""

    notional: float
    over_s: float
    seconds: float
    moved_bps: Floats
    """Down is positive; entry k is after k + 1 times `seconds` since the sale began."""
    depth_share: Floats | None = None
    """Bids within 10 bps, of those without the sale."""

    def at(self, t_s: float) -> float:
        """Return the move after a time since the beginning."""
        return float(self.moved_bps[round(t_s / self.seconds) - 1])

    @property
    def peak(self) -> float:
        """Return the move at the end of the sale."""
        return self.at(max(self.over_s, self.seconds))


@dataclass(frozen=True)
class Sample:
    """All that was observed of a market over one stretch of time: one replicate, or files of real data.

    Attributes
    ----------
    bars, pair
        Of the market that is judged, and of one of another asset; each may be there in several lengths of bar.
    asked
        Depth that the scenario's makers are asked for, USD on one side by distance in bps.
    funding_bps
        Funding rates per eight hours, in the order of their stamps.
    added_share
        What liquidations added, of the fall of the mark.
    reasons
        Why something is not there, by what it is.
    """

    bars: tuple[Series, ...] = ()
    pair: tuple[Series, ...] = ()
    orders: Orders | None = None
    liquidations: Liquidations | None = None
    responses: Mapping[str, Response] | None = None
    asked: Mapping[int, float] | None = None
    funding_bps: Floats | None = None
    added_share: float | None = None
    reasons: Mapping[str, str] = field(default_factory=dict[str, str])

    def every(self, seconds: float, of: Literal["bars", "pair"] = "bars") -> Series:
        """Return bars of a length, from the longest that make it up.

        Raises
        ------
        LackingError
            Where none do.
        """
        there: Sequence[Series] = getattr(self, of)
        fitting = [each for each in there if _divides(each.seconds, seconds)]
        if fitting:
            return max(fitting, key=lambda each: each.seconds).every(seconds)
        if not there:
            raise LackingError(self.reasons.get(of, "there are no bars"))
        shortest = min(each.seconds for each in there)
        remedy = self.reasons.get("length", "")
        raise LackingError(f"bars are {shortest:g} s long and the fact needs {seconds:g} s{remedy}")

    def need(self, name: str) -> None:
        """Refuse to go on without a part.

        Raises
        ------
        LackingError
            Where it is not there.
        """
        if getattr(self, name) is None:
            raise LackingError(self.reasons.get(name, f"there is no record of {name}"))

    def windows(self, window: Window, seconds: float | None = None) -> Iterator[Sample]:
        """Yield the sample by windows; one that is shorter than a window is one.

        Parameters
        ----------
        seconds
            Length of the windows of a `run`: all of it by default.
        """
        length = {"day": DAY_S, "minutes": MINUTES_S}.get(window, seconds or math.inf)
        total = max((len(each) * each.seconds for each in self.bars), default=0.0)
        if total <= length * 1.5:
            yield self
            return
        n = int(total / length + 0.5)
        for k in range(n):
            yield replace(
                self,
                bars=tuple(_cut(each, k * length, (k + 1) * length) for each in self.bars),
                pair=tuple(_cut(each, k * length, (k + 1) * length) for each in self.pair),
            )


def _cut(series: Series, start_s: float, end_s: float) -> Series:
    return series.part(math.ceil(start_s / series.seconds - 1e-9), math.ceil(end_s / series.seconds - 1e-9))


def _divides(length: float, seconds: float) -> bool:
    k = seconds / length
    return k > 1 - 1e-9 and abs(k - round(k)) < 1e-9


def enough(n: int, least: int, what: str) -> None:
    """Refuse to estimate a fact from too little.

    Raises
    ------
    LackingError
        Below `least`.
    """
    if n < least:
        raise LackingError(f"{n:,} {what} say nothing yet: it takes at least {least:,}")

"""Where the probability of an event crosses a share as a value rises, of replicates that share their luck.

Each replicate is run at each value that is tried. A replicate whose event comes and stays has one critical
value, the smallest at which it happens, and the probability crosses a share at that quantile of the critical
values. The interval is hence that of a quantile, by order statistics, exact for every distribution (Conover
1999, section 3.2); what is not resolved between two values that were tried is added to it, so that it holds
at any resolution. An event that goes away as the value rises is the same read backwards.
"""

from __future__ import annotations

import math
from enum import StrEnum
from functools import cached_property
from itertools import combinations
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from cascade.analysis.statistics.estimate import CONFIDENCE, Floats
from cascade.analysis.statistics.order import least_replicates, rank_limits
from cascade.analysis.statistics.proportion import Flags
from cascade.analysis.statistics.signs import upper_tail

FIRST: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Places that are tried first: both ends, and enough between them to see an event that comes and goes."""

FINE: Final = 8
"""How many times finer than the interval its ends and the value are looked for: luck leaves no more certain."""


class Status(StrEnum):
    """What was found; its value is the word that tables show."""

    CROSSED = "crossed"
    NEVER = "not reached"
    ALWAYS = "reached throughout"
    TURNS = "not monotone"


class Bracket(NamedTuple):
    """Between which tried places a critical value of some rank lies; -1 and the number of places are beyond."""

    below: int
    above: int


class Crossing:
    """What replicates at some places between 0 and 1 say of where a probability crosses a share.

    Attributes
    ----------
    places
        Tried, rising.
    happened
        Whether the event happened, shape (places, replicates); a column is of one luck.
    """

    def __init__(
        self, places: Floats, happened: Flags, share: float = 0.5, confidence: float = CONFIDENCE
    ) -> None:
        self.places, self.happened = places, happened
        self.share, self.confidence = share, confidence

    @property
    def n(self) -> int:
        """Return the number of replicates."""
        return self.happened.shape[1]

    @cached_property
    def is_rising(self) -> bool:
        """Tell whether the event comes as the value rises; else it goes away."""
        return bool(self.happened[-1].sum() >= self.happened[0].sum())

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """Replicates that have crossed by each place: the event has come, or has gone."""
        return (self.happened if self.is_rising else ~self.happened).sum(axis=1)

    @cached_property
    def status(self) -> Status:
        """What was found."""
        if self.turn < 1.0 - self.confidence:
            return Status.TURNS
        if self.middle.above == len(self.places):
            return Status.NEVER
        return Status.ALWAYS if self.middle.above == 0 else Status.CROSSED

    @cached_property
    def middle(self) -> Bracket:
        """Where the smallest value lies from which the share is reached."""
        asked = self.share if self.is_rising else 1.0 - self.share
        return self._bracket(max(math.ceil(asked * self.n - 1e-9), 1))

    @cached_property
    def lower(self) -> Bracket | None:
        """Where the lower end of the interval lies; None where these replicates are too few to bound it."""
        return self._bracket(self._ranks[0]) if self._ranks[0] >= 1 else None

    @cached_property
    def upper(self) -> Bracket | None:
        """The same of the upper end."""
        return self._bracket(self._ranks[1]) if self._ranks[1] <= self.n else None

    @property
    def value(self) -> float | None:
        """Return the smallest place from which on every one tried reaches the share."""
        return self._place(self.middle.above)

    @property
    def low(self) -> float | None:
        """Return the lower end of the interval; None where it is not bounded within the range."""
        return self._place(self.lower.below) if self.lower else None

    @property
    def high(self) -> float | None:
        """Return the upper end of the interval; None where it is not bounded within the range."""
        return self._place(self.upper.above) if self.upper else None

    @property
    def least(self) -> int:
        """Return how many replicates bound the value on both sides."""
        return least_replicates(self.share, self.confidence)

    @cached_property
    def back(self) -> int:
        """How many replicates cross back at some place tried."""
        crossed = self.happened if self.is_rising else ~self.happened
        return int((crossed[:-1] & ~crossed[1:]).any(axis=0).sum())

    @cached_property
    def turn(self) -> float:
        """The p-value of the clearest pair of places at which the probability turns back, adjusted for all pairs.

        Of replicates that differ between two places, at most half would cross back if the probability did not
        (a sign test, as McNemar's is), and the pairs are as many as there are (Bonferroni).
        """
        crossed = self.happened if self.is_rising else ~self.happened
        pairs = list(combinations(range(len(self.places)), 2))
        return min(1.0, len(pairs) * min(_sign_test(crossed[a], crossed[b]) for a, b in pairs))

    def following(self, within: float) -> list[float]:
        """Return the places to try next; none where nothing more is to be learnt.

        Parameters
        ----------
        within
            Distance to which the value is to be resolved, unless luck leaves it less certain.
        """
        if self.status is not Status.CROSSED:
            return []
        gaps = [gap for each in self._brackets() if (gap := self._gap(each))]
        fine = self._fine(within)
        return sorted({(low + high) / 2.0 for low, high in gaps if high - low > fine})

    def left(self, within: float) -> int:
        """Return about how many places are still to be tried."""
        if self.status is not Status.CROSSED:
            return 0
        fine, gaps = self._fine(within), {self._gap(each) for each in self._brackets()}
        return sum(math.ceil(max(math.log2((gap[1] - gap[0]) / fine), 0.0)) for gap in gaps if gap)

    def needed(self, within: float) -> int | None:
        """Return about how many replicates bring the interval's half-width to a distance; None where it has none."""
        if self.low is None or self.high is None:
            return None
        return math.ceil(self.n * ((self.high - self.low) / 2.0 / within) ** 2)

    @cached_property
    def _ranks(self) -> tuple[int, int]:
        return rank_limits(self.n, self.share if self.is_rising else 1.0 - self.share, self.confidence)

    def _brackets(self) -> list[Bracket]:
        return [each for each in (self.lower, self.middle, self.upper) if each]

    def _bracket(self, rank: int) -> Bracket:
        """Return where the critical value of a rank lies: above all places before, below all from there on."""
        reached = self.counts >= rank
        below = int(np.argmax(np.append(reached, True))) - 1
        above = len(reached) - int(np.argmax(np.append(~reached[::-1], True)))
        return Bracket(below, above)

    def _place(self, number: int) -> float | None:
        return float(self.places[number]) if 0 <= number < len(self.places) else None

    def _gap(self, bracket: Bracket) -> tuple[float, float] | None:
        """Return the widest part of a bracket that has no place tried in it; None where it lies beyond the range."""
        if self._place(bracket.below) is None or self._place(bracket.above) is None:
            return None
        inside = self.places[bracket.below : bracket.above + 1]
        widest = int(np.argmax(np.diff(inside)))
        return float(inside[widest]), float(inside[widest + 1])

    def _fine(self, within: float) -> float:
        if self.low is None or self.high is None:
            return within
        return max(within, (self.high - self.low) / FINE)


def _sign_test(before: Flags, after: Flags) -> float:
    """Return how likely as many would cross back, of those that differ, if each way were as likely."""
    back, on = int((before & ~after).sum()), int((~before & after).sum())
    if back <= on:
        return 1.0
    n = back + on
    if n > 200:
        return NormalDist().cdf((0.5 + n / 2.0 - back) / (math.sqrt(n) / 2.0))
    return upper_tail(n, back)

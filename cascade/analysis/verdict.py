"""Did it cascade, and how sure is that: one rule on what three measures say.

Each measure is the share that liquidations have in something: in the move of the mark, in what tripped
other liquidations, in what was liquidated. The rule is written in ``cascade docs statistics``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from cascade.analysis.graph import Branching, CascadeGraph, counterfactual_of, genealogical_of, of_result
from cascade.analysis.graph.branching import ratio_interval
from cascade.analysis.statistics.estimate import CONFIDENCE, Estimate, Floats, without_interval
from cascade.analysis.statistics.statistic import Mean
from cascade.output.columns import to_names, to_numpy
from cascade.output.reader import Result

HALF: Final = 0.5
"""A cascade: liquidations did more of it than all else."""

MATTERS_S: Final = 60.0
"""A liquidation that comes earlier by less than this would have come anyway, for all that a desk could do."""

MOST_REPLICATES: Final = 12
"""Replicates whose graphs are built, the first ones, to see how the mean offspring varies."""

FEWEST: Final = 2
"""Measures that a verdict rests on, and replicates that an interval does, at the least."""


class Answer(StrEnum):
    """What is said of a run."""

    YES = "yes"
    NO = "no"
    PART = "in part"
    """A measure contradicts the others beyond its interval."""
    UNKNOWN = "cannot be told"
    NOTHING = "nothing was liquidated"


class Sureness(StrEnum):
    """How sure an answer is."""

    SURE = "sure"
    """All measures say so beyond their intervals."""
    LIKELY = "likely"
    """Most measures say so, and none contradicts them beyond its interval."""
    DISPUTED = "disputed"
    ONE = "one realisation"
    """One replicate: nothing says how much of it is luck."""
    NONE = "not known"


@dataclass(frozen=True, slots=True)
class Measure:
    """A share that liquidations have in what happened."""

    name: str
    """`added` to the move, `set_off` by others, liquidated only `because` of others."""
    share: Estimate | None
    reason: str = ""
    """Why there is none."""

    @property
    def leans(self) -> bool | None:
        """Return whether its value lies above one half; None without one."""
        return None if self.share is None else self.share.value > HALF

    @property
    def says(self) -> bool | None:
        """Return the same where all of its interval lies on that side; else None."""
        if self.share is None or self.share.low is None or self.share.high is None:
            return None
        return None if self.share.low <= HALF <= self.share.high else self.share.low > HALF


@dataclass(frozen=True, slots=True)
class CascadeVerdict:
    """What is said of a run, and what it rests on."""

    answer: Answer
    sureness: Sureness
    market: str = ""
    """Where most was liquidated; empty where nothing was."""
    direction: str = "fall"
    measures: tuple[Measure, ...] = ()
    n: int = 0
    brought_forward: Estimate | None = None
    """Share of what was liquidated that would have been later without forced orders."""
    earlier_s: Estimate | None = None
    """By how much: mean over replicates of the median over notional."""

    @property
    def because(self) -> Estimate | None:
        """Return the share of what was liquidated that was so only because of other liquidations, as it is counted."""
        return next((each.share for each in self.measures if each.name == "because"), None)


def matters(earlier_s: Estimate | None) -> bool:
    """Return whether what was brought forward was so by a time that counts."""
    return earlier_s is not None and earlier_s.value >= MATTERS_S


def verdict(result: Result, graphs: Sequence[CascadeGraph] | None = None) -> CascadeVerdict:
    """Return whether a run cascaded; `graphs` are those of its first replicates, where they are there already."""
    where = _busiest(result)
    n = len(result.runs)
    if where is None:
        nothing = "complete_usd" in result.runs.column_names and not _column(result, "complete_usd").any()
        return CascadeVerdict(Answer.NOTHING if nothing else Answer.UNKNOWN, Sureness.NONE, n=n)
    market, direction = where
    built = first_graphs(result) if graphs is None else graphs
    forward, earlier = _brought_forward(result)
    measures = (
        _of_branching("added", counterfactual_of(result, market, direction), n),
        _of_branching("set_off", genealogical_of(built), n),
        _because(result, with_forward=matters(earlier)),
    )
    return CascadeVerdict(*rule(measures, n), market, direction, measures, n, forward, earlier)


def rule(measures: Sequence[Measure], n: int) -> tuple[Answer, Sureness]:
    """Return the answer that measures support together, over `n` replicates."""
    known = [each for each in measures if each.share is not None]
    if len(known) < FEWEST:
        return Answer.UNKNOWN, Sureness.NONE
    above = sum(each.leans is True for each in known)
    if 2 * above == len(known):
        return Answer.PART, Sureness.ONE if n == 1 else Sureness.DISPUTED
    leans = 2 * above > len(known)
    answer = Answer.YES if leans else Answer.NO
    if n == 1:
        return answer, Sureness.ONE
    if any(each.says is (not leans) for each in known):
        return Answer.PART, Sureness.DISPUTED
    return answer, Sureness.SURE if all(each.says is leans for each in known) else Sureness.LIKELY


def first_graphs(result: Result) -> list[CascadeGraph]:
    """Return the graphs of the first replicates."""
    return [of_result(result, k) for k in result.replicates[:MOST_REPLICATES]]


def _busiest(result: Result) -> tuple[str, str] | None:
    """Return the market and direction in which most was liquidated over all replicates; None where nothing was."""
    if "liquidations" not in result.tables:
        return None
    rows = result.tables.columns("liquidations", ["market", "side", "liquidated_usd"])
    totals: dict[tuple[str, str], float] = {}
    markets, sides = to_names(rows.column("market")), to_names(rows.column("side"))
    usd = to_numpy(rows.column("liquidated_usd"))
    for market in np.unique(markets):
        for side in ("long", "short"):
            totals[str(market), side] = float(usd[(markets == market) & (sides == side)].sum())
    found = max(totals, key=lambda key: totals[key], default=None)
    if found is None or totals[found] <= 0.0:
        return None
    return found[0], "fall" if found[1] == "long" else "rise"


def _of_branching(name: str, found: Branching, n: int) -> Measure:
    if found.value is None:
        return Measure(name, None, found.reason)
    if n < FEWEST:
        return Measure(name, without_interval(found.value, found.n, "one replicate: an interval needs more"))
    return Measure(name, Estimate(found.value, found.low, found.high, found.n, reason=found.reason))


def _because(result: Result, *, with_forward: bool) -> Measure:
    """Return the share of what was liquidated that would not have been, or not by then, but for others."""
    whole, never, later = (
        _column(result, name) for name in ("complete_usd", "endogenous_usd", "brought_forward_usd")
    )
    if not len(never):
        return Measure("because", None, "there is no counterfactual: run with --counterfactual")
    return Measure("because", share_of(never + later if with_forward else never, whole))


def _brought_forward(result: Result) -> tuple[Estimate | None, Estimate | None]:
    whole, later, early = (
        _column(result, name) for name in ("complete_usd", "brought_forward_usd", "brought_forward_s")
    )
    known = early[~np.isnan(early)] if len(early) else early
    if not len(later) or not later.any():
        return None, None
    return share_of(later, whole), Mean((0.0, np.inf)).estimate(known) if len(known) else None


def share_of(part: Floats, whole: Floats, confidence: float = CONFIDENCE) -> Estimate | None:
    """Return the ratio of two means over replicates with Fieller's interval; None where the whole is zero."""
    n = len(whole)
    if not whole.any():
        return None
    value = float(part.mean()) / float(whole.mean())
    if n < 2:
        return without_interval(value, n, "one replicate: an interval needs more")
    low, high = ratio_interval(part, whole, confidence)
    if low is None or high is None:
        return without_interval(value, n, "what was liquidated is not distinct from zero")
    return Estimate(value, max(low, 0.0), min(high, 1.0), n, "Fieller")


def _column(result: Result, name: str) -> Floats:
    """Return a metric by replicate; empty where the run has none."""
    if name not in result.runs.column_names:
        return np.empty(0)
    return to_numpy(result.runs.column(name)).astype(np.float64)

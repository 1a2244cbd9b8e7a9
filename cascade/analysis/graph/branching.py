"""The branching ratio n: how much liquidation one unit of liquidation sets off, by three estimators.

They see different things, and where they disagree that is a finding: see `cascade docs attribution`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from cascade.analysis.graph.build import WAVES, CascadeGraph
from cascade.analysis.metrics.registry import column_name
from cascade.analysis.statistics.estimate import CONFIDENCE
from cascade.analysis.statistics.studentised import of_mean
from cascade.output.columns import to_numpy
from cascade.output.reader import Result

Floats = npt.NDArray[np.float64]

LEAST_MOVE_BPS: Final = 10.0
"""A move from outside below this is too small to divide by."""

LEAST_DEPTH: Final = 0.1
"""A book that holds less than this share of what is at risk is too little to divide by."""

LEAST_REPLICATES: Final = 6
"""Replicates from which on the mean offspring varies from one to the next as they show it."""

BUSIEST_S: Final = 60.0
"""Length of the busiest time of a cascade, and how long before it the cascade is taken to have begun at most."""

QUIET_S: Final = 30.0
"""Time without a liquidation after which another cascade begins."""

_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Branching:
    """An estimate of the branching ratio with its interval."""

    method: str
    """`structural`, `counterfactual` or `genealogical`."""
    value: float | None
    low: float | None
    high: float | None
    n: int
    """What it rests on: so many of `unit`."""
    reason: str = ""
    """Why there is no value, or no interval."""
    unit: str = "replicates"
    """`positions at risk`, `replicates` or `liquidations`."""


# --- structural: impact times density -------------------------------------------------------------


def structural(at_risk: Floats, depth: float, confidence: float = CONFIDENCE) -> Branching:
    """Return impact times density: what would be liquidated within a distance over what the book takes there.

    A unit sold moves the price by 1 / (depth per price), and uncovers that much of the density of
    liquidations: the ratio of the two notionals, at any distance.

    Parameters
    ----------
    at_risk
        Sizes of the positions whose liquidation price lies within the distance, in any unit.
    depth
        What rests in the book within the same distance, in the same unit.

    Notes
    -----
    The interval takes positions as a Poisson sample of a density: the variance of their sum is the sum
    of their squares. The book is taken as it stood, so that the interval is of this one moment.
    """
    total, unit = float(at_risk.sum()), "positions at risk"
    if depth <= 0.0 or depth < LEAST_DEPTH * total:
        share = f"{depth / total:.1%} of what is at risk" if depth > 0.0 else "nothing"
        reason = f"the book in reach holds {share}: too little to divide by"
        return Branching("structural", None, None, None, len(at_risk), reason, unit)
    value = total / depth
    half = _deviate(confidence) * math.sqrt(float((at_risk**2).sum())) / depth
    return Branching("structural", value, max(value - half, 0.0), value + half, len(at_risk), unit=unit)


class Busiest(NamedTuple):
    """Where and when most was liquidated."""

    market: str
    direction: str
    """`fall` or `rise`."""
    step: int
    """Steps done just before the liquidations began that led to the minute in which most was."""


def busiest(graph: CascadeGraph) -> Busiest | None:
    """Return the market and direction in which most was liquidated, and when; None where nothing was.

    The state is that before the cascade, whose own orders empty the book. Before the first step nobody
    has quoted, so that a book is not looked at earlier than after it.
    """
    totals: dict[tuple[str, str], float] = {}
    rows = (column.tolist() for column in (graph.market, graph.side, graph.size_usd))
    for market, side, usd in zip(*rows, strict=True):
        totals[market, side] = totals.get((market, side), 0.0) + usd
    if not totals:
        return None
    market, side = max(totals, key=lambda key: totals[key])
    mine = (graph.market == market) & (graph.side == side)
    t_s, usd = graph.t_s[mine], np.concatenate([[0.0], np.cumsum(graph.size_usd[mine])])
    within = usd[np.searchsorted(t_s, t_s + BUSIEST_S)] - usd[np.searchsorted(t_s, t_s)]
    most = first = int(np.argmax(within))
    while first > 0 and t_s[first] - t_s[first - 1] <= QUIET_S and t_s[most] - t_s[first - 1] <= BUSIEST_S:
        first -= 1
    step = max(int(graph.step[mine][first]), 1)
    return Busiest(market, "fall" if side == "long" else "rise", step)


# --- counterfactual: 1 - 1 / A ----------------------------------------------------------------------


def counterfactual(outside: Floats, total: Floats, confidence: float = CONFIDENCE) -> Branching:
    """Return 1 - 1 / A, where A is total over outside move, over replicates of the same luck.

    It is the ratio of means and not the mean of ratios, which is biased; the interval is that of a ratio
    (Fieller), which stays right where the outside move is small.
    """
    n = len(total)
    if n == 0 or float(outside.mean()) <= 0.0 or float(total.mean()) <= 0.0:
        return Branching("counterfactual", None, None, None, n, "there is no outside move")
    value = 1.0 - float(outside.mean()) / float(total.mean())
    if n < 2:
        return Branching("counterfactual", value, None, None, n, "one replicate: an interval needs more")
    low, high = ratio_interval(outside, total, confidence)
    if low is None or high is None:
        return Branching("counterfactual", value, None, None, n, "the total move is not distinct from zero")
    return Branching("counterfactual", value, 1.0 - high, 1.0 - low, n)


def counterfactual_of(result: Result, market: str, direction: str = "fall") -> Branching:
    """Return 1 - 1 / A of a market's mark over the replicates of a run; `direction` is fall or rise."""
    total = f"{{market}}_{direction}_bps"
    names = [column_name(name, market) for name in (total, f"{{market}}_added_{direction}_bps")]
    if any(name not in result.runs.column_names for name in names):
        reason = "there is no counterfactual: run with --counterfactual"
        return Branching("counterfactual", None, None, None, 0, reason)
    moved, added = (to_numpy(result.runs.column(name)) for name in names)
    outside = moved - added
    if float(outside.mean()) < LEAST_MOVE_BPS:
        reason = f"the move from outside is {outside.mean():.1f} bps, below {LEAST_MOVE_BPS:g}"
        return Branching("counterfactual", None, None, None, len(moved), reason)
    return counterfactual(outside, moved)


def ratio_interval(top: Floats, bottom: Floats, confidence: float) -> tuple[float | None, float | None]:
    """Return the interval of the ratio of two means of paired samples, or None where it is not bounded."""
    from scipy.special import stdtrit

    n = len(top)
    t2 = float(stdtrit(n - 1, 0.5 + confidence / 2.0)) ** 2 / n
    cov = np.cov(top, bottom)
    a = float(bottom.mean()) ** 2 - t2 * float(cov[1, 1])
    b = float(top.mean()) * float(bottom.mean()) - t2 * float(cov[0, 1])
    c = float(top.mean()) ** 2 - t2 * float(cov[0, 0])
    root = b * b - a * c
    if a <= 0.0 or root < 0.0:
        return None, None
    return (b - math.sqrt(root)) / a, (b + math.sqrt(root)) / a


# --- genealogical: mean offspring ----------------------------------------------------------------------


class _Waves(NamedTuple):
    """Liquidations at one mark each, and how many others those of each tripped."""

    size: Floats
    offspring: Floats

    @classmethod
    def of(cls, graphs: Sequence[CascadeGraph]) -> _Waves:
        """Return the waves of several graphs."""
        parts = [cls.within(graph, np.ones(len(graph), np.bool_)) for graph in graphs]
        return cls(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    @classmethod
    def within(cls, graph: CascadeGraph, chosen: npt.NDArray[np.bool_]) -> _Waves:
        """Return the waves of some nodes of a graph."""
        marks = graph.step[chosen] * WAVES + graph.wave[chosen]
        place = np.unique(marks, return_inverse=True)[1]
        size = np.bincount(place).astype(np.float64)
        return cls(size, np.bincount(place, graph.offspring[chosen]).astype(np.float64))

    def half_width(self, confidence: float) -> float:
        """Return that of the interval of mean offspring, whatever is shared within a wave.

        Those of a wave are tripped by one move of the mark and trip by one: their offspring hang
        together, with a variance 20 to 200 times their mean where that of a Poisson number is one. Waves are
        apart, given their sizes. It is the sandwich of a ratio, each residual as if its wave had not been
        fitted, with as many degrees of freedom as there are waves of like size.
        """
        from scipy.special import stdtrit

        total, part = float(self.size.sum()), self.size / max(float(self.size.sum()), 1.0)
        if len(self.size) < 2:
            return 0.0
        left = (self.offspring - self.size * float(self.offspring.sum()) / total) / (1.0 - part)
        freedom = max(1.0 / float((part**2).sum()) - 1.0, 1.0)
        t = float(stdtrit(freedom, 0.5 + confidence / 2.0))
        return t * math.sqrt(float((left**2).sum())) / total


@lru_cache(maxsize=64)
def genealogical(roots: int, total: int, confidence: float = CONFIDENCE) -> Branching:
    """Return the mean offspring of `total` liquidations that `roots` began, corrected for finite trees.

    A finished tree has one liquidation more than it has edges, so that 1 - roots / total, the maximum
    of the likelihood, is too low: its expectation is n roots / (roots + 1) where offspring are Poisson
    (the total is then Borel-Tanner). The interval inverts that distribution; it is too narrow where
    offspring hang together, see `genealogical_of`.
    """
    if roots == 0:
        return Branching("genealogical", None, None, None, total, "nothing was liquidated", "liquidations")
    value = _mean_offspring(roots, total)
    tail = (1.0 - confidence) / 2.0
    fewer, as_many = _borel_tanner_cdf(total - 1, roots), _borel_tanner_cdf(total, roots)
    low = 0.0 if total == roots else _where(lambda n: 1.0 - fewer(n), tail)
    high = _where(lambda n: 1.0 - as_many(n), 1.0 - tail)
    return Branching("genealogical", value, low, high, total, unit="liquidations")


def genealogical_of(graphs: Sequence[CascadeGraph], confidence: float = CONFIDENCE) -> Branching:
    """Return the genealogical estimate over the graphs of several replicates, their trees taken together.

    From `LEAST_REPLICATES` on the interval is that of the mean as replicates vary. Of fewer it is the
    outer of the exact one of Poisson offspring and one over waves: of these cascades alone, since how
    replicates differ they cannot say.
    """
    roots, totals = (np.array([count(each) for each in graphs], np.float64) for count in (_roots, len))
    if np.count_nonzero(totals) >= LEAST_REPLICATES:
        value = _mean_offspring(int(roots.sum()), int(totals.sum()))
        low, high = _as_replicates_vary(roots, totals, value, confidence)
        return Branching("genealogical", value, max(low, 0.0), high, len(graphs))
    found = genealogical(int(roots.sum()), int(totals.sum()), confidence)
    if found.value is None or found.low is None or found.high is None:
        return found
    half = _Waves.of(graphs).half_width(confidence)
    low, high = max(found.value - half, 0.0), found.value + half
    return replace(found, low=min(found.low, low), high=max(found.high, high))


def _mean_offspring(roots: int, total: int) -> float:
    return (1.0 - roots / total) * (roots + 1) / roots


def _as_replicates_vary(
    roots: Floats, totals: Floats, value: float, confidence: float
) -> tuple[float, float]:
    """Return the interval of mean offspring as that of a mean over replicates.

    A term is what a replicate moves the ratio by, as if the others had fitted it; like all means of few
    and skewed values it has the outer of Student's and Hall's limits.
    """
    apart = (totals - roots - value * totals) / (1.0 - totals / totals.sum())
    return of_mean(value + apart / float(totals.mean())).interval(confidence)


def _roots(graph: CascadeGraph) -> int:
    return int(graph.is_root.sum())


def branching_over_time(graph: CascadeGraph, window_s: float) -> list[tuple[float, Branching]]:
    """Return the mean offspring of those liquidated in each window that has any, with the window's start.

    Offspring are counted whenever they follow, so that a window is not a tree that has ended, and no
    correction is due. The interval is the outer of the exact one of a Poisson count and one over waves.
    """
    if window_s <= 0.0:
        raise ValueError("a window needs a length above zero")
    offspring, found = graph.offspring, []
    windows = np.floor(graph.t_s / window_s).astype(np.int64)
    for window in np.unique(windows):
        mine = windows == window
        count, n = float(offspring[mine].sum()), int(mine.sum())
        low, high = (limit / n for limit in _poisson_interval(count, CONFIDENCE))
        half = _Waves.within(graph, mine).half_width(CONFIDENCE)
        low, high = min(low, max(count / n - half, 0.0)), max(high, count / n + half)
        estimate = Branching("genealogical", count / n, low, high, n, unit="liquidations")
        found.append((float(window) * window_s, estimate))
    return found


def _borel_tanner_cdf(most: int, roots: int) -> Callable[[float], float]:
    """Return P(T <= most) of the total progeny of `roots` as a function of the mean of their Poisson offspring."""
    from scipy.special import gammaln

    k = np.arange(roots, most + 1, dtype=np.float64)
    first, factorials = math.log(roots) - np.log(k), gammaln(k - roots + 1.0)

    def below(n: float) -> float:
        with np.errstate(divide="ignore"):
            born = np.where(k > roots, (k - roots) * np.log(n * k), 0.0)
        return min(float(np.exp(first - n * k + born - factorials).sum()), 1.0)

    return below


def _where(rising: Any, level: float) -> float:
    """Return where a function of n that rises reaches a level, by bisection between 0 and its first excess."""
    low, high = 0.0, 1.0
    while rising(high) < level and high < 1e6:
        low, high = high, 2.0 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (low, middle) if rising(middle) >= level else (middle, high)
    return high


def _poisson_interval(count: float, confidence: float) -> tuple[float, float]:
    """Return the exact interval of a Poisson mean (Garwood 1936); counts by share need not be whole."""
    from scipy.special import gammainccinv, gammaincinv

    tail = (1.0 - confidence) / 2.0
    low = float(gammaincinv(count, tail)) if count > 0 else 0.0
    return low, float(gammainccinv(count + 1.0, tail))


def _deviate(confidence: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(0.5 + confidence / 2.0)

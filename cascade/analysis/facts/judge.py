"""From evidence to figures with intervals, and from figures to verdicts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np

from cascade.analysis.facts.evidence import Evidence, Single, plain, pooled
from cascade.analysis.facts.observed import Floats, LackingError, Sample
from cascade.analysis.facts.registry import Band, Fact, Measured, Part, in_order
from cascade.analysis.statistics import Estimate, Mean, Quantile

RESAMPLES: Final = 999
"""Draws of a bootstrap: the ends of a 95 % interval are draws themselves, the 25th and the 975th."""

REPLICATES: Final = 6
"""From so many on replicates are the units whose luck is resampled, as everywhere else."""

WINDOWS: Final = 20
"""From so many on the windows of a replicate are its blocks, and windows of data tell a range of windows."""

_KEY: Final = 20250701

Gathered: TypeAlias = dict[str, "list[Measured]"]
"""By the name of a fact, the evidence of each part of each window, or why there is none."""


class Verdict(StrEnum):
    """Whether a figure lies in its band."""

    INSIDE = "inside"
    EDGE = "edge"
    """It lies outside, and its interval reaches into the band."""
    OUTSIDE = "outside"
    NOT_JUDGED = "not judged"


_WORST: Final = (Verdict.OUTSIDE, Verdict.EDGE, Verdict.INSIDE, Verdict.NOT_JUDGED)


@dataclass(frozen=True)
class Reading:
    """One figure of a fact: its value, its band and the verdict.

    Attributes
    ----------
    share
        Of the replicates, those whose own figure lies in the band; None where they are taken together.
    reason
        Why it is not judged, or has no interval.
    """

    part: Part
    band: Band
    verdict: Verdict
    estimate: Estimate | None = None
    share: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Row:
    """A fact with its readings; its verdict is the worst of theirs."""

    fact: Fact
    readings: tuple[Reading, ...]

    @property
    def verdict(self) -> Verdict:
        """Return the worst verdict of those that are judged."""
        there = {reading.verdict for reading in self.readings}
        return next(each for each in _WORST if each in there)


def tally(rows: Iterable[Row]) -> dict[Verdict, int]:
    """Return the number of facts by verdict."""
    counts = Counter(row.verdict for row in rows)
    return {verdict: counts[verdict] for verdict in Verdict}


def gather(sample: Sample, *, run_s: float | None = None) -> Gathered:
    """Return the evidence of every fact in a sample.

    Parameters
    ----------
    run_s
        Length of the windows of facts of a whole run, of data that is longer.
    """
    return {fact.name: _of_fact(fact, sample, run_s) for fact in in_order()}


def _of_fact(fact: Fact, sample: Sample, run_s: float | None) -> list[Measured]:
    found: list[Measured] = []
    for window in sample.windows(fact.window, run_s):
        try:
            with np.errstate(divide="ignore", invalid="ignore"):  # of what stands still
                found.append(fact.measure(window))
        except LackingError as lacking:
            found.append((lacking,) * len(fact.parts))
    return found


def known_of(windows: Iterable[Measured], number: int) -> list[Evidence]:
    """Return the evidence that windows have of a part."""
    parts = (window[number] for window in windows)
    return [part for part in parts if not isinstance(part, LackingError)]


def judge(
    replicates: Sequence[Gathered], bands: Mapping[tuple[str, int], Band], days: float
) -> tuple[Row, ...]:
    """Return every fact with its verdict.

    Parameters
    ----------
    bands
        Those that replace the registered ones, by name of the fact and number of the part.
    days
        Days of observation, all replicates together.
    """
    return tuple(
        Row(fact, tuple(
            _read(fact, number, [each[fact.name] for each in replicates],
                  bands.get((fact.name, number), part.band), days)
            for number, part in enumerate(fact.parts)
        ))
        for fact in in_order()
    )  # fmt: skip


def _read(fact: Fact, number: int, replicates: Sequence[list[Measured]], band: Band, days: float) -> Reading:
    part = fact.parts[number]
    there = [known for each in replicates if (known := known_of(each, number))]
    if not there:
        reason = str(replicates[0][0][number])
        return Reading(part, band, Verdict.NOT_JUDGED, reason=reason)
    if days < fact.days:
        reason = f"{days:.3g} days say nothing yet: it takes at least {fact.days:g}"
        return Reading(part, band, Verdict.NOT_JUDGED, reason=reason)
    values = values_of(fact, there)
    estimate = estimate_of(fact, there, values)
    if not math.isfinite(estimate.value):
        return Reading(part, band, Verdict.NOT_JUDGED, reason="the figure has no value")
    share = float(np.mean([band.holds(value) for value in values])) if len(values) else None
    return Reading(part, band, verdict_of(estimate, band), estimate, share, estimate.reason)


def verdict_of(estimate: Estimate, band: Band) -> Verdict:
    """Return where a figure lies."""
    if band.holds(estimate.value):
        return Verdict.INSIDE
    low, high = estimate.low, estimate.high
    if low is None or high is None or high < band.low or low > band.high:
        return Verdict.OUTSIDE
    return Verdict.EDGE


def values_of(fact: Fact, replicates: Sequence[Sequence[Evidence]]) -> Floats:
    """Return the figure of each replicate; none where they are taken together."""
    if fact.reduce == "pooled":
        return np.empty(0)
    return np.array([_reduced(fact, list(map(plain, windows))) for windows in replicates])


def estimate_of(fact: Fact, replicates: Sequence[Sequence[Evidence]], values: Floats) -> Estimate:
    """Return a figure over replicates, each given as the evidence of its windows, and as its own figure.

    From six replicates on the interval is that of a mean (or median) of independent replicates. Of fewer,
    blocks of time are resampled within each.
    """
    if fact.reduce == "pooled":
        return _of_pooled(replicates)
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return Estimate(math.nan, None, None, 0)
    if len(known) >= REPLICATES:
        return (Quantile(0.5) if fact.reduce == "median" else Mean()).estimate(known)
    value = _reduced(fact, known)
    if all(isinstance(each, Single) for windows in replicates for each in windows):
        return Estimate(value, None, None, len(known), reason=f"an interval needs {REPLICATES} replicates")
    draws = np.stack([_draws(fact, windows, k) for k, windows in enumerate(replicates)])
    return _between(value, _along(fact, draws), len(known))


def _reduced(fact: Fact, values: Sequence[float] | Floats) -> float:
    """Return the mean or median of the values that there are."""
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    if len(known) == 0:
        return math.nan
    return float(np.median(known) if fact.reduce == "median" else np.mean(known))


def _along(fact: Fact, draws: Floats) -> Floats:
    """Return the mean or median over the first axis; NaN where a draw has no value."""
    return np.median(draws, axis=0) if fact.reduce == "median" else np.mean(draws, axis=0)


def _of_pooled(replicates: Sequence[Sequence[Evidence]]) -> Estimate:
    whole = pooled(
        [window for windows in replicates for window in windows], by_part=len(replicates) >= REPLICATES
    )
    return _between(plain(whole), whole.value(_weights(whole.n_blocks, 0)), len(replicates))


def _draws(fact: Fact, windows: Sequence[Evidence], stream: int) -> Floats:
    """Return the figure of a replicate for each draw of its blocks, or of its windows where they are many."""
    if len(windows) >= WINDOWS:
        values = np.array([plain(each) for each in windows])
        known = values[np.isfinite(values)]
        generator = np.random.Generator(np.random.Philox(key=_KEY + stream))
        return _along(fact, known[generator.integers(0, len(known), (len(known), RESAMPLES))])
    each = [
        evidence.value(_weights(evidence.n_blocks, 100 * stream + k)) for k, evidence in enumerate(windows)
    ]
    return _along(fact, np.stack(each))


@lru_cache(maxsize=64)
def _weights(n: int, stream: int) -> Floats:
    """Return how often each of n blocks is in each draw; what is drawn depends on n and the stream alone."""
    generator = np.random.Generator(np.random.Philox(key=_KEY + stream))
    return generator.multinomial(n, np.full(n, 1.0 / n), size=RESAMPLES).astype(np.float64)


def _between(value: float, draws: Floats, n: int) -> Estimate:
    """Return a figure with the percentile interval of its draws."""
    known = np.sort(draws[np.isfinite(draws)])
    if len(known) < RESAMPLES // 2:
        return Estimate(value, None, None, n, reason="too few blocks have a value")
    rank = max(round(0.025 * (len(known) + 1)), 1)
    # of few blocks, in which the largest may not be, moments and tails come out lower than of all
    low, high = min(float(known[rank - 1]), value), max(float(known[-rank]), value)
    return Estimate(value, low, high, n, "block bootstrap")


def bands_of(gathered: Gathered, source: str) -> dict[tuple[str, int], Band]:
    """Return the bands that a user's own data give, for the facts that they say anything of.

    Where there are twenty windows or more, a band holds 5 to 95 % of them; else it is the interval of the figure.
    """
    found: dict[tuple[str, int], Band] = {}
    for fact in in_order():
        for number in range(len(fact.parts)):
            each = known_of(gathered[fact.name], number)
            if not each:
                continue
            estimate = estimate_of(fact, [each], values_of(fact, [each]))
            values = np.array([plain(one) for one in each])
            values = values[np.isfinite(values)]
            observed = {source: estimate.value}
            if len(values) >= WINDOWS and fact.reduce != "pooled":
                low, high = (float(x) for x in np.quantile(values, (0.05, 0.95)))
                found[fact.name, number] = Band(
                    low, high, "days", f"{source}: {len(values)} windows", observed
                )
            elif estimate.low is not None and estimate.high is not None:
                found[fact.name, number] = Band(estimate.low, estimate.high, "bootstrap", source, observed)
    return found

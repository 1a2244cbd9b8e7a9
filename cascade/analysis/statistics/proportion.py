"""Probabilities over replicates: Wilson's interval, and Newcombe's for differences."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

from cascade.analysis.statistics.estimate import (
    CONFIDENCE,
    Contrast,
    Estimate,
    Split,
    least_p,
    p_by_inversion,
    too_few,
    without_interval,
)

METHOD: Final = "Wilson"

EXACT: Final = "Clopper-Pearson"

Flags = npt.NDArray[np.bool_]


def wilson(share: float, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the interval of a probability of which a share was seen in n trials (Wilson 1927)."""
    z2 = _z(confidence) ** 2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    # at the ends the formula is exact, but rounding is not
    return (0.0 if share == 0.0 else centre - half), (1.0 if share == 1.0 else centre + half)


def probability(share: float, n: int, confidence: float = CONFIDENCE) -> Estimate:
    """Return a probability of which a share was seen in n trials, with Wilson's interval."""
    return Estimate(share, *wilson(share, n, confidence), n, METHOD)


def exact_probability(k: int, n: int, confidence: float = CONFIDENCE) -> Estimate:
    """Return a probability that was met k times in n trials, with the exact interval (Clopper and Pearson 1934)."""
    from scipy.stats import beta

    tail = (1.0 - confidence) / 2.0
    low = 0.0 if k == 0 else float(beta.ppf(tail, k, n - k + 1))
    high = 1.0 if k == n else float(beta.ppf(1.0 - tail, k + 1, n - k))
    return Estimate(k / n, low, high, n, EXACT)


def probability_difference(baseline: Flags, flags: Flags, confidence: float, *, paired: bool) -> Contrast:
    """Return how far a probability moves, with Newcombe's hybrid of two Wilson intervals.

    For pairs the correlation of the two events narrows it (Newcombe 1998, Statistics in Medicine 17,
    method 10 of 2635-2650 without continuity correction; for two samples, method 10 of 873-890).
    """
    before, after = float(baseline.mean()), float(flags.mean())
    n = len(flags) if paired else min(len(flags), len(baseline))
    floor, reason = _differing(baseline, flags, confidence, paired=paired)
    if reason:
        return Contrast(without_interval(after - before, n, reason), None, floor)
    phi = _phi(baseline, flags) if paired else 0.0

    def limits(level: float) -> tuple[float, float]:
        return _hybrid((before, len(baseline)), (after, len(flags)), phi, level)

    low, high = limits(confidence)
    p = p_by_inversion(lambda level: not limits(level)[0] <= 0.0 <= limits(level)[1])
    return Contrast(Estimate(after - before, low, high, n, "Newcombe"), max(p, floor), floor)


def _differing(baseline: Flags, flags: Flags, confidence: float, *, paired: bool) -> tuple[float, str]:
    """Return the smallest p-value of the trials that tell the samples apart, and why they are too few."""
    if paired:
        k = int((baseline != flags).sum())
        return least_p(k), too_few(k, len(flags), confidence)
    is_rare = 2 * int(flags.sum() + baseline.sum()) <= len(flags) + len(baseline)
    rarer = tuple(int((each == is_rare).sum()) for each in (baseline, flags))
    split = Split((len(baseline), len(flags)), (rarer[0], rarer[1]), are_alike=True)
    return split.least_p(), split.too_few(confidence)


def _hybrid(
    first: tuple[float, int], second: tuple[float, int], phi: float, confidence: float
) -> tuple[float, float]:
    """Return the interval of second - first from those of both and the correlation between them."""
    (a, n_a), (b, n_b) = first, second
    a_low, a_high = wilson(a, n_a, confidence)
    b_low, b_high = wilson(b, n_b, confidence)
    down = (b - b_low) ** 2 - 2 * phi * (b - b_low) * (a_high - a) + (a_high - a) ** 2
    up = (b_high - b) ** 2 - 2 * phi * (b_high - b) * (a - a_low) + (a - a_low) ** 2
    return b - a - math.sqrt(max(down, 0.0)), b - a + math.sqrt(max(up, 0.0))


def _phi(first: Flags, second: Flags) -> float:
    """Return the correlation of paired events; 0 where one of them always or never happens."""
    a, b, both = float(first.mean()), float(second.mean()), float((first & second).mean())
    variance = a * (1 - a) * b * (1 - b)
    return (both - a * b) / math.sqrt(variance) if variance > 0.0 else 0.0


def _z(confidence: float) -> float:
    """Return the two-sided normal quantile."""
    return -NormalDist().inv_cdf((1.0 - confidence) / 2.0)

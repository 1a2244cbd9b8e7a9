"""Medians over replicates, with their Monte-Carlo uncertainty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A median over replicates and its confidence interval; None where there are too few of them."""

    median: float
    low: float | None
    high: float | None
    n: int


def estimate(values: Sequence[float], confidence: float = CONFIDENCE) -> Estimate | None:
    """Return the median and its order-statistic interval, which assumes nothing of the distribution.

    The interval from the k-th smallest to the k-th largest of n values holds the median with
    probability 1 - 2 P(B < k), B binomial (n, 1/2); k is the largest that reaches the confidence
    (for 95 % at least 6 values). None without values.
    """
    ordered = sorted(values)
    n = len(ordered)
    if n == 0:
        return None
    k = order_of_interval(n, confidence)
    if k == 0:
        return Estimate(float(median(ordered)), None, None, n)
    return Estimate(float(median(ordered)), float(ordered[k - 1]), float(ordered[n - k]), n)


def order_of_interval(n: int, confidence: float = CONFIDENCE) -> int:
    """Return the largest k with P(B < k) at most half of what the confidence leaves; 0 if there is none."""
    tail, k = 0.0, 0
    while k < (n + 1) // 2:
        log_mass = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2.0)
        tail += math.exp(log_mass)
        if tail > (1.0 - confidence) / 2.0:
            break
        k += 1
    return k

"""What is known of a figure after so many replicates: its value and an interval, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure over replicates and its confidence interval."""

    value: float
    low: float | None
    high: float | None
    n: int
    """Replicates (or pairs of them) it rests on."""
    method: str = ""
    """What the interval is: `order statistics`, `Wilson`, `Student and Hall`, ..."""
    reason: str = ""
    """Why there is no interval; empty where there is one."""

    @property
    def half_width(self) -> float | None:
        """Half of the interval's width; None without an interval."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2.0

    def excludes(self, value: float) -> bool:
        """Tell whether there is an interval, and it does not hold a value."""
        return self.low is not None and self.high is not None and not self.low <= value <= self.high


def without_interval(value: float, n: int, reason: str) -> Estimate:
    """Return an estimate that has no interval, and says why."""
    return Estimate(value, None, None, n, reason=reason)


class Contrast(NamedTuple):
    """The difference of a figure between two samples."""

    difference: Estimate
    p: float | None
    """Least level at which the interval excludes zero; None without an interval."""


def count_informative(values: Floats) -> int:
    """Return how many values are not tied with the most frequent one; all, if no two are tied."""
    most = int(np.unique(values, return_counts=True)[1].max(initial=0))
    return len(values) - most if most > 1 else len(values)


def least_informative(confidence: float, share: float = 0.5) -> int:
    """Return how many replicates must differ for a statement at a confidence: 6 of pairs for 95 %.

    If labels mean nothing, k differing pairs all point one way with probability 2^(1 - k), and no
    analysis of k pairs can honestly be surer than that. For two samples, `share` is that of the larger.
    """
    return math.ceil(math.log((1.0 - confidence) / 2.0) / math.log(share) - 1e-9)


def least_p(n_informative: int, share: float = 0.5) -> float:
    """Return the smallest p-value that so many differing replicates can give; see `least_informative`."""
    return min(1.0, 2.0 * share**n_informative)


def too_few(n_informative: int, n: int, confidence: float, share: float = 0.5) -> str:
    """Return why there can be no interval; empty where there can."""
    least = least_informative(confidence, share)
    if n_informative >= least:
        return ""
    if n_informative < n:
        return f"only {n_informative} of {n} replicates differ: an interval needs {least}"
    return f"{n} replicates: an interval needs {least}"


def p_by_inversion(excludes_zero: Callable[[float], bool]) -> float:
    """Return the least level at which an interval excludes zero, by bisection of its logarithm.

    Parameters
    ----------
    excludes_zero
        Of a confidence; once it does, it does for every smaller confidence.
    """
    low, high = math.log(1e-12), 0.0
    if excludes_zero(1.0 - math.exp(low)):
        return math.exp(low)
    for _ in range(40):
        middle = (low + high) / 2.0
        low, high = (low, middle) if excludes_zero(1.0 - math.exp(middle)) else (middle, high)
    return math.exp(high)

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


TIED: Final = "all tie"
"""Method of a difference of zero that was seen in every replicate: nothing was seen that could bound it."""


class Contrast(NamedTuple):
    """The difference of a figure between two samples."""

    difference: Estimate
    p: float | None
    """Least level at which the interval excludes zero; None without an interval; 1 where all tie."""
    least_p: float = 1.0
    """The smallest p-value that as many replicates as tell anything could have given."""


def informative(values: Floats) -> npt.NDArray[np.bool_]:
    """Return which values are not tied with the most frequent one; all, if no two are tied."""
    found, counts = np.unique(values, return_counts=True)
    if counts.max(initial=0) < 2:
        return np.ones(len(values), np.bool_)
    return values != found[np.argmax(counts)]


def all_tie(sizes: tuple[int, int], share: float = 1.0, *, paired: bool) -> Contrast:
    """Return a difference of zero that every replicate shows: no interval, since none of them varies.

    It is zero in all luck only where the scenarios are identical, which the replicates cannot say. The
    smallest p-value is what could have been, had the share of them that can tell anything differed.
    """
    n = min(sizes)
    if paired:
        return Contrast(
            Estimate(0.0, None, None, n, TIED, f"equal in all {n} pairs"), 1.0, least_p(round(n * share))
        )
    could = round(sizes[0] * share), round(sizes[1] * share)
    reason = f"one value in all {sum(sizes)} replicates"
    return Contrast(Estimate(0.0, None, None, n, TIED, reason), 1.0, Split(sizes, could).least_p())


def least_informative(confidence: float) -> int:
    """Return how many replicates must differ for a statement at a confidence: 6 for 95 %.

    If labels mean nothing, k differing pairs all point one way with probability 2^(1 - k), and no
    analysis of k pairs can honestly be surer than that.
    """
    return math.ceil(math.log((1.0 - confidence) / 2.0) / math.log(0.5) - 1e-9)


def least_p(n_informative: int) -> float:
    """Return the smallest p-value that so many differing pairs can give; see `least_informative`."""
    return min(1.0, 2.0 * 0.5**n_informative)


class Split(NamedTuple):
    """How the replicates of two samples that tell anything are split between them."""

    n: tuple[int, int]
    """Sizes of the samples."""
    informative: tuple[int, int]
    """Replicates of each that differ from the value that most share."""
    says_where: bool = True
    """Whether these shares can say in which sample such replicates are frequent: of a tail they cannot."""
    are_alike: bool = False
    """Whether all that tell say the same, as outcomes that happened do; else no two of them do."""

    def least_p(self) -> float:
        """Return the smallest p-value: were labels to mean nothing, all that tell in one sample by chance.

        Of n replicates k tell. The sample of m in which they are frequent holds them all, or nothing but
        them where they are more, in C(n - k, m - k) of C(n, m) ways (of more that are alike, in C(k, m)): in
        Fisher's exact test the tail of one way. Where nothing says which sample, the fewer ways count. So 6 of 6
        against 0 of 40 tell much, and 0 of 20 against 7 of 400 next to nothing.
        """
        return self._least_p(sum(self.informative))

    def too_few(self, confidence: float) -> str:
        """Return why there can be no interval; empty where there can."""
        k, n = sum(self.informative), sum(self.n)
        if k >= least_informative(confidence) and self._least_p(k) <= 1.0 - confidence:
            return ""
        needed = (
            each
            for each in range(least_informative(confidence), n)
            if self._least_p(each) <= 1.0 - confidence
        )
        return f"only {k} of {n} replicates differ: an interval needs {next(needed, n)}"

    def _least_p(self, k: int) -> float:
        first, second = (of / n for of, n in zip(self.informative, self.n, strict=True))
        where = (self.n[0],) if first > second else (self.n[1],)
        either = not self.says_where or math.isclose(first, second)
        ways = min(self._log_ways(k, m) for m in (self.n if either else where))
        return min(1.0, 2.0 * math.exp(ways))

    def _log_ways(self, k: int, m: int) -> float:
        """Return the logarithm of the share of all ways in which the sample of m has as many that tell as it can."""
        n = sum(self.n)
        if k > m:
            return (_log_binomial(k, m) if self.are_alike else 0.0) - _log_binomial(n, m)
        return _log_binomial(n - k, m - k) - _log_binomial(n, m)


def _log_binomial(n: int, k: int) -> float:
    return math.lgamma(n + 1.0) - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0)


def too_few(n_informative: int, n: int, confidence: float) -> str:
    """Return why there can be no interval; empty where there can."""
    least = least_informative(confidence)
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

"""Means and what behaves like one: Student's t, and what it is when the skewness is taken out.

The t interval of a skewed sample misses too often on one side: of the mean of 20 lognormal values, a
"95 %" interval misses 13 % of the time. Hall (1992, Journal of the Royal Statistical Society B 54,
221-228) removes the first-order effect of skewness by a monotone cubic of the t statistic,

    g(T) = T + a T^2 + a^2 T^3 / 3 + b,    a = skew / 3,  b = skew / 6,

skew being that of the estimator (of n values: their skewness / sqrt n). It reaches what the bootstrap
of t reaches, in closed form: no random numbers, and p-values as small as the data allow. Where the tails
are long and alike, though, one outlier fakes a skewness, and the correction shortens the wrong side. The
interval is therefore the outer of both on each side, which `tests/theory/test_coverage.py` measures.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from cascade.analysis.statistics.estimate import Floats

METHOD: Final = "Student and Hall"

_TINY: Final = 1e-6

_FEW: Final = 20
"""Values from which on a sample knows its own variance well enough, by simulation."""


class Studentised(NamedTuple):
    """An estimator that is a mean, or a difference of means."""

    value: float
    error: float
    """Its standard error."""
    skew: float
    """Its skewness."""
    freedom: float
    """Degrees of freedom of the standard error."""

    def interval(self, confidence: float, *, is_tail: bool = False) -> tuple[float, float]:
        """Return the interval of what is estimated.

        Parameters
        ----------
        is_tail
            The terms are known to be skewed, as those of a shortfall are: no side needs Student's limit.
        """
        from scipy.special import stdtrit

        t = float(stdtrit(self.freedom, (1.0 + confidence) / 2.0))
        above, below = _uncorrected(t, self.skew), _uncorrected(-t, self.skew)
        if not is_tail:
            above, below = max(t, above), min(-t, below)
        return self.value - self.error * above, self.value - self.error * below

    def p(self) -> float:
        """Return the least level at which the interval excludes zero."""
        from scipy.special import stdtr

        if self.error == 0.0:
            return 1.0 if self.value == 0.0 else 0.0
        t = self.value / self.error
        corrected = math.copysign(1.0, t) * _corrected(t, self.skew)
        return 2.0 * float(stdtr(self.freedom, -max(0.0, min(abs(t), corrected))))


def of_mean(values: Floats) -> Studentised:
    """Return the mean of at least two values."""
    n = len(values)
    mean, variance, third = _moments(values)
    error = math.sqrt(variance / n)
    return Studentised(mean, error, _skew(third / n**2, error), n - 1.0)


def of_difference(baseline: Floats, values: Floats) -> Studentised:
    """Return the difference of the means of two samples (Welch), of at least two values each.

    A sample of few beside one of many may miss the long tail that both have, and take itself for sure. The
    error is then no less than if both varied alike, which for samples of one size is the same.
    """
    a, b = _moments(baseline), _moments(values)
    part_a, part_b = a[1] / len(baseline), b[1] / len(values)
    error = math.sqrt(part_a + part_b)
    together = ((len(baseline) - 1) * a[1] + (len(values) - 1) * b[1]) / (len(baseline) + len(values) - 2)
    alike = math.sqrt(together * (1.0 / len(baseline) + 1.0 / len(values)))
    third = b[2] / len(values) ** 2 - a[2] / len(baseline) ** 2
    freedom = len(baseline) + len(values) - 2.0
    if error > 0.0:
        freedom = (part_a + part_b) ** 2 / (part_a**2 / (len(baseline) - 1) + part_b**2 / (len(values) - 1))
    if min(len(baseline), len(values)) < _FEW:
        error = max(error, alike)
    return Studentised(b[0] - a[0], error, _skew(third, error), freedom)


def _moments(values: Floats) -> tuple[float, float, float]:
    """Return the mean, the variance and the third central moment.

    The skewness of a small sample is bounded (by about sqrt n) and too near zero where tails are long. The
    factor 1 + 1 / sqrt n is ours, chosen by simulation; with none, coverage at n = 20 is a point lower.
    """
    n = len(values)
    mean = float(values.mean())
    apart = values - mean
    return mean, float((apart**2).sum()) / (n - 1), (1.0 + 1.0 / math.sqrt(n)) * float((apart**3).mean())


def _skew(third: float, error: float) -> float:
    return third / error**3 if error > 0.0 else 0.0


def _corrected(t: float, skew: float) -> float:
    """Return g(t) of the module's text."""
    a = skew / 3.0
    return t + a * t**2 + a**2 * t**3 / 3.0 + skew / 6.0


def _uncorrected(y: float, skew: float) -> float:
    """Return the t for which g(t) is y."""
    a, rest = skew / 3.0, y - skew / 6.0
    if abs(a) < _TINY:  # the limit of the other formula, which loses its digits here
        return rest - a * rest**2
    return (float(np.cbrt(1.0 + 3.0 * a * rest)) - 1.0) / a

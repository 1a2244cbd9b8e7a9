"""The statistics that turn the replicates of a run into one figure, and two runs into a difference."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cascade.analysis.statistics.estimate import (
    CONFIDENCE,
    Contrast,
    Estimate,
    Floats,
    count_informative,
    least_informative,
    least_p,
    too_few,
    without_interval,
)
from cascade.analysis.statistics.order import (
    least_replicates,
    quantile_difference,
    quantile_estimate,
)
from cascade.analysis.statistics.proportion import (
    Flags,
    probability,
    probability_difference,
)
from cascade.analysis.statistics.studentised import METHOD, Studentised, of_difference, of_mean


class Statistic(Protocol):
    """A figure over replicates. Values are finite, at least one, in the order of replicates."""

    def estimate(self, values: Floats, confidence: float = CONFIDENCE) -> Estimate:
        """Return the figure and its interval."""
        ...

    def contrast(
        self, baseline: Floats, values: Floats, *, paired: bool, confidence: float = CONFIDENCE
    ) -> Contrast:
        """Return the figure of `values` less that of `baseline`.

        Paired samples have the same length, and entry k of both is of one luck; if all pairs tie, the
        difference is exactly zero, without uncertainty.
        """
        ...

    def least(self, confidence: float = CONFIDENCE) -> int:
        """Return how many replicates an interval needs at the least."""
        ...


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean over replicates."""

    def estimate(self, values: Floats, confidence: float = CONFIDENCE) -> Estimate:
        """Return the mean; its interval is Student's, corrected for skewness."""
        return _estimate(values, count_informative(values), confidence)

    def contrast(
        self, baseline: Floats, values: Floats, *, paired: bool, confidence: float = CONFIDENCE
    ) -> Contrast:
        """Return the mean of paired differences, or the difference of two means (Welch)."""
        if paired:
            return _paired_contrast(values - baseline, int((values != baseline).sum()), confidence)
        return _two_sample_contrast(
            baseline, values, count_informative(np.concatenate([baseline, values])), confidence
        )

    def least(self, confidence: float = CONFIDENCE) -> int:
        """Return 6 for 95 %."""
        return least_informative(confidence)


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile over replicates: the value that a share of them stays below."""

    share: float

    def estimate(self, values: Floats, confidence: float = CONFIDENCE) -> Estimate:
        """Return the quantile with its order-statistic interval."""
        return quantile_estimate(values, self.share, confidence)

    def contrast(
        self, baseline: Floats, values: Floats, *, paired: bool, confidence: float = CONFIDENCE
    ) -> Contrast:
        """Return how far the quantile moves; the interval is a bootstrap over replicates."""
        if _is_tied(baseline, values, paired=paired):
            return _zero(len(values))
        return quantile_difference(baseline, values, self.share, confidence, paired=paired)

    def least(self, confidence: float = CONFIDENCE) -> int:
        """Return 72 for the 95th percentile and 95 %."""
        return least_replicates(self.share, confidence)


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Expected shortfall: the mean over the worst replicates, those beyond a quantile.

    With q the quantile, it is q + E max(X - q, 0) / (1 - share) (Rockafellar and Uryasev 2002): the mean
    of one term for each replicate, so that what holds for means holds for it.
    """

    share: float

    def estimate(self, values: Floats, confidence: float = CONFIDENCE) -> Estimate:
        """Return the shortfall; its interval is that of a mean of terms that are skewed one way."""
        terms = self._terms(values)
        least = self.least(confidence)
        return _estimate(terms, count_informative(terms), confidence, least, is_tail=True)

    def contrast(
        self, baseline: Floats, values: Floats, *, paired: bool, confidence: float = CONFIDENCE
    ) -> Contrast:
        """Return how far the shortfall moves; only replicates in a tail tell."""
        if _is_tied(baseline, values, paired=paired):
            return _zero(len(values))
        before, after = self._terms(baseline), self._terms(values)
        in_tails = (before > before.min(), after > after.min())
        least = self.least(confidence)
        if paired:
            return _paired_contrast(after - before, int((in_tails[0] | in_tails[1]).sum()), confidence, least)
        return _two_sample_contrast(
            before, after, int(in_tails[0].sum() + in_tails[1].sum()), confidence, least
        )

    def least(self, confidence: float = CONFIDENCE) -> int:
        """Return 120 for the worst 5 % and 95 %, so that six replicates lie beyond the quantile."""
        return math.ceil(least_informative(confidence) / (1.0 - self.share) - 1e-9)

    def _terms(self, values: Floats) -> Floats:
        rank = math.ceil(len(values) * self.share - 1e-9)
        start = np.partition(values, rank - 1)[rank - 1]
        return start + np.maximum(values - start, 0.0) / (1.0 - self.share)


@dataclass(frozen=True, slots=True)
class Probability:
    """The share of replicates in which a value exceeds a threshold."""

    above: float = 0.0

    def estimate(self, values: Floats, confidence: float = CONFIDENCE) -> Estimate:
        """Return the share with Wilson's interval."""
        return probability(float(self._happened(values).mean()), len(values), confidence)

    def contrast(
        self, baseline: Floats, values: Floats, *, paired: bool, confidence: float = CONFIDENCE
    ) -> Contrast:
        """Return how far the probability moves, with Newcombe's interval."""
        before, after = self._happened(baseline), self._happened(values)
        if _is_tied(before, after, paired=paired):
            return _zero(len(values))
        return probability_difference(before, after, confidence, paired=paired)

    def least(self, confidence: float = CONFIDENCE) -> int:
        """Return 6 for 95 %: with fewer, the interval says next to nothing."""
        return least_informative(confidence)

    def _happened(self, values: Floats) -> Flags:
        return values > self.above


def variance_reduction(baseline: Floats, values: Floats) -> float | None:
    """Return the variance of an unpaired difference over that of the paired one.

    It says how many times fewer replicates the shared luck saves; infinite where all pairs differ by the
    same amount, None where neither sample varies or there are too few pairs.
    """
    if len(values) < 2:
        return None
    unpaired = float(baseline.var(ddof=1) + values.var(ddof=1))
    paired = float((values - baseline).var(ddof=1))
    if unpaired == 0.0:
        return None
    return unpaired / paired if paired > 0.0 else math.inf


def higher_share(baseline: Floats, values: Floats, confidence: float = CONFIDENCE) -> Estimate:
    """Return the share of pairs in which the second is higher, ties counted half."""
    share = float((values > baseline).mean() + 0.5 * (values == baseline).mean())
    return probability(share, len(values), confidence)


def _estimate(
    terms: Floats, n_informative: int, confidence: float, least: int = 0, *, is_tail: bool = False
) -> Estimate:
    """Return the mean of terms with its interval, if there are enough of them that tell anything."""
    n, value = len(terms), float(terms.mean())
    reason = _refusal(n_informative, n, confidence, least)
    if reason:
        return without_interval(value, n, reason)
    return Estimate(value, *of_mean(terms).interval(confidence, is_tail=is_tail), n, METHOD)


def _paired_contrast(apart: Floats, n_informative: int, confidence: float, least: int = 0) -> Contrast:
    """Return the mean of paired differences; exactly zero where every pair ties."""
    if not apart.any():
        return _zero(len(apart))
    n = len(apart)
    if reason := _refusal(n_informative, n, confidence, least):
        return Contrast(without_interval(float(apart.mean()), n, reason), None)
    return _contrast(of_mean(apart), n, confidence, least_p(n_informative))


def _two_sample_contrast(
    baseline: Floats, values: Floats, n_informative: int, confidence: float, least: int = 0
) -> Contrast:
    """Return the difference of two means."""
    moved = float(values.mean() - baseline.mean())
    n = min(len(baseline), len(values))
    together = len(baseline) + len(values)
    share = max(len(baseline), len(values)) / together
    reason = _refusal(n, n, confidence, least) or too_few(n_informative, together, confidence, share)
    if reason:
        return Contrast(without_interval(moved, n, reason), None)
    return _contrast(of_difference(baseline, values), n, confidence, least_p(n_informative, share))


def _contrast(found: Studentised, n: int, confidence: float, floor: float) -> Contrast:
    estimate = Estimate(found.value, *found.interval(confidence), n, METHOD)
    return Contrast(estimate, max(found.p(), floor))


def _refusal(n_informative: int, n: int, confidence: float, least: int) -> str:
    """Return why there can be no interval; empty where there can."""
    if n < least:
        return f"an interval needs {least} replicates"
    return too_few(n_informative, n, confidence)


def _is_tied(baseline: Floats | Flags, values: Floats | Flags, *, paired: bool) -> bool:
    """Tell whether every pair ties, or two samples hold one and the same value throughout."""
    if paired:
        return bool((baseline == values).all())
    return bool((baseline == baseline[0]).all() and (values == baseline[0]).all())


def _zero(n: int) -> Contrast:
    """Return a difference that is exactly zero."""
    return Contrast(Estimate(0.0, 0.0, 0.0, n, "every replicate ties"), 1.0)

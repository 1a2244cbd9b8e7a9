"""The statistics that turn the replicates of a run into one figure, and two runs into a difference."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np

from cascade.analysis.statistics.estimate import (
    CONFIDENCE,
    Contrast,
    Estimate,
    Floats,
    Split,
    all_tie,
    informative,
    least_informative,
    least_p,
    too_few,
    without_interval,
)
from cascade.analysis.statistics.order import (
    interval_ranks,
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

_DEEPER: Final = 0.8
"""Confidence of the interval of a quantile whose lower end a shortfall also starts from; by simulation the
least for which intervals hold as often as they say beside a far mode, `tests/theory/test_coverage.py`."""


class Statistic(Protocol):
    """A figure over replicates. Values are finite, at least one, in the order of replicates."""

    def estimate(self, values: Floats, confidence: float = CONFIDENCE) -> Estimate:
        """Return the figure and its interval."""
        ...

    def contrast(
        self, baseline: Floats, values: Floats, *, paired: bool, confidence: float = CONFIDENCE
    ) -> Contrast:
        """Return the figure of `values` less that of `baseline`.

        Paired samples have the same length, and entry k of both is of one luck; see `all_tie` where all
        pairs tie.
        """
        ...

    def least(self, confidence: float = CONFIDENCE) -> int:
        """Return how many replicates an interval needs at the least."""
        ...


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean over replicates."""

    bounds: tuple[float, float] = (-math.inf, math.inf)
    """What no replicate can be below or above, and hence no mean."""

    def estimate(self, values: Floats, confidence: float = CONFIDENCE) -> Estimate:
        """Return the mean; its interval is Student's, corrected for skewness, within its bounds."""
        n, value = len(values), float(values.mean())
        if reason := too_few(int(informative(values).sum()), n, confidence):
            return without_interval(value, n, reason)
        low, high = of_mean(values).interval(confidence)
        return Estimate(value, max(low, self.bounds[0]), min(high, self.bounds[1]), n, METHOD)

    def contrast(
        self, baseline: Floats, values: Floats, *, paired: bool, confidence: float = CONFIDENCE
    ) -> Contrast:
        """Return the mean of paired differences, or the difference of two means (Welch)."""
        if _is_tied(baseline, values, paired=paired):
            return all_tie((len(baseline), len(values)), paired=paired)
        if paired:
            return _paired_contrast(values - baseline, int((values != baseline).sum()), confidence)
        tells = informative(np.concatenate([baseline, values]))
        return _two_sample_contrast(
            baseline, values, (tells[: len(baseline)], tells[len(baseline) :]), confidence
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
            return all_tie((len(baseline), len(values)), paired=paired)
        return quantile_difference(baseline, values, self.share, confidence, paired=paired)

    def least(self, confidence: float = CONFIDENCE) -> int:
        """Return 72 for the 95th percentile and 95 %."""
        return least_replicates(self.share, confidence)


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Expected shortfall: the mean over the worst replicates, those beyond a quantile.

    With q the quantile, it is q + E max(X - q, 0) / (1 - share) (Rockafellar and Uryasev 2002): the mean
    of one term for each replicate, so that what holds for means holds for it.

    The quantile is not known, though. A wrong q never gives less than the shortfall, which is the least
    over all q: a limit above therefore holds for any. Where the tail is a far mode of about the same mass
    as `1 - share`, a sample may have too many in it, all its terms are those of the mode, and the limit
    below is far too high; it is hence the lower of those at q and at a quantile that q may well be.
    """

    share: float

    def estimate(self, values: Floats, confidence: float = CONFIDENCE) -> Estimate:
        """Return the shortfall; its interval is that of a mean of terms that are skewed one way."""
        n, terms = len(values), self._terms(values)
        value = float(terms.mean())
        if reason := _refusal(int(informative(terms).sum()), n, confidence, self.least(confidence)):
            return without_interval(value, n, reason)
        low, high = of_mean(terms).interval(confidence, is_tail=True)
        deeper = of_mean(self._terms(values, is_deeper=True)).interval(confidence, is_tail=True)
        least = float(values.min())  # that all of n values lie above their shortfall is all but impossible
        return Estimate(value, max(min(low, deeper[0]), least), high, n, METHOD)

    def contrast(
        self, baseline: Floats, values: Floats, *, paired: bool, confidence: float = CONFIDENCE
    ) -> Contrast:
        """Return how far the shortfall moves; only replicates in a tail tell."""
        if _is_tied(baseline, values, paired=paired):
            return all_tie((len(baseline), len(values)), 1.0 - self.share, paired=paired)
        before, after = self._terms(baseline), self._terms(values)
        in_tails = (before > before.min(), after > after.min())
        least = self.least(confidence)
        if paired:
            telling = int((in_tails[0] | in_tails[1]).sum())
            found = _paired_contrast(after - before, telling, confidence, least)
        else:
            found = _two_sample_contrast(before, after, in_tails, confidence, least, is_tail=True)
        if found.p is None:
            return found
        deeper = self._terms(baseline, is_deeper=True), self._terms(values, is_deeper=True)
        both = _apart(*deeper, paired=paired)
        below = (_apart(before, deeper[1], paired=paired), both)
        above = (_apart(deeper[0], after, paired=paired), both)
        return _widened(found, below, above, confidence)

    def least(self, confidence: float = CONFIDENCE) -> int:
        """Return 120 for the worst 5 % and 95 %, so that six replicates lie beyond the quantile."""
        return math.ceil(least_informative(confidence) / (1.0 - self.share) - 1e-9)

    def _terms(self, values: Floats, *, is_deeper: bool = False) -> Floats:
        """Return the term of each replicate, at the quantile or at one that it may well be."""
        n = len(values)
        ranks = interval_ranks(n, self.share, _DEEPER) if is_deeper else None
        rank = ranks[0] if ranks else math.ceil(n * self.share - 1e-9)
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
            return all_tie((len(baseline), len(values)), paired=paired)
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


def _apart(baseline: Floats, values: Floats, *, paired: bool) -> Studentised:
    """Return the difference of two means, of pairs or not."""
    return of_mean(values - baseline) if paired else of_difference(baseline, values)


def _widened(
    found: Contrast, below: Iterable[Studentised], above: Iterable[Studentised], confidence: float
) -> Contrast:
    """Return a contrast whose interval also reaches as far down and as far up as others do."""
    first = found.difference
    assert first.low is not None
    assert first.high is not None
    low = min(first.low, *(each.interval(confidence)[0] for each in below))
    high = max(first.high, *(each.interval(confidence)[1] for each in above))
    same_way = [
        each.p() if each.value * first.value > 0.0 else 1.0
        for each in (below if first.value > 0.0 else above)
    ]
    return Contrast(replace(first, low=low, high=high), max(found.p or 0.0, *same_way), found.least_p)


def _paired_contrast(apart: Floats, n_informative: int, confidence: float, least: int = 0) -> Contrast:
    """Return the mean of paired differences."""
    n, floor = len(apart), least_p(n_informative)
    if reason := _refusal(n_informative, n, confidence, least):
        return Contrast(without_interval(float(apart.mean()), n, reason), None, floor)
    return _contrast(of_mean(apart), n, confidence, floor)


def _two_sample_contrast(
    baseline: Floats, values: Floats, tells: tuple[Flags, Flags], confidence: float, least: int = 0, *,
    is_tail: bool = False,
) -> Contrast:  # fmt: skip
    """Return the difference of two means, of which some replicates tell anything; of a tail as many in either."""
    moved = float(values.mean() - baseline.mean())
    n = min(len(baseline), len(values))
    told = int(tells[0].sum()), int(tells[1].sum())
    split = Split((len(baseline), len(values)), told, says_where=not is_tail)
    floor = split.least_p()
    if reason := _refusal(n, n, confidence, least) or split.too_few(confidence):
        return Contrast(without_interval(moved, n, reason), None, floor)
    return _contrast(of_difference(baseline, values), n, confidence, floor)


def _contrast(found: Studentised, n: int, confidence: float, floor: float) -> Contrast:
    estimate = Estimate(found.value, *found.interval(confidence), n, METHOD)
    return Contrast(estimate, max(found.p(), floor), floor)


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

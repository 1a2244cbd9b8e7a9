"""Quantiles, their order-statistic intervals, and the bootstrap for differences of quantiles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

from cascade.analysis.statistics.estimate import (
    CONFIDENCE,
    Contrast,
    Estimate,
    Floats,
    Split,
    least_p,
    without_interval,
)

METHOD: Final = "order statistics"

RESAMPLES: Final = 1999
"""Bootstrap samples: the limits of a 95 % interval are then order statistics themselves, 50 and 1950."""

_KEY: Final = 20250701
_CELLS: Final = 4_000_000


def quantile(values: Floats, share: float) -> float:
    """Return a quantile: linear between order statistics, as numpy, pandas and duckdb have it."""
    return float(np.quantile(values, share))


def quantile_estimate(values: Floats, share: float, confidence: float = CONFIDENCE) -> Estimate:
    """Return a quantile and its interval, which assumes nothing about the distribution.

    Parameters
    ----------
    values
        At least one.
    """
    n = len(values)
    ranks = interval_ranks(n, share, confidence)
    if ranks is None:
        least = least_replicates(share, confidence)
        return without_interval(quantile(values, share), n, f"an interval needs {least} replicates")
    ordered = np.sort(values)
    low, high = (float(ordered[rank - 1]) for rank in ranks)
    return Estimate(quantile(values, share), low, high, n, METHOD)


@lru_cache(maxsize=256)
def interval_ranks(n: int, share: float, confidence: float = CONFIDENCE) -> tuple[int, int] | None:
    """Return the ranks, from 1, between which a quantile lies; None where n values cannot tell."""
    low, high = rank_limits(n, share, confidence)
    return (low, high) if low >= 1 and high <= n else None


@lru_cache(maxsize=256)
def rank_limits(n: int, share: float, confidence: float = CONFIDENCE) -> tuple[int, int]:
    """Return the ranks between which a quantile lies: 0 and n + 1 are no values, and no limit.

    Of n values, the number below the quantile is binomial (n, share). The quantile is below the l-th
    smallest with probability P(B < l) and above the u-th with P(B >= u); l is the largest and u the
    smallest for which either is at most half of what the confidence leaves (Conover 1999, section 3.2).
    """
    tail = (1.0 - confidence) / 2.0
    below = np.concatenate([[0.0], np.cumsum(_binomial(n, share))])  # P(B < k), k from 0
    low = int(np.searchsorted(below, tail, side="right")) - 1
    above = np.concatenate([np.cumsum(_binomial(n, share)[::-1])[::-1], [0.0]])  # P(B >= k), k from 0
    return low, int(np.argmax(above <= tail))


@lru_cache(maxsize=64)
def least_replicates(share: float, confidence: float = CONFIDENCE) -> int:
    """Return how many values the interval of a quantile needs: 6 for the median, 72 for 95 %."""
    rarer = max(share, 1.0 - share)
    return math.ceil(math.log((1.0 - confidence) / 2.0) / math.log(rarer) - 1e-9)


def _binomial(n: int, share: float) -> Floats:
    """Return the probabilities of 0 to n successes."""
    k = np.arange(n + 1)
    log_factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    ways = log_factorials[n] - log_factorials[k] - log_factorials[n - k]
    return np.exp(ways + k * math.log(share) + (n - k) * math.log1p(-share))


def quantile_difference(
    baseline: Floats, values: Floats, share: float, confidence: float, *, paired: bool
) -> Contrast:
    """Return how far a quantile moves, with the percentile interval of a bootstrap over replicates.

    Pairs are drawn whole where the luck is shared. Resampled is the estimator of Harrell and Davis (1982,
    Biometrika 69, 635-640), a smooth mean of order statistics: plain quantiles of resampled values jump
    from one to the next, and their intervals are too wide (Wilcox and Erceg-Hurn 2012, Journal of Applied
    Statistics 39, 2655-2664). What is drawn depends on the numbers of replicates alone.
    """
    moved = quantile(values, share) - quantile(baseline, share)
    n = len(values) if paired else min(len(values), len(baseline))
    k = int((baseline != values).sum()) if paired else len(baseline) + len(values)
    sizes = len(baseline), len(values)
    floor = least_p(k) if paired else Split(sizes, sizes).least_p()
    if n < (least := least_replicates(share, confidence)):
        return Contrast(without_interval(moved, n, f"an interval needs {least} replicates"), None, floor)
    drawn = np.sort(
        _bootstrap(values, share, stream=0) - _bootstrap(baseline, share, stream=0 if paired else 1)
    )
    rank = max(1, math.floor((RESAMPLES + 1) * (1.0 - confidence) / 2.0 + 1e-9))
    # the plain quantile may lie a little outside of what the smooth one does
    low, high = min(float(drawn[rank - 1]), moved), max(float(drawn[-rank]), moved)
    if floor > 1.0 - confidence:  # too few differ for any of their signs to exclude that nothing moves
        low, high = min(low, 0.0), max(high, 0.0)
    p = max(_bootstrap_p(drawn, moved), floor)
    return Contrast(Estimate(moved, low, high, n, "bootstrap"), p, floor)


def _bootstrap_p(drawn: Floats, moved: float) -> float:
    """Return twice the share of the bootstrap distribution on the other side of zero than the estimate.

    Where nothing that was drawn lies there, its normal tail says how far it is: among many metrics a
    p-value of one in so many resamples would decide nothing, whatever the number of replicates.
    """
    if moved == 0.0:
        return 1.0
    beyond = int((drawn <= 0.0).sum() if moved > 0.0 else (drawn >= 0.0).sum())
    p = min(1.0, 2.0 * (beyond + 1) / (RESAMPLES + 1))
    spread = float(drawn.std())
    if beyond or spread == 0.0:
        return p
    return min(p, 2.0 * NormalDist().cdf(-abs(float(drawn.mean())) / spread))


def _bootstrap(values: Floats, share: float, *, stream: int) -> Floats:
    """Return the Harrell-Davis quantile of each bootstrap sample; a stream always draws the same."""
    from scipy.special import betainc

    n = len(values)
    order = np.argsort(values, kind="stable")
    ranks = np.empty(n, np.int64)
    ranks[order] = np.arange(n)
    steps = np.diff(values[order])
    # weight of the smallest k of n order statistics, k from 0
    weight = betainc((n + 1) * share, (n + 1) * (1.0 - share), np.arange(n + 1) / n)
    found: list[Floats] = []
    for draws in _draws(n, stream):
        rows = np.arange(len(draws))[:, None] * n
        counts = np.bincount((ranks[draws] + rows).ravel(), minlength=draws.size).reshape(draws.shape)
        # summed by parts: the largest value less each step that lies above the weight below it
        found.append(values[order[-1]] - weight[np.cumsum(counts, axis=1)[:, :-1]] @ steps)
    return np.concatenate(found)


def _draws(n: int, stream: int) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the replicates of the bootstrap samples, a row for each sample, some samples at a time."""
    generator = np.random.Generator(np.random.Philox(key=[_KEY, 2 * n + stream]))
    at_once = max(1, _CELLS // n)
    for start in range(0, RESAMPLES, at_once):
        yield generator.integers(0, n, (min(at_once, RESAMPLES - start), n))

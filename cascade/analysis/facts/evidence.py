"""Estimators of stylised facts, each a function of sums over blocks of time.

What is estimated from sums of terms can be resampled by blocks without being computed anew: a draw of
blocks is a weight for each, and the sums of the draw are the weighted sums. Pairs of a lag stay together in
the block of their first (Künsch 1989, "blocks of blocks"), so that no pair is made across a seam.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import numpy as np

from cascade.analysis.facts.observed import Floats, LackingError

BLOCKS: Final = 20
"""Blocks of a window: long against what is correlated, and enough of them to see how they differ."""

Of: TypeAlias = Callable[[Floats], Floats]
"""From sums of terms (in the last axis) to the figure."""


class Evidence(Protocol):
    """What a window says of a figure, by blocks."""

    @property
    def n_blocks(self) -> int:
        """Return the number of blocks."""
        ...

    def value(self, weights: Floats) -> Floats:
        """Return the figure for each row of weights of the blocks."""
        ...


@dataclass(frozen=True)
class Sums:
    """Sums of terms by block, and the figure that they give."""

    rows: Floats
    of: Of

    @property
    def n_blocks(self) -> int:
        """Return the number of blocks."""
        return len(self.rows)

    def value(self, weights: Floats) -> Floats:
        """Return the figure for each row of weights of the blocks."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.of(weights @ self.rows)


@dataclass(frozen=True)
class Tail:
    """The Hill exponent of the largest values.

    Attributes
    ----------
    logs
        Logarithms of the largest values, falling; `blocks` the block of each.
    counts
        Values of each block, also of those that are not among the largest.
    """

    logs: Floats
    blocks: np.ndarray
    counts: Floats
    share: float

    @property
    def n_blocks(self) -> int:
        """Return the number of blocks."""
        return len(self.counts)

    def value(self, weights: Floats) -> Floats:
        """Return the exponent for each row of weights of the blocks."""
        return np.array([self._hill(row) for row in weights])

    def _hill(self, weights: Floats) -> float:
        """Return 1 / mean ln(x_i / x_k+1) over the k largest (Hill 1975)."""
        k = int(weights @ self.counts * self.share)
        each = weights[self.blocks]
        reached = np.cumsum(each)
        at = int(np.searchsorted(reached, k, side="right"))
        if k < 1 or at >= len(self.logs):
            return float("nan")
        before = float(reached[at - 1]) if at else 0.0
        threshold = float(self.logs[at])
        excess = (float(each[:at] @ self.logs[:at]) + (k - before) * threshold) / k - threshold
        return 1.0 / excess if excess > 0 else float("nan")


@dataclass(frozen=True)
class Single:
    """A figure that has no parts to resample."""

    figure: float

    @property
    def n_blocks(self) -> int:
        """Return one."""
        return 1

    def value(self, weights: Floats) -> Floats:
        """Return the figure."""
        return np.full(len(weights), self.figure)


def plain(evidence: Evidence) -> float:
    """Return the figure itself: every block once."""
    return float(evidence.value(np.ones((1, evidence.n_blocks)))[0])


def pooled(parts: Sequence[Evidence], *, by_part: bool) -> Evidence:
    """Return the evidence of several windows as that of one, its blocks the windows or theirs."""
    sums = [each for each in parts if isinstance(each, Sums)]
    if len(sums) < len(parts) or not sums:
        raise LackingError("figures that are no sums cannot be pooled")
    rows = [each.rows.sum(axis=0, keepdims=True) if by_part else each.rows for each in sums]
    return Sums(np.concatenate(rows), sums[0].of)


def sums(terms: Sequence[Floats], of: Of, blocks: int = BLOCKS) -> Sums:
    """Return terms summed by blocks of equal length; an observation of which a term is missing counts for nothing."""
    table = np.stack([np.asarray(term, np.float64) for term in terms], axis=-1)
    known = np.atleast_1d(np.isfinite(table).all(axis=1))
    if not known.all():
        table = np.where(known[:, None], table, 0.0)
    n = max(min(blocks, len(table)), 1)
    starts = np.arange(n) * len(table) // n
    return Sums(np.add.reduceat(table, starts, axis=0) if len(table) else np.zeros((1, len(terms))), of)


# --- moments -----------------------------------------------------------------------------------------


def moments(x: Floats, of: Of) -> Sums:
    """Return a figure of the first four moments."""
    return sums((np.ones_like(x), x, x**2, x**3, x**4), of)


def _central(s: Floats) -> tuple[Floats, Floats, Floats]:
    n, mean = s[..., 0], s[..., 1] / s[..., 0]
    second = s[..., 2] / n - mean**2
    third = s[..., 3] / n - 3 * mean * s[..., 2] / n + 2 * mean**3
    fourth = s[..., 4] / n - 4 * mean * s[..., 3] / n + 6 * mean**2 * s[..., 2] / n - 3 * mean**4
    return second, third, fourth


def excess_kurtosis(x: Floats) -> Sums:
    """Return the fourth standardised moment less 3."""
    return moments(x, _kurtosis)


def _kurtosis(s: Floats) -> Floats:
    second, _, fourth = _central(s)
    return fourth / second**2 - 3.0


def skewness(x: Floats) -> Sums:
    """Return the third standardised moment."""
    return moments(x, _skewness)


def _skewness(s: Floats) -> Floats:
    second, third, _ = _central(s)
    return third / second**1.5


def mean(x: Floats) -> Sums:
    """Return the mean."""
    return sums((np.ones_like(x), x), lambda s: s[..., 1] / s[..., 0])


def deviation(x: Floats) -> Sums:
    """Return the standard deviation."""
    return moments(x, lambda s: np.sqrt(_central(s)[0]))


# --- pairs -------------------------------------------------------------------------------------------


def correlation(x: Floats, y: Floats) -> Sums:
    """Return Pearson's correlation."""
    return sums((np.ones_like(x), x, y, x * x, y * y, x * y), _pearson)


def _pearson(s: Floats) -> Floats:
    n, x, y = s[..., 0], s[..., 1] / s[..., 0], s[..., 2] / s[..., 0]
    return (s[..., 5] / n - x * y) / np.sqrt((s[..., 3] / n - x**2) * (s[..., 4] / n - y**2))


def share_explained(x: Floats, y: Floats) -> Sums:
    """Return the share of the variance of y that x explains: the squared correlation."""
    found = correlation(x, y)
    return Sums(found.rows, lambda s: found.of(s) ** 2)


def autocorrelation(x: Floats, lag: int) -> Sums:
    """Return the correlation of a series with itself `lag` steps later."""
    return correlation(x[:-lag], x[lag:])


def variance_ratio(x: Floats, k: int) -> Sums:
    """Return the variance of sums of k returns over k times that of one (Lo and MacKinlay 1988, overlapping)."""
    total = np.concatenate([[0.0], np.cumsum(np.nan_to_num(x - np.nanmean(x)))])
    long = np.full(len(x), np.nan)
    long[: len(x) - k + 1] = total[k:] - total[:-k]
    known = np.isfinite(x) & np.isfinite(long)
    x, long = x / np.nanstd(x), long / np.nanstd(x)
    terms = (known.astype(float), *(np.where(known, z, 0.0) for z in (x, x**2, long, long**2)))
    correction = k * (1.0 - k / len(x))  # the sums overlap, and their mean is that of the sample

    def of(s: Floats) -> Floats:
        n = s[..., 0]
        one = s[..., 2] / n - (s[..., 1] / n) ** 2
        return s[..., 4] / n / one / correction

    return sums(terms, of)


# --- tails and shares ----------------------------------------------------------------------------------


def hill(x: Floats, share: float) -> Tail:
    """Return the exponent of the upper tail, from the largest `share` of the values."""
    x = np.abs(x[np.isfinite(x)])
    n = max(min(BLOCKS, len(x)), 1)
    blocks = np.arange(len(x)) * n // max(len(x), 1)
    keep = min(int(len(x) * share * 4) + 2, len(x))
    top = np.argsort(x)[::-1][:keep]
    with np.errstate(divide="ignore"):
        return Tail(np.log(x[top]), blocks[top], np.bincount(blocks, minlength=n).astype(np.float64), share)


def ratio(top: Floats, bottom: Floats) -> Sums:
    """Return the sum of one thing over the sum of another."""
    return sums((top, bottom), lambda s: s[..., 0] / s[..., 1])


_MOST_COUNTED: Final = 400
"""Larger counts are not told apart."""


def quantile_of_counts(x: Floats, share: float) -> Sums:
    """Return a quantile of small whole numbers."""
    known = np.where(np.isfinite(x), np.clip(np.rint(x), 0, _MOST_COUNTED), 0).astype(np.int64)
    n = max(min(BLOCKS, len(x)), 1)
    block = np.arange(len(x)) * n // max(len(x), 1)
    table = np.zeros((n, _MOST_COUNTED + 1))
    np.add.at(table, (block, known), np.isfinite(x).astype(np.float64))

    def of(s: Floats) -> Floats:
        cumulative = np.cumsum(s, axis=-1)
        reached = cumulative >= share * cumulative[..., -1:] - 1e-9
        return np.argmax(reached, axis=-1).astype(np.float64)

    return Sums(table, of)


def busiest_over_quietest(x: Floats, hour: np.ndarray) -> Sums:
    """Return the mean of the busiest hour of the day over that of the quietest."""
    known = np.isfinite(x)
    hours = [(hour == h) & known for h in range(24)]
    terms = [is_it.astype(np.float64) for is_it in hours] + [np.where(is_it, x, 0.0) for is_it in hours]

    def of(s: Floats) -> Floats:
        means = s[..., 24:] / np.where(s[..., :24] > 0, s[..., :24], np.nan)
        return np.nanmax(means, axis=-1) / np.nanmin(means, axis=-1)

    return sums(terms, of)


def waiting_ratio(logs: Floats, move: float) -> Sums:
    """Return the mean time until the price is up by `move` over that until it is down by it.

    The drift of the window is taken out first: of a rising month the ratio would tell that it rose.
    """
    x = logs - np.linspace(0.0, float(logs[-1] - logs[0]), len(logs))
    up, down = (first_passage(sign * x, move) for sign in (1.0, -1.0))
    reached = [np.where(np.isfinite(wait), wait, 0.0) for wait in (up, down)]
    counts = [np.isfinite(wait).astype(np.float64) for wait in (up, down)]

    def of(s: Floats) -> Floats:
        return (s[..., 0] / s[..., 1]) / (s[..., 2] / s[..., 3])

    return sums((reached[0], counts[0], reached[1], counts[1]), of)


def first_passage(x: Floats, move: float) -> Floats:
    """Return after how many steps a path is first `move` above where it stands, from each of its points; NaN if never.

    All points that still wait are looked at together, one step further at a time.
    """
    waits = np.full(len(x), np.nan)
    waiting = np.arange(len(x) - 1)
    step = 1
    while len(waiting):
        waiting = waiting[waiting + step < len(x)]
        is_there = x[waiting + step] - x[waiting] >= move
        waits[waiting[is_there]] = step
        waiting = waiting[~is_there]
        step += 1
    return waits

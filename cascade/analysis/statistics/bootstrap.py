"""The block bootstrap: intervals of figures over days, which are not independent of their neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

from cascade.analysis.statistics.estimate import (
    CONFIDENCE,
    Estimate,
    Floats,
    least_informative,
    without_interval,
)

METHOD: Final = "block bootstrap"

RESAMPLES: Final = 1999
"""Bootstrap samples, as those of quantiles."""

_KEY: Final = 20250702


def block_length(n: int) -> int:
    """Return how many neighbours are drawn together: the cube root of their number, 3 of 37 days."""
    return max(1, round(n ** (1.0 / 3.0)))


def block_estimate(
    of: Callable[[npt.NDArray[np.int64]], float], n: int, *, confidence: float = CONFIDENCE
) -> Estimate:
    """Return a figure over n rows in the order of time, with the interval of a circular block bootstrap.

    Percentiles are those that widen the interval of a mean of as many blocks to Student's (Hesterberg 2015, The
    American Statistician 69, 371-386, "expanded percentile"): plain ones are too narrow where blocks are few.
    What is drawn depends on n alone.

    Parameters
    ----------
    of
        From the numbers of rows, some of them repeated, to the figure; NaN where these have none.
    n
        Rows; under 6 nothing is said at 95 %.
    """
    value = of(np.arange(n))
    if n < (least := least_informative(confidence)):
        return without_interval(value, n, f"an interval needs {least} events or days")
    drawn = np.array([of(rows) for rows in _rows(n)])
    known = drawn[np.isfinite(drawn)]
    if len(known) < len(drawn) // 2:
        return without_interval(value, n, "too few draws of a bootstrap have a value")
    tail = _tail(n / block_length(n), confidence)
    low, high = (float(each) for each in np.quantile(known, (tail, 1.0 - tail)))
    return Estimate(value, min(low, value), max(high, value), n, METHOD)


def block_mean(values: Floats, *, confidence: float = CONFIDENCE) -> Estimate:
    """Return the mean of values in the order of time, with its interval; see `block_estimate`."""
    return block_estimate(lambda rows: float(values[rows].mean()), len(values), confidence=confidence)


def _rows(n: int) -> npt.NDArray[np.int64]:
    """Return the rows of each bootstrap sample: blocks from anywhere, the end of the rows joined to their start."""
    length = block_length(n)
    generator = np.random.Generator(np.random.Philox(key=[_KEY, n]))
    starts = generator.integers(0, n, (RESAMPLES, math.ceil(n / length), 1))
    return ((starts + np.arange(length)) % n).reshape(RESAMPLES, -1)[:, :n]


def _tail(n_blocks: float, confidence: float) -> float:
    """Return the probability beyond either end of the percentile interval of a figure of so many blocks."""
    from scipy.special import stdtrit

    quantile = float(stdtrit(max(n_blocks - 1.0, 1.0), 1.0 - (1.0 - confidence) / 2.0))
    return NormalDist().cdf(-math.sqrt(n_blocks / max(n_blocks - 1.0, 1.0)) * quantile)

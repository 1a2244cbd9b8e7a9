"""How many replicates a wanted precision takes."""

from __future__ import annotations

import math

from cascade.analysis.statistics.estimate import TIED, Contrast, Estimate, least_informative


def replicates_needed(estimate: Estimate, precision: float) -> int | None:
    """Return about how many replicates bring the half-width of an interval to a precision.

    Widths shrink as 1 / sqrt n: for means, quantiles, probabilities and differences alike.

    Parameters
    ----------
    precision
        In the unit of the estimate, positive.

    Returns
    -------
    int or None
        None without an interval to judge by.
    """
    if estimate.half_width is None or precision <= 0.0:
        return None
    return math.ceil(estimate.n * (estimate.half_width / precision) ** 2)


def replicates_to_tell(contrast: Contrast, level: float, least: int) -> int | None:
    """Return about how many replicates could give a p-value of a level, where these cannot.

    Parameters
    ----------
    contrast
        As large a share of more replicates is taken to tell something; where all tie, every one.
    level
        What a p-value is held against, after the correction for many metrics.
    least
        What an interval of the statistic needs at that level.

    Returns
    -------
    int or None
        None where these could have given it.
    """
    if contrast.p is not None and contrast.least_p <= level:
        return None
    # the smallest p-value halves with each replicate that tells something
    telling = max(1.0, -math.log2(contrast.least_p / 2.0))
    if contrast.difference.method == TIED:
        return least
    n, growth = contrast.difference.n, least_informative(1.0 - level) / telling
    return max(least, n + 1, math.ceil(n * growth - 1e-9))


def about(n: int) -> int:
    """Return a number with one or two significant digits, as a forecast deserves: 3871 is about 3900."""
    step = 10 ** max(0, len(str(n)) - 2)
    return math.ceil(n / step) * step

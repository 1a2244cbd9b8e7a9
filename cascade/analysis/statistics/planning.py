"""How many replicates a wanted precision takes."""

from __future__ import annotations

import math

from cascade.analysis.statistics.estimate import Estimate


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


def about(n: int) -> int:
    """Return a number with one or two significant digits, as a forecast deserves: 3871 is about 3900."""
    step = 10 ** max(0, len(str(n)) - 2)
    return math.ceil(n / step) * step

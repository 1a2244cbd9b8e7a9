"""A move in three parts over replicates: from outside, what stops added, what liquidations added to both."""

from __future__ import annotations

from typing import NamedTuple

from cascade.analysis.metrics.prices import LEAST_MOVE_BPS
from cascade.analysis.statistics import Estimate, Mean
from cascade.analysis.statistics.estimate import Floats
from cascade.analysis.statistics.studentised import of_mean


class Part(NamedTuple):
    """A part of a move; the means of the parts sum to that of the whole, and so do their shares."""

    kind: str
    """`outside`, `stops`, `added` or `total`."""
    mean: Estimate
    """In bps."""
    error: float | None
    """Standard error of the mean; None for one replicate."""
    share: float | None
    """Mean over mean of the whole; None where that is too small to divide by."""
    share_error: float | None
    """Standard error of the share, of the ratio of means to first order."""


def split(whole: Floats, stops: Floats, added: Floats) -> tuple[Part, ...]:
    """Return the parts of a move by what stops and liquidations added to it in each replicate, and the whole."""
    parts = {"outside": whole - stops - added, "stops": stops, "added": added, "total": whole}
    return tuple(_part(kind, values, whole) for kind, values in parts.items())


def _part(kind: str, values: Floats, whole: Floats) -> Part:
    mean, of = Mean().estimate(values), float(whole.mean())
    share = mean.value / of if of >= LEAST_MOVE_BPS else None
    apart = None if share is None else _error((values - share * whole) / of)
    return Part(kind, mean, _error(values), share, apart)


def _error(values: Floats) -> float | None:
    """Return the standard error of a mean."""
    return of_mean(values).error if len(values) > 1 else None

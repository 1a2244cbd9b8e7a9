"""The sign test: exact for any distribution, and for pairs too few for an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cascade.analysis.statistics.estimate import Floats


def upper_tail(n: int, k: int) -> float:
    """Return how likely at least k of n go one way, if either way is as likely."""
    return sum(math.comb(n, j) for j in range(k, n + 1)) / 2**n


@dataclass(frozen=True, slots=True)
class Signs:
    """How pairs lie: in how many the second is higher, in how many lower; the others tie."""

    n: int
    higher: int
    lower: int

    @property
    def is_one_way(self) -> bool:
        """Return whether all pairs point the same way; of one pair nothing can be said."""
        return self.n > 1 and self.n in (self.higher, self.lower)

    @property
    def p(self) -> float:
        """Return the two-sided p-value: how often as many point one way if either way is as likely; ties say nothing."""
        return min(1.0, 2.0 * upper_tail(self.higher + self.lower, max(self.higher, self.lower)))


def signs(baseline: Floats, values: Floats) -> Signs:
    """Return how the pairs of two samples lie."""
    return Signs(len(values), int((values > baseline).sum()), int((values < baseline).sum()))

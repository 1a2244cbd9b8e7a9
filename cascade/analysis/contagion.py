"""The matrix of contagion: what is liquidated in each place for a dollar that is sold by force in another.

The direct matrix K is that of the first generation: what a forced sale trips by itself. What those set off in turn is
K K, and so on; where the largest eigenvalue of K is below 1 all generations sum to K (1 - K)^-1. On one market K is
the branching ratio.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from cascade.analysis.statistics import CONFIDENCE, Estimate, Mean
from cascade.analysis.statistics.estimate import Floats, without_interval

LINEARISED: Final = "Student and Hall, linearised"
"""Method of the interval of a figure that is no mean: that of the mean of its linear parts."""

_TINY: Final = 1e-12


class Leading(NamedTuple):
    """The eigenvalue with the largest real part, and its eigenvectors, each of which sums to 1."""

    value: float
    spreads: Floats
    """By source: how much a dollar there brings in the end, over all generations."""
    receives: Floats
    """By target: where the liquidations of late generations are."""
    overlap: float
    """Product of the two; 0 where nothing that a place sets off comes back to it."""


def leading(matrix: Floats) -> Leading:
    """Return the leading eigenvalue of a matrix: its spectral radius, where no entry is below zero but by noise."""
    (value, spreads), (_, receives) = _pair(matrix), _pair(matrix.T)
    return Leading(value, spreads, receives, float(spreads @ receives))


def _pair(matrix: Floats) -> tuple[float, Floats]:
    """Return the leading eigenvalue and its right eigenvector."""
    values, vectors = np.linalg.eig(matrix)
    place = int(np.argmax(np.real(values)))
    vector = np.asarray(np.real(vectors[:, place]), np.float64)
    total = float(vector.sum())
    return float(np.real(values[place])), vector / total if abs(total) > _TINY else np.abs(vector)


@dataclass(frozen=True)
class Matrix:
    """A matrix over replicates.

    Attributes
    ----------
    names
        Places: assets, markets or venues.
    values
        USD liquidated in a column's place per USD sold in a row's, (n_replicates, n_places, n_places).
    """

    names: tuple[str, ...]
    values: Floats

    @cached_property
    def mean(self) -> Floats:
        """Return the mean over replicates."""
        return np.asarray(self.values.mean(axis=0), np.float64)

    def entry(self, source: str, target: str) -> Estimate:
        """Return what a dollar in one place brings in another, with its interval."""
        return Mean().estimate(self.of(source, target))

    def of(self, source: str, target: str) -> Floats:
        """Return an entry by replicate."""
        return np.asarray(self.values[:, self.names.index(source), self.names.index(target)], np.float64)

    @cached_property
    def leading(self) -> Leading:
        """Return the leading eigenvalue of the mean."""
        return leading(self.mean)

    @cached_property
    def radius(self) -> Estimate:
        """Return the spectral radius of the mean, with its interval.

        An eigenvalue moves with the matrix as u (K_k - K) v / u v, u and v being its eigenvectors: so that it is
        the mean over replicates of u K_k v / u v, and has the interval of that. On one market these are the entries.
        """
        found, n = self.leading, len(self.values)
        if abs(found.overlap) <= _TINY * len(self.names):
            return without_interval(
                max(found.value, 0.0), n, "nothing that is liquidated comes back to where it began"
            )
        parts = np.einsum("i,kij,j->k", found.receives, self.values, found.spreads) / found.overlap
        estimate = Mean().estimate(np.asarray(parts, np.float64), CONFIDENCE)
        return replace(estimate, value=found.value, method=estimate.method and LINEARISED)

    def generations(self) -> Matrix | None:
        """Return the sum of all generations, K (1 - K)^-1, in its linear parts by replicate; None where it has none."""
        one = np.eye(len(self.names))
        if self.leading.value >= 1.0:
            return None
        resolvent = np.linalg.inv(one - self.mean)
        linear = np.einsum("ij,kjl,lm->kim", resolvent, self.values - self.mean, resolvent)
        return Matrix(self.names, resolvent - one + linear)


__all__ = ["LINEARISED", "Leading", "Matrix", "leading"]

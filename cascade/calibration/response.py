"""How the figures of a market answer to its parameters, learnt from a reference table.

The mean of a figure over luck is a polynomial of second degree in the places of the parameters; what the polynomial
does not follow is part of the error. The spread of a replicate about it is luck, whose logarithm is linear in the
places, and whose correlations are the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from cascade.calibration.priors import Values
from cascade.calibration.reference_table import Table

WORTH_BENDING = 3
"""Draws that each coefficient of a polynomial needs; with fewer, a plane is fitted."""

SHRINKAGE = 0.05
"""Share by which correlations are drawn to zero, so that few replicates leave a covariance that can be inverted."""


@dataclass(frozen=True)
class Response:
    """What figures to expect at any parameters, and how far a day may lie from them.

    Attributes
    ----------
    doubt : Values
        Covariance of what the polynomial does not follow.
    spread : Values
        Coefficients of the logarithm of the variance of luck, for each moment.
    correlation : Values
        Of luck between moments.
    error : Values
        Variances of the errors of observation.
    days : tuple[tuple[int, ...], ...]
        Moments of each day: those of different days share no luck.
    freedom : float
        Degrees of freedom from which the spread of a day is known: the more of it is error and doubt, which are given.
    """

    coefficients: Values
    is_bent: bool
    doubt: Values
    spread: Values
    correlation: Values
    error: Values
    weight: Values
    days: tuple[tuple[int, ...], ...]
    n_replicates: int
    freedom: float

    def mean(self, places: Values) -> Values:
        """Return the expected figures."""
        return _basis(places, is_bent=self.is_bent) @ self.coefficients

    def covariance(self, places: Values) -> Values:
        """Return how far what is observed may lie from the expected figures, by luck, doubt and error."""
        deviation = np.exp(0.5 * _basis(places, is_bent=False) @ self.spread)
        luck = deviation[:, :, None] * self.correlation * deviation[:, None, :]
        # the luck of the day, and that of the replicates over which the table took its means
        return luck * (1.0 + 1.0 / self.n_replicates) + self.doubt + np.diag(self.error)

    def log_likelihood(self, places: Values, observed: Values) -> Values:
        """Return how likely the observed figures are at parameters, but for a constant.

        A covariance that is estimated makes the normal of a day a Student distribution (Sellentin and Heavens 2016).
        """
        weight, n = np.sqrt(self.weight), self.freedom
        covariance = self.covariance(places) / (weight[:, None] * weight)
        off, likely = observed - self.mean(places), np.zeros(len(places))
        for day in self.days:
            root = np.linalg.cholesky(covariance[:, day][:, :, day])
            distance = (np.linalg.solve(root, off[:, day, None])[:, :, 0] ** 2).sum(axis=1)
            likely -= np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
            likely -= 0.5 * (n + 1.0) * np.log1p(distance / n)
        return likely

    def drawn(self, places: Values, generator: np.random.Generator) -> Values:
        """Return figures as a day might give them."""
        root = np.linalg.cholesky(self.covariance(places))
        normal = generator.standard_normal(root.shape[:2])
        wide = np.sqrt(self.freedom / generator.chisquare(self.freedom, len(places)))
        return self.mean(places) + wide[:, None] * np.einsum("nij,nj->ni", root, normal)


def learn(table: Table) -> Response:
    """Return how the figures of a table answer."""
    places, means = table.places(table.scores), table.figures.mean(axis=1)
    n_bent = _basis(places[:1], is_bent=True).shape[1]
    is_bent = table.n_draws >= WORTH_BENDING * n_bent
    basis = _basis(places, is_bent=is_bent)
    coefficients, missed = _fitted(basis, means)
    luck = table.figures - means[:, None]
    variance = luck.var(axis=1, ddof=1) if table.n_replicates > 1 else np.zeros_like(means)
    together = _shared(luck)
    doubt = _doubt(missed, variance, together, table.n_replicates)
    error = np.array([each.error**2 for each in table.moments])
    by_luck = (1.0 + 1.0 / table.n_replicates) * variance.mean(axis=0)
    names = [each.day for each in table.moments]
    same_day = np.array([[one == other for other in names] for one in names])
    return Response(
        coefficients, is_bent, same_day * doubt,
        _spread(places, variance, table.n_replicates), same_day * _correlation(luck),
        error, np.array([each.weight for each in table.moments]),
        tuple(tuple(np.flatnonzero(np.array(names) == day).tolist()) for day in dict.fromkeys(names)),
        table.n_replicates, _freedom(table, together) / _guessed(by_luck, by_luck + np.diag(doubt) + error),
    )  # fmt: skip


def _basis(places: Values, *, is_bent: bool) -> Values:
    """Return the terms of a polynomial: one, the places, and their products where it is bent."""
    n, p = places.shape
    columns = [np.ones(n), *places.T]
    if is_bent:
        columns += [places[:, a] * places[:, b] for a, b in combinations_with_replacement(range(p), 2)]
    return np.stack(columns, axis=1)


def _fitted(basis: Values, means: Values) -> tuple[Values, Values]:
    """Return coefficients by least squares, and by how much each draw is missed by a fit to the others."""
    q, r = np.linalg.qr(basis)
    coefficients = np.linalg.solve(r, q.T @ means)
    leverage = np.minimum((q * q).sum(axis=1), 0.99)
    missed = (means - basis @ coefficients) / (1.0 - leverage)[:, None]
    return np.asarray(coefficients, np.float64), np.asarray(missed, np.float64)


def _shared(luck: Values) -> Values:
    """Return which share of the variance of luck is the same at all parameters, as paired luck makes it."""
    common, all_of_it = (luck.mean(axis=0) ** 2).mean(axis=0), (luck**2).mean(axis=(0, 1))
    shared = common / np.where(all_of_it > 0.0, all_of_it, 1.0)
    n = len(luck)
    return np.clip((shared - 1.0 / n) / (1.0 - 1.0 / n), 0.0, 1.0)


def _doubt(missed: Values, variance: Values, together: Values, n_replicates: int) -> Values:
    """Return the covariance of what the polynomial misses, less what is luck of single draws."""
    found = missed.T @ missed / len(missed)
    size = np.diag(found)
    own = (1.0 - together) * variance.mean(axis=0) / n_replicates
    kept = np.sqrt(np.clip(1.0 - own / np.where(size > 0.0, size, 1.0), 0.0, 1.0))
    return found * kept[:, None] * kept


def _spread(places: Values, variance: Values, n_replicates: int) -> Values:
    """Return how the logarithm of the variance of luck depends on the places, true to its mean."""
    mean = variance.mean(axis=0)
    least = np.maximum(1e-6 * mean, 1e-12)
    if n_replicates < 3:  # a single difference says little of a logarithm
        flat = np.zeros((places.shape[1] + 1, variance.shape[1]))
        flat[0] = np.log(np.maximum(mean, 1e-12))
        return flat
    basis = _basis(places, is_bent=False)
    coefficients, _ = _fitted(basis, np.log(np.maximum(variance, least)))
    level = np.exp(basis @ coefficients).mean(axis=0)  # the mean logarithm is below the logarithm of the mean
    coefficients[0] += np.log(np.maximum(mean, 1e-12) / level)
    return coefficients


def _correlation(luck: Values) -> Values:
    """Return the correlations of luck between moments."""
    flat = luck.reshape(-1, luck.shape[2])
    size = np.sqrt((flat**2).mean(axis=0))
    unit = flat / np.where(size > 0.0, size, 1.0)
    found = (1.0 - SHRINKAGE) * (unit.T @ unit / len(flat))
    np.fill_diagonal(found, 1.0)
    return found


def _guessed(luck: Values, total: Values) -> float:
    """Return by what part the spread of a day is an estimate: the squared share of luck in it (Satterthwaite 1946).

    Without this, four replicates would make many figures with a known error tell no more than a few.
    """
    share = luck / np.where(total > 0.0, total, 1.0)
    return max(float((share**2).mean()), 1e-9)


def _freedom(table: Table, together: Values) -> float:
    """Return from how many independent replicates the spread of luck is as good as known.

    Draws that share all of their luck are no more than one.
    """
    shared = float((together**2).mean())
    return (table.n_replicates - 1) / (1.0 / table.n_draws + (1.0 - 1.0 / table.n_draws) * shared)

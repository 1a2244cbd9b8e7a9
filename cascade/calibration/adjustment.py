"""Approximate Bayesian computation: the draws whose figures come nearest to the observed ones, adjusted to them.

Rejection with local linear regression (Beaumont, Zhang and Balding 2002) and its correction of spread (Blum and
François 2010). The noise of a day is added to the figures of the table (Wilkinson 2013): replicates of paired luck
have none of their own from draw to draw.
"""

from __future__ import annotations

import numpy as np

from cascade.calibration.priors import Values
from cascade.calibration.reference_table import Table
from cascade.calibration.response import Response

COPIES = 32
"""Days that are made of each draw of the table."""


def adjusted(
    table: Table, response: Response, accept: float, n: int, generator: np.random.Generator
) -> Values:
    """Return draws from the posterior, in scores.

    Parameters
    ----------
    accept
        Share of the table that counts as near.
    n
        Draws to return.
    """
    scores = np.repeat(table.scores, COPIES, axis=0)
    days = np.repeat(table.figures.mean(axis=1), COPIES, axis=0)
    # of the doubts of a polynomial there are none: the table's own figures are taken
    covariance = response.covariance(table.places(table.scores)) - response.doubt
    root = np.repeat(np.linalg.cholesky(covariance), COPIES, axis=0)
    days = days + np.einsum("nij,nj->ni", root, generator.standard_normal(days.shape))
    near, weights, off = _near(days, table.observed, response.weight, accept)
    points = regressed(scores[near], off, weights)
    chosen = generator.choice(len(points), n, p=weights / weights.sum())
    return points[chosen]


def _near(days: Values, observed: Values, weight: Values, accept: float) -> tuple[np.ndarray, Values, Values]:
    """Return which days are near, with Epanechnikov weights, and by how much they are off."""
    size = np.median(np.abs(days - np.median(days, axis=0)), axis=0) * 1.4826
    off = (days - observed) / np.where(size > 0.0, size, 1.0)
    distance = np.sqrt((weight * off**2).sum(axis=1))
    n = max(int(accept * len(days)), 1)
    near = np.argpartition(distance, n - 1)[:n]
    within = distance[near].max() * (1.0 + 1e-9)
    return near, 1.0 - (distance[near] / within) ** 2, off[near]


def regressed(points: Values, off: Values, weights: Values) -> Values:
    """Return points moved along a weighted plane to where nothing is off, their spread made that of there."""
    root = np.sqrt(weights)[:, None]
    basis = np.column_stack([np.ones(len(off)), off])
    plane = np.linalg.lstsq(root * basis, root * points, rcond=None)[0]
    rest = points - basis @ plane
    spread = np.linalg.lstsq(root * basis, root * np.log(rest**2 + 1e-12), rcond=None)[0]
    return plane[0] + rest * np.exp(0.5 * (spread[0] - basis @ spread))

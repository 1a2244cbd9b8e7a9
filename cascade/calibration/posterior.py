"""Draws from a posterior: a swarm from the prior is led to it in steps, each a little more of the likelihood.

Sequential Monte Carlo by tempering (Del Moral, Doucet and Jasra 2006): it keeps ridges and several hills, and needs no
tuning. Every likelihood is that of the response, so that ten thousand draws take a second and no simulation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from cascade.calibration.priors import Values

LogLikelihood: TypeAlias = Callable[[Values], Values]
"""Of each of many points, in scores."""

KEPT = 0.5
"""Share of the swarm that a step may leave as good as unweighted."""

MOVES = 8
"""Times that each of the swarm moves after a step."""


def sample(likelihood: LogLikelihood, n_parameters: int, n: int, generator: np.random.Generator) -> Values:
    """Return draws from the posterior under standard normal priors."""
    points = generator.standard_normal((n, n_parameters))
    likely = likelihood(points)
    heat = 0.0
    while heat < 1.0:
        step = _step(likely, 1.0 - heat)
        heat += step
        chosen = _resampled(step * likely, generator)
        points, likely = points[chosen], likely[chosen]
        points, likely = _moved(points, likely, likelihood, heat, generator)
    return points


def _step(likely: Values, most: float) -> float:
    """Return how much more of the likelihood leaves enough of the swarm."""
    if _effective(most * likely) >= KEPT * len(likely):
        return most
    low, high = 0.0, most
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _effective(middle * likely) >= KEPT * len(likely) else (low, middle)
    return max(low, 1e-9)


def _effective(log_weights: Values) -> float:
    weights = np.exp(log_weights - log_weights.max())
    return float(weights.sum() ** 2 / (weights**2).sum())


def _resampled(log_weights: Values, generator: np.random.Generator) -> np.ndarray:
    """Return the numbers of the chosen, by systematic resampling."""
    weights = np.cumsum(np.exp(log_weights - log_weights.max()))
    marks = (np.arange(len(weights)) + generator.random()) / len(weights)
    return np.minimum(np.searchsorted(weights / weights[-1], marks), len(weights) - 1)


def _moved(
    points: Values, likely: Values, likelihood: LogLikelihood, heat: float, generator: np.random.Generator
) -> tuple[Values, Values]:  # fmt: skip
    """Return the swarm after some moves of Metropolis, in the shape that it has."""
    n, p = points.shape
    shape = np.atleast_2d(np.cov(points.T)) + 1e-10 * np.eye(p)
    reach, root = 2.38 / np.sqrt(p), np.linalg.cholesky(shape)
    for _ in range(MOVES):
        tried = points + reach * generator.standard_normal((n, p)) @ root.T
        there = likelihood(tried)
        gain = heat * (there - likely) - 0.5 * ((tried**2).sum(axis=1) - (points**2).sum(axis=1))
        accepted = np.log(generator.random(n)) < gain
        points, likely = np.where(accepted[:, None], tried, points), np.where(accepted, there, likely)
        reach *= 1.3 if accepted.mean() > 0.25 else 0.75
    return points, likely

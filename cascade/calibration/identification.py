"""What the figures of a calibration say of which parameter: contraction, profile, and which figure says it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cascade.calibration.fit import Posterior
from cascade.calibration.priors import Values
from cascade.calibration.reference_table import Table
from cascade.calibration.response import Response
from cascade.rng import decision_key


@dataclass(frozen=True)
class Informs:
    """What one moment says of each parameter, as widths of intervals in shares of the prior's.

    Attributes
    ----------
    alone : Values
        With this moment only.
    without : Values
        With all but this moment.
    """

    name: str
    alone: Values
    without: Values


def informs(posterior: Posterior) -> tuple[Values, tuple[Informs, ...]]:
    """Return the widths with all moments, and what each moment says alone and would take with it.

    The response is taken as straight near the middle of the posterior, so that the three compare with each other.
    """
    response, table = posterior.response, posterior.table.only(posterior.table.fitted)
    middle = np.median(posterior.scores, axis=0)
    slopes = _slopes(response, table, middle)
    weight = np.sqrt(response.weight)
    covariance = response.covariance(table.places(middle[None]))[0] / (weight[:, None] * weight)
    every = range(len(table.moments))
    found = [
        Informs(
            each.name, _widths(slopes, covariance, [place]),
            _widths(slopes, covariance, [other for other in every if other != place]),
        )
        for place, each in enumerate(table.moments)
    ]  # fmt: skip
    return _widths(slopes, covariance, list(every)), tuple(found)


def _slopes(response: Response, table: Table, middle: Values) -> Values:
    """Return by how much each moment changes with each score."""
    step = 0.05
    moves = step * np.eye(len(middle))
    up, down = (response.mean(table.places(middle + sign * moves)) for sign in (1.0, -1.0))
    return (up - down).T / (2.0 * step)


def _widths(slopes: Values, covariance: Values, chosen: Sequence[int]) -> Values:
    """Return the standard deviation of each score when some moments are known: one without any."""
    n = slopes.shape[1]
    if not chosen:
        return np.ones(n)
    some = slopes[list(chosen)]
    told = some.T @ np.linalg.solve(covariance[np.ix_(chosen, chosen)], some)
    return np.sqrt(np.diag(np.linalg.inv(np.eye(n) + told)))


DROP: Final = 1.92
"""By how much the logarithm of the likelihood falls at the ends of a 95 % interval of one parameter."""

PROFILE: Final = 15
"""Values of a parameter at which its profile is taken."""

TRIED, CLOSER = 60, 12
"""Points that are tried for each of them, and how often about the best so far."""


@dataclass(frozen=True)
class Profile:
    """The best that the other parameters can make of each value of one.

    Attributes
    ----------
    values, drops : Values
        Values, and how far below the best of all the logarithm of the likelihood stays there.
    """

    values: Values
    drops: Values

    @property
    def bounds(self) -> str:
        """Return on which sides the figures bound the parameter: both, below, above or neither."""
        best = int(self.drops.argmin())
        below, above = self.drops[: best + 1].max() > DROP, self.drops[best:].max() > DROP
        return {(True, True): "both", (True, False): "below", (False, True): "above"}.get(
            (below, above), "neither"
        )


def profiles(posterior: Posterior, seed: int) -> tuple[Profile, ...]:
    """Return the profile of each parameter, over the middle 99 % of its prior."""
    from scipy.stats import norm

    response, table = posterior.response, posterior.table.only(posterior.table.fitted)
    generator = np.random.default_rng(int(decision_key(seed, "calibrate/profile", 0)))
    grid, n = norm.ppf(np.linspace(0.005, 0.995, PROFILE)), posterior.n_parameters
    reach = posterior.scores.std(axis=0)

    def likely(points: Values) -> Values:
        flat = points.reshape(-1, n)
        return response.log_likelihood(table.places(flat), table.observed).reshape(points.shape[:2])

    best = np.stack([_best(likely, posterior.scores, which, grid, reach, generator) for which in range(n)])
    values = table.values(np.repeat(grid[:, None], n, axis=1)).T
    return tuple(Profile(*each) for each in zip(values, best.max() - best, strict=True))


def _best(
    likely: Callable[[Values], Values], swarm: Values, which: int, grid: Values, reach: Values,
    generator: np.random.Generator,
) -> Values:  # fmt: skip
    """Return the best likelihood at each value of one parameter: the swarm is moved there, and closes in on it."""
    points = np.stack([swarm[generator.choice(len(swarm), TRIED, replace=len(swarm) < TRIED)] for _ in grid])
    found, steps = np.full(len(grid), -np.inf), reach
    for _ in range(CLOSER):
        points = np.clip(points, grid[0], grid[-1])
        points[:, :, which] = grid[:, None]
        there = likely(points)
        found = np.maximum(found, there.max(axis=1))
        middle = np.take_along_axis(points, there.argmax(axis=1)[:, None, None], axis=1)
        points = middle + steps * generator.standard_normal(points.shape)
        points[:, :1] = middle
        steps = steps * 0.7
    return found

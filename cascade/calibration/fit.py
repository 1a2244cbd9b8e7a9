"""A fit: draws from the posterior, what they say of each parameter, and whether they foretell what was observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from cascade.calibration.adjustment import adjusted
from cascade.calibration.posterior import sample
from cascade.calibration.priors import Values
from cascade.calibration.problem_file import Method
from cascade.calibration.reference_table import Table
from cascade.calibration.response import Response, learn
from cascade.rng import decision_key

INTERVAL: Final = (0.05, 0.95)
"""Levels of the ends of the intervals that are given."""

IDENTIFIED: Final = 0.5
"""Width of the interval of a posterior, as a share of its prior's, up to which a parameter counts as identified."""

TOGETHER: Final = 0.8
"""Correlation from which on two parameters are said to be known together only."""

ACCEPT: Final = 0.05
"""Share of the table that the adjustment takes for near."""


@dataclass(frozen=True)
class Posterior:
    """Draws from a posterior.

    Attributes
    ----------
    scores : Values
        Of each draw and parameter.
    """

    table: Table
    response: Response
    scores: Values

    @property
    def values(self) -> Values:
        """Return the values of the parameters."""
        return self.table.values(self.scores)

    def interval(self) -> tuple[Values, Values]:
        """Return the ends of the interval of each score."""
        low, high = np.quantile(self.scores, INTERVAL, axis=0)
        return low, high

    def widths(self) -> Values:
        """Return how wide the interval of each parameter is, as a share of its prior's, on the prior's scale."""
        ends = np.stack(
            [*self.interval(), *np.quantile(_normal(), INTERVAL)[:, None].repeat(self.n_parameters, 1)]
        )
        low, high, first, last = self.table.places(ends)
        return (high - low) / (last - first)

    @property
    def n_parameters(self) -> int:
        """Return the number of parameters."""
        return self.scores.shape[1]

    def correlation(self) -> Values:
        """Return the correlations of the parameters, on the scales of their priors."""
        return np.atleast_2d(np.corrcoef(self.table.places(self.scores).T))


def _normal() -> Values:
    from scipy.stats import norm

    return norm.ppf(np.linspace(0.0005, 0.9995, 1000))


def fit(table: Table, method: Method, n: int, seed: int, number: int = 0) -> Posterior:
    """Return draws from the posterior of a table whose observed figures are given.

    Parameters
    ----------
    n
        Draws to return.
    number
        Of the fit, where several of one seed are made.
    """
    fitted = table.only(table.fitted)
    response = learn(fitted)
    generator = np.random.default_rng(int(decision_key(seed, f"calibrate/{method}", number)))
    if method == "adjustment":
        return Posterior(table, response, adjusted(fitted, response, ACCEPT, n, generator))

    def likelihood(scores: Values) -> Values:
        return response.log_likelihood(fitted.places(scores), fitted.observed)

    return Posterior(table, response, sample(likelihood, len(table.priors), n, generator))


@dataclass(frozen=True)
class Foretold:
    """What the posterior foretells of an observed figure."""

    name: str
    unit: str
    observed: float
    median: float
    low: float
    high: float
    is_fitted: bool
    in_reach: bool
    """Whether the simulations reach the observed figure at all."""

    @property
    def is_inside(self) -> bool:
        """Return whether the interval holds what was observed."""
        return self.low <= self.observed <= self.high


def foretold(posterior: Posterior, seed: int) -> tuple[Foretold, ...]:
    """Return what the posterior foretells of every moment, those without a weight included."""
    table = posterior.table
    response = learn(table)
    generator = np.random.default_rng(int(decision_key(seed, "calibrate/foretold", 0)))
    days = response.drawn(table.places(posterior.scores), generator)
    levels = np.quantile(days, (INTERVAL[0], 0.5, INTERVAL[1]), axis=0)
    found: list[Foretold] = []
    for place, each in enumerate(table.moments):
        low, median, high = (float(each.figures(level)) for level in levels[:, place])
        reach = table.figures[:, :, place]
        margin = 2.0 * each.error
        in_reach = reach.min() - margin <= table.observed[place] <= reach.max() + margin
        found.append(
            Foretold(
                each.name, each.unit, each.observed, median, low, high, each.weight > 0.0, bool(in_reach)
            )
        )
    return tuple(found)

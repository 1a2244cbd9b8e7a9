"""The reference table: parameters drawn from their priors, and the figures that the market gave at each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from cascade.calibration.priors import Prior, Values

Flags: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]

FLOOR = 0.01
"""Share of an observed figure that is added before its logarithm is taken, so that a run with nothing has one."""


@dataclass(frozen=True)
class Moment:
    """An observed figure that the fit is held against.

    Attributes
    ----------
    error : float
        Standard error of what was observed: of its logarithm where that is compared, else in its own unit.
    day : str
        The event or scenario that it is a figure of: days share no luck.
    weight : float
        How many such figures it counts for; one of zero is predicted and not fitted to.
    """

    name: str
    day: str
    observed: float
    error: float
    is_log: bool
    weight: float = 1.0
    unit: str = ""

    def scaled(self, values: Values) -> Values:
        """Return figures on the scale on which they are compared."""
        return np.log(values + FLOOR * self.observed) if self.is_log else values

    def figures(self, scaled: Values) -> Values:
        """Return figures from that scale."""
        return np.maximum(np.exp(scaled) - FLOOR * self.observed, 0.0) if self.is_log else scaled


@dataclass(frozen=True)
class Table:
    """What was simulated.

    Attributes
    ----------
    scores : Values
        Of each draw and parameter.
    figures : Values
        Of each draw, replicate and moment, on the scale on which they are compared.
    observed : Values
        Of each moment, on that scale.
    """

    priors: tuple[Prior, ...]
    moments: tuple[Moment, ...]
    scores: Values
    figures: Values
    observed: Values

    @property
    def n_draws(self) -> int:
        """Return the number of draws."""
        return len(self.scores)

    @property
    def n_replicates(self) -> int:
        """Return the replicates of each draw."""
        return self.figures.shape[1]

    def places(self, scores: Values) -> Values:
        """Return where scores lie on the scales of their priors."""
        columns = [
            prior.places(prior.values(column)) for prior, column in zip(self.priors, scores.T, strict=True)
        ]
        return np.stack(columns, axis=1)

    def values(self, scores: Values) -> Values:
        """Return the values of the parameters at scores."""
        columns = [prior.values(column) for prior, column in zip(self.priors, scores.T, strict=True)]
        return np.stack(columns, axis=1)

    @property
    def fitted(self) -> list[int]:
        """Return the moments that have a weight."""
        return [number for number, each in enumerate(self.moments) if each.weight > 0.0]

    def only(self, moments: Sequence[int]) -> Table:
        """Return the table with some of its moments."""
        chosen = list(moments)
        return replace(
            self, moments=tuple(self.moments[each] for each in chosen), figures=self.figures[:, :, chosen],
            observed=self.observed[chosen],
        )  # fmt: skip

    def as_if(self, draw: int, replicate: int) -> Table:
        """Return the table as if a replicate of a draw were what happened: without that draw, and without its luck.

        The replicate is left out of every draw: paired luck would let the truth be found by its noise. An error
        of observation is left to be added.
        """
        others = np.arange(self.n_draws) != draw
        luck = np.arange(self.n_replicates) != replicate
        return replace(
            self, scores=self.scores[others], figures=self.figures[others][:, luck],
            observed=self.figures[draw, replicate],
        )  # fmt: skip


def table_of(
    priors: Sequence[Prior], moments: Sequence[Moment], scores: Values, figures: Values
) -> tuple[Table, Flags]:
    """Return the table of raw figures, and which draws it keeps: those whose figures could all be measured."""
    scaled = np.stack([each.scaled(figures[..., m]) for m, each in enumerate(moments)], axis=-1)
    kept = np.asarray(np.isfinite(scaled).all(axis=(1, 2)))
    observed = np.array([float(each.scaled(np.asarray(each.observed))) for each in moments])
    return Table(tuple(priors), tuple(moments), scores[kept], scaled[kept], observed), kept

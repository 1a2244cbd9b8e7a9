"""What every distribution can do: quantiles, mean, support, truncation."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from cascade.scenario.base import Model
from cascade.units import NUMBER, refuse

Floats: TypeAlias = npt.NDArray[np.float64]

BAD_DISTRIBUTION = "CAS016"


class Unreadable:
    """A text that is no quantity, with the error to raise where it stands."""

    def __init__(self, error: PydanticCustomError) -> None:
        self.error = error


def parse_parameter(value: Any) -> Any:
    """Return a parameter as a number; raise what a text in a wrong unit left behind."""
    if isinstance(value, Unreadable):
        raise value.error
    return NUMBER.parse(value)


Parameter: TypeAlias = Annotated[
    float, Field(json_schema_extra={"type": ["number", "string"]}), BeforeValidator(parse_parameter)
]
Positive: TypeAlias = Annotated[
    float, Field(gt=0, json_schema_extra={"type": ["number", "string"]}), BeforeValidator(parse_parameter)
]


class Distribution(Model):
    """What every distribution can do."""

    min: Parameter | None = Field(default=None, description="Values below are left out.")
    max: Parameter | None = Field(default=None, description="Values above are left out.")

    @property
    def is_discrete(self) -> bool:
        """Tell whether the distribution takes finitely many values."""
        return False

    def ppf(self, u: npt.ArrayLike) -> Floats:
        """Return the quantiles of the probabilities `u`, each in (0, 1)."""
        probability = np.asarray(u, dtype=np.float64)
        if self.min is None and self.max is None:
            return self._quantile(probability)
        below, inside = self._kept()
        values = self._quantile(below + probability * inside)
        return np.clip(values, self.min, self.max)

    def cdf(self, x: npt.ArrayLike) -> Floats:
        """Return the probability of values up to `x`."""
        values = np.asarray(x, dtype=np.float64)
        below, inside = self._kept()
        shares = (self._cumulative(values) - below) / inside
        shares = np.where(values < (-np.inf if self.min is None else self.min), 0.0, shares)
        return np.clip(np.where(values >= (np.inf if self.max is None else self.max), 1.0, shares), 0.0, 1.0)

    def mean(self) -> float:
        """Return the expected value; infinite where the tail is that heavy."""
        if self.min is None and self.max is None:
            return self._mean()
        return integral_of_quantile(self)

    def support(self) -> tuple[float, float]:
        """Return the lowest and highest possible value."""
        if self.is_discrete:
            values, weights = self.points()
            possible = values[weights > 0]
            return float(possible.min()), float(possible.max())
        low, high = self._bounds()
        low = low if self.min is None else max(low, self.min)
        return low, high if self.max is None else min(high, self.max)

    def points(self) -> tuple[Floats, Floats]:
        """Return the values and their probabilities; only of a discrete distribution."""
        raise TypeError(f"{type(self).__name__} is continuous: it has no points")

    def _kept(self) -> tuple[float, float]:
        """Return the probability below `min` and that between `min` and `max`, of the whole distribution."""
        below = 0.0 if self.min is None else float(self._cumulative(np.nextafter(self.min, -np.inf)))
        upto = 1.0 if self.max is None else float(self._cumulative(np.float64(self.max)))
        return below, upto - below

    def _quantile(self, u: Floats) -> Floats:
        raise NotImplementedError

    def _cumulative(self, x: npt.ArrayLike) -> Floats:
        raise NotImplementedError

    def _mean(self) -> float:
        return integral_of_quantile(self)

    def _bounds(self) -> tuple[float, float]:
        ends = self._quantile(np.array([0.0, 1.0]))
        return float(ends[0]), float(ends[1])

    def _quick_bounds(self) -> tuple[float, float]:
        """Return bounds that are known without importing anything heavy."""
        return self._bounds()

    @model_validator(mode="after")
    def _keeps_something(self) -> Distribution:
        low, high = self.min, self.max
        if low is not None and high is not None and low > high:
            raise refuse(f"min {low:g} lies above max {high:g}", "swap them", BAD_DISTRIBUTION, ("min",))
        bottom, top = self._quick_bounds()
        for name, bound in (("min", low), ("max", high)):
            if bound is not None and (bound > top if name == "min" else bound < bottom):
                span = f"{bottom:g} to {top:g}"
                raise refuse(
                    f"{name} {bound:g} leaves no value of {span}", "widen it", BAD_DISTRIBUTION, (name,)
                )
        return self


def integral_of_quantile(distribution: Distribution) -> float:
    """Return the mean as the integral of the quantile function, with panels that narrow into both tails."""
    if distribution.is_discrete:
        values, weights = distribution.points()
        return float(values @ weights)
    nodes, weights = np.polynomial.legendre.leggauss(24)
    tail = 0.5 * 10.0 ** -np.arange(0.0, 15.5, 0.5)
    edges = np.unique(np.concatenate(([0.0], tail, 1.0 - tail, [1.0])))
    centre, half = (edges[1:] + edges[:-1]) / 2, (edges[1:] - edges[:-1]) / 2
    u = centre[:, None] + half[:, None] * nodes
    return float(np.sum(distribution.ppf(u) * weights * half[:, None]))

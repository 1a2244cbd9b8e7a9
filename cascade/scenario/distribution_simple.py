"""Distributions with a closed quantile function: no scipy is imported for them."""

from __future__ import annotations

import math
from typing import Annotated, Literal, cast

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, Field, model_validator

from cascade.scenario.distribution_base import (
    BAD_DISTRIBUTION,
    Distribution,
    Floats,
    Parameter,
    Positive,
    parse_parameter,
)
from cascade.scenario.normal import normal_quantile, normal_share
from cascade.units import refuse


class Constant(Distribution):
    """One value, always."""

    dist: Literal["constant"] = "constant"
    value: Parameter = Field(description="The value.")

    @property
    def is_discrete(self) -> bool:
        """Tell that there are finitely many values."""
        return True

    def points(self) -> tuple[Floats, Floats]:
        """Return the value with probability 1."""
        return np.array([self.value]), np.array([1.0])

    def _quantile(self, u: Floats) -> Floats:
        return np.full(np.shape(u), self.value)

    def _cumulative(self, x: npt.ArrayLike) -> Floats:
        return np.where(np.asarray(x) >= self.value, 1.0, 0.0)

    def ppf(self, u: npt.ArrayLike) -> Floats:
        """Return the value for every probability."""
        return self._quantile(np.asarray(u, dtype=np.float64))


class Uniform(Distribution):
    """Equally likely between two bounds."""

    dist: Literal["uniform"]
    low: Parameter = Field(description="Lowest value.")
    high: Parameter = Field(description="Highest value.")

    @model_validator(mode="after")
    def _is_ordered(self) -> Uniform:
        if self.low > self.high:
            raise refuse(
                f"low {self.low:g} lies above high {self.high:g}", "swap them", BAD_DISTRIBUTION, ("low",)
            )
        return self

    def _quantile(self, u: Floats) -> Floats:
        return self.low + (self.high - self.low) * u

    def _cumulative(self, x: npt.ArrayLike) -> Floats:
        width = self.high - self.low
        if width == 0:
            return np.where(np.asarray(x) >= self.low, 1.0, 0.0)
        return np.clip((np.asarray(x) - self.low) / width, 0.0, 1.0)


class Exponential(Distribution):
    """Exponential with a mean."""

    dist: Literal["exponential"]
    mean_value: Positive = Field(alias="mean", description="The mean.")

    def _quantile(self, u: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            return -self.mean_value * np.log1p(-u)

    def _cumulative(self, x: npt.ArrayLike) -> Floats:
        return -np.expm1(-np.maximum(np.asarray(x), 0.0) / self.mean_value)

    def _mean(self) -> float:
        return self.mean_value


class Lognormal(Distribution):
    """Lognormal by its median (or mean) and the standard deviation of its logarithm."""

    dist: Literal["lognormal"]
    median: Positive | None = Field(default=None, description="The median; give this or `mean`.")
    mean_value: Positive | None = Field(default=None, alias="mean", description="The mean before truncation.")
    sigma: Positive = Field(description="Standard deviation of the logarithm.")

    @model_validator(mode="after")
    def _has_one_centre(self) -> Lognormal:
        if (self.median is None) == (self.mean_value is None):
            what = (
                "has neither `median` nor `mean`" if self.median is None else "has both `median` and `mean`"
            )
            raise refuse(
                f"lognormal {what}",
                "write one: {dist: lognormal, median: 1000, sigma: 2}",
                BAD_DISTRIBUTION,
            )
        return self

    @property
    def _log_median(self) -> float:
        if self.median is not None:
            return math.log(self.median)
        return math.log(cast("float", self.mean_value)) - self.sigma**2 / 2

    def _quantile(self, u: Floats) -> Floats:
        return np.exp(self._log_median + self.sigma * normal_quantile(u))

    def _cumulative(self, x: npt.ArrayLike) -> Floats:
        with np.errstate(divide="ignore"):
            return normal_share((np.log(np.maximum(np.asarray(x), 0.0)) - self._log_median) / self.sigma)

    def _mean(self) -> float:
        return math.exp(self._log_median + self.sigma**2 / 2)

    def _bounds(self) -> tuple[float, float]:
        return 0.0, math.inf


class Pareto(Distribution):
    """Pareto: survival (scale / x)^b, by the names scipy gives; needs no scipy."""

    dist: Literal["pareto"]
    b: Positive = Field(description="Tail exponent.")
    scale: Positive = Field(default=1.0, description="Lowest value before `loc` is added.")
    loc: Parameter = Field(default=0.0, description="Shift.")

    def _quantile(self, u: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            return self.loc + self.scale * np.exp(-np.log1p(-u) / self.b)

    def _cumulative(self, x: npt.ArrayLike) -> Floats:
        ratio = np.maximum((np.asarray(x) - self.loc) / self.scale, 1.0)
        return -np.expm1(-self.b * np.log(ratio))

    def _mean(self) -> float:
        return self.loc + self.scale * self.b / (self.b - 1) if self.b > 1 else math.inf


class Table(Distribution):
    """Finitely many values with weights."""

    dist: Literal["table"]
    values: tuple[Parameter, ...] = Field(min_length=1, description="The values.")
    weights: tuple[Annotated[float, Field(ge=0), BeforeValidator(parse_parameter)], ...] | None = Field(
        default=None, description="Their weights, equal by default; they need not sum to 1."
    )

    @property
    def is_discrete(self) -> bool:
        """Tell that there are finitely many values."""
        return True

    @model_validator(mode="after")
    def _has_weights(self) -> Table:
        if self.weights is not None and len(self.weights) != len(self.values):
            counts = f"{len(self.values)} values but {len(self.weights)} weights"
            raise refuse(counts, "write one weight for each value", BAD_DISTRIBUTION, ("weights",))
        values, weights = self._selected()
        if not len(values) or weights.sum() <= 0:
            raise refuse(
                "no value is left with a positive weight",
                "widen min and max or the weights",
                BAD_DISTRIBUTION,
            )
        return self

    def points(self) -> tuple[Floats, Floats]:
        """Return the distinct values in rising order and their probabilities."""
        values, weights = self._selected()
        distinct, places = np.unique(values, return_inverse=True)
        total = np.bincount(places, weights=weights)
        return distinct, total / total.sum()

    def _selected(self) -> tuple[Floats, Floats]:
        values = np.array(self.values, dtype=np.float64)
        weights = np.ones(len(values)) if self.weights is None else np.array(self.weights, dtype=np.float64)
        low, high = -np.inf if self.min is None else self.min, np.inf if self.max is None else self.max
        keep = (values >= low) & (values <= high)
        return values[keep], weights[keep]

    def ppf(self, u: npt.ArrayLike) -> Floats:
        """Return the value whose cumulative weight first reaches `u`."""
        return self._quantile(np.asarray(u, dtype=np.float64))

    def cdf(self, x: npt.ArrayLike) -> Floats:
        """Return the weight of the values up to `x`."""
        return self._cumulative(x)

    def _quantile(self, u: Floats) -> Floats:
        return step_quantile(*self.points(), u)

    def _cumulative(self, x: npt.ArrayLike) -> Floats:
        values, weights = self.points()
        total = np.concatenate(([0.0], np.cumsum(weights)))
        return total[np.searchsorted(values, np.asarray(x), side="right")]

    def _bounds(self) -> tuple[float, float]:
        return min(self.values), max(self.values)


def step_quantile(values: Floats, weights: Floats, u: Floats) -> Floats:
    """Return the value at which the cumulative weight reaches each probability."""
    place = np.searchsorted(np.cumsum(weights), u, side="left")
    return values[np.minimum(place, len(values) - 1)]

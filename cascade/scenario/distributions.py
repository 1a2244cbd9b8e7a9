"""Distributions of sizes, leverages and distances, written inline as ``{dist: NAME, ...}``.

Every distribution is sampled through its quantile function, so that a draw is a pure function of one
uniform number. ``min:`` and ``max:`` condition a continuous distribution on the interval and drop the
values of a discrete one that lie outside.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from cascade.scenario.base import Model, Shorthand
from cascade.scenario.distribution_base import (
    BAD_DISTRIBUTION,
    Distribution,
    Floats,
    Parameter,
    Positive,
    Unreadable,
    parse_parameter,
)
from cascade.scenario.distribution_names import NEEDS_SCIPY, SHAPES, describe, is_within, shapes_of
from cascade.scenario.distribution_simple import (
    Constant,
    Exponential,
    Lognormal,
    Pareto,
    Table,
    Uniform,
    step_quantile,
)
from cascade.scenario.words import did_you_mean
from cascade.units import BPS, MULTIPLE, NUMBER, SHARE, USD, Quantity, refuse, refuse_all


class Part(Model):
    """One component of a mixture."""

    weight: Annotated[float, Field(gt=0), BeforeValidator(parse_parameter)] = Field(description="Its weight.")
    of: AnyDistribution = Field(description="Its distribution.")


class Mixture(Distribution):
    """A weighted choice among distributions."""

    dist: Literal["mixture"]
    parts: tuple[Part, ...] = Field(min_length=1, description="The components.")

    @property
    def is_discrete(self) -> bool:
        """Tell whether every component takes finitely many values."""
        return all(part.of.is_discrete for part in self.parts)

    def points(self) -> tuple[Floats, Floats]:
        """Return the distinct values of all components and their probabilities."""
        if not self.is_discrete:
            return super().points()
        columns = [(part.of.points(), share) for part, share in zip(self.parts, self._shares(), strict=True)]
        values = np.concatenate([points[0] for points, _ in columns])
        weights = np.concatenate([points[1] * share for points, share in columns])
        low, high = -np.inf if self.min is None else self.min, np.inf if self.max is None else self.max
        keep = (values >= low) & (values <= high)
        distinct, places = np.unique(values[keep], return_inverse=True)
        total = np.bincount(places, weights=weights[keep])
        return distinct, total / total.sum()

    def ppf(self, u: npt.ArrayLike) -> Floats:
        """Return the quantiles of the probabilities `u`."""
        if self.is_discrete:
            return step_quantile(*self.points(), np.asarray(u, dtype=np.float64))
        return super().ppf(u)

    def _shares(self) -> list[float]:
        total = sum(part.weight for part in self.parts)
        return [part.weight / total for part in self.parts]

    def _cumulative(self, x: npt.ArrayLike) -> Floats:
        terms = [share * part.of.cdf(x) for part, share in zip(self.parts, self._shares(), strict=True)]
        return np.sum(terms, axis=0)

    def _quantile(self, u: Floats) -> Floats:
        """Bisect between the components' own quantiles, which bracket the mixture's."""
        each = np.stack([part.of.ppf(u) for part in self.parts])
        low, high = each.min(axis=0), each.max(axis=0)
        for _ in range(200):
            middle = low + (high - low) / 2
            if np.all((middle == low) | (middle == high) | ~np.isfinite(middle)):
                break
            reached = self._cumulative(middle) >= u
            high = np.where(reached, middle, high)
            low = np.where(reached, low, middle)
        return high

    def _mean(self) -> float:
        return sum(share * part.of.mean() for part, share in zip(self.parts, self._shares(), strict=True))

    def _bounds(self) -> tuple[float, float]:
        ends = [part.of.support() for part in self.parts]
        return min(low for low, _ in ends), max(high for _, high in ends)


class ScipyDistribution(Distribution):
    """Any continuous distribution of ``scipy.stats``, by its name and its own parameters."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Parameter] = Field(init=False)  # pyright: ignore[reportIncompatibleVariableOverride]

    dist: str = Field(description="Name in scipy.stats.")
    loc: Parameter = Field(default=0.0, description="Shift.")
    scale: Positive = Field(default=1.0, description="Scale.")

    @model_validator(mode="after")
    def _has_its_shapes(self) -> ScipyDistribution:
        faults = list(self._shape_faults())
        if faults:
            raise refuse_all(faults)
        if self.dist in NEEDS_SCIPY and not self._frozen_is_valid():
            message = f"the parameters of {self.dist} do not fit together"
            raise refuse(message, f"see scipy.stats.{self.dist}", BAD_DISTRIBUTION)
        return self

    def _shape_faults(self) -> Iterator[PydanticCustomError]:
        wanted, given = shapes_of(self.dist), self.__pydantic_extra__
        names = ", ".join([*wanted, "loc", "scale", "min", "max"])
        for name in given:
            if name not in wanted:
                message = f"unknown parameter '{name}' of {self.dist}{did_you_mean(name, wanted)}"
                hint = f"parameters of {self.dist}: {names}"
                yield refuse(message, hint, BAD_DISTRIBUTION, (name,), on_key=True)
        for name, domain in wanted.items():
            if name not in given:
                message = f"{self.dist} lacks its shape parameter '{name}'"
                yield refuse(message, f"add {name}: a number {describe(domain)}", BAD_DISTRIBUTION)
            elif not is_within(given[name], domain):
                message = f"{name} of {self.dist} must be {describe(domain)}, not {given[name]:g}"
                yield refuse(message, f"write a number {describe(domain)}", BAD_DISTRIBUTION, (name,))

    def _quick_bounds(self) -> tuple[float, float]:
        return -math.inf, math.inf

    def _frozen_is_valid(self) -> bool:
        return bool(np.isfinite(self._scipy().median()))

    def _scipy(self) -> Any:
        from scipy import stats

        return getattr(stats, self.dist)(**self.__pydantic_extra__, loc=self.loc, scale=self.scale)

    def _quantile(self, u: Floats) -> Floats:
        return np.asarray(self._scipy().ppf(u), dtype=np.float64)

    def _cumulative(self, x: npt.ArrayLike) -> Floats:
        return np.asarray(self._scipy().cdf(x), dtype=np.float64)

    def _mean(self) -> float:
        return float(self._scipy().mean())

    def _bounds(self) -> tuple[float, float]:
        low, high = self._scipy().support()
        return float(low), float(high)


FRIENDLY: dict[str, tuple[str, ...]] = {
    "constant": ("value",),
    "uniform": ("low", "high"),
    "exponential": ("mean",),
    "lognormal": ("median", "mean", "sigma"),
    "pareto": ("b", "scale", "loc"),
    "table": ("values", "weights"),
    "mixture": ("parts",),
}
"""Distributions with parameters of our own choosing; every other name is scipy's."""


def _kind(value: Any) -> str | None:
    name = value.get("dist") if isinstance(value, Mapping) else getattr(value, "dist", None)
    if not isinstance(name, str):
        return None
    return name if name in FRIENDLY else "scipy"


def _as_mapping(value: Any) -> Any:
    """Return a bare number as a constant, and refuse names that are no distribution."""
    if isinstance(value, Distribution):
        return value
    if isinstance(value, Unreadable):
        raise value.error
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        return {"dist": "constant", "value": NUMBER.parse(value)}
    hint = "write a number, or {dist: lognormal, median: 1000, sigma: 2}"
    if not isinstance(value, Mapping):
        raise refuse("needs a distribution", hint, BAD_DISTRIBUTION)
    mapping = cast("Mapping[str, Any]", value)
    name = mapping.get("dist")
    if name is None:
        raise refuse("a distribution needs `dist:`", hint, BAD_DISTRIBUTION)
    if not isinstance(name, str) or (name not in FRIENDLY and name not in SHAPES):
        message = f"unknown distribution '{name}'{did_you_mean(str(name), [*FRIENDLY, *SHAPES])}"
        known = ", ".join(FRIENDLY)
        raise refuse(
            message,
            f"write one of {known}, or a continuous distribution of scipy.stats",
            BAD_DISTRIBUTION,
            ("dist",),
        )
    return dict(mapping)


AnyDistribution: TypeAlias = Annotated[
    Annotated[Constant, Tag("constant")]
    | Annotated[Uniform, Tag("uniform")]
    | Annotated[Exponential, Tag("exponential")]
    | Annotated[Lognormal, Tag("lognormal")]
    | Annotated[Pareto, Tag("pareto")]
    | Annotated[Table, Tag("table")]
    | Annotated[Mixture, Tag("mixture")]
    | Annotated[ScipyDistribution, Tag("scipy")],
    Discriminator(_kind),
    Shorthand(_as_mapping),
]

_DIMENSIONAL = frozenset({"value", "low", "high", "mean", "median", "values", "loc", "scale", "min", "max"})


class _InUnit:
    """Reads the texts of a distribution's dimensional parameters in one unit."""

    _names: ClassVar = _DIMENSIONAL

    def __init__(self, quantity: Quantity) -> None:
        self.quantity = quantity

    def __call__(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._parse(value)
        if not isinstance(value, Mapping):
            return value
        mapping = cast("Mapping[str, Any]", value)
        return {key: self._read(key, item) for key, item in mapping.items()}

    def _read(self, key: str, item: Any) -> Any:
        if key == "parts" and isinstance(item, Sequence) and not isinstance(item, str):
            return [self._read_part(part) for part in cast("Sequence[Any]", item)]
        if key not in self._names:
            return item
        if isinstance(item, list | tuple):
            return [self._parse(entry) for entry in cast("Sequence[Any]", item)]
        return self._parse(item)

    def _read_part(self, part: Any) -> Any:
        if not isinstance(part, Mapping):
            return part
        mapping = cast("Mapping[str, Any]", part)
        return {key: self(item) if key == "of" else item for key, item in mapping.items()}

    def _parse(self, item: Any) -> Any:
        if not isinstance(item, str):
            return item
        try:
            return self.quantity.parse(item)
        except PydanticCustomError as error:
            return Unreadable(error)


UsdDistribution: TypeAlias = Annotated[AnyDistribution, BeforeValidator(_InUnit(USD))]
BpsDistribution: TypeAlias = Annotated[AnyDistribution, BeforeValidator(_InUnit(BPS))]
LeverageDistribution: TypeAlias = Annotated[AnyDistribution, BeforeValidator(_InUnit(MULTIPLE))]
ShareDistribution: TypeAlias = Annotated[AnyDistribution, BeforeValidator(_InUnit(SHARE))]

Part.model_rebuild()
Mixture.model_rebuild()

"""What is believed of a parameter before it is fitted.

A prior is seen three ways: as values in the unit of the scenario; as *scores*, which are standard normal under every
prior, so that a posterior is sought in a space without edges; and as *places* on the prior's own scale, the logarithm
where it is one, over which the answer of a market bends least.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Final, Literal, TypeAlias

import numpy as np
from pydantic import BeforeValidator, Field
from scipy.special import betaincinv, ndtr, ndtri

from cascade.scenario.base import Model
from cascade.scenario.words import did_you_mean, listing
from cascade.units import quoted, refuse

Values: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Amount: TypeAlias = float | str
Read: TypeAlias = Callable[[str, Amount], float]
"""Reads the amount under a key as a number in the unit of the parameter; NaN where it is none."""

MOST_SCORE = 8.0
"""Scores beyond which a value is that of the edge."""


@dataclass(frozen=True)
class Prior:
    """A distribution of a parameter, in the unit that the scenario stores it in."""

    at: Callable[[Values], Values]
    """Values at scores."""
    is_log: bool = False

    @cached_property
    def _scale(self) -> tuple[float, float]:
        """Return the middle and the half-width of all but a twentieth of the prior, on its own scale."""
        low, middle, high = self._natural(self.at(ndtri(np.array([0.025, 0.5, 0.975]))))
        return float(middle), float(high - low) / 2.0

    def _natural(self, values: Values) -> Values:
        return np.log(values) if self.is_log else values

    def values(self, scores: Values) -> Values:
        """Return the values at scores."""
        return self.at(np.clip(scores, -MOST_SCORE, MOST_SCORE))

    def places(self, values: Values) -> Values:
        """Return where values lie on the prior's own scale: all but a twentieth of it between -1 and 1."""
        middle, half = self._scale
        return (self._natural(values) - middle) / half


class UniformPrior(Model):
    """Every value of a range alike."""

    dist: Literal["uniform"]
    low: Amount = Field(description="Lowest value.")
    high: Amount = Field(description="Highest value.")

    def prior(self, read: Read) -> Prior:
        """Return it in the unit of a parameter."""
        low, high = _rising(read("low", self.low), read("high", self.high))
        return Prior(lambda scores: low + (high - low) * ndtr(scores))


class LogUniformPrior(Model):
    """Every order of magnitude of a range alike."""

    dist: Literal["loguniform"]
    low: Amount = Field(description="Lowest value, above zero.")
    high: Amount = Field(description="Highest value.")

    def prior(self, read: Read) -> Prior:
        """Return it in the unit of a parameter."""
        low, high = _rising(_positive("low", read("low", self.low)), read("high", self.high))
        return Prior(lambda scores: low * (high / low) ** ndtr(scores), is_log=True)


class NormalPrior(Model):
    """A bell about a mean."""

    dist: Literal["normal"]
    mean: Amount = Field(description="Mean.")
    sd: Amount = Field(description="Standard deviation, in the same unit.")

    def prior(self, read: Read) -> Prior:
        """Return it in the unit of a parameter."""
        mean, sd = read("mean", self.mean), _positive("sd", read("sd", self.sd))
        return Prior(lambda scores: mean + sd * scores)


class LognormalPrior(Model):
    """A bell of the logarithm."""

    dist: Literal["lognormal"]
    median: Amount = Field(description="Median, above zero.")
    sigma: float = Field(gt=0, description="Standard deviation of the natural logarithm.")

    def prior(self, read: Read) -> Prior:
        """Return it in the unit of a parameter."""
        median = _positive("median", read("median", self.median))
        return Prior(lambda scores: median * np.exp(self.sigma * scores), is_log=True)


class BetaPrior(Model):
    """A share, or a value between two others."""

    dist: Literal["beta"]
    a: float = Field(gt=0, description="First shape.")
    b: float = Field(gt=0, description="Second shape.")
    low: Amount = Field(default=0, description="Lowest value.")
    high: Amount = Field(default=1, description="Highest value.")

    def prior(self, read: Read) -> Prior:
        """Return it in the unit of a parameter."""
        low, high = _rising(read("low", self.low), read("high", self.high))
        return Prior(lambda scores: low + (high - low) * betaincinv(self.a, self.b, ndtr(scores)))


_KNOWN: Final = ("uniform", "loguniform", "normal", "lognormal", "beta")


def _known(value: Any) -> Any:
    """Refuse a distribution that priors cannot have."""
    name = value.get("dist") if isinstance(value, Mapping) else None
    if name is not None and name not in _KNOWN:
        message = f"no prior is called {quoted(name)}{did_you_mean(str(name), _KNOWN)}"
        raise refuse(message, f"priors are: {listing(_KNOWN)}", "CAS016", ("dist",))
    return value


AnyPrior: TypeAlias = Annotated[
    Annotated[
        UniformPrior | LogUniformPrior | NormalPrior | LognormalPrior | BetaPrior, Field(discriminator="dist")
    ],
    BeforeValidator(_known),
]


class PriorError(ValueError):
    """An amount that a prior cannot have, under which key it stands, and what to write instead."""

    def __init__(self, message: str, key: str, hint: str) -> None:
        super().__init__(message)
        self.key, self.hint = key, hint


def _positive(key: str, value: float) -> float:
    if value <= 0.0:
        hint = "write an amount above zero; a range that holds zero is dist: uniform, a bell about it dist: normal"
        raise PriorError(f"{key} has to be above zero", key, hint)
    return value


def _rising(low: float, high: float) -> tuple[float, float]:
    if low >= high:
        hint = f"low is {low:g} and high is {high:g} in one unit: write the lesser under low"
        raise PriorError("low has to be below high", "low", hint)
    return low, high

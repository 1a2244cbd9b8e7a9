"""The file of a calibration's problem: parameters with their priors, days with what was observed, effort."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field

from cascade.calibration.event_file import Value
from cascade.calibration.priors import Amount, AnyPrior
from cascade.limits import MOST_REPLICATES, MOST_VARIANTS
from cascade.scenario.base import File, Model, Name, Seed, Shorthand, Text

Method: TypeAlias = Literal["response", "adjustment"]


def _factors(value: Any) -> Any:
    """Return one path, or several, as paths with their factors."""
    if isinstance(value, str):
        return {value: 1.0}
    return dict.fromkeys(value, 1.0) if isinstance(value, list | tuple) else value


class ParameterAsked(Model):
    """Something that is not known: where it stands in the scenarios, and what is believed of it."""

    paths: Annotated[dict[Text, float], Field(min_length=1), Shorthand(_factors)] = Field(
        description="Dotted paths of numbers; of several, each is the parameter times a factor.",
        examples=[["population.crowd.hold.mean"]],
    )
    prior: AnyPrior = Field(
        description="What is believed of it, in the unit of the first path.",
        examples=[{"dist": "loguniform", "low": "1 %", "high": "20 %"}],
    )


class MomentAsked(Model):
    """How an observed figure counts."""

    error: Amount | None = Field(
        default=None, description="Standard error of the observed value: a share of it, or in its own unit."
    )
    scale: Literal["log", "linear"] | None = Field(
        default=None, description="Whether logarithms are compared, or the figures themselves."
    )
    weight: float = Field(
        default=1.0, ge=0, description="How many such figures it counts for; 0: it is only shown."
    )


class MetricAsked(MomentAsked):
    """A metric of runs that was observed."""

    value: Value = Field(description="Observed value, in the unit of the metric.", examples=["1.2M"])


class OrdinaryDay(Model):
    """A scenario, and what was observed of it."""

    scenario: File = Field(description="The scenario.")
    observed: dict[Text, MetricAsked] = Field(min_length=1, description="Metrics of its runs, by name.")


class ProblemFile(Model):
    """What is fitted to what."""

    calibrate: Literal[1] = Field(description="Version of the format.", examples=[1])
    name: Name = Field(description="Short name, used for the folders of results.", examples=["july"])
    description: Text = Field(default="", description="What it is for.")
    parameters: dict[Name, ParameterAsked] = Field(min_length=1, description="What is not known.")
    events: tuple[Text, ...] = Field(default=(), description="Folders of events, relative to this file.")
    scenarios: dict[Name, OrdinaryDay] = Field(default_factory=dict, description="Other days, by name.")
    moments: dict[Text, MomentAsked] = Field(
        default_factory=dict,
        description="How figures count that do not as usual, by day.figure; * stands for any part of a name.",
        examples=[{"btc-2025-07-01.btc_largest": {"weight": 0}, "june.*_long_*": {"error": "30 %"}}],
    )  # fmt: skip
    simulations: int = Field(
        default=256, ge=16, le=MOST_VARIANTS, description="Draws from the priors that are run."
    )
    replicates: Annotated[int, Field(ge=2, le=MOST_REPLICATES)] = Field(
        default=4, description="Replicates of each, with the same luck at all: two tell what luck is."
    )
    seed: Seed = Field(default=1, description="Seed of draws and luck.")
    method: Method = Field(
        default="response",
        description="Likelihood of the response that is learnt (response), or the nearest simulations (adjustment).",
    )
    draws: int = Field(default=1000, ge=100, le=100_000, description="Draws from the posterior.")

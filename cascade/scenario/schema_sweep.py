"""The sweep file: which scenarios, what varies, how often."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from cascade.limits import MOST_VARIANTS
from cascade.scenario.base import File, Model, Name, Replicates, Seed, Shorthand, Text

Design = Literal["grid", "lhs", "sobol"]


def _listed(value: Any) -> Any:
    return {"values": value} if isinstance(value, list | tuple) else value


class Axis(Model):
    """A value that varies: a list of values, or a range for designs that draw points."""

    values: tuple[Any, ...] = Field(default=(), description="Values, in the units of the scenario.")
    low: Any = Field(default=None, description="Lowest value of a range.", examples=["0.1x"])
    high: Any = Field(default=None, description="Highest value, in the same unit.", examples=["2x"])
    scale: Literal["linear", "log"] = Field(
        default="linear", description="What is spread evenly over a range: the value, or its logarithm."
    )
    label: Text = Field(default="", description="Name in variants and columns.", examples=["depth"])


class SweepFile(Model):
    """A sweep: scenarios, what varies between runs of them, and how many replicates each has."""

    cascade: Literal[1] = Field(description="Version of the format.", examples=[1])
    sweep: Name = Field(description="Short name, used for the folder of results.", examples=["thin-books"])
    description: Text = Field(default="", description="What it shows; printed in the report.")
    question: Text = Field(default="", description="The question it answers.")
    scenario: File | None = Field(default=None, description="The scenario that is varied.")
    scenarios: tuple[File, ...] = Field(default=(), description="Several, each with every variant.")
    set: dict[Text, Any] = Field(
        default_factory=dict, description="Values that all variants share, by dotted path."
    )
    vary: dict[Text, Annotated[Axis, Shorthand(_listed)]] = Field(
        default_factory=dict,
        description="Values that vary, by dotted path: a list, or a range for lhs and sobol.",
        examples=[{"makers.0.depth.scale": ["0.25x", "0.5x", "1x"]}],
    )
    variants: dict[Text, dict[Text, Any] | None] = Field(
        default_factory=dict, description="Variants by name, each with the values it changes."
    )
    design: Design = Field(
        default="grid",
        description="Every combination (grid), a Latin hypercube (lhs) or a Sobol sequence (sobol).",
    )
    points: Annotated[int, Field(ge=1, le=MOST_VARIANTS)] | None = Field(
        default=None, description="Points of a Latin hypercube or Sobol sequence."
    )
    replicates: Replicates | None = Field(
        default=None, description="Replicates of each variant, in place of the scenario's."
    )
    seed: Seed | None = Field(default=None, description="Seed of all variants, in place of the scenario's.")
    counterfactual: bool = Field(
        default=False, description="Also run each replicate without forced orders, and without stops."
    )

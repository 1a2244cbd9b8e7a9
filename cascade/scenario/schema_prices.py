"""Assets: the news value that is given to the market, and the prices before the start."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from cascade.limits import MOST_HISTORY_SECONDS
from cascade.scenario.base import File, Model, Text
from cascade.scenario.schema_formation import Impact, Lean
from cascade.units import Bps, Moment, PositiveDuration, Price, Rate, Share, SignedBps, Volatility

Point: TypeAlias = tuple[Moment, Price]


class ConstantNews(Model):
    """A news value that never moves."""

    type: Literal["constant"]
    price: Price = Field(description="The value.", examples=[107000])


class GbmNews(Model):
    """Geometric Brownian motion."""

    type: Literal["gbm"]
    price: Price = Field(description="Value at the start.", examples=[107000])
    volatility: Volatility = Field(description="Yearly volatility.", examples=["25 %"])
    drift: Rate = Field(default=0.0, description="Drift a year.")


class JumpDiffusionNews(Model):
    """Geometric Brownian motion with normal jumps at random times (Merton 1976)."""

    type: Literal["jump_diffusion"]
    price: Price = Field(description="Value at the start.", examples=[107000])
    volatility: Volatility = Field(description="Yearly volatility between jumps.", examples=["25 %"])
    drift: Rate = Field(default=0.0, description="Drift a year.")
    jumps_per_day: float = Field(ge=0, description="Mean number of jumps a day.", examples=[2])
    jump_mean_bps: SignedBps = Field(default=0.0, description="Mean size of a jump, signed.")
    jump_sd_bps: Bps = Field(description="Its standard deviation.", examples=[30])


class ClusteredNews(Model):
    """Motion whose volatility and jumps follow the scenario's `activity`, in part common to all such assets."""

    type: Literal["clustered"]
    price: Price = Field(description="Value at the start.", examples=[107000])
    volatility: Volatility = Field(
        description="Yearly volatility between jumps, at the mean of variance.", examples=["14 %"]
    )
    jumps_per_day: float = Field(default=40.0, ge=0, description="Mean number of jumps a day.")
    jump_sd_bps: Bps = Field(default=5.0, description="Standard deviation of a jump.")
    common: Share = Field(
        default=0.9, description="Share of the variance that is common to all assets; they jump together."
    )


class PathNews(Model):
    """What paths share: whether orders moved them already, and how rough they are between what is given."""

    free_of_impact: bool = Field(
        default=False,
        description="Whether it is the value apart from all trading. Else it is a traded price, and where orders "
        "move the asset the news is what is left of it after lean and the impact of ordinary orders.",
    )
    held_bps: tuple[tuple[Moment, Annotated[float, Field(ge=-10_000, le=10_000)]], ...] = Field(
        default=(),
        description="What forced orders had moved a traded price by, at times, on the mean of this model: it is taken "
        "off. `cascade held` measures it.",
        examples=[[["0h", 0], ["15h", -4.2], ["24h", -3.1]]],
    )
    common: Share = Field(
        default=0.0,
        description="Share of the bridge's variance that is common to all assets; they jump together.",
    )
    jumps_per_day: float = Field(
        default=0.0,
        ge=0,
        description="Mean number of jumps a day, after which the bridge leads on to what is given.",
    )
    jump_sd_bps: Bps = Field(default=0.0, description="Standard deviation of a jump.")


class AnchorsNews(PathNews):
    """Given values at given times, with a Brownian bridge between them."""

    type: Literal["anchors"]
    points: tuple[Point, ...] = Field(
        min_length=2,
        description="Times, from the start or as instants, each with its value.",
        examples=[[["0s", 107000], ["2h", 106000]]],
    )
    volatility: Volatility = Field(
        default=0.0, description="Yearly volatility of the bridge.", examples=["12 %"]
    )


class BarsNews(PathNews):
    """Prices from a CSV or parquet file of bars: time_utc, open, high, low, close."""

    type: Literal["bars"]
    file: File = Field(description="The file, relative to this scenario.", examples=["btc-5m.csv"])
    volatility: Volatility = Field(default=0.0, description="Yearly volatility of the bridge inside a bar.")
    time_column: Text = Field(default="time_utc", description="Column of the opening time of a bar.")


News: TypeAlias = Annotated[
    ConstantNews | GbmNews | JumpDiffusionNews | ClusteredNews | AnchorsNews | BarsNews,
    Field(discriminator="type"),
]


class GbmHistory(Model):
    """Random prices before the start, ending at the start value."""

    type: Literal["gbm"]
    volatility: Volatility = Field(description="Yearly volatility.", examples=["25 %"])
    duration: Annotated[PositiveDuration, Field(le=MOST_HISTORY_SECONDS)] = Field(
        description="How far back it reaches.", examples=["8d"]
    )


History: TypeAlias = Annotated[GbmHistory | AnchorsNews | BarsNews, Field(discriminator="type")]


class Asset(Model):
    """What is traded, and how its value comes about."""

    news: News = Field(description="The value that is given; everything else is traded.")
    history: History | None = Field(
        default=None, description="Prices before the start, along which the first positions were entered."
    )
    impact: Impact | None = Field(
        default=None, description="How orders in all its markets move it; absent: as its makers learn."
    )
    lean: Lean | None = Field(
        default=None, description="What its makers lean to together; absent: to nothing."
    )

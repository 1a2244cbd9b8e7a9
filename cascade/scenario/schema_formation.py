"""How prices form: activity of the whole market; impact of orders and makers' lean, asset by asset.

The defaults are those of bitcoin in 2025, and of the documentation page `parameters`.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from cascade.scenario.base import Model, Name
from cascade.units import RATE, SHARE, Bps, Moment, PositiveDuration, PositiveUsd, Share

REFERENCE_SHARE = 1.0 / 550.0
"""The share of a day's volume, 100M of 55B, at which impact is set to the root law."""

REFERENCE_S = 1800.0
"""The seconds over which that is sold; the law does not depend on it."""

DailyVolatility: TypeAlias = Annotated[float, Field(gt=0, lt=1), RATE]
Power: TypeAlias = Annotated[float, Field(gt=0, lt=1)]


class Activity(Model):
    """How busy markets are: news, flow and depth read it. Its log swings on several time scales and over the day."""

    spread: Annotated[float, Field(ge=0, le=3)] = Field(
        default=0.55, description="Standard deviation of log activity, waves of the day aside."
    )
    scales: tuple[tuple[PositiveDuration, Annotated[float, Field(gt=0), SHARE]], ...] = Field(
        default=((120.0, 0.36), (900.0, 0.28), (7200.0, 0.18), (57_600.0, 0.18)),
        description="Time scales of its swings, each with its weight in the variance.",
        examples=[[["2m", 0.36], ["15m", 0.28], ["2h", 0.18], ["16h", 0.18]]],
    )
    common: Share = Field(default=0.7, description="Share of the variance that all assets have in common.")
    waves: tuple[tuple[Annotated[float, Field(ge=0, le=2)], Annotated[float, Field(ge=0, lt=24)]], ...] = (
        Field(
            default=((0.38, 15.0), (0.10, 14.0)),
            description="Height in log activity and hour UTC of the peak, of waves of a day, of half a day and so on.",
            examples=[[[0.38, 15], [0.1, 14]]],
        )
    )
    levels: tuple[tuple[Moment, Annotated[float, Field(gt=0, le=100)]], ...] = Field(
        default=(),
        description="Levels measured at times, the usual being 1, between which log activity runs straight; "
        "they come on top of the rest, so leave out the waves and the slow scales.",
        examples=[[["0h", 0.8], ["14h", 2.1], ["26h", 0.9]]],
    )
    renewed: PositiveDuration = Field(default=10.0, description="How often it is renewed.")


class Impact(Model):
    """How orders in all markets of an asset move its price: as the root of their size, forgotten slowly.

    A sale of a share of the day's volume moves the price by y x volatility x root(share).
    """

    daily_volume: PositiveUsd = Field(description="What all its markets trade in a day.", examples=["55B"])
    daily_volatility: DailyVolatility = Field(
        description="Standard deviation of a day's return.", examples=["1.6 %"]
    )
    y: Annotated[float, Field(ge=0, le=10)] = Field(default=1.0, description="Factor of the root law.")
    exponent: Power = Field(default=0.53, description="An order's kick grows with this power of its size.")
    decay: Power = Field(default=0.46, description="A kick falls with this power of time.")
    forced_memory: PositiveDuration = Field(
        default=10.0, description="Time over which forced and scheduled orders are felt as a rate."
    )
    depth_exponent: Annotated[float, Field(ge=0, le=2)] = Field(
        default=0.5,
        description="A kick grows as makers withdraw: with minus this power of the depth they leave.",
    )
    drawn: Annotated[float, Field(ge=0, le=1000)] = Field(
        default=5.0,
        description="Volume of ordinary orders that a forced one draws after it, in parts of its own.",
    )
    drawn_memory: PositiveDuration = Field(default=120.0, description="Time over which they come.")
    surprise: Share = Field(
        default=1.0, description="Share of the expected part of ordinary flow that has no impact."
    )
    expected: Annotated[
        tuple[tuple[PositiveDuration, Annotated[float, SHARE]], ...], Field(min_length=3, max_length=3)
    ] = Field(
        default=((2.0, 0.37), (15.0, 0.48), (120.0, -0.09)),
        description="What is expected of ordinary flow: parts of its means over three times.",
        examples=[[["2s", 0.37], ["15s", 0.48], ["2m", -0.09]]],
    )
    local: Share = Field(
        default=0.016,
        description="Part of an ordinary order's kick that moves its own market alone, on top.",
    )
    local_memory: PositiveDuration = Field(default=2000.0, description="Memory of that.")
    cross: dict[Name, Annotated[float, Field(ge=-2, le=2)]] = Field(
        default_factory=dict,
        description="Parts of the impact on other assets that move this one, too.",
        examples=[{"ETH": 0.18}],
    )


class Lean(Model):
    """An intent that makers of an asset share: it tilts their sizes, and their quotes drift with it."""

    drift_bps: Bps = Field(default=0.085, description="Drift in a second, for an intent of 1.")
    memory: PositiveDuration = Field(default=12.0, description="Memory of the intent.")
    tilt: Annotated[float, Field(ge=0, le=3)] = Field(
        default=0.25,
        description="Tilt of log sizes, up on one side and down on the other, for an intent of 1.",
    )
    fades: PositiveDuration = Field(default=432_000.0, description="Time in which what has drifted fades.")
    common: Share = Field(default=0.8, description="Share of its variance that all assets have in common.")

"""Scheduled shocks."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from cascade.scenario.base import MarketName, MarketPatterns, Model, Name, Text
from cascade.units import Duration, Moment, Multiple, PositiveUsd, Rate, Share, Volatility, refuse


class _Scheduled(Model):
    """What every shock has."""

    name: Name | None = Field(default=None, description="Name by which it can be changed.", examples=["sale"])


class TwapSchedule(Model):
    """As much in every step."""

    type: Literal["twap"]


class PovSchedule(Model):
    """A share of what is traded in its market, until it is filled or its time is over."""

    type: Literal["pov"]
    participation: Annotated[Share, Field(gt=0, lt=1)] = Field(
        description="Its share of all that is traded, itself included.", examples=["10 %"]
    )


class AlmgrenChrissSchedule(Model):
    """The faster at first the less risk is borne; Almgren and Chriss, J. Risk 3(2), 5-39 (2000), section 2.2."""

    type: Literal["almgren_chriss"]
    risk_aversion: Annotated[float, Field(ge=0)] = Field(
        description="USD of cost that one USD^2 of its variance is worth; 0 is worked evenly.",
        examples=[1e-9],
    )
    temporary_impact_bps: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="What trading at 1M USD a minute costs in bps; absent: it follows the depth within 10 bps.",
    )
    volatility: Volatility | None = Field(
        default=None, description="Yearly volatility that is feared; absent: that of the news."
    )


Schedule: TypeAlias = Annotated[
    TwapSchedule | PovSchedule | AlmgrenChrissSchedule, Field(discriminator="type")
]


class MarketOrderShock(_Scheduled):
    """A large order, and how it is worked."""

    type: Literal["market_order"]
    at: Moment = Field(description="When it starts.", examples=["2h"])
    over: Duration = Field(
        default=0.0,
        description="How long it is worked; absent: at once, or with `pov` to the end of the run.",
        examples=["5m"],
    )
    market: MarketName = Field(description="The market.", examples=["binance:BTCUSDT"])
    side: Literal["buy", "sell"] = Field(description="Side of the order.", examples=["sell"])
    notional: PositiveUsd | None = Field(
        default=None, description="Its size; absent, with `account`: all that this holds.", examples=["110M"]
    )
    account: Text | None = Field(
        default=None,
        description="Label of an account of a table: the order closes its position, and no more than that.",
        examples=["fund-7"],
    )
    schedule: Schedule | None = Field(
        default=None,
        description="How it is worked; absent: evenly, as `twap`.",
        examples=[{"type": "pov", "participation": "10 %"}],
    )

    @property
    def is_open_ended(self) -> bool:
        """Tell whether it is worked to the end of the run."""
        return isinstance(self.schedule, PovSchedule) and self.over == 0.0

    @model_validator(mode="after")
    def _has_size(self) -> MarketOrderShock:
        if self.notional is None and self.account is None:
            message = "the order has no size"
            raise refuse(message, "write notional: 20M, or account: with the label of one to be closed")
        if isinstance(self.schedule, AlmgrenChrissSchedule) and self.over == 0.0:
            raise refuse("an order at once has no schedule", "write over: 1h", path=("schedule",))
        return self


class NewsShock(_Scheduled):
    """A move of the news value."""

    type: Literal["news"]
    at: Moment = Field(description="When it starts.", examples=["2h"])
    over: Duration = Field(default=0.0, description="How long it takes; absent: at once.", examples=["5m"])
    asset: Text = Field(description="The asset.", examples=["BTC"])
    move: Rate = Field(description="The relative move.", examples=["-2 %"])


class DepthShock(_Scheduled):
    """A change of the depth that makers quote."""

    type: Literal["depth"]
    at: Moment = Field(description="When it starts.", examples=["2h"])
    over: Duration = Field(
        default=0.0, description="How long it lasts; absent: to the end of the run.", examples=["40m"]
    )
    markets: MarketPatterns = Field(examples=["binance:*"])
    factor: Multiple = Field(description="Multiplies the depth.", examples=["0.1x"])


Shock: TypeAlias = Annotated[MarketOrderShock | NewsShock | DepthShock, Field(discriminator="type")]

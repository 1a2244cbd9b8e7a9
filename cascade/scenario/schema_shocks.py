"""Scheduled shocks."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from cascade.scenario.base import MarketName, MarketPatterns, Model, Name, Text
from cascade.units import Duration, Moment, Multiple, PositiveUsd, Rate


class _Scheduled(Model):
    """What every shock has."""

    name: Name | None = Field(default=None, description="Name by which it can be changed.", examples=["sale"])


class MarketOrderShock(_Scheduled):
    """A large order, worked evenly."""

    type: Literal["market_order"]
    at: Moment = Field(description="When it starts.", examples=["2h"])
    over: Duration = Field(
        default=0.0, description="How long it is worked; absent: at once.", examples=["5m"]
    )
    market: MarketName = Field(description="The market.", examples=["binance:BTCUSDT"])
    side: Literal["buy", "sell"] = Field(description="Side of the order.", examples=["sell"])
    notional: PositiveUsd = Field(description="Its size.", examples=["110M"])


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

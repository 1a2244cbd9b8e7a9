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
    margin: PositiveUsd | None = Field(
        default=None,
        description="The order opens a position on this much isolated margin, which the venue may liquidate; absent: "
        "whoever sends it has all the cash it takes.",
        examples=["1M"],
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
        if self.margin is not None and self.account is not None:
            message = "an order that closes a position needs no margin"
            raise refuse(message, "leave margin: out, or account:", path=("margin",))
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


class HaltShock(_Scheduled):
    """Markets that take no orders for a while."""

    type: Literal["halt"]
    at: Moment = Field(description="When it starts.", examples=["2h"])
    over: Duration = Field(
        default=0.0, description="How long it lasts; absent: to the end of the run.", examples=["20m"]
    )
    markets: MarketPatterns = Field(examples=["binance:*"])
    halts: Literal["matching", "users"] = Field(
        default="matching",
        description="`matching`: nothing trades; `users`: what users send fails, stops included, while the "
        "venue's own engine goes on to liquidate and to trade.",
    )
    orders: Literal["refuse", "queue"] = Field(
        default="refuse",
        description="What becomes of orders that are sent meanwhile: `refuse`; or `queue`: those that can rest "
        "wait, and arrive in their order when the market opens.",
    )
    cancels: bool = Field(default=False, description="Whether resting orders can be cancelled meanwhile.")
    liquidation: Literal["stop", "continue"] | None = Field(
        default=None,
        description="With `matching`: `stop`, which is the default: nobody who holds a position there is liquidated; or "
        "`continue`: accounts that fail are handed to the fund, or deleveraged, without an order.",
    )

    @model_validator(mode="after")
    def _engine_goes_on(self) -> HaltShock:
        if self.halts == "users" and self.liquidation == "stop":
            message = "with halts: users the venue goes on to liquidate"
            raise refuse(message, "leave liquidation: out, or write halts: matching", path=("liquidation",))
        return self

    @property
    def subject(self) -> str:
        """Return what is halted."""
        whose = "orders of users in " if self.halts == "users" else ""
        return f"{whose}{', '.join(self.markets)} halted"


class OracleOutage(_Scheduled):
    """An index that stays as it is for a while, or is made without some of its sources."""

    type: Literal["oracle_outage"]
    at: Moment = Field(description="When it starts.", examples=["2h"])
    over: Duration = Field(
        default=0.0, description="How long it lasts; absent: to the end of the run.", examples=["10m"]
    )
    markets: MarketPatterns | None = Field(
        default=None,
        description="Perpetuals, or pools, whose index stays as it is.",
        examples=["binance:BTC*"],
    )
    sources: MarketPatterns | None = Field(
        default=None, description="Spot markets that are missing in every index.", examples=["spot:BTCUSD"]
    )

    @model_validator(mode="after")
    def _says_what(self) -> OracleOutage:
        if (self.markets is None) == (self.sources is None):
            message = (
                "an outage of nothing" if self.markets is None else "an outage of markets and of sources"
            )
            hint = "write markets: with those whose index stays, or sources: with the spot markets that are missing"
            raise refuse(message, hint)
        return self

    @property
    def subject(self) -> str:
        """Return what is out."""
        if self.sources is not None:
            return f"{', '.join(self.sources)} missing in the index"
        return f"index of {', '.join(self.markets or ())} frozen"


Shock: TypeAlias = Annotated[
    MarketOrderShock | NewsShock | DepthShock | HaltShock | OracleOutage, Field(discriminator="type")
]

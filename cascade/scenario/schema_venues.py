"""Venues and the markets on them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, cast

from pydantic import BeforeValidator, Field

from cascade.scenario.base import File, Model, Name, Text
from cascade.scenario.words import closest
from cascade.units import Moment, Price, Rate, Share, Usd, refuse


class Reporting(Model):
    """A venue that a composite venue stands for, and how it publishes liquidations."""

    name: Name = Field(description="Name of the reporting venue.", examples=["binance"])
    share: Share = Field(description="Share of the accounts.", examples=["40 %"])
    feed: Literal["latest_per_second", "complete"] = Field(
        description="`latest_per_second`: one order a symbol and second is published; `complete`: all."
    )


class Venue(Model):
    """A venue: its rulebook and its fund."""

    rulebook: File = Field(
        description="Name of a shipped rulebook, or path of your own.", examples=["binance-2025-07"]
    )
    fund: Usd = Field(default=0.0, description="Insurance fund, for each settlement asset.", examples=["1B"])
    reporting: tuple[Reporting, ...] = Field(default=(), description="Venues it stands for; shares sum to 1.")


def _schedule(value: Any) -> Any:
    """Refuse words that are no schedule before the alternatives are tried one by one."""
    if isinstance(value, str) and value not in ("rule", "fixed"):
        match = closest(value, ("rule", "fixed"))
        tail = f" — did you mean '{match}'?" if match else ""
        hint = 'write rule, fixed, or times with rates: [["0s", "0.01 %"], ["8h", "0.02 %"]]'
        raise refuse(f"unknown schedule '{value}'{tail}", hint, "CAS017")
    return value


Schedule: TypeAlias = Annotated[
    Literal["rule", "fixed"] | tuple[tuple[Moment, Rate], ...], BeforeValidator(_schedule)
]


class Funding(Model):
    """How longs and shorts pay each other."""

    rate: Rate = Field(default=0.0001, description="Rate an interval, at the start.", examples=["0.01 %"])
    schedule: Schedule = Field(
        default="rule",
        description="`rule`: the venue's formula; `fixed`: `rate` throughout; or times with rates.",
    )


class SpotMarket(Model):
    """A spot market: one book, no leverage."""

    type: Literal["spot"]
    asset: Text = Field(description="Name of the asset.", examples=["BTC"])
    tick: Price = Field(description="Smallest price step in USD.", examples=[0.1])
    lot: Annotated[float, Field(gt=0)] = Field(
        description="Smallest size in units of the asset.", examples=[0.001]
    )
    index_weight: Annotated[float, Field(ge=0)] = Field(
        default=1.0, description="Weight in the index of its asset."
    )


class LinearPerpetual(Model):
    """A perpetual future that settles in USD."""

    type: Literal["linear_perpetual"]
    asset: Text = Field(description="Name of the asset.", examples=["BTC"])
    contract: Text = Field(
        default="",
        description="Contract of the rulebook; by default what follows the colon of the market's name.",
    )
    tick: Price = Field(description="Smallest price step in USD.", examples=[0.1])
    lot: Annotated[float, Field(gt=0)] = Field(
        description="Smallest size in units of the asset.", examples=[0.001]
    )
    funding: Funding = Field(default=Funding(), description="Funding payments.")


Market: TypeAlias = Annotated[SpotMarket | LinearPerpetual, Field(discriminator="type")]


def name_contracts(markets: Any) -> Any:
    """Return the markets with the contract of each perpetual written out."""
    if not isinstance(markets, dict):
        return markets
    named: dict[Any, Any] = {}
    for key, market in cast("dict[Any, Any]", markets).items():
        lacks = isinstance(market, dict) and not cast("dict[str, Any]", market).get("contract")
        if lacks and market.get("type") == "linear_perpetual" and isinstance(key, str):
            named[key] = {**market, "contract": key.partition(":")[2]}
        else:
            named[key] = market
    return named

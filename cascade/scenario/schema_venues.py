"""Venues and the markets on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias, cast

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from cascade.errors import ScenarioError
from cascade.scenario.base import File, Model, Name, Text
from cascade.scenario.words import closest
from cascade.units import NUMBER, USD, Moment, Price, Rate, Share, Usd, refuse, refuse_all

DOLLAR = "USD"
"""The settlement asset of everything but inverse contracts."""


class Reporting(Model):
    """A venue that a composite venue stands for, and how it publishes liquidations."""

    name: Name = Field(description="Name of the reporting venue.", examples=["binance"])
    share: Share = Field(description="Share of the accounts.", examples=["40 %"])
    feed: Literal["latest_per_second", "complete", "none"] = Field(
        description="`latest_per_second`: one order a symbol and second is published; `complete`: all; `none`: of "
        "these accounts nothing is."
    )


def _fund(value: Any) -> Any:
    """Return an amount of USD, or amounts by settlement asset, each in units of its own."""
    if not isinstance(value, Mapping):
        return USD.parse(value)
    amounts: dict[str, float] = {}
    problems: list[Any] = []
    for asset, amount in cast("Mapping[str, Any]", value).items():
        try:
            amounts[asset] = NUMBER.parse(amount)
        except PydanticCustomError as error:
            told = error.context or {}
            problems.append(refuse(told["message"], told["hint"], told["code"], (asset,)))
    if problems:
        raise refuse_all(problems)
    return amounts


Fund: TypeAlias = Annotated[Usd | dict[Text, Annotated[float, Field(ge=0), NUMBER]], BeforeValidator(_fund)]


class Venue(Model):
    """A venue: its rulebook, what differs from it, and its fund."""

    rulebook: File = Field(
        description="Name of a shipped rulebook, or path of your own.", examples=["binance-2025-07"]
    )
    rules: dict[Text, Any] = Field(
        default_factory=dict,
        description="What differs from the rulebook, in its own format.",
        examples=[{"adl": {"ranking": "random"}}],
    )
    fund: Fund = Field(
        default=0.0,
        description="Insurance fund: USD, held as so much of each asset in which the venue's markets settle; or "
        "amounts by asset, in units of each.",
        examples=["1B", {"USD": "2M", "BTC": 3000}],
    )
    feed: Literal["complete", "latest_per_second", "rulebook"] = Field(
        default="complete",
        description="What it publishes of its liquidations: all, of each market the latest of a second, or as its "
        "rulebook says.",
    )
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


_STEPS = {"tick": 1e-3, "lot": 1.0}
"""Steps that a rulebook may give, with stand-ins that suit most prices."""


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

    @property
    def settles(self) -> str:
        """Return the asset that a trade is paid in."""
        return DOLLAR


def _without_steps(schema: dict[str, Any]) -> None:
    """Tell editors that what the rulebook fills in need not be written."""
    schema["required"] = [key for key in schema["required"] if key not in _STEPS]


class Perpetual(Model):
    """What all perpetual futures have."""

    model_config = ConfigDict(json_schema_extra=_without_steps)

    type: Any
    asset: Text = Field(description="Name of the asset.", examples=["BTC"])
    contract: Text = Field(
        default="",
        description="Contract of the rulebook; by default what follows the colon of the market's name.",
    )
    tick: Price = Field(description="Smallest price step in USD; by default the contract's.", examples=[0.1])
    lot: Annotated[float, Field(gt=0)] = Field(
        description="Smallest size in units of the asset; by default the contract's.", examples=[0.001]
    )
    funding: Funding = Field(default=Funding.model_construct(), description="Funding payments.")


class LinearPerpetual(Perpetual):
    """A perpetual future that settles in USD."""

    type: Literal["linear_perpetual"]

    @property
    def settles(self) -> str:
        """Return the asset that margin and profit are in."""
        return DOLLAR


class InversePerpetual(Perpetual):
    """A perpetual future that settles in its asset: a lot stands for a fixed amount of USD."""

    type: Literal["inverse_perpetual"]
    lot: Annotated[float, Field(gt=0)] = Field(
        description="USD that a lot stands for; by default the contract's.", examples=[100]
    )

    @property
    def settles(self) -> str:
        """Return the asset that margin and profit are in."""
        return self.asset


class LendingPool(Model):
    """A collateral of a lending venue: borrowers hold it, nobody trades it, and liquidators sell it on spot."""

    model_config = ConfigDict(json_schema_extra=_without_steps)

    type: Literal["lending_pool"]
    asset: Text = Field(description="Name of the asset.", examples=["ETH"])
    pool: Text = Field(
        default="",
        description="Pool of the rulebook; by default what follows the colon of the market's name.",
    )
    spot: Text = Field(
        default="", description="Spot market where seized collateral is sold; by default the asset's first."
    )
    tick: Price = Field(
        description="Step of the oracle's price in USD: that of the spot market.", examples=[0.1]
    )
    lot: Annotated[float, Field(gt=0)] = Field(
        description="Smallest size in units of the asset: that of the spot market.", examples=[0.001]
    )

    @property
    def settles(self) -> str:
        """Return the asset that debts are in."""
        return DOLLAR


Market: TypeAlias = Annotated[
    SpotMarket | LinearPerpetual | InversePerpetual | LendingPool, Field(discriminator="type")
]


def complete_markets(markets: Any, info: ValidationInfo) -> Any:
    """Return the markets with what rulebooks and spot markets say of them written out, tick and lot above all."""
    if not isinstance(markets, dict):
        return markets
    venues: dict[str, Venue] = info.data.get("venues", {})
    complete: dict[Any, Any] = {}
    for key, market in cast("dict[Any, Any]", markets).items():
        complete[key] = market
        if not isinstance(key, str) or not isinstance(market, dict):
            continue
        written = cast("dict[str, Any]", market)
        if written.get("type") in ("linear_perpetual", "inverse_perpetual"):
            venue, _, name = key.partition(":")
            contract = written.get("contract") or name
            complete[key] = {**_steps_of(venues.get(venue), contract), **written, "contract": contract}
        elif written.get("type") == "lending_pool":
            complete[key] = _complete_pool(key, written, cast("dict[Any, Any]", markets))
    return complete


def _complete_pool(name: str, pool: dict[str, Any], markets: dict[Any, Any]) -> dict[str, Any]:
    """Return a pool with its name in the rulebook, its spot market, and the steps of that.

    Where there is no such market a check says so: stand-ins keep missing steps from being reported as well.
    """
    spots: dict[Any, dict[str, Any]] = {
        key: market
        for key, market in markets.items()
        if isinstance(market, dict) and cast("dict[str, Any]", market).get("type") == "spot"
    }
    first = next((key for key, market in spots.items() if market.get("asset") == pool.get("asset")), "")
    spot = pool.get("spot") or first
    found = spots.get(spot, {}) if isinstance(spot, str) else {}
    steps = {key: found.get(key, standard) for key, standard in _STEPS.items()}
    return {"pool": name.partition(":")[2], **steps, **pool, "spot": spot}


def _steps_of(venue: Venue | None, contract: Any) -> dict[str, float]:
    """Return tick and lot as far as the rulebook of a venue gives them.

    Where the venue, its rulebook or the contract is not known, their own checks say so: stand-ins
    keep a missing tick from being reported as well.
    """
    from cascade.venues.load import rulebook_of

    try:
        known = rulebook_of(venue.rulebook, venue.rules).contracts if venue is not None else {}
    except ScenarioError:
        known = {}
    if not isinstance(contract, str) or contract not in known:
        return dict(_STEPS)
    figures = {key: getattr(known[contract], key) for key in _STEPS}
    return {key: figure for key, figure in figures.items() if figure is not None}

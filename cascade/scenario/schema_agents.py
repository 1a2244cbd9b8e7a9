"""Agents who quote nothing and tie nothing: news-takers, background flow, others, and your own.

The defaults are the starting set of the documentation page `parameters`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Protocol, TypeAlias, cast

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from cascade.scenario.base import ClassReference, MarketName, MarketPatterns, Model, Name, Text, unless_said
from cascade.scenario.distributions import BpsDistribution, Exponential, Lognormal, UsdDistribution
from cascade.scenario.schema_ties import VIP_TAKER
from cascade.units import (
    Bps,
    Multiple,
    PerSecond,
    PositiveBps,
    PositiveDuration,
    PositiveUsd,
    Rate,
    Share,
    Usd,
    refuse,
)


class Sweeper(Model):
    """Takers who sweep quotes that the news value has left behind."""

    type: Literal["sweeper"] = "sweeper"
    name: Name = Field(description="Name of the group.", examples=["news-takers"])
    markets: MarketPatterns = Field(examples=["*:*"])
    edge_bps: Bps = Field(default=0.37, description="They take quotes that are off by more than this.")
    max_order: PositiveUsd = Field(default=2.1e6, description="Largest order.")
    rate: PerSecond = Field(default=2.0, description="How often they look.")

    @property
    def traders(self) -> int:
        """Return how many trade in each market."""
        return 1


NewsTaker: TypeAlias = Sweeper


class MarketOrders(Model):
    """Uninformed market orders."""

    rate: PerSecond = Field(default=5.0, description="Arrivals.", examples=["5 /s"])
    size: UsdDistribution = Field(
        default=Lognormal.model_construct(dist="lognormal", median=4000.0, sigma=2.0, max=3e6),
        description="Size in USD.",
    )


class LimitOrders(Model):
    """Uninformed limit orders, which leave again."""

    rate: PerSecond = Field(default=15.0, description="Arrivals.", examples=["15 /s"])
    size: UsdDistribution = Field(
        default=Lognormal.model_construct(dist="lognormal", median=4000.0, sigma=1.3, max=3e6),
        description="Size in USD.",
    )
    distance: BpsDistribution = Field(
        default=Exponential.model_construct(dist="exponential", mean=1.0),
        description="Distance in bps from the opposite best price.",
    )
    life: PositiveDuration = Field(default=5.0, description="Mean time an order rests.")


class BackgroundFlow(Model):
    """Orders of everybody who has no model of their own."""

    type: Literal["background"] = "background"
    name: Name = Field(description="Name of the group.", examples=["background"])
    markets: MarketPatterns = Field(examples=["*:*"])
    market_orders: MarketOrders = Field(default=MarketOrders.model_construct(), description="Market orders.")
    limit_orders: LimitOrders = Field(default=LimitOrders.model_construct(), description="Limit orders.")
    scale: Multiple = Field(default=1.0, description="Multiplies all sizes.")

    @property
    def traders(self) -> int:
        """Return how many trade in each market: one who takes, one whose orders rest."""
        return 2


class Split(Model):
    """Large orders that are worked in pieces: their signs have a memory."""

    share: Share = Field(default=0.8, description="Share of the orders that are pieces of larger ones.")
    parents: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=5, description="Larger orders that are worked at a time."
    )
    largest_piece: PositiveUsd = Field(default=2e6, description="Largest piece.", examples=["2M"])
    run_exponent: Annotated[float, Field(gt=0, le=10)] = Field(
        default=1.5, description="The number of pieces has a Pareto tail of this exponent."
    )
    longest_run: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=3000, description="Most pieces of an order."
    )


class Tilt(Model):
    """How signs answer to what quotes have done by news and lean, in units of the usual."""

    single: Annotated[float, Field(ge=-2, le=2)] = Field(
        default=0.08, description="Tilt of single orders, for a usual move in the last step."
    )
    parent: Annotated[float, Field(ge=-2, le=2)] = Field(
        default=0.12, description="Tilt of new larger orders, for a usual move of late."
    )
    memory: PositiveDuration = Field(default=28.0, description="Memory of what quotes did of late.")
    balance: PositiveDuration = Field(
        default=10_800.0, description="Time in which what the crowd has bought, net, is sold again."
    )
    follow_rate: PerSecond = Field(default=0.25, description="How often a follower trades.")
    follow_size: Usd = Field(
        default=350e3, description="Its order, for a usual move of late.", examples=["280k"]
    )


SINGLES = 16
"""Traders who send the single orders of a flow of splitters in turn."""


class SplittersFlow(Model):
    """Market orders of the crowd: most are pieces of larger ones, and there are more of them in busy times."""

    type: Literal["splitters"]
    name: Name = Field(description="Name of the group.", examples=["crowd"])
    markets: MarketPatterns = Field(examples=["*:*"])
    rate: PerSecond = Field(default=12.0, description="Arrivals at an activity of 1.", examples=["12 /s"])
    size: UsdDistribution = Field(
        default=Lognormal.model_construct(dist="lognormal", median=3_000.0, sigma=2.35, max=30e6),
        description="Size in USD.",
    )
    scale: Multiple = Field(default=1.0, description="Multiplies all sizes.")
    activity_exponent: Annotated[float, Field(ge=-3, le=3)] = Field(
        default=0.85, description="Arrivals go with this power of activity."
    )
    daytime_exponent: Annotated[float, Field(ge=-3, le=3)] = Field(
        default=0.3, description="And with this power of the day's waves of activity, on top."
    )
    swing: Annotated[float, Field(ge=0, le=3)] = Field(
        default=0.6, description="Standard deviation of log arrivals beyond that."
    )
    swing_memory: PositiveDuration = Field(default=350.0, description="Memory of that.")
    capital: PositiveUsd = Field(
        default=2e9,
        description="Cash, and on a spot market stock, that each of its traders starts with.",
        examples=["50M"],
    )
    split: Split = Field(default=Split.model_construct(), description="Larger orders worked in pieces.")
    tilt: Tilt = Field(default=Tilt.model_construct(), description="Answer of signs to what quotes did.")

    @property
    def traders(self) -> int:
        """Return how many trade in each market: a follower, one for each larger order, those of single orders."""
        return 1 + self.split.parents + SINGLES


Flow: TypeAlias = Annotated[
    Annotated[BackgroundFlow | SplittersFlow, Field(discriminator="type")],
    unless_said("background"),
]


class MarketDraft(Protocol):
    """A market of a group, which turns units of users into those that kernels count in."""

    def lots(self, usd: float) -> float:
        """Return USD as lots, at the start price."""
        ...

    def money(self, usd: float) -> float:
        """Return USD as units of money."""
        ...

    def per_step(self, rate: float) -> float:
        """Return how likely somebody who looks at a rate does so in a step."""
        ...

    def trail(self, window: float) -> int:
        """Return the number of the running mean of its log price that has this memory."""
        ...


class _Lone(Model):
    """What is asked of every kind of agents who trade in each of their markets by themselves."""

    has_stock: ClassVar[bool] = True
    """Whether they begin, on a spot market, with as much stock as cash."""

    @property
    def traders(self) -> int:
        """Return how many trade in each market; they share the group's capital evenly."""
        return 1

    def luck_of(self, number: int) -> str:
        """Return what names the luck of one of them, behind the group's name."""
        return "" if self.traders == 1 else f"/{number}"

    def figures(self, number: int, market: MarketDraft) -> dict[str, float]:
        """Return what the kernel of one of them reads, by fields of `AGENT_P`."""
        raise NotImplementedError


class ValueTrader(_Lone):
    """Traders who buy below the news value and sell above it, with finite capital."""

    name: Name = Field(description="Name of the group.", examples=["value"])
    markets: MarketPatterns = Field(examples=["binance:*"])
    capital: PositiveUsd = Field(
        default=50e6, description="What they may hold, long or short, in each market.", examples=["50M"]
    )
    rate: PerSecond = Field(default=0.1, description="How often they look.", examples=["0.1 /s"])
    threshold_bps: Bps = Field(description="They trade when the gap is beyond this.", examples=["20 bps"])
    gain_usd_per_bps: Usd = Field(default=20e3, description="Order size for each bp beyond the threshold.")
    max_order: PositiveUsd = Field(default=1e6, description="Largest order.", examples=["1M"])
    type: Literal["value"]

    def figures(self, number: int, market: MarketDraft) -> dict[str, float]:
        """Return how they answer to the gap."""
        return {
            "cap": market.lots(self.capital), "rate": market.per_step(self.rate),
            "max_order": market.lots(self.max_order), "threshold": self.threshold_bps * 1e-4,
            "gain": market.lots(self.gain_usd_per_bps) * 1e4,
        }  # fmt: skip


class DipBuyers(_Lone):
    """Investors who buy what has fallen below its own slow mean, with finite capital, and sell it when it is back."""

    has_stock: ClassVar[bool] = False

    type: Literal["dip_buyer"]
    name: Name = Field(description="Name of the group.", examples=["investors"])
    markets: MarketPatterns = Field(examples=["spot:*"])
    count: Annotated[int, Field(ge=1, le=1000)] = Field(default=10, description="Investors in each market.")
    capital: PositiveUsd = Field(
        default=500e6,
        description="What they may spend together, in each market; each has the same part.",
        examples=["500M"],
    )
    below: tuple[Annotated[Share, Field(lt=1)], Annotated[Share, Field(lt=1)]] = Field(
        default=(0.01, 0.1),
        description="How far below the mean the first begins to buy, and the last; the others evenly between.",
        examples=[["1 %", "10 %"]],
    )
    window: PositiveDuration = Field(
        default=86_400.0, description="Memory of the mean of log prices.", examples=["1d"]
    )
    max_order: PositiveUsd = Field(
        default=200e3, description="The slice that each buys or sells at a time.", examples=["200k"]
    )
    rate: PerSecond = Field(default=0.1, description="How often each looks.", examples=["0.1 /s"])

    @model_validator(mode="after")
    def _is_ordered(self) -> DipBuyers:
        low, high = self.below
        if low > high:
            message = f"the first buys {low:.3g} below the mean, which is later than the last, at {high:.3g}"
            raise refuse(message, "swap them", path=("below",))
        return self

    @property
    def traders(self) -> int:
        """Return `count`."""
        return self.count

    def luck_of(self, number: int) -> str:
        """Return the number of one of them, also where there is no other."""
        return f"/{number}"

    def figures(self, number: int, market: MarketDraft) -> dict[str, float]:
        """Return how far below its mean one of them buys, and with what."""
        low, high = self.below
        below = low + (high - low) * (number + 0.5) / self.count
        return {
            "own": market.trail(self.window), "cap": market.money(self.capital / self.count),
            "rate": market.per_step(self.rate), "threshold": -math.log1p(-below),
            "max_order": max(market.lots(self.max_order), 1.0),
        }  # fmt: skip


class Hunter(Model):
    """A hunter of liquidations: it pushes the price into levels near it, and closes into the forced orders."""

    type: Literal["hunter"]
    name: Name = Field(description="Name of the group.", examples=["hunters"])
    markets: MarketPatterns = Field(examples=["binance:*"])
    capital: PositiveUsd = Field(default=10e6, description="What it has in each market.", examples=["10M"])
    leverage: Multiple = Field(
        default=5.0, description="Its largest position, in multiples of its equity.", examples=["5x"]
    )
    reach_bps: PositiveBps = Field(
        default=50.0, description="How far from the mark it sees levels.", examples=["50 bps"]
    )
    error: Annotated[float, Field(ge=0, le=3)] = Field(
        default=0.5,
        description="Standard deviation of the log of what it takes to be liquidated within reach.",
    )
    worth: Multiple = Field(
        default=1.0,
        description="It attacks where what is liquidated is this multiple of what the book holds in front of it.",
        examples=["1x"],
    )
    patience: PositiveDuration = Field(
        default=120.0, description="Longest time it pushes, and then quotes what it holds before it takes."
    )
    max_loss: Annotated[Share, Field(gt=0)] = Field(
        default=0.2,
        description="Part of its capital after whose loss it closes and stops.",
        examples=["20 %"],
    )
    fee: Annotated[Rate, Field(ge=0)] = Field(
        default=VIP_TAKER, description="What it pays for a trade that takes; one that makes is free."
    )
    rate: PerSecond = Field(default=0.5, description="How often it looks.", examples=["0.5 /s"])
    max_order: PositiveUsd = Field(default=500e3, description="Largest order.", examples=["500k"])


class PythonAgent(Model):
    """An agent that you write in Python; it is run only where you allow code (`cascade docs mesa`)."""

    type: Literal["python"]
    name: Name = Field(description="Name of the agent, and its label in the results.", examples=["whale"])
    python: ClassReference = Field(
        description="Its class: of a module beside this scenario, or of an installed one.",
        examples=["desk:Whale"],
    )
    venue: Name | None = Field(
        default=None, description="Where its account lives; by default the first venue with a perpetual."
    )
    cash: Usd = Field(default=0.0, description="USD that it begins with.", examples=["5M"])
    positions: dict[MarketName, float] = Field(
        default_factory=dict,
        description="What it holds at the start, in units of the asset, short below zero; entered at the start price.",
        examples=[{"binance:BTCUSDT": 40}],
    )
    every: PositiveDuration | None = Field(
        default=None,
        description="How often its `step` is called; by default as its class says.",
        examples=["10s"],
    )
    parameters: dict[Text, JsonValue] = Field(
        default_factory=dict, description="What its class is made with, by name.", examples=[{"size": 20}]
    )


def _python_if_named(value: Any) -> Any:
    """Give an agent that names its code its type."""
    if isinstance(value, Mapping) and "python" in value and "type" not in value:
        return {"type": "python", **cast("Mapping[str, Any]", value)}
    return value


Lone: TypeAlias = ValueTrader | DipBuyers
"""Kinds that trade in each of their markets by themselves: what they are to kernels, they say."""

Agent: TypeAlias = Annotated[
    Annotated[Lone | Hunter | PythonAgent, Field(discriminator="type")],
    BeforeValidator(_python_if_named),
]

"""Agents without leverage: makers, news-takers, background flow and arbitrageurs.

The defaults are the starting set of the documentation page `parameters`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias, cast

import numpy as np
from pydantic import BeforeValidator, Field, JsonValue, model_validator

from cascade.scenario.base import ClassReference, File, MarketName, MarketPatterns, Model, Name, Text
from cascade.scenario.distributions import BpsDistribution, Exponential, Lognormal, UsdDistribution
from cascade.scenario.schema_withdrawal import Withdrawal
from cascade.scenario.tables import Floats, read_depth
from cascade.units import (
    Bps,
    Multiple,
    PerSecond,
    PositiveBps,
    PositiveDuration,
    PositiveUsd,
    Share,
    Usd,
    refuse,
)

LEVELS_BPS = (0.05, 0.15, 0.4, 1, 2, 3, 5, 7, 10, 14, 20, 30, 45, 65, 95, 130, 200)

DepthPoint: TypeAlias = tuple[PositiveBps, Usd]


class Quoted(NamedTuple):
    """USD that makers quote on one side, by distance from their fair value in bps."""

    distance_bps: Floats
    usd: Floats

    def at(self, distances_bps: Floats) -> Floats:
        """Return a profile at given distances: between its points along a line, beyond the last as there."""
        known = np.interp(distances_bps, [0.0, *self.distance_bps], [0.0, *self.usd])
        return np.asarray(known, np.float64)


class Depth(Model):
    """How much is quoted within a distance of the mid, on one side, by all makers of the group."""

    profile: tuple[DepthPoint, ...] = Field(
        default=(),
        description="Distances in bps, each with the cumulative USD up to it; or give `file`.",
        examples=[[[1, "0.44M"], [10, "9M"], [100, "240M"]]],
    )
    file: File | None = Field(
        default=None, description="CSV or parquet with columns distance_bps, cumulative_usd."
    )
    scale: Multiple = Field(default=1.0, description="Multiplies the whole profile.", examples=["0.25x"])
    met: Literal["middles", "points"] = Field(
        default="middles",
        description="Where cumulated depth meets the profile: at the middles between neighbouring levels, or at the "
        "profile's own points, whatever the levels.",
    )

    def points(self) -> Quoted:
        """Return the profile, or that of the file, at scale 1."""
        if self.file is None:
            points = np.array(self.profile, np.float64).reshape(-1, 2)
            return Quoted(points[:, 0], points[:, 1])
        known = read_depth(self.file)
        return Quoted(known.distance_bps, known.cumulative_usd)


class Learning(Model):
    """How the makers' fair value follows signed flow, and forgets it."""

    impact_bps_per_million: Annotated[float, Field(ge=0)] | None = Field(
        default=None,
        description="Lasting move for 1M USD of net flow, at depth scale 1; absent: it follows depth, 0.2 where the "
        "profile holds 240M within 1 %.",
    )
    half_life: PositiveDuration = Field(
        default=1200.0, description="Half of it is forgotten after this time."
    )
    scale_with_depth: bool = Field(
        default=True, description="Divide by the depth scale: thin books move more."
    )


class Swing(Model):
    """How quoted sizes come and go by themselves, and with activity."""

    side: Annotated[float, Field(ge=0, le=3)] = Field(
        default=0.225, description="Standard deviation of log size, each side for itself."
    )
    side_memory: PositiveDuration = Field(default=2.0, description="Memory of that.")
    both: Annotated[float, Field(ge=0, le=3)] = Field(
        default=0.4, description="Standard deviation of log size, both sides together."
    )
    both_memory: PositiveDuration = Field(default=250.0, description="Memory of that.")
    activity_exponent: Annotated[float, Field(ge=-3, le=3)] = Field(
        default=-0.3, description="Sizes go with this power of activity."
    )
    error_bps: Bps = Field(
        default=0.3, description="Standard deviation of what the makers of the market err by, all together."
    )
    error_memory: PositiveDuration = Field(default=15.0, description="Memory of that.")


RefillPoint: TypeAlias = tuple[Bps, PerSecond]


class _Makers(Model):
    """What every group of makers has."""

    name: Name = Field(description="Name of the group.", examples=["makers"])
    markets: MarketPatterns = Field(examples=["binance:*"])
    count: Annotated[int, Field(ge=1, le=64)] = Field(
        default=8, description="Number of makers in each market."
    )
    requote_rate: PerSecond = Field(
        default=1.0, description="How often a maker looks at its quotes.", examples=["1 /s"]
    )
    tolerance: Share = Field(default=0.25, description="A quote stays while it is off by less than this.")
    fair_noise_bps: Bps = Field(default=0.02, description="Standard deviation of a maker's own error.")
    skew_bps: Bps = Field(default=10.0, description="Shift of the quotes at the inventory cap.")
    cap: PositiveUsd = Field(default=100e6, description="Inventory cap of each maker.", examples=["100M"])
    slack_bps: Bps = Field(
        default=0.0, description="A quote's price stays, in any case, while it is off by less than this."
    )

    def profile(self) -> Quoted:
        """Return what the group quotes together up to each distance; empty where its file is unsound."""
        raise NotImplementedError

    def levels(self) -> Quoted:
        """Return what the group quotes together at each level of its makers."""
        raise NotImplementedError

    def jitter(self) -> tuple[float, float]:
        """Return the numbers between which each maker's distances are multiplied."""
        return (1.0, 1.0)

    def ladder(self, jitter: Floats) -> tuple[Floats, Floats]:
        """Return levels as the group quotes them where its distances are multiplied: parts of the value, and USD."""
        levels = self.levels()
        return levels.distance_bps * 1e-4 * jitter, levels.usd

    def nearness(self, distances_bps: Floats) -> Floats:
        """Return the power to which quotes at given distances take the share that withdrawal leaves."""
        return np.ones(len(distances_bps))

    def remains(self) -> float:
        """Return the share of its sizes that a group of this kind never withdraws by itself."""
        return 1.0

    def looks(self, dt: float) -> float:
        """Return how often one of them looks at its quotes in a step, as far as that matters for its kind."""
        return 1.0

    def refills(self, distances_bps: Floats) -> Floats:
        """Return the share of a quote's size that comes back in a second, by distance; infinite: all, at once."""
        return np.full(len(distances_bps), np.inf)

    def within(self, distance_bps: float) -> float:
        """Return the USD that the group quotes within a distance, on one side."""
        return float(self.profile().at(np.array([distance_bps]))[0])


class LadderMaker(_Makers):
    """Makers who quote a ladder around a fair value."""

    type: Literal["ladder"] = "ladder"
    depth: Depth = Field(description="What they quote together.")
    levels_bps: tuple[PositiveBps, ...] = Field(
        default=LEVELS_BPS, min_length=1, description="Distances of the levels from the fair value."
    )
    level_jitter: tuple[Multiple, Multiple] = Field(
        default=(0.8, 1.25), description="Each maker's distances are multiplied by a number between these."
    )
    learning: Learning = Field(default=Learning(), description="Impact of flow on the fair value.")
    withdrawal: Withdrawal | None = Field(
        default=None, description="Fall of depth in turbulence; absent: none."
    )
    refill: tuple[RefillPoint, ...] = Field(
        default=(),
        description="Share of a quote's size that comes back in a second after it was taken, up to each distance; "
        "absent: all of it at the next look.",
        examples=[[[0.3, "2 /s"], [10, "0.12 /s"], [200, "0.01 /s"]]],
    )
    swing: Swing | None = Field(default=None, description="Sizes that come and go; absent: they are steady.")

    def profile(self) -> Quoted:
        """Return the depth profile, its scale included."""
        known = self.depth.points()
        return Quoted(known.distance_bps, known.usd * self.depth.scale)

    def levels(self) -> Quoted:
        """Return what the profile holds between the edges of each level: where cumulated depth meets it."""
        levels = np.array(self.levels_bps, np.float64)
        return Quoted(levels, self._sizes(levels))

    def ladder(self, jitter: Floats) -> tuple[Floats, Floats]:
        """Return levels multiplied by `jitter`; where the profile's points are to be met, they are, for these."""
        if self.depth.met == "middles":
            return super().ladder(jitter)
        levels = np.sort(np.array(self.levels_bps, np.float64) * jitter)
        return levels * 1e-4, self._sizes(levels)

    def _sizes(self, levels: Floats) -> Floats:
        """Return the USD of levels at given distances: what the profile holds from edge to edge."""
        known = self.depth.points()
        edges = np.append((levels[:-1] + levels[1:]) / 2.0, max(known.distance_bps[-1], levels[-1]))
        if self.depth.met == "points":
            edges = _first_beyond(levels, np.array(known.distance_bps), edges)
        return np.diff(np.concatenate([[0.0], known.at(edges)])) * self.depth.scale

    def jitter(self) -> tuple[float, float]:
        """Return `level_jitter`."""
        return self.level_jitter

    def refills(self, distances_bps: Floats) -> Floats:
        """Return `refill` at given distances: that of the first point as far; beyond the last, as there."""
        if not self.refill:
            return super().refills(distances_bps)
        far, rates = np.array(self.refill, np.float64).T
        return rates[np.minimum(np.searchsorted(far, distances_bps), len(far) - 1)]

    def nearness(self, distances_bps: Floats) -> Floats:
        """Return what `near_first` of withdrawal says."""
        if self.withdrawal is None or self.withdrawal.near_first is None:
            return super().nearness(distances_bps)
        return self.withdrawal.near_first.nearness(distances_bps)

    def remains(self) -> float:
        """Return what withdrawal leaves at its floors."""
        return 1.0 if self.withdrawal is None else self.withdrawal.remains()


def _first_beyond(levels: Floats, points: Floats, otherwise: Floats) -> Floats:
    """Return the first point beyond each level and not beyond the next one; `otherwise` where there is none."""
    place = np.searchsorted(points, levels, side="right")
    found = np.append(points, np.inf)[place]
    return np.where(found <= np.append(levels[1:], np.finfo(np.float64).max), found, otherwise)


class TouchMaker(_Makers):
    """Makers who quote one tick on either side of their fair value, and whose size comes back slowly."""

    type: Literal["touch"]
    size: PositiveUsd = Field(description="What each wants to quote on a side.", examples=["200k"])
    refill: PerSecond = Field(
        default=0.5,
        description="Share of its size that comes back in a second, after it was taken.",
        examples=["0.5 /s"],
    )

    def profile(self) -> Quoted:
        """Return the sizes at the touch."""
        return self.levels()

    def levels(self) -> Quoted:
        """Return the one level."""
        return Quoted(np.zeros(1), np.array([self.size * self.count]))

    def looks(self, dt: float) -> float:
        """Return `requote_rate` times the step; who looks more than once has quoted last when the step ends."""
        return max(self.requote_rate * dt, 1.0)

    def refills(self, distances_bps: Floats) -> Floats:
        """Return `refill`."""
        return np.full(len(distances_bps), self.refill)


def _unless_said(kind: str) -> BeforeValidator:
    """Return what gives a group of this kind its type: files need not write it."""

    def with_type(value: Any) -> Any:
        if isinstance(value, Mapping) and "type" not in value:
            return {"type": kind, **cast("Mapping[str, Any]", value)}
        return value

    return BeforeValidator(with_type)


Maker: TypeAlias = Annotated[
    Annotated[LadderMaker | TouchMaker, Field(discriminator="type")], _unless_said("ladder")
]


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
        default=Lognormal(dist="lognormal", median=4000.0, sigma=2.0, max=3e6), description="Size in USD."
    )


class LimitOrders(Model):
    """Uninformed limit orders, which leave again."""

    rate: PerSecond = Field(default=15.0, description="Arrivals.", examples=["15 /s"])
    size: UsdDistribution = Field(
        default=Lognormal(dist="lognormal", median=4000.0, sigma=1.3, max=3e6), description="Size in USD."
    )
    distance: BpsDistribution = Field(
        default=Exponential(dist="exponential", mean=1.0),
        description="Distance in bps from the opposite best price.",
    )
    life: PositiveDuration = Field(default=5.0, description="Mean time an order rests.")


class BackgroundFlow(Model):
    """Orders of everybody who has no model of their own."""

    type: Literal["background"] = "background"
    name: Name = Field(description="Name of the group.", examples=["background"])
    markets: MarketPatterns = Field(examples=["*:*"])
    market_orders: MarketOrders = Field(default=MarketOrders(), description="Market orders.")
    limit_orders: LimitOrders = Field(default=LimitOrders(), description="Limit orders.")
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
        default=Lognormal(dist="lognormal", median=3_000.0, sigma=2.35, max=30e6), description="Size in USD."
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
    split: Split = Field(default=Split(), description="Larger orders worked in pieces.")
    tilt: Tilt = Field(default=Tilt(), description="Answer of signs to what quotes did.")

    @property
    def traders(self) -> int:
        """Return how many trade in each market: a follower, one for each larger order, those of single orders."""
        return 1 + self.split.parents + SINGLES


Flow: TypeAlias = Annotated[
    Annotated[BackgroundFlow | SplittersFlow, Field(discriminator="type")],
    _unless_said("background"),
]


class SpotPerpetualArbitrage(Model):
    """Arbitrageurs who tie a perpetual to its spot market."""

    type: Literal["spot_perpetual"] = "spot_perpetual"
    name: Name = Field(description="Name of the group.", examples=["basis"])
    spot: MarketName = Field(description="The spot market.", examples=["spot:BTCUSD"])
    perpetual: MarketName = Field(description="The perpetual market.", examples=["binance:BTCUSDT"])
    threshold_bps: Bps = Field(default=0.28, description="They trade when the basis is beyond this.")
    gain_usd_per_bps: Usd = Field(default=230e3, description="Order size for each bp beyond the threshold.")
    max_order: PositiveUsd = Field(default=500e3, description="Largest order.")
    cap: PositiveUsd = Field(default=100e6, description="Largest inventory.")
    rate: PerSecond = Field(default=1.0, description="How often they look.")


Arbitrage: TypeAlias = SpotPerpetualArbitrage


class _Agents(Model):
    """What every group of other agents has."""

    name: Name = Field(description="Name of the group.", examples=["value"])
    markets: MarketPatterns = Field(examples=["binance:*"])
    capital: PositiveUsd = Field(
        default=50e6, description="What they may hold, long or short, in each market.", examples=["50M"]
    )
    rate: PerSecond = Field(default=0.1, description="How often they look.", examples=["0.1 /s"])
    threshold_bps: Bps = Field(description="They trade when the gap is beyond this.", examples=["20 bps"])
    gain_usd_per_bps: Usd = Field(default=20e3, description="Order size for each bp beyond the threshold.")
    max_order: PositiveUsd = Field(default=1e6, description="Largest order.", examples=["1M"])


class ValueTrader(_Agents):
    """Traders who buy below the news value and sell above it, with finite capital."""

    type: Literal["value"]


class DipBuyers(Model):
    """Investors who buy what has fallen below its own slow mean, with finite capital, and sell it when it is back."""

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


Agent: TypeAlias = Annotated[
    Annotated[ValueTrader | DipBuyers | PythonAgent, Field(discriminator="type")],
    BeforeValidator(_python_if_named),
]

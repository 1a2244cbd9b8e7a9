"""Agents without leverage: makers, news-takers, background flow and arbitrageurs.

The defaults are the starting set of the documentation page `parameters`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias, cast

import numpy as np
from pydantic import BeforeValidator, Field

from cascade.scenario.base import File, MarketName, MarketPatterns, Model, Name
from cascade.scenario.distributions import BpsDistribution, Exponential, Lognormal, UsdDistribution
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
    Volatility,
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

    def points(self) -> Quoted:
        """Return the profile, or that of the file, at scale 1."""
        if self.file is None:
            points = np.array(self.profile, np.float64).reshape(-1, 2)
            return Quoted(points[:, 0], points[:, 1])
        known = read_depth(self.file)
        return Quoted(known.distance_bps, known.cumulative_usd)


class Learning(Model):
    """How the makers' fair value follows signed flow, and forgets it."""

    impact_bps_per_million: Annotated[float, Field(ge=0)] = Field(
        default=0.2, description="Lasting move for 1M USD of net flow, at depth scale 1."
    )
    half_life: PositiveDuration = Field(
        default=1200.0, description="Half of it is forgotten after this time."
    )
    scale_with_depth: bool = Field(
        default=True, description="Divide by the depth scale: thin books move more."
    )


class Withdrawal(Model):
    """How quoted size falls as realised volatility rises."""

    calm_volatility: Annotated[Volatility, Field(gt=0)] = Field(
        description="Yearly volatility of a calm market.", examples=["25 %"]
    )
    threshold: Annotated[float, Field(gt=0)] = Field(
        default=1.5, description="Size starts to fall at this multiple of calm volatility."
    )
    exponent: Annotated[float, Field(ge=0)] = Field(
        default=1.0, description="Size falls with this power of volatility."
    )
    floor: Share = Field(default=0.5, description="Share of the size that always stays.")
    memory: PositiveDuration = Field(default=600.0, description="Memory of realised volatility.")
    in_learning_floor: Share | None = Field(
        default=None,
        description="Divide learning by the remaining size, at least this; absent: learning is not affected.",
    )


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

    def profile(self) -> Quoted:
        """Return what the group quotes together up to each distance; empty where its file is unsound."""
        raise NotImplementedError

    def levels(self) -> Quoted:
        """Return what the group quotes together at each level of its makers."""
        raise NotImplementedError

    def jitter(self) -> tuple[float, float]:
        """Return the numbers between which each maker's distances are multiplied."""
        return (1.0, 1.0)

    def remains(self) -> float:
        """Return the share of its sizes that a group of this kind never withdraws by itself."""
        return 1.0

    def figures(self, dt: float) -> dict[str, float]:
        """Return what the kernel of this kind reads besides what all makers have, at time step `dt`."""
        return {}

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

    def profile(self) -> Quoted:
        """Return the depth profile, its scale included."""
        known = self.depth.points()
        return Quoted(known.distance_bps, known.usd * self.depth.scale)

    def levels(self) -> Quoted:
        """Return what the profile holds between the middles of neighbouring levels."""
        known = self.depth.points()
        levels = np.array(self.levels_bps, np.float64)
        edges = np.concatenate([(levels[:-1] + levels[1:]) / 2.0, [max(known.distance_bps[-1], levels[-1])]])
        return Quoted(levels, np.diff(np.concatenate([[0.0], known.at(edges)])) * self.depth.scale)

    def jitter(self) -> tuple[float, float]:
        """Return `level_jitter`."""
        return self.level_jitter

    def remains(self) -> float:
        """Return the floor of withdrawal."""
        return 1.0 if self.withdrawal is None else self.withdrawal.floor


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

    def figures(self, dt: float) -> dict[str, float]:
        """Return the share that comes back at a look."""
        return {"refill": min(self.refill / min(self.requote_rate, 1.0 / dt), 1.0)}


def _ladder_unless_said(value: Any) -> Any:
    """Return a group of makers with its type: files need not write that of ladders."""
    if isinstance(value, Mapping) and "type" not in value:
        return {"type": "ladder", **cast("Mapping[str, Any]", value)}
    return value


Maker: TypeAlias = Annotated[
    Annotated[LadderMaker | TouchMaker, Field(discriminator="type")], BeforeValidator(_ladder_unless_said)
]


class Sweeper(Model):
    """Takers who sweep quotes that the news value has left behind."""

    type: Literal["sweeper"] = "sweeper"
    name: Name = Field(description="Name of the group.", examples=["news-takers"])
    markets: MarketPatterns = Field(examples=["*:*"])
    edge_bps: Bps = Field(default=0.37, description="They take quotes that are off by more than this.")
    max_order: PositiveUsd = Field(default=2.1e6, description="Largest order.")
    rate: PerSecond = Field(default=2.0, description="How often they look.")


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


Flow: TypeAlias = BackgroundFlow


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


Agent: TypeAlias = ValueTrader

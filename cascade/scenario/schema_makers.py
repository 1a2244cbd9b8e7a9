"""Makers: what they quote, how they learn and withdraw, and how their sizes come back.

The defaults are the starting set of the documentation page `parameters`.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, TypeAlias

import numpy as np
from pydantic import Field

from cascade.scenario.base import File, MarketPatterns, Model, Name, unless_said
from cascade.scenario.schema_ties import Hedge
from cascade.scenario.schema_withdrawal import Withdrawal
from cascade.scenario.tables import Floats, read_depth
from cascade.units import Bps, Multiple, PerSecond, PositiveBps, PositiveDuration, PositiveUsd, Share, Usd

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
    hedge: Hedge | None = Field(
        default=None,
        description="The n-th makers of each market of an asset are a desk, which hedges across them; absent: none.",
    )

    @property
    def desk(self) -> str | None:
        """Return the name of the desk that the group is of; None where it does not hedge."""
        return None if self.hedge is None else self.hedge.desk or self.name

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
    learning: Learning = Field(
        default=Learning.model_construct(), description="Impact of flow on the fair value."
    )
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


Maker: TypeAlias = Annotated[
    Annotated[LadderMaker | TouchMaker, Field(discriminator="type")], unless_said("ladder")
]

"""Those who tie markets: arbitrageurs, carry traders, and desks of makers who hedge across venues.

The defaults are the starting set of the documentation page `parameters`.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from cascade.scenario.base import MarketName, Model, Name, unless_said
from cascade.units import (
    Bps,
    Duration,
    Multiple,
    PerSecond,
    PositiveDuration,
    PositiveUsd,
    Rate,
    Share,
    Usd,
    format_usd,
    refuse,
)

VIP_TAKER = 0.00017
"""Taker fee of the largest clients: Binance's USDT-M schedule, VIP 9."""


MOST_HELD = 30 * 86_400.0
"""Longest time over which funding is expected: the rate of now says nothing of a time beyond."""


class Wallets(Model):
    """Finite capital of those who tie two markets: a wallet on either venue, the rest in a treasury."""

    capital: PositiveUsd = Field(description="What they have in all.", examples=["20M"])
    ready: Annotated[Share, Field(gt=0, le=0.5)] = Field(
        default=0.2, description="Part of it that each wallet begins with and keeps ready.", examples=["20 %"]
    )
    leverage: Multiple = Field(
        default=3.0, description="Largest position of a wallet, in multiples of its equity.", examples=["3x"]
    )
    transfer: PositiveDuration = Field(
        default=1200.0,
        description="How long money is on its way between treasury and wallet.",
        examples=["20m"],
    )
    treasury: Name | None = Field(
        default=None,
        description="Groups that name the same treasury share what is in it; absent: each has its own.",
        examples=["firm"],
    )
    fee: Annotated[Rate, Field(ge=0)] = Field(
        default=VIP_TAKER, description="What they pay for a trade, of its size.", examples=["0.017 %"]
    )


class _Pair(Model):
    """What all who tie two markets have."""

    name: Name = Field(description="Name of the group.", examples=["basis"])
    perpetual: MarketName = Field(description="The perpetual market.", examples=["binance:BTCUSDT"])

    @property
    def other(self) -> str:
        """Return the market that the perpetual is tied to."""
        return getattr(self, self.other_key)

    @property
    def other_key(self) -> Literal["spot", "against"]:
        """Return the key that names it."""
        return "spot"

    @property
    def most(self) -> float:
        """Return the largest inventory of either leg, in USD."""
        raise NotImplementedError


class _Arbitrage(_Pair):
    """What arbitrageurs have."""

    wallets: Wallets | None = Field(
        default=None,
        description="Finite capital; absent: as much as `cap` needs, everywhere, without fees.",
    )
    hold: Annotated[Duration, Field(le=MOST_HELD)] = Field(
        default=0.0,
        description="Time that a position is expected to be held: funding expected over it counts in the hurdle.",
        examples=["8h"],
    )
    threshold_bps: Bps = Field(default=0.28, description="They trade when the basis is beyond this.")
    gain_usd_per_bps: Usd = Field(default=230e3, description="Order size for each bp beyond the threshold.")
    max_order: PositiveUsd = Field(default=500e3, description="Largest order.")
    cap: PositiveUsd = Field(default=100e6, description="Largest inventory.")
    rate: PerSecond = Field(default=1.0, description="How often they look.")

    @property
    def most(self) -> float:
        """Return `cap`."""
        return self.cap


class SpotPerpetualArbitrage(_Arbitrage):
    """Arbitrageurs who tie a perpetual to its spot market."""

    type: Literal["spot_perpetual"] = "spot_perpetual"
    spot: MarketName = Field(description="The spot market.", examples=["spot:BTCUSD"])


class VenueArbitrage(_Arbitrage):
    """Arbitrageurs who tie a perpetual to one of another venue."""

    type: Literal["venues"]
    against: MarketName = Field(description="The other perpetual market.", examples=["bybit:BTCUSDT"])

    @property
    def other_key(self) -> Literal["spot", "against"]:
        """Return `against`."""
        return "against"


class CarryTraders(_Pair):
    """Carry traders: long spot and short the perpetual, or the reverse, while that pays."""

    type: Literal["carry"]
    spot: MarketName = Field(description="The spot market.", examples=["spot:BTCUSD"])
    wallets: Wallets = Field(description="Their capital.")
    enter: Annotated[Rate, Field(ge=0)] = Field(
        default=0.15,
        description="Yearly return, after fees, above which they build up a position.",
        examples=["15 %"],
    )
    leave: Rate = Field(
        default=0.03, description="Yearly return to be expected below which they leave it.", examples=["3 %"]
    )
    hold: Annotated[PositiveDuration, Field(le=MOST_HELD)] = Field(
        default=86_400.0,
        description="Over which time they look: funding at the rate expected now, and all of the basis.",
        examples=["1d"],
    )
    max_order: PositiveUsd = Field(
        default=100e3, description="The slice that they trade at a time.", examples=["100k"]
    )
    rate: PerSecond = Field(default=0.1, description="How often they look.", examples=["0.1 /s"])

    @property
    def most(self) -> float:
        """Return what all their capital can hold."""
        return self.wallets.capital * self.wallets.leverage


class Hedge(Model):
    """How makers hedge in one market what they took in others of the same asset."""

    desk: Name | None = Field(
        default=None,
        description="Groups that name the same desk hedge across all their markets; absent: across the group's own.",
        examples=["desk"],
    )
    threshold: Usd = Field(
        default=1e6, description="What stays open, net, of all markets of an asset.", examples=["1M"]
    )
    delay: Duration = Field(
        default=1.0, description="How long more than that is open before it is hedged.", examples=["1s"]
    )
    quoted: Duration = Field(
        default=0.0,
        description="How long a hedge rests at the best price before it takes; 0: it takes at once.",
        examples=["5s"],
    )
    max_order: PositiveUsd = Field(default=2e6, description="Largest hedge at a time.", examples=["2M"])
    capital: PositiveUsd = Field(
        default=50e6,
        description="What a desk may hold of an asset, long and short of all markets added up: what is used leaves "
        "smaller quotes in all of them.",
        examples=["20M"],
    )

    @model_validator(mode="after")
    def _hedges(self) -> Hedge:
        if self.threshold >= self.capital:
            capital, threshold = format_usd(self.capital), format_usd(self.threshold)
            message = f"a desk of {capital} never has more than {threshold} open to hedge"
            key = "threshold" if "threshold" in self.model_fields_set else "capital"
            raise refuse(
                message, f"write threshold: {format_usd(self.capital / 50)}, or more capital", path=(key,)
            )
        return self


Arbitrage: TypeAlias = Annotated[
    Annotated[SpotPerpetualArbitrage | VenueArbitrage | CarryTraders, Field(discriminator="type")],
    unless_said("spot_perpetual"),
]

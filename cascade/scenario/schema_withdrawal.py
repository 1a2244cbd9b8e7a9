"""How makers withdraw: by volatility, by one-sided flow, by their own losses, and near quotes first."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from cascade.scenario.base import Model, Name
from cascade.scenario.tables import Floats
from cascade.units import Multiple, PositiveBps, PositiveDuration, Share, Volatility

Power = Annotated[float, Field(ge=0, le=10)]


class NearFirst(Model):
    """Near quotes are withdrawn first, far ones less."""

    within_bps: PositiveBps = Field(
        default=10.0, description="Up to this distance quotes are withdrawn in full."
    )
    power: Power = Field(
        default=0.5,
        description="Beyond, the log of the share that stays falls with this power of distance; 0: no difference.",
    )

    def nearness(self, distances_bps: Floats) -> Floats:
        """Return the power to which quotes at given distances take the share that stays."""
        return np.minimum((self.within_bps / np.maximum(distances_bps, self.within_bps)) ** self.power, 1.0)


class OneSided(Model):
    """The side that takers hit is thinned by their net flow over seconds, in all markets of the asset."""

    threshold: Multiple = Field(
        default=0.5, description="Size starts to fall at this multiple of the depth.", examples=["0.5x"]
    )
    within_bps: PositiveBps = Field(
        default=10.0,
        description="The depth is what the makers of all these markets want to quote within this.",
    )
    memory: PositiveDuration = Field(default=10.0, description="Over which time net flow is summed.")
    exponent: Power = Field(default=1.0, description="Size falls with this power of net flow.")
    floor: Share = Field(default=0.1, description="Share of the size that always stays.")


class Losses(Model):
    """A maker withdraws by what its capital has lost of late, both sides alike."""

    threshold: Annotated[Share, Field(gt=0)] = Field(
        default=0.02, description="Size starts to fall at a loss of this share of the maker's cap."
    )
    memory: PositiveDuration = Field(
        default=600.0, description="Over which time a loss counts, and so in which a maker comes back."
    )
    exponent: Power = Field(default=1.0, description="Size falls with this power of the loss.")
    floor: Share = Field(default=0.1, description="Share of the size that always stays.")
    capital: Name | None = Field(
        default=None,
        description="Makers of all markets whose losses name the same capital lose together; absent: each alone.",
        examples=["desk"],
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
    every: PositiveDuration = Field(
        default=60.0,
        description="Over which time returns are taken; over seconds, bounce counts as volatility.",
    )
    in_learning_floor: Share | None = Field(
        default=None,
        description="Divide learning by the remaining size, at least this; absent: learning is not affected.",
    )
    one_sided: OneSided | None = Field(
        default=None, description="Fall of the side that takers hit; absent: none."
    )
    losses: Losses | None = Field(
        default=None, description="Fall of the sizes of makers who lose; absent: none."
    )
    near_first: NearFirst | None = Field(
        default=None, description="Far quotes are withdrawn less; absent: as near ones."
    )

    def remains(self) -> float:
        """Return the share of its sizes that a maker never withdraws."""
        return (
            self.floor
            * (self.one_sided.floor if self.one_sided else 1.0)
            * (self.losses.floor if self.losses else 1.0)
        )

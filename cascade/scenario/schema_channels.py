"""The channels through which a fall feeds on itself, and which of them are open."""

from __future__ import annotations

from pydantic import Field

from cascade.scenario.base import Model


class Channels(Model):
    """Channels of amplification; one that is off leaves all luck, and everything else, as it was."""

    forced_orders: bool = Field(
        default=True, description="Forced orders reach the book; off: an absorber takes them at mark."
    )
    maker_withdrawal: bool = Field(
        default=True, description="Makers withdraw in turbulence; off: they quote their full depth."
    )
    stop_losses: bool = Field(
        default=True, description="Positions stop out; off: those that would have hold on."
    )
    cross_margin: bool = Field(
        default=True,
        description="Positions of a cross-margined account fall together; off: each is margined alone.",
    )
    adl: bool = Field(
        default=True,
        description="Counterparties bear what no fund takes; off: the fund takes all, and bad debt grows.",
    )
    mark_rule: bool = Field(
        default=True, description="Marks follow the venue's rule; off: the index, whatever the book does."
    )


CHANNELS = tuple(Channels.model_fields)
"""Names of the channels in the order in which a waterfall switches them on."""

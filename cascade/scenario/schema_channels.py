"""The channels through which a fall feeds on itself, or goes over to other assets, and which of them are open."""

from __future__ import annotations

from pydantic import Field

from cascade.scenario.base import Model


class Channels(Model):
    """Channels of amplification and contagion; one that is off leaves all luck, and everything else, as it was."""

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
    common_news: bool = Field(
        default=True, description="Assets share a part of news, lean and activity; off: each has its own."
    )
    collateral: bool = Field(
        default=True, description="Coins that are margin are repriced; off: they count as at the start."
    )
    makers_capital: bool = Field(
        default=True,
        description="Makers of several markets lose together; off: each has a capital of its own.",
    )
    cross_impact: bool = Field(
        default=True,
        description="Orders in an asset move what makers think of others; off: they move their own alone.",
    )
    hedging: bool = Field(
        default=True, description="Makers hedge in one market what they took in another; off: they hold it."
    )
    arbitrage: bool = Field(
        default=True, description="Arbitrageurs tie markets together; off: they do not trade."
    )
    carry: bool = Field(
        default=True, description="Carry traders hold spot against perpetuals; off: they do not trade."
    )
    hunting: bool = Field(
        default=True, description="Hunters push the price into liquidations; off: they do not trade."
    )
    index_composition: bool = Field(
        default=True,
        description="An index is made of several spot books; off: of the one with the largest weight.",
    )


CHANNELS = tuple(Channels.model_fields)
"""Names of the channels in the order in which a waterfall switches them on."""

AMPLIFICATION = (
    "forced_orders",
    "maker_withdrawal",
    "stop_losses",
    "cross_margin",
    "adl",
    "mark_rule",
    "hunting",
)
"""Those through which a fall feeds on itself."""

CONTAGION = (
    "common_news", "cross_margin", "collateral", "makers_capital", "cross_impact", "hedging",
    "arbitrage", "carry", "index_composition",
)  # fmt: skip
"""Those through which it goes over to other assets and markets."""

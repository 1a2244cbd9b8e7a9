"""What a run records, where its figures come from, and what they are compared with."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cascade.scenario.base import Model, Text
from cascade.units import Moment, PositiveDuration


class Window(Model):
    """A part of a run."""

    start: Moment = Field(description="Where it begins.", examples=["2h"])
    end: Moment = Field(description="Where it ends.", examples=["2h20m"])


class Outputs(Model):
    """Tables a run writes."""

    bars: PositiveDuration = Field(
        default=60.0, description="Length of the bars of each market.", examples=["1m"]
    )
    liquidations: bool = Field(default=True, description="One row for each forced order.")
    adl: bool = Field(default=True, description="One row for each auto-deleveraging fill.")
    trades: bool = Field(default=False, description="One row for each fill; large.")
    accounts: bool = Field(default=False, description="All accounts at the start and at the end.")
    book: bool = Field(default=False, description="Every level of the books at each snapshot; large.")
    funds: bool = Field(default=True, description="The insurance funds at each snapshot.")
    snapshots: PositiveDuration = Field(
        default=600.0, description="How often the funds and, if asked for, the book are recorded."
    )
    window: Window | None = Field(
        default=None,
        description="The only part of the run of which trades, the book and accounts are recorded; "
        "accounts then at each snapshot in it.",
        examples=[{"start": "2h", "end": "2h20m"}],
    )
    check_every: PositiveDuration = Field(
        default=43_200.0,
        description="How often conservation is verified, besides at the start and at the end; no table depends on it.",
    )


class Source(Model):
    """Where figures come from."""

    kind: Literal["measured", "fitted", "assumed", "stated"] = Field(
        description="`measured` data, `fitted` to data, `stated` by a venue or author, `assumed` by you."
    )
    source: Text = Field(default="", description="Document, data set or URL.")
    note: Text = Field(default="", description="What the reader should know.")


class Published(Model):
    """A published figure that the report sets beside the simulated one."""

    what: Text = Field(description="Name of the metric.", examples=["public_btc_usd"])
    value: float = Field(description="The figure.", examples=[98e6])
    source: Text = Field(description="Who published it.")


class Reference(Model):
    """A document the scenario rests on."""

    text: Text = Field(description="How to cite it.")
    url: Text = Field(default="", description="Where it is.")

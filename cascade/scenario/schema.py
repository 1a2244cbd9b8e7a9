"""The scenario: everything a run depends on, frozen and in plain units."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from cascade.scenario.base import File, MarketName, Model, Name, Replicates, Seed, Text
from cascade.scenario.patterns import matches
from cascade.scenario.schema_agents import Agent, Flow, NewsTaker, PythonAgent
from cascade.scenario.schema_channels import Channels
from cascade.scenario.schema_formation import Activity
from cascade.scenario.schema_makers import Maker
from cascade.scenario.schema_outputs import Outputs, Published, Reference, Source
from cascade.scenario.schema_population import Layer
from cascade.scenario.schema_prices import Asset
from cascade.scenario.schema_shocks import Shock
from cascade.scenario.schema_ties import Arbitrage
from cascade.scenario.schema_venues import LendingPool, LinearPerpetual, Market, Venue, complete_markets
from cascade.units import Instant, PositiveDuration, format_duration

FORMAT = 1
"""Version of the scenario format that this release reads; `cascade: 1` heads each scenario."""


class Scenario(Model):
    """A stress scenario."""

    cascade: Literal[1] = Field(description="Version of the scenario format.", examples=[FORMAT])
    name: Name = Field(description="Short name, used for the folder of results.", examples=["thin-book"])
    description: Text = Field(default="", description="What it shows; printed in the report.")
    references: tuple[Text | Reference, ...] = Field(default=(), description="Documents it rests on.")
    start: Instant | None = Field(
        default=None, description="Date and time of the start; needed where times are given as dates."
    )
    duration: PositiveDuration = Field(description="How long the run is.", examples=["26h"])
    dt: PositiveDuration = Field(default=1.0, description="Time step.", examples=["1s"])
    seed: Seed = Field(default=1, description="Seed of all random draws.")
    replicates: Replicates = Field(default=1, description="Number of random realisations.")
    parameters: File | None = Field(
        default=None,
        description="Draws of parameters, as `cascade calibrate` writes them: replicate k takes draw k.",
        examples=["draws.parquet"],
    )
    assets: dict[Name, Asset] = Field(description="What is traded.", min_length=1)
    venues: dict[Name, Venue] = Field(description="Where it is traded.", min_length=1)
    markets: Annotated[dict[MarketName, Market], Field(min_length=1), BeforeValidator(complete_markets)] = (
        Field(description="Books, named venue:contract.")
    )
    activity: Activity | None = Field(
        default=None, description="How busy the market is at which time; absent: always the same."
    )
    makers: tuple[Maker, ...] = Field(default=(), description="Those who quote.")
    news_takers: tuple[NewsTaker, ...] = Field(default=(), description="Those who sweep stale quotes.")
    flow: tuple[Flow, ...] = Field(default=(), description="Uninformed orders.")
    arbitrage: tuple[Arbitrage, ...] = Field(default=(), description="Those who tie markets together.")
    agents: tuple[Agent, ...] = Field(default=(), description="Others who trade, and agents of your own.")
    population: tuple[Layer, ...] = Field(default=(), description="Leveraged accounts.")
    shocks: tuple[Shock, ...] = Field(default=(), description="Scheduled events.")
    channels: Channels = Field(default=Channels.model_construct(), description="What may amplify a move.")
    outputs: Outputs = Field(default=Outputs.model_construct(), description="What is recorded.")
    sources: dict[Text, Source] = Field(
        default_factory=dict, description="Where figures come from, by dotted path or pattern."
    )
    published: tuple[Published, ...] = Field(default=(), description="Published figures to compare with.")

    replace: ClassVar[Callable[..., Scenario]]
    """Return a checked copy with some values changed; it is the loader's `replaced`."""

    def __repr__(self) -> str:
        start = "" if self.start is None else f", from {self.start:%Y-%m-%d %H:%M}Z"
        return (
            f"Scenario({self.name!r}, {format_duration(self.duration)}{start}, {len(self.markets)} markets, "
            f"{self.replicates} replicates)"
        )

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """Return a heading and what there is of everything, for notebooks."""
        rows = {
            "assets": ", ".join(self.assets), "markets": ", ".join(self.markets),
            **{
                name: ", ".join(str(item.name) for item in getattr(self, name))
                for name in ("makers", "flow", "agents", "population")
            },
            "shocks": ", ".join(shock.name or shock.type for shock in self.shocks),
        }  # fmt: skip
        items = "".join(
            f"<tr><th style='text-align:left'>{name}</th><td style='text-align:left'>{html.escape(text)}</td></tr>"
            for name, text in rows.items()
            if text
        )
        said = f"{html.escape(self.description)}<br>" if self.description else ""
        return f"<b>{html.escape(repr(self))}</b><br>{said}<table>{items}</table>"

    @property
    def n_steps(self) -> int:
        """Return the number of steps of a run."""
        return math.ceil(self.duration / self.dt - 1e-9)

    def seconds(self, moment: datetime | float) -> float:
        """Return a moment as seconds from the start."""
        if not isinstance(moment, datetime):
            return moment
        if self.start is None:
            raise ValueError("a moment given as a date needs the scenario's `start:`")
        return (moment - self.start).total_seconds()

    @property
    def python_agents(self) -> tuple[PythonAgent, ...]:
        """Return the agents that are written in Python."""
        return tuple(agent for agent in self.agents if isinstance(agent, PythonAgent))

    @property
    def home(self) -> str:
        """Return the venue where an agent in Python lives that names none: the first with a perpetual in USD."""
        perpetuals = (name for name, market in self.markets.items() if isinstance(market, LinearPerpetual))
        return next(perpetuals, next(iter(self.venues))).partition(":")[0]

    @property
    def settlements(self) -> tuple[str, ...]:
        """Return the assets in which markets settle, USD first."""
        return tuple(dict.fromkeys(["USD", *(market.settles for market in self.markets.values())]))

    def select_markets(self, patterns: Iterable[str]) -> tuple[str, ...]:
        """Return the names of the markets with a book that match any of the patterns, in the scenario's order."""
        return tuple(n for n in self._matching(patterns) if not isinstance(self.markets[n], LendingPool))

    def select_pools(self, patterns: Iterable[str]) -> tuple[str, ...]:
        """Return the names of the lending pools that match any of the patterns, in the scenario's order."""
        return tuple(n for n in self._matching(patterns) if isinstance(self.markets[n], LendingPool))

    def _matching(self, patterns: Iterable[str]) -> Iterator[str]:
        wanted = tuple(patterns)
        return (name for name in self.markets if any(matches(name, pattern) for pattern in wanted))

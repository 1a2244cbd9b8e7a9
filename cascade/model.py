"""`CascadeModel`: the market as a Mesa model, one step at a time, with agents written in Python.

Mesa is the face, never the store of traders: the accounts stay in the arrays of the core, and only
agents that users write are Mesa agents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mesa
import numpy as np

from cascade.assembly import assemble
from cascade.core.book import NO_ASK, NO_BID
from cascade.core.exact import INVERSE
from cascade.core.start import Capacity
from cascade.core.state import Array
from cascade.engine import LOGS, Engine
from cascade.scenario.load import load
from cascade.scenario.schema import Scenario

AgentFactory = Callable[["CascadeModel"], mesa.Agent]


class Market:
    """One market as an agent sees it, in prices and units of the asset."""

    def __init__(self, engine: Engine, number: int) -> None:
        self._engine, self.number = engine, number

    def _price(self, tick: int) -> float:
        return float(tick) * float(self._engine.params.markets[self.number].tick_size)

    @property
    def last(self) -> float:
        """Price of the last trade."""
        return self._price(self._engine.state.markets[self.number].last)

    @property
    def mark(self) -> float:
        """Mark price; the mid on a spot market."""
        return self._price(self._engine.state.markets[self.number].mark)

    @property
    def index(self) -> float:
        """Index price."""
        return float(self._engine.state.markets[self.number]["index"])

    @property
    def best_bid(self) -> float | None:
        """Highest bid; None where nobody bids."""
        tick = int(self._engine.state.markets[self.number].best_bid)
        return None if tick == NO_BID else self._price(tick)

    @property
    def best_ask(self) -> float | None:
        """Lowest offer; None where nobody offers."""
        tick = int(self._engine.state.markets[self.number].best_ask)
        return None if tick == NO_ASK else self._price(tick)

    @property
    def open_interest_usd(self) -> float:
        """Open interest at mark."""
        lots = float(self._engine.state.markets[self.number].open_interest)
        fixed = self._engine.params.markets[self.number]
        return lots * float(fixed.lot_size) * (1.0 if fixed.contract == INVERSE else self.mark)


class CascadeModel(mesa.Model):
    """A scenario as a Mesa model.

    Parameters
    ----------
    scenario
        A file, or a scenario that is loaded already.
    agents
        Makers of agents: each is called with the model and returns a `Trader`. Each gets a
        cross-margined account of its own.
    replicate
        Which random realisation. The luck of the market is that of `cascade run`, with any agents.
    capacity
        First lengths of the core's buffers.

    Attributes
    ----------
    markets
        The markets by name, as agents see them.
    datacollector
        Market figures after every `collect_every` steps.
    """

    def __init__(
        self, scenario: str | Path | Scenario, agents: Sequence[AgentFactory] = (), *, replicate: int = 0,
        collect_every: int = 60, capacity: Capacity | None = None,
    ) -> None:  # fmt: skip
        super().__init__(seed=replicate)
        self.scenario = scenario if isinstance(scenario, Scenario) else load(scenario)
        assembled = assemble(self.scenario, replicate, n_agents=len(agents), capacity=capacity)
        self.logs = Logs()
        self.engine = Engine(assembled, self.logs, self._act)
        self.collect_every = collect_every
        first = int(assembled.params.run[0].first_agent)
        self._free_accounts = list(range(first, first + len(agents)))[::-1]
        self.markets = {name: Market(self.engine, m) for m, name in enumerate(self.scenario.markets)}
        self.datacollector = mesa.DataCollector(
            model_reporters={
                f"{name} {figure}": _reporter(market, figure)
                for name, market in self.markets.items()
                for figure in ("last", "mark", "index", "open_interest_usd")
            }
        )
        for make in agents:
            make(self)

    def claim_account(self) -> int:
        """Return the account kept for the next agent.

        Raises
        ------
        ValueError
            If there are more agents than makers of agents were given.
        """
        if not self._free_accounts:
            msg = "no account is left for this agent: pass one maker of agents for each to CascadeModel"
            raise ValueError(msg)
        return self._free_accounts.pop()

    def step(self) -> None:
        """Run one step of the market; after the last, `running` is false and nothing happens."""
        if self.engine.step >= self.engine.n_steps:
            return
        self.engine.advance(self.engine.step + 1)
        if self.engine.step % self.collect_every == 0:
            self.datacollector.collect(self)
        if self.engine.step >= self.engine.n_steps:
            self.engine.drain()
            self.running = False

    def _act(self, engine: Engine) -> None:
        """Let the agents act, in the order they were made, so that a run repeats itself."""
        self.agents.do("step")


class Logs:
    """Keeps what the kernels wrote, by table."""

    def __init__(self) -> None:
        self.tables: dict[str, list[Array]] = {}

    def take(self, table: str, records: Array) -> None:
        """Keep records."""
        self.tables.setdefault(table, []).append(records)

    def chunk(self, engine: Engine) -> None:
        """Do nothing between chunks."""

    def __getitem__(self, table: str) -> Array:
        """Return all records of a log, none where nothing was written to it."""
        records = self.tables.get(table)
        return np.concatenate(records) if records else np.zeros(0, LOGS[table])


def _reporter(market: Market, figure: str) -> Callable[[Any], float]:
    return lambda _model: getattr(market, figure)

"""`CascadeModel`: the market as a Mesa model, one step at a time, with agents written in Python.

Mesa is the face, never the store of traders: the accounts stay in the arrays of the core, and only
agents that users write are Mesa agents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import mesa
import numpy as np

from cascade.admission import admit, makers_of
from cascade.assembly import assemble
from cascade.core.start import Capacity
from cascade.core.state import Array
from cascade.engine import LOGS, Engine
from cascade.errors import ResultsError
from cascade.experiment.in_memory import result_of
from cascade.floor import AgentFactory, Floor, Market, forget
from cascade.output.reader import Result
from cascade.scenario.load import load
from cascade.scenario.schema import Scenario

FIGURES = ("last", "mark", "index", "open_interest_usd")
"""What is collected of each market."""


class CascadeModel(Floor):
    """A scenario as a Mesa model.

    Parameters
    ----------
    scenario
        A file, or a scenario that is loaded already. Agents that it names act first.
    agents
        Makers of further agents: each is called with the model and returns a `Trader`. Each gets a
        cross-margined account of its own.
    replicate
        Which random realisation. The luck of the market is that of `cascade run`, with any agents.
    collect_every
        Steps between two collections of figures; Mesa's `batch_run` needs every step.
    capacity
        First lengths of the core's buffers.
    model_reporters, agent_reporters
        What else Mesa's data collector collects, as it takes them.
    allow_code
        Whether agents that the scenario names may run: it is code of its author.

    Attributes
    ----------
    markets
        The markets by name, as agents see them.
    datacollector
        Figures at the start, and after every `collect_every` steps.
    logs
        What the kernels wrote, by table.

    Raises
    ------
    ScenarioError
        If the scenario is not valid, or names code that may not run.
    """

    def __init__(
        self, scenario: str | Path | Scenario, agents: Sequence[AgentFactory] = (), *, replicate: int = 0,
        collect_every: int = 1, capacity: Capacity | None = None,
        model_reporters: Mapping[str, Any] | None = None, agent_reporters: Mapping[str, Any] | None = None,
        allow_code: bool = False,
    ) -> None:  # fmt: skip
        asked = scenario if isinstance(scenario, Scenario) else load(scenario)
        admit([asked], scenario, allowed=allow_code)
        assembled = assemble(asked, replicate, n_agents=len(agents), capacity=capacity)
        self.logs = Logs()
        super().__init__(asked, replicate, assembled, self.logs, [*makers_of(asked), *agents])
        self.owners, self.caps, self.tied = assembled.owners, assembled.caps, assembled.tied
        self.collect_every = collect_every
        figures = {
            f"{name} {figure}": _reporter(market, figure)
            for name, market in self.markets.items()
            for figure in FIGURES
        }
        self.datacollector = mesa.DataCollector(
            model_reporters={**figures, **(model_reporters or {})},
            agent_reporters=dict(agent_reporters or {}) or None,
        )
        self.datacollector.collect(self)

    def step(self) -> None:
        """Run one step of the market; after the last, `running` is false and nothing happens."""
        if self.engine.step >= self.engine.n_steps:
            return
        self.engine.advance(self.engine.step + 1)
        if self.engine.step % self.collect_every == 0:
            self.datacollector.collect(self)
        if self.engine.step >= self.engine.n_steps:
            self.engine.check()
            self.engine.drain()
            self.running = False
            forget(self)

    def result(self) -> Result:
        """Return the run as a result in memory, as `compare` and `summarise` take it, once it has ended.

        Raises
        ------
        ResultsError
            If it has not ended.
        """
        if self.running:
            raise ResultsError(
                f"the model stands at step {self.engine.step:,} of {self.engine.n_steps:,}",
                remedy="run it to its end first: model.run_model()",
                code="CAS602",
            )
        return result_of(
            self.scenario, self.replicate, self.engine, self.logs.tables, self.owners, self.caps, self.tied
        )


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

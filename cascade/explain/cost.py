"""What a run will cost: memory from the state itself, time from measured costs of a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cascade.assembly import Assembled
from cascade.core.params import Params
from cascade.core.state import State
from cascade.experiment.request import runs_of
from cascade.explain.pace import UNKNOWN, Pace, pace_of
from cascade.names import Agent, number_of
from cascade.scenario.schema import Scenario

STEP_US, QUOTE_US, RENEWED_US, ORDER_US, TRADER_US = 0.8, 0.026, 0.035, 0.18, 1.0
"""Microseconds of a step in itself, of a quote looked at, on top of one that is moved or refilled at each look (where
orders and lean move the price), of an order, and of a trader's decision.

Measured on one core of about 3 GHz, see the page `performance`; another machine differs by a factor.
"""

COMPILE_S = 60.0
"""Seconds of the first run of an installation, which compiles the market, where it has never compiled before."""

REPLICATE_S = 0.12
"""Seconds of a replicate besides its steps: its population is drawn, its tables and metrics are made."""

_PARTS = {
    "books and triggers": ("levels", "bits", "trigger_heads", "orders", "quotes"),
    "accounts": ("accounts", "positions", "balances", "traders"),
    "calendars": ("calendars",),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """Memory of one replicate at the start, and an estimate of its time."""

    memory_bytes: dict[str, int]
    steps: int
    quotes_per_step: float
    renewed_per_step: float
    orders_per_step: float
    decisions_per_step: float
    compile_s: float
    replicates: int
    counterfactual_runs: int
    """How often a replicate is run under `--counterfactual`."""
    pace: Pace = UNKNOWN
    """How this machine compares with the one that was measured."""

    @property
    def total_bytes(self) -> int:
        """Return the bytes of a replicate."""
        return sum(self.memory_bytes.values())

    @property
    def us_per_step(self) -> float:
        """Return the estimated time of a step."""
        quotes = QUOTE_US * self.quotes_per_step + RENEWED_US * self.renewed_per_step
        agents = quotes + ORDER_US * self.orders_per_step
        return STEP_US + agents + TRADER_US * self.decisions_per_step

    @property
    def seconds(self) -> float:
        """Return the estimated time of one replicate on this machine, compilation not included."""
        return self.measured_s(1) * self.pace.factor

    def measured_s(self, runs: float) -> float:
        """Return what a replicate that is run so often would take on the machine that was measured."""
        return self.us_per_step * self.steps * 1e-6 * runs + REPLICATE_S

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return {
            "memory_bytes": self.memory_bytes,
            "total_bytes": self.total_bytes,
            "is_estimate": True,
            "us_per_step": self.us_per_step,
            "seconds_per_replicate": self.seconds,
            "pace": self.pace.factor,
            "pace_known": self.pace.known,
            "replicates": self.replicates,
            "counterfactual_runs": self.counterfactual_runs,
            "compile_s": self.compile_s,
            "quotes_per_step": self.quotes_per_step,
            "renewed_per_step": self.renewed_per_step,
            "orders_per_step": self.orders_per_step,
            "decisions_per_step": self.decisions_per_step,
        }


def cost_of(scenario: Scenario, drawn: Assembled) -> Cost:
    """Return what a run of the scenario will take."""
    p, state = drawn.params, drawn.state
    steps = int(p.run[0].n_steps)
    arbitrage, carry, takers, hunters = (
        p.agents.rate[p.agents.kind == number_of(Agent, kind)].sum()
        for kind in ("arbitrage", "carry", "news_taker", "hunter")
    )
    quotes = 2.0 * p.makers.act * p.makers.n_levels
    moved = (p.impacts.kick > 0)[p.markets.asset[state.positions.market[p.makers.position]]]
    ends = state.traders.life_ends
    return Cost(
        memory_bytes=memory_of(state),
        steps=steps,
        quotes_per_step=float(quotes.sum()),
        renewed_per_step=float(quotes[moved].sum()),
        orders_per_step=float(
            p.flows.market_rate.sum()
            + p.flows.limit_rate.sum()
            + p.splitters.rate.sum()
            + takers
            + 2.0 * (arbitrage + carry + hunters)
            + _hedges(p)
        ),
        decisions_per_step=2.0 * float((ends < steps).sum()) / steps,
        compile_s=_compile_s(),
        replicates=scenario.replicates,
        counterfactual_runs=runs_of(scenario, counterfactual=True),
        pace=pace_of(scenario.name),
    )


def _hedges(p: Params) -> float:
    """Return the hedges of all desks in a step, at most: one after each delay, and after it has rested."""
    hedgers = p.agents[(p.agents.kind == number_of(Agent, "hedger")) & (p.agents.rate > 0)]
    rules = p.ties[hedgers.own]
    return float((1.0 / (1.0 + rules.delay + rules.patience)).sum())


def _compile_s() -> float:
    """Return the seconds that compiling will take, as this machine has shown if it has."""
    from cascade.compiler.cache import cache_directory, is_compiled
    from cascade.compiler.waiting import seconds_left

    if is_compiled():
        return 0.0
    directory = cache_directory()
    return (None if directory is None else seconds_left(directory)) or COMPILE_S


def memory_of(state: State) -> dict[str, int]:
    """Return the bytes of a state by part; buffers that are drained or grow on demand are `buffers`."""
    sizes = {name: int(array.nbytes) for name, array in state._asdict().items()}
    found = {part: sum(sizes.pop(name) for name in names) for part, names in _PARTS.items()}
    return {**found, "buffers": sum(sizes.values())}

"""How long the branches of a running market will take, by the steps they have and what a step has cost here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cascade.assembly import assemble
from cascade.experiment.contagion import Prepared
from cascade.explain.cost import REPLICATE_S, cost_of
from cascade.explain.pace import Pace, pace_of
from cascade.units import format_duration

CLONE_S = 0.02
"""Seconds of a branch besides its steps: the market is copied, and its invariants are verified at the end."""


@dataclass(frozen=True, slots=True)
class BranchesCost:
    """An estimate of what it takes to branch a market."""

    name: str
    """Under which this machine remembers how long it took."""
    branches: int
    whole_runs: int
    steps: int
    measured_s: float
    """On the machine that was measured, all jobs busy."""
    compile_s: float
    pace: Pace

    @property
    def seconds(self) -> float:
        """Return the time of this machine."""
        return self.measured_s * self.pace.factor + self.compile_s

    @property
    def text(self) -> str:
        """Return it as a line."""
        how_long = format_duration(max(round(self.seconds), 1))
        runs = f", {self.whole_runs:,} whole runs" if self.whole_runs else ""
        return f"{self.branches:,} branches{runs}, {self.steps:,} steps: about {how_long} ({self.pace.text})"

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return {
            "branches": self.branches, "whole_runs": self.whole_runs, "steps": self.steps, "is_estimate": True,
            "seconds": self.seconds, "compile_s": self.compile_s, "pace": self.pace.factor,
            "pace_known": self.pace.known,
        }  # fmt: skip


def branches_cost(prepared: Prepared, jobs: int) -> BranchesCost:
    """Return what the matrix of contagion will take with so many jobs."""
    scenario = prepared.scenario
    cost, runs = cost_of(scenario, assemble(scenario)), prepared.n * len(prepared.scenarios)
    branches = runs * 2 * (1 + len(prepared.names)) * len(prepared.question.at_s)
    whole_runs = 0 if prepared.check is None else prepared.check.n_runs
    begun = runs + whole_runs
    seconds = prepared.n_steps * cost.us_per_step * 1e-6 + branches * CLONE_S + begun * REPLICATE_S
    name = f"{scenario.name}, branched"
    return BranchesCost(
        name,
        branches,
        whole_runs,
        prepared.n_steps,
        seconds / min(jobs, begun),
        cost.compile_s,
        pace_of(name),
    )

"""What a sweep will take: memory, time and disk, estimated from a few of its variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cascade.assembly import assemble
from cascade.experiment.workers import cores
from cascade.explain.cost import cost_of
from cascade.units import format_duration

if TYPE_CHECKING:
    from cascade.experiment.sweep import Prepared
    from cascade.scenario.schema import Scenario

LOOKED_AT: Final = 5
"""Variants that are drawn for the estimate, spread over all."""

BAR_BYTES, SNAPSHOT_BYTES, REPLICATE_BYTES = 95.0, 70.0, 6_000.0
"""Bytes on disk of a bar, of a snapshot of the funds, and of a replicate in itself; measured, compressed."""

REPLICATE_S = 0.12
"""Seconds of a replicate besides its steps: its population is drawn, its tables and metrics are made."""


@dataclass(frozen=True, slots=True)
class SweepCost:
    """An estimate of what a sweep takes."""

    variants: int
    replicates: int
    jobs: int
    memory_bytes: float
    seconds: float
    """Of this machine, all jobs busy."""
    disk_bytes: float
    """Of bars and snapshots; liquidations, trades and the book come on top."""

    @property
    def runs(self) -> int:
        """Return the replicates of all variants."""
        return self.variants * self.replicates

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return {
            "is_estimate": True, "variants": self.variants, "replicates": self.replicates,
            "runs": self.runs, "jobs": self.jobs, "memory_bytes": self.memory_bytes, "seconds": self.seconds,
            "disk_bytes": self.disk_bytes,
        }  # fmt: skip

    def to_text(self) -> str:
        """Return the estimate as lines for people."""
        return "\n".join(
            [
                f"{self.variants:,} variants x {self.replicates:,} replicates = {self.runs:,} runs",
                f"time    about {format_duration(max(round(self.seconds), 1))} with {self.jobs} at a time, "
                "estimated: another machine differs by a factor",
                f"memory  about {self.memory_bytes / 1e6:,.0f} MB",
                f"disk    about {self.disk_bytes / 1e6:,.0f} MB, and what liquidations and large tables need",
            ]
        )


def cost_of_sweep(prepared: Prepared, jobs: int | None = None) -> SweepCost:
    """Return an estimate of what a sweep takes."""
    scenarios = [variant.scenario for variant in prepared.variants]
    looked_at = _spread(scenarios)
    costs = [cost_of(scenario, assemble(scenario)) for scenario in looked_at]
    per_run = sum(cost.seconds for cost in costs) / len(costs)
    twice = 1 + prepared.request.counterfactual
    n = min(jobs or cores(), prepared.n_runs)
    return SweepCost(
        variants=len(scenarios),
        replicates=len(prepared.request.replicates),
        jobs=n,
        memory_bytes=150e6 + n * twice * max(cost.total_bytes for cost in costs),
        seconds=prepared.n_runs * (per_run * twice + REPLICATE_S) / n,
        disk_bytes=prepared.n_runs * sum(map(_disk, looked_at)) / len(looked_at),
    )


def _spread(scenarios: Sequence[Scenario]) -> list[Scenario]:
    """Return a few scenarios, the first and the last among them."""
    n = min(len(scenarios), LOOKED_AT)
    return [scenarios[round(k * (len(scenarios) - 1) / max(n - 1, 1))] for k in range(n)]


def _disk(scenario: Scenario) -> float:
    asked = scenario.outputs
    bars = len(scenario.markets) * scenario.duration / asked.bars
    return REPLICATE_BYTES + BAR_BYTES * bars + SNAPSHOT_BYTES * scenario.duration / asked.snapshots

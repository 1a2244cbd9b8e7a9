"""What a sweep will take: memory, time and disk, estimated from a few of its variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cascade.assembly import assemble
from cascade.experiment.recorder import tables_of
from cascade.experiment.request import runs_of
from cascade.experiment.workers import AHEAD, cores
from cascade.explain.cost import cost_of
from cascade.output.shards import LARGE, SIZE, shards_of
from cascade.units import format_duration

if TYPE_CHECKING:
    from cascade.experiment.sweep import Prepared
    from cascade.scenario.schema import Scenario

LOOKED_AT: Final = 5
"""Variants that are drawn for the estimate, spread over all."""

REPLICATE_S = 0.12
"""Seconds of a replicate besides its steps: its population is drawn, its tables and metrics are made."""


class Bytes(NamedTuple):
    """Measured bytes of a replicate in itself, and of rows of its tables."""

    replicate: float
    bar: float
    snapshot: float
    liquidation: float

    def of(self, scenario: Scenario, n_liquidations: float) -> float:
        """Return the bytes of a replicate."""
        asked = scenario.outputs
        bars = len(scenario.markets) * scenario.duration / asked.bars
        snapshots = asked.funds * scenario.duration / asked.snapshots
        liquidations = asked.liquidations * n_liquidations
        return self.replicate + self.bar * bars + self.snapshot * snapshots + self.liquidation * liquidations


ON_DISK: Final = Bytes(6_000.0, 95.0, 70.0, 60.0)
"""Compressed, in a block of replicates."""

WAITING: Final = Bytes(26_000.0, 280.0, 600.0, 280.0)
"""Plain, as a replicate waits for its block to be whole."""


@dataclass(frozen=True, slots=True)
class SweepCost:
    """An estimate of what a sweep takes."""

    variants: int
    replicates: int
    jobs: int
    memory_bytes: float
    seconds: float
    """Of this machine, all jobs busy."""
    positions: int
    """Held at the start of a replicate, at most."""
    least_disk_bytes: float
    """Of bars and funds, where nobody is liquidated."""
    disk_bytes: float
    """Where every position is liquidated once."""
    waiting_bytes: float
    """Of replicates that wait for their block, then, on top while the sweep runs."""
    large: tuple[str, ...]
    """Tables that are recorded and not counted."""

    @property
    def runs(self) -> int:
        """Return the replicates of all variants."""
        return self.variants * self.replicates

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return {
            "is_estimate": True, "variants": self.variants, "replicates": self.replicates,
            "runs": self.runs, "jobs": self.jobs, "memory_bytes": self.memory_bytes, "seconds": self.seconds,
            "positions": self.positions, "least_disk_bytes": self.least_disk_bytes, "disk_bytes": self.disk_bytes,
            "waiting_bytes": self.waiting_bytes, "not_counted": list(self.large),
        }  # fmt: skip

    def to_text(self) -> str:
        """Return the estimate as lines for people."""
        return "\n".join(
            [
                f"{self.variants:,} variants x {self.replicates:,} replicates = {self.runs:,} runs",
                f"time    about {format_duration(max(round(self.seconds), 1))} with {self.jobs} at a time, "
                "estimated: another machine differs by a factor",
                f"memory  about {self.memory_bytes / 1e6:,.0f} MB",
                f"disk    {_megabytes(self.least_disk_bytes)} if nobody is liquidated, {_megabytes(self.disk_bytes)} if "
                f"each of {self.positions:,} positions is once; meanwhile up to {_megabytes(self.waiting_bytes)} more",
                *([f"        not counted: {', '.join(self.large)}"] if self.large else []),
            ]
        )


def _megabytes(n: float) -> str:
    """Return bytes to two figures: more would be pretence."""
    return f"{float(f'{n / 1e6:.2g}'):,g} MB"


def cost_of_sweep(prepared: Prepared, jobs: int | None = None) -> SweepCost:
    """Return an estimate of what a sweep takes."""
    scenarios = [variant.scenario for variant in prepared.variants]
    looked_at = _spread(scenarios)
    drawn = [assemble(scenario) for scenario in looked_at]
    costs = [cost_of(*each) for each in zip(looked_at, drawn, strict=True)]
    held = [int((each.state.positions["lots"] != 0).sum()) for each in drawn]
    tables = {name for scenario in looked_at for name in tables_of(scenario)}
    per_run = sum(cost.seconds for cost in costs) / len(costs)
    twins = prepared.request.counterfactual
    runs = [runs_of(scenario, counterfactual=twins) for scenario in scenarios]
    n = min(jobs or cores(), prepared.n_runs)
    return SweepCost(
        variants=len(scenarios),
        replicates=len(prepared.request.replicates),
        jobs=n,
        memory_bytes=150e6 + n * (1 + twins) * max(cost.total_bytes for cost in costs),
        seconds=prepared.n_runs * (per_run * fmean(runs) + REPLICATE_S) / n,
        positions=max(held),
        least_disk_bytes=prepared.n_runs * fmean(ON_DISK.of(each, 0) for each in looked_at),
        disk_bytes=prepared.n_runs * fmean(map(ON_DISK.of, looked_at, held)),
        waiting_bytes=_n_waiting(prepared, n, tables) * max(map(WAITING.of, looked_at, held)),
        large=tuple(sorted(LARGE & tables)),
    )


def _spread(scenarios: Sequence[Scenario]) -> list[Scenario]:
    """Return a few scenarios, the first and the last among them."""
    n = min(len(scenarios), LOOKED_AT)
    return [scenarios[round(k * (len(scenarios) - 1) / max(n - 1, 1))] for k in range(n)]


def _n_waiting(prepared: Prepared, jobs: int, tables: set[str]) -> int:
    """Return how many replicates wait for their block at a time: those of one, and what is handed out beyond it."""
    return min(prepared.n_runs, len(shards_of(range(SIZE), tables)[0].replicates) + AHEAD * jobs)

"""What a sweep will take: memory, time and disk, estimated from a few of its variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cascade.analysis.formats import format_bytes
from cascade.assembly import assemble
from cascade.experiment.recorder import tables_of
from cascade.experiment.request import runs_of
from cascade.experiment.workers import AHEAD
from cascade.explain.cost import cost_of
from cascade.explain.pace import Pace
from cascade.installation import cores
from cascade.output.shards import LARGE, SIZE, shards_of
from cascade.units import format_duration

if TYPE_CHECKING:
    from cascade.experiment.search import Search
    from cascade.experiment.sweep import Prepared
    from cascade.scenario.schema import Scenario

LOOKED_AT: Final = 5
"""Variants that are drawn for the estimate, spread over all."""


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
    replicate_s: float
    """Of a replicate, counterfactuals included, on the machine that was measured."""
    pace: Pace
    """How this machine compares with it."""
    compile_s: float
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
    def seconds(self) -> float:
        """Return the time of this machine, all jobs busy."""
        return self.runs * self.replicate_s * self.pace.factor / self.jobs + self.compile_s

    @property
    def runs(self) -> int:
        """Return the replicates of all variants."""
        return self.variants * self.replicates

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return {
            "is_estimate": True, "variants": self.variants, "replicates": self.replicates,
            "runs": self.runs, "jobs": self.jobs, "memory_bytes": self.memory_bytes, "seconds": self.seconds,
            "pace": self.pace.factor, "pace_known": self.pace.known, "compile_s": self.compile_s,
            "positions": self.positions, "least_disk_bytes": self.least_disk_bytes, "disk_bytes": self.disk_bytes,
            "waiting_bytes": self.waiting_bytes, "not_counted": list(self.large),
        }  # fmt: skip

    def time_text(self) -> str:
        """Return how long it takes, and what says so."""
        first = (
            f", of which compiling takes {format_duration(round(self.compile_s))}" if self.compile_s else ""
        )
        lasts = format_duration(max(round(self.seconds), 1))
        return f"about {lasts} with {self.jobs} at a time{first}, {self.pace.text}"

    def to_text(self) -> str:
        """Return the estimate as lines for people."""
        least, most, waiting = map(format_bytes, (self.least_disk_bytes, self.disk_bytes, self.waiting_bytes))
        return "\n".join(
            [
                f"{self.variants:,} variants x {self.replicates:,} replicates = {self.runs:,} runs",
                f"time    {self.time_text()}",
                f"memory  about {format_bytes(self.memory_bytes)}",
                f"disk    {least} if nobody is liquidated, {most} if each of {self.positions:,} positions is once; "
                f"meanwhile up to {waiting} more",
                *([f"        not counted: {', '.join(self.large)}"] if self.large else []),
            ]
        )


def cost_of_sweep(
    prepared: Prepared, jobs: int | None = None, *, looked_at: int = LOOKED_AT, n_variants: int | None = None
) -> SweepCost:
    """Return an estimate of what a sweep takes.

    Parameters
    ----------
    looked_at
        Variants that are drawn for it.
    n_variants
        How many there will be, where a search adds more.
    """
    every = [variant.scenario for variant in prepared.variants]
    scenarios = _spread(every, looked_at)
    drawn = [assemble(scenario) for scenario in scenarios]
    costs = [cost_of(*each) for each in zip(scenarios, drawn, strict=True)]
    held = [int((each.state.positions["lots"] != 0).sum()) for each in drawn]
    tables = {name for scenario in scenarios for name in tables_of(scenario)}
    twins = prepared.request.counterfactual
    runs = fmean(runs_of(scenario, counterfactual=twins) for scenario in every)
    n_replicates = len(prepared.request.replicates)
    n_runs = (n_variants or len(every)) * n_replicates
    n = min(jobs or cores(), n_runs)
    return SweepCost(
        variants=n_variants or len(every),
        replicates=n_replicates,
        jobs=n,
        memory_bytes=150e6 + n * (1 + twins) * max(cost.total_bytes for cost in costs),
        replicate_s=fmean(cost.measured_s(runs) for cost in costs),
        pace=costs[0].pace,
        compile_s=costs[0].compile_s,
        positions=max(held),
        least_disk_bytes=n_runs * fmean(ON_DISK.of(each, 0) for each in scenarios),
        disk_bytes=n_runs * fmean(map(ON_DISK.of, scenarios, held)),
        waiting_bytes=_n_waiting(n_runs, n, tables) * max(map(WAITING.of, scenarios, held)),
        large=tuple(sorted(LARGE & tables)),
    )


def cost_of_search(search: Search, jobs: int | None = None) -> SweepCost:
    """Return an estimate of what a search takes, of which some values follow from others."""
    return cost_of_sweep(search.prepared(), jobs, looked_at=1, n_variants=search.n_expected)


def _spread(scenarios: Sequence[Scenario], most: int) -> list[Scenario]:
    """Return a few scenarios, the first and the last among them."""
    n = min(len(scenarios), most)
    return [scenarios[round(k * (len(scenarios) - 1) / max(n - 1, 1))] for k in range(n)]


def _n_waiting(n_runs: int, jobs: int, tables: set[str]) -> int:
    """Return how many replicates wait for their block at a time: those of one, and what is handed out beyond it."""
    return min(n_runs, len(shards_of(range(SIZE), tables)[0].replicates) + AHEAD * jobs)

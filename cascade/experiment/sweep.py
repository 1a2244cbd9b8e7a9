"""`sweep`: many variants of a scenario under the same luck, on one pool, into one folder."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cascade import provenance
from cascade.acting import admit_code
from cascade.analysis import metrics
from cascade.errors import InterruptedRunError, Problem
from cascade.experiment.design import Variant, variants_of
from cascade.experiment.execute import Ongoing, begin, execute
from cascade.experiment.parameters import Parameter, parameters_of
from cascade.experiment.recorder import units_of
from cascade.experiment.replicate import Progress
from cascade.experiment.request import Origin, Request, first_replicates, runs_of
from cascade.experiment.run import (
    Say,
    done_already,
    failed,
    failures_of,
    is_settled,
    session_notes,
    start_of,
    stopped,
    unsaid,
)
from cascade.experiment.workers import workers_for
from cascade.output import log
from cascade.output import manifest as manifests
from cascade.output.checksums import crc_of
from cascade.output.claim import claim, release
from cascade.output.parquet import write_parquet
from cascade.output.reader import read as read_run
from cascade.output.refusals import writing
from cascade.output.schemas import RUNS, SINGLE_FILES, Column
from cascade.output.shards import single_file
from cascade.output.software import refuse_other_software
from cascade.output.sweep import RESOLVED, SWEEP, VARIANTS, Sweep, manifest_of, read_sweep
from cascade.output.sweep_tables import joined
from cascade.output.writer import (
    Start,
    faults,
    foreign,
    holds_request,
    is_complete,
    is_written_again,
    run_folder,
)
from cascade.scenario.files import Allowed
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_sweep import Design
from cascade.scenario.sweep_file import Plan, read_plan
from cascade.scenario.written import yaml_of

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Prepared:
    """A sweep whose scenarios are valid, ready to run."""

    plan: Plan
    name: str
    variants: tuple[Variant, ...]
    parameters: tuple[Parameter, ...]
    request: Request
    warnings: tuple[Problem, ...]
    search: Mapping[str, Any] | None = None
    """What chooses its variants one after the other, where they follow from results; it names the folder then."""

    @property
    def n_runs(self) -> int:
        """Return the replicates of all variants."""
        return len(self.variants) * len(self.request.replicates)

    @property
    def n_steps(self) -> int:
        """Return the steps of all runs."""
        twins = self.request.counterfactual
        each = [v.scenario.n_steps * runs_of(v.scenario, counterfactual=twins) for v in self.variants]
        return sum(each) * len(self.request.replicates)

    @property
    def digest(self) -> str:
        """Return the eight digits that name the folder."""
        if self.search is not None:
            return provenance.request_digest(self.name, **self.search)
        members = [(each.name, self.request.digest(each.scenario)) for each in self.variants]
        return provenance.request_digest(self.name, members=members)


def prepare(
    scenario: str | Path | Scenario,
    options: Sequence[str] = (),
    *,
    design: Design | None = None,
    points: int | None = None,
    seed: int | None = None,
    replicates: int | None = None,
    counterfactual: bool = False,
    allow: Allowed = (),
    allow_code: bool = False,
) -> Prepared:
    """Return a sweep with all its variants, loaded and checked; parameters are those of `sweep`."""
    plan = read_plan(scenario if isinstance(scenario, Scenario) else Path(scenario), options, allow=allow)
    plan = replace(plan, design=design or plan.design, points=points if points is not None else plan.points)
    variants, warnings = variants_of(plan, seed=seed)
    source = plan.scenarios[0].scenario if len(plan.scenarios) == 1 else variants[0].scenario
    admit_code([each.scenario for each in variants], source, allowed=allow_code)
    asked = replicates or plan.replicates or max(each.scenario.replicates for each in variants)
    request = Request(first_replicates(asked), counterfactual or plan.counterfactual)
    name = plan.name or variants[0].scenario.name
    return Prepared(plan, name, variants, varied(plan, variants, request), request, warnings)


def varied(plan: Plan, variants: Sequence[Variant], request: Request) -> tuple[Parameter, ...]:
    """Return what varies, under names that no column of `runs` has."""
    taken = {"variant", "scenario", "replicate", *(column.name for column in RUNS.columns)}
    for variant in variants:
        units = units_of(variant.scenario)
        taken |= {c.name for c in metrics.metric_columns(units, counterfactual=request.counterfactual)}
    return parameters_of(plan, variants, sorted(taken))


def sweep(
    scenario: str | Path | Scenario,
    options: Sequence[str] = (),
    *,
    design: Design | None = None,
    points: int | None = None,
    seed: int | None = None,
    replicates: int | None = None,
    counterfactual: bool = False,
    allow: Allowed = (),
    allow_code: bool = False,
    out: str | Path = "results",
    jobs: int | None = None,
    processes: bool = False,
    cluster: str | None = None,
    force: bool = False,
    retry_failed: bool = False,
    fail_fast: bool = False,
    progress: Progress | None = None,
    say: Say | None = None,
) -> Sweep:
    """Run variants of a scenario under the same luck; go on where an earlier session of the same sweep stopped.

    Parameters
    ----------
    scenario
        A sweep file, a scenario file, or a scenario that is loaded already.
    options
        ``"path=value,value"`` for what varies, ``"path=value"`` for what all variants share, in the
        units of the scenario; added to what a sweep file says.
    design
        Every combination of values (``grid``), or points of a Latin hypercube (``lhs``) or a Sobol sequence
        (``sobol``), which also take ranges: ``"path={low: 0.1x, high: 2x, scale: log}"``.
    points
        Number of these points.
    replicates
        Of each variant; replicate k has the same luck in all.

    Other parameters are those of `run`. The sweep goes to ``<out>/<name>-<hash8>``.

    Raises
    ------
    ScenarioError
        With the problems of all variants, located in the sweep file or the option.
    ReplicatesError, InterruptedRunError, ResultsError
    """
    prepared = prepare(
        scenario, options, design=design, points=points, seed=seed, replicates=replicates,
        counterfactual=counterfactual, allow=allow, allow_code=allow_code,
    )  # fmt: skip
    return run_prepared(
        prepared, out=out, jobs=jobs, processes=processes, cluster=cluster, fail_fast=fail_fast,
        start=start_of(force=force, retry_failed=retry_failed), progress=progress, say=say,
    )  # fmt: skip


def run_prepared(
    prepared: Prepared, *, out: str | Path, jobs: int | None, processes: bool, cluster: str | None,
    start: Start, fail_fast: bool, progress: Progress | None, say: Say | None,
) -> Sweep:  # fmt: skip
    """Run a sweep that has been prepared; parameters are those of `sweep`."""
    folder = run_folder(Path(out), prepared.name, prepared.digest)
    say = say or unsaid
    is_there = is_complete(folder) and start != "force"
    if is_there:
        refuse_other_software(folder)
        if not holds_request(folder, prepared.digest):
            raise foreign(folder)
    unsettled = [each for each in prepared.variants if not _is_settled(prepared, each, folder, start)]
    found = list(faults(folder)) if is_there else []
    if is_there and not unsettled and not found:
        say(done_already(folder))
        return _checked(folder)
    begun = _Clock()
    with _folder_of(prepared, folder, start) as runs_folder, contextlib.ExitStack() as stack:
        ongoing = [_begin(each, prepared, runs_folder / each.name, start) for each in unsettled]
        for run in ongoing:
            stack.enter_context(run.writer)
        for sentence in _notes(prepared, ongoing, [is_written_again(*each) for each in found]):
            say(sentence)
        n_tasks = sum(len(run.writer.pending) for run in ongoing)
        workers = workers_for(n_tasks, jobs=jobs, processes=processes, cluster=cluster, progress=progress)
        try:
            execute(ongoing, workers, progress=progress, fail_fast=fail_fast)
        except InterruptedRunError as error:
            raise _interrupted(prepared, ongoing, folder) from error
        if not all(is_complete(runs_folder / each.name) for each in prepared.variants):
            failures = [each for run in ongoing for each in run.failures]
            raise stopped(failures, folder, n_left=sum(len(run.writer.pending) for run in ongoing))
        _complete(prepared, folder, begun)
    return _checked(folder)


def _is_settled(prepared: Prepared, variant: Variant, folder: Path, start: Start) -> bool:
    """Tell whether the run of a variant is there, as far as it is asked for."""
    if start == "force":
        return False
    digest = prepared.request.digest(variant.scenario)
    return is_settled(folder / VARIANTS / variant.name, digest, retry_failed=start == "retry")


class _Clock:
    def __init__(self) -> None:
        self.started, self._begun = datetime.now(UTC), time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begun


@contextlib.contextmanager
def _folder_of(prepared: Prepared, folder: Path, start: Start) -> Generator[Path]:
    """Claim the folder of a sweep, write what is asked of it, and yield the folder of its runs."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        claim(folder)
    try:
        with writing(folder):
            (folder / manifests.MANIFEST).unlink(missing_ok=True)
            if start == "force":
                shutil.rmtree(folder / VARIANTS, ignore_errors=True)
            (folder / VARIANTS).mkdir(exist_ok=True)
            resolved = _resolved(prepared)
            manifests.write_atomically(folder / SWEEP, prepared.plan.text or resolved)
            manifests.write_atomically(folder / RESOLVED, resolved)
        yield folder / VARIANTS
    finally:
        release(folder)


def _begin(variant: Variant, prepared: Prepared, folder: Path, start: Start) -> Ongoing:
    origin = Origin.of_results(variant.scenario, folder)
    return begin(variant.scenario, prepared.request, origin, folder, path=prepared.plan.path, start=start)


def _resolved(prepared: Prepared) -> str:
    """Return the sweep with every variant spelled out, as a sweep file."""
    plan = prepared.plan
    data: dict[str, Any] = {
        "cascade": 1, "sweep": prepared.name, "description": plan.description, "question": plan.question,
        "replicates": len(prepared.request.replicates), "counterfactual": prepared.request.counterfactual,
        "variants": {
            each.name: {"scenario": f"{VARIANTS}/{each.name}/{manifests.RESOLVED}"} for each in prepared.variants
        },
    }  # fmt: skip
    return yaml_of(data, flow=False)


def _notes(prepared: Prepared, ongoing: Sequence[Ongoing], faults: Sequence[str]) -> list[str]:
    """Return what to say of what an earlier session has left."""
    damaged = [f"{run.writer.folder.name}: {what}" for run in ongoing for what in run.writer.damaged]
    settled = (len(prepared.variants) - len(ongoing)) * len(prepared.request.replicates)
    found = settled + sum(run.writer.found for run in ongoing)
    return session_notes(prepared.n_runs, found, [*faults, *damaged])


def _interrupted(prepared: Prepared, ongoing: Sequence[Ongoing], folder: Path) -> InterruptedRunError:
    settled = (len(prepared.variants) - len(ongoing)) * len(prepared.request.replicates)
    kept = settled + sum(run.writer.n_finished for run in ongoing)
    return InterruptedRunError(
        f"the sweep was interrupted: {kept:,} of {prepared.n_runs:,} replicates are kept",
        where=str(folder),
        remedy="the same command again goes on from there; cascade.read(folder, partial=True) reads them",
    )


def _complete(prepared: Prepared, folder: Path, clock: _Clock) -> None:
    """Write the tables over all variants, then the manifest."""
    results = {each.name: read_run(folder / VARIANTS / each.name) for each in prepared.variants}
    columns = [
        Column(each.column, "float" if each.is_number else "category", f"`{each.path}` of the scenario",
               each.unit, nullable=True)
        for each in prepared.parameters
    ]  # fmt: skip
    values = {each.column: dict(zip(results, each.values, strict=True)) for each in prepared.parameters}

    sums: dict[str, int] = {}

    def write(name: str) -> int:
        """Write a table over all variants, and return its rows."""
        tables: dict[str, pa.Table] = {
            variant: result.tables[name] for variant, result in results.items() if name in result.tables
        }
        path = folder / single_file(name)
        path.unlink(missing_ok=True)
        if not tables:
            return 0
        whole = joined(tables, columns, values, name)
        sums[path.name] = write_parquet(path, whole)
        return len(whole)

    with writing(folder):
        rows = {name: write(name) for name in SINGLE_FILES}
        others = [SWEEP, RESOLVED, *map(manifest_of, results)]
        sums |= {name: crc_of(folder / name) for name in others}
        log.note(folder, "complete", digest=prepared.digest)
        manifests.write(folder, _manifest(prepared, rows, sums, clock))


def _manifest(
    prepared: Prepared, rows: dict[str, int], files: dict[str, int], clock: _Clock
) -> dict[str, Any]:
    plan, n_failed = prepared.plan, rows["failures"]
    text = f"{len(prepared.variants)} variants of {len(prepared.request.replicates)} replicates ran to their end."
    return {
        **manifests.made_by("sweep"),
        "name": prepared.name,
        "description": plan.description,
        "question": plan.question,
        "command": provenance.command_line(),
        "request": {
            "file": plan.path, "design": plan.design, "points": plan.points,
            **prepared.request._asdict(), "seed": prepared.variants[0].scenario.seed,
            "digest": prepared.digest, **({"search": dict(prepared.search)} if prepared.search else {}),
        },
        "parameters": [each.as_dict() for each in prepared.parameters],
        "variants": [
            {"name": each.name, "scenario": each.scenario.name, "seed": each.scenario.seed, "values": each.shown}
            for each in prepared.variants
        ],
        "started": clock.started.isoformat(timespec="milliseconds"),
        "wall_s": round(clock.seconds, 3),
        "outcome": {
            "status": "completed" if not n_failed else "partly failed" if rows["runs"] else "failed",
            "text": text if not n_failed else f"{n_failed} of {prepared.n_runs} replicates failed.",
            "replicates_finished": rows["runs"],
            "replicates_failed": n_failed,
        },
        "rows": rows,
        manifests.FILES: files,
    }  # fmt: skip


def _checked(folder: Path) -> Sweep:
    """Return the sweep in a folder, unless replicates of it failed."""
    found = read_sweep(folder)
    if found.failures is not None:
        raise failed(failures_of(found.failures), folder, n_finished=len(found.runs))
    return found

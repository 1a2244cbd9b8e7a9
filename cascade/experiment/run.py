"""`run`: all replicates of a scenario into a folder of results."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, TypeAlias

from cascade import provenance
from cascade.analysis import metrics
from cascade.analysis.cause import CauseLabeller
from cascade.assembly import assemble
from cascade.engine import Engine, Outcome, counterfactual, simulate
from cascade.errors import CascadeError, InterruptedRunError, ReplicatesError
from cascade.experiment.ending import Ending, ending_of, outcome_of
from cascade.experiment.recorder import Recorder, tables_of, units_of
from cascade.experiment.request import Origin, Request
from cascade.output.manifest import RESOLVED
from cascade.output.reader import Result, read
from cascade.output.writer import RunWriter, is_complete, run_folder
from cascade.scenario.load import digest, overridden, to_yaml
from cascade.scenario.schema import Scenario

Progress = Callable[[int], None]
_Job: TypeAlias = Future[Ending | None]


def run(
    scenario: str | Path | Scenario,
    overrides: Sequence[str] = (),
    *,
    seed: int | None = None,
    replicates: int | None = None,
    replicate: int | None = None,
    counterfactual: bool = False,
    out: str | Path = "results",
    jobs: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Result:
    """Run a scenario and return its results.

    Parameters
    ----------
    scenario
        A file, or a scenario that is loaded already.
    overrides
        Changes of single values, ``"a.b=c"``, also of a scenario that is loaded already.
    replicate
        Run only this one.
    counterfactual
        Also run each replicate, under the same luck, with forced orders that do not reach the book.
    out
        Folder of all results; the run goes to ``<out>/<name>-<hash8>``.
    jobs
        Replicates at a time; by default one for each core.
    force
        Run again although the same request has been answered.
    progress
        Told the steps just done, from any thread.

    Raises
    ------
    ScenarioError, ReplicatesError, InterruptedRunError, ResultsError
    """
    text, path = _text(scenario)
    asked = overridden(scenario, overrides)
    if seed is not None:
        asked = asked.replace(seed=seed)
    chosen = (replicate,) if replicate is not None else tuple(range(replicates or asked.replicates))
    request = Request(chosen, counterfactual)
    folder = run_folder(Path(out), asked.name, _digest(asked, request))
    if is_complete(folder) and not force:
        return read(folder)
    units = units_of(asked)
    resolved = to_yaml(asked)
    with RunWriter(
        folder, units, scenario_text=text or resolved, resolved_text=resolved, tables=tables_of(asked),
        request={"seed": asked.seed, **request._asdict()}, scenario_path=path,
        metrics=metrics.metric_columns(units, counterfactual=counterfactual), force=force,
    ) as writer:  # fmt: skip
        # a scenario without a file is reproduced from its resolved form, which has the overrides in it
        origin = Origin(path, tuple(overrides)) if path else Origin(str(folder / RESOLVED))
        endings, errors = _run_all(asked, request, origin, writer, jobs or os.cpu_count() or 1, progress)
        _close(asked, writer, endings, len(errors))
    if errors:
        raise ReplicatesError(
            f"{len(errors)} of {len(chosen)} replicates failed; the first: {errors[0]}",
            where=str(folder),
            remedy="failures.parquet has the command that reproduces each",
        )
    return read(folder)


def _text(scenario: str | Path | Scenario) -> tuple[str, str]:
    """Return the text of a scenario file and its path, empty where there is none."""
    if isinstance(scenario, Scenario):
        return "", ""
    path = Path(scenario)
    return (path.read_text(encoding="utf-8") if path.is_file() else ""), str(scenario)


def _digest(scenario: Scenario, request: Request) -> str:
    return provenance.request_digest(digest(scenario), **request._asdict())


def _run_all(
    scenario: Scenario, request: Request, origin: Origin, writer: RunWriter, jobs: int,
    progress: Progress | None,
) -> tuple[list[Ending], list[str]]:  # fmt: skip
    """Run the replicates on threads; return how they ended, and the messages of those that failed."""
    stop = threading.Event()
    endings: list[Ending] = []
    errors: list[str] = []
    with ThreadPoolExecutor(min(jobs, len(request.replicates))) as pool:
        waiting = {
            pool.submit(_run_one, scenario, number, request.counterfactual, writer, progress, stop): number
            for number in request.replicates
        }
        try:
            for future, number in _as_done(waiting):
                error = future.exception()
                if error is not None:
                    errors.append(str(error))
                    row = _failure(scenario, error)
                    row["command"] = origin.command(
                        scenario.seed, number, counterfactual=request.counterfactual
                    )
                    writer.fail_replicate(number, row)
                elif (ending := future.result()) is not None:
                    endings.append(ending)
        except KeyboardInterrupt:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise InterruptedRunError(
                "the run was interrupted",
                where=str(writer.folder),
                remedy="finished replicates are kept: cascade.read(folder, partial=True) reads them",
            ) from None
    return endings, errors


def _as_done(waiting: dict[_Job, int]) -> Iterable[tuple[_Job, int]]:
    """Yield futures with their replicates as they finish; short waits let an interrupt through."""
    left = set(waiting)
    while left:
        done, left = wait(left, timeout=0.5, return_when=FIRST_COMPLETED)
        for future in done:
            yield future, waiting[future]


def _failure(scenario: Scenario, error: BaseException) -> dict[str, Any]:
    """Return the row of a replicate that failed."""
    code = error.code if isinstance(error, CascadeError) else type(error).__name__
    return {"seed": scenario.seed, "code": code, "message": str(error)}


def _run_one(
    scenario: Scenario, number: int, with_twin: bool, writer: RunWriter, progress: Progress | None,
    stop: threading.Event,
) -> Ending | None:  # fmt: skip
    """Run one replicate, its counterfactual first, and write its row; None where it was interrupted."""
    units, tables = writer.units, writer.tables
    assembled = assemble(scenario, number)
    twin = None
    cause = None
    if with_twin:
        record = Recorder(units, number, tables)
        engine = Engine(counterfactual(assembled), record)
        if _simulate(engine, scenario, progress, stop) is Outcome.INTERRUPTED:
            return None
        twin = _replicate(record)
        cause = CauseLabeller(record.liquidations())
    record = Recorder(units, number, tables, writer, cause)
    engine = Engine(assembled, record)
    outcome = _simulate(engine, scenario, progress, stop)
    if outcome is Outcome.INTERRUPTED:
        return None
    ending = ending_of(engine, outcome)
    row = metrics.compute(_replicate(record, twin))
    notes = [row.pop("notes", None) or "", *ending.notes(units)]
    writer.finish_replicate(
        number,
        row
        | {
            "seed": scenario.seed, "outcome": outcome.name.lower(), "outcome_text": outcome.value,
            "steps": engine.step, "events": int(engine.state.clock[0].events),
            "notes": "\n".join(filter(None, notes)) or None,
        },
    )  # fmt: skip
    return ending


def _simulate(
    engine: Engine, scenario: Scenario, progress: Progress | None, stop: threading.Event
) -> Outcome:
    """Run a market, looked at and checked as often as the outputs of its scenario ask for."""
    asked = scenario.outputs
    chunk, check = (max(round(every / scenario.dt), 1) for every in (asked.snapshots, asked.check_every))
    return simulate(engine, chunk, progress, stop.is_set, check_steps=check)


def _replicate(record: Recorder, twin: metrics.Replicate | None = None) -> metrics.Replicate:
    """Return what the metrics of a replicate are computed from."""
    return metrics.Replicate(
        units=record.units, bars=record.table("bars"), liquidations=record.table("liquidations"),
        adl=record.table("adl"), funds=record.table("funds"), twin=twin,
    )  # fmt: skip


def _close(scenario: Scenario, writer: RunWriter, endings: list[Ending], n_failed: int) -> None:
    """Complete the folder of results."""
    writer.close(
        outcome_of(endings, n_failed),
        {
            "published": [item.model_dump() for item in scenario.published],
            "description": scenario.description,
        },
    )

"""`run`: all replicates of a scenario into a folder of results."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, NamedTuple

from cascade import provenance
from cascade.analysis import metrics
from cascade.analysis.cause import CauseLabeller
from cascade.assembly import assemble
from cascade.engine import Engine, Outcome, counterfactual, rejections, simulate
from cascade.errors import CascadeError, InterruptedRunError, ReplicatesError
from cascade.experiment.recorder import Recorder, tables_of, units_of
from cascade.output.reader import Result, read
from cascade.output.writer import RunWriter, is_complete, run_folder
from cascade.scenario.load import digest, load, to_yaml
from cascade.scenario.schema import Scenario

Progress = Callable[[int], None]


class Request(NamedTuple):
    """What is asked of a scenario besides itself."""

    replicates: tuple[int, ...]
    counterfactual: bool


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
        Changes of single values, ``"a.b=c"``.
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
    loaded = load(scenario, overrides) if not isinstance(scenario, Scenario) else scenario
    if seed is not None:
        loaded = loaded.replace(seed=seed)
    chosen = (replicate,) if replicate is not None else tuple(range(replicates or loaded.replicates))
    request = Request(chosen, counterfactual)
    folder = run_folder(Path(out), loaded.name, _digest(loaded, request))
    if is_complete(folder) and not force:
        return read(folder)
    units = units_of(loaded)
    resolved = to_yaml(loaded)
    with RunWriter(
        folder, units, scenario_text=text or resolved, resolved_text=resolved, tables=tables_of(loaded),
        request={"seed": loaded.seed, **request._asdict()}, scenario_path=path,
        metrics=metrics.metric_columns(units, counterfactual=counterfactual), force=force,
    ) as writer:  # fmt: skip
        failed = _run_all(loaded, request, writer, jobs or os.cpu_count() or 1, progress, path)
        _close(loaded, writer, request, failed)
    if failed:
        raise ReplicatesError(
            f"{len(failed)} of {len(chosen)} replicates failed; the first: {failed[0]}",
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
    scenario: Scenario, request: Request, writer: RunWriter, jobs: int, progress: Progress | None, path: str
) -> list[str]:
    """Run the replicates on threads; return the messages of those that failed."""
    stop = threading.Event()
    failed: list[str] = []
    with ThreadPoolExecutor(min(jobs, len(request.replicates))) as pool:
        waiting = {
            pool.submit(_run_one, scenario, number, request.counterfactual, writer, progress, stop): number
            for number in request.replicates
        }
        try:
            for future, number in _as_done(waiting):
                error = future.exception()
                if error is not None:
                    failed.append(str(error))
                    writer.fail_replicate(number, _failure(scenario, number, error, path))
        except KeyboardInterrupt:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise InterruptedRunError(
                "the run was interrupted",
                where=str(writer.folder),
                remedy="finished replicates are kept: cascade.read(folder, partial=True) reads them",
            ) from None
    return failed


def _as_done(waiting: dict[Future[None], int]) -> Iterable[tuple[Future[None], int]]:
    """Yield futures with their replicates as they finish; short waits let an interrupt through."""
    left = set(waiting)
    while left:
        done, left = wait(left, timeout=0.5, return_when=FIRST_COMPLETED)
        for future in done:
            yield future, waiting[future]


def _failure(scenario: Scenario, number: int, error: BaseException, path: str) -> dict[str, Any]:
    """Return the row of a replicate that failed, with the command that reproduces it."""
    code = error.code if isinstance(error, CascadeError) else type(error).__name__
    command = f"cascade run {path or scenario.name} --seed {scenario.seed} --replicate {number}"
    return {"seed": scenario.seed, "code": code, "message": str(error), "command": command}


def _run_one(
    scenario: Scenario, number: int, with_twin: bool, writer: RunWriter, progress: Progress | None,
    stop: threading.Event,
) -> None:  # fmt: skip
    """Run one replicate, its counterfactual first, and write its row."""
    units, tables = writer.units, writer.tables
    chunk = max(round(scenario.outputs.check_every / scenario.dt), 1)
    assembled = assemble(scenario, number)
    twin = None
    cause = None
    if with_twin:
        record = Recorder(units, number, tables)
        engine = Engine(counterfactual(assembled), record)
        if simulate(engine, chunk, progress, stop.is_set) is Outcome.INTERRUPTED:
            return
        twin = _replicate(record)
        cause = CauseLabeller(record.liquidations())
    record = Recorder(units, number, tables, writer, cause)
    engine = Engine(assembled, record)
    outcome = simulate(engine, chunk, progress, stop.is_set)
    if outcome is Outcome.INTERRUPTED:
        return
    row = metrics.compute(_replicate(record, twin))
    clock = engine.state.clock[0]
    notes = [row.pop("notes", None) or ""] + [
        f"{n} orders rejected: {why}" for why, n in rejections(engine).items()
    ]
    writer.finish_replicate(
        number,
        row
        | {
            "seed": scenario.seed, "outcome": outcome.name.lower(), "outcome_text": outcome.value,
            "steps": engine.step, "events": int(clock.events), "notes": "\n".join(filter(None, notes)) or None,
        },
    )  # fmt: skip


def _replicate(record: Recorder, twin: metrics.Replicate | None = None) -> metrics.Replicate:
    """Return what the metrics of a replicate are computed from."""
    return metrics.Replicate(
        units=record.units, bars=record.table("bars"), liquidations=record.table("liquidations"),
        adl=record.table("adl"), funds=record.table("funds"), twin=twin,
    )  # fmt: skip


def _close(scenario: Scenario, writer: RunWriter, request: Request, failed: list[str]) -> None:
    """Complete the folder of results."""
    done = len(request.replicates) - len(failed)
    status = "completed" if not failed else "failed" if not done else "partly failed"
    text = (
        Outcome.COMPLETED.value
        if not failed
        else f"{len(failed)} of {len(request.replicates)} replicates failed."
    )
    writer.close(
        {"status": status, "text": text},
        {
            "published": [item.model_dump() for item in scenario.published],
            "description": scenario.description,
        },
    )

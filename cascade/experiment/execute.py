"""Runs the replicates of one or many runs on one pool, and puts each where it belongs as it arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, wait
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from cascade.errors import CascadeError, InterruptedRunError, SimulationError
from cascade.experiment.ending import outcome_of
from cascade.experiment.parameters import columns_of
from cascade.experiment.recorder import tables_of, units_of
from cascade.experiment.replicate import Done, Task, failure_row
from cascade.experiment.request import Origin, Request, runs_of
from cascade.experiment.workers import Job, Workers
from cascade.output.writer import RunWriter, Start
from cascade.scenario.draws import checksum, read_draws
from cascade.scenario.load import to_yaml
from cascade.scenario.schema import Scenario

Progress = Callable[[int], None]


class Failure(NamedTuple):
    """What went wrong in a replicate, and the command that runs it again."""

    message: str
    command: str


@dataclass
class Ongoing:
    """A run that is being made.

    Attributes
    ----------
    code : dict[str, dict[str, str]]
        Module, class and source of each agent in Python, as they were when the run began.
    failures : list[Failure]
        The replicates that failed in this session.
    """

    scenario: Scenario
    request: Request
    origin: Origin
    writer: RunWriter
    code: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    failures: list[Failure] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """Return the steps of a replicate."""
        return self.scenario.n_steps * runs_of(self.scenario, counterfactual=self.request.counterfactual)

    def tasks(self, shard: int, *, is_remote: bool) -> Iterator[Task]:
        """Yield what is left to do of a shard."""
        pieces = None if is_remote else self.writer.pieces
        for replicate in self.writer.pending_in(shard):
            yield Task(self.scenario, replicate, self.request.counterfactual, self.origin, pieces, self.code)

    def settle(self, task: Task, done: Done) -> None:
        """Take what a task left."""
        if done.failure:
            command = self.origin.command(
                self.scenario.seed, task.replicate, counterfactual=self.request.counterfactual
            )
            self.failures.append(Failure(done.failure, command))
        self.writer.add(task.replicate, done.files, seconds=done.seconds)

    def settle_lost(self, task: Task, error: BaseException) -> None:
        """Take a task whose worker was lost, again and again, as a failed replicate."""
        with self.writer.piece(task.replicate) as piece:
            piece.fail(failure_row(task, error))
        self.settle(task, Done(0.0, failure=str(error)))

    def close(self) -> None:
        """Complete the folder, if every replicate is in and it is not complete already."""
        writer = self.writer
        failed = writer.rows("failures")
        writer.close(
            outcome_of(writer.rows("runs"), len(failed)),
            {
                "published": [item.model_dump() for item in self.scenario.published],
                "description": self.scenario.description,
                **({"agents": self.code} if self.code else {}),
                **_draws(self.scenario),
            },
        )


def begin(
    scenario: Scenario, request: Request, origin: Origin, folder: Path, *, text: str = "", path: str = "",
    start: Start,
) -> Ongoing:  # fmt: skip
    """Return a run in its folder, with what an earlier session has left of it."""
    units, resolved = units_of(scenario), to_yaml(scenario)
    writer = RunWriter(
        folder, units, scenario_text=text or resolved, resolved_text=resolved, tables=tables_of(scenario),
        replicates=request.replicates,
        request={"seed": scenario.seed, **request._asdict(), "digest": request.digest(scenario)},
        scenario_path=path, metrics=columns_of(scenario, units, counterfactual=request.counterfactual),
        start=start,
    )  # fmt: skip
    return Ongoing(scenario, request, origin, writer, _code(scenario))


def _draws(scenario: Scenario) -> dict[str, Any]:
    """Return the record of the file of draws that a scenario takes, if it takes any."""
    if scenario.parameters is None:
        return {}
    draws = read_draws(scenario.parameters)
    return {
        "draws": {
            "file": scenario.parameters, "sha256": checksum(scenario.parameters), "n": len(draws.values),
            "problem_sha256": draws.problem,
        }
    }  # fmt: skip


def _code(scenario: Scenario) -> dict[str, dict[str, str]]:
    """Return what the code of a scenario's agents is; without any, nothing of Mesa is loaded."""
    if not scenario.python_agents:
        return {}
    from cascade.admission import code_of

    return code_of(scenario)


class _Closing:
    """Ends a pool: waits for it after success, stops it on the way out of an error."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._workers.close(stop=error is not None)


def execute(
    runs: Sequence[Ongoing], workers: Workers, *, progress: Progress | None = None, fail_fast: bool = False
) -> None:
    """Run what is left of some runs, and complete each as soon as its last replicate is in.

    Raises
    ------
    InterruptedRunError
        After Ctrl-C; what had finished is kept.
    SimulationError
        Where the pool broke down.
    ResultsError
        Where results cannot be written.
    """
    told = None if workers.reports_steps else progress
    with _Closing(workers):
        for run in runs:
            if run.writer.is_whole:
                run.close()
        try:
            for run, task, job in _finished(workers, _interleaved(runs, is_remote=workers.is_remote)):
                _settle(run, task, job)
                if told is not None:
                    told(run.steps)
                if run.writer.is_whole:
                    run.close()
                elif fail_fast and run.failures:
                    workers.close(stop=True)
                    return
        except KeyboardInterrupt:
            raise InterruptedRunError("the run was interrupted") from None


def _finished(workers: Workers, queue: Iterator[tuple[Ongoing, Task]]) -> Iterator[tuple[Ongoing, Task, Job]]:
    """Hand out tasks and yield those that are done; short waits let an interrupt through."""
    under_way: dict[Job, tuple[Ongoing, Task]] = {}
    while True:
        for run, task in islice(queue, max(workers.n_ahead - len(under_way), 0)):
            under_way[workers.submit(task)] = run, task
        if not under_way:
            return
        for job in wait(under_way, timeout=0.5, return_when=FIRST_COMPLETED).done:
            yield *under_way.pop(job), job


def _settle(run: Ongoing, task: Task, job: Job) -> None:
    """Put the outcome of a task where it belongs."""
    try:
        done = job.result()
    except CascadeError:
        raise  # it concerns the run: a full disk, another version on a worker
    except (BrokenExecutor, CancelledError) as error:
        raise SimulationError(
            "a worker process died: it was killed, or memory ran out",
            remedy="what had finished is kept; ask for the same again, with fewer --jobs if memory is short",
            code="CAS501",
        ) from error
    except Exception as error:
        run.settle_lost(task, error)
    else:
        if not done.is_interrupted:
            run.settle(task, done)


def _interleaved(runs: Sequence[Ongoing], *, is_remote: bool) -> Iterator[tuple[Ongoing, Task]]:
    """Yield all tasks, a shard of each run in turn, so that runs grow together and end together."""
    numbers = (range(len(run.writer.shards)) for run in runs)
    for layer in zip_longest(*numbers):
        for run, shard in zip(runs, layer, strict=True):
            if shard is not None:
                yield from ((run, task) for task in run.tasks(shard, is_remote=is_remote))

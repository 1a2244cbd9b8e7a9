"""One replicate: simulated, its counterfactuals first, and left as a piece of its run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from cascade.acting import opened, refuse_changed_code
from cascade.analysis import metrics
from cascade.analysis.cause import CauseLabeller
from cascade.assembly import Assembled, assemble
from cascade.assembly.caps import Capped
from cascade.assembly.ties import Tied
from cascade.core.state import Array
from cascade.engine import Engine, Outcome, Sink, counterfactual, simulate
from cascade.errors import CascadeError
from cascade.experiment.ending import ending_of
from cascade.experiment.fills import fills_of
from cascade.experiment.gains import gains_of
from cascade.experiment.parameters import columns_of, drawn_row
from cascade.experiment.recorder import Recorder, tables_of, units_of
from cascade.experiment.request import Origin, has_stops
from cascade.output.piece import Piece, pack, piece_folder
from cascade.scenario.schema import Scenario

Progress = Callable[[int], None]

UNWRITABLE = "CAS608"


class Task(NamedTuple):
    """A replicate to run."""

    scenario: Scenario
    replicate: int
    counterfactual: bool
    origin: Origin
    pieces: Path | None
    """Folder of pieces; None where it is another machine's, and the piece comes back as bytes."""
    code: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    """Of agents in Python: what their code was when the run began."""


class Done(NamedTuple):
    """What became of a task."""

    seconds: float
    failure: str = ""
    """What went wrong, as a sentence."""
    is_interrupted: bool = False
    files: Mapping[str, bytes] | None = None
    """The piece, where it did not go to the folder of pieces."""


class _Watched:
    """A recorder whose records somebody else takes as well, as they come."""

    def __init__(self, record: Recorder, watch: Sink) -> None:
        self._sinks: tuple[Sink, Sink] = record, watch

    def take(self, table: str, records: Array) -> None:
        """Hand records to both."""
        for sink in self._sinks:
            sink.take(table, records)

    def chunk(self, engine: Engine) -> None:
        """Let both look at the market."""
        for sink in self._sinks:
            sink.chunk(engine)


def run_replicate(
    task: Task, progress: Progress | None = None, stopped: Callable[[], bool] | None = None,
    watch: Sink | None = None,
) -> Done:  # fmt: skip
    """Run a task.

    Parameters
    ----------
    watch
        Takes what is recorded as well, where pieces go to a folder: nothing of the counterfactuals.

    Raises
    ------
    ResultsError
        If the piece cannot be written: that concerns the run, not the replicate.
    """
    begun = time.perf_counter()
    if task.pieces is not None:
        done = _into(task, task.pieces, progress, stopped, watch)
        return done._replace(seconds=time.perf_counter() - begun)
    with tempfile.TemporaryDirectory(prefix="cascade-") as folder:
        done = _into(task, Path(folder), progress, stopped)
        files = None if done.is_interrupted else pack(piece_folder(Path(folder), task.replicate))
        return done._replace(seconds=time.perf_counter() - begun, files=files)


def _into(
    task: Task, pieces: Path, progress: Progress | None, stopped: Callable[[], bool] | None,
    watch: Sink | None = None,
) -> Done:  # fmt: skip
    units = units_of(task.scenario)
    columns = columns_of(task.scenario, units, counterfactual=task.counterfactual)
    with Piece(pieces, units, task.replicate, columns) as piece:
        try:
            is_done = _simulated(task, piece, progress, stopped, watch)
        except Exception as error:
            if isinstance(error, CascadeError) and error.code == UNWRITABLE:
                raise
            piece.fail(failure_row(task, error))
            return Done(0.0, failure=str(error))
        return Done(0.0, is_interrupted=not is_done)


def failure_row(task: Task, error: BaseException) -> dict[str, object]:
    """Return the row of a replicate that failed."""
    seed = task.scenario.seed
    return {
        "seed": seed,
        "code": error.code if isinstance(error, CascadeError) else type(error).__name__,
        "message": str(error),
        "command": task.origin.command(seed, task.replicate, counterfactual=task.counterfactual),
    }


def _simulated(
    task: Task,
    piece: Piece,
    progress: Progress | None,
    stopped: Callable[[], bool] | None,
    watch: Sink | None,
) -> bool:
    """Simulate and complete the piece; False where it was interrupted."""
    scenario, number, units = task.scenario, task.replicate, piece.units
    refuse_changed_code(scenario, task.code)
    assembled = assemble(scenario, number)
    twins: list[Recorder] = []
    for market in _counterfactuals(task, assembled):
        twins.append(Recorder(units, number, tables_of(scenario)))
        with opened(scenario, number, market, twins[-1]) as engine:
            if _run(engine, twins[-1], scenario, progress, stopped) is None:
                return False
        del market, engine  # before the next is made
    cause = CauseLabeller(twins[0].liquidations()) if twins else None
    record = Recorder(units, number, tables_of(scenario), piece, cause, _window(scenario), assembled.owners)
    sink = record if watch is None else _Watched(record, watch)
    with opened(scenario, number, assembled, sink) as engine:
        outcome = _run(engine, record, scenario, progress, stopped)
        if outcome is None:
            return False
        piece.finish(row_of(record, twins, engine, outcome, scenario, assembled.caps, assembled.tied))
    return True


def row_of(
    record: Recorder, twins: Sequence[Recorder], engine: Engine, outcome: Outcome, scenario: Scenario,
    caps: Sequence[Capped], tied: Sequence[Tied],
) -> dict[str, Any]:  # fmt: skip
    """Return the row of `runs` of a replicate that has ended."""
    ending = ending_of(engine, outcome)
    found = replace(
        _replicate(record, *map(_replicate, twins)), orders=fills_of(engine, scenario, record.units),
        capped={each.layer: (each.accounts, each.long_usd + each.short_usd) for each in caps},
        gains=gains_of(engine, tied, record.units),
    )  # fmt: skip
    row = metrics.compute(found)
    notes = [row.pop("notes", None) or "", *ending.notes(record.units)]
    return {
        **row, **drawn_row(scenario, record.replicate), **ending.row(), "seed": scenario.seed, "steps": engine.step,
        "events": int(engine.state.clock[0].events), "notes": "\n".join(filter(None, notes)) or None,
    }  # fmt: skip


def _counterfactuals(task: Task, assembled: Assembled) -> Iterator[Assembled]:
    """Yield the market without forced orders and, where there are stops, one that has neither."""
    if task.counterfactual:
        yield counterfactual(assembled)
        if has_stops(task.scenario):
            neither = {"channels.stop_losses": False, "channels.forced_orders": False}
            yield assemble(task.scenario.replace(**neither), task.replicate)


def _run(
    engine: Engine, record: Recorder, scenario: Scenario, progress: Progress | None,
    stopped: Callable[[], bool] | None,
) -> Outcome | None:  # fmt: skip
    """Run a market, looked at and checked as often as its outputs ask for; None where it was interrupted."""
    asked = scenario.outputs
    looks = asked.snapshots if asked.book or asked.accounts else scenario.duration
    chunk, check = (max(round(every / scenario.dt), 1) for every in (looks, asked.check_every))
    outcome = simulate(engine, chunk, progress, stopped, check_steps=check)
    if outcome is Outcome.INTERRUPTED:
        return None
    record.finish()
    return outcome


def _window(scenario: Scenario) -> tuple[int, int] | None:
    """Return the first and the last step of the window that is recorded in detail, if there is one."""
    window = scenario.outputs.window
    if window is None:
        return None
    first, last = (scenario.seconds(moment) / scenario.dt for moment in (window.start, window.end))
    return round(first), round(last)


def _replicate(
    record: Recorder, twin: metrics.Replicate | None = None, unstopped: metrics.Replicate | None = None
) -> metrics.Replicate:
    """Return what the metrics of a replicate are computed from."""
    return metrics.Replicate(
        units=record.units, bars=record.table("bars"), liquidations=record.table("liquidations"),
        adl=record.table("adl"), funds=record.table("funds"), twin=twin,
        unstopped=unstopped,
    )  # fmt: skip

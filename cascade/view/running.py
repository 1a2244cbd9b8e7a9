"""A replicate that runs while it is looked at: in a thread, in memory, and in a folder if it is to be kept."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any, Literal

from cascade.acting import opened
from cascade.assembly import assemble
from cascade.core.state import Array
from cascade.engine import Engine, Outcome, simulate
from cascade.errors import CascadeError
from cascade.experiment.execute import Ongoing
from cascade.experiment.observe import Observer
from cascade.experiment.recorder import units_of
from cascade.experiment.replicate import run_replicate
from cascade.scenario.schema import Scenario
from cascade.view.payload import COLUMNS

if TYPE_CHECKING:
    import pyarrow as pa

Stage = Literal["starting", "running", "done", "stopped", "failed"]


class Running:
    """One replicate under way, of a scenario whose code has been admitted.

    Parameters
    ----------
    kept
        The run that it is of, begun in its folder; None where nothing of it is to be left.

    Attributes
    ----------
    stage
        Where it is.
    step
        Steps that are complete.
    problem
        Why it failed.
    """

    def __init__(self, scenario: Scenario, replicate: int, kept: Ongoing | None = None) -> None:
        self.scenario, self.replicate, self.kept = scenario, replicate, kept
        self.units = units_of(scenario)
        self.stage: Stage = "starting"
        self.step, self.problem = 0, ""
        self._kept = Observer(self.units, COLUMNS, [market.name for market in self.units.markets])
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="replicate", daemon=True)

    @property
    def replicates(self) -> list[int]:
        """Numbers of the replicates there are to look at."""
        return [self.replicate]

    @property
    def expected_bars(self) -> int:
        """Bars of a market at the end."""
        return math.ceil(self.scenario.duration / self.scenario.outputs.bars - 1e-9)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join()

    def stop(self) -> None:
        """End it, finished or not."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10.0)

    def table(self, name: str, replicate: int) -> pa.Table:
        """Return what there is of a table by now."""
        assert replicate == self.replicate
        with self._lock:
            return self._kept.replicate(name, replicate)

    def status(self) -> dict[str, Any]:
        """Return how far it is, as plain data."""
        done, whole = self.step * self.scenario.dt, self.scenario.duration
        kept = str(self.kept.writer.folder) if self.kept is not None and self.stage == "done" else ""
        return {"stage": self.stage, "t_s": done, "duration_s": whole, "problem": self.problem, "kept": kept}

    def take(self, table: str, records: Array) -> None:
        """Keep records of the market that runs."""
        with self._lock:
            self._kept.take(table, records)

    def chunk(self, engine: Engine) -> None:
        """Note that the market runs."""
        self.stage = "running"

    def _run(self) -> None:
        try:
            self.stage = self._in_memory() if self.kept is None else self._in_folder(self.kept)
        except Exception as error:  # the page says so: nobody waits for this thread
            self.problem = error.render() if isinstance(error, CascadeError) else repr(error)
            self.stage = "failed"

    def _in_memory(self) -> Stage:
        check = max(round(self.scenario.outputs.check_every / self.scenario.dt), 1)
        market = assemble(self.scenario, self.replicate)
        with opened(self.scenario, self.replicate, market, self) as engine:
            outcome = simulate(engine, engine.n_steps, self._advanced, self._stop.is_set, check_steps=check)
        return "stopped" if outcome is Outcome.INTERRUPTED else "done"

    def _in_folder(self, kept: Ongoing) -> Stage:
        with kept.writer:
            for task in kept.tasks(0, is_remote=False):  # there is one
                done = run_replicate(task, self._advanced, self._stop.is_set, watch=self)
                if done.is_interrupted:
                    return "stopped"
                kept.settle(task, done)
                self.problem = done.failure
            kept.close()
        return "failed" if self.problem else "done"

    def _advanced(self, steps: int) -> None:
        self.step += steps

"""The run loop: chunks of steps, buffers drained or grown, invariants checked, an outcome at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol

import numpy as np

from cascade.assembly import Assembled
from cascade.core import params as k
from cascade.core import state as s
from cascade.core import step
from cascade.core.check import breaches
from cascade.core.start import chain_free, empty
from cascade.core.state import NONE, Array, State
from cascade.errors import InvariantError, SimulationError


class Outcome(Enum):
    """How a run ended, as a sentence."""

    COMPLETED = "The run reached its end."
    WAITING = "The run reached its end with accounts still waiting for their liquidation."
    INTERRUPTED = "The run was interrupted; what had finished is kept."


class Sink(Protocol):
    """Takes the logs of a run as they are drained."""

    def take(self, table: str, records: Array) -> None:
        """Take copies of records; `table` is one of `LOGS`."""

    def chunk(self, engine: Engine) -> None:
        """Look at the market between two chunks of steps."""


class Nothing:
    """A sink that keeps nothing."""

    def take(self, table: str, records: Array) -> None:
        """Let logs go."""

    def chunk(self, engine: Engine) -> None:
        """Look at nothing."""


_LOGS = {
    step.BARS_FULL: ("bars", "n_bars", s.BAR),
    step.LIQUIDATIONS_FULL: ("liquidations", "n_liquidations", s.LIQUIDATION),
    step.ADL_FULL: ("adl", "n_adl", s.ADL),
    step.TRADES_FULL: ("trades", "n_trades", s.TRADE),
    step.FUNDS_FULL: ("funds", "n_funds", s.FUND),
}
"""Logs by the status that says one is full: field of the state, counter of the clock, record type."""

LOGS = {field: dtype for field, _, dtype in _LOGS.values()}
"""Record type of each log that a sink is handed."""

_WORK = {
    step.INBOX_FULL: ("inbox", s.INTENT),
    step.WAITING_FULL: ("waiting", s.INTENT),
    step.RESIDUALS_FULL: ("residuals", s.RESIDUAL),
    step.RANKED_FULL: ("ranked", s.RANKED),
}
"""Buffers of work in progress, which grow and keep what they hold."""


SLICE_S = 0.1
"""Seconds of a call of the kernels, about: whoever watches or stops a run waits as long."""

FIRST_SLICE = 256
"""Steps of the first call."""

STEPS_UNWATCHED = 600
"""Steps between two looks of `run_on` at whether to stop."""


class Engine:
    """One market that runs.

    Parameters
    ----------
    assembled
        Parameters and starting state.
    sink
        Where logs go.
    agents
        Called with the engine in every step, before matching, if accounts are kept for agents.

    Raises
    ------
    SimulationError
        If accounts are kept for agents, and nobody acts for them.
    """

    def __init__(
        self, assembled: Assembled, sink: Sink, agents: Callable[[Engine], None] | None = None
    ) -> None:
        self.params, self.state, self.endowment = assembled[:3]
        self.sink = sink
        self.agents = agents
        self.n_steps = int(self.params.run[0].n_steps)  # of the whole run
        if agents is None and self.params.run[0].python_agents != 0:
            raise SimulationError(
                "the scenario has agents written in Python, and nobody acts for them here",
                remedy="take them out of the scenario for this, or use a command that takes --allow-code",
                code="CAS404",
            )

    @property
    def step(self) -> int:
        """Steps that are complete."""
        return int(self.state.clock[0].step)

    def advance(self, until: int) -> None:
        """Run until a step is reached, whatever buffers that takes.

        Raises
        ------
        ValueError
            If the run ends before: the kernels have no parameters for steps past the end.
        """
        if until > self.n_steps:
            msg = f"the run has {self.n_steps:,} steps, and {until:,} lies past its end: advance to {self.n_steps}"
            raise ValueError(msg)
        while True:
            status = int(step.advance(self.state, self.params, int(until)))
            if status == step.FINISHED:
                return
            if status == step.AGENTS_DUE:
                if self.agents is not None:
                    self.agents(self)
            elif status == step.LIQUIDATIONS_FULL and self.state.clock[0].n_residual > 0:
                self._lengthen_liquidations()
            elif status in _LOGS:
                self._drain(*_LOGS[status], needed=int(self.state.clock[0].need))
            elif status == step.ORDERS_FULL:
                self._grow_orders()
            else:
                self._grow(*_WORK[status])

    def drain(self) -> None:
        """Hand all logs to the sink."""
        clock = self.state.clock[0]
        for field, counter, dtype in _LOGS.values():
            if clock[counter]:
                self._drain(field, counter, dtype)

    def check(self) -> None:
        """Verify every invariant.

        Raises
        ------
        InvariantError
            If one is broken: a defect of the simulator.
        """
        found = breaches(self.state, self.params, self.endowment)
        if found:
            raise InvariantError(
                f"after step {self.step}: " + "; ".join(found[:5]),
                remedy="this is a defect of cascade: please report it with the scenario, seed and replicate",
            )

    def reserve_inbox(self, n: int) -> None:
        """Make room for n more intents."""
        self.state.clock[0].need = self.state.clock[0].n_inbox + n
        if self.state.clock[0].need > len(self.state.inbox):
            self._grow("inbox", s.INTENT)

    def _drain(self, field: str, counter: str, dtype: np.dtype[np.void], needed: int = 0) -> None:
        """Hand a log to the sink and empty it; lengthen it where one item needs more."""
        n = int(self.state.clock[0][counter])
        log = getattr(self.state, field)
        if n:
            records = np.empty(n, dtype).view(np.recarray)
            records.view(np.uint8)[:] = log[:n].view(np.uint8)  # numpy would copy record by record
            self.sink.take(field, records)
            self.state.clock[0][counter] = 0
        if needed > len(log):
            self._replace(**{field: empty(dtype, needed)})

    def _grow(self, field: str, dtype: np.dtype[np.void]) -> None:
        """Lengthen a buffer to twice what is needed and keep its rows."""
        old = getattr(self.state, field)
        longer = empty(dtype, 2 * int(self.state.clock[0].need))
        longer[: len(old)] = old
        self._replace(**{field: longer})

    def _lengthen_liquidations(self) -> None:
        """Keep the rows of a wave whose residuals will still be noted in them."""
        clock = self.state.clock[0]
        clock.need = clock.n_liquidations + clock.need
        self._grow("liquidations", s.LIQUIDATION)

    def _grow_orders(self) -> None:
        """Double the orders and chain the new ones into the free list."""
        old = self.state.orders
        n = len(old)
        longer = empty(s.ORDER, 2 * n)
        longer[:n] = old
        chain_free(longer, n, 2 * n, NONE)
        self.state.clock[0].free_order = n
        self._replace(orders=longer)

    def _replace(self, **arrays: Array) -> None:
        self.state = State(**{**self.state._asdict(), **arrays})


def counterfactual(assembled: Assembled) -> Assembled:
    """Return a copy of a market, as it stands, in which an absorber takes forced orders at mark."""
    run = assembled.params.run.copy()
    run.forced_orders[:] = 0
    return assembled._replace(params=assembled.params._replace(run=run), state=assembled.state.clone())


def simulate(
    engine: Engine,
    chunk_steps: int,
    progress: Callable[[int], None] | None = None,
    stopped: Callable[[], bool] | None = None,
    *,
    check_steps: int | None = None,
) -> Outcome:
    """Run a market to its end.

    Parameters
    ----------
    chunk_steps
        Steps between two looks of the sink at the market.
    progress
        Told the number of steps just done.
    stopped
        Asked now and then whether to stop.
    check_steps
        Steps between two checks of the invariants; by default those of a chunk. No table depends on it.
    """
    check_steps, slice_steps = check_steps or chunk_steps, FIRST_SLICE
    engine.check()
    engine.sink.chunk(engine)
    while engine.step < engine.n_steps:
        if stopped is not None and stopped():
            engine.drain()
            return Outcome.INTERRUPTED
        before, begun = engine.step, time.perf_counter()
        due = min(_following(before, chunk_steps), _following(before, check_steps), engine.n_steps)
        now = min(due, before + slice_steps)
        engine.advance(now)
        took = time.perf_counter() - begun
        if took < SLICE_S / 2.0 and now < due:
            slice_steps *= 2
        elif took > 2.0 * SLICE_S:
            slice_steps = max(slice_steps // 2, 1)
        if now % check_steps == 0 or now == engine.n_steps:
            engine.check()
        engine.drain()
        if now % chunk_steps == 0 or now == engine.n_steps:
            engine.sink.chunk(engine)
        if progress is not None:
            progress(now - before)
    waiting = int(step.count_failing(engine.state, engine.params)) > 0
    return Outcome.WAITING if waiting else Outcome.COMPLETED


def run_on(
    engine: Engine, until: int, progress: Callable[[int], None] | None, stopped: Callable[[], bool]
) -> None:
    """Run until a step, with what waits in the logs still there; parameters are those of `simulate`.

    Raises
    ------
    KeyboardInterrupt
        As if the user had interrupted, where it is stopped.
    """
    while engine.step < until:
        if stopped():
            raise KeyboardInterrupt
        before = engine.step
        engine.advance(min(before + STEPS_UNWATCHED, until))
        if progress is not None:
            progress(engine.step - before)


def _following(now: int, every: int) -> int:
    """Return the first multiple of `every` after a step."""
    return (now // every + 1) * every


def rejections(engine: Engine) -> dict[str, int]:
    """Return how many intents were rejected, by reason."""
    counts: Any = engine.state.counts
    return {reason: int(n) for reason, n in zip(k.REASONS, counts, strict=True) if n}

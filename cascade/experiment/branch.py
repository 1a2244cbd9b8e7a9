"""Courses of one market that part from one state: under the same luck, each with one of several orders or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cascade.acting import opened
from cascade.analysis.facts.observed import Floats
from cascade.assembly import Assembled
from cascade.core.state import State
from cascade.engine import run_on
from cascade.experiment.observe import Columns, Observer, Progress, Stopped
from cascade.experiment.recorder import units_of
from cascade.output.columns import to_numpy
from cascade.output.run_units import Ints
from cascade.scenario.schema import Scenario

if TYPE_CHECKING:
    import pyarrow as pa


def parting_state(scenario: Scenario, assembled: Assembled, opening: Branch) -> State:
    """Return the state that courses part from: that of the opening, or the start where agents in Python act.

    What they remember cannot be copied, so that with them each course runs all the way; luck makes it the same one.
    """
    return assembled.state if scenario.python_agents else opening.state


def only(assembled: Assembled, number: int | None, state: State, first: int = 0) -> Assembled:
    """Return a market that goes on from a state with one of its orders, or with none.

    Parameters
    ----------
    number
        The shock that stays, counted from `first`; None for none of them.
    first
        Shocks before it stay in any case.
    """
    kept = np.arange(len(assembled.params.shocks)) < first
    if number is not None:
        kept[first + number] = True
    return waiting(assembled._replace(state=state.clone()), np.flatnonzero(~kept))


def waiting(assembled: Assembled, rows: Sequence[int] | Ints) -> Assembled:
    """Return a market in which some shocks never begin; how long each of them lasts is kept."""
    shocks, never = assembled.params.shocks.copy(), int(assembled.params.run[0].n_steps) + 1
    shocks.stop[rows] += never - shocks.start[rows]
    shocks.start[rows] = never
    return assembled._replace(params=assembled.params._replace(shocks=shocks))


class Branch:
    """One course of the market, with what is kept of it in memory.

    Parameters
    ----------
    market
        Whose bars and trades are kept.
    columns
        What to keep, by table.
    taker
        Account of whose trades alone are kept; None for all.

    Attributes
    ----------
    state
        The market as it stands: at first as it was given, then as it is after the run.
    """

    def __init__(
        self,
        scenario: Scenario,
        replicate: int,
        market: str,
        assembled: Assembled,
        columns: Columns,
        taker: int | None = None,
    ) -> None:
        self._scenario, self._replicate, self._assembled = scenario, replicate, assembled
        self._observer = Observer(units_of(scenario), columns, (market,), taker=taker)
        self.state = assembled.state
        self.step_s = scenario.dt
        self.seconds = scenario.outputs.bars

    def run(self, until: int, progress: Progress | None, stopped: Stopped) -> Branch:
        """Run until a step is reached, once, and return itself."""
        with opened(self._scenario, self._replicate, self._assembled, self._observer) as engine:
            run_on(engine, until, progress, stopped)
            engine.check()
            engine.drain()
            self.state = engine.state
        return self

    def mid(self, since_s: float) -> Floats:
        """Return the mid at the end of each bar since a time."""
        return (self.bars("best_bid_price", since_s) + self.bars("best_ask_price", since_s)) / 2.0

    def bars(self, name: str, since_s: float) -> Floats:
        """Return a column of the bars that end after a time."""
        return to_numpy(self.rows("bars", since_s).column(name)).astype(np.float64)

    def rows(self, table: str, since_s: float) -> pa.Table:
        """Return what was kept of a table since a time; a bar has the time of its last step."""
        rows = self._observer.replicate(table, 0)
        return rows.filter(to_numpy(rows.column("t_s")) > since_s - self.step_s / 2.0)

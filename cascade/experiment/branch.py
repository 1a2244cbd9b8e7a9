"""Courses of one market that part from one state: under the same luck, each with one of several orders or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from cascade.analysis.facts.observed import Floats
from cascade.assembly import Assembled
from cascade.core.state import State
from cascade.engine import Engine
from cascade.experiment.observe import Columns, Observer, Progress, Stopped
from cascade.experiment.recorder import units_of
from cascade.output.columns import to_numpy
from cascade.scenario.schema import Scenario

if TYPE_CHECKING:
    import pyarrow as pa

SLICE_STEPS: Final = 600
"""Steps between two looks at whether to stop."""


def only(assembled: Assembled, number: int | None, state: State, first: int = 0) -> Assembled:
    """Return a market that goes on from a state with one of its orders, or with none.

    Parameters
    ----------
    number
        The shock that stays, counted from `first`; None for none of them.
    first
        Shocks before it stay in any case.
    """
    shocks = assembled.params.shocks.copy()
    kept = np.arange(len(shocks)) < first
    if number is not None:
        kept[first + number] = True
    never = int(assembled.params.run[0].n_steps) + 1
    shocks.start[~kept], shocks.stop[~kept] = never, never + 1
    return Assembled(assembled.params._replace(shocks=shocks), state.clone(), assembled.endowment)


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
    """

    def __init__(
        self,
        scenario: Scenario,
        market: str,
        assembled: Assembled,
        columns: Columns,
        taker: int | None = None,
    ) -> None:
        self._observer = Observer(units_of(scenario), columns, (market,), taker=taker)
        self._engine = Engine(assembled, self._observer)
        self.step_s = scenario.dt
        self.seconds = scenario.outputs.bars

    def run(self, until: int, progress: Progress | None, stopped: Stopped) -> bool:
        """Run until a step is reached; False where it was stopped."""
        while self._engine.step < until:
            if stopped():
                return False
            before = self._engine.step
            self._engine.advance(min(before + SLICE_STEPS, until))
            if progress is not None:
                progress(self._engine.step - before)
        self._engine.check()
        self._engine.drain()
        return True

    @property
    def state(self) -> State:
        """Return the market as it stands."""
        return self._engine.state

    def mid(self, since_s: float) -> Floats:
        """Return the mid at the end of each bar since a time."""
        return (self.bars("best_bid_price", since_s) + self.bars("best_ask_price", since_s)) / 2.0

    def bars(self, name: str, since_s: float) -> Floats:
        """Return a column of the bars that end after a time."""
        rows = self.rows("bars")
        after = to_numpy(rows.column("t_s")) > since_s - self.step_s / 2.0  # a row has its last step's time
        return to_numpy(rows.column(name))[after].astype(np.float64)

    def rows(self, table: str) -> pa.Table:
        """Return what was kept of a table."""
        return self._observer.replicate(table, 0)

"""How a forced sale in one place becomes liquidations in others, by branching a running market.

A replicate is run up to a moment and cloned there: once as it is, and once for each place with a forced sale in it.
All clones have the same luck, so that what they differ by is the sale's doing. It is done twice: with forced orders
kept out of the book, where what is liquidated is what the sale itself trips (the first generation), and with them in
it, where those set off others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from cascade.analysis.contagion import Matrix
from cascade.analysis.games import Coalition, coalitions
from cascade.assembly import Assembled, assemble
from cascade.engine import Engine, run_on
from cascade.errors import UsageError
from cascade.experiment.asked_order import Side
from cascade.experiment.branch import waiting
from cascade.experiment.branches import Response, respond
from cascade.experiment.coalitions import chosen_of, refuse_absent
from cascade.experiment.contagion_check import Check, Whole, check_of, whole_run
from cascade.experiment.contagion_found import Contagion, Matrices, contagion_of
from cascade.experiment.contagion_question import (
    By,
    Question,
    columns_of,
    places_of,
    question_of,
    question_of_shock,
    with_sales,
)
from cascade.experiment.contagion_sales import Sales
from cascade.experiment.observe import Observer, Progress, Stopped
from cascade.experiment.recorder import units_of
from cascade.experiment.threads import threads
from cascade.scenario.schema import Scenario

REPLICATES: Final = 16

N_TICKS: Final = 1 << 16
"""Ticks of a market's window: what lies outside waits in lists, and a market with fewer is cloned sooner."""


@dataclass(frozen=True)
class Prepared:
    """What is to be done, checked before anything runs: a scenario for each coalition of channels that are on."""

    scenarios: Mapping[Coalition, Scenario]
    channels: tuple[str, ...]
    question: Question
    names: tuple[str, ...]
    n: int
    check: Check | None = None

    @property
    def scenario(self) -> Scenario:
        """Return the scenario with all its channels on."""
        return self.scenarios[frozenset(self.channels)]

    @property
    def n_steps(self) -> int:
        """Return the steps that will be simulated."""
        asked = self.question
        branches = 2 * (1 + len(self.names)) * len(asked.at_s) * asked.horizon_s
        steps = len(self.scenarios) * self.n * round((max(asked.at_s) + branches) / self.scenario.dt)
        return steps + (0 if self.check is None else self.check.n_steps)

    def run(self, *, jobs: int | None = None, progress: Progress | None = None) -> Contagion:
        """Do it on threads; kernels let go of the interpreter's lock."""
        with threads("the measurement was", jobs) as (pool, stopped):
            parts = {
                members: [pool.submit(_replicate, self, each, k, progress, stopped) for k in range(self.n)]
                for members, each in self.scenarios.items()
            }
            whole = self._whole_runs(pool, progress, stopped)
            found = {members: [part.result() for part in each] for members, each in parts.items()}
            seen = {members: [part.result() for part in each] for members, each in whole.items()}
        moments = len(self.question.at_s)
        measured = {members: _matrices(self.names, each, moments) for members, each in found.items()}
        return contagion_of(self.scenario.name, self.question, self.channels, measured, self.check, seen)

    def _whole_runs(
        self, pool: ThreadPoolExecutor, progress: Progress | None, stopped: Stopped
    ) -> dict[Coalition, list[Future[Whole]]]:
        """Begin the whole runs that the matrix is checked by."""
        check = self.check
        if check is None:
            return {}
        return {
            members: [pool.submit(whole_run, check, each, k, progress, stopped) for k in check.replicates]
            for members, each in check.scenarios.items()
        }


def prepare_contagion(
    scenario: Scenario, *, by: By = "asset", side: Side = "sell", notional: float | None = None,
    at_s: Sequence[float] | None = None, horizon_s: float | None = None, channels: Sequence[str] | None = None,
    alone: bool = False, shock: str | None = None, check: int = 0, replicates: int = REPLICATES,
) -> Prepared:  # fmt: skip
    """Return what is to be done for the matrix of contagion of a scenario.

    Parameters
    ----------
    by
        What a row and a column of the matrix is; markets are perpetuals, of assets and venues those of theirs.
    side, notional
        What is traded by force in each place; by default a hundredth of its open interest is sold.
    at_s
        When the running market is branched; by default four times, evenly over the run.
    horizon_s
        How long branches go on.
    channels
        Channels to be switched off, every coalition of them: k take 2^k times as long. `contagion` alone stands for
        all of contagion that the scenario has.
    alone
        Channels are switched off one at a time, not in every coalition: k take k + 1 times as long.
    shock
        Name of an order of the scenario: it is what is traded, as it is written, in place of `side`, `notional`
        and `at_s`; the other places trade as much, as fast.
    check
        Whole runs of other luck, with and without the shock, that what the matrix says of it is held against.

    Raises
    ------
    UsageError
        Fewer than one market with leverage, a time beyond the run, or a channel or shock that there is not.
    """
    names = places_of(units_of(scenario), by)
    if not names:
        raise UsageError(
            "the scenario has no perpetual market: nothing is liquidated there by force",
            remedy="add a market of type linear_perpetual",
        )
    if shock is None:
        question = question_of(scenario, by, side, notional, at_s, horizon_s)
    else:
        question = question_of_shock(scenario, by, shock, horizon_s)
    chosen = () if channels is None else chosen_of(scenario, channels)
    refuse_absent(scenario, chosen)
    plain = {
        members: scenario.replace(**{f"channels.{name}": False for name in chosen if name not in members})
        for members in coalitions(chosen) if not alone or len(members) >= len(chosen) - 1
    }  # fmt: skip
    asked = {members: with_sales(each, question) for members, each in plain.items()}
    if not check:
        return Prepared(asked, chosen, question, names, replicates)
    others = range(replicates, replicates + check)
    whole_runs = check_of(plain, chosen, by, shock, question.horizon_s, others)
    return Prepared(asked, chosen, question, names, replicates, whole_runs)


# --- replicates ---------------------------------------------------------------------------------------


def _replicate(
    prepared: Prepared, scenario: Scenario, number: int, progress: Progress | None, stopped: Stopped
) -> Response:
    """Return the sums over moments of what the sales of one replicate did."""
    asked, units, names = prepared.question, units_of(scenario), prepared.names
    drawn = assemble(scenario, number, n_ticks=N_TICKS)
    sales, places = Sales.of(scenario, drawn, asked, names), columns_of(units, asked.by)
    walk = Engine(waiting(drawn, sales.waiting), Observer(units, {}, ()))
    k, horizon = len(names), round(asked.horizon_s / scenario.dt)
    sums = Response(np.zeros(k), np.zeros((k, k)), np.zeros((k, k)))
    for at_s in asked.at_s:
        run_on(walk, min(int(at_s / scenario.dt), scenario.n_steps - horizon), progress, stopped)
        now = Assembled(walk.params, walk.state, walk.endowment)
        found = respond(now, units, sales.at(now), places, walk.step + horizon, stopped)
        sums = Response(*(total + more for total, more in zip(sums, found, strict=True)))
        if progress is not None:
            progress(2 * (1 + k) * horizon)
    return sums


def _matrices(names: tuple[str, ...], found: Sequence[Response], moments: int) -> Matrices:
    """Return the matrices of some replicates, in each of which so many moments were branched."""
    sold = np.stack([each.sold for each in found])
    unsold = [name for name, column in zip(names, sold.T, strict=True) if (column <= 0).any()]
    if unsold:
        told = f"nothing could be traded by force in {', '.join(unsold)} at these moments"
        raise UsageError(told, where="--at", remedy="its book is empty or halted then: write other moments")
    direct, total = (
        Matrix(names, np.stack([getattr(each, name) for each in found]) / sold[:, :, None])
        for name in ("direct", "total")
    )
    return Matrices(direct, total, sold.mean(axis=0) / moments)

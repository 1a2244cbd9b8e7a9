"""The simulations of a calibration: a sweep for each day, a variant for each draw from the priors, paired luck."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from cascade.calibration.figures import replicate_of, simulated
from cascade.calibration.priors import MOST_SCORE, Values
from cascade.calibration.problem import Calibration, Day
from cascade.errors import ReplicatesError, ResultsError
from cascade.experiment.design import variants_of
from cascade.experiment.replicate import Progress
from cascade.experiment.request import Request, first_replicates
from cascade.experiment.run import Say, admit_code, unsaid
from cascade.experiment.sweep import Prepared, run_prepared, varied
from cascade.output.columns import to_numpy
from cascade.output.reader import Result
from cascade.output.sweep import Sweep, read_sweep
from cascade.output.writer import Start, run_folder
from cascade.rng import decision_key
from cascade.scenario.draws import written
from cascade.scenario.files import Allowed
from cascade.scenario.overrides import from_data
from cascade.scenario.source import Place, SourceText
from cascade.scenario.sweep_file import Base, Change, Named, Plan

RECORDED: Final = {"outputs.liquidations": True, "outputs.adl": True}
"""What figures of events are measured on."""

LOST: Final = 0.1
"""Share of the draws that may fail."""


def first_scores(n_parameters: int, n: int, seed: int) -> Values:
    """Return draws from standard normal priors that fill the space: more of them go on where fewer ended."""
    from scipy.stats import norm, qmc

    generator = np.random.default_rng(int(decision_key(seed, "calibrate/priors", 0)))
    sequence = qmc.Sobol(n_parameters, rng=generator)
    points = sequence.random_base2(max((n - 1).bit_length(), 0))[:n]
    return np.clip(norm.ppf(points), -MOST_SCORE, MOST_SCORE)


@dataclass(frozen=True)
class Simulations:
    """The sweeps that a calibration rests on, ready to run."""

    calibration: Calibration
    scores: Values
    sweeps: tuple[Prepared, ...]
    """One for each day."""

    @property
    def n_steps(self) -> int:
        """Return the steps of all runs."""
        return sum(each.n_steps for each in self.sweeps)

    @property
    def n_runs(self) -> int:
        """Return the replicates of all draws and days."""
        return sum(each.n_runs for each in self.sweeps)

    def run(
        self, *, out: Path, jobs: int | None = None, processes: bool = False, cluster: str | None = None,
        start: Start = "resume", fail_fast: bool = False, progress: Progress | None = None, say: Say | None = None,
    ) -> tuple[Sweep, ...]:  # fmt: skip
        """Run what is not there yet, and return the sweep of each day; parameters are those of `sweep`."""
        found: list[Sweep] = []
        for prepared in self.sweeps:
            try:
                sweep = run_prepared(
                    prepared, out=out, jobs=jobs, processes=processes, cluster=cluster, start=start,
                    fail_fast=fail_fast, progress=progress, say=say,
                )  # fmt: skip
            except ReplicatesError as error:
                sweep = _in_spite_of(error, prepared, out)
                (say or unsaid)(f"{error.problem}; their draws are left out")
            found.append(sweep)
        return tuple(found)

    def figures(self, sweeps: Sequence[Sweep]) -> Values:
        """Return the figures of each draw, replicate and moment; NaN where a run failed or cannot say."""
        days = self.calibration.days
        parts = [self._figures_of(day, sweep) for day, sweep in zip(days, sweeps, strict=True)]
        return np.concatenate(parts, axis=2)

    def _figures_of(self, day: Day, sweep: Sweep) -> Values:
        measure = _of_metrics if day.event is None else _of_event
        n = self.calibration.asked.replicates
        return np.stack([measure(day, sweep.variants[name], n) for name in _names(len(self.scores))])


def prepare_simulations(
    calibration: Calibration, *, allow: Allowed = (), allow_code: bool = False
) -> Simulations:
    """Return the sweeps of a calibration, every scenario of them checked.

    Raises
    ------
    ScenarioError
        With what is wrong at any draw.
    """
    asked = calibration.asked
    scores = first_scores(len(calibration.parameters), asked.simulations, asked.seed)
    sweeps = tuple(_sweep(calibration, day, scores, allow, allow_code) for day in calibration.days)
    return Simulations(calibration, scores, sweeps)


def _sweep(calibration: Calibration, day: Day, scores: Values, allow: Allowed, allow_code: bool) -> Prepared:
    asked = calibration.asked
    source = SourceText(calibration.path.name, tuple(calibration.text.splitlines()), calibration.path.parent)
    place = Place(source, 1, 1)
    changes = [Change(path, from_data(value, place), place) for path, value in RECORDED.items()]
    plan = Plan(
        f"{asked.name}-{day.name}", place, [Base(day.scenario)], path=str(day.path), description=asked.description,
        changes=changes if day.event else [],
        named=[Named(name, tuple(_changes(calibration, day, row)))
               for name, row in zip(_names(len(scores)), scores, strict=True)],
        allow=allow,
    )  # fmt: skip
    variants, warnings = variants_of(plan, seed=day.seed)
    admit_code([each.scenario for each in variants], day.path, allowed=allow_code)
    request = Request(first_replicates(asked.replicates), counterfactual=False)
    return Prepared(
        plan,
        plan.name,
        variants,
        varied(plan, variants, request),
        request,
        warnings,
        calibration.simulated(day),
    )


def _names(n: int) -> list[str]:
    """Return what the draws are called: the same however many there are."""
    return [f"draw-{number:05d}" for number in range(n)]


def _changes(calibration: Calibration, day: Day, scores: Values) -> Iterator[Change]:
    """Yield what a draw sets in the scenario of a day."""
    for parameter, score in zip(calibration.parameters, scores, strict=True):
        value = float(parameter.prior.values(np.asarray(score)))
        for path, exact in parameter.set_by(value).items():
            if path in day.numbers:
                yield Change(path, from_data(written(exact, parameter.unit), parameter.at), parameter.at)


def _of_metrics(day: Day, result: Result, n: int) -> Values:
    """Return metrics of the replicates of a run."""
    found = np.full((n, len(day.figures)), math.nan)
    rows = to_numpy(result.runs.column("replicate")).astype(np.int64)
    for place, name in enumerate(day.figures):
        found[rows, place] = to_numpy(result.runs.column(name)).astype(np.float64)
    return found


def _of_event(day: Day, result: Result, n: int) -> Values:
    """Return figures of the replicates of a run, as the venues of an event publish them."""
    assert day.event is not None
    found = np.full((n, len(day.figures)), math.nan)
    for number in result.replicates:
        run = replicate_of(result, number)
        for place, name in enumerate(day.figures):
            found[number, place] = simulated(day.event.asked[name], run, day.event.scope.venues)
    return found


def _in_spite_of(error: ReplicatesError, prepared: Prepared, out: Path) -> Sweep:
    """Return a sweep a few of whose replicates failed."""
    try:
        sweep = read_sweep(run_folder(out, prepared.name, prepared.digest))
    except ResultsError:
        raise error from None
    if sweep.failures is None or len(sweep.failures) > LOST * prepared.n_runs:
        raise error
    return sweep

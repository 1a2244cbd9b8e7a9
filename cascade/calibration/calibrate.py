"""`calibrate`: a problem, simulated at draws from its priors, and what its figures say of its parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cascade.calibration.folder import Fitted, write_calibration
from cascade.calibration.knowledge import Answer, answer_of
from cascade.calibration.problem_reading import FEWEST_DRAWS, FEWEST_OF_COVERAGE, load_problem
from cascade.calibration.reference_table import table_of
from cascade.calibration.simulate import Simulations, prepare_simulations
from cascade.errors import SimulationError, UsageError
from cascade.experiment.replicate import Progress
from cascade.experiment.run import Say, start_of, unsaid
from cascade.scenario.files import Allowed


@dataclass(frozen=True)
class Calibrated:
    """A calibration that has been made, and what it says."""

    answer: Answer
    fitted: Fitted


def prepare_calibration(
    problem: str | Path, *, simulations: int | None = None, trials: int = 0, allow: Allowed = (),
    allow_code: bool = False,
) -> Simulations:  # fmt: skip
    """Return a calibration whose problem is valid, ready to run.

    Parameters
    ----------
    simulations
        Draws from the priors, in place of the problem's.
    trials
        Fits that coverage will ask for.

    Raises
    ------
    ScenarioError
        With everything that is wrong with the problem, its events and scenarios.
    """
    found = load_problem(problem, simulations=simulations, trials=trials, allow=allow)
    return prepare_simulations(found, allow=allow, allow_code=allow_code)


def calibrate(
    simulations: Simulations, *, trials: int = 0, out: str | Path = "results", jobs: int | None = None,
    processes: bool = False, cluster: str | None = None, force: bool = False, retry_failed: bool = False,
    fail_fast: bool = False, progress: Progress | None = None, say: Say | None = None,
) -> Calibrated:  # fmt: skip
    """Run what is not there yet, fit, and write the folder of the calibration.

    Parameters
    ----------
    trials
        Fits to truths that are known, for coverage; 0 for none.

    Other parameters are those of `sweep`.

    Raises
    ------
    ReplicatesError, InterruptedRunError, ResultsError
    SimulationError
        Where too few draws have figures that can be measured.
    UsageError
        Where coverage is asked for and there is one replicate.
    """
    calibration, say = simulations.calibration, say or unsaid
    if trials and calibration.asked.replicates < FEWEST_OF_COVERAGE:
        raise UsageError(
            "coverage needs 3 replicates: one plays the day, and two show the luck", where="--check-coverage",
            remedy="write replicates: 4 in the problem",
        )  # fmt: skip
    sweeps = simulations.run(
        out=Path(out), jobs=jobs, processes=processes, cluster=cluster, fail_fast=fail_fast, progress=progress,
        start=start_of(force=force, retry_failed=retry_failed), say=_new_only(say),
    )  # fmt: skip
    figures = simulations.figures(sweeps)
    table, kept = table_of(calibration.priors, calibration.moments, simulations.scores, figures)
    if table.n_draws < FEWEST_DRAWS * (1 + len(calibration.parameters)):
        raise SimulationError(
            f"only {table.n_draws} of {len(kept)} draws have every figure", where=str(calibration.path), code="CAS333",
            remedy="ask for more simulations, or leave out figures that most runs cannot say, such as the share of "
            "longs where nothing is liquidated",
        )  # fmt: skip
    if not kept.all():
        say(f"{int((~kept).sum())} of {len(kept)} draws are left out: they lack a figure")
    answer, posterior = answer_of(calibration, table, trials)
    return Calibrated(
        answer, write_calibration(calibration, answer, posterior, simulations.scores, figures, Path(out))
    )


def _new_only(say: Say) -> Callable[[str], None]:
    """Say all but that a day has been simulated already."""
    return lambda text: None if text.startswith("already done") else say(text)

"""`cascade run`: a scenario in, a folder of tables and a summary out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import expect_compiling, has_color, running, say, show, show_json
from cascade.limits import MOST_REPLICATES

if TYPE_CHECKING:
    from cascade.scenario.schema import Scenario

Replicate: TypeAlias = Annotated[
    int | None, typer.Option("--replicate", min=0, max=MOST_REPLICATES - 1, help="Run only this replicate.")
]


def run(
    file: opt.File, overrides: opt.Overrides = None, allow: opt.Allow = None, allow_code: opt.AllowCode = False,
    replicates: opt.Replicates = None, replicate: Replicate = None, seed: opt.Seed = None,
    counterfactual: opt.Counterfactual = False, out: opt.Out = Path("results"), jobs: opt.Jobs = None,
    cluster: opt.ClusterAddress = None, fail_fast: opt.FailFast = False, retry_failed: opt.RetryFailed = False,
    force: opt.Force = False, quiet: opt.Quiet = False, json: opt.AsJson = False,
) -> None:  # fmt: skip
    """Run a scenario and print the summary of its liquidations.

    The same command goes on where an interrupted run stopped.

    Exit code 3 if the scenario is invalid, 4 or 5 if replicates failed, 130 if interrupted.
    """
    from cascade.errors import ScenarioError, render_problems
    from cascade.experiment.request import runs_of
    from cascade.experiment.run import run as run_scenario
    from cascade.experiment.workers import wants_processes
    from cascade.report.summary import summarise
    from cascade.scenario.load import inspect

    scenario, problems = inspect(file, overrides or (), allow=allow or ())
    if scenario is None or any(problem.severity == "error" for problem in problems):
        raise ScenarioError(problems)
    say(render_problems(problems, color=has_color()))
    n = 1 if replicate is not None else replicates or scenario.replicates
    runs = runs_of(scenario, counterfactual=counterfactual)
    expect_compiling()
    begun = datetime.now(UTC)
    with running(n * runs * scenario.n_steps, quiet=quiet) as progress:
        result = run_scenario(
            file, overrides or (), loaded=scenario, seed=seed, replicates=replicates, replicate=replicate,
            counterfactual=counterfactual, allow=allow or (), allow_code=allow_code, out=out, jobs=jobs,
            processes=wants_processes(n, jobs),
            cluster=cluster, force=force, retry_failed=retry_failed, fail_fast=fail_fast, progress=progress,
            say=say,
        )  # fmt: skip
    if n > 1 and result.path is not None:  # one is too little to learn from
        _learn(scenario, runs, result.path, begun)
    summary = summarise(result)
    if json:
        show_json(summary.to_dict())
    else:
        show(summary.to_text())
        show(f"results: {result.path}")


def _learn(scenario: Scenario, runs: int, folder: Path, begun: datetime) -> None:
    """Remember how long the replicates of a run took that have finished since it began; earlier ones tell nothing."""
    from cascade.assembly import assemble
    from cascade.explain.cost import cost_of
    from cascade.explain.pace import learn, took_since

    took = took_since([folder], begun)
    if len(took) > 1:
        learn(scenario.name, cost_of(scenario, assemble(scenario)).measured_s(runs), took)

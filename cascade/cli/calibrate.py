"""`cascade calibrate`: fit what cannot be seen to what was observed, and say how sure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import expect_compiling, has_color, running, say, show, show_json, show_rich
from cascade.limits import MOST_VARIANTS


def calibrate(
    problem: Annotated[Path, typer.Argument(metavar="PROBLEM", help="File of parameters, priors and days.")],
    simulations: Annotated[
        int | None,
        typer.Option("--simulations", min=16, max=MOST_VARIANTS, help="Draws from the priors, in place of the file's."),
    ] = None,
    check_coverage: Annotated[
        int,
        typer.Option(
            "--check-coverage", metavar="N", min=0,
            help="Also fit to N truths that are known, and say how often the 90 % intervals hold them.",
        ),
    ] = 0,
    allow: opt.Allow = None,
    allow_code: opt.AllowCode = False,
    out: opt.Out = Path("results"),
    jobs: opt.Jobs = None,
    cluster: opt.ClusterAddress = None,
    fail_fast: opt.FailFast = False,
    retry_failed: opt.RetryFailed = False,
    force: opt.Force = False,
    dry_run: opt.DryRun = False,
    quiet: opt.Quiet = False,
    json: opt.AsJson = False,
) -> None:  # fmt: skip
    """Fit parameters of scenarios to observed figures of days, and say which of them the figures identify.

    Draws from the priors are simulated under the same luck, as a sweep for each day; the same command goes on where an
    interrupted one stopped, and more --simulations add to those that are there. The folder that it prints holds
    draws.parquet, which a scenario takes as `parameters: draws.parquet`.

    Exit code 3 if the problem or a scenario is invalid, 5 if too many replicates failed, 130 if interrupted.
    """
    from cascade.calibration.calibrate import calibrate as calibrated
    from cascade.calibration.calibrate import prepare_calibration
    from cascade.errors import render_problems
    from cascade.experiment.workers import wants_processes
    from cascade.explain.sweep_cost import cost_of_sweep
    from cascade.report.calibration import calibration_rich

    prepared = prepare_calibration(
        problem, simulations=simulations, trials=check_coverage, allow=allow or (), allow_code=allow_code
    )
    warnings = {each: None for sweep in prepared.sweeps for each in sweep.warnings}
    say(render_problems(tuple(warnings), color=has_color()))
    costs = {sweep.name: cost_of_sweep(sweep, jobs, looked_at=2) for sweep in prepared.sweeps}
    if dry_run:
        show_json(costs) if json else show(
            "\n\n".join(f"{name}\n{each.to_text()}" for name, each in costs.items())
        )
        return
    say("" if quiet else "\n".join(f"{name}: {each.time_text()}" for name, each in costs.items()))
    expect_compiling()
    with running(prepared.n_steps, quiet=quiet) as progress:
        found = calibrated(
            prepared, trials=check_coverage, out=out, jobs=jobs, processes=wants_processes(prepared.n_runs, jobs),
            cluster=cluster, force=force, retry_failed=retry_failed, fail_fast=fail_fast, progress=progress, say=say,
        )  # fmt: skip
    if json:
        show_json({"path": str(found.fitted.path), **found.answer.as_dict()})
    else:
        show_rich(*calibration_rich(found.answer), f"results: {found.fitted.path}")

"""`cascade attribute`: how much of a fall came through which channel."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import has_color, running, say, show, show_json

Channels: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--channels", metavar="A,B,C",
        help="Channels in the order of the waterfall; by default those of amplification; `contagion`: the others.",
    ),
]  # fmt: skip
Metrics: TypeAlias = Annotated[
    list[str] | None, typer.Option("--metric", help="Column of runs; may be given several times.")
]


def attribute(
    file: opt.File, overrides: opt.Overrides = None, allow: opt.Allow = None, allow_code: opt.AllowCode = False,
    replicates: opt.Replicates = None, channels: Channels = None, metric: Metrics = None, seed: opt.Seed = None,
    out: opt.Out = Path("results"), jobs: opt.Jobs = None, cluster: opt.ClusterAddress = None,
    force: opt.Force = False, dry_run: opt.DryRun = False, quiet: opt.Quiet = False, json: opt.AsJson = False,
) -> None:  # fmt: skip
    """Run every coalition of channels under the same luck, and print what each channel did.

    k channels take 2^k runs of every replicate. The same command goes on where an interrupted one stopped.

    Exit code 2 for a channel or metric there is not, 3 if the scenario is invalid, 5 if replicates failed.
    """
    from cascade.errors import render_problems
    from cascade.experiment.attribution import attribution_of, prepare_attribution
    from cascade.experiment.run import start_of
    from cascade.experiment.sweep import run_prepared
    from cascade.experiment.workers import wants_processes
    from cascade.explain.sweep_cost import cost_of_sweep
    from cascade.report.attribution import attribution_dict, attribution_text
    from cascade.scenario.words import words_in

    named = None if channels is None else words_in(channels)
    prepared = prepare_attribution(
        file, overrides or (), channels=named, replicates=replicates, metrics=metric, seed=seed,
        allow=allow or (), allow_code=allow_code,
    )  # fmt: skip
    say(render_problems(prepared.warnings, color=has_color()))
    n = len(prepared.request.replicates)
    say(f"{len(prepared.variants)} coalitions of {n} replicates: {prepared.n_runs:,} runs")
    if dry_run:
        cost = cost_of_sweep(prepared, jobs)
        show_json(cost) if json else show(cost.to_text())
        return
    with running(prepared.n_steps, quiet=quiet) as progress:
        sweep = run_prepared(
            prepared, out=out, jobs=jobs, processes=wants_processes(prepared.n_runs, jobs), cluster=cluster,
            start=start_of(force=force, retry_failed=False), fail_fast=False, progress=progress, say=say,
        )  # fmt: skip
    found = attribution_of(sweep, metric)
    if json:
        show_json(attribution_dict(found))
    else:
        show(attribution_text(found))
        show(f"results: {found.path}")

"""`cascade sweep`: many variants of a scenario under the same luck."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import expect_compiling, has_color, running, say, show, show_json, show_rich, width
from cascade.limits import MOST_VARIANTS

if TYPE_CHECKING:
    from cascade.experiment.sweep import Prepared
    from cascade.output.sweep import Sweep


class DesignName(StrEnum):
    """How the values of a sweep are combined."""

    GRID = "grid"
    LHS = "lhs"
    SOBOL = "sobol"


File: TypeAlias = Annotated[Path, typer.Argument(metavar="FILE", help="Scenario, or sweep file.")]
Options: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--set", "-s", metavar="PATH=VALUE,VALUE",
        help="Values that vary, e.g. -s makers.0.depth.scale=0.25x,0.5x,1x; a single value is shared by all.",
    ),
]  # fmt: skip
Design: TypeAlias = Annotated[
    DesignName | None,
    typer.Option("--design", help="Every combination, a Latin hypercube or a Sobol sequence."),
]
PointsDrawn: TypeAlias = Annotated[
    int | None,
    typer.Option("--points", min=1, max=MOST_VARIANTS, help="Points that --design lhs or sobol draws."),
]
Metrics: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--metric", metavar="NAME", help="Show this figure; may be repeated. complete_usd@99% is a quantile."
    ),
]


def sweep(
    file: File, options: Options = None, allow: opt.Allow = None, allow_code: opt.AllowCode = False,
    replicates: opt.Replicates = None, design: Design = None, points: PointsDrawn = None, seed: opt.Seed = None,
    metrics: Metrics = None, counterfactual: opt.Counterfactual = False, out: opt.Out = Path("results"),
    jobs: opt.Jobs = None, cluster: opt.ClusterAddress = None, fail_fast: opt.FailFast = False,
    retry_failed: opt.RetryFailed = False, force: opt.Force = False, dry_run: opt.DryRun = False,
    quiet: opt.Quiet = False, json: opt.AsJson = False,
) -> None:  # fmt: skip
    """Run variants of a scenario under the same luck: replicate k differs only by what varies.

    The same command goes on where an interrupted sweep stopped, and computes nothing twice.

    Exit code 3 if a scenario is invalid, 5 if replicates failed, 130 if interrupted.
    """
    from cascade.errors import render_problems
    from cascade.experiment.recorder import units_of
    from cascade.experiment.run import start_of
    from cascade.experiment.sweep import prepare, run_prepared
    from cascade.experiment.workers import wants_processes
    from cascade.explain.pace import learn, took_since
    from cascade.explain.sweep_cost import cost_of_sweep
    from cascade.output.sweep import VARIANTS
    from cascade.report.sweep_answer import refuse_unknown

    prepared = prepare(
        file, options or (), design=None if design is None else design.value, points=points, seed=seed,
        replicates=replicates, counterfactual=counterfactual, allow=allow or (), allow_code=allow_code,
    )  # fmt: skip
    refuse_unknown(units_of(prepared.variants[0].scenario), metrics or ())
    say(render_problems(prepared.warnings, color=has_color()))
    if dry_run:
        _show_plan(prepared, jobs, json=json)
        return
    cost = cost_of_sweep(prepared, jobs, looked_at=1)
    say("" if quiet else cost.time_text())
    expect_compiling()
    begun = datetime.now(UTC)
    with running(prepared.n_steps, quiet=quiet) as progress:
        found = run_prepared(
            prepared, out=out, jobs=jobs, processes=wants_processes(prepared.n_runs, jobs), cluster=cluster,
            start=start_of(force=force, retry_failed=retry_failed), fail_fast=fail_fast, progress=progress,
            say=say,
        )  # fmt: skip
    folders = [found.path / VARIANTS / name for name in found.variants]
    learn(prepared.variants[0].scenario.name, cost.replicate_s, took_since(folders, begun))
    _show_done(found, metrics or (), json=json)


def _show_plan(prepared: Prepared, jobs: int | None, *, json: bool) -> None:
    """Print the variants of a sweep, and what it would take."""
    from cascade.explain.sweep_cost import cost_of_sweep

    cost = cost_of_sweep(prepared, jobs)
    if json:
        variants = [{"name": each.name, "values": each.shown} for each in prepared.variants]
        show_json({"name": prepared.name, "variants": variants, **cost.as_dict()})
        return
    for each in prepared.variants:
        show(f"  {each.name}")
    show(cost.to_text())


def _show_done(found: Sweep, metrics: Sequence[str], *, json: bool) -> None:
    """Print what came of a sweep, and where it is."""
    from cascade.report.sweep_answer import answer_dict, answer_rich, answer_to

    answer = answer_to(found, metrics)
    if json:
        show_json({"path": str(found.path), **_plain(found.manifest), "figures": answer_dict(answer)})
        return
    outcome: dict[str, Any] = found.manifest["outcome"]
    show_rich(*answer_rich(answer, width()), outcome["text"], f"results: {found.path}")


def _plain(manifest: Any) -> dict[str, Any]:
    return {name: manifest[name] for name in ("name", "request", "parameters", "variants", "outcome")}

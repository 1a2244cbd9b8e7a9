"""`cascade threshold` and `cascade frontier`: from which value of a field on something happens."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import expect_compiling, has_color, running, say, show, show_json, show_rich

if TYPE_CHECKING:
    from cascade.experiment.search import Search
    from cascade.output.sweep import Sweep

Vary: TypeAlias = Annotated[
    str,
    typer.Option(
        "--vary", metavar="PATH=LOW..HIGH",
        help="The field and its range, e.g. shocks.sale.notional=1M..100M; the path alone looks from a tenth to "
        "ten times of the scenario's value.",
    ),
]  # fmt: skip
Until: TypeAlias = Annotated[
    str, typer.Option("--until", metavar="EVENT", help="What happens in a replicate, e.g. 'liquidated_usd > 10M'.")
]  # fmt: skip
Share: TypeAlias = Annotated[
    str, typer.Option("--share", metavar="SHARE", help="In how many replicates it happens, e.g. 1%.")
]
Within: TypeAlias = Annotated[
    str, typer.Option("--within", metavar="SHARE", help="How finely the value is looked for.")
]


def threshold(
    scenario: opt.Scenario, vary: Vary, until: Until, overrides: opt.Overrides = None, share: Share = "50%",
    within: Within = "5%", replicates: opt.Replicates = None, seed: opt.Seed = None, allow: opt.Allow = None,
    allow_code: opt.AllowCode = False,
    out: opt.Out = Path("results"), jobs: opt.Jobs = None, cluster: opt.ClusterAddress = None,
    fail_fast: opt.FailFast = False, retry_failed: opt.RetryFailed = False, force: opt.Force = False,
    dry_run: opt.DryRun = False, quiet: opt.Quiet = False, json: opt.AsJson = False,
) -> None:  # fmt: skip
    """Find the smallest value of a field from which on an event happens, with its interval.

    The range is halved where the event comes, or goes away, under the same luck at each value; the same command goes
    on where an interrupted search stopped. An event that comes does so in at least --share of the replicates from the
    threshold on; one that goes away happens in at most --share: a fund is enough where adl_usd > 0 in 1 % of them.

    Exit code 3 if the scenario is invalid, 5 if replicates failed, 130 if interrupted.
    """
    from cascade.experiment.search import prepare_search
    from cascade.experiment.threshold import write_frontier
    from cascade.report.threshold import threshold_rich

    search = prepare_search(
        scenario, vary, until, overrides or (), share=share, within=within, seed=seed, replicates=replicates,
        allow=allow or (), allow_code=allow_code,
    )  # fmt: skip
    found = _searched(search, out, jobs, cluster, fail_fast, retry_failed, force, dry_run, quiet, json)
    if found is None:
        return
    answer = write_frontier(found).thresholds[0]
    show_json(answer) if json else show_rich(*threshold_rich(answer), f"results: {found.path}")


def frontier(
    scenario: opt.Scenario, vary: Vary,
    against: Annotated[
        str,
        typer.Option(
            "--against", metavar="PATH=VALUE,VALUE",
            help="The other field and its values, or a range of which five are taken: ...scale=0.1x..1x.",
        ),
    ],
    until: Until, overrides: opt.Overrides = None, share: Share = "50%", within: Within = "5%",
    replicates: opt.Replicates = None, seed: opt.Seed = None, allow: opt.Allow = None, allow_code: opt.AllowCode = False,
    out: opt.Out = Path("results"), jobs: opt.Jobs = None, cluster: opt.ClusterAddress = None,
    fail_fast: opt.FailFast = False, retry_failed: opt.RetryFailed = False, force: opt.Force = False,
    dry_run: opt.DryRun = False, quiet: opt.Quiet = False, json: opt.AsJson = False,
) -> None:  # fmt: skip
    """Find the threshold of one field for each value of another: the critical line, with its band.

    `cascade report` draws it from the folder of results, which holds it as parquet and CSV.

    Exit code 3 if the scenario is invalid, 5 if replicates failed, 130 if interrupted.
    """
    from cascade.experiment.search import prepare_search
    from cascade.experiment.threshold import write_frontier
    from cascade.report.threshold import frontier_rich

    search = prepare_search(
        scenario, vary, until, overrides or (), against=against, share=share, within=within, seed=seed,
        replicates=replicates, allow=allow or (), allow_code=allow_code,
    )  # fmt: skip
    found = _searched(search, out, jobs, cluster, fail_fast, retry_failed, force, dry_run, quiet, json)
    if found is None:
        return
    answer = write_frontier(found)
    show_json(answer) if json else show_rich(*frontier_rich(answer), f"results: {found.path}")


def _searched(
    search: Search, out: Path, jobs: int | None, cluster: str | None, fail_fast: bool, retry_failed: bool,
    force: bool, dry_run: bool, quiet: bool, json: bool,
) -> Sweep | None:  # fmt: skip
    """Run a search, with its progress; None where only what it would take is asked for."""
    from cascade.errors import render_problems
    from cascade.experiment.workers import wants_processes
    from cascade.explain.pace import learn, took_since
    from cascade.explain.sweep_cost import cost_of_search
    from cascade.output.sweep import VARIANTS

    say(render_problems(search.warnings, color=has_color()))
    cost = cost_of_search(search, jobs)
    if dry_run:
        show_json(cost) if json else show(cost.to_text())
        return None
    say("" if quiet else cost.time_text())
    expect_compiling()
    n_runs = search.n_expected * len(search.request.replicates)
    begun = datetime.now(UTC)
    with running(search.steps(search.n_expected), quiet=quiet) as progress:

        def told(now: int, left: int) -> None:
            if progress is not None:
                progress.expect(search.steps(now + left), f"{now} values, about {left} to follow")

        found = search.run(
            out=out, jobs=jobs, processes=wants_processes(n_runs, jobs), cluster=cluster, force=force,
            retry_failed=retry_failed, fail_fast=fail_fast, progress=progress, told=told, say=say,
        )  # fmt: skip
    folders = [found.path / VARIANTS / name for name in found.variants]
    learn(search.variants[0].scenario.name, cost.replicate_s, took_since(folders, begun))
    return found

"""`cascade live`: a scenario on a local page while it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import expect_compiling, has_color, say, show
from cascade.cli.view import Browser, Port, serve
from cascade.limits import MOST_REPLICATES


def live(
    scenario: opt.Scenario,
    overrides: opt.Overrides = None,
    allow: opt.Allow = None,
    allow_code: opt.AllowCode = False,
    replicate: Annotated[
        int, typer.Option("--replicate", min=0, max=MOST_REPLICATES - 1, help="The replicate that runs.")
    ] = 0,
    seed: opt.Seed = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Keep the run in a folder of results, as `cascade run` writes it."),
    ] = None,
    force: opt.Force = False,
    port: Port = 0,
    browser: Browser = True,
) -> None:
    """Watch one replicate of a scenario while it runs, and what one changed value does beside it.

    The page is served by this machine to itself, under a random address, until Ctrl-C. Without -o nothing is
    written: `cascade run` with the same seed has the same numbers.

    Exit code 3 if the scenario is invalid, 130 if a run that is kept is ended before its end.
    """
    from cascade.acting import admit_code
    from cascade.errors import ScenarioError, render_problems
    from cascade.experiment.run import ended, kept
    from cascade.scenario.load import inspect
    from cascade.view.session import Session

    loaded, problems = inspect(scenario, overrides or (), allow=allow or ())
    if loaded is None or any(problem.severity == "error" for problem in problems):
        raise ScenarioError(problems)
    say(render_problems(problems, color=has_color()))
    admit_code([loaded], scenario, overrides or (), allowed=allow_code)
    loaded = loaded if seed is None else loaded.replace(seed=seed)
    expect_compiling()
    ongoing = None
    if out is not None:
        ongoing = kept(
            loaded, scenario, replicate, overrides or (),
            allow=allow or (), allow_code=allow_code, out=out, force=force,
        )  # fmt: skip
    serve(Session.of_scenario(loaded, replicate, allow_code=allow_code, kept=ongoing), port, browser=browser)
    if ongoing is not None:
        show(f"results: {ended(ongoing).path}")

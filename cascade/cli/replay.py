"""`cascade replay`: one replicate again, with everything recorded around its worst minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import running, say, show, show_json


def replay(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or of a sweep's variant.")],
    replicate: Annotated[int, typer.Option("--replicate", "-k", min=0, help="The replicate.")] = 0,
    window: Annotated[
        str,
        typer.Option(
            "--window", metavar="worst|START..END",
            help="What to record: the worst ten minutes, or times such as 2h..2h20m.",
        ),
    ] = "worst",
    allow_code: opt.AllowCode = False,
    out: opt.Out = Path("results"),
    force: opt.Force = False,
    quiet: opt.Quiet = False,
    json: opt.AsJson = False,
) -> None:  # fmt: skip
    """Run a replicate of a finished run again, with all trades, the book and the accounts of a window.

    The rows that the run has stored must come out again, or the replay says what differs (exit code 6).
    """
    from cascade.experiment.replay import replay as run_again
    from cascade.experiment.request import scenario_of
    from cascade.output.reader import read

    scenario = scenario_of(read(folder))  # says what is wrong with the folder before anything is shown
    with running(scenario.n_steps, quiet=quiet) as progress:
        done = run_again(
            folder, replicate, window=window, allow_code=allow_code, out=out, force=force, progress=progress,
            say=say,
        )  # fmt: skip
    if json:
        show_json(
            {
                "path": str(done.result.path), "window": [done.window.start, done.window.end],
                "rows": done.rows(), "equal_rows": dict(done.compared),
            }
        )  # fmt: skip
        return
    equal = ", ".join(f"{n:,} of {name}" for name, n in done.compared.items())
    show(f"replicate {replicate} repeats the stored rows: {equal}")
    show(f"recorded in full: {done.window} of the run")
    for name, n in done.rows().items():
        show(f"  {name:<14}{n:>12,} rows")
    show(f"results: {done.result.path}")

"""`cascade validate`: every problem of scenario files at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import has_color, leave, say, show, show_json
from cascade.errors import ExitCode, render_problems


def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Scenario files.")],
    overrides: opt.Overrides = None,
    allow: opt.Allow = None,
    strict: Annotated[bool, typer.Option("--strict", help="Treat warnings as errors.")] = False,
    rulebook: Annotated[bool, typer.Option("--rulebook", help="The files are rulebooks.")] = False,
    json: opt.AsJson = False,
) -> None:
    """Check scenario files and say what to write instead.

    Exit code 3 if a file has an error, or with --strict a warning.
    """
    from cascade.scenario.load import report

    reports = [report(file, overrides or (), allow=allow or (), rulebook=rulebook) for file in files]
    for each in reports:
        say(render_problems(each.problems, color=has_color()))
        if each.is_valid and not json:
            show(each.summary)
    if json:
        show_json(reports)
    if any(not each.is_valid or (strict and each.problems) for each in reports):
        leave(ExitCode.SCENARIO)

"""`cascade migrate`: a scenario in the form of the new price formation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import has_color, leave, say, show
from cascade.errors import ExitCode, refuse_existing, render_problems


def migrate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A scenario file.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="OUT", help="Write the new scenario there.")
    ] = None,
    allow: opt.Allow = None,
    force: opt.OverwriteFile = False,
) -> None:
    """Show how a scenario reads in the form of the new price formation, or write it.

    Impact of orders, lean, activity, makers who refill slowly and quote at the touch, and flow with a memory take
    the place of learning, of one kind of makers and of plain flow. The difference is printed; what had to be
    assumed is marked under `sources:`.
    """
    from cascade.explain.new_form import migrate as migrated
    from cascade.scenario.load import report

    found = migrated(file, allow=allow or ())
    if not found.diff:
        say(f"{file}: prices form in the new way already")
        return
    show(found.diff.rstrip("\n"))
    if out is None:
        say(f"nothing is written; write it with: cascade migrate {file} -o NEW.yaml")
        return
    refuse_existing(out, force=force)
    out.write_text(found.after, encoding="utf-8")
    checked = report(out, allow=allow or ())
    say(render_problems(checked.problems, color=has_color()))
    if not checked.is_valid:
        leave(ExitCode.SCENARIO)
    say(f"written: {out}\nnext: cascade explain {out}")

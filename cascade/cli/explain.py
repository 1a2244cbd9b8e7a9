"""`cascade explain`: what a scenario, the step, a code or a metric means."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import has_color, say, show_json, show_rich
from cascade.errors import render_problems
from cascade.limits import MOST_REPLICATES


def explain(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="SUBJECT", help="A scenario file, `step`, a code such as CAS109, or a metric."
        ),
    ],
    overrides: opt.Overrides = None,
    allow: opt.Allow = None,
    replicate: Annotated[
        int,
        typer.Option("--replicate", "-r", min=0, max=MOST_REPLICATES - 1, help="The realisation to draw."),
    ] = 0,
    all_figures: Annotated[bool, typer.Option("--all", help="Show figures that are defaults, too.")] = False,
    json: opt.AsJson = False,
) -> None:
    """Explain a scenario before it is run: timeline, what moves the price, figures, population, liquidations, cost.

    Or explain `step` (the order of a step), a code such as CAS109, or a metric.
    """
    from cascade.explain.render import render, render_topic
    from cascade.explain.topics import topic

    if not _is_file(subject):
        found = topic(subject)
        if json:
            show_json(found)
        else:
            show_rich(*render_topic(found))
        return
    from cascade.explain import explain_scenario

    explanation = explain_scenario(subject, overrides or (), replicate, allow=allow or ())
    say(render_problems(explanation.problems, color=has_color()))
    if json:
        show_json(explanation)
    else:
        show_rich(*render(explanation, all_figures=all_figures))


def _is_file(subject: str) -> bool:
    return subject.endswith((".yaml", ".yml")) or "/" in subject or Path(subject).is_file()

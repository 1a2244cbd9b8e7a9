"""`cascade explain`: what a scenario, the step, a code or a metric means."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from cascade.cli.terminal import AsJson, Overrides, has_color, say, show, show_json
from cascade.errors import render_problems

_PLAIN_WIDTH = 200


def explain(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="SUBJECT", help="A scenario file, `step`, a code such as CAS109, or a metric."
        ),
    ],
    overrides: Overrides = None,
    replicate: Annotated[int, typer.Option("--replicate", "-r", min=0, help="The realisation to draw.")] = 0,
    all_figures: Annotated[bool, typer.Option("--all", help="Show figures that are defaults, too.")] = False,
    json: AsJson = False,
) -> None:
    """Explain a scenario before it is run: timeline, figures, population, liquidation map, cost.

    Or explain `step` (the order of a step), a code such as CAS109, or a metric.
    """
    from cascade.explain.render import render, render_topic
    from cascade.explain.topics import topic

    if not _is_file(subject):
        found = topic(subject)
        if json:
            show_json(found.as_dict())
        else:
            _print(render_topic(found))
        return
    from cascade.explain import explain_scenario

    explanation = explain_scenario(subject, overrides or (), replicate)
    say(render_problems(explanation.problems, color=has_color()))
    if json:
        show_json(explanation.as_dict())
    else:
        _print(render(explanation, all_figures=all_figures))


def _is_file(subject: str) -> bool:
    return subject.endswith((".yaml", ".yml")) or "/" in subject or Path(subject).is_file()


def _print(parts: Iterable[Any]) -> None:
    """Print to stdout: for a terminal in its width and colours, else plain and wide."""
    import io
    import sys

    from rich.console import Console

    if sys.stdout.isatty():
        console = Console(highlight=False, emoji=False, markup=False)
        for part in parts:
            console.print(part)
        return
    text = io.StringIO()
    console = Console(
        file=text, width=_PLAIN_WIDTH, color_system=None, highlight=False, emoji=False, markup=False
    )
    for part in parts:
        console.print(part)
    show("\n".join(line.rstrip() for line in text.getvalue().splitlines()))

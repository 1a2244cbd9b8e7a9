"""`cascade init`: a scenario to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import say, show


def init(
    place: Annotated[Path, typer.Argument(metavar="[DIR or FILE.yaml]", help="Where to write it.")] = Path(),
    source: Annotated[str, typer.Option("--from", metavar="NAME", help="A shipped scenario.")] = "example",
    list_all: Annotated[bool, typer.Option("--list", help="List the shipped scenarios.")] = False,
    force: opt.OverwriteFile = False,
) -> None:
    """Write a commented example scenario, or a copy of a shipped one."""
    from cascade.scenario.gallery import catalogue, copy_to

    if list_all:
        for name, description in catalogue().items():
            show(f"{name:<28} {description}")
        return
    path = copy_to(place, source, force=force)
    show(str(path))
    say(f"next: cascade validate {path}\n      cascade run {path}")

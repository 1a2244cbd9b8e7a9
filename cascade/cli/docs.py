"""`cascade docs`: the documentation that comes with the package."""

from __future__ import annotations

from typing import Annotated

import typer

from cascade.cli.terminal import say, show


def docs(
    topic: Annotated[str, typer.Argument(metavar="[TOPIC]", help="Name of a page.")] = "",
) -> None:
    """Print a page of the documentation, or list the pages."""
    from cascade.manual import page, pages

    if topic:
        show(page(topic))
        return
    for name, title in pages().items():
        show(f"{name:<20} {title}")
    say("read one with: cascade docs TOPIC")

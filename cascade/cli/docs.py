"""`cascade docs`: the documentation that comes with the package."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cascade.cli import options as opt
from cascade.cli.terminal import say, show

_SHOWN = 40
"""Lines that a search prints."""


def docs(
    topic: Annotated[str, typer.Argument(metavar="[TOPIC]", help="Name of a page.")] = "",
    search: Annotated[
        str | None, typer.Option("--search", metavar="WORDS", help="Print the lines that have all words.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="DIR", help="Write all pages and the API as a static site.")
    ] = None,
    force: opt.Force = False,
) -> None:  # fmt: skip
    """Read a page of the documentation, search all of them, or list them.

    In a terminal a page is set and shown by the pager; elsewhere it is printed as it is written, in Markdown.
    """
    from cascade.manual import page, pages

    if html is not None:
        from cascade.report.site import write_site

        show(str(write_site(html, force=force)))
    elif search is not None:
        _show_hits(search)
    elif topic:
        _show_page(page(topic))
    else:
        for name, title in pages().items():
            show(f"{name:<20} {title}")
        say("read one with: cascade docs TOPIC; find a word with: cascade docs --search WORD")


def _show_page(text: str) -> None:
    """Set a page for a terminal, or print it as it is."""
    if not sys.stdout.isatty():
        show(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    with console.pager(styles=True):
        console.print(Markdown(text))


def _show_hits(words: str) -> None:
    """Print where all words are found, page by page."""
    from cascade.manual import search

    found = list(search(words))
    last = ""
    for hit in found[:_SHOWN]:
        place = hit.page if hit.heading == hit.line else f"{hit.page}: {hit.heading}"
        if place != last:
            show(place)
        show(f"    {hit.line[:160]}")
        last = place
    more = f", {_SHOWN} of them shown" if len(found) > _SHOWN else ""
    say(f"{len(found):,} lines{more}; read a page with: cascade docs TOPIC")

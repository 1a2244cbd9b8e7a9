"""Rows of text under titles: for a terminal, and in Markdown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from cascade.escape import markdown_coded

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text


def rich_table(
    titles: Sequence[str], rows: Iterable[Sequence[str | Text]], *,
    left: Collection[int] = (), wraps: Collection[int] = (), has_edge: bool = False,
) -> RenderableType:  # fmt: skip
    """Return a table for a terminal.

    Parameters
    ----------
    left
        Columns that begin at the left; the others end at the right.
    wraps
        Columns that may break into lines.
    has_edge
        Whether it has a margin of its own.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=has_edge)
    for place, title in enumerate(titles):
        table.add_column(title, justify="left" if place in left else "right", no_wrap=place not in wraps)
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return table


def markdown_lines(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table in Markdown; of what a cell says only code between backticks is markup."""
    return [
        f"| {' | '.join(titles)} |",
        "|---" * len(titles) + "|",
        *(f"| {' | '.join(map(markdown_coded, row))} |" for row in rows),
    ]

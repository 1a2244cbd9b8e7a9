"""What the sections of an explanation are made of: titles, tables, lines that explain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table


def table(*titles: str, right: Sequence[int] = ()) -> Table:
    """Return an empty table; titles may be blank, and columns aligned to the right."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=any(titles))
    for number, title in enumerate(titles):
        made.add_column(title, justify="right" if number in right else "left", header_style="dim")
    return made


def heading(text: str) -> RenderableType:
    """Return the title of a section."""
    from rich.text import Text

    return Text(f"\n{text}", style="bold")


def note(text: str) -> RenderableType:
    """Return a line that explains."""
    from rich.text import Text

    return Text(text, style="dim")

"""The table of an answer in a terminal: as many columns as it is wide, and what is left out by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from textwrap import fill
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

MOST_ROWS: Final = 30
"""Runs that a screen holds."""

GAP: Final = 2
"""Columns between two of the table."""

NARROWEST: Final = 12
"""Letters across a column: a head of several words breaks into few lines."""

_TINTS: Final = {"": "", "worse": "red", "better": "green", "other": "bold"}


class Cell(NamedTuple):
    """A figure, and below it what is said of it."""

    lines: tuple[str, ...]
    kind: str = ""
    """Of a verdict in the lines below the figure: their colour."""

    def text(self) -> Text:
        """Return it for a terminal."""
        from rich.text import Text

        first, *more = self.lines
        found = Text(first)
        for line in more:
            found.append(f"\n{line}", style=_TINTS.get(self.kind, "dim"))
        return found


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table: its metric, what a reader calls that, and a cell for each row."""

    metric: str
    head: str
    cells: tuple[Cell, ...]
    breaks: bool = False
    """Whether its head may break within a word, as the name of a run does."""

    @property
    def width(self) -> int:
        """Letters across it."""
        words = [] if self.breaks else self.head.split()
        return max(NARROWEST, *map(len, (*words, *(line for cell in self.cells for line in cell.lines))))


def narrow(columns: Sequence[Column]) -> list[Column]:
    """Return columns with intervals on a line of their own."""
    return [replace(column, cells=tuple(_broken(cell) for cell in column.cells)) for column in columns]


def _broken(cell: Cell) -> Cell:
    lines = (part for line in cell.lines for part in line.replace(" [", "\n[").split("\n"))
    return cell._replace(lines=tuple(lines))


def turned(columns: Sequence[Column], heads: Sequence[str]) -> list[Column]:
    """Return what the rows were as columns, with heads of their own."""
    return [
        Column("", head, tuple(column.cells[row] for column in columns), breaks=True)
        for row, head in enumerate(heads)
    ]


def that_fit(names: Sequence[str], columns: Sequence[Column], width: int) -> list[Column]:
    """Return the first columns that fit beside the names of the rows, and one in any case."""
    room = width - _across(names, width)
    shown: list[Column] = []
    for column in columns:
        room -= GAP + column.width
        if room < 0 and shown:
            return shown
        shown.append(column)
    return shown


def _across(names: Sequence[str], width: int) -> int:
    """Return the letters across the names of rows: longer ones break."""
    longest = max(len(line) for name in names for line in name.splitlines())
    return min(longest, max(NARROWEST, width // 3))


def _folded(text: str, width: int, *, breaks: bool) -> str:
    return "\n".join(fill(line, width, break_long_words=breaks) for line in text.splitlines())


def table(corner: str, names: Sequence[str], columns: Sequence[Column], width: int) -> RenderableType:
    """Return a table whose first column, under `corner`, has the names of its rows."""
    from rich.table import Table

    found = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    across = _across(names, width)
    found.add_column(corner, header_style="dim", no_wrap=True)
    for column in columns:
        head = _folded(column.head, column.width, breaks=column.breaks)
        found.add_column(head, justify="right", header_style="dim", no_wrap=True)
    for row, name in enumerate(names):
        found.add_row(_folded(name, across, breaks=True), *(column.cells[row].text() for column in columns))
    return found


def left_out(columns: Sequence[Column]) -> str:
    """Return what a terminal is too narrow for, each by the name that `--metric` takes."""
    named = "; ".join(f"{column.head} ({column.metric})" for column in columns)
    return f"In a wider terminal, or with --metric NAME: {named}."

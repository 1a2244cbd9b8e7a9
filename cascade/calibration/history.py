"""What other days were like: a table of a row a day, from which baselines are fitted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cascade.analysis.statistics.estimate import Floats
from cascade.calibration.figures import MEASURES, Figure
from cascade.scenario.cells import BadCellError, is_empty, plain, shown
from cascade.scenario.tables import read_table

PATH: Final = ("range_pct", "return_pct")
"""What the path of a day is to a baseline; of the day that is foretold it is given, as the simulation is given it."""

Days = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class History:
    """Figures of days, by column; NaN where one is not known."""

    days: Days
    columns: Mapping[str, Floats]

    def known(self, start: date, day: date) -> History:
        """Return what may be known of an event on one of its days: figures before its start, the path before the day."""
        kept, is_before = self.days < np.datetime64(day), self.days < np.datetime64(start)
        columns = {
            name: (values if name.partition(".")[0] in PATH else np.where(is_before, values, np.nan))[kept]
            for name, values in self.columns.items()
        }
        return History(self.days[kept], columns)

    def value(self, column: str, day: date) -> float | None:
        """Return the figure of a day, or None where it is not known."""
        if column not in self.columns:
            return None
        found = self.columns[column][self.days == np.datetime64(day)]
        return float(found[0]) if len(found) and math.isfinite(found[0]) else None


def column_of(figure: Figure) -> str:
    """Return the column of a figure: `liquidated_usd.BTC.long`; what has no coin, or both sides, leaves that out."""
    side = "" if figure.side == "both" else figure.side
    return ".".join(word for word in (figure.what, figure.asset, side) if word)


def path_column(what: str, figure: Figure) -> str:
    """Return the column of the path that a figure goes with: of its coin."""
    return f"{what}.{figure.asset}" if figure.asset else what


def read_history(path: Path, figures: Iterable[Figure]) -> History:
    """Return a table of days with the columns that some figures and their baselines take.

    Raises
    ------
    ScenarioError
        With everything that is wrong with the table, and where.
    """
    wanted = {column_of(figure): figure.what for figure in figures}
    for figure in figures:
        wanted |= {path_column(what, figure): what for what in PATH}
    optional = {column: _bounded(what) for column, what in wanted.items()}
    table = read_table(path, {"day": _day}, optional)
    days = table.columns["day"]
    seen: set[date] = set()
    for row, day in zip(table.rows, days, strict=True):
        if day in seen:
            table.note(row, "day", f"{day} is there twice", "keep one row of each day")
        elif isinstance(day, date):
            seen.add(day)
    table.raise_problems()
    order = np.argsort(np.array(days, "datetime64[D]"), kind="stable")
    columns = {
        name: np.array(cells, np.float64)[order] for name, cells in table.columns.items() if name != "day"
    }
    return History(np.array(days, "datetime64[D]")[order], columns)


def _day(cell: Any) -> date:
    if isinstance(cell, datetime):
        return cell.date()
    try:
        return cell if isinstance(cell, date) else date.fromisoformat(str(cell).strip())
    except ValueError:
        raise BadCellError(f"{shown(cell)} is not a day", "write it as 2025-07-01") from None


def _bounded(what: str) -> Any:
    """Return what reads a cell of a kind of figure; an empty one is NaN."""
    low, high = MEASURES[what].bounds  # type: ignore[index]

    def parse(cell: Any) -> float:
        """Return the figure in a cell; NaN where it is empty."""
        if is_empty(cell):
            return math.nan
        try:
            value = plain(cell)
        except (TypeError, ValueError):
            raise BadCellError(
                f"{shown(cell)} is not a number", "write plain digits, or leave it empty"
            ) from None
        if not low <= value <= high:
            raise BadCellError(f"{value:g} cannot be a {what}", f"write a number from {low:g} to {high:g}")
        return value

    return parse

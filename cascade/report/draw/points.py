"""The points a renderer draws: rows of a table, thinned so that no spike is lost."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from cascade.report.builders.table import Floats, Table
from cascade.report.figures.spec import FigureSpec, Panel, Points, Where

MOST_POINTS = 2000
"""Points of a line."""


def rows_of(table: Table, where: Where) -> npt.NDArray[np.intp]:
    """Return the numbers of the rows a series draws."""
    if where is None:
        return np.arange(len(table))
    column, name = where
    return np.flatnonzero(np.array(table.names(column)) == name)


def rows_marked(spec: FigureSpec, series: Points) -> npt.NDArray[np.intp]:
    """Return the numbers of the rows in which a marker stands: those that have a value."""
    rows = rows_of(spec.table, series.where)
    return rows[~np.isnan(spec.table.numbers(series.x or spec.x_column)[rows])]


def names_beside(spec: FigureSpec, panel: Panel) -> list[str]:
    """Return the names that run down a panel, in the order of the table, without those that have nothing beside them."""
    points = [series for series in panel.series if isinstance(series, Points)]
    names = spec.table.names(points[0].y if points else spec.x_column)
    marked = (
        {int(row) for series in points for row in rows_marked(spec, series)} if points else range(len(names))
    )
    return list(dict.fromkeys(name for row, name in enumerate(names) if row in marked))


def thinned(y: Floats, most: int = MOST_POINTS) -> npt.NDArray[np.intp]:
    """Return which points to draw: of each stretch the first, the lowest and the highest, and the last of all."""
    n = len(y)
    if n <= most:
        return np.arange(n)
    edges = np.linspace(0, n, most // 3 + 1).astype(np.intp)
    kept: list[Any] = [0, n - 1]
    filled = np.where(np.isnan(y), np.inf, y), np.where(np.isnan(y), -np.inf, y)
    for start, end in pairwise(edges.tolist()):
        kept += [
            start,
            start + int(np.argmin(filled[0][start:end])),
            start + int(np.argmax(filled[1][start:end])),
        ]
    return np.unique(np.array(kept, dtype=np.intp))[:most]


def numbers_or_names(table: Table, column: str, rows: npt.NDArray[np.intp], *, is_category: bool) -> Any:
    """Return the cells of a column in some rows, as an array of numbers or a list of names."""
    if is_category:
        names = table.names(column)
        return [names[row] for row in rows]
    return table.numbers(column)[rows]

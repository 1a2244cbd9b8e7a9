"""Cells of data files, as CSV or parquet have them, into numbers, times and texts; each fault says what to write."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

from cascade.errors import UNPRINTABLE
from cascade.limits import FIRST_YEAR, LAST_YEAR
from cascade.units import quoted

Parser: TypeAlias = Callable[[Any], Any]


class BadCellError(ValueError):
    """A cell that cannot be read, and what to write instead."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def shown(cell: Any) -> str:
    """Return a cell as messages quote it."""
    return quoted("" if cell is None else str(cell))


def plain(cell: Any) -> float:
    """Return what plain digits say; raise ValueError or TypeError at anything else, such as digits of other scripts."""
    if isinstance(cell, str) and ("_" in cell or not cell.isascii()):
        raise ValueError(cell)
    return float(cell)


def number(cell: Any) -> float:
    """Return a finite number."""
    try:
        value = plain(cell)
    except (TypeError, ValueError):
        raise BadCellError(f"{shown(cell)} is not a number", "write plain digits, such as 1250.5") from None
    if not math.isfinite(value):
        raise BadCellError(f"{shown(cell)} is not a finite number", "write plain digits, such as 1250.5")
    return value


def positive(cell: Any) -> float:
    """Return a number above 0."""
    value = number(cell)
    if value <= 0:
        raise BadCellError(f"must be above 0, not {value:g}", "correct or remove this row")
    return value


def not_negative(cell: Any) -> float:
    """Return a number of at least 0."""
    value = number(cell)
    if value < 0:
        raise BadCellError(f"must be at least 0, not {value:g}", "correct or remove this row")
    return value


def is_empty(cell: Any) -> bool:
    """Tell whether there is nothing in a cell: in parquet it is None or NaN."""
    return cell is None or (math.isnan(cell) if isinstance(cell, float) else not str(cell).strip())


def text_cell(cell: Any) -> str:
    """Return text, which may be empty; a number without decimals is the label that it was."""
    if is_empty(cell):
        return ""
    text = str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell).strip()
    if UNPRINTABLE.search(text):
        raise BadCellError("holds a control character", "remove it")
    return text


def time_cell(cell: Any) -> float:
    """Return seconds since 1970; text without a time zone is UTC, as the name of the column says."""
    hint = "write it as 2025-07-01T00:00:00Z"
    try:
        instant = cell if isinstance(cell, datetime) else datetime.fromisoformat(str(cell).strip())
    except ValueError:
        raise BadCellError(f"{shown(cell)} is not a date and time", hint) from None
    if not FIRST_YEAR <= instant.year < LAST_YEAR:
        raise BadCellError(f"{shown(cell)} lies outside the years {FIRST_YEAR} to {LAST_YEAR}", hint)
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp()

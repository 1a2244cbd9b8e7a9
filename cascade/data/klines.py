"""Bars and trades of Binance's public archive, and bars with a column `time_utc`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from cascade.data.archive import Floats, Mask, Rows, read_rows, seconds_since_1970
from cascade.errors import Problem, ScenarioError
from cascade.scenario.tables import ROW

KLINES: Final = (
    "time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count", "taker_volume",
    "taker_quote_volume", "ignore",
)  # fmt: skip

KLINE_NAMES: Final = {
    "open_time": "time", "time_utc": "time", "ts_ms": "time", "timestamp": "time",
    "quote_asset_volume": "quote_volume",
    "number_of_trades": "count", "trades": "count",
    "taker_buy_volume": "taker_volume", "taker_buy_base_volume": "taker_volume",
    "taker_buy_base_asset_volume": "taker_volume",
    "taker_buy_quote_volume": "taker_quote_volume", "taker_buy_quote_asset_volume": "taker_quote_volume",
}  # fmt: skip

TRADE_LAYOUTS: Final = (
    ("id", "price", "quantity", "quote_quantity", "time", "is_buyer_maker"),
    ("id", "price", "quantity", "quote_quantity", "time", "is_buyer_maker", "is_best_match"),
    ("id", "price", "quantity", "first_id", "last_id", "time", "is_buyer_maker"),
    ("id", "price", "quantity", "first_id", "last_id", "time", "is_buyer_maker", "is_best_match"),
)
"""Trades of futures and of spot, then aggregated trades of either."""

TRADE_NAMES: Final = {
    "agg_trade_id": "id", "trade_id": "id",
    "qty": "quantity",
    "quote_qty": "quote_quantity",
    "transact_time": "time", "time_ms": "time", "timestamp": "time",
    "isbuyermaker": "is_buyer_maker",
}  # fmt: skip

_CORRECT: Final = "correct or remove this row"


@dataclass(frozen=True)
class Klines:
    """Bars on a regular grid, NaN where the file has none.

    Attributes
    ----------
    time_s : float
        Opening time of the first bar, in seconds since 1970 UTC.
    seconds : float
        Length of a bar.
    quote_volume : array or None
        Traded value in quote units; None where the file has none, or only zeros (mark and index prices).
    taker_quote_volume : array or None
        The part of it that takers bought.
    notes : tuple[str, ...]
        What was found and mended: gaps, duplicates, rows out of order.
    """

    name: str
    time_s: float
    seconds: float
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    quote_volume: Floats | None
    taker_quote_volume: Floats | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Trades:
    """Trades in the order of time; a sign is 1 where the taker bought and -1 where it sold."""

    name: str
    time_s: Floats
    price: Floats
    usd: Floats
    sign: Floats
    notes: tuple[str, ...]


def read_klines(path: str | Path) -> Klines:
    """Return the bars of a kline file as published, or of any CSV with `time_utc`, open, high, low and close.

    Raises
    ------
    ScenarioError
        With all that is wrong, each where it is.
    """
    optional = ("volume", "quote_volume", "taker_volume", "taker_quote_volume")
    rows = read_rows(Path(path), (KLINES,), KLINE_NAMES, ("time", "open", "high", "low", "close"), optional)
    _check_bars(rows)
    columns = dict(rows.columns)
    time_s = seconds_since_1970(columns.pop("time"))
    order, notes = _in_order(rows, time_s, columns)
    time_s = time_s[order]
    seconds = _length(rows, time_s)
    places = np.rint((time_s - time_s[0]) / seconds).astype(np.int64)
    rows.refuse(_off_grid(order, time_s, seconds), "time", _between(seconds), "give whole bars of one length")
    rows.raise_problems()
    grid = {name: _on_grid(values[order], places) for name, values in columns.items()}
    notes += _gaps(places, time_s[0], seconds)
    quote, taker = _values(grid)
    return Klines(
        rows.name, float(time_s[0]), seconds, grid["open"], grid["high"], grid["low"], grid["close"], quote, taker,
        tuple(notes),
    )  # fmt: skip


def read_trades(path: str | Path) -> Trades:
    """Return the trades of a file of `trades` or `aggTrades` as published.

    Raises
    ------
    ScenarioError
        With all that is wrong, each where it is.
    """
    needed = ("time", "price", "quantity", "is_buyer_maker")
    rows = read_rows(Path(path), TRADE_LAYOUTS, TRADE_NAMES, needed, ("id", "quote_quantity"))
    columns = rows.columns
    for name in ("time", "price", "quantity"):
        rows.refuse(columns[name] <= 0, name, "must be above 0", _CORRECT)
    rows.raise_problems()
    time_s, notes = seconds_since_1970(columns["time"]), list[str]()
    ids = columns.get("id", np.arange(len(time_s), dtype=np.float64))
    order = np.lexsort((ids, time_s))
    if (np.diff(order) < 0).any():
        notes.append(f"{rows.name}: trades were not in the order of time")
    is_again = np.concatenate([[False], np.diff(ids[order]) == 0])
    if is_again.any():
        notes.append(f"{rows.name}: {int(is_again.sum()):,} trades are there twice")
    order = order[~is_again]
    usd = columns["price"] * columns["quantity"]
    sign = 1.0 - 2.0 * columns["is_buyer_maker"]
    return Trades(rows.name, time_s[order], columns["price"][order], usd[order], sign[order], tuple(notes))


def _check_bars(rows: Rows) -> None:
    """Note the bars that cannot be."""
    c = rows.columns
    for name in ("time", "open", "high", "low", "close"):
        rows.refuse(c[name] <= 0, name, "must be above 0", _CORRECT)
    top, bottom = np.maximum(c["open"], c["close"]), np.minimum(c["open"], c["close"])
    rows.refuse(c["high"] < top, "high", "high lies below open or close", _CORRECT)
    rows.refuse(c["low"] > bottom, "low", "low lies above open or close", _CORRECT)
    for whole, part in (("volume", "taker_volume"), ("quote_volume", "taker_quote_volume")):
        if whole in c:
            rows.refuse(c[whole] < 0, whole, "must be at least 0", _CORRECT)
        if whole in c and part in c:
            more = (c[part] < 0) | (c[part] > c[whole] * (1 + 1e-9))
            rows.refuse(
                more, part, f"takers cannot have bought less than 0 or more than the {whole}", _CORRECT
            )
    rows.raise_problems()


def _in_order(rows: Rows, time_s: Floats, columns: dict[str, Floats]) -> tuple[np.ndarray, list[str]]:
    """Return which rows to take in which order: by time, and of bars that are there twice the first."""
    order = np.argsort(time_s, kind="stable")
    notes = [f"{rows.name}: bars were not in the order of time"] if (np.diff(time_s) < 0).any() else []
    is_again = np.concatenate([[False], np.diff(time_s[order]) == 0])
    before = np.roll(order, 1)
    differs = np.zeros(len(order), np.bool_)
    for values in columns.values():
        differs |= is_again & (values[order] != values[before])
    conflicting = np.zeros(len(order), np.bool_)
    conflicting[order[differs]] = True
    hint = "keep one of them"
    rows.refuse(conflicting, "time", "another row has another bar of the same time", hint)
    rows.raise_problems()
    if is_again.any():
        notes.append(f"{rows.name}: {int(is_again.sum()):,} bars are there twice")
    return order[~is_again], notes


def _length(rows: Rows, time_s: Floats) -> float:
    """Return the length of a bar: the step that most bars are apart."""
    if len(time_s) < 2:
        raise ScenarioError([Problem(ROW, "one bar has no length", "give at least two bars", rows.name)])
    steps, counts = np.unique(np.rint(np.diff(time_s) * 1e3), return_counts=True)
    return float(steps[np.argmax(counts)]) / 1e3


def _off_grid(order: np.ndarray, time_s: Floats, seconds: float) -> Mask:
    """Tell, in the order of the file, which bars begin inside of another."""
    offset = (time_s - time_s[0]) / seconds
    found = np.zeros(int(order.max()) + 1, np.bool_)
    found[order] = np.abs(offset - np.rint(offset)) > 1e-6
    return found


def _between(seconds: float) -> str:
    return f"this time lies within a bar: bars are {seconds:g} s long"


def _on_grid(values: Floats, places: np.ndarray) -> Floats:
    grid = np.full(int(places[-1]) + 1, np.nan)
    grid[places] = values
    return grid


def _gaps(places: np.ndarray, first_s: float, seconds: float) -> list[str]:
    """Return what is missing between the first bar and the last."""
    steps = np.diff(places)
    if (steps == 1).all():
        return []
    missing, at = int((steps - 1).sum()), int(np.argmax(steps > 1))
    when = np.datetime64(int(first_s + (places[at] + 1) * seconds), "s")
    gaps = int((steps > 1).sum())
    return [f"{missing:,} bars are missing in {gaps:,} gap{'s' * (gaps > 1)}, the first from {when}Z"]


def _values(grid: dict[str, Floats]) -> tuple[Floats | None, Floats | None]:
    """Return traded value and what takers bought of it; where a file has sizes only, at the middle of the bar."""
    middle = (grid["high"] + grid["low"]) / 2.0
    quote = grid.get("quote_volume")
    if quote is None and "volume" in grid:
        quote = grid["volume"] * middle
    taker = grid.get("taker_quote_volume")
    if taker is None and "taker_volume" in grid:
        taker = grid["taker_volume"] * middle
    if quote is None or not np.nansum(quote) > 0:
        return None, None
    return quote, taker

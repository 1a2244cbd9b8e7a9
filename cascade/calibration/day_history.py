"""What the days before an event were like, and the path of its own: the table that baselines are fitted to."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from cascade.calibration.archives import Folder
from cascade.calibration.market import Coin, Frame
from cascade.calibration.measured import liquidated
from cascade.calibration.price_bars import DAY_S, PRICES, Floats, instant

HISTORY_DAYS: Final = 400
"""Days before the event that are looked for."""

Rows = dict[float, dict[str, float]]
"""Figures by column, of the day that begins at a time."""


def days_of(folder: Folder, coins: Sequence[Coin], frame: Frame) -> Rows:
    """Return figures of the days before an event, with the path of its own whole days: range and return of each coin.

    What was liquidated during the event is left out: no forecast may rest on it.
    """
    rows: Rows = {}
    for coin in coins:
        for begin, prices in {**_daily_bars(folder, coin.name), **_own_days(coin, frame)}.items():
            if begin + DAY_S <= frame.end_s:
                rows.setdefault(begin, {}).update(_path(coin.name, prices))
        for day in liquidated(folder, coin.name, folder.begin, frame.begin_s):
            if day.end - day.begin == DAY_S and set(day.venues) <= set(frame.shares):
                figures = {f"liquidated_usd.{coin.name}.{side}": usd for side, usd in day.usd.items()}
                rows.setdefault(day.begin, {}).update(figures)
    return rows


def _daily_bars(folder: Folder, coin: str) -> dict[float, Floats]:
    """Return open, high, low and close of each day; perpetuals rather than spot."""
    tables = [each for each in folder.tables("bars", coin, ("price_of", *PRICES)) if each.interval_s == DAY_S]
    found: dict[float, Floats] = {}
    for table in sorted(tables, key=lambda each: not each.archive.is_spot):
        prices = np.stack([table.numbers(each) for each in PRICES], axis=1)
        traded = table.words("price_of") == "trade"
        found |= dict(zip(table.numbers("time_s")[traded].tolist(), prices[traded], strict=True))
    return found


def _own_days(coin: Coin, frame: Frame) -> dict[float, Floats]:
    """Return the same of the whole days of an event, out of the path that its scenario is given."""
    found: dict[float, Floats] = {}
    begin = -(-frame.begin_s // DAY_S) * DAY_S
    while begin + DAY_S <= frame.end_s:
        bars = coin.bars.within(begin, begin + DAY_S)
        if bars.coverage(begin, begin + DAY_S) > 0.99:
            high, low = bars.prices[:, 1].max(), bars.prices[:, 2].min()
            found[begin] = np.array([bars.prices[0, 0], high, low, bars.prices[-1, 3]])
        begin += DAY_S
    return found


def _path(coin: str, prices: Floats) -> dict[str, float]:
    first, high, low, last = prices.tolist()
    return {
        f"range_pct.{coin}": 100.0 * (high / low - 1.0),
        f"return_pct.{coin}": 100.0 * (last / first - 1.0),
    }


def write_history(path: Path, rows: Rows) -> None:
    """Write the days in their order; a cell that nobody knows is empty."""
    columns = sorted({name for row in rows.values() for name in row})
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["day", *columns])
        for begin, row in sorted(rows.items()):
            cells = [f"{row[name]:.8g}" if name in row else "" for name in columns]
            writer.writerow([instant(begin)[:10], *cells])

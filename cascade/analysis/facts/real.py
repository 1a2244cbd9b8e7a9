"""From files of real bars and trades to what facts are measured on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from cascade.analysis.facts.observed import DAY_S, Floats, Orders, Sample, Series
from cascade.data.klines import Klines, Trades, read_klines, read_trades
from cascade.errors import UsageError

MOST_FILES: Final = 2


def real_sample(bars: Sequence[str | Path], trades: str | Path | None = None) -> Sample | None:
    """Return what was observed of a real market; None without files.

    Parameters
    ----------
    bars
        Files of bars: of the market and, if there are two, of another asset.

    Raises
    ------
    ScenarioError
        With all that is wrong in a file.
    UsageError
        If there are more than two files, or they have bars of different lengths.
    """
    if len(bars) > MOST_FILES:
        raise UsageError(
            f"{len(bars)} files of bars are given, and facts are about one market and another asset's",
            remedy="give --against once or twice; join the months of one market into one file",
        )
    read = [read_klines(path) for path in bars]
    if len(read) == MOST_FILES and read[0].seconds != read[1].seconds:
        raise UsageError(
            f"bars of {read[0].seconds:g} s and of {read[1].seconds:g} s cannot be held side by side",
            where=read[1].name, remedy="give both in bars of one length",
        )  # fmt: skip
    traded = None if trades is None else read_trades(trades)
    if not read and traded is None:
        return None
    own = tuple(map(series_of_klines, read[:1]))
    pair = (_on_grid_of(read[0], read[1]),) if len(read) == MOST_FILES else ()
    if traded is not None:
        own = (*own, series_of_trades(traded))
    return Sample(own, pair, None if traded is None else orders_of(traded))


def series_of_klines(klines: Klines) -> Series:
    """Return bars as a series; without what the file does not have."""
    columns = {"price": klines.close, "high": klines.high, "low": klines.low}
    if klines.quote_volume is not None:
        columns["volume"] = klines.quote_volume
        if klines.taker_quote_volume is not None:
            columns["flow"] = 2.0 * klines.taker_quote_volume - klines.quote_volume
    return Series(klines.seconds, columns, klines.time_s % DAY_S)


def series_of_trades(trades: Trades) -> Series:
    """Return trades as bars of a second; where none was traded the price stands."""
    first = np.floor(trades.time_s[0])
    second = np.floor(trades.time_s - first + 1e-9).astype(np.int64)
    n = int(second[-1]) + 1
    last = np.searchsorted(second, np.arange(n), side="right") - 1
    begins = np.searchsorted(second, np.arange(n), side="left")
    price = trades.price[last]
    has_any = begins <= last
    high, low = price.copy(), price.copy()
    edges = begins[has_any]
    high[has_any], low[has_any] = (
        np.maximum.reduceat(trades.price, edges),
        np.minimum.reduceat(trades.price, edges),
    )
    volume, flow = (
        np.bincount(second, weights=weights, minlength=n).astype(np.float64)
        for weights in (trades.usd, trades.usd * trades.sign)
    )
    columns = {"price": price, "high": high, "low": low, "volume": volume, "flow": flow}
    return Series(1.0, columns, float(first % DAY_S))


def orders_of(trades: Trades) -> Orders:
    """Return taker orders: trades of one millisecond and side, in the order of their first trade."""
    keys = np.rint(trades.time_s * 1e3).astype(np.int64) * 2 + (trades.sign > 0)
    _, first, order = np.unique(keys, return_index=True, return_inverse=True)
    usd = np.bincount(order, weights=trades.usd).astype(np.float64)
    arrived = np.argsort(first, kind="stable")
    return Orders(trades.sign[first][arrived], usd[arrived])


def _on_grid_of(klines: Klines, other: Klines) -> Series:
    """Return the bars of another file at the times of the first; NaN where it has none."""
    shift = round((other.time_s - klines.time_s) / klines.seconds)
    series, n = series_of_klines(other), len(klines.close)

    def placed(values: Floats) -> Floats:
        found = np.full(n, np.nan)
        first, until = max(shift, 0), min(shift + len(values), n)
        if first < until:
            found[first:until] = values[first - shift : until - shift]
        return found

    columns = {name: placed(values) for name, values in series.columns.items()}
    return Series(klines.seconds, columns, klines.time_s % DAY_S)

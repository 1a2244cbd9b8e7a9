"""What the page is sent: tables of a run as plain data of a bounded size, every number as the table has it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from cascade.output.columns import is_name, numbers, to_numpy
from cascade.output.run_units import Floats

if TYPE_CHECKING:
    import pyarrow as pa

MOST_POINTS: Final = 2000
"""Points of a series: of a longer run each stands for several bars."""

MOST_ROWS: Final = 50
"""Rows of the tape that are sent at once."""

How = Literal["last", "sum", "low", "high"]

SERIES: Final[Mapping[str, How]] = {
    "t_s": "last", "mark_price": "last", "mark_low_price": "low", "mark_high_price": "high", "last_price": "last",
    "index_price": "last",
    **{f"{side}_depth_{bps}bps_usd": "last" for side in ("bid", "ask") for bps in (10, 50, 100)},
    "long_liquidated_usd": "sum", "short_liquidated_usd": "sum", "open_interest_usd": "last", "fund_equity_usd": "last",
}  # fmt: skip
"""Columns of the bars that are sent, and what one point says of the bars it stands for."""

TAPE: Final = (
    "t_s", "market", "side", "account", "liquidated_usd", "filled_usd", "taken_over_usd", "adl_usd",
    "trigger_mark_price", "slippage_bps",
)  # fmt: skip
"""Columns of a row of the tape."""

COLUMNS: Final = {"bars": ("market", *SERIES), "liquidations": TAPE}
"""What is read of a run, by table."""

_REDUCED: Final[Mapping[How, np.ufunc]] = {"sum": np.add, "low": np.fmin, "high": np.fmax}

_SUBJECTS: Final = {
    "price": ("Mark price", "USD"), "fall": ("Deepest fall since the start", "bps"),
    "long_liquidated": ("Longs sold by forced orders", "USD"),
    "short_liquidated": ("Shorts bought back by forced orders", "USD"),
    "fund": ("Insurance fund of the venue", "USD"), "open_interest": ("Open interest", "USD"),
    "bid_depth": ("Bids within 50 bps", "USD"), "ask_depth": ("Asks within 50 bps", "USD"),
}  # fmt: skip


NEVER_ON_SPOT: Final = (
    "long_liquidated_usd", "short_liquidated_usd", "open_interest_usd", "fund_equity_usd",
)  # fmt: skip
"""Columns of the bars that say nothing of a market without leverage, though some of them are zero there."""


def course(bars: pa.Table, market: str, expected: int = 0, *, leveraged: bool = True) -> dict[str, Any]:
    """Return how a market went, in at most MOST_POINTS points.

    Parameters
    ----------
    expected
        Bars that there will be, of a run that goes on: its points then stand for as many bars as they will at the end.
    """
    rows = _of_market(bars, market)
    every = max(math.ceil(max(len(rows), expected) / MOST_POINTS), 1)
    series = {
        name: _plain(_thin(_values(rows, name, leveraged=leveraged), every, how))
        for name, how in SERIES.items()
    }
    return {"market": market, "bars": len(rows), "every": every, "series": series}


def moment(bars: pa.Table, market: str, until: float, *, leveraged: bool = True) -> dict[str, float | None]:
    """Return where a market stands at a time, by name; nothing known before its first bar."""
    rows = _of_market(bars, market)
    n = int(np.searchsorted(_values(rows, "t_s"), until, side="right"))
    if n == 0:
        return dict.fromkeys(_SUBJECTS)
    held: dict[str, Floats] = {name: _values(rows, name, leveraged=leveraged)[:n] for name in SERIES}
    price, low = held["mark_price"], held["mark_low_price"]
    known = price[~np.isnan(price)]
    fall = (1.0 - np.nanmin(low) / known[0]) * 1e4 if len(known) else math.nan
    found = {
        "price": price[-1], "fall": fall, "long_liquidated": held["long_liquidated_usd"].sum(),
        "short_liquidated": held["short_liquidated_usd"].sum(), "fund": held["fund_equity_usd"][-1],
        "open_interest": held["open_interest_usd"][-1], "bid_depth": held["bid_depth_50bps_usd"][-1],
        "ask_depth": held["ask_depth_50bps_usd"][-1],
    }  # fmt: skip
    return {name: _number(value) for name, value in found.items()}


def difference(base: Mapping[str, float | None], changed: Mapping[str, float | None]) -> list[dict[str, Any]]:
    """Return two moments side by side, and what the second has more; nothing of what neither has."""
    rows: list[dict[str, Any]] = []
    for name, (what, unit) in _SUBJECTS.items():
        one, other = base[name], changed[name]
        if one is None and other is None:
            continue
        more = None if one is None or other is None else other - one
        rows.append({"what": what, "unit": unit, "base": one, "changed": other, "difference": more})
    return rows


def tape(liquidations: pa.Table, market: str, until: float, skip: int = 0) -> dict[str, Any]:
    """Return a page of the forced orders of a market up to a time, the latest first.

    Parameters
    ----------
    skip
        Rows that are later than the page's first.
    """
    import pyarrow as pa

    places = np.flatnonzero(is_name(liquidations.column("market"), market))
    places = places[to_numpy(liquidations.column("t_s"))[places] <= until]
    total = float(to_numpy(liquidations.column("liquidated_usd"))[places].sum())
    shown = places[::-1][skip : skip + MOST_ROWS]
    names = [name for name in (*TAPE, "label") if name in liquidations.column_names]
    rows = liquidations.select(names).take(numbers(shown, pa.int64())).to_pylist()
    return {"n": len(places), "skip": skip, "liquidated_usd": total, "rows": rows}


def _of_market(table: pa.Table, market: str) -> pa.Table:
    import pyarrow as pa

    return table.take(numbers(np.flatnonzero(is_name(table.column("market"), market)), pa.int64()))


def _values(rows: pa.Table, name: str, *, leveraged: bool = True) -> Floats:
    if name in NEVER_ON_SPOT and not leveraged:
        return np.full(len(rows), np.nan)
    return to_numpy(rows.column(name)).astype(np.float64)


def _thin(values: Floats, every: int, how: How) -> Floats:
    """Return one value for each group of bars; the last group may be shorter."""
    starts = np.arange(0, len(values), every)
    if how == "last" or not len(values):
        return values[np.minimum(starts + every, len(values)) - 1]
    return _REDUCED[how].reduceat(values, starts)


def _plain(values: Floats) -> list[float | None]:
    return [_number(value) for value in values.tolist()]


def _number(value: float) -> float | None:
    """Return a number as JSON has it: there is none that is not a number."""
    return None if math.isnan(value) else float(value)

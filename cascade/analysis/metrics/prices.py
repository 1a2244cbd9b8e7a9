"""Metrics of prices: trades describe the path, as published charts do, and marks the amplification."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np

from cascade.analysis.metrics.registry import (
    FALLING,
    NO_TWIN,
    SHARE,
    SIGNED,
    Absent,
    Replicate,
    Value,
    Worse,
    metric,
)

LEAST_MOVE_BPS: Final = 10.0
"""A move from outside below this is too small to divide by."""

PRICE: Final = "USD per unit of the asset"
YEAR_S: Final = 365.0 * 86_400.0

_HOUR_S = 3600.0


def _trough(replicate: Replicate, market: str) -> int:
    """Return the bar of the lowest trade, the first of equals."""
    return int(np.argmin(replicate.bar_numbers(market, "low_price")))


def _trough_price(replicate: Replicate, market: str) -> float:
    return float(np.min(replicate.bar_numbers(market, "low_price")))


def _peak_price(replicate: Replicate, market: str) -> float:
    """Return the highest trade before the trough; of the trough's own bar, the open."""
    trough = _trough(replicate, market)
    before = replicate.bar_numbers(market, "high_price")[:trough]
    return float(max([*before, replicate.bar_numbers(market, "open_price")[trough]]))


def _start_price(replicate: Replicate, market: str) -> float:
    return float(replicate.bar_numbers(market, "open_price")[0])


def _end_price(replicate: Replicate, market: str) -> float:
    return float(replicate.bar_numbers(market, "last_price")[-1])


metric("{market}_start_price", PRICE, "price at the start", "p0: open of the first bar")(_start_price)
metric("{market}_peak_price", PRICE, "highest trade before the trough", "max of high, t < trough")(
    _peak_price
)
metric("{market}_trough_price", PRICE, "lowest trade", "min of low", worse="down")(_trough_price)
metric("{market}_end_price", PRICE, "price at the end", "last of the last bar")(_end_price)


@metric(
    "{market}_peak_to_trough_bps",
    "bps",
    "move from peak to trough; negative",
    "1e4 (trough / peak - 1)",
    worse="down",
    bounds=FALLING,
)
def peak_to_trough_bps(replicate: Replicate, market: str) -> Value:
    """Fall."""
    return (_trough_price(replicate, market) / _peak_price(replicate, market) - 1.0) * 1e4


@metric(
    "{market}_rebound_60m_bps", "bps", "recovery within 60 minutes after the trough",
    "1e4 (max of high over the bars that end within 3600 s after the trough's / trough - 1)",
)  # fmt: skip
def rebound_60m_bps(replicate: Replicate, market: str) -> Value:
    """Recovery."""
    trough = _trough(replicate, market)
    after = replicate.bar_numbers(market, "t_s") - replicate.bar_numbers(market, "t_s")[trough]
    within = (after > 0) & (after <= _HOUR_S)
    if not within.any():
        return Absent("the run ends with the trough")
    highest = float(np.max(replicate.bar_numbers(market, "high_price")[within]))
    return (highest / _trough_price(replicate, market) - 1.0) * 1e4


def _bar_s(replicate: Replicate, market: str) -> float:
    """Return the length of a bar; the last may be shorter."""
    times = replicate.bar_numbers(market, "t_s")
    return float(np.median(np.diff(times))) if len(times) > 1 else math.nan


@metric(
    "{market}_worst_hour_bps", "bps", "largest fall within an hour; negative",
    "1e4 min over bars of (low / highest open of the 3600 s that end with the bar - 1)", worse="down", bounds=FALLING,
)  # fmt: skip
def worst_hour_bps(replicate: Replicate, market: str) -> Value:
    """Worst hour."""
    opens = replicate.bar_numbers(market, "open_price")
    lows = replicate.bar_numbers(market, "low_price")
    length = _bar_s(replicate, market)
    n_bars = max(1, round(_HOUR_S / length)) if length > 0 else 1
    padded = np.concatenate([np.full(n_bars - 1, -np.inf), opens])
    highest = np.lib.stride_tricks.sliding_window_view(padded, n_bars).max(axis=1)
    return float(np.min(lows / highest - 1.0)) * 1e4


@metric(
    "{market}_realised_volatility", "per square root of a year", "annualised realised volatility of bars",
    "sqrt(sum of (ln last_i / last_i-1)^2 / years between first and last bar)", worse="up",
)  # fmt: skip
def realised_volatility(replicate: Replicate, market: str) -> Value:
    """Volatility."""
    last = replicate.bar_numbers(market, "last_price")
    times = replicate.bar_numbers(market, "t_s")
    if len(last) < 2:
        return Absent("there are fewer than two bars")
    years = float(times[-1] - times[0]) / YEAR_S
    return math.sqrt(float(np.sum(np.diff(np.log(last)) ** 2)) / years)


# --- how far the mark moved: downwards (-1) or upwards (+1) ----------------------------------------------


def _extreme(sign: int) -> Callable[[Replicate, str], float]:
    """Return the largest log move of the mark from the start price, in bps."""

    def extreme(replicate: Replicate, market: str) -> float:
        marks = replicate.bar_numbers(market, "mark_low_price" if sign < 0 else "mark_high_price")
        farthest = float(np.min(marks) if sign < 0 else np.max(marks))
        return max(0.0, sign * math.log(farthest / _start_price(replicate, market)) * 1e4)

    return extreme


Part: TypeAlias = Callable[[Replicate, str], Value]
"""What becomes of a market's mark, or why that is not known."""


def _unforced(sign: int) -> Part:
    """Return the move without forced orders: from outside, and what stops added to it."""
    return lambda replicate, market: (
        NO_TWIN if replicate.twin is None else _extreme(sign)(replicate.twin, market)
    )


def _outside(sign: int) -> Part:
    """Return the move with neither stops nor forced orders."""
    return lambda replicate, market: (
        _unforced(sign)(replicate, market)
        if replicate.unstopped is None
        else _extreme(sign)(replicate.unstopped, market)
    )


def _less(whole: Part, part: Part) -> Part:
    """Return what is left of a move."""

    def less(replicate: Replicate, market: str) -> Value:
        moves = whole(replicate, market), part(replicate, market)
        return moves[0] - moves[1] if isinstance(moves[0], float) and isinstance(moves[1], float) else NO_TWIN

    return less


def _ratio(above: Part, below: Part, name: str) -> Part:
    """Return a move over another; `name` says what is too small where that is so."""

    def ratio(replicate: Replicate, market: str) -> Value:
        moves = above(replicate, market), below(replicate, market)
        if not (isinstance(moves[0], float) and isinstance(moves[1], float)):
            return NO_TWIN
        if moves[1] < LEAST_MOVE_BPS:
            return Absent(f"{name} is {moves[1]:.1f} bps, below {LEAST_MOVE_BPS:g}")
        return moves[0] / moves[1]

    return ratio


def _declare_split(way: str, sign: int, formula: str) -> None:
    """Declare a move of the mark, its three parts and what each is of it; only a fall is taken as a harm."""
    worse: Worse | None = "up" if sign < 0 else None
    whole, unforced, outside = _extreme(sign), _unforced(sign), _outside(sign)
    side = "fall of the mark below" if sign < 0 else "rise of the mark above"
    metric(f"{{market}}_{way}_bps", "bps", f"{side} the start price", f"1e4 {formula}", worse=worse)(whole)
    metric(
        f"{{market}}_outside_{way}_bps", "bps", f"the part of the {way} that came from outside",
        f"1e4 {formula} with neither stops nor forced orders", needs_twin=True,
    )(outside)  # fmt: skip
    stops, added = _less(unforced, outside), _less(whole, unforced)
    metric(
        f"{{market}}_stops_{way}_bps", "bps", f"the part of the {way} that stops added",
        f"1e4 {formula} with stops and without forced orders, less outside_{way}_bps",
        needs_twin=True, worse="up", bounds=SIGNED,
    )(stops)  # fmt: skip
    metric(
        f"{{market}}_added_{way}_bps", "bps", f"the part of the {way} that liquidations added",
        f"{way}_bps - outside_{way}_bps - stops_{way}_bps", needs_twin=True, worse="up", bounds=SIGNED,
    )(added)  # fmt: skip
    for name, part, who in (("stops", stops, "stops"), ("added", added, "liquidations")):
        metric(
            f"{{market}}_{name}_{way}_share", "1", f"share of the {way} that {who} added; null below 10 bps",
            f"{name}_{way}_bps / {way}_bps", needs_twin=True, worse="up", bounds=SIGNED,
        )(_ratio(part, whole, f"the {way}"))  # fmt: skip
    metric(
        "{market}_amplification" if sign < 0 else "{market}_rise_amplification", "1",
        f"total {way} of the mark over the {way} without forced orders; null below 10 bps",
        f"{way}_bps / ({way}_bps - added_{way}_bps)", needs_twin=True, worse="up",
    )(_ratio(whole, unforced, f"the {way} without forced orders"))  # fmt: skip


_declare_split("fall", -1, "ln(p0 / min mark)")
_declare_split("rise", 1, "ln(max mark / p0)")


@metric(
    "{market}_open_interest_drop", "1", "largest fall of open interest, as a share of its highest before",
    "max over bars of (1 - open interest / running max), in lots", worse="up", bounds=SHARE,
)  # fmt: skip
def open_interest_drop(replicate: Replicate, market: str) -> Value:
    """Deleveraging."""
    lots = replicate.bar_numbers(market, "open_interest_lots").astype(np.float64)
    highest = np.maximum.accumulate(lots)
    if highest[-1] == 0:
        return Absent("there is no open interest")
    return float(np.max(1.0 - lots / np.where(highest > 0, highest, 1.0), where=highest > 0, initial=0.0))


metric("{coin}_low_price", PRICE, "lowest trade of a coin that is collateral", "min of low")(_trough_price)
metric("{coin}_last_price", PRICE, "last trade of a coin that is collateral", "close")(_end_price)

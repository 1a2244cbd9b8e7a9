"""The curves behind the facts, for figures: each on a grid of its own, so that replicates can be averaged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from cascade.analysis.facts.evidence import mean, plain
from cascade.analysis.facts.impact import SHARES, SWEEP, WATCH_S, WATCHED
from cascade.analysis.facts.measures import FIVE_S, HOUR_S, MINUTE_S, both, log_of, log_range, returns
from cascade.analysis.facts.observed import Floats, LackingError, Response, Sample, Series

YEAR_S: Final = 365.0 * 86_400.0

LEAST: Final = 20
"""Returns below which a curve has no point."""

DEVIATIONS: Final = np.geomspace(0.5, 40.0, 41)
LAGS_MIN: Final = np.arange(1, 121)
INTERVALS_S: Final = np.array([1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600], np.float64)
LAGS_ORDERS: Final = np.unique(np.geomspace(1, 1000, 31).astype(np.int64))
DECILES: Final = np.arange(5, 100, 10)
HORIZONS_S: Final = np.array([1, 5, 10, 30, 60, 300, 900, 3600], np.float64)
SIZES_USD: Final = np.geomspace(100.0, 1e8, 61)
GAPS_S: Final = np.geomspace(1.0, 1e5, 51)
DISTANCES_BPS: Final = (10, 50, 100)
AFTER_MIN: Final = np.arange(0, int(WATCH_S // 60) + 1, 5)
AFTER_S: Final = np.arange(1, 61)


class Curve(NamedTuple):
    """A curve of one sample; NaN where it has no value."""

    x: Floats
    y: Floats


class Averaged(NamedTuple):
    """A curve over replicates: the mean, and the range of 5 to 95 % of them; `real` is that of the user's data."""

    x: Floats
    mean: Floats
    low: Floats
    high: Floats
    n: int
    real: Floats | None


Build: TypeAlias = Callable[[Sample], Curve]


def curves_of(sample: Sample) -> dict[str, Curve]:
    """Return the curves for which a sample has what it takes, by name."""
    found: dict[str, Curve] = {}
    for name, build in CURVES.items():
        try:
            with np.errstate(divide="ignore", invalid="ignore"):  # of what stands still
                curve = build(sample)
        except LackingError:
            continue
        if np.isfinite(curve.y).any():
            found[name] = curve
    return found


def averaged(replicates: Sequence[Mapping[str, Curve]], real: Mapping[str, Curve]) -> dict[str, Averaged]:
    """Return each curve over the replicates that have it."""
    found: dict[str, Averaged] = {}
    for name in CURVES:
        there = [each[name] for each in replicates if name in each]
        if not there:
            continue
        table = np.stack([each.y for each in there])
        known = np.isfinite(table)
        count = known.sum(axis=0)
        mean = np.where(count > 0, np.where(known, table, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
        low, high = (_quantile(table, share) for share in (0.05, 0.95))
        found[name] = Averaged(
            there[0].x, mean, low, high, len(there), real[name].y if name in real else None
        )
    return found


def _quantile(table: Floats, share: float) -> Floats:
    """Return a quantile by column of what is known; NaN where nothing is."""
    return np.array([
        float(np.quantile(column[np.isfinite(column)], share)) if np.isfinite(column).any() else np.nan
        for column in table.T
    ])  # fmt: skip


def _correlation(x: Floats, y: Floats) -> float:
    """Return the correlation of what is known of both."""
    known = np.isfinite(x) & np.isfinite(y)
    return float(np.corrcoef(x[known], y[known])[0, 1])


# --- each curve --------------------------------------------------------------------------------------


def _exceeding(values: Floats, grid: Floats) -> Floats:
    """Return the share of values above each point of a grid; NaN where there are none."""
    values = np.sort(values[np.isfinite(values)])
    if len(values) == 0:
        raise LackingError("there is nothing to count")
    counts = len(values) - np.searchsorted(values, grid, side="right")
    return np.where(counts > 0, counts / len(values), np.nan)


def _tail(seconds: float) -> Build:
    def build(sample: Sample) -> Curve:
        x = returns(sample, seconds, LEAST)
        return Curve(DEVIATIONS, _exceeding(np.abs(x) / np.nanstd(x), DEVIATIONS))

    return build


def _memory(*, absolute: bool) -> Build:
    def build(sample: Sample) -> Curve:
        x = returns(sample, MINUTE_S, LEAST)
        x = np.abs(x) if absolute else x
        values = [_correlation(x[:-k], x[k:]) if k < len(x) // 4 else np.nan for k in LAGS_MIN]
        return Curve(LAGS_MIN.astype(np.float64), np.array(values))

    return build


def _signature(sample: Sample) -> Curve:
    """Return the yearly volatility by the interval at which the price is looked at."""
    values: list[float] = []
    for seconds in INTERVALS_S:
        try:
            x = returns(sample, float(seconds), LEAST)
        except LackingError:
            values.append(np.nan)
            continue
        values.append(float(np.sqrt(np.nanmean(x**2) * YEAR_S / seconds)))
    return Curve(INTERVALS_S, np.array(values))


def _signs(sample: Sample) -> Curve:
    sample.need("orders")
    assert sample.orders is not None
    signs = sample.orders.sign
    values = [_correlation(signs[:-k], signs[k:]) if k < len(signs) // 4 else np.nan for k in LAGS_ORDERS]
    return Curve(LAGS_ORDERS.astype(np.float64), np.array(values))


def _responses(sample: Sample) -> list[Response]:
    sample.need("responses")
    assert sample.responses is not None
    return list(sample.responses.values())


def _impact(sample: Sample) -> Curve:
    peaks = {each.notional: each.peak for each in _responses(sample) if each.over_s == HOUR_S}
    return Curve(np.array(SHARES), np.array([peaks.get(size, np.nan) for size in SHARES]))


def _decay(sample: Sample) -> Curve:
    for each in _responses(sample):
        if each.notional == WATCHED and each.over_s == HOUR_S and each.peak > 0:
            left = [each.at(HOUR_S + 60.0 * k) / each.peak for k in AFTER_MIN]
            return Curve(AFTER_MIN.astype(np.float64), np.array(left) * 100.0)
    raise LackingError("no sale was followed")


def _refill(sample: Sample) -> Curve:
    for each in _responses(sample):
        if each.notional == SWEEP and each.over_s == 0.0 and each.depth_share is not None:
            at = np.interp(AFTER_S, each.seconds * np.arange(1, len(each.depth_share) + 1), each.depth_share)
            return Curve(AFTER_S.astype(np.float64), at * 100.0)
    raise LackingError("no sweep was simulated")


def _depth(sample: Sample) -> Curve:
    bars = _longest(sample)
    usd = [plain(mean(bars[f"bid_{k}"] + bars[f"ask_{k}"])) / 2.0 for k in DISTANCES_BPS]
    return Curve(np.array(DISTANCES_BPS, np.float64), np.array(usd))


def _longest(sample: Sample) -> Series:
    if not sample.bars:
        raise LackingError("there are no bars")
    return max(sample.bars, key=len)


def _range_by_volume(sample: Sample) -> Curve:
    """Return the mean range of five minutes by tenths of their volume, each over its mean."""
    bars = sample.every(FIVE_S)
    volume, span = log_of(bars["volume"]), log_range(bars)
    known = np.isfinite(volume) & np.isfinite(span)
    if known.sum() < 50:
        raise LackingError("there are too few bars of five minutes")
    order = np.argsort(volume[known])
    tenths = np.array_split(np.exp(span[known])[order], len(DECILES))
    means = np.array([tenth.mean() for tenth in tenths])
    return Curve(DECILES.astype(np.float64), means / np.exp(span[known]).mean())


def _across(sample: Sample) -> Curve:
    """Return the correlation of two assets' returns by their length."""
    values: list[float] = []
    for seconds in HORIZONS_S:
        try:
            values.append(_correlation(*both(sample, float(seconds), LEAST)))
        except LackingError:
            values.append(np.nan)
    return Curve(HORIZONS_S, np.array(values))


def _sizes(sample: Sample) -> Curve:
    sample.need("liquidations")
    assert sample.liquidations is not None
    return Curve(SIZES_USD, _exceeding(sample.liquidations.usd, SIZES_USD))


def _gaps(sample: Sample) -> Curve:
    sample.need("liquidations")
    assert sample.liquidations is not None
    return Curve(GAPS_S, _exceeding(np.diff(np.sort(sample.liquidations.t_s)), GAPS_S))


CURVES: Final[dict[str, Build]] = {
    "tail_1s": _tail(1.0),
    "tail_1m": _tail(MINUTE_S),
    "tail_5m": _tail(FIVE_S),
    "memory": _memory(absolute=False),
    "memory_absolute": _memory(absolute=True),
    "signature": _signature,
    "signs": _signs,
    "impact": _impact,
    "decay": _decay,
    "depth": _depth,
    "refill": _refill,
    "range_by_volume": _range_by_volume,
    "across": _across,
    "sizes": _sizes,
    "gaps": _gaps,
}
"""Every curve by its name."""

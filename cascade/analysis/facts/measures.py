"""What facts are measured on: the series, pairs and counts that the estimators are given."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cascade.analysis.facts.evidence import Evidence
from cascade.analysis.facts.observed import Floats, LackingError, Response, Sample, Series, enough

MINUTE_S, FIVE_S, HOUR_S = 60.0, 300.0, 3600.0


def returns(sample: Sample, seconds: float, least: int = 30) -> Floats:
    """Return log returns over so many seconds."""
    found = sample.every(seconds).returns
    enough(int(np.isfinite(found).sum()), least, f"returns of {seconds:g} s")
    return found


def log_of(values: Floats) -> Floats:
    """Return logarithms; NaN of what is not above zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(values > 0, np.log(values), np.nan)


def log_range(bars: Series) -> Floats:
    """Return the logarithm of ln(high / low); NaN where the price stood still."""
    return log_of(np.log(bars["high"] / bars["low"]))


def hourly_returns(sample: Sample) -> Floats:
    """Return the returns of an hour from every five minutes on."""
    logs = sample.every(FIVE_S).logs
    enough(len(logs), 13, "bars of five minutes")
    return logs[12:] - logs[:-12]


def both(sample: Sample, seconds: float, least: int = 30) -> tuple[Floats, Floats]:
    """Return the returns of the market and of another asset's at the same times."""
    x, y = (sample.every(seconds, of=which).returns for which in ("bars", "pair"))
    enough(min(len(x), len(y)), least, f"returns of {seconds:g} s")
    return x, y


def hourly_of_both(sample: Sample) -> tuple[Floats, Floats]:
    """Return the returns of an hour, begun every five minutes, of the market and of another asset's."""
    logs = [sample.every(FIVE_S, of=which).logs for which in ("bars", "pair")]
    enough(min(map(len, logs)), 60, "bars of five minutes")
    return logs[0][12:] - logs[0][:-12], logs[1][12:] - logs[1][:-12]


def possible(make: Callable[[], Evidence]) -> Evidence | LackingError:
    """Return the evidence of one part of a fact, or why there is none, whatever the others have."""
    try:
        return make()
    except LackingError as lacking:
        return lacking


def imbalance(bars: Series) -> Floats:
    """Return bids less asks within 10 bps over both."""
    bids, asks = bars["bid_10"], bars["ask_10"]
    with np.errstate(invalid="ignore"):
        return (bids - asks) / (bids + asks)


def basis_bps(sample: Sample) -> Floats:
    """Return by how many bps the price lies above the reference, each minute."""
    bars = sample.every(MINUTE_S)
    return 1e4 * np.log(bars["price"] / bars["reference"])


def volatility_ahead(x: Floats, n: int) -> Floats:
    """Return the sum of the absolute values of the n returns after each."""
    total = np.concatenate([[0.0], np.cumsum(np.abs(np.nan_to_num(x)))])
    return total[n + 1 :] - total[1:-n]


def by_hour(bars: Series) -> np.ndarray:
    """Return the hour of the day of each bar; of a run without a date, since its start."""
    begins = (bars.start_s or 0.0) + np.arange(len(bars)) * bars.seconds
    return (begins % 86_400.0 // HOUR_S).astype(np.int64)


def has_neighbour(t_s: Floats, within_s: float) -> Floats:
    """Tell, as 1 and 0, which of some ordered times have another within so many seconds."""
    gaps = np.concatenate([[np.inf], np.diff(t_s), [np.inf]])
    return (np.minimum(gaps[:-1], gaps[1:]) <= within_s).astype(np.float64)


BURST_SHARE, BURST_S = 0.95, 60.0
"""Liquidations above this quantile of their sizes are large; large ones at most so far apart are of one burst."""


def burst_starts(t_s: Floats, usd: Floats) -> Floats:
    """Tell, as 1 and 0, where a burst begins: two or more of the largest, none over `BURST_S` after the one before."""
    is_large = usd > np.quantile(usd, BURST_SHARE)
    times = t_s[is_large]
    gaps = np.diff(times)
    begins = np.concatenate([[True], gaps > BURST_S]) & np.concatenate([gaps <= BURST_S, [False]])
    starts = np.zeros(len(t_s))
    starts[np.flatnonzero(is_large)[begins]] = 1.0
    return starts


def exponent(responses: list[Response]) -> float:
    """Return the slope of the logarithm of the peak on that of the size; NaN where a price did not fall."""
    sizes, peaks = (np.array([getattr(each, name) for each in responses]) for name in ("notional", "peak"))
    if (peaks <= 0).any():
        return float("nan")
    return float(np.polyfit(np.log(sizes), np.log(peaks), 1)[0])


def half_life(share: Floats, seconds: float) -> float:
    """Return after how many seconds half of what a sweep took is there again; infinite if never."""
    half = 1.0 - (1.0 - float(share[0])) / 2.0
    back = np.flatnonzero(share >= half)
    if len(back) == 0:
        return float("inf")
    k = int(back[0])
    if k == 0:
        return 0.0
    before, after = float(share[k - 1]), float(share[k])
    return seconds * (k - 1 + (half - before) / (after - before))

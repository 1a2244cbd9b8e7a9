"""Facts of returns: tails, whiteness, clustering, skew."""

from __future__ import annotations

from typing import Final

import numpy as np

from cascade.analysis.facts import evidence as ev
from cascade.analysis.facts.evidence import Evidence
from cascade.analysis.facts.measures import (
    FIVE_S,
    MINUTE_S,
    hourly_returns,
    log_of,
    returns,
    volatility_ahead,
)
from cascade.analysis.facts.observed import Sample, enough
from cascade.analysis.facts.registry import Band, Part, fact

DECEMBER, JUNE_13 = "BTC spot, 4 to 6 Dec 2024, 1 m", "BTC Bybit, 11 to 14 June 2025, 1 m"
JUNE_22, JUNE_22_BYBIT = "BTC, 20 to 23 June 2025, 1 m", "BTC Bybit, 20 to 23 June 2025, 1 m"
BTC_DAYS, SOL_DAYS = "BTC, 20 June to 26 July 2025, 5 m", "SOL, 20 June to 26 July 2025, 5 m"
ETH_JULY, ETH_JUNE = "ETH, 4 to 26 July 2025, 5 m", "ETH Bybit, 20 June to 2 July 2025, 5 m"
BTC_BOOK, ETH_BOOK = "BTC book, 8 Aug 2024, 341 s", "ETH book, 8 Aug 2024, 341 s"

MINUTES: Final = "1 m bars of BTC: 4 windows of 48 to 72 h"
DAYS: Final = "5 m bars of BTC: 37 days from 20 June 2025"
GAUSSIAN: Final = "arXiv 1707.07618"
"""Bitcoin converges slowly to the normal, is skewed downwards within a day, and has no leverage effect."""
TAILS: Final = "arXiv 2009.06874"
"""Tails and clustering of Bitcoin's returns."""
WHITE: Final = "Schnaubelt and others 2019"
DIFFUSIVE: Final = "arXiv 2402.11930"


def _windows(december: float, june_13: float, june_22: float, bybit: float) -> dict[str, float]:
    return {DECEMBER: december, JUNE_13: june_13, JUNE_22: june_22, JUNE_22_BYBIT: bybit}


@fact(
    1, "kurtosis_1s", "excess kurtosis of returns of 1 s", "fourth standardised moment less 3",
    Part("", Band(20.0, 400.0, "own", f"{GAUSSIAN}: above 50; 6 to 25 within six minutes, 2 to 270 in tick files",
                  {BTC_BOOK: 25.2, ETH_BOOK: 6.54})),
    reduce="median", must=True,
)  # fmt: skip
def kurtosis_1s(sample: Sample) -> tuple[Evidence, ...]:
    """Fourth moment at a second."""
    return (ev.excess_kurtosis(returns(sample, 1.0, 300)),)


@fact(
    2, "kurtosis_1m", "excess kurtosis of returns of 1 min", "fourth standardised moment less 3",
    Part("", Band(5.0, 260.0, "union", f"{MINUTES}; {GAUSSIAN}: 10 to 200", _windows(259.8, 5.2, 12.75, 12.39))),
    reduce="median", must=True,
)  # fmt: skip
def kurtosis_1m(sample: Sample) -> tuple[Evidence, ...]:
    """Fourth moment at a minute."""
    return (ev.excess_kurtosis(returns(sample, MINUTE_S)),)


@fact(
    3, "kurtosis_5m", "excess kurtosis of returns of 5 min within a day", "fourth standardised moment less 3",
    Part("", Band(0.7, 13.7, "days", DAYS, {BTC_DAYS: 2.75})), window="day", reduce="median",
)  # fmt: skip
def kurtosis_5m(sample: Sample) -> tuple[Evidence, ...]:
    """Fourth moment at five minutes."""
    return (ev.excess_kurtosis(returns(sample, FIVE_S)),)


@fact(
    4, "kurtosis_1h", "excess kurtosis of returns of an hour, all days together",
    "fourth standardised moment less 3, of the hours that begin every 5 min",
    Part("", Band(3.0, 30.0, "stated", GAUSSIAN,
                  {BTC_DAYS: 7.0, SOL_DAYS: 3.85, ETH_JULY: 5.66, ETH_JUNE: 9.81})),
    reduce="pooled",
)  # fmt: skip
def kurtosis_1h(sample: Sample) -> tuple[Evidence, ...]:
    """Fourth moment at an hour."""
    found = hourly_returns(sample)
    enough(len(found), 240, "hours, begun every 5 min,")
    return (ev.excess_kurtosis(found),)


@fact(
    5, "hill_1m", "exponent of the tail of returns of 1 min", "Hill, largest 5 % of absolute returns",
    Part("", Band(2.5, 3.5, "union", f"{MINUTES}; {TAILS}: 2.5 to 3.5", _windows(2.59, 3.49, 3.19, 3.13))),
    must=True,
)  # fmt: skip
def hill_1m(sample: Sample) -> tuple[Evidence, ...]:
    """Tail exponent."""
    return (ev.hill(returns(sample, MINUTE_S, 200), 0.05),)


@fact(
    6, "whiteness_1m", "autocorrelation of returns of 1 min", "correlation with the next",
    Part("", Band(-0.06, 0.05, "union", f"{MINUTES}; {WHITE}: within 0.05 of 0",
                  _windows(0.036, 0.008, -0.051, -0.056))),
    must=True,
)  # fmt: skip
def whiteness_1m(sample: Sample) -> tuple[Evidence, ...]:
    """Linear memory at a minute."""
    return (ev.autocorrelation(returns(sample, MINUTE_S), 1),)


@fact(
    7, "whiteness_5m", "autocorrelation of returns of 5 min within a day", "correlation with the next",
    Part("", Band(-0.16, 0.16, "days", DAYS, {BTC_DAYS: -0.013})), window="day", must=True,
)  # fmt: skip
def whiteness_5m(sample: Sample) -> tuple[Evidence, ...]:
    """Linear memory at five minutes."""
    return (ev.autocorrelation(returns(sample, FIVE_S), 1),)


@fact(
    8, "variance_ratio_10m", "variance of 10 min over ten times that of 1 min",
    "variance ratio, overlapping, corrected for the length of the window",
    Part("", Band(0.86, 1.05, "union", f"{MINUTES}; {DIFFUSIVE}: .95 to 1.05", _windows(0.861, 0.979, 0.921, 0.921))),
    must=True,
)  # fmt: skip
def variance_ratio_10m(sample: Sample) -> tuple[Evidence, ...]:
    """Diffusion over minutes."""
    return (ev.variance_ratio(returns(sample, MINUTE_S, 60), 10),)


@fact(
    9, "variance_ratio_60s", "variance of 60 s over sixty times that of 1 s",
    "variance ratio, overlapping, corrected for the length of the window",
    Part("", Band(0.54, 1.1, "union", f"books of 341 s; {DIFFUSIVE}: .8 to 1.1", {BTC_BOOK: 0.542, ETH_BOOK: 0.977})),
)  # fmt: skip
def variance_ratio_60s(sample: Sample) -> tuple[Evidence, ...]:
    """Diffusion over seconds."""
    return (ev.variance_ratio(returns(sample, 1.0, 300), 60),)


@fact(
    10, "whiteness_1s", "autocorrelation of returns of 1 s", "correlation with the next, of the mid",
    Part("", Band(-0.1, 0.05, "stated", WHITE, {BTC_BOOK: -0.064, ETH_BOOK: -0.023})),
)  # fmt: skip
def whiteness_1s(sample: Sample) -> tuple[Evidence, ...]:
    """Linear memory at a second."""
    return (ev.autocorrelation(returns(sample, 1.0, 300), 1),)


@fact(
    11, "clustering", "autocorrelation of absolute returns of 1 min", "correlation with those 1, 10 and 60 min later",
    Part("1 min", Band(0.18, 0.35, "windows", f"{MINUTES}, June", {JUNE_13: 0.18, JUNE_22: 0.346, JUNE_22_BYBIT: 0.35})),
    Part("10 min", Band(0.13, 0.24, "windows", f"{MINUTES}, June",
                        {JUNE_13: 0.131, JUNE_22: 0.238, JUNE_22_BYBIT: 0.236})),
    Part("60 min", Band(0.1, 0.14, "windows", f"{MINUTES}, June",
                        {JUNE_13: 0.107, JUNE_22: 0.132, JUNE_22_BYBIT: 0.136})),
    must=True,
)  # fmt: skip
def clustering(sample: Sample) -> tuple[Evidence, ...]:
    """Memory of volatility."""
    x = np.abs(returns(sample, MINUTE_S, 180))
    return tuple(ev.autocorrelation(x, lag) for lag in (1, 10, 60))


@fact(
    12, "clustering_squares", "autocorrelation of squared returns of 1 min", "correlation with the next",
    Part("", Band(0.15, 0.23, "windows", MINUTES, _windows(0.23, 0.158, 0.196, 0.201))),
)  # fmt: skip
def clustering_squares(sample: Sample) -> tuple[Evidence, ...]:
    """Memory of squares."""
    return (ev.autocorrelation(returns(sample, MINUTE_S) ** 2, 1),)


@fact(
    39, "leverage_effect", "correlation of a return of 5 min with the volatility of the next hour",
    "correlation with the sum of the next twelve absolute returns, within a day",
    Part("", Band(-0.13, 0.12, "days", f"{DAYS}; {GAUSSIAN}: none", {BTC_DAYS: -0.007})), window="day",
)  # fmt: skip
def leverage_effect(sample: Sample) -> tuple[Evidence, ...]:
    """Whether falls make volatility."""
    x = returns(sample, FIVE_S, 40)
    return (ev.correlation(x[:-12], volatility_ahead(x, 12)),)


@fact(
    40, "skew_1m", "skewness of returns of 1 min", "third standardised moment",
    Part("", Band(-7.1, 0.0, "union", f"{MINUTES}; {GAUSSIAN}: negative", _windows(-7.07, -0.028, -0.504, -0.435))),
    reduce="median",
)  # fmt: skip
def skew_1m(sample: Sample) -> tuple[Evidence, ...]:
    """Whether falls are larger than rises."""
    return (ev.skewness(returns(sample, MINUTE_S)),)


@fact(
    41, "gain_and_loss", "time until a rise over the time until a fall of the same size, its logarithm",
    "ln of mean first-passage times up over down, by one sd of an hour, from every 5 min, drift taken out",
    Part("", Band(-0.5, 0.5, "own", "5 m bars: 3-day windows of BTC, SOL and ETH tell none from 0",
                  {BTC_DAYS: -0.22, SOL_DAYS: 0.15, ETH_JULY: -0.01})),
)  # fmt: skip
def gain_and_loss(sample: Sample) -> tuple[Evidence, ...]:
    """Whether losses come faster."""
    bars = sample.every(FIVE_S)
    enough(len(bars), 144, "bars of five minutes")
    found = ev.waiting_ratio(bars.logs, float(np.nanstd(bars.returns)) * 12.0**0.5)
    return (ev.Sums(found.rows, lambda s: log_of(found.of(s))),)


@fact(
    42, "news_share", "share of the variance of 1 min that the news value explains",
    "squared correlation of returns of the mid and of the news value",
    Part("", Band(0.1, 0.5, "stated", "literature, as recalled: an endogenous share of .5 to .9")),
    applies="simulated markets: nobody sees the news value of a real one",
)  # fmt: skip
def news_share(sample: Sample) -> tuple[Evidence, ...]:
    """How much of the price is news."""
    bars = sample.every(MINUTE_S)
    enough(len(bars), 30, "bars of a minute")
    return (ev.share_explained(np.diff(np.log(bars["news"])), bars.returns),)

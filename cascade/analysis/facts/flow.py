"""Facts of volume, taker flow and single orders."""

from __future__ import annotations

import numpy as np

from cascade.analysis.facts import evidence as ev
from cascade.analysis.facts.evidence import Evidence
from cascade.analysis.facts.measures import FIVE_S, by_hour, log_of, log_range
from cascade.analysis.facts.observed import Orders, Sample, Series, enough
from cascade.analysis.facts.registry import Band, Part, fact
from cascade.analysis.facts.returns import BTC_DAYS, DAYS, ETH_JULY, ETH_JUNE, SOL_DAYS

AUGUST, AUGUST_ETH = "BTC trades, 8 Aug 2024", "ETH trades, 8 Aug 2024"
FEBRUARY, MARCH, MARCH_2 = (
    "BTC trades, 16 Feb 2026",
    "BTC trades, 28 Mar 2024",
    "BTC trades, 28 Mar 2024, later",
)
_SPLIT = "Lillo, Mike and Farmer 2005: a power law, measured exponents .4 to .7"
_TICKS = "trades of 5 to 10 min, five windows"


def _of_day(sample: Sample) -> Series:
    bars = sample.every(FIVE_S)
    enough(len(bars), 60, "bars of five minutes")
    return bars


def _orders(sample: Sample) -> Orders:
    sample.need("orders")
    assert sample.orders is not None
    enough(len(sample.orders.sign), 1_000, "orders")
    return sample.orders


@fact(
    13, "volume_and_range", "correlation of volume and range of 5 min within a day",
    "correlation of ln volume with ln of ln(high / low)",
    Part("", Band(0.66, 0.85, "days", DAYS, {BTC_DAYS: 0.748})), window="day", must=True,
)  # fmt: skip
def volume_and_range(sample: Sample) -> tuple[Evidence, ...]:
    """Volume follows volatility."""
    bars = _of_day(sample)
    return (ev.correlation(log_of(bars["volume"]), log_range(bars)),)


@fact(
    14, "volume_memory", "autocorrelation of volume of 5 min within a day", "correlation of ln volume with the next",
    Part("", Band(0.5, 0.8, "days", DAYS, {BTC_DAYS: 0.653})), window="day", must=True,
)  # fmt: skip
def volume_memory(sample: Sample) -> tuple[Evidence, ...]:
    """Memory of activity."""
    return (ev.autocorrelation(log_of(_of_day(sample)["volume"]), 1),)


@fact(
    15, "busiest_hour", "volume of the busiest hour of the day over that of the quietest",
    "means of the hours over all days together; it takes a week of days",
    Part("", Band(2.5, 4.5, "windows", "5 m bars of BTC, SOL and ETH, June and July 2025",
                  {BTC_DAYS: 3.67, SOL_DAYS: 2.59, ETH_JULY: 3.11, ETH_JUNE: 4.46})),
    reduce="pooled", days=7.0,
)  # fmt: skip
def busiest_hour(sample: Sample) -> tuple[Evidence, ...]:
    """Clock of the day."""
    bars = _of_day(sample)
    return (ev.busiest_over_quietest(bars["volume"], by_hour(bars)),)


@fact(
    16, "sign_memory", "autocorrelation of the signs of taker orders",
    "correlation with the order 10 and 100 later; fills of one taker (or millisecond) and side are one order",
    Part("10", Band(0.06, 0.14, "own", f"{_SPLIT}, about .1; {_TICKS}: .06 to .12",
                    {AUGUST: 0.119, AUGUST_ETH: 0.093, FEBRUARY: 0.094, MARCH: 0.06, MARCH_2: 0.072})),
    Part("100", Band(0.01, 0.045, "own", f"{_SPLIT}, about .03; {_TICKS}: -.02 to .04",
                     {AUGUST: 0.022, AUGUST_ETH: -0.02, FEBRUARY: -0.004, MARCH: 0.041, MARCH_2: 0.005})),
    must=True,
)  # fmt: skip
def sign_memory(sample: Sample) -> tuple[Evidence, ...]:
    """Long memory of order signs."""
    signs = _orders(sample).sign
    return tuple(ev.autocorrelation(signs, lag) for lag in (10, 100))


@fact(
    17, "flow_memory", "autocorrelation of net taker flow of 5 min within a day",
    "correlation of flow over volume with the next",
    Part("", Band(0.04, 0.21, "days", DAYS, {BTC_DAYS: 0.123, SOL_DAYS: 0.147})), window="day",
)  # fmt: skip
def flow_memory(sample: Sample) -> tuple[Evidence, ...]:
    """Memory of flow."""
    bars = _of_day(sample)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (ev.autocorrelation(bars["flow"] / bars["volume"], 1),)


@fact(
    18, "flow_and_return", "correlation of net taker flow and return of 5 min within a day", "correlation",
    Part("", Band(0.55, 0.8, "days", DAYS, {BTC_DAYS: 0.69, SOL_DAYS: 0.685})), window="day", must=True,
)  # fmt: skip
def flow_and_return(sample: Sample) -> tuple[Evidence, ...]:
    """Flow moves the price, or goes with what moves it."""
    bars = _of_day(sample)
    return (ev.correlation(bars["flow"][1:], bars.returns),)


@fact(
    19, "order_size_tail", "exponent of the tail of taker orders' sizes", "Hill, largest 1 %",
    Part("", Band(1.1, 2.0, "union", f"literature: 1.3 to 2; {_TICKS}: 1.2 to 1.9",
                  {AUGUST: 1.19, AUGUST_ETH: 1.21, FEBRUARY: 1.89, MARCH: 1.28, MARCH_2: 1.51})),
)  # fmt: skip
def order_size_tail(sample: Sample) -> tuple[Evidence, ...]:
    """Tail of order sizes."""
    return (ev.hill(_orders(sample).usd, 0.01),)

"""Facts of the book, the basis and funding."""

from __future__ import annotations

import math

import numpy as np

from cascade.analysis.facts import evidence as ev
from cascade.analysis.facts.evidence import Evidence
from cascade.analysis.facts.measures import basis_bps, imbalance
from cascade.analysis.facts.observed import LackingError, Sample, enough
from cascade.analysis.facts.registry import Band, Part, fact
from cascade.analysis.facts.returns import BTC_BOOK, ETH_BOOK

BASIS = "BTC Binance over Bybit, 20 to 23 June 2025, 1 m"
FUNDING = "BTC funding, June and July 2025"
_ONE_BASIS = "BTC, Binance over Bybit, 72 h of June 2025; 5 m bars of two more windows"
_ONE_BOOK = "BTC book of 341 s"


@fact(
    25, "spread", "best ask less best bid", "median, mean and 99th percentile of seconds",
    Part("median", Band(1.0, 1.0, "bootstrap", _ONE_BOOK, {BTC_BOOK: 1.0, ETH_BOOK: 1.0})),
    Part("mean", Band(1.0, 2.3, "bootstrap", _ONE_BOOK, {BTC_BOOK: 1.42, ETH_BOOK: 1.04})),
    Part("p99", Band(1.0, 4.0, "own", "books of 341 s: 1 (BTC) and 2 (ETH)", {BTC_BOOK: 1.0, ETH_BOOK: 2.0})),
    unit="ticks", must=True,
)  # fmt: skip
def spread(sample: Sample) -> tuple[Evidence, ...]:
    """Spread."""
    ticks = sample.every(1.0)["spread"]
    enough(int(np.isfinite(ticks).sum()), 300, "seconds with both sides of the book")
    return ev.quantile_of_counts(ticks, 0.5), ev.mean(ticks), ev.quantile_of_counts(ticks, 0.99)


@fact(
    26, "depth_asked", "depth over what the scenario's makers are asked for",
    "mean of both sides over time, within 10, 50 and 100 bps, over the makers' profile",
    *(Part(f"{bps} bps", Band(0.9, 1.1, "own", "a profile is an input: it should be met")) for bps in (10, 50, 100)),
    applies="scenarios whose makers have a depth profile",
)  # fmt: skip
def depth_asked(sample: Sample) -> tuple[Evidence, ...]:
    """Whether the profile is met."""
    sample.need("asked")
    assert sample.asked is not None
    bars = max(sample.bars, key=len)
    return tuple(
        ev.mean((bars[f"bid_{bps}"] + bars[f"ask_{bps}"]) / 2.0 / asked)
        for bps, asked in sample.asked.items()
    )


@fact(
    27, "depth_exponent", "exponent of cumulative depth in distance, 10 to 100 bps",
    "log10 of the mean depth within 100 bps over that within 10 bps",
    Part("", Band(0.67, 0.87, "stated", "published books: .67 (10 to 100 bps), .70 and .77 (1 to 5 %)")),
)  # fmt: skip
def depth_exponent(sample: Sample) -> tuple[Evidence, ...]:
    """Shape of the book."""
    if not sample.bars:
        raise LackingError("there are no bars")
    bars = max(sample.bars, key=len)
    found = ev.ratio(bars["bid_100"] + bars["ask_100"], bars["bid_10"] + bars["ask_10"])
    return (ev.Sums(found.rows, lambda s: np.log10(found.of(s))),)


@fact(
    29, "depth_memory", "autocorrelation of bids within 10 bps", "correlation of ln depth with that 1 and 30 s later, "
    "in windows of 341 s",
    Part("1 s", Band(0.71, 0.9, "bootstrap", _ONE_BOOK, {BTC_BOOK: 0.834, ETH_BOOK: 0.755})),
    Part("30 s", Band(0.14, 0.65, "bootstrap", _ONE_BOOK, {BTC_BOOK: 0.436, ETH_BOOK: 0.171})),
    window="minutes",
)  # fmt: skip
def depth_memory(sample: Sample) -> tuple[Evidence, ...]:
    """Memory of depth."""
    with np.errstate(divide="ignore"):
        depth = np.log(sample.every(1.0)["bid_10"])
    enough(len(depth), 120, "seconds")
    return tuple(ev.autocorrelation(depth, lag) for lag in (1, 30))


@fact(
    30, "imbalance", "correlation of imbalance within 10 bps with the move of the next 5 and 10 s",
    "correlation of bids less asks over both with the change of ln mid, in windows of 341 s",
    Part("5 s", Band(0.12, 0.26, "own", "books of 341 s: .19 (BTC) and .20 (ETH)", {BTC_BOOK: 0.19, ETH_BOOK: 0.202})),
    Part("10 s", Band(0.16, 0.3, "own", "books of 341 s: .24 (BTC) and .23 (ETH)", {BTC_BOOK: 0.242, ETH_BOOK: 0.234})),
    window="minutes", must=True,
)  # fmt: skip
def imbalance_predicts(sample: Sample) -> tuple[Evidence, ...]:
    """Whether imbalance predicts."""
    bars = sample.every(1.0)
    enough(len(bars), 120, "seconds")
    ahead = imbalance(bars)
    return tuple(ev.correlation(ahead[:-h], bars.logs[h:] - bars.logs[:-h]) for h in (5, 10))


@fact(
    31, "basis_size", "standard deviation of the basis", "of the perpetual over spot, each minute",
    Part("", Band(0.7, 1.1, "own", f"{_ONE_BASIS}: .75 to .81; between venues up to 1.07", {BASIS: 0.77})), unit="bps",
)  # fmt: skip
def basis_size(sample: Sample) -> tuple[Evidence, ...]:
    """Size of the basis."""
    basis = basis_bps(sample)
    enough(len(basis), 60, "minutes")
    return (ev.deviation(basis),)


@fact(
    32, "basis_memory", "autocorrelation of the basis", "correlation with that 1, 10 and 60 min later",
    Part("1 min", Band(0.63, 0.74, "bootstrap", _ONE_BASIS, {BASIS: 0.692})),
    Part("10 min", Band(0.4, 0.63, "union", _ONE_BASIS, {BASIS: 0.498})),
    Part("60 min", Band(0.04, 0.41, "union", _ONE_BASIS, {BASIS: 0.16})),
)  # fmt: skip
def basis_memory(sample: Sample) -> tuple[Evidence, ...]:
    """Memory of the basis."""
    basis = basis_bps(sample)
    enough(len(basis), 180, "minutes")
    return tuple(ev.autocorrelation(basis, lag) for lag in (1, 10, 60))


@fact(
    33, "funding", "funding rate per 8 h",
    "mean, standard deviation and autocorrelation of the rates at their stamps, all replicates together",
    Part("mean", Band(0.38, 0.69, "bootstrap", FUNDING, {FUNDING: 0.527})),
    Part("deviation", Band(0.36, 0.46, "bootstrap", FUNDING, {FUNDING: 0.42})),
    Part("autocorrelation", Band(0.6, 0.83, "bootstrap", FUNDING, {FUNDING: 0.744})),
    unit="bps", reduce="pooled", applies="scenarios whose funding follows from the market",
)  # fmt: skip
def funding(sample: Sample) -> tuple[Evidence, ...]:
    """Funding that leverage makes."""
    sample.need("funding_bps")
    rates = sample.funding_bps
    if rates is None or len(rates) < 3 or not math.isfinite(float(rates.sum())):
        raise LackingError("the run has fewer than three funding stamps")
    return ev.mean(rates), ev.deviation(rates), ev.autocorrelation(rates, 1)

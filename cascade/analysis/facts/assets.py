"""Facts of two assets, and of liquidations."""

from __future__ import annotations

import numpy as np

from cascade.analysis.facts import evidence as ev
from cascade.analysis.facts.evidence import Evidence, Single
from cascade.analysis.facts.measures import (
    FIVE_S,
    MINUTE_S,
    both,
    burst_starts,
    has_neighbour,
    hourly_of_both,
    possible,
)
from cascade.analysis.facts.observed import DAY_S, Floats, LackingError, Liquidations, Sample, enough
from cascade.analysis.facts.registry import Band, Measured, Part, fact

JUNE_PAIR, JUNE_13_PAIR = "BTC and ETH, 20 to 23 June 2025, 1 m", "BTC and ETH Bybit, 11 to 14 June 2025, 1 m"
PAIR_JUNE, PAIR_JULY = "BTC and ETH, 20 June to 2 July 2025, 5 m", "BTC and ETH, 4 to 26 July 2025, 5 m"
_PAIRS = "1 m and 5 m bars of BTC and ETH, June and July 2025, all horizons"
_BYBIT = "Bybit's feed as recorded: 282 days, and February 2026"


@fact(
    37, "correlation", "correlation of two assets' returns", "of 1 min, 5 min and an hour",
    Part("1 min", Band(0.7, 0.87, "windows", _PAIRS, {JUNE_PAIR: 0.768, JUNE_13_PAIR: 0.8})),
    Part("5 min", Band(0.7, 0.87, "windows", _PAIRS,
                       {JUNE_PAIR: 0.809, JUNE_13_PAIR: 0.832, PAIR_JUNE: 0.791, PAIR_JULY: 0.733})),
    Part("1 h", Band(0.7, 0.87, "windows", _PAIRS,
                     {JUNE_PAIR: 0.801, JUNE_13_PAIR: 0.866, PAIR_JUNE: 0.811, PAIR_JULY: 0.757})),
    must=True, applies="scenarios of two assets",
)  # fmt: skip
def correlation(sample: Sample) -> Measured:
    """Assets move together."""
    return tuple(map(possible, (
        lambda: ev.correlation(*both(sample, MINUTE_S)),
        lambda: ev.correlation(*both(sample, FIVE_S)),
        lambda: ev.correlation(*hourly_of_both(sample)),
    )))  # fmt: skip


@fact(
    38, "volatility_correlation", "correlation of two assets' absolute returns of 5 min within a day", "correlation",
    Part("", Band(0.48, 0.76, "days", "5 m bars of BTC and ETH, 36 days", {PAIR_JUNE: 0.692, PAIR_JULY: 0.591})),
    window="day", applies="scenarios of two assets",
)  # fmt: skip
def volatility_correlation(sample: Sample) -> tuple[Evidence, ...]:
    """Assets are turbulent together."""
    x, y = both(sample, FIVE_S, 60)
    return (ev.correlation(np.abs(x), np.abs(y)),)


def _liquidations(sample: Sample) -> Liquidations:
    sample.need("liquidations")
    assert sample.liquidations is not None
    return sample.liquidations


def _feed(sample: Sample, least: int) -> tuple[Floats, Floats]:
    found = _liquidations(sample).feed
    if found is None:
        raise LackingError("the band is of Bybit's feed, and no account of the scenario reports to bybit")
    enough(len(found[0]), least, "liquidations on Bybit's feed")
    return found


@fact(
    34, "liquidation_size_tail", "exponent of the tail of liquidations' sizes", "Hill, largest 5 and 10 %",
    *(
        Part(share, Band(0.75, 1.1, "stated", "liquidations of 10 October 2025, .75 to .88, and their sampling error"))
        for share in ("5 %", "10 %")
    ),
)  # fmt: skip
def liquidation_size_tail(sample: Sample) -> tuple[Evidence, ...]:
    """Tail of liquidations."""
    usd = _liquidations(sample).usd
    enough(len(usd), 200, "liquidations")
    return tuple(ev.hill(usd, share) for share in (0.05, 0.1))


@fact(
    35, "liquidation_crowding", "share of liquidations within a second of another", "of those that Bybit's feed shows",
    Part("", Band(0.67, 0.87, "own", f"{_BYBIT}: .77")),
)  # fmt: skip
def liquidation_crowding(sample: Sample) -> tuple[Evidence, ...]:
    """How close liquidations are."""
    t_s, _ = _feed(sample, 100)
    return (ev.mean(has_neighbour(t_s, 1.0)),)


@fact(
    36, "liquidation_bursts", "bursts of large liquidations",
    "two or more above the 95th percentile, none over 60 s after the one before; of those that Bybit's feed shows",
    Part("", Band(7.4, 16.6, "windows", f"{_BYBIT}: 7.4 and 16.6")), unit="a day",
)  # fmt: skip
def liquidation_bursts(sample: Sample) -> tuple[Evidence, ...]:
    """How often large liquidations come together."""
    t_s, usd = _feed(sample, 200)
    starts = burst_starts(t_s, usd)
    each_s = _liquidations(sample).duration_s / len(starts)
    return (ev.ratio(starts * DAY_S, np.full(len(starts), each_s)),)


@fact(
    43, "added_fall", "share of the fall of the mark that liquidations added",
    "fall below the start, less that without forced orders under the same luck, over it",
    Part("", Band(0.02, 0.07, "stated", "flow of 1 July 2025 replayed through measured kernels")),
    applies="scenarios of a real day, with published figures",
)  # fmt: skip
def added_fall(sample: Sample) -> tuple[Evidence, ...]:
    """Return what liquidations added to the fall."""
    sample.need("added_share")
    assert sample.added_share is not None
    return (Single(sample.added_share),)

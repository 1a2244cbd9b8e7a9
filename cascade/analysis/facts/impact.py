"""Facts of impact and resilience, from sales under the same luck as without them."""

from __future__ import annotations

from typing import Final

from cascade.analysis.facts.evidence import Evidence, Single
from cascade.analysis.facts.measures import HOUR_S, exponent, half_life
from cascade.analysis.facts.observed import LackingError, Response, Sample
from cascade.analysis.facts.registry import Band, Part, fact

SHARES: Final = (20e6, 55e6, 500e6, 5.5e9)
"""Sales of an hour, USD: a share of .04, .1, .9 and 10 % of a day's volume of 55B."""

WATCHED: Final = 500e6
"""The sale of an hour whose impact is followed, and for how long after its end."""
WATCH_S: Final = 2.5 * HOUR_S

DURATIONS_S: Final = (60.0, 600.0, 1800.0, 10_800.0)
WORKED: Final = 100e6
"""A sale that is worked over each of these times."""

SWEEP: Final = 30e6
"""A sale at once, after which the book is watched for SWEEP_S."""
SWEEP_S: Final = 120.0

_DAY_END: Final = "latent book .4 (arXiv 1412.0141); 2/3 at the end of the day (arXiv 1901.05332)"
_APPLIES: Final = "sizes are BTC's on all venues, where 55B trade a day"


def _response(sample: Sample, notional: float, over_s: float) -> Response:
    sample.need("responses")
    assert sample.responses is not None
    for each in sample.responses.values():
        if each.notional == notional and each.over_s == over_s:
            return each
    raise LackingError(f"no sale of {notional / 1e6:,.0f}M over {over_s:g} s was simulated")


def _left(sample: Sample, after_s: float) -> Evidence:
    found = _response(sample, WATCHED, HOUR_S)
    if found.peak <= 0:
        raise LackingError("the price did not fall under the sale")
    return Single(found.at(HOUR_S + after_s) / found.peak)


@fact(
    20, "impact_exponent", "exponent of impact in size",
    "slope of ln of the fall at the end of a sale of one hour on ln of its size, 20M to 5.5B",
    Part("", Band(0.4, 0.6, "stated", "square root: .49 in Tokyo (PRL 135, 257401); Bitcoin (arXiv 1412.4503)")),
    must=True, applies=_APPLIES,
)  # fmt: skip
def impact_exponent(sample: Sample) -> tuple[Evidence, ...]:
    """Concavity."""
    return (Single(exponent([_response(sample, size, HOUR_S) for size in SHARES])),)


@fact(
    21, "impact_size", "fall at the end of a sale of one hour", "paired difference of the mid",
    Part("55M", Band(4.0, 6.0, "stated", "root law: Y sd sqrt(Q / V), Y = 1, sd 1.3 to 1.9 % a day")),
    Part("5.5B", Band(42.0, 61.0, "stated", "root law: Y sd sqrt(Q / V), Y = 1, sd 1.3 to 1.9 % a day")),
    unit="bps", applies=_APPLIES,
)  # fmt: skip
def impact_size(sample: Sample) -> tuple[Evidence, ...]:
    """Size of impact."""
    return tuple(Single(_response(sample, size, HOUR_S).peak) for size in (55e6, 5.5e9))


@fact(
    22, "impact_left_1h", "share of the impact of a sale of one hour that is left an hour after it",
    "paired difference of the mid, over that at the end of the sale",
    Part("", Band(0.4, 0.7, "stated", _DAY_END)), must=True,
)  # fmt: skip
def impact_left_1h(sample: Sample) -> tuple[Evidence, ...]:
    """Decay over an hour."""
    return (_left(sample, HOUR_S),)


@fact(
    23, "impact_left", "share of the impact of a sale of one hour that is left 2.5 hours after it",
    "paired difference of the mid, over that at the end of the sale",
    Part("", Band(0.3, 0.67, "stated", f"power law; {_DAY_END}")), must=True,
)  # fmt: skip
def impact_left(sample: Sample) -> tuple[Evidence, ...]:
    """Decay over hours."""
    return (_left(sample, WATCH_S),)


@fact(
    24, "impact_duration", "fall at the end of a sale of 100M worked over 1, 10, 30 and 180 min",
    "paired difference of the mid; the ratio is of the largest to the smallest of the four",
    Part("largest / smallest", Band(1.0, 1.25, "stated", "root law: nearly independent of the duration")),
    Part("30 min, bps", Band(6.0, 10.0, "stated", "root law: 6.8 bps at Y = 1")),
    must=True, applies=_APPLIES,
)  # fmt: skip
def impact_duration(sample: Sample) -> tuple[Evidence, ...]:
    """Whether the duration matters."""
    peaks = [_response(sample, WORKED, over).peak for over in DURATIONS_S]
    if min(peaks) <= 0:
        raise LackingError("the price did not fall under each of the sales")
    return Single(max(peaks) / min(peaks)), Single(peaks[2])


@fact(
    28, "resilience", "time until half of the bids that a sale of 30M at once took are there again",
    "bids within 10 bps of the mid over those without the sale, second by second",
    Part("", Band(2.0, 20.0, "windows", "half-life of the autocorrelation of ln depth within 10 bps, books of 341 s: "
                  "3 and 7 s (ETH), 9 and 20 s (BTC)")),
    unit="s", must=True, applies=_APPLIES,
)  # fmt: skip
def resilience(sample: Sample) -> tuple[Evidence, ...]:
    """Speed of the refill."""
    found = _response(sample, SWEEP, 0.0)
    if found.depth_share is None:
        raise LackingError("there is no record of the depth within 10 bps")
    if found.depth_share[0] > 0.8:
        return (Single(0.0),)
    return (Single(half_life(found.depth_share, found.seconds)),)

"""The scorecard: what was foretold of events against what was observed, figure by figure and over all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from cascade.analysis.statistics import Estimate, block_estimate, exact_probability, quantile_estimate
from cascade.calibration.baselines import BASELINES
from cascade.calibration.history import column_of
from cascade.calibration.predictions import Prediction, window_of
from cascade.calibration.scores import PINBALL, Forecast, Scale, pit_histogram

if TYPE_CHECKING:
    from cascade.analysis.statistics.estimate import Floats
    from cascade.calibration.event_file import Event
    from cascade.calibration.map_registration import MapRegistration
    from cascade.calibration.map_score import MapScore, Realised
    from cascade.calibration.registration import Registration
    from cascade.calibration.sealed import Opened

SHARES: Final = (0.5, 0.9)
"""Central intervals whose coverage is counted."""

FEWEST_PIT = 10
"""Figures from which a PIT histogram says anything."""

PER_SERIES: Final = (
    "crps", "log_correlation", "elasticity", "observed_elasticity", "median_ratio", "log_rmse"
)  # fmt: skip
"""Figures of a series over days."""

MODEL: Final = "model"
"""What the simulation is called among the forecasts."""

AMOUNTS: Final = "amounts"
"""All figures of liquidations in USD or accounts: their scores are logarithms, and can be averaged over series."""


@dataclass(frozen=True)
class Scored:
    """How one forecast did on one figure, on the figure's scale."""

    crps: float
    pinball: tuple[float | None, ...]
    """At 5, 50 and 95 %."""


@dataclass(frozen=True)
class Row:
    """One figure of an event: what was foretold, and what was observed."""

    event: str
    name: str
    prediction: Prediction
    observed: float

    @property
    def model(self) -> Forecast:
        """Return what the simulation foretold; rows have it."""
        assert self.prediction.model is not None
        return self.prediction.model

    @property
    def series(self) -> str:
        """Return what the figure is but for its window: figures of one series are compared over days."""
        figure = self.prediction.figure
        venues = f" ({', '.join(figure.venues)})" if figure.venues else ""
        return column_of(figure).replace(".", " ") + venues

    @property
    def start(self) -> datetime:
        """Return when its window begins."""
        return window_of(self.prediction.figure)[0]

    @property
    def pit(self) -> tuple[float, float]:
        """Return the ends of the observed value's place among the draws."""
        return self.model.pit(self.observed)

    def is_inside(self, share: float) -> bool | None:
        """Tell whether the observed value lies in a central interval; None without one."""
        interval = self.model.interval(share)
        return None if interval is None else interval[0] <= self.observed <= interval[1]

    def scored(self, name: str) -> Scored | None:
        """Return how the simulation, or a baseline, did; None where it could not be made."""
        found = self.model if name == MODEL else self.prediction.baselines.get(name)
        if found is None or not np.isfinite(found.scaled).all():
            return None
        losses = tuple(found.pinball(self.observed, share) for share in PINBALL)
        return Scored(found.crps(self.observed), losses)


@dataclass(frozen=True)
class Card:
    """One event: its registration, when its values were opened, and its figures.

    Attributes
    ----------
    unscored
        Figures without a score, and why.
    """

    event: Event
    registration: Registration
    opened: Opened[Mapping[str, float]]
    rows: tuple[Row, ...]
    unscored: Mapping[str, str]


@dataclass(frozen=True)
class MapCard:
    """The map of an event: its registration, when what was liquidated was opened, and how it did."""

    registration: MapRegistration
    opened: Opened[Realised]
    score: MapScore


def card_of(event: Event, registration: Registration, opened: Opened[Mapping[str, float]]) -> Card:
    """Return the figures of an event that were both foretold and observed."""
    rows: list[Row] = []
    unscored: dict[str, str] = {}
    for name, prediction in registration.predictions.items():
        if name not in opened.values:
            unscored[name] = "it was not observed"
        elif prediction.model is None:
            unscored[name] = "no replicate has a value of it"
        elif not math.isfinite(float(prediction.measured.to(opened.values[name]))):
            unscored[name] = "the observed value has no logarithm"
        else:
            rows.append(Row(event.name, name, prediction, opened.values[name]))
    return Card(event, registration, opened, tuple(rows), unscored)


@dataclass(frozen=True)
class Series:
    """Figures that are alike but for their windows, in the order of time.

    Attributes
    ----------
    log_correlation, elasticity, observed_elasticity
        Of positive figures: of the logarithms of medians and observed values, and of either to the log range of the
        day; None where there is nothing to say.
    median_ratio
        Of the simulated median to the observed value.
    log_rmse
        Root of the mean square of the logarithm of that ratio.
    """

    name: str
    rows: tuple[Row, ...]
    crps: Estimate
    log_correlation: Estimate | None = None
    elasticity: Estimate | None = None
    observed_elasticity: Estimate | None = None
    median_ratio: Estimate | None = None
    log_rmse: Estimate | None = None


@dataclass(frozen=True)
class Difference:
    """The simulation's CRPS less that of a baseline, over the figures that both foretell, events or days as blocks.

    Attributes
    ----------
    series
        The figures it is over: those of one series, or all amounts.
    """

    baseline: str
    series: str
    figures: int
    model: float
    other: float
    difference: Estimate


@dataclass(frozen=True)
class Scorecard:
    """Events that are scored together, and the maps of those whose map is scored."""

    cards: tuple[Card, ...]
    maps: tuple[MapCard, ...] = ()

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Return every figure that is scored, in the order of time."""
        found = [row for card in self.cards for row in card.rows]
        return tuple(sorted(found, key=lambda row: (row.start, row.event, row.name)))

    def coverage(self, share: float, rows: Sequence[Row] | None = None) -> Estimate | None:
        """Return how many figures lie in their central intervals, with the exact interval; None without any."""
        asked = self.rows if rows is None else rows
        inside = [found for row in asked if (found := row.is_inside(share)) is not None]
        return exact_probability(sum(inside), len(inside)) if inside else None

    @cached_property
    def amounts(self) -> tuple[Row, ...]:
        """Return the figures of liquidations, whose scores can be averaged."""
        return tuple(row for row in self.rows if row.prediction.measured.scale is Scale.LOG_OF_AMOUNT)

    @cached_property
    def crps(self) -> Estimate | None:
        """Return the mean CRPS of the simulation over all amounts."""
        return mean_over_blocks(self.amounts, lambda row: row.scored(MODEL))

    @cached_property
    def histogram(self) -> Floats | None:
        """Return how many figures fall into each bin of the PIT; None for too few."""
        n = len(self.rows)
        if n < FEWEST_PIT:
            return None
        return pit_histogram([row.pit for row in self.rows], 10 if n >= 50 else 5)

    @cached_property
    def series(self) -> tuple[Series, ...]:
        """Return the figures by what they are, over days."""
        names = dict.fromkeys(row.series for row in self.rows)
        return tuple(_series(name, [row for row in self.rows if row.series == name]) for name in names)

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """Return the simulation against each baseline: over all amounts, and by series where they are not the same."""
        groups = {AMOUNTS: self.amounts}
        groups |= {each.name: each.rows for each in self.series if each.rows != self.amounts}
        found = (_difference(name, series, rows) for name in BASELINES for series, rows in groups.items())
        return tuple(each for each in found if each is not None)

    @cached_property
    def lacking(self) -> dict[str, dict[str, int]]:
        """Return, by baseline, why it was not made, and of how many figures."""
        found: dict[str, dict[str, int]] = {}
        for row in self.rows:
            for name, reason in row.prediction.lacking.items():
                reasons = found.setdefault(name, {})
                reasons[reason] = reasons.get(reason, 0) + 1
        return found

    @cached_property
    def measures(self) -> dict[str, float]:
        """Return every figure of the scorecard that a bound can be set on, by name."""
        found: dict[str, float | None] = {"figures": float(len(self.rows))}
        for share in SHARES:
            for where, rows in (("", self.rows), (f"{AMOUNTS}.", self.amounts)):
                covered = self.coverage(share, rows)
                found[f"{where}coverage_{100 * share:.0f}"] = None if covered is None else covered.value
        found[f"{AMOUNTS}.crps"] = None if self.crps is None else self.crps.value
        for each in self.differences:
            found[f"{key_of(each.series)}.crps_less_{each.baseline}"] = each.difference.value
        for each in self.series:
            for name in PER_SERIES:
                estimate = getattr(each, name)
                found[f"{key_of(each.name)}.{name}"] = None if estimate is None else estimate.value
        return {name: value for name, value in found.items() if value is not None and math.isfinite(value)}


def key_of(series: str) -> str:
    """Return a series as a word: `liquidated_usd.BTC.long`."""
    return series.replace(" ", ".")


def blocks_of(rows: Iterable[Row]) -> list[list[Row]]:
    """Return the rows that begin together, in the order of time: luck of a day is shared by all its figures."""
    found: dict[datetime, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.start):
        found.setdefault(row.start, []).append(row)
    return list(found.values())


def mean_over_blocks(rows: Iterable[Row], scored: Callable[[Row], Scored | float | None]) -> Estimate | None:
    """Return the mean of a score over rows, its interval by the block bootstrap over events or days."""
    sums: list[float] = []
    counts: list[int] = []
    for block in blocks_of(rows):
        values = [value.crps if isinstance(value, Scored) else value for value in map(scored, block)]
        known = [value for value in values if value is not None]
        if known:
            sums.append(math.fsum(known))
            counts.append(len(known))
    if not sums:
        return None
    totals, sizes = np.array(sums), np.array(counts, np.float64)
    return block_estimate(lambda k: float(totals[k].sum() / sizes[k].sum()), len(sums))


def _difference(baseline: str, series: str, rows: Sequence[Row]) -> Difference | None:
    both = [row for row in rows if row.scored(baseline) is not None and row.scored(MODEL) is not None]
    if not both:
        return None

    def apart(row: Row) -> float:
        own, other = row.scored(MODEL), row.scored(baseline)
        assert own is not None
        assert other is not None
        return own.crps - other.crps

    own, other = (
        mean_over_blocks(both, lambda row, name=name: row.scored(name)) for name in (MODEL, baseline)
    )
    found = mean_over_blocks(both, apart)
    assert own is not None
    assert other is not None
    assert found is not None
    return Difference(baseline, series, len(both), own.value, other.value, found)


def _series(name: str, rows: Sequence[Row]) -> Series:
    crps = mean_over_blocks(rows, lambda row: row.scored(MODEL))
    assert crps is not None
    is_positive = rows[0].prediction.measured.scale is not Scale.PLAIN
    kept = [row for row in rows if row.observed > 0.0 and row.model.median > 0.0]
    if not is_positive or not kept:
        return Series(name, tuple(rows), crps)
    simulated = np.log([row.model.median for row in kept])
    observed = np.log([row.observed for row in kept])
    apart = simulated - observed
    ranges = np.array([row.prediction.given.get("range_pct", math.nan) for row in kept])
    ratio = quantile_estimate(np.exp(apart), 0.5)
    n = len(kept)
    return Series(
        name, tuple(rows), crps, median_ratio=ratio,
        log_rmse=block_estimate(lambda k: math.sqrt(float((apart[k] ** 2).mean())), n),
        log_correlation=_if_known(block_estimate(lambda k: _correlation(simulated[k], observed[k]), n)),
        elasticity=_elasticity(simulated, ranges), observed_elasticity=_elasticity(observed, ranges),
    )  # fmt: skip


def _elasticity(values: Floats, ranges: Floats) -> Estimate | None:
    """Return the slope of logarithms of figures on those of the ranges of their days, where these are known."""
    known = ranges > 0.0
    x, y = np.log(ranges[known]), values[known]
    return _if_known(block_estimate(lambda k: _slope(x[k], y[k]), len(x))) if len(x) else None


def _slope(x: Floats, y: Floats) -> float:
    apart = x - x.mean()
    spread = float(apart @ apart)
    return float(apart @ y) / spread if spread > 0.0 else math.nan


def _correlation(x: Floats, y: Floats) -> float:
    a, b = x - x.mean(), y - y.mean()
    spread = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / spread if spread > 1e-12 else math.nan


def _if_known(estimate: Estimate) -> Estimate | None:
    return estimate if math.isfinite(estimate.value) else None

"""What a sweep answers, on one screen: a row for each variant, with the figures a committee asks first."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cascade.analysis.formats import capital, format_estimate, format_value
from cascade.analysis.metrics import METRICS, ColumnMetric, EnsembleMetric, metrics_of, short_name
from cascade.analysis.statistics import CONFIDENCE, Estimate, Mean, Quantile
from cascade.analysis.statistics.estimate import least_informative
from cascade.errors import UsageError
from cascade.experiment.comparison.changes import changes
from cascade.experiment.comparison.sample import Sample
from cascade.experiment.comparison.selection import as_asked, default_headline, inputs
from cascade.experiment.question import share_of
from cascade.output.run_units import RunUnits
from cascade.output.sweep import Sweep
from cascade.report.answer_table import MOST_ROWS, Cell, Column, left_out, table, that_fit
from cascade.report.metric_words import brief_markets, brief_words
from cascade.scenario.words import did_you_mean, listing

if TYPE_CHECKING:
    from rich.console import RenderableType

_LEAST: Final = least_informative(CONFIDENCE)
"""Replicates after which a value that all of them have is as good as an interval."""


@dataclass(frozen=True)
class Figure:
    """A figure of every variant: the mean of a metric, a quantile of it, or a metric of the ensemble."""

    name: str
    label: str
    """What a reader calls it."""
    unit: str
    estimates: tuple[Estimate | None, ...]
    """By variant; None where one has no value of it."""
    fixed: frozenset[int] = frozenset()
    """Variants of which every replicate, and they are not few, has one value: it has no interval."""

    @property
    def is_nothing(self) -> bool:
        """Tell whether it is zero in all variants, or without a value."""
        return all(each is None or each.value == 0.0 for each in self.estimates)

    @property
    def is_alike(self) -> bool:
        """Tell whether it is written alike in all variants."""
        return len({each and format_value(each.value, self.unit) for each in self.estimates}) == 1

    def ends(self, variant: int) -> tuple[float, float] | None:
        """Return the interval of a variant; None where it has none."""
        found = self.estimates[variant]
        if found is None:
            return None
        if variant in self.fixed:
            return found.value, found.value
        return None if found.low is None or found.high is None or found.n == 1 else (found.low, found.high)

    @property
    def apart(self) -> tuple[int, int] | None:
        """The two variants whose intervals are farthest apart, the lower first; None where none are clear of another."""
        known = [(ends, variant) for variant in range(len(self.estimates)) if (ends := self.ends(variant))]
        if not known:
            return None
        low, high = min(known, key=lambda each: each[0][1]), max(known, key=lambda each: each[0][0])
        is_clear = low[0][1] < high[0][0] and self.said(low[1]) != self.said(high[1])
        return (low[1], high[1]) if is_clear else None

    @property
    def span(self) -> tuple[int, int]:
        """The variants with the lowest and the highest value."""
        known = [(each.value, variant) for variant, each in enumerate(self.estimates) if each]
        return min(known)[1], max(known)[1]

    def said(self, variant: int) -> str:
        """Return what it is in a variant, without its interval."""
        found = self.estimates[variant]
        return "--" if found is None else format_value(found.value, self.unit)

    def shown(self, variant: int) -> str:
        """Return the same with its interval."""
        found = self.estimates[variant]
        return "--" if found is None else format_estimate(found, self.unit)

    def between(self, low: int, high: int, variants: Sequence[str]) -> str:
        """Return it as it is in two variants, as a sentence without its end."""
        if self.said(low) == self.said(high):
            every = "every variant that has it" if None in self.estimates else "every variant"
            return f"{capital(self.label)}: {self.said(low)} in {every}"
        first, last = (
            f"{self.shown(each)}{' (in every replicate)' if each in self.fixed else ''} in {variants[each]}"
            for each in (low, high)
        )
        return f"{capital(self.label)}: from {first} to {last}"


@dataclass(frozen=True)
class SweepAnswer:
    """The figures of the variants of a sweep."""

    sweep: str
    variants: tuple[str, ...]
    figures: tuple[Figure, ...]
    is_asked: bool = False
    """Whether the reader named them: they then stand in that order."""


def answer_to(sweep: Sweep, metrics: Sequence[str] = ()) -> SweepAnswer:
    """Return the figures of a sweep: those that are named, or those that a comparison shows first.

    Parameters
    ----------
    metrics
        Columns of `runs`, of which the mean is shown, or with a share a quantile (`complete_usd@99%`); metrics
        of the ensemble; `fall_bps` stands for that of every market.

    Raises
    ------
    UsageError
        A name that is none.
    """
    samples = [Sample(name, sweep.variants[name]) for name in sweep.variants]
    known = _known(samples[0].metrics)
    stops = any(sample.has_stops for sample in samples)
    usual = default_headline(samples[0].result.units, dict.fromkeys(known), stops=stops)  # type: ignore[arg-type]
    set_by_it = inputs(
        change for other in samples[1:] for change in changes(samples[0].scenario, other.scenario)
    )
    markets = [each.name for each in samples[0].result.units.markets if each.leveraged]
    names = [name for asked in metrics for name in _meant(asked, samples[0].metrics, known)] or [
        name for name in as_asked(usual, markets, _median_of(samples[0])) if name not in set_by_it
    ]
    figures = (_figure(name, samples) for name in dict.fromkeys(names))
    return SweepAnswer(
        sweep.name, tuple(each.name for each in samples), tuple(figures), is_asked=bool(metrics)
    )


def answer_dict(answer: SweepAnswer) -> list[dict[str, Any]]:
    """Return what ``--json`` prints."""
    return [
        {
            "name": figure.name, "label": figure.label, "unit": figure.unit,
            "variants": {
                name: None if each is None else asdict(each)
                for name, each in zip(answer.variants, figure.estimates, strict=True)
            },
        }
        for figure in answer.figures
    ]  # fmt: skip


def answer_rich(answer: SweepAnswer, width: int) -> list[RenderableType]:
    """Return the answer for a terminal of so many columns: what it says in a sentence, then the table.

    The figure of the sentence comes first, and last come those that are written alike in all variants.
    """
    first, sentence = _answer(answer)
    telling = [figure for figure in answer.figures if not figure.is_nothing]
    if not answer.is_asked:
        telling.sort(key=lambda figure: (figure is not first, figure.is_alike))
    nothing = [figure.label for figure in answer.figures if figure.is_nothing]
    columns = [_column(figure) for figure in telling]
    names = answer.variants[:MOST_ROWS]
    shown = that_fit(("variant", *names), columns, width)
    parts: list[RenderableType] = [sentence]
    if shown:
        parts += ["", table("variant", names, shown, width), ""]
    if (more := len(answer.variants) - MOST_ROWS) > 0:
        parts.append(f"and {more:,} more variants, in runs.parquet")
    if left := columns[len(shown) :]:
        parts.append(left_out(left))
    if nothing:
        parts.append(f"Zero, or without a value, in all variants: {listing(nothing)}.")
    parts.append(
        "Means and figures of the ensemble, with intervals of 95 % each; cascade compare says what differs."
    )
    return parts


def refuse_unknown(units: RunUnits, metrics: Sequence[str]) -> None:
    """Refuse names of metrics that no run of such markets has, before a sweep runs."""
    columns = metrics_of(units)
    for asked in metrics:
        _meant(asked, columns, _known(columns))


def _known(columns: Mapping[str, ColumnMetric]) -> list[str]:
    """Return the metrics of a run: columns, and those of the ensemble that are made of them."""
    ensembles = [
        name for name, entry in METRICS.items() if isinstance(entry, EnsembleMetric) and entry.of in columns
    ]
    return [*columns, *ensembles]


def _meant(asked: str, columns: Mapping[str, ColumnMetric], known: Sequence[str]) -> list[str]:
    """Return the names that a word means."""
    name, at, _ = asked.partition("@")
    entries = {column: found.entry.name for column, found in columns.items()}
    found = [name] if name in known else [
        column for column, entry in entries.items() if name in {entry, short_name(entry)}
    ]  # fmt: skip
    if not found or (at and name in METRICS and name not in columns):
        raise UsageError(
            f"no run has a metric '{name}'{did_you_mean(name, known)}" if not found else
            f"{name} is a figure of all replicates already, and has no quantiles",
            where="--metric", remedy="a column of runs, or a quantile of one: complete_usd@99%; cascade docs metrics",
        )  # fmt: skip
    return [f"{each}{asked[len(name) :]}" for each in found]


def _figure(name: str, samples: Sequence[Sample]) -> Figure:
    column, _, share = name.partition("@")
    entry = METRICS.get(column)
    if isinstance(entry, EnsembleMetric):
        source, unit, statistic = entry.of, entry.unit, entry.statistic
    else:
        metric = samples[0].metrics[column].entry
        source, unit = column, metric.unit
        statistic = Quantile(share_of(share, "--metric")) if share else Mean(metric.bounds)
    values = [sample.columns.get(source, np.empty(0)) for sample in samples]
    known = [each[~np.isnan(each)] for each in values]
    label = brief_words(column, brief_markets(samples[0].result.units.markets))
    if share:
        label = f"{label}, {share} quantile"
    estimates = tuple(statistic.estimate(each) if len(each) else None for each in known)
    fixed = (k for k, each in enumerate(known) if len(each) >= _LEAST and (each == each[0]).all())
    return Figure(name, label, unit, estimates, frozenset(k for k in fixed if _has_no_interval(estimates[k])))


def _has_no_interval(estimate: Estimate | None) -> bool:
    return estimate is not None and estimate.low is None


def _answer(answer: SweepAnswer) -> tuple[Figure | None, str]:
    """Return the sentence and the figure it is about: the first that was asked, or that tells variants apart.

    Figures are in the order in which a committee asks for them, and not by how much they differ: the largest
    of many differences is mostly the noisiest.
    """
    telling = [figure for figure in answer.figures if not figure.is_nothing]
    if not telling:
        return None, "Nothing was liquidated or lost in any variant."
    asked = telling[0]
    first = asked if answer.is_asked else next((each for each in telling if each.apart), None)
    if first and first.apart:
        return first, f"{first.between(*first.apart, answer.variants)}."
    if first or all(figure.is_alike for figure in telling):
        return asked, f"{asked.between(*asked.span, answer.variants)}{_doubt(asked)}."
    return None, (
        "No headline outcome can be told apart between variants by their intervals; cascade compare holds replicates "
        "of the same luck against each other."
    )


def _doubt(figure: Figure) -> str:
    """Return why the variants of a figure cannot be told apart, where they differ."""
    low, high = figure.span
    if figure.said(low) == figure.said(high):
        return ""
    return (
        "; their intervals overlap"
        if figure.ends(low) and figure.ends(high)
        else "; too few replicates to tell"
    )


def _column(figure: Figure) -> Column:
    cells = (Cell((figure.shown(variant),)) for variant in range(len(figure.estimates[:MOST_ROWS])))
    return Column(figure.name, figure.label, tuple(cells))


def _median_of(sample: Sample) -> Callable[[str], float]:
    """Return what tells a metric's middle replicate."""

    def median(metric: str) -> float:
        values = sample.columns.get(metric, np.empty(0))
        return float(np.median(values)) if len(values) else math.nan

    return median

"""What a sweep answers, on one screen: a row for each variant, with the figures a committee asks first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from textwrap import fill
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cascade.analysis.formats import capital, format_bare, format_value
from cascade.analysis.metrics import METRICS, ColumnMetric, EnsembleMetric, metrics_of, short_name
from cascade.analysis.statistics import Estimate, Mean, Quantile
from cascade.errors import UsageError
from cascade.experiment.comparison.changes import changes
from cascade.experiment.comparison.sample import Sample
from cascade.experiment.comparison.selection import default_headline, inputs
from cascade.experiment.question import share_of
from cascade.output.run_units import RunUnits
from cascade.output.sweep import Sweep
from cascade.report.metric_words import brief_words
from cascade.scenario.words import did_you_mean, listing

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_ROWS: Final = 30
"""Variants that a screen holds."""

NARROWEST: Final = 12
"""Letters across a column: a head of several words breaks into few lines."""

GAP: Final = 2
"""Columns between two of the table."""


@dataclass(frozen=True)
class Figure:
    """A figure of every variant: the mean of a metric, a quantile of it, or a metric of the ensemble."""

    name: str
    label: str
    """What a reader calls it."""
    unit: str
    estimates: tuple[Estimate | None, ...]
    """By variant; None where one has no value of it."""

    @property
    def is_nothing(self) -> bool:
        """Tell whether it is zero in all variants, or without a value."""
        return all(each is None or each.value == 0.0 for each in self.estimates)

    @property
    def is_alike(self) -> bool:
        """Tell whether it is written alike in all variants."""
        return len({each and format_value(each.value, self.unit) for each in self.estimates}) == 1

    @property
    def spread(self) -> float:
        """How far apart variants are, of the largest of them."""
        values = [each.value for each in self.estimates if each]
        largest = max(map(abs, values), default=0.0)
        return round((max(values) - min(values)) / largest, 1) if largest and not self.is_alike else 0.0


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
        changes(samples[0].scenario, samples[-1].scenario)
    )  # which differ in all that is varied
    names = [name for asked in metrics for name in _meant(asked, samples[0].metrics, known)] or [
        name for name in usual if name not in set_by_it
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

    Figures in which variants differ come first: they are what the sweep is about.
    """
    telling = [figure for figure in answer.figures if not figure.is_nothing]
    if not answer.is_asked:
        telling.sort(key=lambda figure: figure.is_alike)
    nothing = [figure.label for figure in answer.figures if figure.is_nothing]
    shown = _that_fit(answer, telling, width)
    parts: list[RenderableType] = list(_sentences(answer, _said_of(answer, telling)))
    if shown:
        parts += ["", _table(answer, shown), ""]
    if more := len(answer.variants) - MOST_ROWS:
        parts += [f"and {more:,} more variants, in runs.parquet"] if more > 0 else []
    if left := [figure.name for figure in telling if figure not in shown]:
        parts.append(f"More in a wider terminal, or with --metric: {listing(left)}.")
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
    label = brief_words(column, [each.name for each in samples[0].result.units.markets if each.leveraged])
    if share:
        label = f"{label}, {share} quantile"
    return Figure(name, label, unit, tuple(statistic.estimate(each) if len(each) else None for each in known))


def _said_of(answer: SweepAnswer, telling: Sequence[Figure]) -> Sequence[Figure]:
    """Return what the sentence is about: the first figure that was asked, else that in which variants differ most."""
    return telling[:1] if answer.is_asked else sorted(telling, key=lambda figure: -figure.spread)[:1]


def _sentences(answer: SweepAnswer, figures: Sequence[Figure]) -> Iterator[str]:
    """Yield between which variants the first figure lies."""
    for figure in figures:
        known = [
            (each.value, name) for name, each in zip(answer.variants, figure.estimates, strict=True) if each
        ]
        (low, least), (high, most) = min(known), max(known)
        low_text, high_text = format_value(low, figure.unit), format_value(high, figure.unit)
        if low == high:
            yield f"{capital(figure.label)}: {low_text} in every variant."
        else:
            yield f"{capital(figure.label)}: from {low_text} in {least} to {high_text} in {most}."
    if not figures:
        yield "Nothing was liquidated or lost in any variant."


def _cells(figure: Figure) -> list[str]:
    return [
        "--" if each is None
        else format_value(each.value, figure.unit) if each.low is None or each.high is None or each.n == 1
        else f"{format_value(each.value, figure.unit)} [{format_bare(each.low, figure.unit)}, "
        f"{format_bare(each.high, figure.unit)}]"
        for each in figure.estimates[:MOST_ROWS]
    ]  # fmt: skip


def _that_fit(answer: SweepAnswer, figures: Sequence[Figure], width: int) -> list[Figure]:
    """Return the first figures whose columns fit beside the names of the variants."""
    room = width - max(map(len, ("variant", *answer.variants[:MOST_ROWS])))
    shown: list[Figure] = []
    for figure in figures:
        room -= GAP + _width(figure, _cells(figure))
        if room < 0 and shown:
            return shown
        shown.append(figure)
    return shown


def _table(answer: SweepAnswer, figures: Sequence[Figure]) -> RenderableType:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    table.add_column("variant", header_style="dim")
    columns = [_cells(figure) for figure in figures]
    for figure, column in zip(figures, columns, strict=True):
        head = fill(figure.label, _width(figure, column), break_long_words=False)
        table.add_column(head, justify="right", header_style="dim", no_wrap=True)
    for row, name in enumerate(answer.variants[:MOST_ROWS]):
        table.add_row(name, *(column[row] for column in columns))
    return table


def _width(figure: Figure, column: Sequence[str]) -> int:
    """Return the letters across a column, whose head breaks between words."""
    return max(NARROWEST, *map(len, (*figure.label.split(), *column)))

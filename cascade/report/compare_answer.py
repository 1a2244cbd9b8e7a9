"""What a comparison answers, on one screen: a sentence, then a row for each run with the outcomes asked first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from cascade.analysis.formats import format_bare, format_difference, format_level, format_value
from cascade.analysis.statistics import Estimate
from cascade.experiment.comparison import Comparison, Difference, Verdict
from cascade.experiment.comparison.selection import as_asked
from cascade.experiment.comparison.text import change_lines, sample_size
from cascade.report.answer_table import MOST_ROWS, Cell, Column, left_out, narrow, table, that_fit, turned
from cascade.report.builders.comparison import differences_of, listed, verdict_of
from cascade.report.builders.verdict_marks import sign_of
from cascade.report.metric_words import brief_words
from cascade.scenario.words import listing

if TYPE_CHECKING:
    from rich.console import RenderableType

ENOUGH: Final = 4
"""Outcomes beside a run; where fewer fit, outcomes are rows and runs columns."""

MOST_CHANGES: Final = 3
"""Changes of the scenario of a run that are shown here; `--all` shows more."""


def sentence(found: Comparison, markets: Mapping[str, str]) -> str:
    """Return what is worse, what is better and what cannot be told, in words, and how many replicates say so."""
    said = verdict_of(found, differences_of(found, lambda metric: brief_words(metric, markets)))
    return f"In {_sizes(found)}, {said.text}"


def _sizes(found: Comparison) -> str:
    """Return how many replicates the verdicts rest on, by run where that differs."""
    runs: dict[str, list[str]] = {}
    for variant in found.variants[1:]:
        runs.setdefault(sample_size(variant), []).append(variant.name)
    return listing(f"{size} ({listed(names)})" if len(runs) > 1 else size for size, names in runs.items())


def answer_rich(
    found: Comparison,
    markets: Mapping[str, str],
    width: int,
    *,
    asked: bool = False,
    everything: bool = False,
) -> list[RenderableType]:
    """Return the answer for a terminal of so many columns.

    Parameters
    ----------
    markets
        What the markets with leverage are called, by name.
    asked
        Whether the reader named the metrics: they then stand in that order.
    everything
        Whether the tables of all metrics follow.
    """
    from rich.text import Text

    metrics = list(found.headline) if asked else as_asked(found.headline, markets, _median_of(found))
    idle = [each for each in metrics if _is_everywhere(found, each, Verdict.UNTESTED)]
    inputs = [each for each in metrics if _is_everywhere(found, each, Verdict.INPUT)]
    told = [_column(found, each, markets) for each in metrics if each not in (*idle, *inputs)]
    parts: list[RenderableType] = [Text(sentence(found, markets), style="bold")]
    parts += [Text(line, style="dim") for line in _changes(found)]
    shown: list[str] = []
    if told:
        made, shown = _table(found, told, width)
        parts += ["", made, "", *map(Text, _legend(found, shown))]
    if (more := len(found.variants) - MOST_ROWS) > 0 and not everything:
        parts.append(f"And {more:,} more runs: --all.")
    if (left := [column for column in told if column.metric not in shown]) and not everything:
        parts.append(Text(left_out(left)))
    if inputs:
        parts.append(Text(f"Set by the scenario: {_named(inputs, markets)}."))
    if idle:
        parts.append(Text(f"Not tested by this stress, zero in all runs: {_named(idle, markets)}."))
    parts += [Text(f"note: {note}") for note in found.notes]
    parts.append(Text(_footnote(found, everything=everything), style="dim"))
    return parts


def _median_of(found: Comparison) -> Callable[[str], float]:
    """Return what tells a metric's middle replicate of the baseline."""
    spreads = found.spreads[found.baseline.name]
    return lambda metric: spreads[metric].median.value if metric in spreads else math.nan


def _is_everywhere(found: Comparison, metric: str, verdict: Verdict) -> bool:
    """Tell whether a metric has one verdict in all runs."""
    differences = [each[metric] for each in found.differences.values() if metric in each]
    return bool(differences) and all(each.verdict is verdict for each in differences)


def _named(metrics: Sequence[str], markets: Mapping[str, str]) -> str:
    return listing(brief_words(each, markets) for each in metrics)


def _changes(found: Comparison) -> Iterator[str]:
    """Yield what differs in the scenarios of runs whose names do not say it."""
    for variant in found.variants[1 : MOST_ROWS + 1]:
        lines = change_lines(variant)
        if lines and "=" not in variant.name:
            more = f"; and {len(variant.changes) - MOST_CHANGES} more" if len(lines) > MOST_CHANGES else ""
            yield f"  {variant.name}: {'; '.join(lines[:MOST_CHANGES])}{more}"


def _column(found: Comparison, metric: str, markets: Mapping[str, str]) -> Column:
    cells = tuple(_cell(found, each.name, metric) for each in found.variants[:MOST_ROWS])
    return Column(metric, brief_words(metric, markets), cells)


def _cell(found: Comparison, run: str, metric: str) -> Cell:
    """Return a figure of a run, and how it differs from the baseline's."""
    figure, unit = found.figure(run, metric), found.measures[metric].unit
    value = "n/a" if figure is None else format_value(figure.value, unit)
    if run == found.baseline.name:
        return Cell(tuple(filter(None, (value, _interval(figure, unit)))), "open")
    difference = found.differences[run].get(metric)
    if difference is None:
        return Cell((value,))
    sign = sign_of(difference)
    return Cell((value, f"{sign.text} {_apart(difference, unit)}".rstrip()), sign.kind)


def _interval(figure: Estimate | None, unit: str) -> str:
    if figure is None or figure.low is None or figure.high is None:
        return ""
    return f"[{format_bare(figure.low, unit)}, {format_bare(figure.high, unit)}]"


def _apart(difference: Difference, unit: str) -> str:
    """Return by how much a figure differs; nothing where no replicate does."""
    if difference.difference is None or difference.difference.value == 0.0:
        return ""
    return format_difference(difference.difference, unit)


def _table(found: Comparison, told: Sequence[Column], width: int) -> tuple[RenderableType, list[str]]:
    """Return the table, and the metrics that it has: a row for each run, or in a narrow terminal for each outcome."""
    names = [each.name for each in found.variants[:MOST_ROWS]]
    rows = [f"{names[0]}\nbaseline", *names[1:]]
    shown = that_fit(rows, told, width)
    if len(shown) < min(ENOUGH, len(told)):
        heads = [column.head for column in told]
        for columns in (told, narrow(told)):
            runs = turned(columns, rows)
            if len(that_fit(heads, runs, width)) == len(runs):
                return table("outcome", heads, runs, width), [column.metric for column in told]
        shown = that_fit(rows, narrow(told), width)
    return table("run", rows, shown, width), [column.metric for column in shown]


def _legend(found: Comparison, metrics: Sequence[str]) -> Iterator[str]:
    """Yield what the signs of the table mean, those that it has."""
    differences = [
        each for variant in found.variants[1:MOST_ROWS] for metric in metrics
        if (each := found.differences[variant.name].get(metric))
    ]  # fmt: skip
    signs = [sign_of(each) for each in differences]
    meanings = dict.fromkeys(f"{each.text.strip('()')} {each.meaning}" for each in signs)
    if any(each.way for each in differences):
        meanings["(in brackets) every pair says so, but they are too few to be sure"] = None
    if meanings:
        yield "   ".join(meanings)


def _footnote(found: Comparison, *, everything: bool) -> str:
    n, level = found.n_tests, format_level(found.confidence)
    together = f"; the verdicts on the {n} differences that were tested hold together (Holm)" if n > 1 else ""
    more = "" if everything else "Every metric, p-values and how many replicates would tell: --all. "
    return (
        f"Means, and differences with intervals of {level} each{together}. {more}Conditional on the scenarios: stress "
        "results, not forecasts."
    )

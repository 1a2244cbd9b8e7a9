"""What a comparison answers, on one screen: a sentence, then a row for each run with the outcomes asked first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING, Final

from cascade.analysis.formats import format_bare, format_difference, format_value
from cascade.analysis.statistics import Estimate
from cascade.experiment.comparison import Comparison, Difference, Verdict
from cascade.experiment.comparison.text import change_lines
from cascade.report.builders.comparison import differences_of, verdict_of
from cascade.report.builders.verdict_marks import sign_of
from cascade.report.metric_words import brief_words
from cascade.scenario.words import listing

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

MOST_ROWS: Final = 30
"""Runs that a screen holds."""

GAP: Final = 2
"""Columns between two of the table."""

NARROWEST: Final = 12
"""Letters across a column: a head of several words breaks into few lines."""

MOST_CHANGES: Final = 3
"""Changes of the scenario of a run that are shown here; `--all` shows more."""

_FIRST: Final = ("complete_usd", "_fall_bps", "fund_draw_usd", "adl_usd", "bad_debt_usd")
"""Endings of the metrics that a committee asks first, where nobody names any."""

_TINTS: Final = {"worse": "red", "better": "green", "other": "bold"}


@dataclass(frozen=True, slots=True)
class Column:
    """A metric of all runs: what it is called, and two lines for each run."""

    metric: str
    head: str
    cells: tuple[tuple[str, str, str], ...]
    """The figure, how it differs from the baseline's, and the kind of that difference."""

    @property
    def width(self) -> int:
        """Letters across it; its head breaks between words."""
        return max(
            NARROWEST, *map(len, (*self.head.split(), *(line for cell in self.cells for line in cell[:2])))
        )


def sentence(found: Comparison, markets: Sequence[str]) -> str:
    """Return what is worse, what is better and what cannot be told, in words."""
    return verdict_of(found, differences_of(found, lambda metric: brief_words(metric, markets))).text


def answer_rich(
    found: Comparison, markets: Sequence[str], width: int, *, asked: bool = False
) -> list[RenderableType]:
    """Return the answer for a terminal of so many columns.

    Parameters
    ----------
    markets
        Names of the markets with leverage.
    asked
        Whether the reader named the metrics: they then stand in that order.
    """
    from rich.text import Text

    metrics = found.headline if asked else sorted(found.headline, key=_place)
    idle = [each for each in metrics if _is_everywhere(found, each, Verdict.UNTESTED)]
    inputs = [each for each in metrics if _is_everywhere(found, each, Verdict.INPUT)]
    told = [_column(found, each, markets) for each in metrics if each not in (*idle, *inputs)]
    shown = _that_fit(found, told, width)
    parts: list[RenderableType] = [Text(sentence(found, markets), style="bold")]
    parts += [Text(line, style="dim") for line in _changes(found)]
    if shown:
        parts += ["", _table(found, shown), ""]
        parts += [Text(line) for line in _legend(found, [column.metric for column in shown])]
    if more := max(len(found.variants) - MOST_ROWS, 0):
        parts.append(f"And {more:,} more runs: --all.")
    if left := [column.head for column in told if column not in shown]:
        parts.append(Text(f"In a wider terminal, with --metric or --all: {listing(left)}."))
    if inputs:
        parts.append(Text(f"Set by the scenario: {_named(inputs, markets)}."))
    if idle:
        parts.append(Text(f"Not tested by this stress, zero in all runs: {_named(idle, markets)}."))
    parts += [Text(f"note: {note}") for note in found.notes]
    parts.append(Text(_footnote(found), style="dim"))
    return parts


def _place(metric: str) -> int:
    """Return where a metric comes among those that a committee asks first; the rest keep their order."""
    return next(
        (k for k, end in enumerate(_FIRST) if metric.endswith(end) and "_stops_" not in metric), len(_FIRST)
    )


def _is_everywhere(found: Comparison, metric: str, verdict: Verdict) -> bool:
    """Tell whether a metric has one verdict in all runs."""
    differences = [each[metric] for each in found.differences.values() if metric in each]
    return bool(differences) and all(each.verdict is verdict for each in differences)


def _named(metrics: Sequence[str], markets: Sequence[str]) -> str:
    return listing(brief_words(each, markets) for each in metrics)


def _changes(found: Comparison) -> Iterator[str]:
    """Yield what differs in the scenarios of runs whose names do not say it."""
    for variant in found.variants[1 : MOST_ROWS + 1]:
        lines = change_lines(variant)
        if lines and "=" not in variant.name:
            more = f"; and {len(variant.changes) - MOST_CHANGES} more" if len(lines) > MOST_CHANGES else ""
            yield f"  {variant.name}: {'; '.join(lines[:MOST_CHANGES])}{more}"


def _column(found: Comparison, metric: str, markets: Sequence[str]) -> Column:
    cells = tuple(_cell(found, each.name, metric) for each in found.variants[:MOST_ROWS])
    return Column(metric, brief_words(metric, markets), cells)


def _cell(found: Comparison, run: str, metric: str) -> tuple[str, str, str]:
    """Return a figure of a run, and how it differs from the baseline's."""
    figure, unit = found.figure(run, metric), found.measures[metric].unit
    value = "n/a" if figure is None else format_value(figure.value, unit)
    if run == found.baseline.name:
        return value, _interval(figure, unit), ""
    difference = found.differences[run].get(metric)
    if difference is None:
        return value, "", ""
    sign = sign_of(difference)
    return value, f"{sign.text} {_apart(difference, unit)}".rstrip(), sign.kind


def _interval(figure: Estimate | None, unit: str) -> str:
    if figure is None or figure.low is None or figure.high is None:
        return ""
    return f"[{format_bare(figure.low, unit)}, {format_bare(figure.high, unit)}]"


def _apart(difference: Difference, unit: str) -> str:
    """Return by how much a figure differs; nothing where no replicate does."""
    if difference.difference is None or difference.difference.value == 0.0:
        return ""
    return format_difference(difference.difference, unit)


def _that_fit(found: Comparison, columns: Sequence[Column], width: int) -> list[Column]:
    """Return the first columns that fit beside the names of the runs."""
    room = width - max(map(len, ("baseline", *(each.name for each in found.variants[:MOST_ROWS]))))
    shown: list[Column] = []
    for column in columns:
        room -= GAP + column.width
        if room < 0 and shown:
            return shown
        shown.append(column)
    return shown


def _table(found: Comparison, columns: Sequence[Column]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    table.add_column("run", header_style="dim")
    for column in columns:
        head = fill(column.head, column.width, break_long_words=False)
        table.add_column(head, justify="right", header_style="dim", no_wrap=True)
    for row, variant in enumerate(found.variants[:MOST_ROWS]):
        name = Text(variant.name)
        if variant is found.baseline:
            name.append("\nbaseline", style="dim")
        table.add_row(name, *(_two_lines(column.cells[row]) for column in columns))
    return table


def _two_lines(cell: tuple[str, str, str]) -> Text:
    from rich.text import Text

    value, apart, kind = cell
    text = Text(value)
    if apart:
        text.append(f"\n{apart}", style=_TINTS.get(kind, "dim"))
    return text


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


def _footnote(found: Comparison) -> str:
    level = f"{found.confidence:.0%}".replace("%", " %")
    tests = len(found.headline) * len(found.differences)
    return (
        f"Means, and differences with intervals of {level} each; the verdicts on all {tests} of the first metrics hold "
        f"together (Holm). Every metric, p-values and how many replicates would tell: --all. Conditional on the "
        "scenarios: stress results, not forecasts."
    )

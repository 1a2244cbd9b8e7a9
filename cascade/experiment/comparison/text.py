"""A comparison as people read it: in a terminal, in Markdown for a pull request, in a notebook."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Final, NamedTuple

from cascade import escape
from cascade.analysis.formats import as_written, format_difference, format_estimate, format_level
from cascade.analysis.statistics import about
from cascade.experiment.comparison.types import Comparison, Difference, Measure, Variant, Verdict

if TYPE_CHECKING:
    from rich.console import RenderableType

_CHANGES: Final = 12
"""Changes of the scenario that are shown; of more, their number."""

_MOST_LUCK: Final = 1000
"""Savings beyond this are shown as such: the runs are all but equal."""

_TINTS: Final = {Verdict.WORSE: "red", Verdict.BETTER: "green", Verdict.HIGHER: "bold", Verdict.LOWER: "bold"}


class Row(NamedTuple):
    """A metric of a variant against the baseline, as text."""

    metric: str
    baseline: str
    variant: str
    difference: str
    """With its interval."""
    change: str
    """Of the baseline's figure."""
    verdict: str
    luck: str
    """How many times fewer replicates the shared luck saves."""
    needed: str
    """Replicates for an interval of 1 % of the baseline to either side."""


def headings(comparison: Comparison, variant: Variant) -> Row:
    """Return what the columns of `rows` are called."""
    return Row(
        "metric",
        comparison.baseline.name,
        variant.name,
        "difference",
        "change",
        "verdict",
        "pairing saves",
        "for ±1 %",
    )


def rows(comparison: Comparison, variant: str, metrics: Iterable[str]) -> list[Row]:
    """Return a variant's metrics as text."""
    found = comparison.differences[variant]
    return [_row(found[name], comparison.measures[name]) for name in metrics]


def _row(difference: Difference, measure: Measure) -> Row:
    if difference.baseline is None or difference.value is None or difference.difference is None:
        return Row(measure.name, "", "", "", "", f"{difference.verdict} ({difference.reason})", "", "")
    said, found = [difference.reason] if difference.reason else [], str(difference.verdict)
    if difference.way is not None and difference.pairs is not None:
        n = difference.pairs.n
        found = f"{difference.way} in {n} of {n} pairs, exact p {difference.pairs.p:.2g}"
    if difference.tells and not difference.reason.endswith(f"needs {difference.tells} replicates"):
        said.append(f"you need about {about(difference.tells):,}")
    verdict = f"{found} ({'; '.join(said)})" if said else found
    return Row(
        measure.name,
        format_estimate(difference.baseline, measure.unit),
        format_estimate(difference.value, measure.unit),
        format_difference(difference.difference, measure.unit),
        _change(difference.difference.value, difference.baseline.value),
        verdict,
        _luck(difference),
        f"{about(difference.needed):,}" if difference.needed else "",
    )


def _change(difference: float, baseline: float) -> str:
    """Return a difference as a share of the baseline's figure."""
    if difference == 0.0:
        return ""
    if baseline == 0.0 or abs(difference / baseline) >= 10.0:
        return "" if baseline == 0.0 else f"{difference / abs(baseline):+,.0f} times"
    return f"{difference / abs(baseline):+.1%}".replace("%", " %")


def _luck(difference: Difference) -> str:
    """Return the variance reduction."""
    reduction = difference.variance_reduction
    if reduction is None or math.isinf(reduction):
        return ""
    if reduction > _MOST_LUCK:
        return f"over {_MOST_LUCK:,} times"
    return f"{reduction:,.1f} times" if reduction < 9.95 else f"{reduction:,.0f} times"


def sentence(comparison: Comparison, variant: Variant) -> str:
    """Return the verdict on a variant: in how many of the metrics shown it is worse, better, neither."""
    headline = [comparison.differences[variant.name][name] for name in comparison.headline]
    found = [each for each in headline if each.verdict not in {Verdict.UNKNOWN, Verdict.INPUT}]
    left = sum(each.verdict is Verdict.UNKNOWN for each in headline)
    also = f" {left} cannot be compared." if left else ""
    names = {verdict: [each.metric for each in found if each.verdict is verdict] for verdict in Verdict}
    said = [
        f"{verdict} in {len(names[verdict])} ({', '.join(names[verdict])})"
        for verdict in (Verdict.WORSE, Verdict.BETTER, Verdict.HIGHER, Verdict.LOWER)
        if names[verdict]
    ]
    against = against_baseline(comparison, variant)
    if none := no_outcome(headline):
        return f"{against}: {none}."
    if len(names[Verdict.NONE]) + len(names[Verdict.UNTESTED]) == len(found) and names[Verdict.NONE]:
        tied = all(each.is_tied for each in found)
        equal = ": every replicate is the same" if tied else f" in {sample_size(variant)}"
        untested = len(names[Verdict.UNTESTED])
        idle = (
            f" This stress does not test {untested} of them: they are zero in all runs." if untested else ""
        )
        return f"{against}: no detectable difference{equal}.{idle}{also}"
    one_way = [f"{each.metric}, {each.way}" for each in found if each.way]
    if one_way:
        said.append(f"one way in every pair in {len(one_way)} ({'; '.join(one_way)})")
    if names[Verdict.UNTESTED]:
        said.append(f"not tested by this stress in {len(names[Verdict.UNTESTED])} (zero in all runs)")
    if names[Verdict.NONE]:
        said.append(f"no detectable difference in {len(names[Verdict.NONE])}")
    left_open = len(names[Verdict.UNDECIDED]) - len(one_way)
    if left_open:
        few = f"{sample_size(variant)} are too few to tell" if not said else "too few replicates to tell"
        said.append(f"{few} in {left_open}, {you_need(each for each in found if not each.way)}")
    return f"{against}, of {len(found)} metrics: {'; '.join(said)}.{also}"


def against_baseline(comparison: Comparison, variant: Variant) -> str:
    """Return which run is held against which."""
    return f"{variant.name} against {comparison.baseline.name}"


def no_outcome(differences: Iterable[Difference]) -> str:
    """Return what is said of a run of which nothing shown is an outcome that can be compared; else nothing."""
    verdicts = {each.verdict for each in differences}
    if verdicts - {Verdict.INPUT, Verdict.UNKNOWN}:
        return ""
    if Verdict.UNKNOWN not in verdicts:
        return "the scenario sets all of it"
    return (
        "what the scenario does not set cannot be compared"
        if Verdict.INPUT in verdicts
        else "cannot be compared"
    )


def you_need(differences: Iterable[Difference]) -> str:
    """Return how many replicates it takes until some, and until all, that these cannot tell can be told."""
    needed = sorted(about(each.tells) for each in differences if each.tells)
    first, last = needed[0], needed[-1]
    return f"for which you need about {first:,}" + (f" to {last:,}" if last > first else "")


def sample_size(variant: Variant) -> str:
    """Return how many replicates a verdict on a variant rests on."""
    if variant.paired:
        return (
            "1 pair of the same luck"
            if variant.n_pairs == 1
            else f"{variant.n_pairs:,} pairs of the same luck"
        )
    return f"{variant.n:,} replicates of another luck"


def change_lines(variant: Variant) -> list[str]:
    """Return what differs in the scenario of a variant, a line for each value."""
    shown = [
        f"{each.path}: {as_written(each.baseline) or '(nothing)'} -> {as_written(each.variant) or '(nothing)'}"
        for each in variant.changes[:_CHANGES]
    ]
    more = len(variant.changes) - _CHANGES
    return [*shown, f"and {more} more values"] if more > 0 else shown


COLUMNS: Final = (
    "pairing saves: how many times fewer replicates it takes. for ±1 %: replicates after which the difference is known "
    "to 1 % of the baseline."
)
"""What columns mean that do not say it."""


def footnote(comparison: Comparison) -> str:
    """Return how to read the tables."""
    level = format_level(comparison.confidence)
    together = (
        f"Verdicts hold together: where nothing differs, all {comparison.n_tests} tests of the first metrics "
        f"say so with at least {level} probability (Holm). "
        if comparison.n_tests
        else ""
    )
    return (
        f"Figures are means over the replicates compared, and metrics of the ensemble as their names say; "
        f"brackets are {level} intervals of each figure alone. {together}{COLUMNS} Conditional on the scenarios: stress "
        "results, not forecasts."
    )


def _others(comparison: Comparison) -> list[str]:
    """Return the metrics that do not come first."""
    return [name for name in comparison.measures if name not in comparison.headline]


def _metrics(comparison: Comparison, *, everything: bool) -> Sequence[str]:
    return (*comparison.headline, *_others(comparison)) if everything else comparison.headline


def markdown(comparison: Comparison, *, everything: bool = False, answered: bool = False) -> str:
    """Return the comparison as Markdown; below an answer without sentences of its own."""
    metrics = _metrics(comparison, everything=everything)
    parts = [
        part
        for each in comparison.variants[1:]
        for part in _markdown_of(comparison, each, metrics, answered=answered)
    ]
    said = "\n".join(f"- {escape.markdown(note)}" for note in comparison.notes)
    return "\n\n".join(filter(None, [*parts, said, f"*{footnote(comparison)}*"])) + "\n"


def _markdown_of(
    comparison: Comparison, variant: Variant, metrics: Sequence[str], *, answered: bool
) -> Iterator[str]:
    said = against_baseline(comparison, variant) if answered else sentence(comparison, variant)
    yield f"**{escape.markdown(said)}**"
    if variant.changes:
        yield "\n".join(f"- {escape.markdown_code(line)}" for line in change_lines(variant))
    lines = [headings(comparison, variant), *rows(comparison, variant.name, metrics)]
    cells = [[escape.markdown(cell) for cell in line] for line in lines]
    cells[1:] = [
        [escape.markdown_code(line.metric), *rest[1:]]
        for line, rest in zip(lines[1:], cells[1:], strict=True)
    ]
    cells.insert(1, ["---", "--:", "--:", "--:", "--:", "---", "--:", "--:"])
    yield "\n".join(f"| {' | '.join(line)} |" for line in cells)


def to_html(comparison: Comparison) -> str:
    """Return the comparison for a notebook."""
    parts: list[str] = []
    for variant in comparison.variants[1:]:
        parts.append(f"<p><b>{html.escape(sentence(comparison, variant))}</b></p>")
        parts += [f"<code>{html.escape(line)}</code><br>" for line in change_lines(variant)]
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in headings(comparison, variant))
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in rows(comparison, variant.name, comparison.headline)
        )
        parts.append(f"<table><tr>{head}</tr>{body}</table>")
    said = [*comparison.notes, footnote(comparison)]
    return "".join(parts) + "".join(f"<p><small>{html.escape(each)}</small></p>" for each in said)


def _render(comparison: Comparison) -> RenderableType:
    """Return the comparison for a rich console."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = []
    for variant in comparison.variants[1:]:
        parts.append(Text(sentence(comparison, variant), style="bold"))
        parts += [Text(f"  {line}", style="dim") for line in change_lines(variant)]
        parts += [_table(comparison, variant, comparison.headline), Text()]
    parts += [Text(f"note: {note}") for note in comparison.notes]
    return Group(*parts, Text(footnote(comparison), style="dim"))


def tables(comparison: Comparison) -> RenderableType:
    """Return every metric for a rich console, below an answer that has said the rest."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = []
    for variant in comparison.variants[1:]:
        parts.append(Text(against_baseline(comparison, variant), style="bold"))
        parts += [_table(comparison, variant, _metrics(comparison, everything=True)), Text()]
    return Group(*parts, Text(COLUMNS, style="dim"))


def _table(comparison: Comparison, variant: Variant, metrics: Sequence[str]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, title in enumerate(headings(comparison, variant)):
        right = place not in {0, 5}
        table.add_column(
            title, justify="right" if right else "left", header_style="dim", no_wrap=place not in {0, 5}
        )
    differences = comparison.differences[variant.name]
    for row in rows(comparison, variant.name, metrics):
        tint = _TINTS.get(differences[row.metric].verdict, "")
        table.add_row(*(Text(cell, style=tint if place == 5 else "") for place, cell in enumerate(row)))
    return table


def to_text(comparison: Comparison, width: int = 160) -> str:
    """Return the comparison as plain text."""
    from rich.console import Console

    file = StringIO()
    Console(file=file, width=width, color_system=None, highlight=False, emoji=False).print(
        _render(comparison)
    )
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


# Its methods, given it here: the type knows nothing of how it is written.
Comparison.to_text, Comparison.to_html = to_text, to_html

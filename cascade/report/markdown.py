"""The report as a memo in Markdown, for a pull request or a mail."""

from __future__ import annotations

from collections.abc import Iterator

from cascade.analysis.formats import format_replicates
from cascade.escape import markdown, markdown_code
from cascade.experiment.threshold import Frontier
from cascade.report.builders import attribution, comparison, ensemble, facts, liquidations, losses, searches
from cascade.report.builders.comparison import comparison_verdict
from cascade.report.builders.differences import differences
from cascade.report.builders.headline import headline, verdict
from cascade.report.builders.study import Study
from cascade.report.builders.table import Column, Table, show
from cascade.report.threshold import how, line_text, question_text, threshold_text


def memo(study: Study) -> str:
    """Return verdict, what differs, metrics, what was liquidated, who bore it, and checks."""
    return "\n".join(_parts(study))


def _parts(study: Study) -> Iterator[str]:
    if study.frontier is not None:
        yield from _searched(study.frontier)
        return
    names = " against ".join(markdown_code(variant.label) for variant in study.variants)
    yield f"# {names}\n"
    yield f"{markdown((comparison_verdict(study) or verdict(study)).text)}\n"
    interval = " Medians [95 % interval of the median]." if study.n > 5 else ""
    yield f"{format_replicates(study.n)}.{interval} A stress result, conditional on the scenario; not a forecast.\n"
    waterfall = losses.waterfall(study)
    found = [
        differences(study),
        comparison.differences(study),
        headline(study),
        liquidations.newspaper(study),
        *(each.table for each in attribution.waterfalls(study) or ()),
        *(each.table for each in attribution.shares(study) or ()),
    ]
    found += [*(waterfall if isinstance(waterfall, list) else []), ensemble.tail(study)]
    for table in [*found, facts.checks(study), facts.provenance(study)]:
        if table is not None and len(table):
            yield f"## {markdown(table.title)}\n"
            yield markdown_table(table) + "\n"


def _searched(found: Frontier) -> Iterator[str]:
    """Yield what a search found: its answer, the thresholds and what was tried."""
    first = found.thresholds[0]
    yield f"# {markdown_code(found.scenario)}: {markdown(question_text(first))}\n"
    yield f"{markdown(line_text(found) if found.question.against else threshold_text(first))}\n"
    yield f"{markdown(how(first))}\n"
    for table in searches.thresholds(Study((), frontier=found)):
        yield f"## {markdown(table.title)}\n"
        yield markdown_table(table) + "\n"


def markdown_table(table: Table) -> str:
    """Return the columns of a table that a reader sees."""
    shown = [c for c in table.columns if not c.hidden and any(value not in (None, "") for value in c.values)]
    lines = [_line([_heading(column) for column in shown])]
    lines.append(_line(["--:" if column.kind == "number" else "---" for column in shown]))
    lines += [_line([_cell(table, row, column) for column in shown]) for row in range(len(table))]
    return "\n".join(lines)


def _heading(column: Column) -> str:
    return markdown(f"{column.label} ({column.unit})" if column.unit and column.unit != "1" else column.label)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(table: Table, row: int, column: Column) -> str:
    """Return a cell: a median with its interval, or a name."""
    value = table.value(row, column.name)
    if column.kind != "number":
        text = "" if value is None else str(value)
        return markdown_code(text) if column.kind == "code" and text else markdown(text)
    unit, is_apart = table.unit(row, column.name), column.is_apart
    text = show(value, unit, is_apart=is_apart)
    if column.interval:
        low, high = (table.value(row, name) for name in column.interval)
        if low is not None and high is not None:
            ends = (show(end, unit, is_bare=True, is_apart=is_apart) for end in (low, high))
            text += f" [{', '.join(ends)}]"
    return text

"""Tables of what a search found: the thresholds, and the values that were tried for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cascade.analysis.statistics import Estimate
from cascade.experiment.threshold import Frontier, Threshold
from cascade.report.builders.study import Study
from cascade.report.builders.table import Column, Table, estimate_columns, scaled, text_column
from cascade.report.metric_words import event_words
from cascade.report.threshold import field_text


class Curve(NamedTuple):
    """The values tried for one threshold."""

    threshold: Threshold
    table: Table


def shown(unit: str) -> tuple[str, float]:
    """Return the unit in which a page shows one, and how many of it that is."""
    if unit == "fraction":
        return "%", 100.0
    return (unit, 1.0) if unit in {"USD", "bps", "s", "h", "min"} else ("1", 1.0)


def line(study: Study) -> list[Frontier] | None:
    """Return a frontier that has a line: two thresholds or more, by a field that is a number."""
    found = study.frontier
    if found is None or sum(each.value is not None for each in found.thresholds) < 2:
        return None
    return [found] if all(isinstance(each.against, float) for each in found.thresholds) else None


def thresholds(study: Study) -> list[Table]:
    """Return the thresholds of a search, a row each."""
    return [] if study.frontier is None else [threshold_table(study.frontier)]


def threshold_table(found: Frontier) -> Table:
    """Return the thresholds of a search, a row each."""
    asked, n = found.question, [each.n for each in found.thresholds]
    unit, by = shown(found.unit)
    estimates = [
        None if each.value is None else scaled(Estimate(each.value, each.low, each.high, each.n), 1.0 / by)
        for each in found.thresholds
    ]
    names = [field_text(each.against, found.against_unit) for each in found.thresholds]
    numbers = [each.against for each in found.thresholds]
    against_unit, against_by = shown(found.against_unit)
    return Table("thresholds", f"Thresholds of {asked.vary}: {event_words(asked.event)}", (
        text_column("at", asked.against or "threshold of", names if asked.against else [asked.vary]),
        *estimate_columns("value", asked.vary, estimates, unit),
        text_column("status", "found", [str(each.status) for each in found.thresholds]),
        Column("replicates", "replicates of each value", n),
        Column("against", asked.against, _times(numbers, against_by), against_unit, hidden=True),
    ))  # fmt: skip


def curves(study: Study) -> list[Curve] | None:
    """Return the values that were tried, for each threshold."""
    return None if study.frontier is None else [
        Curve(each, _tried(each, number)) for number, each in enumerate(study.frontier.thresholds)
    ]  # fmt: skip


def _tried(found: Threshold, number: int) -> Table:
    unit, by = shown(found.unit)
    estimates = [scaled(each.probability, 0.01) for each in found.tried]
    return Table(f"tried_{number}", f"Values of {found.question.vary} that were tried", (
        text_column("at", found.question.vary, [field_text(each.value, found.unit) for each in found.tried]),
        Column("value", found.question.vary, [each.value * by for each in found.tried], unit, hidden=True),
        Column("happened", "replicates in which it happened", [each.happened for each in found.tried]),
        *estimate_columns("probability", "their share", estimates, "%"),
    ))  # fmt: skip


def _times(values: Sequence[float | str | None], by: float) -> list[float | None]:
    return [value * by if isinstance(value, float) else None for value in values]

"""Runs by outcomes: of each run what came out, and whether that is worse, better or cannot be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cascade.analysis.formats import format_level
from cascade.analysis.metrics import column_name
from cascade.analysis.verdict import Answer
from cascade.experiment.comparison import Comparison, Difference
from cascade.report.builders.comparison import label_of
from cascade.report.builders.outcomes import way
from cascade.report.builders.screen import market_of
from cascade.report.builders.study import Study
from cascade.report.builders.table import (
    Column,
    Ref,
    Said,
    Table,
    Value,
    said,
    text_column,
    with_interval,
)
from cascade.report.builders.verdict_marks import sign_of

MOST: Final = 6
"""Outcomes that fit a page side by side."""

_LOSSES: Final = ("fund_draw_usd", "adl_usd", "bad_debt_usd")


@dataclass(frozen=True, slots=True)
class Mark:
    """A verdict as a sign that needs no colour, beside its word."""

    kind: str
    sign: str
    word: Said


@dataclass(frozen=True, slots=True)
class Cell:
    """An outcome of a run: its mean, and how it differs from the baseline's."""

    value: Said
    difference: Said | None = None
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The table of outcomes, and as it is shown."""

    table: Table
    head: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[Cell, ...]], ...]
    """Run, whether it cascaded, and a cell for each outcome."""


def outcome_table(study: Study) -> Outcomes | None:
    """Return the runs of a comparison by outcomes; None for one run."""
    return study.once(_outcome_table)


def _outcome_table(study: Study) -> Outcomes | None:
    found = study.comparison
    metrics = _metrics(study, found) if found else ()
    if found is None or not metrics:
        return None
    answers = [_answer(each.summary.cascade.answer) for each in study.variants]
    columns = [
        text_column("run", "run", [each.label for each in study.variants]),
        text_column("cascaded", "did it cascade?", answers),
    ]
    for number, metric in enumerate(metrics):
        columns += _columns(study, found, f"o{number}", metric)
    table = Table(
        "outcomes",
        f"Means of the runs, and differences with {format_level(found.confidence)} intervals",
        tuple(columns),
    )
    rows = [
        (
            each.label,
            answers[k],
            tuple(_cell(found, table, k, f"o{i}", metric) for i, metric in enumerate(metrics)),
        )
        for k, each in enumerate(study.variants)
    ]
    return Outcomes(table, tuple(label_of(study, metric) for metric in metrics), tuple(rows))


def _answer(found: Answer) -> str:
    return "not known" if found is Answer.UNKNOWN else str(found)


def _metrics(study: Study, found: Comparison) -> tuple[str, ...]:
    """Return the move and what liquidations added to it, what was liquidated, and who bore it."""
    market = market_of(study) if study.markets else ""
    moves = [f"{{market}}_{kind}{way(study, market)}_bps" for kind in ("", "added_")] if market else []
    wanted = [*(column_name(each, market) for each in moves), "complete_usd", *_LOSSES]
    return tuple(each for each in wanted if each in found.measures)[:MOST]


def _columns(study: Study, found: Comparison, name: str, metric: str) -> list[Column]:
    """Return the columns of an outcome: mean, difference with its interval, and verdict."""
    base = found.baseline.name
    unit, label = found.measures[metric].unit, label_of(study, metric)
    means = [found.figure(each.label, metric) for each in study.variants]
    each = [None if v.label == base else found.differences[v.label].get(metric) for v in study.variants]
    apart = [d.difference if d else None for d in each]

    def column(end: str, text: str, values: list[Value]) -> Column:
        return Column(
            f"{name}{end}", f"{label}{text}", values, unit, hidden=True, is_apart=end.startswith("_apart")
        )

    return [
        Column(name, label, [m.value if m else None for m in means], unit),
        column("_low", ", low", [m.low if m else None for m in means]),
        column("_high", ", high", [m.high if m else None for m in means]),
        column("_apart", ": difference", [d.value if d else None for d in apart]),
        column("_apart_low", ": difference, low", [d.low if d else None for d in apart]),
        column("_apart_high", ": difference, high", [d.high if d else None for d in apart]),
        text_column(
            f"{name}_verdict", f"{label}: verdict", [d.verdict.value if d else "baseline" for d in each]
        ),
        Column(f"{name}_p", f"{label}: exact p of the signs", [_exact_p(d) for d in each], "1", hidden=True),
    ]


def _exact_p(difference: Difference | None) -> float | None:
    return difference.pairs.p if difference and difference.pairs else None


def _cell(found: Comparison, table: Table, row: int, name: str, metric: str) -> Cell:
    mean = Ref(table, row, name)
    value = said("n/a") if mean.value is None else said("{mean}", mean=mean)
    run = str(table.value(row, "run"))
    if run == found.baseline.name:
        return Cell(said("n/a") if mean.value is None else with_interval(mean))
    difference = found.differences[run].get(metric)
    if difference is None:
        return Cell(value)
    apart = Ref(table, row, f"{name}_apart")
    shown = None if apart.value in (None, 0.0) else with_interval(apart)
    return Cell(value, shown, _mark(difference, Ref(table, row, f"{name}_p")))


def _mark(difference: Difference, p: Ref) -> Mark:
    """Return the mark of a difference; of too few pairs that all point one way, that with the exact test."""
    sign = sign_of(difference)
    if difference.way is not None:
        word = said(f"{difference.way} in every pair, exact p {{p}}", p=p)
        return Mark(f"{sign.kind} unsure", sign.text, word)
    return Mark(sign.kind, sign.text, said(sign.meaning))

"""Stylised facts as tables: the verdicts, what each fact is, and the curves behind them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cascade.analysis.facts import RULES
from cascade.analysis.facts.curves import Averaged
from cascade.report.builders.study import Missing, Study
from cascade.report.builders.table import Column, Floats, Table, text_column
from cascade.report.stylised import all_cells

RANGE_FROM = 2
"""Replicates from which a curve has a range."""


def verdicts(study: Study) -> list[Table]:
    """Return every fact with its figure, its band and the verdict."""
    found = study.facts
    if found is None:
        return []
    shown = list(all_cells(found))
    readings = [reading for row in found.rows for reading in row.readings]
    values = [each.estimate.value if each.estimate else None for each in readings]
    ends = [
        [getattr(each.estimate, end) if each.estimate else None for each in readings]
        for end in ("low", "high")
    ]
    columns = (
        text_column("fact", "fact", [f"{each.row} {each.fact}".strip() for each in shown]),
        text_column("value", "value", [each.value for each in shown]),
        text_column("interval", "95 % interval", [each.interval for each in shown]),
        text_column("band", "band", [each.band for each in shown]),
        text_column("verdict", "verdict", [each.verdict for each in shown]),
        text_column("inside", "replicates inside", [each.share for each in shown]),
        text_column("remark", "band from, or why not", [each.remark for each in shown]),
        Column("estimate", "value", values, hidden=True),
        Column("low", "interval, low", ends[0], hidden=True),
        Column("high", "interval, high", ends[1], hidden=True),
        Column("band_low", "band, low", [each.band.low for each in readings], hidden=True),
        Column("band_high", "band, high", [each.band.high for each in readings], hidden=True),
    )
    return [Table("facts", "Stylised facts; no market may miss those with *", columns)]


def estimators(study: Study) -> list[Table]:
    """Return what each fact is, and how its band comes about."""
    found = study.facts
    if found is None:
        return []
    rows = found.rows
    columns = (
        text_column("fact", "fact", [f"{row.fact.row} {row.fact.title}" for row in rows]),
        text_column("estimator", "estimator", [row.fact.estimator for row in rows]),
        text_column("rule", "band", [RULES[row.readings[0].band.rule] for row in rows]),
        text_column("applies", "applies to", [row.fact.applies for row in rows]),
    )
    return [Table("facts-estimators", "How each fact is estimated", columns)]


def curves(*names: str) -> Callable[[Study], list[Table] | Missing | None]:
    """Return what makes one table of some curves on one grid."""

    def build(study: Study) -> list[Table] | Missing | None:
        if study.facts is None:
            return None
        there = {name: study.facts.curves[name] for name in names if name in study.facts.curves}
        if not there:
            return Missing("nothing was recorded, or simulated, that it is drawn of")
        return [_table(names[0], there)]

    return build


def _table(name: str, curves: dict[str, Averaged]) -> Table:
    grid = next(iter(curves.values())).x
    columns = [Column("x", "x", grid)]
    for key, curve in curves.items():
        columns.append(Column(key, key, curve.mean))
        if curve.n >= RANGE_FROM:
            columns += [
                Column(f"{key}_low", f"{key}, 5 %", curve.low),
                Column(f"{key}_high", f"{key}, 95 %", curve.high),
            ]
        if curve.real is not None:
            columns.append(Column(f"{key}_real", f"{key}, your data", curve.real))
    return Table(f"facts-{name.replace('_', '-')}", name, tuple(columns))


def with_column(table: Table, name: str, label: str, values: Floats) -> Table:
    """Return a table with one more column."""
    return Table(table.name, table.title, (*table.columns, Column(name, label, np.asarray(values))))

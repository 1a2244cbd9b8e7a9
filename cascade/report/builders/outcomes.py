"""Distributions of outcomes over replicates, and the replicates that went worst."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cascade.analysis.metrics import column_name
from cascade.experiment.comparison.selection import way_of
from cascade.output.columns import to_numpy
from cascade.output.sweep import VARIANTS
from cascade.report.builders.study import Study, Variant
from cascade.report.builders.table import Column, Floats, Table, text_column

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of the table of outcomes."""

N_WORST = 5


class Outcome(NamedTuple):
    """The distribution of a metric: all its values, each with the share of replicates at or below it."""

    metric: str
    label: str
    unit: str
    table: Table


def outcomes(study: Study) -> list[Outcome] | None:
    """Return the distributions of the metrics by which a stress is judged, where replicates differ."""
    if study.n < 2:
        return None
    found = [_outcome(study, *each) for each in judged(study)]
    return [each for each in found if each] or None


def judged(study: Study) -> list[tuple[str, str, str]]:
    """Return metric, label and unit of what a stress is judged by."""
    return [
        *(
            (column_name(f"{{market}}_{move}_bps", m.name), f"{move} of the mark of {m.name}", "bps")
            for m in study.markets
            for move in [way(study, m.name)]
        ),
        ("complete_usd", "notional liquidated", "USD"),
        ("fund_draw_usd", "losses the funds took over", "USD"),
        ("adl_forgone_usd", "loss of those auto-deleveraged", "USD"),
        ("bad_debt_usd", "bad debt", "USD"),
    ]


def way(study: Study, market: str) -> str:
    """Return which way a market was stressed in the first run: its mark rises farther than it falls, or not."""

    def median(metric: str) -> float:
        values = study.first.metric(metric)
        return float(np.nanmedian(values)) if len(values) else 0.0

    return way_of(market, median)


def _outcome(study: Study, metric: str, label: str, unit: str) -> Outcome | None:
    values = [np.sort(v.metric(metric)[~np.isnan(v.metric(metric))]) for v in study.variants]
    if not any(len(each) and each[0] != each[-1] for each in values):
        return None
    rows = [
        (v.label, x, 100 * (k + 1) / len(each))
        for v, each in zip(study.variants, values, strict=True)
        for k, x in enumerate(each)
    ]
    scale, shown = (100.0, "%") if unit == "bps" else (1.0, unit)
    columns = (
        text_column("run", "run", [row[0] for row in rows]),
        Column("value", label, [float(row[1]) / scale for row in rows], shown),
        Column("share", "replicates at or below", [row[2] for row in rows], "%"),
    )
    return Outcome(
        metric, label, shown, Table(f"outcome-{metric.replace('_', '-')}", f"Distribution: {label}", columns)
    )


def quantiles(study: Study) -> Table | None:
    """Return quantiles over replicates of what a stress is judged by."""
    if study.n < 2:
        return None
    rows = [
        (v, *each)
        for each in judged(study)
        for v in study.variants
        if len(v.metric(each[0])) and not np.isnan(v.metric(each[0])).all()
    ]
    values = [np.nanquantile(v.metric(metric), LEVELS) for v, metric, _, _ in rows]
    columns = [
        text_column(
            "label",
            "metric",
            [f"{v.label}: {label}" if study.is_comparison else label for v, _, label, _ in rows],
        ),
        Column("unit", "unit", [unit for *_, unit in rows], kind="text", hidden=True),
    ]
    for k, level in enumerate(LEVELS):
        columns.append(
            Column(f"p{100 * level:02.0f}", f"{100 * level:g} %", [float(each[k]) for each in values], None)
        )
    columns.append(
        Column("n", "n", [int(np.count_nonzero(~np.isnan(v.metric(metric)))) for v, metric, _, _ in rows], "")
    )
    return Table("quantiles", "Quantiles over replicates: so many percent lie below", tuple(columns))


# --- the worst ---------------------------------------------------------------------------------------


class Worst(NamedTuple):
    """The replicates that went worst, with their price paths."""

    table: Table
    paths: dict[int, Floats]
    """Mark of the first market by replicate."""


def worst(study: Study) -> Worst | None:
    """Return the replicates of the first run with the most bad debt, then the largest fall, then the most liquidated."""
    variant = study.first
    if variant.n < 2 or not study.markets:
        return None
    market = study.markets[0].name
    fall = variant.metric(column_name("{market}_fall_bps", market))
    bad, total = (np.nan_to_num(variant.metric(name)) for name in ("bad_debt_usd", "complete_usd"))
    order = np.lexsort((total, np.nan_to_num(fall), bad))[::-1][:N_WORST]
    numbers = to_numpy(variant.result.runs.column("replicate"))[order].astype(int)
    columns = (
        text_column("replicate", "replicate", numbers.tolist()),
        Column("bad_debt", "bad debt", bad[order], "USD"),
        Column("fall", f"fall of the mark of {market}", fall[order], "bps"),
        Column("liquidated", "liquidated", total[order], "USD"),
        text_column(
            "command",
            "again, with all trades, the book and the accounts of its worst minutes",
            [_command(variant, int(k)) for k in numbers],
            kind="code",
        ),
    )
    bars = variant.bars(market)
    marks = bars.last("mark_price")
    paths = {int(k): marks[row] for k, row in zip(numbers, order, strict=True)}
    return Worst(Table("worst", "By bad debt, then fall, then notional liquidated", columns), paths)


def _command(variant: Variant, replicate: int) -> str:
    """Return the command that runs a replicate again, with everything recorded around its worst minutes."""
    return shlex.join(["cascade", "replay", _folder(variant), "--replicate", str(replicate)])


def _folder(variant: Variant) -> str:
    """Return the folder of a run from its folder of results on: a page travels, and where it was made does not."""
    path = variant.result.path
    if path is None:
        return "RUN"
    kept = 3 if path.parent.name == VARIANTS else 1
    return str(Path("results", *path.parts[-kept:]))

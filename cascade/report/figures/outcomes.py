"""Figures of the distribution of outcomes over replicates."""

from __future__ import annotations

from cascade.analysis.formats import capital
from cascade.report.builders.headline import cell
from cascade.report.builders.outcomes import Outcome, outcomes
from cascade.report.builders.study import Study
from cascade.report.builders.table import join, said, with_interval
from cascade.report.figures.captions import count, of_first
from cascade.report.figures.registry import figure
from cascade.report.figures.spec import Axis, FigureSpec, Line, Panel


@figure(
    "outcome",
    section="outcomes",
    build=outcomes,
    shows="The distribution over replicates of each metric a stress is judged by.",
    reading="At a height of 95 % the curve stands at the value that one replicate in twenty exceeds.",
    needs="at least two replicates",
)
def outcome(study: Study, item: Outcome) -> FigureSpec:
    """Draw the empirical distribution of a metric."""
    lines = tuple(
        Line(
            y="share",
            name=v.label if study.is_comparison else "",
            color=v.color,
            step=True,
            where=("run", v.label),
        )
        for v in study.variants
    )
    median = cell(study, item.metric)
    start = said(f"{capital(item.label)}{of_first(study)}:")
    return FigureSpec(
        name=item.table.name,
        title=join([start, said("median"), with_interval(median)]) if median else said(item.label),
        table=item.table,
        x=Axis(item.label, item.unit),
        x_column="value",
        panels=(Panel(y=Axis("replicates at or below", "%", is_from_zero=True), series=lines),),
        n=count(study),
        interval="brackets: 95 % order-statistic interval of the median" if study.n > 5 else "",
        read="Each step is a replicate. At a height of 95 % the curve stands at the value that one in twenty exceeds.",
        alt=f"Cumulative distribution over replicates of the {item.label}.",
    )

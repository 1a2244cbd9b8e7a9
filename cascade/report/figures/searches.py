"""Figures of a search: the critical line with its band, and how often the event happened at each value tried."""

from __future__ import annotations

from cascade.analysis.formats import format_share
from cascade.analysis.statistics.crossing import Status
from cascade.experiment.threshold import Frontier
from cascade.report.builders.searches import Curve, curves, line, shown, threshold_table
from cascade.report.builders.study import Study
from cascade.report.builders.table import Floats, said
from cascade.report.figures.registry import figure
from cascade.report.figures.spec import Axis, Band, FigureSpec, Line, Panel, Points, Rule
from cascade.report.metric_words import event_words
from cascade.report.threshold import field_text, line_text, threshold_text

_WIDE = 5.0
"""A range of positive values whose ends differ by this factor is drawn in the logarithm."""


def _axis(label: str, unit: str, values: Floats) -> Axis:
    is_log = values.min() > 0.0 and values.max() >= _WIDE * values.min()
    return Axis(label, "" if unit == "1" else unit, "log" if is_log else "linear")


@figure(
    "frontier", section="frontier", build=line, needs="a folder of `cascade frontier` over a field that is a number",
    shows="The threshold of one field for each value of another, with its band.",
    reading="On one side of the line the event happens in the share of replicates that was asked for, on the other "
    "it does not; within the band these replicates cannot tell.",
)  # fmt: skip
def frontier(study: Study, item: Frontier) -> FigureSpec:
    """Draw the critical line."""
    table, asked = threshold_table(item), item.question
    known = table.numbers("value")
    return FigureSpec(
        name="frontier", title=said(line_text(item)), table=table, x_column="against",
        x=_axis(asked.against, shown(item.against_unit)[0], table.numbers("against")),
        panels=(
            Panel(
                y=_axis(asked.vary, shown(item.unit)[0], known[known == known]), height=1.4,  # noqa: PLR0124  NaN
                series=(
                    Band(
                        low="value_low", high="value_high", name=f"{format_share(asked.confidence)} interval",
                        color="run1",
                    ),
                    Line(y="value", name="threshold", color="run1"),
                    Points(y="value", name="", color="run1"),
                ),
            ),
        ),
        n=f"{item.thresholds[0].n:,} replicates of each value tried",
        interval=f"band: {format_share(asked.confidence)} interval of each threshold, by order statistics",
        read="Above and below the line the answer differs; within the band it is not known.",
        alt=f"The threshold of {asked.vary} by {asked.against}.",
    )  # fmt: skip


@figure(
    "tried", section="tried", build=curves, needs="a folder of `cascade threshold` or `cascade frontier`",
    shows="In how many replicates the event happened, at each value that was tried.",
    reading="The threshold is where the line crosses the share; values lie closest where it was looked for.",
)  # fmt: skip
def tried(study: Study, item: Curve) -> FigureSpec:
    """Draw how often the event happened."""
    found, asked = item.threshold, item.threshold.question
    unit, by = shown(found.unit)
    against_unit = study.frontier.against_unit if study.frontier else ""
    at = f"{asked.against} = {field_text(found.against, against_unit)}: " if asked.against else ""
    marks = (
        (Rule(found.value * by, "threshold"),)
        if found.value is not None and found.status is Status.CROSSED
        else ()
    )
    return FigureSpec(
        name=item.table.name, title=said("{answer}", answer=f"{at}{threshold_text(found)[:-1]}"), table=item.table,
        x_column="value", x=_axis(asked.vary, unit, item.table.numbers("value")),
        panels=(
            Panel(
                y=Axis("replicates", "%"),
                series=(
                    Band(low="probability_low", high="probability_high", name="", color="run1"),
                    Line(y="probability", name="", color="run1"),
                    Points(y="probability", name="", color="run1"),
                ),
                rules=(*marks, Rule(100.0 * asked.share, format_share(asked.share), "y")),
            ),
        ),
        n=f"{found.n:,} replicates of each value", interval="band: Wilson's interval of 95 %",
        read="The threshold is where the line crosses the share.",
        alt=f"Share of replicates with {event_words(asked.event)}, by {asked.vary}.",
    )  # fmt: skip

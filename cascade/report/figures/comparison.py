"""Figures of how runs differ."""

from __future__ import annotations

import numpy as np

from cascade.analysis.formats import format_level
from cascade.analysis.statistics import CONFIDENCE
from cascade.experiment.comparison import Verdict
from cascade.report.builders.comparison import Dominance, dominance, forest
from cascade.report.builders.study import Study
from cascade.report.builders.table import Ref, Said, Table, said
from cascade.report.figures.captions import count
from cascade.report.figures.registry import figure
from cascade.report.figures.spec import Axis, FigureSpec, Heat, Panel, Points, Rule


@figure(
    "forest",
    section="comparison",
    build=forest,
    shows="The difference of each headline metric from the baseline, in percent of the baseline, with its interval.",
    reading="An interval that crosses zero is no detectable difference.",
    needs="several runs, at least six replicates each",
)
def forest_figure(study: Study, item: Table) -> FigureSpec:
    """Draw differences with their intervals."""
    confidence = study.comparison.confidence if study.comparison else CONFIDENCE
    points = tuple(
        Points(
            y="label", x="difference", low="difference_low", high="difference_high", name=variant.label,
            color=variant.color, where=("run", variant.label),
        )
        for variant in study.variants[1:]
    )  # fmt: skip
    return FigureSpec(
        name=item.name,
        title=_forest_title(study, item),
        table=item,
        x=Axis("difference, of the baseline", "%"),
        x_column="difference",
        panels=(Panel(y=Axis("", "", "category"), series=points, rules=(Rule(0.0, ""),)),),
        n=count(study),
        interval=f"whiskers: {format_level(confidence)} interval of the mean difference, for each metric alone; "
        "verdicts are corrected for the number of metrics",
        read="Left of zero a metric is lower than in the baseline. An interval that crosses zero is no detectable "
        "difference. Metrics whose baseline is zero, or that do not differ in any pair, are only in the table.",
        alt="Forest plot of the differences of the headline metrics from the baseline.",
    )


def _forest_title(study: Study, item: Table) -> Said:
    """Return the largest difference that can be told from zero, or else that all pairs have one way."""
    sizes = np.abs(np.nan_to_num(item.numbers("difference")))
    told = np.array([verdict in _TOLD for verdict in item.names("verdict")])
    one_way = np.array([bool(way) for way in item.names("way")])
    if not (told | one_way).any():
        return said(f"No difference from {study.first.label} can be told from luck")
    row = int(np.argmax(np.where(told if told.any() else one_way, sizes, -1.0)))
    names = item.value(row, "label"), study.first.label
    if not told.any():
        way = item.value(row, "way")
        return said(f"{names[0]} is {way} than in {names[1]} in every pair; so few pairs may be luck")
    return said(
        f"Largest difference that is not luck: {names[0]}, {{d}} of {names[1]}",
        d=Ref(item, row, "difference"),
    )


_TOLD = {verdict.value for verdict in (Verdict.WORSE, Verdict.BETTER, Verdict.HIGHER, Verdict.LOWER)}


def _dominance_title(item: Dominance) -> Said:
    """Return which run is most often worse than which."""
    names = item.table.names("run")
    shares = np.array([item.table.numbers(f"v{k}") for k in range(len(names))])
    other, row = np.unravel_index(int(np.nanargmax(shares)), shares.shape)
    if not float(np.nanmax(shares)) > 50.0:
        return said(f"By {item.label}, no run is worse than another in more than half of the replicates")
    share = Ref(item.table, int(row), f"v{other}")
    text = f"By {item.label}, {names[row]} is worse than {names[other]} in {{share}} of the replicates"
    return said(text, share=share)


@figure(
    "dominance",
    section="comparison",
    build=dominance,
    shows="For each pair of runs, in what share of the shared luck one is worse than the other.",
    reading="50 % is a tie; 100 % means worse whatever the luck.",
    needs="at least three runs that share their luck",
)
def dominance_figure(study: Study, item: Dominance) -> FigureSpec:
    """Draw who is worse than whom."""
    columns = tuple(f"v{number}" for number in range(len(study.variants)))
    labels = tuple(variant.label for variant in study.variants)
    return FigureSpec(
        name=item.table.name,
        title=_dominance_title(item),
        table=item.table,
        x=Axis("this run is worse", "", "category"),
        x_column="run",
        panels=(
            Panel(
                y=Axis("", "", "category"),
                series=(
                    Heat(
                        rows=columns, labels=labels, name="", unit="%", limits=(0.0, 100.0), has_values=True
                    ),
                ),
            ),
        ),
        n=count(study),
        interval="",
        read="Each cell is the share of replicates in which the run below is worse than the run to the left under the "
        "same luck; ties count half, so that 50 % is a tie.",
        alt=f"Matrix of the share of replicates in which one run is worse than another by {item.label}.",
    )

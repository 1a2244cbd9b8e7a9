"""Figures of what each channel of amplification did."""

from __future__ import annotations

import numpy as np

from cascade.analysis.formats import capital
from cascade.analysis.statistics import CONFIDENCE
from cascade.report.builders.attribution import Attributed, shares, waterfalls
from cascade.report.builders.study import Study
from cascade.report.builders.table import Ref, Said, join, said
from cascade.report.figures.registry import figure
from cascade.report.figures.spec import Axis, Bar, FigureSpec, Panel

_KINDS = (
    ("outside", "all channels off or on", "outside"),
    ("added", "added by a channel", "added"),
    ("taken", "taken away by a channel", "short"),
    ("total", "all channels off or on", "total"),
)


@figure(
    "attribution",
    section="attribution",
    build=waterfalls,
    shows="A metric with all channels of amplification off, what each adds when it is switched on after those above "
    "it, and the metric with all of them on.",
    reading="Each bar stands where the one above it ends. What a channel adds depends on the order; the Shapley values "
    "below do not.",
    needs="a sweep of `cascade attribute`",
)
def waterfall(_study: Study, item: Attributed) -> FigureSpec:
    """Draw a metric as parts that stand on each other."""
    table = item.table
    bars = tuple(
        Bar(y="mean", name=name, color=color, base="base", where=("kind", kind))
        for kind, name, color in _KINDS
        if kind in table.names("kind")
    )
    first, last = Ref(table, 0, "mean"), Ref(table, len(table) - 1, "mean")
    return FigureSpec(
        name=table.name,
        title=join(
            [
                said(f"{_start(item)} {{off}} with all channels off,", off=first),
                said("{on} with all on", on=last),
            ]
        ),
        table=table,
        x=Axis("part", "", "category"),
        x_column="label",
        panels=(Panel(y=Axis(item.label, item.unit), series=bars, bars="overlay"),),
        n=_count(item),
        interval=f"bars: means; their {100 * CONFIDENCE:g} % intervals are in the table",
        read="Each bar stands where the one above it ends. What a channel adds depends on the order in which channels "
        "are switched on; the Shapley values below do not.",
        alt=f"Waterfall of the {item.label}: all channels off, what each channel adds, all channels on.",
        is_horizontal=True,
    )


@figure(
    "shapley",
    section="attribution",
    build=shares,
    shows="The Shapley value of each channel: what it adds to a metric on average over all orders of switching on.",
    reading="The bars of the channels sum to the last. A channel whose interval crosses zero did nothing that can be "
    "told from luck.",
    needs="a sweep of `cascade attribute`",
)
def shapley(_study: Study, item: Attributed) -> FigureSpec:
    """Draw what each channel adds over all orders."""
    table = item.table
    bars = tuple(
        Bar(y="mean", name=name, color=color, low="mean_low", high="mean_high", where=("kind", kind))
        for kind, name, color in (("channel", "one channel", "added"), ("total", "all together", "depth"))
    )
    return FigureSpec(
        name=table.name,
        title=_most(item),
        table=table,
        x=Axis("channel", "", "category"),
        x_column="label",
        panels=(Panel(y=Axis(f"added to the {item.label}", item.unit), series=bars, bars="overlay"),),
        n=_count(item),
        interval=f"bars: means; whiskers: {100 * CONFIDENCE:g} % intervals of means of pairs",
        read="What a channel adds on average over all orders in which channels can be switched on; the channels sum to "
        "the last bar. An interval that crosses zero cannot be told from luck.",
        alt=f"Bars of the Shapley value of each channel in the {item.label}, and of all together.",
        is_horizontal=True,
    )


def _most(item: Attributed) -> Said:
    """Return which channel did most, and how much of how much."""
    table = item.table
    last = len(table) - 1
    row = int(np.argmax(np.abs(table.numbers("mean")[:last])))
    name, value, whole = (Ref(table, r, c) for r, c in ((row, "label"), (row, "mean"), (last, "mean")))
    return said(
        f"{_start(item)} of {{whole}} that channels add, {{value}} comes through {{name}}",
        whole=whole, name=str(name.value), value=value,
    )  # fmt: skip


def _start(item: Attributed) -> str:
    return f"{capital(item.label)}:"


def _count(item: Attributed) -> str:
    return f"{item.n:,} replicates of each coalition" if item.n > 1 else "1 replicate of each coalition"

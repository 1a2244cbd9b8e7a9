"""Figures of what stops and forced orders added."""

from __future__ import annotations

from cascade.report.builders.amplification import NAMES, Waterfall, amplification
from cascade.report.builders.study import Study
from cascade.report.builders.table import Ref, Said, join, said
from cascade.report.figures.captions import count
from cascade.report.figures.registry import figure
from cascade.report.figures.spec import Axis, Bar, FigureSpec, Panel


@figure(
    "amplification",
    section="amplification",
    build=amplification,
    shows="The move of the mark split into what came from outside, what stops added to it and what forced orders "
    "added to both, by running each replicate again without forced orders in the book, and without stops either.",
    reading="Each bar stands where the one above it ends; the last is the whole. Means, which sum to it. What stops and "
    "forced orders did together counts as the forced orders'.",
    needs="a run with `--counterfactual`",
)
def waterfall(study: Study, item: Waterfall) -> FigureSpec:
    """Draw the parts of the move of a market."""
    table = item.table
    bars = tuple(
        Bar(y="mean", name=name, color=kind, base="base", low="", high="", where=("kind", kind))
        for kind, name in NAMES.items()
        if kind in table.names("kind")
    )
    return FigureSpec(
        name=table.name,
        title=_title(study, item),
        table=table,
        x=Axis("part", "", "category"),
        x_column="label",
        panels=(Panel(y=Axis(f"{item.way} of the mark", "%"), series=bars, bars="overlay"),),
        n=count(study),
        interval="bars: means; their intervals and standard errors are in the table" if study.n > 1 else "",
        read="Each bar stands where the one above it ends; the last is the whole. What stops and forced orders did "
        "together counts as the forced orders'. Moves are continuously compounded, so that parts add up.",
        alt=f"Waterfall of the {item.way} of the mark of {item.market.name}: "
        f"{', '.join(bar.name for bar in bars)}.",
        is_horizontal=True,
    )


def _title(study: Study, item: Waterfall) -> Said:
    """Return what was added to the move of the first run."""
    kinds = item.table.names("kind")
    kinds = kinds[: kinds.index("total") + 1]
    of = {kind: Ref(item.table, row, "mean") for row, kind in enumerate(kinds)}
    stops = said("stops added {stops}, ", stops=of["stops"]) if "stops" in of else said("")
    where = f" in {study.first.label}" if study.is_comparison else ""
    forced = said("forced orders added {added}", added=of["added"])
    whole = said(f"to a {item.way} of {{whole}}{where}", whole=of["total"])
    return join([said(f"{item.market.name}:"), join([stops, forced], ""), whole])

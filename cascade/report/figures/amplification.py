"""Figures of what forced orders added."""

from __future__ import annotations

from cascade.report.builders.amplification import Waterfall, amplification
from cascade.report.builders.study import Study
from cascade.report.builders.table import Ref, join, said
from cascade.report.figures.captions import WHISKERS, count
from cascade.report.figures.registry import figure
from cascade.report.figures.spec import Axis, Bar, FigureSpec, Panel


@figure(
    "amplification",
    section="amplification",
    build=amplification,
    shows="The move of the mark split into what came from outside and what forced orders added, by running each "
    "replicate again without forced orders in the book.",
    reading="The second bar stands on the first; the third is the whole. Medians of parts need not add up to the "
    "median of the whole.",
    needs="a run with `--counterfactual`",
)
def waterfall(study: Study, item: Waterfall) -> FigureSpec:
    """Draw the parts of the move of a market."""
    bars = tuple(
        Bar(y="median", name=name, color=kind, base="base", low="", high="", where=("kind", kind))
        for kind, name in (
            ("outside", "from outside"),
            ("added", "added by forced orders"),
            ("total", "whole move"),
        )
    )
    added, whole = Ref(item.table, 1, "median"), Ref(item.table, 2, "median")
    of = f" in {study.first.label}" if study.is_comparison else ""
    return FigureSpec(
        name=item.table.name,
        title=join(
            [
                said(f"{item.market.name}: forced orders added {{added}}", added=added),
                said(f"to a {item.way} of {{whole}}{of}", whole=whole),
            ]
        ),
        table=item.table,
        x=Axis("part", "", "category"),
        x_column="label",
        panels=(Panel(y=Axis(f"{item.way} of the mark, log", "%"), series=bars, bars="overlay"),),
        n=count(study),
        interval="bars: medians; intervals of the medians are in the table" if study.n > 1 else "",
        read="The second bar stands on the first; the third is the whole. Medians of parts need not add up to the "
        "median of the whole.",
        alt=f"Waterfall of the {item.way} of the mark of {item.market.name}: outside, added, whole.",
        is_horizontal=True,
    )


__all__ = ["WHISKERS", "waterfall"]

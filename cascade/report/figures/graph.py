"""Figures of who tripped whom."""

from __future__ import annotations

import math

import numpy as np

from cascade.analysis.graph.branching import LEAST_REPLICATES
from cascade.analysis.statistics import CONFIDENCE
from cascade.analysis.verdict import MOST_REPLICATES
from cascade.report.builders.graph import (
    MOST_NODES,
    Cascade,
    Ratios,
    branching,
    cascade_graph,
    largest_tree,
)
from cascade.report.builders.study import Study
from cascade.report.builders.table import Ref, Said, join, said
from cascade.report.figures.captions import count
from cascade.report.figures.registry import figure
from cascade.report.figures.spec import Axis, Bar, FigureSpec, Links, Panel, Points, Rule


@figure(
    "generations",
    section="graph",
    build=cascade_graph,
    shows="Liquidations of one replicate by generation: the first are tripped by no other, each further one by forced "
    "orders of those before it.",
    reading="Bars that grow from one generation to the next are a cascade that feeds itself.",
    needs="`liquidations`",
)
def generations_figure(study: Study, item: Cascade) -> FigureSpec:
    """Draw liquidations and their notional by generation."""
    return FigureSpec(
        name=item.table.name,
        title=_title(study, item),
        table=item.table,
        x=Axis("generation", "", "category"),
        x_column="generation",
        panels=(
            Panel(y=Axis("liquidated", "accounts"), series=(Bar(y="accounts", name="", color="run1"),)),
            Panel(y=Axis("notional", "USD"), series=(Bar(y="usd", name="", color="run1"),)),
        ),
        n="one replicate, that whose liquidated notional is the median",
        interval="",
        read="Each bar but the first was tripped by forced orders of accounts in bars to its left. Those of the first "
        "would have failed at that mark without the fills just before: something else moved it too. Earlier ones may "
        "have brought the market near them all the same. Bars that grow are a cascade that feeds itself.",
        alt="Bars of liquidated accounts and their notional by generation of the cascade.",
    )


_NEAR = "of them later or never without any forced order"


def _title(study: Study, item: Cascade) -> Said:
    of = f" in {study.first.label}" if study.is_comparison else ""
    roots, tripped, all_, depth = (
        item.facts.refer(name, "value")
        for name in (
            "not tripped by another",
            "tripped by another",
            "liquidated",
            "longest chain",
        )
    )
    if not tripped.value:
        return said(f"{{all}} accounts were liquidated{of}, and none tripped another", all=all_)
    first = said(f"{{roots}} accounts were liquidated without another tripping them{of}", roots=roots)
    if _NEAR in item.facts.names("label"):
        near = item.facts.refer(_NEAR, "value")
        first = join(
            [
                first,
                said(
                    "({near} of them would have failed later, or never, had there been no forced orders)",
                    near=near,
                ),
            ]
        )
    others = "and {tripped} were tripped by others, in chains of up to {depth} generations"
    return join([first, said(others, tripped=tripped, depth=depth)])


@figure(
    "tree",
    section="graph",
    build=largest_tree,
    shows="The largest tree of one replicate that can be drawn: each account, and a line from the one whose forced "
    "orders tripped it.",
    reading="A fan from one point is a position that trips many; a long chain of small ones needs no whale.",
    needs="`liquidations`",
)
def tree_figure(study: Study, item: Cascade) -> FigureSpec:
    """Draw who tripped whom, generation by generation."""
    assert item.tree is not None
    of = f" in {study.first.label}" if study.is_comparison else ""
    size, depth = (item.facts.refer(name, "value") for name in ("tree that is drawn", "its generations"))
    title = said(
        f"Account {{root}} began a tree of {{size}} accounts{of} that reaches generation {{depth}}",
        root=Ref(item.tree, 0, "account"), size=size, depth=depth,
    )  # fmt: skip
    return FigureSpec(
        name=item.tree.name,
        title=title,
        table=item.tree,
        x=Axis("generation", ticks=_whole(float(item.tree.numbers("generation").max()))),
        x_column="generation",
        panels=(
            Panel(
                y=Axis("notional", "USD", "log"),
                series=(
                    Links(x_from="by_generation", y_from="by_usd", y="usd", name="tripped", color="run0"),
                    Points(y="usd", name="account", color="run1"),
                ),
                height=1.6,
            ),
        ),
        n=f"one replicate, that whose liquidated notional is the median; trees of at most {MOST_NODES} accounts",
        interval="",
        read="Each point is an account that was liquidated, each line leads to it from the one whose forced orders did "
        "most to trip it. On the left is the one that no other tripped.",
        alt="Points of liquidated accounts by generation and notional, joined to those that tripped them.",
    )  # fmt: skip


def _whole(last: float) -> tuple[float, ...]:
    """Return about ten whole numbers from zero to the last, where an axis is marked."""
    return tuple(np.arange(0.0, last + 1.0, math.ceil((last + 1.0) / 12.0)).tolist())


@figure(
    "branching",
    section="graph",
    build=branching,
    shows="The branching ratio n, how much liquidation one unit of liquidation sets off, by three estimators: impact "
    "times density, total against outside move, and mean offspring.",
    reading="Above the line of one each liquidation sets off more than itself, until the book refills or nobody is "
    "left. The estimators look at different things, and where they disagree that is a finding.",
    needs="`liquidations`; the counterfactual estimate a run with `--counterfactual`",
)
def branching_figure(study: Study, item: Ratios) -> FigureSpec:
    """Draw the estimates with their intervals."""
    points = tuple(
        Points(
            y="label", x="n", low="n_low", high="n_high", name=variant.label if study.is_comparison else "",
            color=variant.color, where=("run", variant.label) if study.is_comparison else None,
        )
        for variant in study.variants
    )  # fmt: skip
    return FigureSpec(
        name=item.table.name,
        title=_ratio_title(study, item),
        table=item.table,
        x=Axis("branching ratio n", "1"),
        x_column="n",
        panels=(Panel(y=Axis("", "", "category"), series=points, rules=(Rule(1.0, "critical"),)),),
        n=f"{count(study)}; {_if_structural(item, 'structural: that whose liquidated notional is the median; ')}"
        f"genealogical: the first {MOST_REPLICATES}",
        interval=f"whiskers: {100 * CONFIDENCE:g} % intervals; "
        f"{_if_structural(item, 'structural: of the positions, at one moment of one replicate; ')}genealogical: over "
        f"replicates, from {LEAST_REPLICATES} on",
        read="How much liquidation one unit of liquidation sets off. "
        f"{_if_structural(item, _STRUCTURAL)}"
        "Counterfactual: of the whole move, the share that forced orders added, over all replicates. "
        "Genealogical: how many one liquidation trips, in the mean. Above the line each sets off more than itself, "
        "until the book refills or nobody is left: no ratio says that a cascade goes on for ever.",
        alt=f"Branching ratio of a {item.direction} in {item.market} by three estimators, with intervals.",
    )


_STRUCTURAL = (
    "Structural: what was to be liquidated within half a percent of the mark over what the book held there, just before "
    "the cascade in which most was began. "
)


def _if_structural(item: Ratios, text: str) -> str:
    """Return what is said of the structural estimate, where there is one."""
    names, values = item.table.names("label"), item.table.numbers("n")
    known = [name for name, value in zip(names, values, strict=True) if not np.isnan(value)]
    return text if any(name.endswith("structural") for name in known) else ""


def _ratio_title(study: Study, item: Ratios) -> Said:
    """Return what the estimators of the first run find, those that have a value."""
    of = f" in {study.first.label}" if study.is_comparison else ""
    start = said(f"Branching ratio of a {item.direction} of {item.market}{of}:")
    refs = [Ref(item.table, row, "n") for row in range(3)]
    names = ("by impact times density", "by the counterfactual", "by offspring")
    found = [
        said(f"{{n}} {name}", n=ref) for ref, name in zip(refs, names, strict=True) if ref.value is not None
    ]
    return (
        join([start, join(found, ", ")])
        if found
        else said(f"{item.market}: no estimate of the branching ratio")
    )

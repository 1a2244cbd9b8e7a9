"""Who tripped whom: one replicate by generation, those who set off most, and the branching ratio."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cascade.analysis.graph import (
    Branching,
    CascadeGraph,
    busiest,
    counterfactual_of,
    genealogical_of,
    of_result,
    summary,
    transmitters,
)
from cascade.errors import CascadeError
from cascade.report.builders.study import Missing, Study, Variant, by_replicate
from cascade.report.builders.table import Column, Table, Value, text_column

N_TRANSMITTERS = 10

MOST_NODES = 200
"""Accounts of a tree that is drawn: of more nobody sees who tripped whom."""

MOST_BARS = 40
"""Bars of a figure; of a longer cascade several generations share a bar."""


class Cascade(NamedTuple):
    """The graph of the typical replicate of the first run."""

    table: Table
    """Liquidations by how many stand between them and one that no other tripped."""
    facts: Table
    transmitters: Table
    tree: Table | None
    """Each account of the largest tree that can be drawn, beside the one that tripped it; None if none has two."""


class Ratios(NamedTuple):
    """The branching ratio of every run by three estimators."""

    market: str
    direction: str
    table: Table


def cascade_graph(study: Study) -> list[Cascade] | Missing | None:
    """Return the graph of the replicate whose liquidated notional is the median; of several runs, of the first."""
    missing = study.without("liquidations")
    if missing:
        return missing
    graph = study.once(graphs)[0]
    if not len(graph):
        return None
    tree = _largest_tree(study, graph)
    return [Cascade(_generations(graph), _facts(graph, tree), _transmitters(study, graph), tree)]


def largest_tree(study: Study) -> list[Cascade] | Missing | None:
    """Return the graph, where it has a tree that can be drawn."""
    found = study.once(cascade_graph)
    return [item for item in found if item.tree] or None if isinstance(found, list) else found


def branching(study: Study) -> list[Ratios] | Missing | None:
    """Return the estimates for the market and direction in which the first run liquidated most."""
    missing = study.without("liquidations")
    if missing:
        return missing
    found = study.once(graphs)
    most = busiest(found[0])
    if most is None:
        return None
    market, direction = most.market, most.direction
    rows = [
        (variant, each)
        for variant, graph in zip(study.variants, found, strict=True)
        for each in _estimates(variant, graph, market, direction)
    ]
    keys = [f"{v.label}: {each.method}" if study.is_comparison else each.method for v, each in rows]
    columns = (
        text_column("label", "estimator", keys),
        text_column("run", "run", [v.label if study.is_comparison else None for v, _ in rows]),
        Column("n", "n [95 % interval]", [e.value for _, e in rows], "1", interval=("n_low", "n_high")),
        Column("n_low", "n, low", [e.low for _, e in rows], "1", hidden=True),
        Column("n_high", "n, high", [e.high for _, e in rows], "1", hidden=True),
        Column("count", "rests on", [e.n for _, e in rows], None),
        Column("unit", "unit", [e.unit for _, e in rows], kind="text", hidden=True),
        text_column("reason", "why not", [e.reason or None for _, e in rows]),
    )
    title = f"Branching ratio of a {direction} in {market}"
    return [Ratios(market, direction, Table("branching", title, columns))]


def graphs(study: Study) -> list[CascadeGraph]:
    """Return the graph of the typical replicate of each run."""
    return [_graph(variant, typical(variant)) for variant in study.variants]


def _graph(variant: Variant, replicate: int) -> CascadeGraph:
    known = (graph for graph in variant.graphs if graph.replicate == replicate)
    return next(known, None) or of_result(variant.result, replicate)


def typical(variant: Variant) -> int:
    """Return the replicate whose liquidated notional is the median; of two, that with more."""
    usd, replicate = (variant.numbers("liquidations", name) for name in ("liquidated_usd", "replicate"))
    totals = by_replicate(usd, replicate, variant.result.replicates)
    return variant.result.replicates[int(np.argsort(totals, kind="stable")[len(totals) // 2])]


# --- one replicate -----------------------------------------------------------------------------------


def _generations(graph: CascadeGraph) -> Table:
    """Return liquidations by generation: the first alone, then as many to a bar as it takes."""
    most = int(graph.generation.max())
    width = max(-(-most // (MOST_BARS - 1)), 1)
    places = (graph.generation + width - 1) // width
    starts = np.arange(int(places.max())) * width + 1
    names = ["0", *(str(k) if width == 1 else f"{k} to {min(k + width - 1, most)}" for k in starts.tolist())]
    columns = (
        text_column("generation", "generation", names),
        Column("accounts", "liquidated", np.bincount(places).astype(np.float64), "accounts"),
        Column("usd", "notional", np.bincount(places, graph.size_usd).astype(np.float64), "USD"),
    )
    return Table("generations", "Liquidations by generation", columns)


def _facts(graph: CascadeGraph, tree: Table | None) -> Table:
    found = summary(graph)
    share = None if found.largest_tree_share is None else 100.0 * found.largest_tree_share
    rows: list[tuple[str, Value, str]] = [
        ("replicate", graph.replicate, ""),
        ("liquidated", found.liquidations, "accounts"),
        ("their notional", found.size_usd, "USD"),
        ("not tripped by another", found.roots, "accounts"),
        ("of them later or never without any forced order", found.brought_near, "accounts"),
        ("tripped by another", found.liquidations - found.roots, "accounts"),
        ("longest chain", int(graph.generation.max()), "generations"),
        ("marks at which somebody was liquidated", found.waves, "marks"),
        ("largest tree", found.largest_tree_usd, "USD"),
        ("largest tree, of all", share, "%"),
        ("tree that is drawn", len(tree) if tree else None, "accounts"),
        ("its generations", int(tree.numbers("generation").max()) if tree else None, "generations"),
    ]
    known = [row for row in rows if row[1] is not None]
    columns = (
        text_column("label", "", [row[0] for row in known]),
        Column("value", "value", [row[1] for row in known], None),
        Column("unit", "unit", [row[2] for row in known], kind="text", hidden=True),
    )
    return Table("cascade", "The cascade of the median replicate", columns)


def _transmitters(study: Study, graph: CascadeGraph) -> Table:
    first, clock = transmitters(graph, N_TRANSMITTERS), study.clock
    columns = (
        text_column("account", "account", [each.account for each in first]),
        text_column("market", "market", [each.market for each in first]),
        text_column("side", "side", [each.side for each in first]),
        Column("time", "time", [each.t_s / clock.seconds for each in first], clock.unit),
        Column("own", "own notional", [each.size_usd for each in first], "USD"),
        Column("offspring", "set off directly", [each.offspring for each in first], "accounts"),
        Column("descendants", "set off in all", [each.descendants for each in first], "accounts"),
        Column("transmitted", "their notional", [each.transmitted_usd for each in first], "USD"),
    )
    return Table("transmitters", "Those whose liquidation set off most", columns)


def _largest_tree(study: Study, graph: CascadeGraph) -> Table | None:
    """Return the tree of most accounts among those that can be drawn, its root first."""
    sizes = np.bincount(graph.tree)
    root = int(np.argmax(np.where(sizes <= MOST_NODES, sizes, 0)))
    if sizes[root] < 2:
        return None
    nodes = np.flatnonzero(graph.tree == root)
    by = graph.parent[nodes]

    def of_parent(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        return np.where(by < 0, np.nan, values[by].astype(np.float64))

    columns = (
        text_column("account", "account", graph.account[nodes].tolist()),
        text_column("market", "market", graph.market[nodes].tolist()),
        text_column("side", "side", graph.side[nodes].tolist()),
        Column("time", "time", graph.t_s[nodes] / study.clock.seconds, study.clock.unit),
        Column("generation", "generation", graph.generation[nodes].astype(np.float64)),
        Column("usd", "notional", graph.size_usd[nodes], "USD"),
        text_column("by", "tripped by", [int(graph.account[k]) if k >= 0 else None for k in by]),
        Column("by_generation", "generation of that", of_parent(graph.generation), hidden=True),
        Column("by_usd", "notional of that", of_parent(graph.size_usd), "USD", hidden=True),
    )
    return Table("tree", "The largest tree that can be drawn", columns)


# --- the branching ratio ------------------------------------------------------------------------------


def _estimates(variant: Variant, graph: CascadeGraph, market: str, direction: str) -> Iterator[Branching]:
    yield _structural(variant, graph, market, direction)
    yield counterfactual_of(variant.result, market, direction)
    yield genealogical_of(variant.graphs)


def _structural(variant: Variant, graph: CascadeGraph, market: str, direction: str) -> Branching:
    """Return impact times density just before most was liquidated: the replicate is run again up to there."""
    scenario, most = variant.scenario, busiest(graph)
    if scenario is None:
        return _without("its scenario can't be read again")
    if most is None or (most.market, most.direction) != (market, direction):
        return _without(f"most was not liquidated in a {direction} of {market}")
    try:
        found = variant.found(
            scenario, ("at risk", graph.replicate, most.step),
            lambda: variant.looked_at(scenario, graph.replicate, most.step),
        )  # fmt: skip
    except CascadeError as error:
        return _without(f"the replicate can't be run again: {error.problem}")
    near = [look.branching for look in found if (look.market, look.direction) == (market, direction)]
    return near[0] if near else _without("the market is no perpetual")


def _without(reason: str) -> Branching:
    return Branching("structural", None, None, None, 0, reason, "positions at risk")

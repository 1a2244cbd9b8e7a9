"""A cascade graph as tables, as a networkx graph, and as files for other tools."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cascade.analysis.graph.build import CascadeGraph
from cascade.errors import ResultsError
from cascade.output.columns import categories
from cascade.output.convert import from_columns
from cascade.output.parquet import concatenate, write_parquet
from cascade.output.schemas import schema

if TYPE_CHECKING:
    import pyarrow as pa


def nodes_table(graph: CascadeGraph) -> pa.Table:
    """Return the table `nodes`."""
    columns = {
        "node": np.arange(len(graph)), "market": categories(graph.market.tolist()), "wave": graph.wave,
        "account": graph.account, "life": graph.life, "side": categories(graph.side.tolist()),
        "cause": categories([name or None for name in graph.cause.tolist()]),
        "liquidated_usd": graph.size_usd, "root": graph.is_root.astype(np.int64), "tree": graph.tree,
        "generation": graph.generation, "offspring": graph.offspring, "descendants": graph.descendants,
        "transmitted_usd": graph.transmitted_usd,
    }  # fmt: skip
    batch = from_columns("nodes", columns, graph.units, graph.replicate, steps=graph.step)
    return concatenate([batch], schema("nodes", dated=graph.units.dated))


def edges_table(graph: CascadeGraph) -> pa.Table:
    """Return the table `edges`."""
    columns = {"source": graph.source, "target": graph.target, "weight": graph.weight}
    batch = from_columns("edges", columns, graph.units, graph.replicate)
    return concatenate([batch], schema("edges", dated=graph.units.dated))


def to_networkx(graph: CascadeGraph) -> Any:
    """Return a networkx DiGraph: nodes are numbers with their columns of `nodes` but nulls, edges have `weight`."""
    import networkx as nx

    found = nx.DiGraph(scenario=graph.units.scenario, replicate=graph.replicate)
    for row in nodes_table(graph).drop_columns(["scenario", "replicate"]).to_pylist():
        row.pop("time", None)  # t_s says it in a type that every format has
        known = {name: value for name, value in row.items() if value is not None}
        found.add_node(known.pop("node"), **known)
    edges = zip(graph.source.tolist(), graph.target.tolist(), graph.weight.tolist(), strict=True)
    found.add_weighted_edges_from(edges)
    return found


def write(graph: CascadeGraph, target: Path, *, force: bool = False) -> list[Path]:
    """Write a graph as GraphML, or into a folder as nodes.parquet and edges.parquet; return the files.

    All of them appear, or none does.

    Raises
    ------
    ResultsError
        If a file is there already and `force` is not set, or cannot be written.
    """
    writers = _writers(graph, target)
    there = [file for file in writers if file.exists()]
    if there and not force:
        raise ResultsError(
            "the file is there already", where=str(there[0]), remedy="name another, or add --force"
        )
    temporary = {file: file.with_name(f".{file.name}.tmp") for file in writers}
    try:
        next(iter(writers)).parent.mkdir(parents=True, exist_ok=True)
        for file, save in writers.items():
            save(temporary[file])
        for file in writers:
            temporary[file].replace(file)
    except OSError as error:
        raise ResultsError(
            f"the graph cannot be written: {error.strerror or error}", where=str(target)
        ) from None
    finally:
        for file in temporary.values():
            with contextlib.suppress(OSError):
                file.unlink()
    return list(writers)


def _writers(graph: CascadeGraph, target: Path) -> dict[Path, Callable[[Path], object]]:
    """Return the files that a graph is written to, each with what writes it."""
    if target.suffix.lower() == ".graphml":
        import networkx as nx

        found = to_networkx(graph)
        return {target: lambda path: nx.write_graphml(found, path)}
    tables = {"nodes": nodes_table(graph), "edges": edges_table(graph)}
    return {target / f"{name}.parquet": partial(_save, table) for name, table in tables.items()}


def _save(table: pa.Table, path: Path) -> None:
    write_parquet(path, table)

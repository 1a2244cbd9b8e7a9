"""What a reader asks of a cascade graph: its size, its largest trees, its super-spreaders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cascade.analysis.graph.build import CascadeGraph, Ints


@dataclass(frozen=True, slots=True)
class Tree:
    """One account that no other tripped, and all whose chain of heaviest parents begins with it."""

    account: int
    market: str
    side: str
    t_s: float
    """When the root was tripped."""
    liquidations: int
    """Those of the tree, the root included; over all trees they sum to all."""
    size_usd: float
    """Their notional; over all trees it sums to everything that was liquidated."""
    depth: int
    """Accounts between the root and the last of its tree, that one included; 0 of a root alone."""


@dataclass(frozen=True, slots=True)
class Transmitter:
    """An account by what its liquidation set off."""

    account: int
    market: str
    side: str
    t_s: float
    size_usd: float
    """Its own notional."""
    offspring: float
    """Liquidations it tripped itself, by share."""
    descendants: float
    """Liquidations that it set off, itself or through others, by share."""
    transmitted_usd: float
    """Their notional."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A cascade in figures."""

    liquidations: int
    """Accounts liquidated: nodes."""
    roots: int
    """Accounts that no other tripped: who would have been tripped at that time without the
    fills just before."""
    brought_near: int | None
    """Roots that the counterfactual liquidates later or never: earlier cascades had brought the market
    near them. None without a counterfactual."""
    edges: int
    size_usd: float
    roots_usd: float
    """Notional of the roots alone."""
    waves: int
    """Marks at which somebody was liquidated."""
    depth: int
    """Length of the longest chain of accounts that tripped each other."""
    largest_tree_usd: float
    largest_tree_share: float | None
    """Of all notional; None where nothing was liquidated."""


def summary(graph: CascadeGraph) -> Summary:
    """Return the figures of a graph."""
    total = float(graph.size_usd.sum())
    largest = max((tree.size_usd for tree in trees(graph, 1)), default=0.0)
    near = graph.is_root & (graph.cause != "exogenous")
    return Summary(
        len(graph), int(graph.is_root.sum()), int(near.sum()) if (graph.cause != "").any() else None,
        len(graph.source), total,
        float(graph.size_usd[graph.is_root].sum()), len(set(zip(graph.step, graph.wave, strict=True))),
        int(graph.generation.max(initial=0)), largest, largest / total if total > 0 else None,
    )  # fmt: skip


def trees(graph: CascadeGraph, n: int | None = None) -> list[Tree]:
    """Return the n largest trees by notional, or all; equals in the order of time."""
    roots = np.flatnonzero(graph.is_root)
    counts, sizes = np.bincount(graph.tree), np.bincount(graph.tree, graph.size_usd)
    depth = np.zeros(len(graph), np.int64)
    np.maximum.at(depth, graph.tree, _chains(graph.parent))
    return [
        Tree(
            int(graph.account[k]), str(graph.market[k]), str(graph.side[k]), float(graph.t_s[k]),
            int(counts[k]), float(sizes[k]), int(depth[k]),
        )
        for k in roots[np.argsort(-sizes[roots], kind="stable")][:n]
    ]  # fmt: skip


def _chains(parent: Ints) -> Ints:
    """Return how many heaviest parents lie between each node and its root, the root included."""
    found = np.zeros(len(parent), np.int64)
    for node, by in enumerate(parent.tolist()):  # parents come before those they tripped
        found[node] = found[by] + 1 if by >= 0 else 0
    return found


def transmitters(graph: CascadeGraph, n: int | None = None) -> list[Transmitter]:
    """Return the n accounts that transmitted most notional, or all that transmitted any."""
    order = np.argsort(-graph.transmitted_usd, kind="stable")
    offspring = graph.offspring
    return [
        Transmitter(
            int(graph.account[k]), str(graph.market[k]), str(graph.side[k]), float(graph.t_s[k]),
            float(graph.size_usd[k]), float(offspring[k]), float(graph.descendants[k]),
            float(graph.transmitted_usd[k]),
        )
        for k in order[:n]
        if offspring[k] > 0
    ]  # fmt: skip

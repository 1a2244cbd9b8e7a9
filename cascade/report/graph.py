"""A cascade graph as a reader sees it: figures, branching ratios side by side and over time, largest trees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cascade.analysis.formats import format_value
from cascade.analysis.graph import (
    Branching,
    CascadeGraph,
    Summary,
    Transmitter,
    Tree,
    branching_over_time,
    busiest,
    counterfactual_of,
    genealogical_of,
    summary,
    transmitters,
    trees,
)
from cascade.analysis.statistics import CONFIDENCE
from cascade.exposure.criticality import Criticality
from cascade.output.reader import Result


@dataclass(frozen=True, slots=True)
class GraphReport:
    """What `cascade graph` says of one replicate."""

    scenario: str
    replicate: int
    summary: Summary
    market: str
    """Where most was liquidated: the branching ratios are its; empty where nothing was."""
    direction: str
    branching: tuple[Branching, ...]
    """Structural just before the cascade in which most was liquidated; counterfactual over all
    replicates; genealogical of the whole graph."""
    over_time: tuple[tuple[float, Branching, Branching | None], ...]
    """Start of each window in seconds, mean offspring in it, and the structural ratio at its start."""
    trees: tuple[Tree, ...]
    transmitters: tuple[Transmitter, ...]

    def as_dict(self, top: int | None = None) -> dict[str, Any]:
        """Return what ``--json`` prints; `top` limits trees and transmitters."""
        return {
            "scenario": self.scenario, "replicate": self.replicate, "confidence": CONFIDENCE,
            "market": self.market, "direction": self.direction, "summary": self.summary,
            "branching": self.branching,
            "over_time": [
                {"t_s": t, "genealogical": born, "structural": held}
                for t, born, held in self.over_time
            ],
            "trees": self.trees[:top],
            "transmitters": self.transmitters[:top],
        }  # fmt: skip

    def to_text(self, top: int = 5) -> str:
        """Return the report as plain text."""
        return "\n".join(self._lines(top))

    def _lines(self, top: int) -> Iterator[str]:
        found = self.summary
        yield f"{self.scenario}  replicate {self.replicate}"
        if not found.liquidations:
            yield "nothing was liquidated"
            return
        yield f"{found.liquidations:,} accounts liquidated, {_usd(found.size_usd)}, at {found.waves:,} marks"
        near = ""
        if found.brought_near is not None:
            near = f"; {found.brought_near:,} of them later or never without any forced order"
        yield f"{found.roots:,} tripped by no other, {_usd(found.roots_usd)}{near}"
        yield f"{found.liquidations - found.roots:,} tripped by others"
        share = found.largest_tree_share or 0.0
        yield (
            f"{found.edges:,} edges, longest chain {found.depth:,}, "
            f"largest tree {_usd(found.largest_tree_usd)} ({share:.0%})"
        )
        yield f"\nBranching ratio n of a {self.direction} in {self.market}, with {CONFIDENCE:.0%} intervals"
        yield from _table(
            [("  estimator", "n", "interval", "rests on"), *map(_branching_row, self.branching)]
        )
        if self.over_time:
            yield "\nOver time"
            yield from _table(
                [("  from", "liquidations", "mean offspring", "impact x density"), *self._windows()]
            )
        yield from _listed("Largest trees, along heaviest parents", self.trees[:top], _TREE, _tree_row)
        yield from _listed("Largest transmitters", self.transmitters[:top], _TRANSMITTER, _transmitter_row)

    def _windows(self) -> Iterator[tuple[str, ...]]:
        for t_s, born, held in self.over_time:
            yield f"  {t_s:,.0f} s", f"{born.n:,}", _with_interval(born), _with_interval(held) if held else ""


def describe(
    result: Result, graph: CascadeGraph, at_risk: Sequence[Criticality], window_s: float
) -> GraphReport:
    """Return the report of one replicate.

    Parameters
    ----------
    at_risk
        The structural ratio at `looks`; empty where the replicate was not run again.
    """
    most = busiest(graph)
    market, direction = (most.market, most.direction) if most else ("", "fall")
    samples = {
        each.step: each.branching for each in at_risk if (each.market, each.direction) == (market, direction)
    }
    branching: tuple[Branching, ...] = ()
    if most:
        missing = Branching("structural", None, None, None, 0, "the replicate was not run again")
        branching = (
            samples.get(most.step, missing), counterfactual_of(result, market, direction), genealogical_of([graph])
        )  # fmt: skip
    over_time = tuple(
        (t, born, samples.get(_step(graph, t))) for t, born in branching_over_time(graph, window_s)
    )
    return GraphReport(
        result.name, graph.replicate, summary(graph), market, direction, branching, over_time,
        tuple(trees(graph)), tuple(transmitters(graph)),
    )  # fmt: skip


def looks(graph: CascadeGraph, window_s: float) -> list[int]:
    """Return after how many steps to look at what is at risk: before the busiest cascade and before each window."""
    most = busiest(graph)
    windows = [_step(graph, t) for t, _ in branching_over_time(graph, window_s)]
    return sorted({*windows, *([most.step] if most else [])})


def _step(graph: CascadeGraph, t_s: float) -> int:
    """Return the steps done at a time, at least one: before, nobody has quoted."""
    return max(round(t_s / graph.units.dt), 1)


_TREE = ("  root account", "market", "side", "at", "liquidations", "notional", "depth")
_TRANSMITTER = ("  account", "market", "side", "at", "own", "tripped itself", "in all", "notional")


def _tree_row(tree: Tree) -> tuple[str, ...]:
    return (
        f"  {tree.account}", tree.market, tree.side, f"{tree.t_s:,.0f} s", f"{tree.liquidations:,}",
        _usd(tree.size_usd), str(tree.depth),
    )  # fmt: skip


def _transmitter_row(each: Transmitter) -> tuple[str, ...]:
    return (
        f"  {each.account}", each.market, each.side, f"{each.t_s:,.0f} s", _usd(each.size_usd),
        f"{each.offspring:,.1f}", f"{each.descendants:,.1f}", _usd(each.transmitted_usd),
    )  # fmt: skip


def _branching_row(each: Branching) -> tuple[str, ...]:
    rests = f"{each.n:,} {each.unit}"
    if each.value is None:
        return f"  {each.method}", "n/a", "", each.reason
    interval = f"[{each.low:.3f}, {each.high:.3f}]" if each.low is not None else ""
    return f"  {each.method}", f"{each.value:.3f}", interval, each.reason or rests


def _with_interval(each: Branching) -> str:
    if each.value is None:
        return "n/a"
    return (
        f"{each.value:.3f} [{each.low:.3f}, {each.high:.3f}]" if each.low is not None else f"{each.value:.3f}"
    )


def _usd(value: float) -> str:
    return format_value(value, "USD")


def _listed(title: str, entries: Sequence[Any], head: tuple[str, ...], row: Any) -> Iterator[str]:
    if entries:
        yield f"\n{title}"
        yield from _table([head, *(row(each) for each in entries)])


def _table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield rows in columns."""
    listed = list(rows)
    widths = [max(map(len, column)) for column in zip(*listed, strict=True)]
    for cells in listed:
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()

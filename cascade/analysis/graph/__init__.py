"""Who tripped whom: the graph of a cascade, its trees, and three estimates of its branching ratio."""

from cascade.analysis.graph.branching import (
    Branching,
    Busiest,
    branching_over_time,
    busiest,
    counterfactual,
    counterfactual_of,
    genealogical,
    genealogical_of,
    structural,
)
from cascade.analysis.graph.build import CascadeGraph, build, of_result
from cascade.analysis.graph.export import edges_table, nodes_table, to_networkx, write
from cascade.analysis.graph.trees import Summary, Transmitter, Tree, summary, transmitters, trees

__all__ = [
    "Branching",
    "Busiest",
    "CascadeGraph",
    "Summary",
    "Transmitter",
    "Tree",
    "branching_over_time",
    "build",
    "busiest",
    "counterfactual",
    "counterfactual_of",
    "edges_table",
    "genealogical",
    "genealogical_of",
    "nodes_table",
    "of_result",
    "structural",
    "summary",
    "to_networkx",
    "transmitters",
    "trees",
    "write",
]

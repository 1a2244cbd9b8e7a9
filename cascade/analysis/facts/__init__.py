"""Stylised facts: whether a simulated market behaves as a real one does."""

from cascade.analysis.facts import assets, book, flow, impact, returns
from cascade.analysis.facts.judge import Gathered, Reading, Row, Verdict, bands_of, gather, judge, tally
from cascade.analysis.facts.observed import LackingError, Liquidations, Orders, Response, Sample, Series
from cascade.analysis.facts.registry import FACTS, RULES, Band, Fact, Part, in_order

__all__ = [
    "FACTS",
    "RULES",
    "Band",
    "Fact",
    "Gathered",
    "LackingError",
    "Liquidations",
    "Orders",
    "Part",
    "Reading",
    "Response",
    "Row",
    "Sample",
    "Series",
    "Verdict",
    "assets",
    "bands_of",
    "book",
    "flow",
    "gather",
    "impact",
    "in_order",
    "judge",
    "returns",
    "tally",
]

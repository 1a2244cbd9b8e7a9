"""Runs held against a baseline: what differs in the scenarios, in the metrics, and how sure that is."""

from cascade.experiment.comparison import text
from cascade.experiment.comparison.compare import compare
from cascade.experiment.comparison.thresholds import (
    Breach,
    Threshold,
    breaches,
    parse_threshold,
    refuse_breaches,
)
from cascade.experiment.comparison.types import (
    Change,
    Comparison,
    Difference,
    Measure,
    Spread,
    Variant,
    Verdict,
)

__all__ = [
    "Breach",
    "Change",
    "Comparison",
    "Difference",
    "Measure",
    "Spread",
    "Threshold",
    "Variant",
    "Verdict",
    "breaches",
    "compare",
    "parse_threshold",
    "refuse_breaches",
    "text",
]

"""Cascade: an agent-based simulator of chain liquidations in leveraged markets.

>>> import cascade
>>> result = cascade.run("scenarios/btc-2025-07-01.yaml")  # doctest: +SKIP
>>> result.tables["liquidations"]  # doctest: +SKIP

The names below are the public interface and are imported when first used; everything else may be
imported but is not promised to stay.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cascade.agent import Trader
    from cascade.calculator.account import (
        MarginTier,
        Position,
        bankruptcy_price,
        initial_margin,
        liquidation_price,
        maintenance_margin,
        single_tier,
    )
    from cascade.calculator.tiers import rulebook_tiers
    from cascade.calibration.score import score
    from cascade.calibration.scorecard import Scorecard
    from cascade.errors import CascadeError
    from cascade.experiment.attribution import Attribution, attribute
    from cascade.experiment.comparison import Comparison, compare
    from cascade.experiment.facts import Facts, facts
    from cascade.experiment.replay import replay
    from cascade.experiment.run import run
    from cascade.experiment.sweep import sweep
    from cascade.experiment.threshold import Frontier, Threshold, frontier, threshold
    from cascade.model import CascadeModel
    from cascade.output.reader import Result
    from cascade.output.sweep import Sweep, named_results, read
    from cascade.report.summary import summarise
    from cascade.report.write import write_report
    from cascade.scenario.load import load
    from cascade.scenario.schema import Scenario

__version__ = "0.1.0"

__all__ = [
    "Attribution",
    "CascadeError",
    "CascadeModel",
    "Comparison",
    "Facts",
    "Frontier",
    "MarginTier",
    "Position",
    "Result",
    "Scenario",
    "Scorecard",
    "Sweep",
    "Threshold",
    "Trader",
    "attribute",
    "bankruptcy_price",
    "compare",
    "facts",
    "frontier",
    "initial_margin",
    "liquidation_price",
    "load",
    "maintenance_margin",
    "named_results",
    "read",
    "replay",
    "rulebook_tiers",
    "run",
    "score",
    "single_tier",
    "summarise",
    "sweep",
    "threshold",
    "write_report",
]

_HOMES = {
    "Attribution": "cascade.experiment.attribution",
    "CascadeError": "cascade.errors",
    "CascadeModel": "cascade.model",
    "Comparison": "cascade.experiment.comparison.types",
    "Facts": "cascade.experiment.facts",
    "Frontier": "cascade.experiment.threshold",
    "MarginTier": "cascade.calculator.account",
    "Position": "cascade.calculator.account",
    "Result": "cascade.output.reader",
    "Scenario": "cascade.scenario.load",
    "Scorecard": "cascade.calibration.scorecard",
    "Sweep": "cascade.output.sweep",
    "Threshold": "cascade.experiment.threshold",
    "Trader": "cascade.agent",
    "attribute": "cascade.experiment.attribution",
    "bankruptcy_price": "cascade.calculator.account",
    "compare": "cascade.experiment.comparison.compare",
    "facts": "cascade.experiment.facts",
    "frontier": "cascade.experiment.threshold",
    "initial_margin": "cascade.calculator.account",
    "liquidation_price": "cascade.calculator.account",
    "load": "cascade.scenario.load",
    "maintenance_margin": "cascade.calculator.account",
    "named_results": "cascade.output.sweep",
    "read": "cascade.output.sweep",
    "replay": "cascade.experiment.replay",
    "rulebook_tiers": "cascade.calculator.tiers",
    "run": "cascade.experiment.run",
    "score": "cascade.calibration.score",
    "single_tier": "cascade.calculator.account",
    "summarise": "cascade.report.summary",
    "sweep": "cascade.experiment.sweep",
    "threshold": "cascade.experiment.threshold",
    "write_report": "cascade.report.write",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module 'cascade' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted([*__all__, "__version__"])

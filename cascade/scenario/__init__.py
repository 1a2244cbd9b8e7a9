"""Scenarios: their schema, how they are loaded from YAML, and the checks they must pass."""

from cascade.scenario.load import load
from cascade.scenario.schema import Scenario

__all__ = ["Scenario", "load"]

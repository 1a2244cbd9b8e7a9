"""Scenarios: their schema, how they are loaded from YAML, and the checks they must pass."""

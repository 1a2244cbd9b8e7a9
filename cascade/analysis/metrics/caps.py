"""Metrics of layers whose leverage is capped: who was forced out at the start, and what open interest went."""

from __future__ import annotations

from cascade.analysis.metrics.registry import Replicate, Value, metric


@metric(
    "{layer}_capped_accounts", "accounts", "accounts that had more leverage than the cap allows at the start",
    "number of accounts with a position above the cap", kind="int64",
)  # fmt: skip
def capped_accounts(replicate: Replicate, layer: str) -> Value:
    """Accounts above the cap."""
    return replicate.capped[layer][0]


@metric(
    "{layer}_capped_usd", "USD", "positions that the cap closed at the start, longs and shorts together",
    "sum of the entry value of what was closed",
)  # fmt: skip
def capped_usd(replicate: Replicate, layer: str) -> Value:
    """Positions closed by the cap."""
    return replicate.capped[layer][1]

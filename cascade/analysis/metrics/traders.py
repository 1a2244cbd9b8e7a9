"""Metrics of those who trade on finite capital of their own: arbitrageurs, carry traders, desks of makers, hunters."""

from __future__ import annotations

from cascade.analysis.metrics.registry import SIGNED, Replicate, Value, metric


@metric(
    "{trader}_gain_usd", "USD", "what the group gained on its capital, at the marks at the end",
    "sum over its accounts of balance + position x mark, less the same at the start; what it was lent is returned",
    worse="down", bounds=SIGNED,
)  # fmt: skip
def gain_usd(replicate: Replicate, trader: str) -> Value:
    """Gain of a group, of all that share a treasury or a name."""
    return replicate.gains[trader]

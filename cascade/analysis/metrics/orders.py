"""Metrics of scheduled orders that have a name: what was filled, at which price, and what that cost."""

from __future__ import annotations

from typing import Final

from cascade.analysis.metrics.registry import SHARE, SIGNED, Absent, Fills, Replicate, Value, metric

_NOTHING: Final = Absent("nothing of the order was filled")


@metric("{order}_filled_usd", "USD", "what the order traded", "sum of USD filled")
def filled_usd(replicate: Replicate, order: str) -> Value:
    """Notional that was filled."""
    return replicate.orders[order].value_usd


@metric(
    "{order}_filled_share", "1", "the part of the order that was filled", "filled lots / lots asked for",
    worse="down", bounds=SHARE,
)  # fmt: skip
def filled_share(replicate: Replicate, order: str) -> Value:
    """Share that was filled."""
    found = replicate.orders[order]
    return found.filled / found.asked if found.asked else Absent("the account had nothing to close")


@metric(
    "{order}_vwap_price",
    "USD per unit of the asset",
    "its mean price, weighted by size",
    "USD filled / units filled",
)
def vwap_price(replicate: Replicate, order: str) -> Value:
    """Volume-weighted price."""
    found = replicate.orders[order]
    return found.value_usd / found.filled if found.filled else _NOTHING


@metric(
    "{order}_shortfall_usd", "USD", "by how much its fills are worse than the mid when it began",
    "sum over fills of size x (mid at its beginning - price), of a purchase with the other sign",
    worse="up", bounds=SIGNED,
)  # fmt: skip
def shortfall_usd(replicate: Replicate, order: str) -> Value:
    """Cost against the mid at arrival."""
    found = replicate.orders[order]
    return _shortfall(found) if found.filled else _NOTHING


@metric(
    "{order}_shortfall_bps", "bps", "implementation shortfall, in bps of the filled part at the mid when it began",
    "shortfall_usd / (units filled x mid at its beginning) x 1e4", worse="up", bounds=SIGNED,
)  # fmt: skip
def shortfall_bps(replicate: Replicate, order: str) -> Value:
    """Cost against the mid at arrival, in bps."""
    found = replicate.orders[order]
    return 1e4 * _shortfall(found) / (found.filled * found.arrival_price) if found.filled else _NOTHING


def _shortfall(found: Fills) -> float:
    worse = found.filled * found.arrival_price - found.value_usd
    return worse if found.is_sale else -worse

"""Adapters of public archives: for each publisher a module, for each kind of file a table of facts."""

from __future__ import annotations

from typing import Final

from cascade.data.adapter import Adapter
from cascade.data.adapters import binance, bybit, coinglass, hyperliquid, okx, own, tardis

ADAPTERS: Final[dict[str, Adapter]] = {
    each.name: each
    for room in (binance, bybit, okx, hyperliquid, tardis, coinglass, own)
    for each in room.ADAPTERS
}
"""Every adapter by its name, in the order of `cascade data list`."""


def fetched_from(path: str) -> str:
    """Return where a file of this name is published, as advice; empty where no kind has such names."""
    known = [each for each in ADAPTERS.values() if each.name_parts(path)]
    best = next((each for each in known if each.folder and each.folder in path), known[0] if known else None)
    return "" if best is None else f"files of {best.name} are published at: {best.fetch}"

"""What an amount counts: units of the asset, USD, or contracts that are worth some of either."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from cascade.scenario.patterns import matches

Sizes: TypeAlias = Mapping[str, float | None]
"""What one of an amount is worth, by pattern of symbol, the first that fits; None: the user has to say it."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What one of an amount is worth: in USD for some symbols, else in units of the asset."""

    coin: Sizes = field(default_factory=dict[str, float | None])
    usd: Sizes = field(default_factory=dict[str, float | None])

    def size_of(self, symbol: str) -> tuple[float, bool]:
        """Return what one is worth, and whether that is in USD; NaN where it is not known."""
        for sizes, is_usd in ((self.usd, True), (self.coin, False)):
            for pattern, size in sizes.items():
                if matches(symbol, pattern):
                    return (math.nan if size is None else size), is_usd
        return math.nan, False

    def sized(self, size: float) -> Contract:
        """Return the same where one is worth this much, of every symbol."""
        usd, coin = dict.fromkeys(self.usd, size), dict.fromkeys(self.coin, size)
        return Contract(coin, usd | {"*": size}) if usd and not coin else Contract(coin | {"*": size}, usd)

    def lines(self) -> Iterator[str]:
        """Yield what is known of it, in words."""
        for sizes, unit in ((self.usd, "USD"), (self.coin, "units of the asset")):
            if sizes:
                told = ", ".join(
                    f"{'others' if name == '*' else name} {_said(n)}" for name, n in sizes.items()
                )
                yield f"sizes are contracts, in {unit}: {told}"


def _said(size: float | None) -> str:
    return "by --contract" if size is None else f"{size:g}"

"""A limit-order book as one list of orders in the order of their arrival."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=False)
class Order:
    """A resting order; the sign of `lots` is its side."""

    position: int
    account: int
    lots: int
    tick: int
    quote: int | None = None
    due: int | None = None
    resting: bool = True
    number: int = -1  # the kernels' number and generation, so that a test can cancel it in both
    generation: int = 0


class Book:
    """Price-time priority by looking at every order."""

    def __init__(self) -> None:
        self.orders: list[Order] = []

    def side(self, buys: bool) -> list[Order]:
        """Return the orders of a side, oldest first."""
        return [o for o in self.orders if (o.lots > 0) == buys]

    def best(self, buys: bool) -> int | None:
        """Return the best price of a side."""
        ticks = [o.tick for o in self.side(buys)]
        if not ticks:
            return None
        return max(ticks) if buys else min(ticks)

    def first(self, buys: bool) -> Order | None:
        """Return the order of a side that trades next: best price, then longest waiting."""
        best = self.best(buys)
        return next((o for o in self.side(buys) if o.tick == best), None)

    def queues(self) -> dict[int, list[Order]]:
        """Return the queue of each occupied tick, first to trade first."""
        found: dict[int, list[Order]] = {}
        for o in self.orders:
            found.setdefault(o.tick, []).append(o)
        return found

    def crosses(self, lots: int, tick: int) -> bool:
        """Tell whether an order would trade at once."""
        best = self.best(lots < 0)
        if best is None:
            return False
        return tick >= best if lots > 0 else tick <= best

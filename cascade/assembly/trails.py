"""Trails: running means of prices that traders read, one for each market and window."""

from __future__ import annotations

import numpy as np

from cascade.assembly.entities import records
from cascade.assembly.memory import left_after
from cascade.core import params as k
from cascade.core.state import Array


class Trails:
    """Collects the trails that traders of a scenario read.

    Parameters
    ----------
    markets, histories
        Markets, and the price of each asset by minutes before the start, from which the means begin.
    dt
        Seconds of a step.
    """

    def __init__(self, markets: Array, histories: list[Array], dt: float) -> None:
        self.markets, self.histories, self.dt = markets, histories, dt
        self._known: dict[tuple[int, float], int] = {}

    def add(self, m: int, window_s: float) -> int:
        """Return the number of the trail of a market with a window."""
        return self._known.setdefault((m, window_s), len(self._known))

    def array(self) -> Array:
        """Return the parameters of all trails; one that stands still where there is none."""
        rows = [{"market": m, "decay": left_after(self.dt, window)} for m, window in self._known]
        return records(k.TRAIL, rows or [{}])

    def start(self) -> Array:
        """Return the means at the start."""
        means = [self._mean(self.histories[self.markets[m].asset].price, w) for m, w in self._known]
        return np.array(means or [0.0])

    def _mean(self, prices: Array, window_s: float) -> float:
        """Return the mean of log prices, each minute of age weighing less; what is older stands where they begin."""
        weights = np.exp(-60.0 / window_s * np.arange(len(prices) + 1))
        return float(np.log(prices) @ (weights[:-1] - weights[1:]) + np.log(prices[-1]) * weights[-1])

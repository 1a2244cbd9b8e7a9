"""Bars of a day of which only open, high, low and close are known: the shape of another coin's day, bent to these.

A shape lies between 0, its low, and 1, its high. It is tilted until it begins and ends where the day does, and drawn
to the extremes again, in turn. What a day has within these four prices, is borrowed.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

PRICES: Final = ["open", "high", "low", "close"]
_TURNS: Final = 200
_WHEN: Final = np.array([0.0, 0.5, 0.5, 1.0])
"""When within a bar its open, extremes and close are taken to be."""


def bent(shape: pd.DataFrame, day: Floats) -> pd.DataFrame:
    """Return bars of a day bent to another one's open, high, low and close."""
    low, high = np.log(day[2]), np.log(day[1])
    ends = (np.log(day[[0, 3]]) - low) / (high - low)
    inside = _tilted(_between(np.log(shape[PRICES].to_numpy())), ends)
    bars = np.exp(low + (high - low) * inside)
    bars[:, 1], bars[:, 2] = bars.max(axis=1), bars.min(axis=1)
    return pd.DataFrame(bars, shape.index, PRICES)


def _tilted(inside: Floats, ends: Floats) -> Floats:
    """Return a shape between 0 and 1 with other ends."""
    when = (np.arange(len(inside))[:, None] + _WHEN) / len(inside)
    for _ in range(_TURNS):
        off = ends - (inside[0, 0], inside[-1, 3])
        if np.abs(off).max() < 1e-6:
            break
        inside = _between(inside + (1.0 - when) * off[0] + when * off[1])
    inside = np.clip(inside, 0.0, 1.0)
    inside[0, 0], inside[-1, 3] = ends
    return inside


def _between(bars: Floats) -> Floats:
    """Return bars with their lowest price at 0 and their highest at 1."""
    return (bars - bars.min()) / (bars.max() - bars.min())

"""Draws that flows of orders are made of: counts, and quantile functions on a common grid."""

from __future__ import annotations

import math

import numpy as np

from cascade.compiler.jit import int64, outlined
from cascade.core.params import Params
from cascade.rng import uniform

REACH = 28.0
"""Quantile tables lie on an even grid of log(u / (1 - u)) from -REACH to REACH, so both tails are fine."""

N_QUANTILES = 2_001
"""Points of a quantile table."""

_LAST = float(N_QUANTILES - 1)

_CHUNK = 64.0


def quantile_grid() -> np.ndarray:
    """Return the probabilities at which a quantile table is to be filled."""
    z = np.linspace(-REACH, REACH, N_QUANTILES)
    return 1.0 / (1.0 + np.exp(-z))


@outlined
def quantile(p: Params, table: int, u: float) -> float:
    """Return the value of a quantile table at probability u, by interpolation."""
    at = (math.log(u / (1.0 - u)) + REACH) * (_LAST / (2.0 * REACH))
    at = min(max(at, 0.0), _LAST - 1e-9)
    k = int64(at)
    low = p.quantiles[table, k]
    return low + (at - float(k)) * (p.quantiles[table, k + 1] - low)


@outlined
def poisson(key: np.uint64, step: int, slot: int, number: int, mean: float) -> int:
    """Return a Poisson variate by inversion, in chunks of mean 64 so that nothing underflows."""
    total, left = 0, mean
    while left > 0.0:
        part = min(left, _CHUNK)
        left -= part
        term = math.exp(-part)
        u = uniform(key, step, slot, number)
        number += 1
        k = 0
        below = term
        while u > below and k < 1000:
            k += 1
            term *= part / float(k)
            below += term
        total += k
    return total

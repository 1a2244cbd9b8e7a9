"""Trails: running means of the log prices of markets, against which traders call a price high or low."""

from __future__ import annotations

import math

from cascade.compiler.jit import kernel
from cascade.core.index import mid_price
from cascade.core.params import Params
from cascade.core.state import State


@kernel
def advance_trails(st: State, p: Params) -> None:
    """Let each mean go on by one step towards the mid of its market."""
    for k in range(len(p.trails)):
        trail = p.trails[k]
        if trail.decay > 0.0:
            log_mid = math.log(mid_price(st, p, trail.market))
            st.trails[k] = trail.decay * st.trails[k] + (1.0 - trail.decay) * log_mid


@kernel
def distance_from(st: State, p: Params, k: int) -> float:
    """Return by how much, in logs, the mid of a trail's market lies above the mean."""
    return math.log(mid_price(st, p, p.trails[k].market)) - st.trails[k]

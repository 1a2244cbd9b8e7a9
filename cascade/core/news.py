"""The news value of each asset: diffusion, jumps, clusters of both, anchors with a bridge, shocks."""

from __future__ import annotations

import math

from cascade.compiler.jit import kernel, outlined
from cascade.core.params import ANCHORS, CLUSTERED, GBM, JUMP_DIFFUSION, NEWS_SHOCK, Params
from cascade.core.state import State
from cascade.rng import ALONE, FIRST, FOURTH, THIRD, normal, uniform


@outlined
def advance_news(st: State, p: Params, a: int) -> None:
    """Move the news value of an asset by one step: diffusion, jumps, anchors with a bridge, shocks."""
    asset, row = p.assets[a], st.assets[a]
    step, before = st.clock[0].step, row.log_value + row.shift
    if asset.news == ANCHORS:
        _bridge(st, p, a, step)
    elif asset.news == GBM or asset.news == JUMP_DIFFUSION:
        sd = asset.volatility
        row.log_value += asset.drift - 0.5 * sd * sd + sd * normal(asset.key, step, ALONE, FIRST)
    if asset.news == JUMP_DIFFUSION and uniform(asset.key, step, ALONE, THIRD) < asset.jump_rate:
        row.log_value += asset.jump_mean + asset.jump_sd * normal(asset.key, step, ALONE, FOURTH)
    if asset.news == CLUSTERED:
        row.log_value += _clustered(st, p, a, step)
    for k in range(len(p.shocks)):
        shock = p.shocks[k]
        if shock.kind == NEWS_SHOCK and shock.target == a and shock.start <= step < shock.stop:
            row.shift += shock.amount / float(shock.stop - shock.start)
    row.value = math.exp(row.log_value + row.shift)
    row.moved = row.log_value + row.shift - before


@kernel
def _clustered(st: State, p: Params, a: int, step: int) -> float:
    """Return the log move of a step: its volatility and its jumps follow activity, and a part is common to all assets.

    Jumps come to all assets at once, more of them while the market is busy.
    """
    asset, activity = p.assets[a], st.assets[a].activity
    common, own = math.sqrt(asset.common), math.sqrt(1.0 - asset.common)
    shared, alone = asset.common_key, asset.key
    sd = asset.volatility * activity
    moved = sd * (common * normal(shared, step, ALONE, FIRST) + own * normal(alone, step, ALONE, FIRST))
    if uniform(shared, step, ALONE, THIRD) < asset.jump_rate * activity:
        size = common * normal(shared, step, ALONE, FOURTH) + own * normal(alone, step, ALONE, FOURTH)
        moved += asset.jump_mean + asset.jump_sd * size
    return moved - 0.5 * sd * sd


@kernel
def _bridge(st: State, p: Params, a: int, step: int) -> None:
    """Move a Brownian bridge one step on, through the anchors inside the step and towards the next.

    Each anchor is met exactly, at its own time; after the last the value stays.
    """
    asset, row = p.assets[a], st.assets[a]
    since, now = float(step), float(step + 1)  # the value moves from the end of the last step to that of this
    end = asset.first_point + asset.n_points
    while row.point < end and p.points[row.point].step < now:
        row.log_value, since = p.points[row.point].log_price, max(p.points[row.point].step, since)
        row.point += 1
    if row.point == end:
        return
    point = p.points[row.point]
    ahead, part = point.step - since, now - since
    sd = asset.volatility * math.sqrt(part * (ahead - part) / ahead)
    row.log_value += (point.log_price - row.log_value) * part / ahead
    row.log_value += sd * normal(asset.key, step, ALONE, FIRST)

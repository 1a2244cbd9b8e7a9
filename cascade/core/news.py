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
    """Return the log move of a step: volatility and jumps follow activity, and a part is common to all assets."""
    sd = p.assets[a].volatility * st.assets[a].activity
    return sd * _fresh(p, a, step, FIRST) + _jump(st, p, a, step) - 0.5 * sd * sd


@kernel
def _jump(st: State, p: Params, a: int, step: int) -> float:
    """Return the jump of a step, mostly none: all assets jump at once, and more often while the market is busy."""
    asset = p.assets[a]
    if uniform(asset.common_key, step, ALONE, THIRD) >= asset.jump_rate * st.assets[a].activity:
        return 0.0
    return asset.jump_mean + asset.jump_sd * _fresh(p, a, step, FOURTH)


@kernel
def _fresh(p: Params, a: int, step: int, number: int) -> float:
    """Return a standard normal variate of an asset, of which a part is common to all."""
    asset = p.assets[a]
    alone = normal(asset.key, step, ALONE, number)
    if asset.common == 0.0:
        return alone
    shared = normal(asset.common_key, step, ALONE, number)
    return math.sqrt(asset.common) * shared + math.sqrt(1.0 - asset.common) * alone


@kernel
def _bridge(st: State, p: Params, a: int, step: int) -> None:
    """Move a Brownian bridge one step on, through the anchors inside the step and towards the next.

    Each anchor is met exactly, at its own time; after the last the value stays. Where anchors are traded prices,
    it is news, lean and the impact of ordinary orders together that meet them: the news is what is left.
    """
    asset, row = p.assets[a], st.assets[a]
    held = row.ordinary if asset.traded != 0 else 0.0
    since, now = float(step), float(step + 1)  # the value moves from the end of the last step to that of this
    end = asset.first_point + asset.n_points
    while row.point < end and p.points[row.point].step < now:
        row.log_value = p.points[row.point].log_price - held
        since = max(p.points[row.point].step, since)
        row.point += 1
    if row.point == end:
        return
    point = p.points[row.point]
    ahead, part = point.step - since, now - since
    sd = asset.volatility * row.activity * math.sqrt(part * (ahead - part) / ahead)
    row.log_value += (point.log_price - held - row.log_value) * part / ahead
    row.log_value += sd * _fresh(p, a, step, FIRST)
    if asset.jump_rate > 0.0:
        row.log_value += _jump(st, p, a, step)

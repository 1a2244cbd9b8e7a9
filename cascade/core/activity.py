"""Activity: how busy the market of an asset is, which news, flow and depth read.

Its log is a sum of Ornstein-Uhlenbeck processes of several time scales, in part common to all assets, and of
the waves of a day, or of what is given by time. Variance of the news, its square, has mean 1.
"""

from __future__ import annotations

import math

from cascade.compiler.jit import kernel, outlined
from cascade.core.params import Params
from cascade.core.state import State
from cascade.rng import normal


@outlined
def advance_activity(st: State, p: Params) -> None:
    """Move the activity of all assets, where it is due."""
    rule, step = p.activity[0], st.clock[0].step
    if rule.every == 0 or step % rule.every != 0:
        return
    for row in range(len(p.assets) + 1):  # the first is common to all
        for k in range(len(p.scales)):
            fresh, decay = normal(rule.key, step, row, 2 * k), p.scales[k].decay
            if step == 0:
                st.swings[row, k] = fresh
            else:
                st.swings[row, k] = decay * st.swings[row, k] + math.sqrt(1.0 - decay * decay) * fresh
    daytime = 0.0
    for k in range(len(p.waves)):
        daytime += p.waves[k].height * math.cos(p.waves[k].per_step * (float(step) - p.waves[k].peak))
    daytime += _given(p, float(step))
    common, own = math.sqrt(rule.common), math.sqrt(1.0 - rule.common)
    for a in range(len(p.assets)):
        swing = 0.0
        for k in range(len(p.scales)):
            swing += p.scales[k].weight * (common * st.swings[0, k] + own * st.swings[a + 1, k])
        st.assets[a].daytime = daytime
        st.assets[a].activity = math.exp(rule.spread * swing + daytime - rule.offset)


@kernel
def _given(p: Params, step: float) -> float:
    """Return the log activity that is given for a step, the nearest before the first and after the last; or 0."""
    n = len(p.busy)
    if n == 0:
        return 0.0
    k = 0
    while k < n and p.busy[k].step <= step:
        k += 1
    if k == 0 or k == n:
        return p.busy[max(k - 1, 0)].log_level
    before, after = p.busy[k - 1], p.busy[k]
    part = (step - before.step) / (after.step - before.step)
    return before.log_level + part * (after.log_level - before.log_level)

"""Makers' lean: an intent that the makers of an asset share tilts their sizes and lets their quotes drift.

It never reads the book, whose depletion would otherwise feed on itself.
"""

from __future__ import annotations

import math

from cascade.compiler.jit import outlined
from cascade.core.params import Params
from cascade.core.state import State
from cascade.rng import ALONE, FIRST, normal


@outlined
def advance_lean(st: State, p: Params, a: int) -> None:
    """Move the intent of an asset's makers by one step, and their quotes with it."""
    rule, asset, step = p.leans[a], st.assets[a], st.clock[0].step
    if rule.drift == 0.0 and rule.tilt == 0.0:
        return
    fresh = math.sqrt(rule.common) * normal(rule.common_key, step, ALONE, FIRST)
    fresh += math.sqrt(1.0 - rule.common) * normal(rule.key, step, ALONE, FIRST)
    decay = rule.decay if step > 0 else 0.0
    asset.intent = decay * asset.intent + math.sqrt(1.0 - decay * decay) * fresh
    asset.lean = rule.fade * asset.lean + rule.drift * asset.activity * asset.intent

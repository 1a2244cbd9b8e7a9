"""How prices form: activity, impact and lean of each asset as parameters."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from cascade.assembly.entities import records
from cascade.assembly.memory import left_after
from cascade.assembly.venues import money
from cascade.core import params as k
from cascade.core.propagator import N_MEANS, N_MODES
from cascade.core.state import Array
from cascade.rng import decision_key
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_formation import REFERENCE_S, REFERENCE_SHARE, Impact, Lean

MODES_S = (2.0, 10.0, 60.0, 360.0, 2160.0, 13_000.0, 86_400.0)
"""Times of the exponentials that stand for a power law between a second and a day."""

DAY_S = 86_400.0


class Formation(NamedTuple):
    """What moves the prices of assets: the parameters of these names."""

    activity: Array
    scales: Array
    waves: Array
    busy: Array
    impacts: Array
    modes: Array
    memories: Array
    leans: Array
    cross: Array


def assemble_formation(scenario: Scenario, replicate: int) -> Formation:
    """Return the price formation of a scenario."""
    names, assets, dt = list(scenario.assets), list(scenario.assets.values()), scenario.dt
    cross = np.eye(len(names))
    for a, asset in enumerate(assets):
        for other, share in asset.impact.cross.items() if asset.impact is not None else ():
            cross[a, names.index(other)] = share
    leans = [
        _lean(asset.lean, decision_key(scenario.seed, f"lean/{name}", replicate), dt)
        for name, asset in scenario.assets.items()
    ]
    for row in leans:
        row["common_key"] = decision_key(scenario.seed, "lean", replicate)
    rules = [asset.impact for asset in assets]
    return Formation(
        **_activity(scenario, replicate),
        impacts=records(k.IMPACT, [_impact(rule, dt) for rule in rules]),
        modes=records(k.MODE, [row for rule in rules for row in _modes(rule, dt)]),
        memories=records(k.MEMORY, [row for rule in rules for row in _memories(rule, dt)]),
        leans=records(k.LEAN, leans),
        cross=cross,
    )


def _impact(rule: Impact | None, dt: float) -> dict[str, float]:
    """Return how orders move an asset; without a rule they do not."""
    if rule is None:
        return {}
    kept = left_after(dt, rule.drawn_memory)
    usual = float(money(rule.daily_volume)) * dt / DAY_S
    return {
        "kick": kick_of(rule, mode_weights(rule.decay), dt), "exponent": rule.exponent, "surprise": rule.surprise,
        "memory": left_after(dt, rule.forced_memory), "local": rule.local,
        "local_decay": left_after(dt, rule.local_memory), "depth_power": rule.depth_exponent,
        "drawn": rule.drawn * (1.0 - kept) / usual, "drawn_decay": kept,
    }  # fmt: skip


def _modes(rule: Impact | None, dt: float) -> list[dict[str, float]]:
    """Return the modes in which impact decays."""
    if rule is None:
        return [{}] * N_MODES
    return [
        {"decay": left_after(dt, tau), "weight": weight}
        for tau, weight in zip(MODES_S, mode_weights(rule.decay).tolist(), strict=True)
    ]


def _memories(rule: Impact | None, dt: float) -> list[dict[str, float]]:
    """Return the running means of past kicks."""
    if rule is None:
        return [{}] * N_MEANS
    return [{"decay": left_after(dt, time), "share": share} for time, share in rule.expected]


def mode_weights(exponent: float) -> Array:
    """Return the weights of the modes whose sum is nearest, in proportion, to t^-exponent from a second to a day."""
    times = np.geomspace(1.0, DAY_S, 200)
    modes = np.exp(-times[:, None] / np.array(MODES_S)) * times[:, None] ** exponent
    return np.asarray(np.linalg.lstsq(modes, np.ones(len(times)), rcond=None)[0], np.float64)


def kick_of(rule: Impact, weights: Array, dt: float) -> float:
    """Return the kick that makes a sale of the reference size and time move the price by the root law.

    Forced flow kicks once a step by its rate; so do ordinary orders, each with its size.
    """
    steps = max(round(REFERENCE_S / dt), 1)
    decays = np.exp(-dt / np.array(MODES_S))
    piled = float((weights * (1.0 - decays**steps) / (1.0 - decays)).sum())
    size = rule.daily_volume * REFERENCE_SHARE
    move = rule.y * rule.daily_volatility * math.sqrt(REFERENCE_SHARE)
    return move / (piled * float(money(size / steps)) ** rule.exponent)


def _lean(rule: Lean | None, key: np.uint64, dt: float) -> dict[str, Any]:
    if rule is None:
        return {"key": key}
    return {
        "drift": rule.drift_bps * 1e-4 * dt, "decay": left_after(dt, rule.memory), "fade": left_after(dt, rule.fades),
        "tilt": rule.tilt, "common": rule.common, "key": key,
    }  # fmt: skip


def _activity(scenario: Scenario, replicate: int) -> dict[str, Array]:
    """Return activity, its time scales and the waves of the day."""
    rule, dt = scenario.activity, scenario.dt
    if rule is None:
        return {
            "activity": records(k.ACTIVITY, [{}]),
            "scales": records(k.SCALE, []),
            "waves": records(k.WAVE, []),
            "busy": records(k.BUSY, []),
        }
    every = max(round(rule.renewed / dt), 1)
    total = sum(weight for _, weight in rule.scales)
    scales = [
        {"decay": left_after(every * dt, time), "weight": math.sqrt(weight / total)}
        for time, weight in rule.scales
    ]
    midnight = 0.0
    if scenario.start is not None:
        midnight = -float(scenario.start.hour * 3600 + scenario.start.minute * 60 + scenario.start.second)
    waves = [
        {
            "height": height,
            "per_step": 2.0 * math.pi * cycles * dt / DAY_S,
            "peak": (midnight + 3600.0 * hour) / dt,
        }
        for cycles, (height, hour) in enumerate(rule.waves, start=1)
    ]
    busy = [
        {"step": scenario.seconds(time) / dt, "log_level": math.log(level)} for time, level in rule.levels
    ]
    offset = rule.spread**2 + sum(height**2 for height, _ in rule.waves) / 2.0
    activity = {
        "every": every, "spread": rule.spread, "offset": offset, "common": rule.common,
        "key": decision_key(scenario.seed, "activity", replicate),
    }  # fmt: skip
    return {
        "activity": records(k.ACTIVITY, [activity]),
        "scales": records(k.SCALE, scales),
        "waves": records(k.WAVE, waves),
        "busy": records(k.BUSY, busy),
    }

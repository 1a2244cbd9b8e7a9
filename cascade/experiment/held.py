"""What forced orders move a traded path by, on the mean of a model: the part of it that the news must not hold.

Prices of a real day were moved by the liquidations of that day. A model whose news is such a path, and whose forced
orders move it again, counts them twice. So their impact is measured over replicates and taken off the path:
price = path x exp(forced impact - its mean). Then replicates lie about the path, and a run without forced orders lies
above it where longs were liquidated. It holds for the population that it was measured with, and on the mean only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cascade.acting import admit_code, opened
from cascade.assembly import assemble
from cascade.core.state import Array
from cascade.engine import Nothing, run_on
from cascade.errors import UsageError
from cascade.experiment.observe import Progress, Stopped
from cascade.experiment.threads import threads
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_prices import AnchorsNews, BarsNews

EVERY_S: Final = 900.0
"""Seconds from one measurement to the next; at anchors it is measured besides."""

TOLERANCE: Final = 0.1
"""By how much of the largest value what is printed may differ from what was measured, so that it is short."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Held:
    """The mean impact of forced orders on the assets whose news is a traded path.

    Attributes
    ----------
    times_s
        Seconds from the start, (n_times,).
    bps
        By asset, (n_times,): log price, below zero where they pressed it down.
    error_bps
        Its standard error over replicates; not a number for one.
    """

    name: str
    n: int
    times_s: Floats
    bps: dict[str, Floats]
    error_bps: dict[str, Floats]

    def yaml(self, asset: str) -> str:
        """Return the `held_bps:` of an asset as it is written into a scenario."""
        kept = thinned(self.times_s, self.bps[asset])
        points = zip(self.times_s[kept], self.bps[asset][kept], strict=True)
        return "[" + ", ".join(f"[{time / 60:g}m, {bps:.1f}]" for time, bps in points) + "]"


def traded_assets(scenario: Scenario) -> list[str]:
    """Return the assets whose news is a traded path that orders move."""
    return [
        name
        for name, asset in scenario.assets.items()
        if isinstance(asset.news, AnchorsNews | BarsNews)
        and asset.impact is not None
        and not asset.news.free_of_impact
    ]


def held(
    scenario: Scenario, replicates: int = 8, *, allow_code: bool = False, jobs: int | None = None,
    progress: Progress | None = None,
) -> Held:  # fmt: skip
    """Measure the mean impact of forced orders along a scenario's traded paths.

    Parameters
    ----------
    allow_code
        Whether agents in Python that the scenario names may run.

    Raises
    ------
    UsageError
        If no asset has such a path.
    """
    admit_code([scenario], scenario, allowed=allow_code)
    assets = traded_assets(scenario)
    if not assets:
        raise UsageError(
            "no asset of the scenario has a traded price as its news and an `impact:`: there is nothing to take off",
            remedy="write news of type anchors or bars, and assets: NAME: impact:",
        )
    steps = _steps(scenario, assets)
    with threads("the measurement was", jobs) as (pool, stopped):
        futures = [
            pool.submit(_forced_impact, scenario, k, steps, progress, stopped) for k in range(replicates)
        ]
        parts = [each.result() for each in futures]
    found = np.stack(parts) * 1e4
    start = np.zeros((replicates, 1, found.shape[2]))
    found = np.concatenate([start, found], axis=1)
    spread = (
        found.std(axis=0, ddof=1) / np.sqrt(replicates)
        if replicates > 1
        else np.full(found.shape[1:], np.nan)
    )
    names = list(scenario.assets)
    return Held(
        scenario.name, replicates, np.append(0.0, steps * scenario.dt),
        {name: found[:, :, names.index(name)].mean(axis=0) for name in assets},
        {name: spread[:, names.index(name)] for name in assets},
    )  # fmt: skip


def thinned(times: Floats, values: Floats) -> Array:
    """Return few places between which straight lines stay near the values (Ramer; Douglas and Peucker)."""
    first, last, near = 0, len(times) - 1, TOLERANCE * float(np.abs(values).max())
    kept, open_ends = {first, last}, [(first, last)]
    while open_ends:
        a, b = open_ends.pop()
        if b - a < 2:
            continue
        line = np.interp(times[a : b + 1], times[[a, b]], values[[a, b]])
        off = np.abs(values[a : b + 1] - line)
        worst = a + int(off.argmax())
        if off.max() > near:
            kept.add(worst)
            open_ends += [(a, worst), (worst, b)]
    return np.array(sorted(kept))


def _steps(scenario: Scenario, assets: list[str]) -> Array:
    """Return the steps after which to measure: at the anchors, at regular times, and at the end."""
    seconds = set(np.arange(EVERY_S, scenario.duration, EVERY_S).tolist())
    for name in assets:
        news = scenario.assets[name].news
        if isinstance(news, AnchorsNews):
            seconds |= {scenario.seconds(time) for time, _ in news.points}
    steps = np.round(np.array(sorted(seconds)) / scenario.dt).astype(np.int64)
    inside = steps[(steps > 0) & (steps < scenario.n_steps)]
    return np.unique(np.append(inside, scenario.n_steps))


def _forced_impact(
    scenario: Scenario, number: int, steps: Array, progress: Progress | None, stopped: Stopped
) -> Floats:
    """Return the log price by which forced orders have moved each asset at given steps, (n_steps, n_assets)."""
    found = np.zeros((len(steps), len(scenario.assets)))
    with opened(scenario, number, assemble(scenario, number), Nothing()) as engine:
        for k, step in enumerate(steps):
            run_on(engine, int(step), progress, stopped)
            engine.drain()
            assets = engine.state.assets
            found[k] = assets.opinion - assets.ordinary
    return found

"""How long this machine takes, against what is estimated: remembered beside the compiled kernels.

A file holds, for each scenario by its name, how many times the estimated seconds its last runs took. A scenario
that has run here before is estimated by its own runs, another by those of all.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from statistics import median, median_low
from typing import Any, Final, NamedTuple

from cascade.installation import keep
from cascade.output.log import events

FILE: Final = "pace.json"

KEPT: Final = 5
"""Runs that are remembered of a scenario."""

SCENARIOS: Final = 200
"""Scenarios that are remembered, those that ran last."""


class Pace(NamedTuple):
    """How many times the estimated seconds runs take here, and whether those were of the same scenario."""

    factor: float = 1.0
    known: str = ""
    """Whose runs say so: `of this scenario`, `of other scenarios`; empty where nothing has run here."""

    @property
    def text(self) -> str:
        """Return what an estimate rests on."""
        if not self.known:
            return "estimated for a core of 3 GHz: another machine differs by a factor"
        return f"by the last runs {self.known} on this machine"


UNKNOWN: Final = Pace()
"""Of a machine on which nothing has run."""


def place() -> Path | None:
    """Return the file; None where this machine keeps no cache."""
    from cascade.compiler.cache import cache_directory

    directory = cache_directory()
    return None if directory is None else directory.parent / FILE


def pace_of(name: str) -> Pace:
    """Return how long runs of a scenario take here, as far as this machine has shown."""
    known = _read(place())
    if name in known:
        return Pace(median(known[name]), "of this scenario")
    if known:
        return Pace(median(median(each) for each in known.values()), "of other scenarios")
    return UNKNOWN


def remember(name: str, factor: float) -> None:
    """Keep how many times the estimated seconds a run has taken."""
    path = place()
    if path is None or not factor > 0.0:
        return
    known = _read(path)
    last = [*known.pop(name, []), round(factor, 4)][-KEPT:]
    kept = dict([*known.items(), (name, last)][-SCENARIOS:])
    with contextlib.suppress(OSError):
        keep(path, json.dumps(kept).encode())


def took_since(folders: Iterable[Path], since: datetime) -> list[float]:
    """Return the seconds of the replicates that have finished since a time, by the logs of their runs."""
    stamp = since.isoformat(timespec="milliseconds")
    return [
        float(each["seconds"])
        for folder in folders
        for each in events(folder)
        if each["event"] == "finished" and "seconds" in each and str(each.get("at")) >= stamp
    ]


def learn(name: str, expected_s: float, took: Sequence[float]) -> None:
    """Remember how long replicates took; the median, since the first of each worker load the kernels."""
    if took and expected_s > 0.0:
        remember(name, median_low(took) / expected_s)


def _read(path: Path | None) -> dict[str, list[float]]:
    """Return what is remembered; nothing where the file is not there, or is not one of ours."""
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
        if path is not None:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return {str(name): [float(each) for each in last] for name, last in found.items() if last}
    return {}

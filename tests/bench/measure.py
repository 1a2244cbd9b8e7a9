"""Timing by processor time, and lines that set a figure beside its target."""

from __future__ import annotations

import time
from collections.abc import Callable


def best_of(n: int, call: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    """Return the least processor time of n calls, in seconds: other work on the machine only adds."""
    times: list[float] = []
    for _ in range(n):
        before()
        begun = time.process_time()
        call()
        times.append(time.process_time() - begun)
    return min(times)


def line(what: str, value: str, target: str = "", met: bool | None = None) -> None:
    """Print a figure beside its target."""
    verdict = "" if met is None else "met" if met else "MISSED"
    print(f"{what:<58}{value:>26}   {target:<28}{verdict}")

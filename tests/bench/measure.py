"""Timing by processor time, and lines that set a figure beside its target."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """A process of Python that has ended."""

    cpu_s: float
    said: str


def python(*words: str | Path, checkout: Path, **environment: str) -> Process:
    """Run Python on a checkout, and wait for it; processor time is that of all which it started."""
    around = os.environ | {"PYTHONPATH": str(checkout.resolve())} | environment
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, *map(str, words)], cwd=checkout, env=around, check=True, capture_output=True,
        text=True,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Process(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout)


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

"""Start-up: the command line, imports, validation, compiling the first time, and a warm start."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.measure import line

BASE = Path(__file__).parent.parent / "data" / "base.yaml"
ROOT = Path(__file__).parents[2]

FIRST_STEP = f"""
import time
from cascade.scenario.load import load
from cascade.assembly import assemble
from cascade.core import step
begun = time.process_time()
market = assemble(load({str(BASE)!r}, ["population.retail.open_interest=50M"]))
step.advance(market.state, market.params, 1)
import cascade.core as core, pkgutil, importlib
kernels = set()
for found in pkgutil.iter_modules(core.__path__):
    for value in vars(importlib.import_module(f"cascade.core.{{found.name}}")).values():
        value = getattr(value, "compiled", value)
        if len(getattr(value, "signatures", ())):
            kernels.add(value.py_func)
print(time.process_time() - begun, len(kernels))
"""


COMPILERS = "import time, numpy, numba; print(time.process_time())"
"""What a process of numba costs before it does anything: the measure of the rest, as machines differ."""


def run(*words: str, cache: Path | None = None) -> tuple[float, str]:
    """Return wall time and output of a Python process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if cache is not None:
        environment["CASCADE_CACHE_DIR"] = str(cache)
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=True, env=environment
    )
    return time.perf_counter() - begun, done.stdout


def quickest(*words: str) -> float:
    return min(run(*words)[0] for _ in range(3))


def test_start_up(tmp_path: Path) -> None:
    print("\nstart-up")
    seconds = quickest("-m", "cascade", "--help")
    line("cascade --help", f"{seconds:.2f} s", "<= 0.2 s", seconds <= 0.2)
    unit = min(float(run("-c", COMPILERS)[1]) for _ in range(3))
    line("import numpy, numba", f"{unit:.2f} s of CPU, 1 below")
    line("import cascade", f"{quickest('-c', 'import cascade'):.2f} s")
    line("cascade validate", f"{quickest('-m', 'cascade', 'validate', str(BASE)):.2f} s")
    _, text = run("-c", FIRST_STEP, cache=tmp_path)
    cpu, kernels = (float(word) for word in text.split())
    line("cold compile", f"{cpu:.1f} s of CPU = {cpu / unit:.0f}", "<= 25 s", cpu <= 25)
    line(f"  each of {kernels:.0f} kernels", f"{cpu / kernels:.3f} s", "<= 0.25 s", cpu / kernels <= 0.25)
    warm, text = run("-c", FIRST_STEP, cache=tmp_path)
    cpu = float(text.split()[0])
    line("warm start to the first step", f"{warm:.2f} s", "<= 1 s", warm <= 1)
    line("  in processor time", f"{cpu:.2f} s of CPU = {cpu / unit:.1f}")

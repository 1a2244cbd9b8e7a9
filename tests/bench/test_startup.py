"""Start-up: commands that are compiled already, and compiling the first time.

In processor time, and in imports of numpy and numba in the same run, for machines differ and are shared.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cascade.scenario.load import to_yaml
from tests.bench.measure import Process, line, python
from tests.support.scenarios import small_scenario

BASE = Path(__file__).parent.parent / "data" / "base.yaml"
ROOT = Path(__file__).parents[2]
FEW = "population.retail.open_interest=50M"

FIRST_STEP = f"""
import time
from cascade.scenario.load import load
from cascade.assembly import assemble
from cascade.core import step
begun = time.process_time()
market = assemble(load({str(BASE)!r}, [{FEW!r}]))
step.advance(market.state, market.params, 1)
took = time.process_time() - begun
import gc
from cascade.compiler.jit import Kernel
kernels = {{value.py_func for value in gc.get_objects() if type(value) is Kernel and "compiled" in vars(value)}}
print(took, len(kernels))
"""


def run(*words: str, **environment: str) -> Process:
    """Run Python on this checkout, and wait for it."""
    return python(*words, checkout=ROOT, **environment)


def quickest(*words: str) -> float:
    """Return the least processor time of three processes: other work on the machine only adds."""
    return min(run(*words).cpu_s for _ in range(3))


@pytest.fixture(scope="module")
def unit() -> float:
    """Return what a process of numba costs before it does anything, in processor time."""
    print("\nstart-up")
    seconds = quickest("-c", "import numpy, numba")
    line("import numpy, numba", f"{seconds:.2f} s of CPU, 1 below")
    return seconds


def test_commands_that_are_compiled_already(unit: float, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(to_yaml(small_scenario()), encoding="utf-8")
    short = ("run", str(tmp_path / "small.yaml"), "-q", "-o", str(tmp_path / "runs"))
    run("-m", "cascade", *short)
    (folder,) = (tmp_path / "runs").iterdir()
    commands = {
        "--help": ("--help",),
        "validate": ("validate", str(BASE)),
        "run, of two minutes and 2,000 accounts": (*short, "--force"),
        "report of that run": ("report", str(folder), "-o", str(tmp_path / "report.html"), "--force"),
    }
    line("import cascade", f"{quickest('-c', 'import cascade') / unit:.2f}")
    for name, words in commands.items():
        seconds = quickest("-m", "cascade", *words)
        most = 0.2 if name == "--help" else None
        target = f"<= {most} s" if most else ""
        line(
            f"cascade {name}",
            f"{seconds:.2f} s of CPU = {seconds / unit:.2f}",
            target,
            not most or seconds <= most,
        )


def test_the_first_compile(unit: float, tmp_path: Path) -> None:
    cpu, kernels = (
        float(word) for word in run("-c", FIRST_STEP, CASCADE_CACHE_DIR=str(tmp_path)).said.split()
    )
    line("cold compile", f"{cpu:.1f} s of CPU = {cpu / unit:.0f}", "<= 25 s", cpu <= 25)
    line(f"  each of {kernels:.0f} kernels", f"{cpu / kernels:.3f} s", "<= 0.25 s", cpu / kernels <= 0.25)
    cpu = run("-c", FIRST_STEP, CASCADE_CACHE_DIR=str(tmp_path)).cpu_s
    line("warm start to the first step", f"{cpu:.2f} s of CPU = {cpu / unit:.1f}", "<= 1 s", cpu <= 1)

"""`python -m tests.bench.versions OTHER SCENARIO [SCENARIO_THERE]`: a step here against one in another checkout.

Each runs in a process of its own with kernels of its own, and they take turns, so that what else the machine does
slows both. SCENARIO is a path below either checkout, SCENARIO_THERE one below the other where it differs; with
`-s PATH=VALUE` both are changed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

HERE: Final = Path(__file__).parents[2]
FIRST: Final = 600
"""Steps before anything is timed."""


def main(words: Sequence[str] | None = None) -> int:
    """Print microseconds of a step of both, and how many times as long one here takes."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.versions", description=(__doc__ or "").split("\n\n", 1)[1]
    )
    parser.add_argument("other", type=Path, metavar="OTHER", help="a checkout of another commit")
    parser.add_argument("scenario", metavar="SCENARIO")
    parser.add_argument("there", nargs="?", metavar="SCENARIO_THERE")
    parser.add_argument("-s", "--set", action="append", default=[], metavar="PATH=VALUE")
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--steps", type=int, default=3_600, help="of a turn")
    asked = parser.parse_args(words)
    runs = [
        begun(asked.other, asked.there or asked.scenario, asked.steps, asked.set),
        begun(HERE, asked.scenario, asked.steps, asked.set),
    ]
    turns = [[turn(each) for each in runs] for _ in range(asked.turns)]
    there, here = (median(times) for times in zip(*turns, strict=True))
    ratios = sorted(mine / theirs for theirs, mine in turns)
    print(f"a step there {there:.1f} us, here {here:.1f} us")
    print(f"{median(ratios):.2f} times, {ratios[0]:.2f} to {ratios[-1]:.2f} in {len(turns)} turns")
    return 0


def begun(checkout: Path, scenario: str, steps: int, changes: Sequence[str]) -> subprocess.Popen[str]:
    """Return a process that advances a market of a checkout by some steps for each line that it reads."""
    command = [sys.executable, __file__, "--worker", scenario, str(steps), *changes]
    there = os.environ | {"PYTHONPATH": str(checkout.resolve())}
    process = subprocess.Popen(
        command, cwd=checkout, env=there, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    print(f"{checkout}: {scenario}, {process.stdout.readline().strip()} accounts")
    return process


def turn(process: subprocess.Popen[str]) -> float:
    """Return microseconds of a step in the next turn of a process."""
    assert process.stdin is not None
    assert process.stdout is not None
    print(file=process.stdin, flush=True)
    return float(process.stdout.readline())


def work(scenario: str, steps: int, changes: Sequence[str]) -> None:
    """Advance a market whenever a line is read, and print microseconds of a step."""
    from cascade.assembly import assemble
    from cascade.scenario.load import load
    from tests.bench.markets import started

    made = assemble(load(scenario, tuple(changes)))
    engine = started(made, steps=FIRST)
    print(f"{len(made.state.accounts):,}", flush=True)
    for _ in sys.stdin:
        begin = time.process_time()
        engine.advance(engine.step + steps)
        print(1e6 * (time.process_time() - begin) / steps, flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(sys.argv[2], int(sys.argv[3]), sys.argv[4:])
    else:
        sys.exit(main())

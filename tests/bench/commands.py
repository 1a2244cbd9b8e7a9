"""`python -m tests.bench.commands OTHER SCENARIO [SCENARIO_THERE]`: commands here against those of another checkout.

`cascade run` of a scenario, drawing its population, and `cascade report` of the run, the first and another, each in a
process of its own whose kernels are compiled already. The checkouts take turns, so that what else the machine does slows
both; each turn has a seed that nobody has asked for, so that nothing is known of it. Processor time is what is told.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from tests.bench.measure import python

HERE: Final = Path(__file__).parents[2]

DRAW: Final = """
import sys, time
from cascade.assembly import assemble
from cascade.scenario.load import load
scenario = load(sys.argv[1])
begun = time.process_time()
made = assemble(scenario)
print(time.process_time() - begun, len(made.state.traders))
"""


class Checkout:
    """A commit whose commands are timed, and where what it runs goes."""

    def __init__(self, folder: Path, scenario: str, results: Path) -> None:
        self.folder, self.scenario, self.results = folder, scenario, results
        self.seats = 0

    def turn(self, seed: int) -> Iterator[tuple[str, float]]:
        """Yield each command with its processor time, in seconds; the reports are of the run before them."""
        shutil.rmtree(self.results, ignore_errors=True)
        asked = ("run", self.scenario, "--seed", str(seed), "-q", "-j", "1", "-o", self.results)
        yield "cascade run", python("-m", "cascade", *asked, checkout=self.folder).cpu_s
        seconds, seats = python("-c", DRAW, self.scenario, checkout=self.folder).said.split()
        self.seats = int(seats)
        yield "drawing", float(seconds)
        yield "drawing, of a million accounts", 1e6 * float(seconds) / self.seats
        (run,) = self.results.iterdir()
        for name in ("cascade report", "cascade report, another"):
            asked = ("report", run, "--force", "-o", self.results.with_suffix(".html"))
            yield name, python("-m", "cascade", *asked, checkout=self.folder).cpu_s


def main(words: Sequence[str] | None = None) -> int:
    """Print the median seconds of each command of both, and how many times as long one here takes."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.commands", description=(__doc__ or "").split("\n\n", 1)[1]
    )
    parser.add_argument("other", type=Path, metavar="OTHER", help="a checkout of another commit")
    parser.add_argument("scenario", metavar="SCENARIO")
    parser.add_argument("there", nargs="?", metavar="SCENARIO_THERE")
    parser.add_argument("--turns", type=int, default=3)
    asked = parser.parse_args(words)
    first = time.time_ns() // 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        there = Checkout(asked.other.resolve(), asked.there or asked.scenario, Path(folder) / "there")
        here = Checkout(HERE, asked.scenario, Path(folder) / "here")
        for each in (there, here):  # the first compiles
            dict(each.turn(first))
        seeds = range(first + 1, first + 1 + asked.turns)
        turns = [(dict(there.turn(seed)), dict(here.turn(seed))) for seed in seeds]
    print(f"{there.seats:,} accounts there, {here.seats:,} here; medians of {len(turns)} turns")
    for name in turns[0][0]:
        times = median(one[name] for one, _ in turns), median(other[name] for _, other in turns)
        ratios = sorted(other[name] / one[name] for one, other in turns)
        print(
            f"{name}: {times[0]:.2f} s there, {times[1]:.2f} s here, {median(ratios):.2f} times "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

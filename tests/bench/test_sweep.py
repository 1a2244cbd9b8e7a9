"""A thousand days: replicates of the reference market with bars and liquidations written, time and memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.markets import FUSED, drawn, started
from tests.bench.measure import best_of, line

DAY = 86_400
ACCOUNTS = "population.0.accounts=100000"
TARGET_S = 180.0

SWEEP = """
import json, os, resource, sys, time
from pathlib import Path
from cascade.experiment.run import run

def cpu():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)

if __name__ == "__main__":
    file, n, out, jobs, kind = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
    options = sys.argv[6:]
    run(file, [*options, "duration=60s"], replicates=1, out=out / "warm")
    begun, used = time.perf_counter(), cpu()
    done = run(file, options, replicates=n, out=out / str(n), jobs=jobs, processes=kind == "processes")
    rows = done.manifest["rows"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"wall": time.perf_counter() - begun, "cpu": cpu() - used, "peak": peak, "rows": rows}))
"""


def measured(tmp_path: Path, n: int, kind: str = "threads") -> dict:
    """Return wall and processor time and peak memory of n replicates, run by two in a process of their own."""
    import json

    file, script = tmp_path / "day.yaml", tmp_path / "go.py"
    file.write_text(FUSED, encoding="utf-8")
    script.write_text(SWEEP, encoding="utf-8")
    options = [ACCOUNTS, "duration=24h"]
    command = [sys.executable, str(script), str(file), str(n), str(tmp_path), "2", kind, *options]
    source = str(Path(__file__).parents[2])
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": source}
    )
    return json.loads(done.stdout.splitlines()[-1])


def reference_day() -> float:
    """Return the processor time of a day of the reference market in the kernels alone."""
    engine = started(drawn(FUSED, ACCOUNTS), steps=60)
    steps = 17_280
    return best_of(1, lambda: engine.advance(60 + steps)) / steps * DAY


def test_a_thousand_days(tmp_path: Path) -> None:
    n = int(os.environ.get("CASCADE_BENCH_REPLICATES", "1000"))
    few = measured(tmp_path, n // 10)
    many = measured(tmp_path, n)
    day = reference_day()
    per_day = many["cpu"] / n
    assert many["rows"]["runs"] == n
    print(f"\n{n:,} replicates of a day, 100,000 accounts, bars and liquidations written, two at a time")
    print(f"load of the machine meanwhile: {os.getloadavg()[1]:.1f}; cores: {os.cpu_count()}")
    scaled = many["wall"] * 1000 / n
    line("wall time, per thousand", f"{scaled:.0f} s", f"<= {TARGET_S:.0f} s", scaled <= TARGET_S)
    line("processor time, per thousand", f"{per_day * 1000:.0f} s", f"<= {2 * TARGET_S:.0f} s on two cores")
    line("a replicate / a day in the kernels alone", f"{per_day:.2f} s / {day:.2f} s = {per_day / day:.2f}x")
    ratio = many["peak"] / few["peak"]
    line(f"peak memory, {n // 10:,} replicates", f"{few['peak'] / 1e6:.0f} MB")
    line(f"peak memory, {n:,} replicates", f"{many['peak'] / 1e6:.0f} MB", "flat (<= 1.1x)", ratio <= 1.1)


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_threads_and_processes(tmp_path: Path, kind: str) -> None:
    n = 24
    found = measured(tmp_path, n, kind)
    print(f"\n{n} replicates of a day by two {kind}, load {os.getloadavg()[0]:.1f}")
    line("wall time of one", f"{found['wall'] / n:.2f} s")
    line("processor time of one", f"{found['cpu'] / n:.2f} s")

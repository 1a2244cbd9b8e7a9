"""A day of aggregated trades, 1.4 million rows: what it costs to check and to convert, against a plain read of it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.bench.measure import line
from tests.support.packing import DAY_MS

ROWS = 1_400_000
NAME = "BTCUSDT-aggTrades-2025-07-01"
HEADER = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"

PLAIN = """
import io, sys, zipfile
import pyarrow.csv as csv, pyarrow.parquet as parquet
with zipfile.ZipFile(sys.argv[1]) as archive:
    table = csv.read_csv(io.BytesIO(archive.read(archive.namelist()[0])), csv.ReadOptions(use_threads=False))
parquet.write_table(table, sys.argv[2], compression="zstd")
"""
"""What anybody would write: the whole file at once, nothing checked, no units."""


def day(folder: Path) -> Path:
    """Write a day whose prices walk by a tick, as takers push them."""
    generator = np.random.default_rng(1)
    moves = generator.integers(-1, 2, ROWS)
    ticks = 1_070_000 + np.cumsum(moves)
    sells = np.where(moves == 0, generator.random(ROWS) < 0.5, moves < 0)
    milli = generator.integers(1, 5000, ROWS)
    times = DAY_MS + np.linspace(0, 86_399_999, ROWS).astype(np.int64)
    rows = (
        f"{2_700_000_000 + k},{tick // 10}.{tick % 10},{size / 1000:.3f},{2 * k},{2 * k + 1},{time},{str(sold).lower()}"
        for k, (tick, size, time, sold) in enumerate(
            zip(ticks.tolist(), milli.tolist(), times.tolist(), sells.tolist(), strict=True)
        )
    )
    path = folder / f"{NAME}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{NAME}.csv", "\n".join([HEADER, *rows]) + "\n")
    return path


def spent(*arguments: str) -> tuple[float, float]:
    """Return processor seconds and the most memory, in MB, of a Python process, its start included."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


@pytest.mark.bench
def test_a_day_of_trades_is_checked_and_converted(tmp_path: Path) -> None:
    path = day(tmp_path)
    out = str(tmp_path / "out")
    plain = spent("-c", PLAIN, str(path), str(tmp_path / "plain.parquet"))
    found = {
        "check": spent("-m", "cascade", "data", "check", str(path)),
        "check and convert": spent("-m", "cascade", "data", "convert", str(path), "-o", out),
    }
    print(
        f"\n{ROWS:,} rows of aggTrades, {path.stat().st_size / 1e6:.0f} MB packed; processor time, start included"
    )
    line("unzip, read whole, write: nothing checked", f"{plain[0]:.1f} s   {plain[1]:.0f} MB")
    for what, (seconds, megabytes) in found.items():
        line(
            what,
            f"{seconds:.1f} s   {megabytes:.0f} MB",
            "under 5 s and 500 MB",
            seconds < 5.0 and megabytes < 500.0,
        )
        line(f"{what}, over the plain read", f"{seconds / plain[0]:.2f} x")

"""The book against a plain loop in C, on one flow, with equal results."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from cascade.core import params as P  # noqa: N812
from cascade.core import start
from tests.bench.loops import replay, replay_book
from tests.bench.measure import best_of, line
from tests.support.build import build
from tests.support.world import Account, Holding, Market, Venue, World

N, MAKERS, MID = 2_000_000, 64, 2048
PERIOD = 60_000
"""Events in which the mid goes up, down and back, so that no order rests for ever."""
SOURCE = Path(__file__).with_name("book.c")


def flow(n: int = N) -> np.ndarray:
    """Return 60 % limit orders within 20 ticks of a walking mid, 25 % cancellations, 15 % market orders."""
    g = np.random.default_rng(1)
    kind = g.choice([0, 1, 2], n, p=[0.6, 0.25, 0.15])
    mid = MID + np.round(40.0 * np.sin(np.arange(n) * (2.0 * np.pi / PERIOD))).astype(np.int64)
    side = g.choice([-1, 1], n)
    limit = mid - side * g.integers(-1, 20, n)
    events = np.zeros((n, 4), np.int64)
    events[:, 0] = kind
    events[:, 1] = np.where(kind == 0, limit, np.where(side > 0, 4094, 1))
    events[:, 2] = side * np.where(kind == 0, g.integers(1, 101, n), g.integers(1, 374, n))
    placed = np.maximum(np.cumsum(kind == 0) - 1, 0)
    events[:, 3] = np.maximum(placed - g.integers(1, 12_000, n), 0)
    return events


def market() -> tuple[P.Params, object]:
    accounts = tuple(
        Account(name=f"a{k}", kind=int(P.FLOW_ACCOUNT), venue=0, holdings=(Holding(market=0, lots=10**6),))
        for k in range(MAKERS + 1)
    )
    world = World(markets=(Market(spot=True, start=MID),), venues=(Venue(),), accounts=accounts, n_ticks=4096)
    capacity = start.Capacity(
        orders=1 << 16, inbox=64, residuals=8, ranked=8, liquidations=8, adl=8, trades=8, bars=8
    )
    p, st, _ = build(world, capacity)
    p.run.record_trades[:] = 0
    return p, st


def own_positions(st) -> int:
    """Return the first position of the makers: the venue's own come before."""
    return int(np.flatnonzero(st.accounts.kind[st.positions.account] == P.FLOW_ACCOUNT)[0])


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
def test_book_against_c(tmp_path: Path) -> None:
    library = tmp_path / "book.so"
    flags = ["-O3", "-march=native", "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
    subprocess.run(["gcc", *flags], check=True)
    c = ctypes.CDLL(str(library))
    events = flow()
    placed, generation = np.full(N, -1, np.int32), np.zeros(N, np.int32)
    expected = np.zeros(5, np.int64)
    pointers = [ctypes.c_void_p(a.ctypes.data) for a in (placed, generation, expected)]
    plain = best_of(3, lambda: c.replay(ctypes.c_void_p(events.ctypes.data), ctypes.c_int64(N), *pointers))
    ours = {}
    for name in ("book", "accounting"):
        times = []
        for attempt in range(4):
            p, st = market()
            marks, results = np.full((N, 2), -1, np.int64), np.zeros(2, np.int64)
            arguments = (st, p, events, marks, results)
            run = partial(replay_book, *arguments)
            if name == "accounting":
                run = partial(replay, *arguments, own_positions(st), MAKERS)
            seconds = best_of(1, run)
            times += [seconds] if attempt else []  # the first compiles
        found = [*results, st.markets[0].best_bid, st.markets[0].best_ask, st.clock[0].n_orders]
        if name == "accounting":
            found[1] = expected[1] if results[1] == expected[1] * p.markets[0].unit else results[1]
        assert [int(x) for x in found] == expected.tolist(), name
        ours[name] = min(times)
    print(f"\nbook: {N:,} events, {expected[0]:,} trades, {expected[4]:,} orders rest")
    line("plain C, gcc -O3 -march=native", f"{plain / N * 1e9:.1f} ns/event")
    ratio, rate = ours["book"] / plain, N / ours["book"] / 1e6
    line("our book", f"{ours['book'] / N * 1e9:.1f} ns, {rate:.0f} M/s", ">= 30 M/s", rate >= 30)
    line("our book / plain C", f"{ratio:.2f}x", "<= 1.5x", ratio <= 1.5)
    rate = N / ours["accounting"] / 1e6
    line("our book with full accounting", f"{rate:.1f} M/s", ">= 10 M/s", rate >= 10)

"""The trigger index: what a step costs without a trigger, and what a trigger costs."""

from __future__ import annotations

import numpy as np
import pytest

from cascade.assembly import Assembled
from cascade.core.params import PERPETUAL
from tests.bench.loops import boxes, hang, missed, walk
from tests.bench.markets import CROSS, FUSED, drawn, gaussian_marks
from tests.bench.measure import best_of, line

STEPS = 86_400


@pytest.mark.parametrize("accounts", [10_000, 100_000, 1_000_000])
def test_single(accounts: int) -> None:
    market = drawn(FUSED, f"population.0.accounts={accounts}")
    st, p = market.state, market.params
    m = int(np.flatnonzero(p.markets.kind == PERPETUAL)[0])
    first = int(st.accounts.first_position[p.run[0].first_trader])
    mark = int(st.markets[m].mark)
    distances = np.random.default_rng(2).integers(100, 10_000, 65_536)
    hung = hang(st, p, m, first, distances)
    still = np.full(STEPS, mark, np.int64)
    walk(st, p, m, still[:1], distances)
    idle = best_of(3, lambda: walk(st, p, m, still, distances)) / STEPS * 1e9
    path = gaussian_marks(STEPS, mark, 10.0)
    fired = 0

    def go() -> None:
        nonlocal fired
        fired = walk(st, p, m, path, distances)

    seconds = best_of(1, go)
    each = max(seconds - idle * 1e-9 * STEPS, 0.0) / max(fired, 1) * 1e9
    print(f"\ntrigger index, {hung:,} positions, {fired / STEPS:.3f} triggers a step")
    line("a step without a trigger", f"{idle:.1f} ns", "<= 20 ns", idle <= 20)
    line("a trigger, hung anew", f"{each:.0f} ns", "<= 200 ns", each <= 200)


def test_cross() -> None:
    market = drawn(CROSS)
    st, p = market.state, market.params
    marks = _paths(market, 20_000, 2.5)
    failed, counts = np.zeros(len(st.accounts), np.uint8), np.zeros(2, np.int64)
    boxes(st, p, marks[:1], failed, counts)
    counts[:] = 0
    unnoticed, seconds = 0, 0.0
    for chunk in np.array_split(marks[1:], 100):
        part = np.ascontiguousarray(chunk)
        seconds += best_of(1, lambda part=part: boxes(st, p, part, failed, counts))
        unnoticed += missed(st, p, failed)
    steps = len(marks) - 1
    n = len(st.accounts) - int(p.run[0].first_trader)
    print(
        f"\ncross margin over 3 assets, {n:,} accounts: {counts[1]:,} failed,"
        f" {counts[0] / steps:.2f} tests a step"
    )
    us = seconds / steps * 1e6
    line("a step", f"{us:.2f} us", "<= 2 us", us <= 2)
    line("a test with its new box", f"{seconds / max(counts[0], 1) * 1e9:.0f} ns")
    line("failures missed, full scan every 200 steps", f"{unnoticed}", "0", unnoticed == 0)
    assert unnoticed == 0
    tested = counts[0]
    for chunk in np.array_split(_paths(market, 1_000, 40.0), 100):  # wild enough for accounts to fail
        boxes(st, p, np.ascontiguousarray(chunk), failed, counts)
        unnoticed += missed(st, p, failed)
    line("the same in a crash", f"{unnoticed} of {counts[1]:,}", "0", unnoticed == 0)
    assert unnoticed == 0
    assert counts[0] > tested
    assert counts[1] > 100


def _paths(market: Assembled, n: int, sd: float) -> np.ndarray:
    """Return a path of marks for each perpetual; zero for the others."""
    marks = np.zeros((n, len(market.params.markets)), np.int64)
    for m in np.flatnonzero(market.params.markets.kind == PERPETUAL):
        marks[:, m] = gaussian_marks(n, int(market.state.markets[m].mark), sd, seed=int(m))
    return marks

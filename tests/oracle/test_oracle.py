"""Kernels and oracle agree to the last unit on thousands of random small markets."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.oracle.replay import replay
from tests.support.random_worlds import with_four_venues, with_halts, with_hedges, with_pools

N_BATCHES, BATCH, USUAL = 7, 300, 220
ROOT = Path(__file__).parents[2]

RARE = (
    "trades",
    "liquidations",
    "adl",
    "waves beyond the first",
    "partial",
    "taken over",
    "fund loss",
    "fee capped or nil",
    "absorbed",
    "counterparties due",
    "stops",
    "take-profits",
    "top-ups",
    "holdings bought",
    "index guarded",
    "medians",
    "whole",
    "killed",
    "left_open",
    "waited",
    "resent",
    "given_up",
    "limited",
    "socialised",
    "drawn_down",
    "collateral at another price",
    "collateral of traders sold",
    "settled in another asset",
    "deleveraged in another asset",
    "cross liquidated",
    "far orders",
    "recentred",
)
"""What each batch of worlds must have met, or agreement would say nothing about it."""


@pytest.fixture
def worlds(is_thorough: bool) -> Callable[[int, int], range]:
    """Return what gives the seeds of worlds: so many usually, so many with the slow tests."""
    return lambda usual, many: range(many if is_thorough else usual)


@pytest.mark.parametrize(
    "batch", [0, *(pytest.param(k, marks=pytest.mark.slow) for k in range(1, N_BATCHES))]
)
def test_kernels_equal_the_oracle(batch, worlds):
    seen: Counter[str] = Counter()
    for k in worlds(USUAL, BATCH):
        found, happened = replay(batch * BATCH + k)
        assert not found, "\n".join(found)
        seen += happened
    assert {name for name in RARE if not seen[name]} == set(), dict(seen)


@pytest.mark.parametrize(
    ("what", "rules"),
    [
        ("shortfalls", {"procedure": "blocks", "fund_balance": 10**10, "max_loss": 0}),
        (
            "skipped",
            {"take_over": "never", "adl_ranking": "random", "adl_price": "bankruptcy"},
        ),
    ],
)
def test_rare_rules_are_met_by_some_worlds(what: str, rules: dict[str, Any], worlds):
    seen: Counter[str] = Counter()
    for seed in worlds(40, 100):
        found, happened = replay(seed, **{"procedure": "lower_tier", "fund_balance": 0} | rules)
        assert not found, "\n".join(found)
        seen += happened
    assert seen[what] > 0


def test_kernels_equal_the_oracle_where_nobody_is_deleveraged(worlds):
    seen: Counter[str] = Counter()
    for seed in worlds(40, 100):
        found, happened = replay(seed, deleveraging=False)
        assert not found, "\n".join(found)
        seen += happened
    assert seen["adl"] == 0 < seen["absorbed"]


OF_POOLS = (
    "called",
    "unpaid",
    "scaled",
    "dusty",
    "poor",
    "reserve deficit",
    "cross liquidated",
    "far orders",
)


def test_kernels_equal_the_oracle_where_a_venue_lends(worlds):
    seen: Counter[str] = Counter()
    for seed in worlds(40, 300):
        found, happened = replay(seed, also=with_pools)
        assert not found, "\n".join(found)
        seen += happened
    assert {name for name in OF_POOLS if not seen[name]} == set(), dict(seen)


OF_VENUES = ("liquidations", "adl", "taken over", "fund loss", "cross liquidated", "counterparties due")


def test_kernels_equal_the_oracle_on_four_venues(worlds):
    seen: Counter[str] = Counter()
    for seed in worlds(30, 150):
        found, happened = replay(seed, also=with_four_venues)
        assert not found, "\n".join(found)
        seen += happened
    assert {name for name in OF_VENUES if not seen[name]} == set(), dict(seen)


OF_HEDGES = ("hedged liquidated", "hedged deleveraged", "taken over", "socialised", "adl", "partial")


def test_kernels_equal_the_oracle_in_hedge_mode(worlds):
    seen: Counter[str] = Counter()
    for seed in worlds(40, 300):
        found, happened = replay(seed, also=with_hedges)
        assert not found, "\n".join(found)
        seen += happened
    assert {name for name in OF_HEDGES if not seen[name]} == set(), dict(seen)


OF_HALTS = (
    "waited_to_open", "refused_stops", "unbound", "put_off", "stale", "spared", "liquidations", "adl", "stops",
    "waves beyond the first", "taken over", "cross liquidated", "far orders",
)  # fmt: skip


def test_kernels_equal_the_oracle_where_markets_are_halted(worlds):
    seen: Counter[str] = Counter()
    for seed in worlds(80, 600):
        found, happened = replay(seed, also=with_halts)
        assert not found, "\n".join(found)
        seen += happened
    assert {name for name in OF_HALTS if not seen[name]} == set(), dict(seen)


def test_kernels_equal_the_oracle_where_liquidators_find_a_market_halted(worlds):
    seen: Counter[str] = Counter()
    for seed in worlds(40, 100):
        found, happened = replay(seed, also=lambda rng, world: with_halts(rng, with_pools(rng, world)))
        assert not found, "\n".join(found)
        seen += happened
    assert {name for name in ("called", "waited_to_open", "stale") if not seen[name]} == set(), dict(seen)


@pytest.mark.parametrize(("first", "n"), [(0, 8), pytest.param(500, 100, marks=pytest.mark.slow)])
def test_kernels_without_compiler_equal_the_oracle_and_warn_of_nothing(first, n):
    """Uncompiled kernels raise on any integer overflow, so money cannot wrap around unseen."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.oracle.replay", str(first), str(first + n)],
        cwd=ROOT,
        env=os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{n} worlds agree" in run.stdout


@pytest.mark.slow
def test_kernels_equal_the_oracle_in_longer_runs():
    for seed in range(100_000, 100_400):
        found, _ = replay(seed, n_steps=60)
        assert not found, "\n".join(found)

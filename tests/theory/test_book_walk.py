"""Cost of walking a book: exact on an even ladder, and within a tick of the continuum for power-law depth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as hs

from cascade.core import params as par
from tests.support.examples import examples
from tests.support.runner import Intent, Runner
from tests.support.world import Account, Holding, Market, Venue, World
from tests.theory.reduced import LAST_TICK, UNIT, Ints, fork, place, silence

MARKETS = (Market(spot=True, start=50_000, unit=UNIT), Market(spot=False, start=50_000, venue=1, unit=UNIT))
WORLD = World(
    markets=MARKETS,
    venues=(Venue(), Venue(mark="last")),
    accounts=tuple(
        Account(name=name, kind=int(kind), venue=1, holdings=(Holding(market=1),), balance=10**16)
        for name, kind in (("ladder", par.MAKER_ACCOUNT), ("flow", par.FLOW_ACCOUNT))
    ),
    n_ticks=1 << 16,
    n_steps=2,
)


class Walk(NamedTuple):
    """What an order did: signed lots that it got, money units that it paid, the last price."""

    lots: int
    paid: int
    last: int


@pytest.fixture(scope="module")
def blank() -> Runner:
    """Return a market with an empty book."""
    runner = Runner(WORLD)
    silence(runner)
    return runner


def walk(blank: Runner, ticks: Ints, depth: Ints, lots: int) -> Walk:
    """Return what taking signed lots costs in a book of `depth` lots at `ticks` on the other side."""
    runner = fork(blank)
    ladder, flow = place(WORLD, "ladder", 1), place(WORLD, "flow", 1)
    side = -1 if lots > 0 else 1
    sent = [
        Intent(position=ladder, kind=par.LIMIT, lots=side * int(q), tick=int(t), offset=0.1)
        for t, q in zip(ticks, depth, strict=True) if q
    ]  # fmt: skip
    limit = LAST_TICK if lots > 0 else 1
    runner.step([*sent, Intent(position=flow, kind=par.IOC, lots=lots, tick=limit)])
    row = runner.st.positions[flow]
    paid = 10**16 - int(runner.st.balances[row.account, 0])
    return Walk(int(row.lots), paid, int(runner.st.markets[1].last))


@examples(60)
@given(
    start=hs.integers(20_000, 60_000), spacing=hs.integers(1, 40), per_level=hs.integers(1, 50),
    parts=hs.floats(0.001, 0.999), levels=hs.integers(1, 200), buys=hs.booleans(),
)  # fmt: skip
def test_an_even_ladder_costs_what_the_closed_form_says(
    blank, start, spacing, per_level, parts, levels, buys
):  # fmt: skip
    side = 1 if buys else -1
    lots = max(int(parts * levels * per_level), 1)
    done = walk(blank, start + side * spacing * np.arange(levels), np.full(levels, per_level), side * lots)
    n, rest = divmod(lots, per_level)
    # n q a + q tau n (n - 1) / 2 + r (a + n tau), tau negative where the ladder lies below
    ticks = n * per_level * start + per_level * side * spacing * n * (n - 1) // 2
    ticks += rest * (start + n * side * spacing)
    assert done.lots == side * lots
    assert done.paid == side * ticks * UNIT
    assert done.last == start + side * spacing * (n if rest else n - 1)


@examples(20)
@given(per_level=hs.integers(1, 50), levels=hs.integers(1, 50), more=hs.integers(1, 1000))
def test_an_order_larger_than_the_book_takes_all_of_it(blank, per_level, levels, more):
    done = walk(blank, 30_000 + np.arange(levels), np.full(levels, per_level), levels * per_level + more)
    assert done.lots == levels * per_level
    assert done.paid == UNIT * per_level * sum(range(30_000, 30_000 + levels))


@pytest.mark.sampled(7)
@pytest.mark.parametrize("buys", [True, False], ids=["buy", "sell"])
@pytest.mark.parametrize("ticks", [40, 160, 640])
@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_power_law_depth_has_the_move_and_slippage_of_the_continuum(blank, beta, ticks, buys):
    side, lots = 1 if buys else -1, 1_000_000
    kappa = (beta + 1) * lots / ticks ** (beta + 1)  # so that the move X is `ticks`, within rounding
    x = np.arange(ticks + 3)
    held = np.round(kappa * x ** (beta + 1) / (beta + 1)).astype(np.int64)
    done = walk(blank, 40_000 + side * x[1:], np.diff(held), side * lots)
    move = side * (done.last - 40_000)
    slip = side * (done.paid / (side * lots * UNIT) - 40_000)
    assert abs(move - ticks) <= 1  # tau
    assert 0 <= slip - ticks * (beta + 1) / (beta + 2) <= 1  # 1/2, 3/5, 2/3 of X, within tau

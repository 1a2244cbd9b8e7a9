"""The ladder theorem path by path, the fixed point that it comes from, and what must leave n alone.

Outside flow moves the price along an arbitrary path W in this way: where W falls by d ticks, it takes the
lots that rest on the next d ticks; where W rises by d, it puts as many on the d ticks above the best. So
price = W - (lots of forced orders) / per_tick, exactly. An account is hit when the price makes a new low
at its tick, since the mark is the last price at which somebody sold.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as hs

from tests.support.examples import examples
from tests.theory.reduced import UNIT, Ints, Ladder, ReducedMarket, Session, least_fixed_point

DENSITIES = {0.3: 3, 0.6: 6, 0.9: 9}
"""Lots of one account, one on every tenth tick, that give a criticality n at one lot per tick."""

SPACING = 10


def even(n: float, per_tick: int, levels: int) -> tuple[Ints, Ints]:
    """Return depths and lots of a ladder of accounts with criticality n."""
    depths = np.arange(SPACING, levels + 1, SPACING)
    return depths, np.full(len(depths), DENSITIES[n] * per_tick)


def wander(session: Session, moves: Ints) -> Ints:
    """Return the price after each move of the outside path, in ticks from the start."""
    q, prices = session.market.ladder.per_tick, np.zeros(len(moves), np.int64)
    for t, move in enumerate(moves):
        session.move(max(-int(move), 0) * q, renew=max(int(move), 0) * q)
        prices[t] = -session.eaten
    return prices


@pytest.mark.parametrize(("per_tick", "side"), [(1, 1), (4, 1), (1, -1)])
@pytest.mark.parametrize("n", DENSITIES)
def test_the_price_follows_the_pathwise_ladder_theorem(n, per_tick, side):
    levels, rng = 3_000, np.random.default_rng(int(10 * n) + per_tick + side)
    depths, lots = even(n, per_tick, levels)
    moves = rng.integers(-6, 6, 300)
    market = ReducedMarket(Ladder(per_tick=per_tick, levels=levels, side=side), len(depths), n_steps=302)
    session = market.session(depths, lots)
    price, path = wander(session, moves), np.cumsum(moves)
    low = np.minimum(np.minimum.accumulate(path), 0)
    error = price - (path + n / (1 - n) * low)
    assert low[-1] < -75
    assert (error >= -1e-9).all()  # the next account is hit later than on an even density
    assert (error <= DENSITIES[n] / (1 - n) + 1e-9).all()  # by at most lam v / (1 - n)
    for t in range(len(path)):  # and to the lot: the least fixed point of the lowest W so far
        sold, _ = least_fixed_point(int(-low[t]) * per_tick, depths, lots, per_tick)
        assert price[t] == path[t] - (sold + low[t] * per_tick) // per_tick
    session.check()


@cache
def crowd(per_tick: int, n_waves: int) -> ReducedMarket:
    """Return a market with forty seats, whose cascades run on in one step or a wave a step."""
    return ReducedMarket(Ladder(per_tick=per_tick, levels=1024), 40, n_steps=64, n_waves=n_waves)


@examples(80)
@given(
    accounts=hs.lists(hs.tuples(hs.integers(1, 120), hs.integers(1, 20)), min_size=1, max_size=40),
    shock=hs.integers(1, 60), per_tick=hs.sampled_from([1, 2, 5]), seed=hs.integers(0, 2**32 - 1),
)  # fmt: skip
def test_a_cascade_ends_at_the_least_fixed_point_in_any_order(accounts, shock, per_tick, seed):
    depths, lots = (np.array(column) for column in zip(*accounts, strict=True))
    sold, hit = least_fixed_point(shock, depths, lots, per_tick)
    order = np.random.default_rng(seed).permutation(len(depths))
    ends = []
    for n_waves, numbering in ((1_000_000, np.arange(len(depths))), (1_000_000, order), (1, order)):
        session = crowd(per_tick, n_waves).session(depths[numbering], lots[numbering])
        session.move(shock)
        for _ in range(len(depths) if n_waves == 1 else 0):
            session.move(0)
        ends.append((shock + session.forced, len(session.liquidated), session.eaten))
        assert sorted(depths[numbering][session.liquidated]) == sorted(depths[depths <= -(-sold // per_tick)])
    assert ends == [(sold, hit, sold // per_tick)] * 3


@examples(40)
@given(
    accounts=hs.lists(hs.tuples(hs.integers(1, 120), hs.integers(1, 20)), min_size=1, max_size=39),
    another=hs.tuples(hs.integers(1, 120), hs.integers(1, 20)), shock=hs.integers(1, 60), more=hs.integers(0, 9),
)  # fmt: skip
def test_neither_a_larger_shock_nor_another_account_raises_the_low(accounts, another, shock, more):
    eaten = []
    for held, size in ((accounts, shock), (accounts, shock + more), ([*accounts, another], shock + more)):
        depths, lots = (np.array(column) for column in zip(*held, strict=True))
        session = crowd(1, 1_000_000).session(depths, lots)
        session.move(size)
        eaten.append(session.eaten)
    assert eaten == sorted(eaten)


def amplified(n: float, per_tick: int, lots_of: int, shock: int) -> int:
    """Return the ticks that a shock (in ticks) moves a ladder of accounts with n at one lot per tick."""
    levels = 1_500
    depths, lots = even(n, lots_of, levels)
    market = ReducedMarket(Ladder(per_tick=per_tick, levels=levels), len(depths))
    session = market.session(depths, lots)
    session.move(shock * per_tick)
    return session.eaten


@pytest.mark.parametrize("n", DENSITIES)
def test_doubling_the_depth_halves_n(n):
    moved, shock = amplified(n, 2, 1, 100), 100
    measured = 1 - shock / moved  # of D = D0 / (1 - n)
    assert abs(measured - n / 2) <= DENSITIES[n] / 2 / moved
    once = 1 - shock / amplified(n, 1, 1, 100)
    assert abs(measured - once / 2) <= DENSITIES[n] / moved


@pytest.mark.parametrize("n", DENSITIES)
def test_doubling_depth_and_positions_changes_nothing(n):
    assert amplified(n, 1, 1, 100) == amplified(n, 2, 2, 100) == amplified(n, 7, 7, 100)


@pytest.mark.parametrize(("n", "kappa"), [(0.3, 0.02), (0.6, 0.02), (0.6, 0.05)])
def test_refilled_depth_makes_slow_selling_harmless(n, kappa):
    """Let what forced orders took come back at rate kappa: I(t) = (n u / kappa)(1 - e^(-kappa t / (1 - n)))."""
    per_tick, speed, steps, levels = 20, 2, 250, 1_500
    depths = np.arange(1, levels + 1)
    lots = np.full(levels, int(n * per_tick))
    market = ReducedMarket(Ladder(per_tick=per_tick, levels=levels), levels, n_steps=steps + 2)
    session, owed, impact = market.session(depths, lots), 0.0, np.zeros(steps)
    for t in range(steps):
        taken = session.eaten - speed * t  # by forced orders, less what has come back
        owed += kappa * taken
        session.move(speed * per_tick, renew=int(owed) * per_tick)
        owed -= int(owed)
        impact[t] = session.eaten - speed * (t + 1)
    time = np.arange(1, steps + 1)
    expected = n * speed / kappa * (1 - np.exp(-kappa * time / (1 - n)))
    assert np.abs(impact - expected).max() <= 3  # ticks: whole ones are put back, a step's sales are one lump
    assert impact[-1] < speed * steps * n / (1 - n) / 3  # the same sold at once


def test_nobody_without_leverage_is_liquidated_whatever_is_sold():
    market = ReducedMarket(Ladder(levels=499, top=500), 50, n_steps=20)
    lots, depths = np.arange(1, 51), np.ones(50, np.int64)
    session = market.session(depths, lots, balances=np.zeros(50, np.int64))  # the whole notional is posted
    for _ in range(5):
        session.move(100)
    assert session.last == 2
    assert session.eaten == 500
    assert len(session.liquidated) == 0
    session.check()
    twin = market.session(depths, lots, balances=-lots * UNIT * 100)  # the same at 5 / 4
    twin.move(400)
    assert len(twin.liquidated) == 50

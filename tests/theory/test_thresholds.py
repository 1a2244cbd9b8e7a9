"""Thresholds against closed forms: the critical sale of the linear market, the line n = 1, and how often intervals hold.

In the reduced market (`tests/theory/reduced.py`) a sale of d0 lots liquidates a generalised Poisson number of
accounts (`tests/theory/test_cascade_size.py`), so that the sale from which on at least k are liquidated in a share
of all luck is known exactly. Where the accounts lie evenly, one lot uncovers n more: from n = 1 on it never ends.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize

from cascade.analysis.statistics.crossing import FIRST, Crossing, Status
from tests.theory.reduced import Ladder, ReducedMarket, least_fixed_point, scattered
from tests.theory.test_cascade_size import pmf

SIZE, N, LEVELS = 3, 0.6, 2048
LOW, HIGH = 2, 600
"""Lots of the sale: the range that is searched, in the logarithm."""


def sale_at(place):
    """Return the lots of a sale."""
    return round(LOW * (HIGH / LOW) ** place)


def search(happens, share, n, within):
    """Return what a search finds, of an event in each of n replicates at a place."""
    rows = {place: happens(place) for place in FIRST}
    while True:
        at = np.array(sorted(rows))
        found = Crossing(at, np.array([rows[place] for place in at]), share)
        new = found.following(within)
        if not new:
            return found
        rows |= {place: happens(place) for place in new}


def critical_sale(least, share):
    """Return the lots from which on at least so many are liquidated in a share of all luck."""

    def excess(lots):
        return 1.0 - pmf(N / SIZE * lots, N, np.arange(least)).sum() - share

    return optimize.brentq(excess, LOW, HIGH)


def sizes_of(ladders, lots):
    """Return how many a sale liquidates on each ladder, by the fixed point that the market is held to."""
    return np.array([least_fixed_point(lots, depths, np.full(len(depths), SIZE))[1] for depths in ladders])


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 0.1])
def test_the_critical_sale_of_the_linear_market_lies_in_its_interval(share):
    """Of 100 seeds of 40 replicates, in 95 or more: order statistics hold at least as often as they say."""
    least, held = 20, 0
    truth = critical_sale(least, share)
    for seed in range(100):
        rng = np.random.default_rng(seed)
        ladders = [scattered(rng, N / SIZE, LEVELS) for _ in range(40)]
        found = search(lambda place, of=ladders: sizes_of(of, sale_at(place)) >= least, share, 40, 0.005)
        assert found.status is Status.CROSSED
        assert found.back == 0, "a larger sale never liquidates fewer"
        # a critical sale is a whole number of lots: the ends are those of the lot below and above
        low = 0.0 if found.low is None else sale_at(found.low) - 0.5
        held += low <= truth <= sale_at(found.high) + 0.5
    assert held >= 95


def test_the_market_itself_has_that_critical_sale():
    """The same replicates run as markets: the search finds what the fixed points say."""
    least, levels = 20, 1024
    rng = np.random.default_rng(5)
    ladders = [scattered(rng, N / SIZE, levels) for _ in range(8)]
    market = ReducedMarket(Ladder(levels=levels), max(map(len, ladders)))

    def happens(place):
        counts = []
        for depths in ladders:
            session = market.session(depths, np.full(len(depths), SIZE))
            session.move(min(sale_at(place), 400))
            counts.append(len(session.liquidated) >= least)
        return np.array(counts)

    found = search(happens, 0.5, 8, 0.02)
    same = search(lambda place: sizes_of(ladders, min(sale_at(place), 400)) >= least, 0.5, 8, 0.02)
    assert (found.value, found.low, found.high) == (same.value, same.low, same.high)
    assert sale_at(found.low) <= critical_sale(least, 0.5) <= sale_at(found.high)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("per_tick", [4, 8, 16])
def test_the_frontier_is_the_line_on_which_one_liquidation_sets_off_another(per_tick):
    """Accounts of v lots at every tick of a ladder of q lots: n = v / q, and from n = 1 on one lot takes them all."""
    levels, high = 512, 64
    market = ReducedMarket(Ladder(per_tick=per_tick, levels=levels), levels)
    depths = np.arange(1, levels // 2 + 1)

    def happens(place):
        session = market.session(depths, np.full(len(depths), round(high**place)))
        session.move(1)
        return np.full(6, len(session.liquidated) == len(depths))

    found = search(happens, 0.5, 6, 0.02)
    assert found.status is Status.CROSSED
    n_below, n_above = (round(high**each) / per_tick for each in (found.low, found.high))
    assert n_below < 1.0 <= n_above
    assert n_above - n_below <= 1.5 / per_tick


@pytest.mark.sampled(24)
@pytest.mark.parametrize("share", [0.5, 0.9, 0.05, 0.01])
@pytest.mark.parametrize("n", [20, 100, pytest.param(400, marks=pytest.mark.slow)])
@pytest.mark.parametrize("falls", [False, True])
def test_intervals_hold_at_any_resolution(share, n, falls):
    """Of 400 searches, intervals and one-sided bounds hold in 95 % or more: order statistics are at least exact."""
    rng = np.random.default_rng(n)
    truth = 0.5
    trials, missed = 400, 0
    for _ in range(trials):
        # logistic, with the quantile of the share at the truth
        u = rng.random(n)
        asked = 1.0 - share if falls else share
        critical = truth + 0.2 * (np.log(u / (1 - u)) - math.log(asked / (1 - asked)))
        within = rng.choice([0.3, 0.05, 0.002])

        def happens(place, of=critical):
            return of > place if falls else of <= place

        found = search(happens, share, n, within)
        low, high = found.low, found.high
        missed += (low is not None and not low <= truth) or (high is not None and not truth <= high)
    assert missed / trials <= 0.05 + 2.5 * math.sqrt(0.05 * 0.95 / trials)

"""The split of a fall where it is known to the lot: stops, liquidations, or both, above a ladder without refill.

What is sold is the least S = shock + lots whose stop or liquidation price S has reached. So without stops
and forced orders it is the shock, with stops the least fixed point of the stops alone, with both that of
all; on even densities n_s and n_l these are W, W / (1 - n_s) and W / (1 - n_s - n_l), and stops have added
n_s / (1 - n_s) W, liquidations n_l / ((1 - n_s) (1 - n_s - n_l)) W.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.theory.reduced import Ints, Ladder, ReducedMarket, least_fixed_point

SHOCK, SPACING, LEVELS = 60, 10, 1_000
RICH = 10**13


@pytest.fixture(scope="module", params=[1, -1], ids=["longs", "shorts"])
def market(request: pytest.FixtureRequest) -> ReducedMarket:
    """Return a ladder with a seat for each account of two densities."""
    return ReducedMarket(Ladder(levels=LEVELS, side=request.param), 2 * LEVELS // SPACING, n_steps=220)


def accounts(stops: int, liquidations: int) -> tuple[Ints, Ints, Ints]:
    """Return depths, lots and whether by a stop: one account of each kind on every tenth tick, with so many lots."""
    depths = np.arange(SPACING, LEVELS + 1, SPACING)
    kinds = [(size, by_stop) for size, by_stop in ((stops, True), (liquidations, False)) if size]
    return (
        np.tile(depths, len(kinds)),
        np.repeat([size for size, _ in kinds], len(depths)),
        np.repeat([by_stop for _, by_stop in kinds], len(depths)),
    )


def fall(market: ReducedMarket, who: tuple[Ints, Ints, Ints], *, stops: bool, forced: bool) -> int:
    """Return the ticks of the ladder that a shock takes, with stops and forced orders in the book or without."""
    depths, lots, by_stop = who
    fails = -market.ladder.side * lots * 100 * market.ladder.tick(depths)
    balances = np.where(by_stop, RICH, fails + np.abs(fails) // 2)
    session = market.session(depths, lots, balances, np.where(by_stop, depths, 0) if stops else None)
    session.runner.p = session.runner.p._replace(run=session.runner.p.run.copy())
    session.runner.p.run[0].forced_orders = int(forced)
    session.move(SHOCK)
    for _ in range(200):  # a stop sells in the step after the mark has reached it
        session.move(0)
    session.check()
    return session.eaten


@pytest.mark.parametrize(("stops", "liquidations"), [(5, 0), (0, 5), (3, 4), (6, 2)])
def test_parts_are_known_to_the_lot(market, stops, liquidations):
    depths, lots, by_stop = who = accounts(stops, liquidations)
    with_stops, _ = least_fixed_point(SHOCK, depths[by_stop], lots[by_stop])
    with_both, _ = least_fixed_point(SHOCK, depths, lots)
    outside, unforced, whole = (
        fall(market, who, stops=with_s, forced=with_l) for with_s, with_l in ((0, 0), (1, 0), (1, 1))
    )
    assert outside == SHOCK
    assert unforced - outside == with_stops - SHOCK
    assert whole - unforced == with_both - with_stops
    assert (unforced > outside) == (stops > 0)
    assert (whole > unforced) == (liquidations > 0)


@pytest.mark.parametrize(("stops", "liquidations"), [(3, 4), (6, 2)])
def test_parts_follow_the_densities_and_what_both_did_is_of_liquidations(market, stops, liquidations):
    who = accounts(stops, liquidations)
    n_s, n_l = stops / SPACING, liquidations / SPACING
    outside, unforced, whole, alone = (
        fall(market, who, stops=with_s, forced=with_l) for with_s, with_l in ((0, 0), (1, 0), (1, 1), (0, 1))
    )
    near = 1 / (1 - n_s - n_l) * SPACING  # densities are lumps of an account
    assert unforced - outside == pytest.approx(n_s / (1 - n_s) * SHOCK, abs=near)
    assert whole - unforced == pytest.approx(n_l / ((1 - n_s) * (1 - n_s - n_l)) * SHOCK, abs=near)
    assert whole - unforced > alone - outside

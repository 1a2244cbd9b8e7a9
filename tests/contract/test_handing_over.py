"""When a liquidation is handed over to the fund, what the fund may take, and that the rest is deleveraged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cascade.core import params as par
from tests.support.runner import Runner
from tests.support.small_worlds import crash_world, quotes

WAITING = 5
"""The trader of leverage 20, long from 1000: fails from 959 down, is bankrupt below 950."""


def crash(prices: tuple[int, ...], **rules: Any) -> Runner:
    """Return a market of longs after the steps at these prices, in a book of one lot a step."""
    world = crash_world(long=True, cross=False, **{"backstop": 0, "fund_balance": 10**12} | rules)
    runner = Runner(world)
    for price in prices:
        runner.step(quotes(world, price, deep=False))
    return runner


def rows_of(runner: Runner, trader: int) -> np.ndarray:
    """Return the rows of a trader's liquidation."""
    rows = runner.log("liquidations")
    return rows[rows["account"] == int(runner.p.run[0].first_trader) + trader]


@pytest.mark.parametrize("procedure", ["lower_tier", "full"])
def test_an_order_that_does_not_fill_is_sent_again_at_every_test_and_then_handed_over(procedure: str) -> None:
    rows = rows_of(crash((1000, *[955] * 10), procedure=procedure, patience=4), WAITING)
    assert np.diff(rows["step"]).tolist() == [1, 1, 1, 1]
    assert (rows["order_lots"] == rows["position_lots"]).all()
    assert (np.diff(rows["position_lots"]) <= 0).all()
    assert (rows["taken_over_lots"] > 0).tolist() == [False, False, False, False, True]
    closed = rows["filled_lots"].sum() + rows["taken_over_lots"].sum()
    assert closed == rows["position_lots"][0]


def test_without_patience_it_is_handed_over_at_once() -> None:
    rows = rows_of(crash((1000, *[955] * 10)), WAITING)
    assert (rows["taken_over_lots"] > 0).tolist() == [True]


def test_a_venue_that_tests_less_often_sends_less_often() -> None:
    rows = rows_of(crash((1000, *[955] * 16), patience=8, wave_steps=3), WAITING)
    assert np.diff(rows["step"]).tolist() == [3, 3, 3]
    assert rows["taken_over_lots"][-1] > 0


@pytest.mark.parametrize(("backstop", "end"), [(0, 949), (66_666_667, 955)])
def test_below_the_backstop_nothing_waits(backstop: int, end: int) -> None:
    rows = rows_of(crash((1000, 957, 957, 957, end, end, 957), patience=50, backstop=backstop), WAITING)
    assert (rows["taken_over_lots"] > 0).tolist() == [False, False, False, True]


def test_who_was_safe_when_the_wait_ended_waits_anew() -> None:
    rows = rows_of(crash((1000, *[955] * 2, *[990] * 6, *[955] * 8), patience=4), WAITING)
    first, second = rows[rows["step"] < 5], rows[rows["step"] > 5]
    assert (first["taken_over_lots"] == 0).all()
    assert (second["taken_over_lots"] > 0).tolist() == [False, False, False, False, True]


def test_a_wait_goes_on_through_a_short_recovery() -> None:
    rows = rows_of(crash((1000, *[955] * 2, *[990] * 2, *[955] * 4), patience=6), WAITING)
    assert rows["step"][-1] - rows["step"][0] == 6
    assert (rows["taken_over_lots"] > 0).tolist() == [False] * (len(rows) - 1) + [True]


def fund_lots(runner: Runner) -> int:
    """Return what the fund of the perpetual's venue holds."""
    st, fund = runner.st, int(runner.p.venues[1].fund)
    held = (st.positions["account"] == fund) & (st.positions["market"] == 1)
    return int(st.positions["lots"][held].sum())


def test_beyond_what_the_fund_may_hold_accounts_are_deleveraged() -> None:
    most = 4_000_000
    runner = crash((1000, 900, 900, 900), most_held=most)
    rows = runner.log("liquidations")
    assert fund_lots(runner) > 0
    assert fund_lots(runner) * 900 * 100 <= most
    assert len(runner.log("adl")) > 0
    assert (rows["adl_lots"] * rows["taken_over_lots"] == 0).all()
    assert rows["filled_lots"].sum() + rows["taken_over_lots"].sum() + rows["adl_lots"].sum() > 100


def test_what_a_fund_takes_over_in_a_window_is_bounded_and_the_next_window_is_new() -> None:
    most = 3_000_000
    runner = crash((1000, 950, 950, 950, 950, 880, 880, 880), most_taken=most, taken_steps=4)
    rows = runner.log("liquidations")
    taken = rows["taken_over_lots"] * rows["trigger_mark"] * 100
    windows = rows["step"] // 4
    sums = [int(taken[windows == w].sum()) for w in np.unique(windows)]
    assert len([total for total in sums if total > 0]) == 2
    assert max(sums) <= most
    assert {int(w) for w in np.unique(windows[rows["adl_lots"] > 0])} == {0, 1}


def test_in_the_counterfactual_nothing_waits_and_nothing_is_bounded() -> None:
    world = crash_world(long=True, cross=False, patience=9, backstop=0, most_held=1, most_taken=1)
    world = replace(world, forced_orders=False)
    runner = Runner(world)
    for price in (1000, 955, 955, 900):
        runner.step(quotes(world, price, deep=False))
    rows = runner.log("liquidations")
    assert len(rows) > 0
    assert (rows["filled_lots"] == rows["position_lots"]).all()
    assert not np.isin(runner.log("trades")["purpose"], (par.FORCED, par.UNWINDING)).any()

"""What a call on a borrower owes to borrower, lenders and liquidators (Aave v3; venues.md 2.8)."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from cascade.core import params as par
from cascade.core.check import breaches
from tests.contract.test_procedures import (
    _deleveraging_meets_the_residual_and_no_more,
    _every_lot_lost_is_in_a_row,
    _forced_orders_only_reduce,
    _orders_are_cancelled_and_margin_freed,
)
from tests.support.random_worlds import random_world, with_pools
from tests.support.runner import Runner
from tests.support.traffic import Traffic
from tests.support.world import lot_value

N_WORLDS, N_STEPS = 25, 10


def steps_of(*, forced_orders: bool = True, **rules):
    """Yield a market with pools before and after every step, with the step's rows of them and their trades."""
    for seed in range(N_WORLDS):
        rng = random.Random(f"pools/{seed}")
        world = with_pools(rng, random_world(rng, N_STEPS))
        lender = replace(world.venues[-1], **rules)
        world = replace(world, venues=(*world.venues[:-1], lender), forced_orders=forced_orders)
        runner, traffic = Runner(world), Traffic(world, rng)
        for _ in range(N_STEPS):
            before = runner.st.clone()
            sent = traffic.draw(
                before.markets["mark"].tolist(), before.positions["lots"].tolist(), runner.resting()
            )
            for name in ("liquidations", "adl", "trades"):
                runner.logs[name] = []
            runner.step(sent)
            yield world, runner, before


def rows_of(world, runner) -> np.ndarray:
    """Return the rows of the step that are of pools."""
    pools = [m for m, market in enumerate(world.markets) if market.pool]
    rows = runner.log("liquidations")
    return rows[np.isin(rows["market"], pools)]


@pytest.mark.parametrize("forced_orders", [True, False])
def test_contract(forced_orders: bool) -> None:
    n = 0
    for world, runner, before in steps_of(forced_orders=forced_orders):
        assert breaches(runner.st, runner.p, runner.endowment) == []
        rows, fills = rows_of(world, runner), runner.log("adl")
        n += len(rows)
        _forced_orders_only_reduce(runner, rows)
        _orders_are_cancelled_and_margin_freed(runner, rows)
        _every_lot_lost_is_in_a_row(runner, rows, fills)
        assert (rows["adl_lots"] == 0).all()
        _liquidators_gain_and_keep_nothing(runner, before, rows)
        _debt_falls_by_what_is_repaid(runner, before, rows)
        _the_fund_makes_good_what_is_left(world, rows)
        seized = runner.log("trades")["purpose"] == par.SEIZED
        assert forced_orders or not seized.any()
        _deleveraging_meets_the_residual_and_no_more(runner.log("liquidations"), fills)
    assert n > 50


def _liquidators_gain_and_keep_nothing(runner, before, rows) -> None:
    """All that is seized is sold at once, and no call loses money, gas and fees included."""
    st, p = runner.st, runner.p
    liquidator = int(p.lending[-1].liquidator)
    first = int(st.accounts.first_position[liquidator])
    assert (st.positions.lots[first : first + len(p.markets)] == 0).all()
    gain = int(st.balances[liquidator, 0]) - int(before.balances[liquidator, 0])
    calls = int((rows["filled_lots"] > 0).sum())
    assert gain >= 0
    assert (gain > 0) <= (calls > 0)
    cost = calls * int(p.lending[-1].gas)
    assert gain + cost <= rows["filled_value"].sum() - rows["repaid"].sum()


def _debt_falls_by_what_is_repaid(runner, before, rows) -> None:
    """A borrower's balance changes by debt repaid, and is nil once the collateral is gone."""
    st = runner.st
    for account in np.unique(rows["account"]):
        mine = rows[rows["account"] == account]
        after = int(before.balances[account, 0]) + int(mine["repaid"].sum())
        first = int(st.accounts.first_position[account])
        held = st.positions.lots[first : first + int(st.accounts.n_positions[account])]
        assert after <= 0
        assert int(st.balances[account, 0]) == (after if held.any() else 0)


def _the_fund_makes_good_what_is_left(world, rows) -> None:
    """A row's draw is the debt left without collateral less what the venue keeps of the bonus."""
    for row in rows:
        kept = row["taken_over_lots"] * lot_value(world.markets[int(row["market"])], int(row["trigger_mark"]))
        assert row["fund_draw"] >= -kept
        assert row["filled_lots"] > 0 or (row["repaid"] == 0 and row["fund_draw"] == 0)


def test_a_call_leaves_nothing_or_enough_of_either_side() -> None:
    least, n = 400_000, 0
    for world, runner, before in steps_of(leftover=least, close_least=2 * least):
        st = runner.st
        for row in rows_of(world, runner):
            account, market = int(row["account"]), world.markets[int(row["market"])]
            several = (rows_of(world, runner)["account"] == account).sum() > 1
            if row["filled_lots"] == 0 or several:
                continue
            left = int(row["position_lots"] - row["filled_lots"] - row["taken_over_lots"])
            debt = -int(before.balances[account, 0]) - int(row["repaid"])
            assert left * lot_value(market, int(row["trigger_mark"])) >= least or left == 0 or debt == 0
            assert debt >= least or left == 0 or debt == 0
            n += left > 0 and debt > 0
        assert st is runner.st
    assert n > 0


def test_what_does_not_pay_waits_and_is_logged_once() -> None:
    """Without anybody who buys, nothing is seized however far the price falls."""
    n = 0
    for world, runner, before in steps_of(min_profit=50_000_000_000):
        rows = rows_of(world, runner)
        n += len(rows)
        assert (rows["filled_lots"] == 0).all()
        assert (rows["order_lots"] > 0).all()
        waiting = before.accounts.cooling_until[rows["account"]]
        assert (waiting < 0).all(), "only the first test of a spell writes rows"
        assert runner.st.markets.open_interest[-1] == before.markets.open_interest[-1]
    assert n > 0

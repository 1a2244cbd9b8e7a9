"""A single borrower in a deep market: health after a call, the bonus paid and the deficit have closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from cascade.core import params as par
from tests.support.runner import Intent, Runner
from tests.support.world import Account, Holding, Market, Seat, Venue, World, tiers

START, UNIT = 10_000, 100
THRESHOLD, BONUS, FEE = 0.83, 0.05, 0.1
LOTS = 100_000


def lent(debt: int, **rules) -> Runner:
    """Return a market in which one borrower owes `debt` on LOTS of collateral, and whose book is deep."""
    rate = round((1 - THRESHOLD) * 1e8)
    pool = Market(
        spot=False, start=START, unit=UNIT, venue=1, tiers=tiers((10**15, rate, 5.0)), sold_in=0,
        bonus=round((1 + BONUS) * 1e8), protocol_fee=round(FEE * 1e8),
    )  # fmt: skip
    lender = Venue(
        mark="oracle", procedure="liquidators", capital=10**15, fund_balance=10**15, **rules
    )  # fmt: skip
    borrower = Account(
        name="borrower", kind=par.TRADER_ACCOUNT, venue=1, margin=par.ISOLATED, balance=-debt,
        holdings=(Holding(market=1, lots=LOTS, entry=START),), seat=Seat(leverage=3.0),
    )  # fmt: skip
    makers = [
        Account(
            name=f"maker {k}", kind=par.FLOW_ACCOUNT, venue=0, balance=10**15,
            holdings=(Holding(market=0, lots=10**7),),
        )
        for k in range(2)
    ]  # fmt: skip
    return Runner(World(markets=(Market(spot=True, start=START, unit=UNIT), pool), venues=(Venue(), lender),
                        accounts=(*makers, borrower)))  # fmt: skip


def fall_to(runner: Runner, price: int) -> None:
    """Let makers quote around a price, and the oracle see it; then the calls of one test of margins."""
    first = int(np.flatnonzero(runner.st.accounts.kind[runner.st.positions.account] == par.FLOW_ACCOUNT)[0])
    cancel = [Intent(position=first, kind=par.CANCEL_ALL, offset=0.0)]
    sides = [
        Intent(position=first, kind=par.LIMIT, lots=side * 10**6, tick=price - side, offset=0.5)
        for side in (1, -1)
    ]
    runner.step([*cancel, *sides])


def health(runner: Runner) -> float:
    """Return the borrower's health factor at the oracle's price."""
    st = runner.st
    owner = int(runner.p.run[0].first_trader)
    lots = int(st.positions.lots[st.accounts.first_position[owner]])
    debt = -int(st.balances[owner, 0])
    return lots * int(st.markets.mark[1]) * UNIT * THRESHOLD / debt if debt else float("inf")


@pytest.mark.parametrize("before", [0.96, 0.97, 0.98, 0.995])
def test_health_after_a_call_by_the_close_factor(before: float) -> None:
    """(health - c x (1 + bonus) x threshold) / (1 - c), c = 1/2: calls help only above (1 + bonus) x threshold."""
    debt = round(LOTS * START * UNIT * THRESHOLD / 1.2)
    runner = lent(debt)
    fall_to(runner, START)
    fall_to(runner, round(before / 1.2 * START))
    (row,) = runner.log("liquidations")
    was = LOTS * int(row["trigger_mark"]) * UNIT * THRESHOLD / debt
    assert was == pytest.approx(before, rel=1e-4)
    assert health(runner) == pytest.approx((was - 0.5 * (1 + BONUS) * THRESHOLD) / 0.5, rel=1e-4)
    assert health(runner) > was
    assert row["repaid"] == pytest.approx(debt / 2, rel=1e-4)
    seized = int(row["filled_lots"] + row["taken_over_lots"]) * int(row["trigger_mark"]) * UNIT
    assert seized == pytest.approx(debt / 2 * (1 + BONUS), rel=1e-4)
    assert -row["fund_draw"] == pytest.approx(debt / 2 * BONUS * FEE, rel=1e-2)


@pytest.mark.parametrize("before", [0.95, 0.9, 0.88])
def test_far_gone_borrowers_are_closed_whole_and_keep_the_rest(before: float) -> None:
    """Up to a health of 0.95 all debt goes, and collateral worth (1 + bonus) of it."""
    debt = round(LOTS * START * UNIT * THRESHOLD / 1.2)
    runner = lent(debt)
    fall_to(runner, START)
    fall_to(runner, int(before / 1.2 * START))
    (row,) = runner.log("liquidations")
    owner = int(runner.p.run[0].first_trader)
    assert runner.st.balances[owner, 0] == 0
    left = int(runner.st.positions.lots[runner.st.accounts.first_position[owner]])
    seized = debt * (1 + BONUS) / (int(row["trigger_mark"]) * UNIT)
    assert left == pytest.approx(LOTS - seized, abs=1.1)
    assert runner.st.ledger[0].fund_losses == 0


@pytest.mark.parametrize("before", [0.87, 0.7, 0.4])
def test_deficit_is_debt_less_collateral_over_the_bonus(before: float) -> None:
    """Below (1 + bonus) x threshold all collateral goes and leaves debt, which the reserve makes good."""
    debt = round(LOTS * START * UNIT * THRESHOLD / 1.2)
    runner = lent(debt)
    fall_to(runner, START)
    fall_to(runner, int(before / 1.2 * START))
    (row,) = runner.log("liquidations")
    owner = int(runner.p.run[0].first_trader)
    assert runner.st.balances[owner, 0] == 0
    assert row["filled_lots"] + row["taken_over_lots"] == LOTS
    deficit = debt - LOTS * int(row["trigger_mark"]) * UNIT / (1 + BONUS)
    assert runner.st.ledger[0].fund_losses == pytest.approx(deficit, rel=1e-6, abs=100)
    assert deficit > 0

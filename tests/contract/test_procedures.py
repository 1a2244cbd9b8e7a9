"""What every liquidation procedure under every policy of deleveraging owes its accounts."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from cascade.core import params as par
from cascade.core.check import breaches
from cascade.core.state import NONE
from cascade.names import Procedure, Ranking, names_of
from tests.support.random_worlds import random_world
from tests.support.runner import Runner
from tests.support.small_worlds import crash_world, quotes
from tests.support.traffic import Traffic

VARIANTS = {
    "to the next lower tier": {"procedure": "lower_tier", "tiers_down": 1},
    "two tiers down, small ones whole": {"procedure": "lower_tier", "tiers_down": 2, "whole_tiers": 1},
    "only where it frees margin": {"procedure": "lower_tier", "tiers_down": 1, "only_where_it_frees": 1},
    "fill or kill": {"procedure": "lower_tier", "tiers_down": 1, "fill_or_kill": 1, "whole_tiers": 1},
    "sent again": {"procedure": "lower_tier", "tiers_down": 1, "patience": 3, "backstop": 0},
}
FUNDS = {"slices": "solvent", "blocks": "never"}
PROCEDURES = VARIANTS | {
    name: {"procedure": name} | ({"take_over": FUNDS[name]} if name in FUNDS else {})
    for name in names_of(Procedure)
    if name not in ("lower_tier", "liquidators")  # in variants; of lending venues (test_lending)
}
POLICIES = names_of(Ranking)
N_WORLDS, N_STEPS = 12, 12


def steps_of(procedure: str, policy: str, *, forced_orders: bool = True):
    """Yield the market after every step of violent random worlds, with the rows that the step logged."""
    rules = {"adl_ranking": policy, **PROCEDURES[procedure]}
    for seed in range(N_WORLDS):
        rng = random.Random(f"{procedure}/{policy}/{seed}")
        world = random_world(rng, N_STEPS)
        venues = tuple(replace(v, **rules, fund_balance=rng.choice((0, 50_000))) for v in world.venues)
        world = replace(world, venues=venues, forced_orders=forced_orders)
        runner, traffic = Runner(world), Traffic(world, rng)
        for _ in range(N_STEPS):
            st = runner.st
            sent = traffic.draw(st.markets["mark"].tolist(), st.positions["lots"].tolist(), runner.resting())
            for name in ("liquidations", "adl", "trades"):
                runner.logs[name] = []
            runner.step(sent)
            yield runner, runner.log("liquidations"), runner.log("adl")


def pairs():
    """Yield every procedure under every policy; what meets each of them once is not slow."""
    for i, procedure in enumerate(PROCEDURES):
        for j, policy in enumerate(POLICIES):
            is_slow = (j - i) % len(PROCEDURES) != 0
            yield pytest.param(procedure, policy, marks=[pytest.mark.slow] if is_slow else [])


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("procedure", "policy"), [*pairs()])
def test_contract(procedure: str, policy: str) -> None:
    seen = np.zeros(2, np.int64)
    for runner, rows, fills in steps_of(procedure, policy):
        assert breaches(runner.st, runner.p, runner.endowment) == []
        seen += len(rows), len(fills)
        _forced_orders_only_reduce(runner, rows)
        _orders_are_cancelled_and_margin_freed(runner, rows)
        _deleveraging_meets_the_residual_and_no_more(rows, fills)
        _counterparties_give_up_what_they_had(fills)
        _every_lot_lost_is_in_a_row(runner, rows, fills)
    assert (seen > 0).all(), seen


@pytest.mark.sampled(3)
@pytest.mark.parametrize("procedure", PROCEDURES)
def test_without_forced_orders_nothing_reaches_the_book_and_nobody_is_deleveraged(procedure: str) -> None:
    n = 0
    for runner, rows, fills in steps_of(procedure, "queue_pnl_leverage", forced_orders=False):
        assert breaches(runner.st, runner.p, runner.endowment) == []
        assert len(fills) == 0
        n += len(rows)
        forced = np.isin(runner.log("trades")["purpose"], (par.FORCED, par.UNWINDING))
        assert not forced.any()
    assert n > 0


@pytest.mark.parametrize("price", ["bankruptcy", "mark"])
@pytest.mark.parametrize("policy", ["queue_pnl_leverage", "socialise"])
def test_rows_say_what_the_fund_lost_and_where_the_lots_went(policy: str, price: str) -> None:
    rules = {"take_over": "never", "adl_ranking": policy, "adl_price": price}
    world = crash_world(long=True, cross=False, **rules)
    runner = Runner(world)
    for at in (1000, 1000, 850, 850):
        runner.step(quotes(world, at, deep=False))
    rows, money = runner.log("liquidations"), runner.st.ledger[0]
    assert len(rows) > 5
    assert rows["fund_draw"].sum() == money.fund_losses - (money.fund_income - rows["fee"].sum())
    closed = rows["filled_lots"] + rows["taken_over_lots"] + rows["adl_lots"]
    assert (closed == rows["position_lots"]).all()
    assert (money.fund_losses > 0) == (price == "mark" and policy != "socialise")


def test_a_cool_down_ends_with_the_liquidation_it_belongs_to() -> None:
    rules = {"procedure": "slices", "cooldown_steps": 30, "take_over": "capacity"}
    world = crash_world(long=True, cross=False, slice_above=0, fund_balance=10**9, **rules)
    runner = Runner(world)
    for at in (1000, 1000, 945, 800):
        runner.step(quotes(world, at, deep=False))
    flat = [
        k
        for k in range(int(runner.p.run[0].first_trader), len(runner.st.accounts))
        if runner.st.positions.lots[runner.st.accounts.first_position[k]] == 0
    ]
    assert flat
    assert (runner.st.accounts.cooling_until[flat] == NONE).all()


def test_a_cool_down_holds_for_its_time_though_the_first_slice_makes_the_account_safe() -> None:
    rules = {"procedure": "slices", "cooldown_steps": 8, "cooldown_waits": 0, "slice_above": 0}
    world = crash_world(long=True, cross=False, fund_balance=10**9, **rules)
    world = replace(world, markets=tuple(replace(m, liquidation_fee=0) for m in world.markets))
    runner = Runner(world)
    for at in (1000, *range(1000, 950, -1)):
        runner.step(quotes(world, at, deep=True))
    rows = runner.log("liquidations")
    rows = rows[rows["order_lots"] > 0]
    waits: list[int] = []
    for account in np.unique(rows["account"]):
        mine = rows[rows["account"] == account]
        sliced = mine["order_lots"] < mine["position_lots"]
        assert sliced[0]
        waits += np.diff(mine["step"])[~sliced[1:]].tolist()
        assert (np.diff(mine["step"][sliced]) >= 8).all()
    assert waits
    assert 1 < max(waits) < 8  # safe in between, and then whole


def _forced_orders_only_reduce(runner: Runner, rows: np.ndarray) -> None:
    """No forced order exceeds its position; what is closed sums to no more; nothing flips or grows."""
    assert (rows["order_lots"] <= rows["position_lots"]).all()
    assert (rows["filled_lots"] <= rows["order_lots"]).all()
    assert (rows["fee"] >= 0).all()
    first = {}
    for row in rows:
        key = int(row["account"]), int(row["market"])
        before, side = first.setdefault(key, (int(row["position_lots"]), int(row["side"])))
        assert row["position_lots"] <= before
        assert row["side"] == side
    st = runner.st
    for (account, market), (before, side) in first.items():
        mine = (st.positions["account"] == account) & (st.positions["market"] == market)
        after = int(st.positions["lots"][mine].sum()) * side
        assert 0 <= after <= before


def _orders_are_cancelled_and_margin_freed(runner: Runner, rows: np.ndarray) -> None:
    """Nothing of a liquidated account rests in a book, and no margin is held for it."""
    for account in np.unique(rows["account"]):
        assert runner.st.accounts.first_order[account] == NONE
        assert runner.st.accounts.reserved[account] == 0


def _deleveraging_meets_the_residual_and_no_more(rows: np.ndarray, fills: np.ndarray) -> None:
    """Counterparties close as many lots as liquidations left, for accounts liquidated in that wave."""
    assert np.abs(fills["lots"]).sum() == rows["adl_lots"].sum()
    left = rows["position_lots"] - rows["filled_lots"]
    assert (rows["adl_lots"] + rows["taken_over_lots"] <= left).all()
    waves = {(int(r["account"]), int(r["wave"])) for r in rows}
    assert {(int(f["account"]), int(f["wave"])) for f in fills} <= waves
    for wave in np.unique(fills["wave"]):
        batch = fills[fills["wave"] == wave]
        assert not set(batch["counterparty"].tolist()) & set(batch["account"].tolist())


def _counterparties_give_up_what_they_had(fills: np.ndarray) -> None:
    """Ranks run from the first; a fill reduces the side that it names; leverage is no less than nil."""
    for key in {(int(f["wave"]), int(f["market"]), int(f["side"])) for f in fills}:
        batch = fills[(fills["wave"] == key[0]) & (fills["market"] == key[1]) & (fills["side"] == key[2])]
        assert (batch["rank"] >= 0).all()
    sized = fills[fills["lots"] != 0]
    assert (np.sign(sized["lots"]) == -sized["side"]).all()
    assert (fills["leverage_after"] >= 0).all()


def _every_lot_lost_is_in_a_row(runner: Runner, rows: np.ndarray, fills: np.ndarray) -> None:
    """What an account lost is filled, taken over or deleveraged: nothing vanishes from the tables."""
    st = runner.st
    given = {(int(f["counterparty"]), int(f["market"])) for f in fills if f["lots"]}
    for account, market in {(int(r["account"]), int(r["market"])) for r in rows} - given:
        mine = rows[(rows["account"] == account) & (rows["market"] == market)]
        here = (st.positions["account"] == account) & (st.positions["market"] == market)
        after = abs(int(st.positions["lots"][here].sum()))
        closed = mine["filled_lots"].sum() + mine["taken_over_lots"].sum() + mine["adl_lots"].sum()
        assert closed == mine["position_lots"][0] - after

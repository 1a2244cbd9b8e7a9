"""After every step of random markets, however violent, nothing is lost and nothing is out of place."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as hs

from cascade.core import params as par
from cascade.core.check import breaches
from cascade.names import AdlPrice, CollateralPrice, Procedure, Ranking, TakeOver, names_of
from tests.support.examples import examples
from tests.support.random_worlds import random_world, with_pools
from tests.support.runner import Intent, Runner
from tests.support.small_worlds import START, crash_world, quotes
from tests.support.traffic import Traffic
from tests.support.world import Collateral, Holding, World, lot_value


def pace(n: int) -> settings:
    return examples(n, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def play(seed: int, n_steps: int = 12, lends: bool = False, **venue) -> Runner:
    """Run a random world whose venues' rules are changed as given, checking it after every step.

    `lends` adds a lending venue with an empty reserve.
    """
    rng = random.Random(seed)
    world = random_world(rng, n_steps)
    world = replace(world, venues=tuple(replace(v, **venue) for v in world.venues))
    if lends:
        world = with_pools(rng, world)
        world = replace(world, venues=(*world.venues[:-1], replace(world.venues[-1], fund_balance=0)))
    runner, traffic = Runner(world), Traffic(world, rng)
    for _ in range(n_steps):
        st = runner.st
        runner.step(
            traffic.draw(st.markets["mark"].tolist(), st.positions["lots"].tolist(), runner.resting())
        )
        assert breaches(runner.st, runner.p, runner.endowment) == []
    return runner


@pace(120)
@given(seed=hs.integers(0, 2**40), n_steps=hs.integers(1, 25))
def test_nothing_breaks_in_random_markets(seed, n_steps):
    runner = play(seed, n_steps)
    event(f"liquidations: {bool(len(runner.log('liquidations')))}, adl: {bool(len(runner.log('adl')))}")


@pace(120)
@given(
    seed=hs.integers(0, 2**40),
    procedure=hs.sampled_from([name for name in names_of(Procedure) if name != "liquidators"]),
    take_over=hs.sampled_from(names_of(TakeOver)),
    ranking=hs.sampled_from(names_of(Ranking)),
    price=hs.sampled_from(names_of(AdlPrice)),
)
def test_nothing_breaks_where_the_fund_is_empty(seed, procedure, take_over, ranking, price):
    rules = {"take_over": take_over, "adl_ranking": ranking, "adl_price": price}
    play(seed, procedure=procedure, fund_balance=0, **rules)


@pace(60)
@given(seed=hs.integers(0, 2**40))
def test_nothing_breaks_where_a_reserve_is_empty_and_borrowers_are_in_deficit(seed):
    runner = play(seed, lends=True)
    fund = int(runner.p.venues[-1].fund)
    event(f"deficit: {int(runner.st.balances[fund, 0]) < 0}")


@pace(60)
@given(seed=hs.integers(0, 2**40), marks=hs.lists(hs.integers(1, 10**6), min_size=4, max_size=4))
def test_equities_sum_to_balances_at_any_marks(seed, marks):
    runner = play(seed)
    st, world = runner.st, random_world(random.Random(seed))
    held = sum(
        int(lots) * lot_value(world.markets[m], marks[m])
        for lots, m in zip(st.positions["lots"].tolist(), st.positions["market"].tolist(), strict=True)
    )
    endowed = sum(
        int(n) * lot_value(world.markets[m], marks[m])
        for m, n in enumerate(runner.endowment)
        if world.markets[m].spot
    )
    assert held == endowed
    assert st.balances.sum(axis=0).tolist() == (st.ledger.deposits - st.ledger.withdrawals).tolist()


@pytest.mark.parametrize("factor", [0.4, 1.6])
@pytest.mark.parametrize("n_waves", [1, 3])
@pytest.mark.parametrize("cross", [False, True])
def test_a_move_of_60_per_cent_empties_the_fund_and_leaves_the_window(factor, n_waves, cross):
    world = crash_world(long=factor < 1, cross=cross, n_waves=n_waves)
    runner = Runner(world)
    windows = runner.st.markets["window"].copy()
    price = 1000.0
    for step in range(40):
        price *= factor ** (1 / 20) if step < 20 else 1.0
        runner.step(quotes(world, round(price), deep=step < 4))
        assert breaches(runner.st, runner.p, runner.endowment) == []
    assert (runner.st.markets["window"] != windows).all()
    assert len(runner.log("liquidations")) > 0
    assert len(runner.log("adl")) > 0
    assert int(runner.log("liquidations")["adl_lots"].sum()) == int(np.abs(runner.log("adl")["lots"]).sum())
    assert np.sign(runner.log("adl")["lots"]).tolist() == [1 if factor < 1 else -1] * len(runner.log("adl"))


def with_collateral(world: World, rule: Collateral) -> World:
    """Return a world whose traders hold five lots of spot on credit, as the venue counts them at the start."""
    tick = rule.given if rule.price == "redemption" else START
    coins = Holding(market=0, lots=5, entry=START)
    worth = coins.lots * tick * world.markets[0].unit * rule.kept // 10**8
    accounts = tuple(
        replace(a, holdings=(*a.holdings, coins), balance=a.balance - worth) if a.seat else a
        for a in world.accounts
    )
    return replace(world, accounts=accounts, collateral={(1, 0): rule})


@pytest.mark.parametrize("long", [True, False])
@pytest.mark.parametrize("price", names_of(CollateralPrice))
def test_a_jump_that_uses_up_the_fund_loses_no_collateral(long, price):
    rule, fund = Collateral(price=price, kept=91_234_567, given=950), 100_000
    rules = {"fund_balance": fund, "adl_price": "mark"}  # so that the fund bears the losses
    world = with_collateral(crash_world(long=long, cross=True, n_waves=2, **rules), rule)
    runner, spots = Runner(world), [k for k, (_, m) in enumerate(places(world)) if world.markets[m].spot]
    for step in range(12):
        sent = quotes(world, START if step < 2 else 550 if long else 1700, deep=step < 2)
        if step >= 2:  # the book of the collateral is as thin as the others
            sent = [replace(i, lots=int(np.sign(i.lots))) if i.position in spots else i for i in sent]
        runner.step(sent)
        assert breaches(runner.st, runner.p, runner.endowment) == []
    st, rows = runner.st, runner.log("liquidations")
    sold = rows[rows["market"] == 0]
    assert int((sold["filled_lots"] + sold["taken_over_lots"]).sum()) == 50
    kept = (st.positions.market == 0) & (st.accounts.kind[st.positions.account] == par.TRADER_ACCOUNT)
    assert not st.positions.lots[kept].any()
    assert len(runner.log("adl")) > 0
    owner = int(runner.p.venues[1].fund)
    coins = int(st.positions.lots[(st.positions.market == 0) & (st.positions.account == owner)][0])
    worth = coins * int(st.markets[0].mark) * world.markets[0].unit
    assert int(st.ledger.fund_losses[0]) > fund
    assert int(st.balances[owner, 0]) + worth < 0 < coins


def test_orders_outside_the_window_wait_and_trade_when_the_price_comes():
    world = replace(crash_world(long=True, cross=False), n_ticks=64)
    runner = Runner(world)
    taker = next(k for k, (a, m) in enumerate(places(world)) if world.roster()[a].name == "taker" and m == 1)
    far = [Intent(position=taker, kind=par.LIMIT, lots=3, tick=tick) for tick in (300, 301, 300)]
    runner.step([*quotes(world, 1000, deep=True), *far])
    assert int(runner.st.markets[1].far_head) >= 0
    assert runner.st.markets[1].n_bids >= 3
    for price in (900, 700, 500, 350, 290):
        runner.step(quotes(world, price, deep=True))
        assert breaches(runner.st, runner.p, runner.endowment) == []
    holder = next(k for k, (a, _) in enumerate(places(world)) if world.roster()[a].name == "holder")
    runner.step([Intent(position=holder, kind=par.IOC, lots=-9, tick=300)])
    trades = runner.log("trades")
    mine = trades[(trades["maker"] == places(world)[taker][0]) & (trades["market"] == 1)]
    assert mine["tick"].tolist() == [301, 300, 300]
    assert np.abs(mine["lots"]).tolist() == [3, 3, 3]


def places(world) -> list[tuple[int, int]]:
    """Return account and market of every position."""
    return [(a, h.market) for a, account in enumerate(world.roster()) for h in account.holdings]

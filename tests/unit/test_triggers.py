"""The trigger index against a scan of every account, along random walks and jumps of the marks."""

import random
from dataclasses import replace

import numpy as np
import pytest

from cascade.compiler.jit import entry
from cascade.core import book, collateral, margin_test, triggers
from cascade.core import params as par
from cascade.core.check import breaches
from cascade.core.state import NONE
from cascade.names import CollateralPrice, names_of
from tests.oracle.margin import Margin
from tests.oracle.market import OracleMarket
from tests.support.build import build
from tests.support.small_worlds import START, crash_world
from tests.support.world import Account, Collateral, Holding, Seat, World, wallet

N_ACCOUNTS = 200


@entry
def at_marks(st, p, marks, found):
    """Set the marks, fire what they reach, and write the accounts flagged; then let them go again."""
    n = p.run[0].n_ticks
    for m in range(len(p.markets)):
        market = st.markets[m]
        market.mark = marks[m]
        if not market.window + n // 8 <= market.mark < market.window + n - n // 8:
            book.recentre(st, p, m, market.mark)
    collateral.update_collateral(st, p)
    if not margin_test.fire_triggers(st, p):
        return -1
    count = 0
    account = triggers.first_flagged(st, p)
    while account != NONE:
        found[count] = account
        count += 1
        triggers.unflag(st, p, account)
        account = triggers.first_flagged(st, p)
    for k in range(count):
        triggers.retrigger(st, p, found[k])
    return count


def population(rng: random.Random, cross: bool, n_ticks: int, hedged: bool = False) -> World:
    """Return a world of many margined accounts on both sides, in one market or across two.

    `hedged` adds legs on the other side, of any size, to most of them.
    """
    world = crash_world(long=True, cross=True)
    perpetuals = [m for m, market in enumerate(world.markets) if not market.spot]
    accounts = [a for a in world.accounts if a.kind != par.TRADER_ACCOUNT and a.name != "holder"]
    net = dict.fromkeys(perpetuals, 0)
    for k in range(N_ACCOUNTS):
        places = perpetuals if cross and k % 4 else [rng.choice(perpetuals)]
        holdings = tuple(
            Holding(market=m, lots=rng.choice((-1, 1)) * rng.randint(0, 60), entry=rng.randint(900, 1100))
            for m in places
        )
        if hedged and k % 5:
            holdings = tuple(
                leg for h in holdings for leg in (h, replace(h, lots=-(h.lots * rng.randint(0, 5)) // 3))
            )
        for h in holdings:
            net[h.market] += h.lots
        leverage = rng.choice((1.5, 3.0, 10.0, 25.0, 50.0))
        margin = int(sum(abs(h.lots) * h.entry * 100 for h in holdings) / leverage)
        accounts.append(
            Account(
                name=f"trader {k}",
                kind=par.TRADER_ACCOUNT,
                venue=1,
                margin=par.CROSS,
                holdings=holdings,
                balance=wallet(world.markets, holdings, margin),
                seat=Seat(leverage=leverage),
            )
        )
    for m, lots in net.items():
        place = (Holding(market=m, lots=-lots, entry=START),)
        accounts.append(
            Account(
                name="holder",
                kind=par.HOLDER,
                venue=1,
                holdings=place,
                balance=wallet(world.markets, place, 10**10),
            )
        )
    return replace(world, accounts=tuple(accounts), n_ticks=n_ticks)


def scan(oracle: OracleMarket, marks: list[int]) -> list[int]:
    """Return every account that fails its margin test at the marks."""
    margin = Margin(oracle.ledger, marks)
    return [
        k
        for k in range(len(oracle.ledger.roster))
        if oracle.ledger.is_margined(k) and not oracle.ledger.is_flat(k) and margin.excess(k) <= 0
    ]


@pytest.mark.sampled(3)  # every pair of the first two, every number of ticks
@pytest.mark.parametrize(("cross", "hedged"), [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("n_ticks", [64, 1000, 4096])
def test_no_account_is_missed_and_none_is_flagged_that_is_safe(cross, hedged, n_ticks):
    rng = random.Random(n_ticks)
    world = population(rng, cross, n_ticks, hedged)
    p, st, endowment = build(world)
    oracle = OracleMarket(world)
    marks = [m.start for m in world.markets]
    found, sizes = np.zeros(len(st.accounts), np.int64), set()
    for _ in range(250):
        jump = rng.random() < 0.1
        for m in range(len(marks)):
            move = rng.uniform(0.6, 1.6) if jump else rng.uniform(0.985, 1.015)
            marks[m] = min(max(round(marks[m] * move), 3), 20_000)
        n = at_marks(st, p, np.array(marks, np.int64), found)
        wanted = scan(oracle, marks)
        assert sorted(found[:n].tolist()) == wanted
        sizes.add(n)
    assert breaches(st, p, endowment) == []
    assert len(sizes) > 20


def with_baskets(rng: random.Random, world: World, price: str) -> World:
    """Return a world whose traders hold part of their margin in spot of which there is a second market."""
    second = len(world.markets)
    spot = world.markets[0]
    other = replace(spot, tick_size=spot.tick_size / 2, start=2 * spot.start)
    rule = Collateral(price=price, kept=rng.choice((95_000_000, 61_234_567)), given=spot.start * 9 // 10)
    accounts = []
    for account in world.accounts:
        if account.seat is None:
            accounts.append(account)
            continue
        lots = rng.randint(0, 60)
        places = (*account.holdings, Holding(market=0, lots=lots, entry=START), Holding(market=second))
        paid = lots * START * spot.unit * rule.kept // 10**8
        accounts.append(
            replace(account, holdings=places, balance=account.balance - int(paid * rng.uniform(0.7, 1)))
        )
    rules = {(1, 0): rule, (1, second): rule}
    return replace(world, markets=(*world.markets, other), accounts=tuple(accounts), collateral=rules)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("price", names_of(CollateralPrice))
def test_no_account_is_missed_whatever_its_collateral_is_priced_by(price):
    rng = random.Random(price)
    world = with_baskets(rng, population(rng, True, 1000), price)
    p, st, endowment = build(world)
    oracle = OracleMarket(world)
    start = [m.start for m in world.markets]
    marks, found, sizes = list(start), np.zeros(len(st.accounts), np.int64), set()
    for k in range(250):
        still = k // 50 % 2  # for a while only spot moves, as when collateral loses its peg
        for m, market in enumerate(world.markets):
            move = rng.uniform(0.6, 1.5) if rng.random() < 0.05 else rng.uniform(0.985, 1.015)
            if market.spot or not still:
                marks[m] = min(max(round(marks[m] * move), start[m] // 4), 3 * start[m])
        n = at_marks(st, p, np.array(marks, np.int64), found)
        wanted = scan(oracle, marks)
        assert sorted(found[:n].tolist()) == wanted
        sizes.add(n)
    assert breaches(st, p, endowment) == []
    assert len(sizes) > 20


def test_an_account_that_fails_when_it_is_hung_is_seen_though_the_mark_moves_its_way():
    """A cross-margined account may fail by its own trade; the next mark may be a little kinder."""
    rng = random.Random(3)
    world = population(rng, cross=True, n_ticks=256)
    thin = tuple(
        replace(a, balance=a.balance - 40_000 * len(a.holdings)) if a.seat and k % 2 else a
        for k, a in enumerate(world.accounts)
    )
    world = replace(world, accounts=thin)
    p, st, _ = build(world)
    oracle = OracleMarket(world)
    found = np.zeros(len(st.accounts), np.int64)
    for marks in ([1000, 1000, 1001, 999], [1000, 1000, 999, 1001], [1000, 1000, 1003, 1003]):
        n = at_marks(st, p, np.array(marks, np.int64), found)
        assert sorted(found[:n].tolist()) == scan(oracle, marks)
        assert n > 5

"""Who gives way under each policy, by hand: venues.md 1.5, 2.3, 2.5 and 3.3."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cascade.core import params as par
from cascade.core.check import breaches
from tests.support.runner import Runner
from tests.support.small_worlds import START, perpetual, quotes
from tests.support.world import Account, Holding, Market, Seat, Venue, World, wallet

FIRST, SECOND = 2, 3
"""The perpetuals of a world; a lot is worth 100 units a tick."""

UNIT = 100


def trader(name: str, margin: int, *lots_at: tuple[int, int]) -> Account:
    """Return a cross-margined trader with (lots, entry) in each perpetual."""
    holdings = tuple(Holding(market=FIRST + k, lots=n, entry=entry) for k, (n, entry) in enumerate(lots_at))
    return Account(
        name=name, kind=par.TRADER_ACCOUNT, venue=1, margin=par.CROSS, holdings=holdings,
        balance=wallet(MARKETS, holdings, margin), seat=Seat(),
    )  # fmt: skip


MARKETS = (
    *(Market(spot=True, start=START, asset=a) for a in range(2)),
    *(perpetual(a) for a in range(2)),
)


def world_of(*traders: Account, **venue: int) -> World:
    """Return a world of some traders, holders against them, makers, and a venue whose fund takes nothing over."""
    accounts = list(traders)
    for m, market in enumerate(MARKETS):
        place = (Holding(market=m, lots=1_000_000 if market.spot else 0, entry=START),)
        accounts.append(
            Account(name="maker", kind=par.MAKER_ACCOUNT, venue=market.venue, holdings=place, balance=10**12)
        )
    for m in (FIRST, SECOND):
        net = sum(h.lots for a in traders for h in a.holdings if h.market == m)
        place = (Holding(market=m, lots=-net, entry=START),)
        balance = wallet(MARKETS, place, 10**10)
        accounts.append(
            Account(name="holder", kind=int(par.HOLDER), venue=1, holdings=place, balance=balance)
        )
    rules = {"take_over": "never"} | venue
    return World(
        markets=MARKETS, venues=(Venue(), Venue(**rules)), accounts=tuple(accounts), n_ticks=128, n_steps=60,
        n_quotes=4 * 2 * len(MARKETS),
    )  # fmt: skip


def crash(world: World, *prices: int) -> tuple[Runner, list[tuple[str, int]]]:
    """Run a step at each price; return the market, and who gave up how many lots in the order of it."""
    runner = Runner(world)
    for price in prices:
        runner.step(quotes(world, price, deep=False))
        assert breaches(runner.st, runner.p, runner.endowment) == []
    names = [account.name for account in world.roster()]
    fills = runner.log("adl")
    return runner, [(names[int(row["counterparty"])], abs(int(row["lots"]))) for row in fills]


VICTIM = trader("victim", 10 * 50 * UNIT, (10, START), (0, 0))
"""Long 10 lots at 1000 with a margin of 50 a lot: bankrupt at 950."""


@pytest.mark.parametrize(
    ("policy", "first"), [("queue_entry_leverage", "recent"), ("queue_pnl_leverage", "early")]
)
def test_bitmex_and_bybit_divide_profit_by_the_entry_value_and_binance_by_the_notional(
    policy: str, first: str
) -> None:
    # at 850: early has gained 850 of 1700 at 1.0x, recent 150 of 1000 at 4.5x
    early = trader("early", 0, (-10, 1700), (0, 0))
    recent = trader("recent", 38_900, (-10, START), (0, 0))
    runner, gave = crash(world_of(VICTIM, early, recent, adl_ranking=policy), START, START, 850)
    assert gave[0][0] == first
    score = runner.log("adl")["score"][0]
    assert score == pytest.approx(0.15 * 850 / 188.9 if first == "recent" else 1.0)


def test_the_wallet_of_a_rank_is_without_the_profit_of_any_position() -> None:
    # at 850 both have made 150,000 ticks on a short; the hedged one has lost 142,500 on its other position
    hedged = trader("hedged", 160_000 * UNIT, (-1_000, START), (950, START))
    single = trader("single", 30_000 * UNIT, (-1_000, START), (0, 0))
    world = world_of(VICTIM, hedged, single, adl_ranking="queue_pnl_margin")
    runner, gave = crash(world, START, START, 850)
    assert gave[0][0] == "single"
    maintenance = 1_000 * 850 * 0.025 - 20_000 * 0.015
    score = 150_000 / 30_000 * maintenance / (30_000 + 150_000)
    assert runner.log("adl")["score"][0] == pytest.approx(score)


@pytest.mark.parametrize("spot", [0, 100])
def test_leverage_is_levelled_over_all_perpetuals_of_an_account(spot: int) -> None:
    # at 850, in lots: one holds 100 on the equity of 50 (2x), two 200 and 100 on that of 75 (4x)
    one = trader("one", (27_500 + 150 * spot) * UNIT, (-100, START), (0, 0))
    if spot:  # bought in full at 1000, and no leverage
        stock = Holding(market=0, lots=spot, entry=START)
        one = replace(one, holdings=(stock, *one.holdings), balance=one.balance - spot * START * UNIT)
    two = trader("two", 48_750 * UNIT, (-200, START), (100, START))
    victim = trader("victim", 190 * 50 * UNIT, (190, START), (0, 0))
    world = world_of(victim, one, two, adl_ranking="water_filling_leverage", adl_price="mark")
    runner, gave = crash(world, START, START, 850)
    # to level L one gives up 100 - 50 L and two 300 - 75 L: 190 lots where L is 1.68
    assert gave == [("two", 174), ("one", 16)]
    assert runner.log("adl")["leverage_after"] == pytest.approx(1.68)


@pytest.mark.parametrize(("margin", "is_passed_over"), [(6_000, True), (40_000, False)])
def test_who_would_pay_more_than_the_share_of_its_equity_is_passed_over(
    margin: int, is_passed_over: bool
) -> None:
    # closing 10 of 100 lots at 950 costs 1,000 at 850; behind them is a tenth of half of the equity
    other = trader("other", margin * UNIT, (-100, START), (100, START))
    world = world_of(VICTIM, other, adl_ranking="random")
    runner, gave = crash(world, START, START, 850)
    assert gave == ([] if is_passed_over else [("other", 10)])
    fund = int(runner.p.venues[1].fund)
    assert (runner.st.balances[fund, 0] != 0) == is_passed_over


def test_what_a_fund_holds_in_other_markets_counts_against_its_size() -> None:
    # at 955 each is worth 955,000 units and brings a little less than 5,000 of a margin of 50,000
    first = trader("first", 500 * UNIT, (10, START), (0, 0))
    second = trader("second", 500 * UNIT, (0, 0), (10, START))
    rules = {"take_over": "notional", "unwind_fraction": 0}
    taken = []
    for size in (1_000_000, 2_000_000):
        runner, _ = crash(world_of(first, second, fund_balance=size, **rules), START, START, 955)
        taken.append((runner.log("liquidations")["taken_over_lots"] > 0).tolist())
    assert taken == [[True, False], [True, True]]


def test_who_fails_after_giving_up_a_position_waits_for_the_clock_of_its_venue() -> None:
    # maintenance margin is 3,650 ticks at 850: with 4,415 the account is safe until it pays 1,000
    other = trader("other", 4_415 * UNIT, (-100, START), (100, START))
    runner, gave = crash(world_of(VICTIM, other, wave_steps=3), START, START, START, *[850] * 5)
    assert gave[0] == ("other", 10)
    rows = runner.log("liquidations")
    assert [int(row["step"]) for row in rows] == [3, *[6] * (len(rows) - 1)]
    assert len(rows) > 1

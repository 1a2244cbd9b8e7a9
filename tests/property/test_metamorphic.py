"""What must not change when a market is cut into chunks, scaled, mirrored or renumbered."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from cascade.core import params as par
from cascade.core import start
from tests.support.build import SMALLEST
from tests.support.random_worlds import random_world
from tests.support.runner import LOGS, Intent, Runner
from tests.support.small_worlds import crash_world, quotes
from tests.support.traffic import Traffic
from tests.support.world import Account, Holding, Market, Tier, Venue, World, wallet

SAME_COLUMNS = {
    "markets": (
        "window",
        "best_bid",
        "best_ask",
        "last",
        "mark",
        "mid2",
        "index",
        "open_interest",
        "n_bids",
        "n_asks",
        "basis_mean",
        "volume",
        "flow",
        "long_liquidated",
        "short_liquidated",
    ),
    "positions": ("lots", "entry_value"),
    "triggers": ("tick",),
    "accounts": ("reserved", "standing"),
    "ledger": ("deposits", "withdrawals", "fund_income", "fund_losses", "adl_value"),
    "traders": ("stop_tick", "take_tick", "top_up_tick", "phase"),
    "clock": ("step", "n_orders", "events", "unfinished_waves", "n_flagged", "n_inbox"),
}


def script(seed: int, n_steps: int) -> tuple[World, list[list[Intent]]]:
    """Return a world and the intents of each step; cancellations by number are left out."""
    rng = random.Random(seed)
    world = random_world(rng, n_steps)
    runner, traffic = Runner(world), Traffic(world, rng)
    sent: list[list[Intent]] = []
    for _ in range(n_steps):
        st = runner.st
        drawn = traffic.draw(st.markets["mark"].tolist(), st.positions["lots"].tolist(), [])
        sent.append(drawn)
        runner.step(drawn)
    return world, sent


def play(world: World, sent: list[list[Intent]], capacity: start.Capacity, chunk: int) -> Runner:
    """Run a scripted world in chunks, with buffers of a given first length."""
    runner = Runner(world, capacity)
    runner.script = lambda step: sent[step]
    for until in range(chunk, len(sent) + chunk, chunk):
        runner.run(min(until, len(sent)))
    return runner


def queues(runner: Runner) -> list[tuple[int, int, int]]:
    """Return market, tick and lots of every resting order, in the order of its owner's list."""
    orders, st = runner.st.orders, runner.st
    live = np.flatnonzero(orders["lots"])
    return sorted(
        zip(
            st.positions["market"][orders["position"][live]].tolist(),
            orders["tick"][live].tolist(),
            orders["lots"][live].tolist(),
            strict=True,
        )
    )


def assert_same(a: Runner, b: Runner) -> None:
    """Assert that two runs have the same logs and the same state."""
    for name in LOGS:
        assert a.log(name).tobytes() == b.log(name).tobytes(), name
    for table, columns in SAME_COLUMNS.items():
        for column in columns:
            x, y = getattr(a.st, table)[column], getattr(b.st, table)[column]
            assert x.tolist() == y.tolist(), (table, column)
    assert a.st.balances.tolist() == b.st.balances.tolist()
    assert a.st.counts.tolist() == b.st.counts.tolist()
    assert queues(a) == queues(b)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("seed", range(40))
def test_buffers_of_any_size_and_chunks_of_any_length_change_nothing(seed):
    world, sent = script(seed, 20)
    big = play(world, sent, start.Capacity(), chunk=20)
    assert_same(play(world, sent, SMALLEST, chunk=1), big)
    assert_same(play(world, sent, SMALLEST, chunk=20), big)


@pytest.mark.parametrize("cross", [False, True])
def test_liquidation_rows_keep_their_adl_lots_when_their_buffer_holds_one(cross):
    """A row waits in its buffer until its residual has been deleveraged."""
    world = crash_world(long=True, cross=cross)
    runs = []
    for capacity in (start.Capacity(), SMALLEST):
        runner = Runner(world, capacity)
        for price in (1000, 990, 400, 400):
            runner.step(quotes(world, price, deep=False))
        runs.append(runner)
    assert int(runs[0].log("liquidations")["adl_lots"].sum()) > 0
    assert_same(*runs)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("seed", range(10))
def test_a_copy_of_a_running_market_runs_as_the_market_does(seed):
    world, sent = script(seed, 12)
    one = play(world, sent[:6], start.Capacity(), chunk=6)
    two = play(world, sent[:6], start.Capacity(), chunk=6)
    two.st = type(two.st)(*(a.view(np.recarray) if a.dtype.names else a for a in one.st.clone()))
    for runner in (one, two):
        runner.script = lambda step: sent[step]
        runner.run(12)
    assert_same(one, two)


# --- scaling --------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [10, 1000])
@pytest.mark.parametrize("long", [False, True])
def test_money_in_other_units_changes_no_decision(factor, long):
    """Rates are round and money is a multiple of 100, so that nothing is rounded."""
    world = crash_world(long, cross=False, fund_balance=10**9)
    scaled = replace(
        world,
        markets=tuple(
            replace(
                m,
                unit=m.unit * factor,
                tiers=tuple(replace(t, cap=t.cap * factor, deduction=t.deduction * factor) for t in m.tiers),
            )
            for m in world.markets
        ),
        venues=tuple(
            replace(v, fund_balance=v.fund_balance * factor, unwind_max=v.unwind_max * factor)
            for v in world.venues
        ),
        accounts=tuple(replace(a, balance=a.balance * factor) for a in world.accounts),
    )
    runs = [Runner(world), Runner(scaled)]
    for runner in runs:
        for step in range(25):
            price = 1000 + (-1 if long else 1) * 12 * step
            runner.step(quotes(world, price, deep=step % 3 == 0))
    one, other = runs
    assert len(one.log("liquidations")) > 5
    for column in ("step", "account", "filled_lots", "bankruptcy_tick", "worst_tick", "taken_over_lots"):
        assert one.log("liquidations")[column].tolist() == other.log("liquidations")[column].tolist()
    for column in ("filled_value", "fee", "fund_draw"):
        wanted = (one.log("liquidations")[column] * factor).tolist()
        assert wanted == other.log("liquidations")[column].tolist()
    assert (one.st.balances * factor).tolist() == other.st.balances.tolist()
    assert one.st.positions["lots"].tolist() == other.st.positions["lots"].tolist()


# --- mirror ---------------------------------------------------------------------------------------

CENTRE = 1000
FREE = (Tier(cap=10**13, rate=0, deduction=0, leverage=1e9),)


def mirror_world(side: int, seed: int) -> World:
    """Return a world without fees or maintenance margin; `side` -1 turns longs into shorts."""
    rng = random.Random(seed)
    markets = (Market(spot=True, start=CENTRE), Market(spot=False, start=CENTRE, venue=1, tiers=FREE))
    accounts, net = [], 0
    for name, m in (("maker", 0), ("maker", 1), ("taker", 1)):
        place = (Holding(market=m, lots=0, entry=CENTRE),)
        kind = int(par.MAKER_ACCOUNT if name == "maker" else par.FLOW_ACCOUNT)
        accounts.append(Account(name=name, kind=kind, venue=markets[m].venue, holdings=place, balance=10**12))
    for k in range(6):
        lots, entry, margin = (
            rng.choice((-1, 1)) * rng.randint(1, 40),
            rng.randint(-20, 20),
            rng.randint(10, 200),
        )
        net += lots
        place = (Holding(market=1, lots=side * lots, entry=CENTRE + side * entry),)
        accounts.append(
            Account(
                name=f"agent {k}",
                kind=par.AGENT,
                venue=1,
                holdings=place,
                margin=par.ISOLATED,
                balance=wallet(markets, place, abs(lots) * margin * 100),
            )
        )
    place = (Holding(market=1, lots=-side * net, entry=CENTRE),)
    accounts.append(
        Account(
            name="holder",
            kind=par.HOLDER,
            venue=1,
            holdings=place,
            balance=wallet(markets, place, 10**11),
        )
    )
    return World(
        markets=markets,
        venues=(Venue(), Venue(fund_balance=10**9, unwind_fraction=0.5)),
        n_ticks=256,
        accounts=tuple(accounts),
        n_quotes=8,
        n_waves=2,
    )


def mirrored_intents(world: World, side: int, seed: int, step: int) -> list[Intent]:
    """Return quotes and orders of a step, on the other side and at the mirrored price for `side` -1."""
    rng = random.Random(f"{seed}/{step}")
    middle = CENTRE + side * rng.choice((0, 2, -5, 20, -20, 90, -90, 180, -180))
    place = {
        (world.roster()[a].name, m): k
        for k, (a, m) in enumerate(
            (a, h.market) for a, account in enumerate(world.roster()) for h in account.holdings
        )
    }
    sent = []
    for m in (0, 1):
        slots = (0, 1) if side > 0 else (1, 0)
        sent += [Intent(position=place["maker", m], kind=par.QUOTE, ref=2 * m + n, offset=0.0) for n in slots]
        for n, way in zip(slots, (side, -side), strict=True):
            sent.append(
                Intent(
                    position=place["maker", m],
                    kind=par.QUOTE,
                    lots=way * rng.randint(1, 40),
                    tick=middle - way,
                    ref=2 * m + n,
                    offset=0.1,
                )
            )
    for _ in range(3):
        lots, away = rng.choice((-1, 1)) * rng.randint(1, 25), rng.randint(-5, 5)
        who = rng.choice(["taker", *(f"agent {k}" for k in range(6))])
        kind = int(rng.choice((par.LIMIT, par.IOC, par.POST_ONLY)))
        sent.append(
            Intent(
                position=place[who, 1],
                kind=kind,
                lots=side * lots,
                tick=middle + side * away,
                offset=rng.uniform(0.2, 0.9),
            )
        )
    return sent


@pytest.mark.sampled(3)
@pytest.mark.parametrize("seed", range(30))
def test_longs_and_shorts_are_treated_alike(seed):
    """Without fees and maintenance margin a market turned upside down is the same market."""
    runs = []
    for side in (1, -1):
        world = mirror_world(side, seed)
        runner = Runner(world)
        for step in range(12):
            runner.step(mirrored_intents(world, side, seed, step))
        runs.append(runner)
    one, other = runs
    assert (one.st.positions["lots"] == -other.st.positions["lots"]).all()
    assert (one.st.markets["mark"] - CENTRE == CENTRE - other.st.markets["mark"]).all()
    for m in (0, 1):
        assert one.st.markets[m].n_bids == other.st.markets[m].n_asks
    for k in range(len(one.st.accounts)):
        assert _equity(one, k) == _equity(other, k), k
    for column in ("step", "wave", "account", "filled_lots", "taken_over_lots", "fund_draw", "adl_lots"):
        assert one.log("liquidations")[column].tolist() == other.log("liquidations")[column].tolist(), column


def _equity(runner: Runner, account: int) -> int:
    """Return an account's equity at the marks."""
    st = runner.st
    mine = np.flatnonzero(st.positions["account"] == account)
    value = sum(int(st.positions[k].lots) * 100 * int(st.markets[st.positions[k].market].mark) for k in mine)
    return int(st.balances[account, 0]) + value


# --- renumbering ----------------------------------------------------------------------------------


@pytest.mark.sampled(3)
@pytest.mark.parametrize("seed", range(15))
def test_the_numbers_of_unmargined_accounts_do_not_matter(seed):
    """In a queue: luck belongs to a place, and who shares is rounded in the order of places."""
    world, sent = script(seed, 12)
    queue = "queue_pnl_leverage"
    world = replace(world, venues=tuple(replace(v, adl_ranking=queue) for v in world.venues))
    free = [a for a in world.accounts if a.margin == par.UNMARGINED]
    rest = [a for a in world.accounts if a.margin != par.UNMARGINED]
    shuffled = replace(world, accounts=tuple(random.Random(seed).sample(free, len(free)) + rest))
    names = {key: k for k, key in enumerate(_names(shuffled))}
    moved = [names[key] for key in _names(world)]
    one = play(world, sent, start.Capacity(), chunk=12)
    two = play(
        shuffled,
        [[replace(i, position=moved[i.position]) for i in step] for step in sent],
        start.Capacity(),
        chunk=12,
    )
    assert two.st.positions["lots"][moved].tolist() == one.st.positions["lots"].tolist()
    assert two.st.positions["entry_value"][moved].tolist() == one.st.positions["entry_value"].tolist()
    accounts = [a.name for a in shuffled.roster()]
    order = [accounts.index(a.name) for a in world.roster()]
    assert two.st.balances[order].tolist() == one.st.balances.tolist()
    assert two.st.markets["mark"].tolist() == one.st.markets["mark"].tolist()


def _names(world: World) -> list[tuple[str, int]]:
    """Return account name and market of every position."""
    return [(a.name, h.market) for a in world.roster() for h in a.holdings]

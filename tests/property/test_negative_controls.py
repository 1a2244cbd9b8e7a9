"""A state that is wrong by one unit is caught: each invariant of `check` with the breach it must report."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from cascade.core import params as par
from cascade.core.bitmap import words
from cascade.core.check import breaches
from cascade.core.state import NONE
from tests.support.random_worlds import random_world, with_pools
from tests.support.runner import Intent, Runner
from tests.support.small_worlds import crash_world, quotes
from tests.support.traffic import Traffic


@pytest.fixture(scope="module")
def market() -> Runner:
    """Return a busy market with resting orders, reserved margin, far orders and triggers."""
    for seed in range(200):
        rng = random.Random(seed)
        world = random_world(rng, 30)
        runner, traffic = Runner(world), Traffic(world, rng)
        for _ in range(20):
            st = runner.st
            sent = traffic.draw(st.markets["mark"].tolist(), st.positions["lots"].tolist(), runner.resting())
            runner.step(sent)
        st = runner.st
        perpetual = st.markets[len(st.markets) - 1]
        has = (
            (st.accounts.reserved > 0).any()
            and perpetual.far_head != NONE
            and perpetual.n_bids > 1
            and perpetual.n_asks > 1
            and (st.triggers.tick[0::2] != NONE).any()
            and (st.triggers.tick[1::2] != NONE).any()
            and 0 < perpetual.best_bid - perpetual.window < runner.p.run[0].n_ticks
        )
        if has:
            return runner
    raise AssertionError("no seed makes such a market")


def _level(st, m):
    """Return the number of the level of market m's best bid."""
    n = len(st.levels) // len(st.markets)
    return m * n + int(st.markets[m].best_bid - st.markets[m].window)


def _bit(st, p, m, which, word=0):
    """Flip the lowest bit of a word of one of market m's bitmaps."""
    size = sum(words(int(p.run[0].n_ticks)))
    st.bits[(4 * m + which) * size + word] ^= np.uint64(1)


def _order(st, margined):
    """Return a resting order in a level, of an account with or without margin."""
    live = np.flatnonzero(st.orders.lots != 0)
    margin = st.accounts.margin[st.positions.account[st.orders.position[live]]]
    return int(live[(margin != par.UNMARGINED) == margined][0])


def _last(st):
    return len(st.markets) - 1


def _add(st, table, name, k, amount=1):
    getattr(st, table)[name][k] += amount


CONTROLS = {
    "a lot too many": ("positions of market", lambda st, p: _add(st, "positions", "lots", -1)),
    "a coin too many": (
        "positions of market 0",
        lambda st, p: _add(st, "positions", "lots", int(np.flatnonzero(st.positions.market == 0)[0])),
    ),
    "open interest": (
        "open interest of market",
        lambda st, p: _add(st, "markets", "open_interest", _last(st)),
    ),
    "interest on margin": (
        "interest on margin of market",
        lambda st, p: _add(st, "markets", "on_margin", _last(st)),
    ),
    "entry value of a flat position": (
        "a flat position has an entry value",
        lambda st, p: _add(st, "positions", "entry_value", int(np.flatnonzero(st.positions.lots == 0)[0])),
    ),
    "a unit of money": (
        "balances of settlement",
        lambda st, p: st.balances.__setitem__((0, 0), st.balances[0, 0] + 1),
    ),
    "a deposit": ("balances of settlement", lambda st, p: _add(st, "ledger", "deposits", 0)),
    "a withdrawal": ("balances of settlement", lambda st, p: _add(st, "ledger", "withdrawals", 0)),
    "reserved too much": ("holds back", lambda st, p: _add(st, "accounts", "reserved", -1)),
    "reserved too little": (
        "holds back",
        lambda st, p: _add(st, "accounts", "reserved", int(np.flatnonzero(st.accounts.reserved > 0)[0]), -1),
    ),
    "an order uncounted": ("are counted", lambda st, p: _add(st, "clock", "n_orders", 0)),
    "a bid uncounted": ("bids and", lambda st, p: _add(st, "markets", "n_bids", 0)),
    "an ask uncounted": ("asks counted", lambda st, p: _add(st, "markets", "n_asks", 0)),
    "best bid": ("best bid is", lambda st, p: _add(st, "markets", "best_bid", _last(st))),
    "best ask": ("best ask is", lambda st, p: _add(st, "markets", "best_ask", _last(st))),
    "crossed": (
        "the book is crossed",
        lambda st, p: st.markets.best_bid.__setitem__(0, st.markets[0].best_ask),
    ),
    "level total": ("a level's total", lambda st, p: _add(st, "levels", "lots", _level(st, _last(st)))),
    "order size": (
        "a level's total",
        lambda st, p: _add(st, "orders", "lots", int(st.levels.head[_level(st, _last(st))])),
    ),
    "bid bit": ("a bitmap of the book", lambda st, p: _bit(st, p, 0, 0)),
    "ask bit": ("a bitmap of the book", lambda st, p: _bit(st, p, 0, 1)),
    "summary bit": ("a bitmap of the book", lambda st, p: _bit(st, p, 0, 0, words(int(p.run[0].n_ticks))[0])),
    "top bit": (
        "a bitmap of the book",
        lambda st, p: _bit(st, p, 0, 1, sum(words(int(p.run[0].n_ticks))) - 1),
    ),
    "low bit": ("a bitmap of the triggers", lambda st, p: _bit(st, p, 0, 2)),
    "high bit": ("a bitmap of the triggers", lambda st, p: _bit(st, p, _last(st), 3)),
    "trigger tick": ("low triggers hang where", lambda st, p: _move_trigger(st, p)),  # noqa: PLW0108 (defined below)
    "trigger forgotten": (
        "low triggers hang where",
        lambda st, p: _add(
            st, "triggers", "tick", 2 * int(np.flatnonzero(st.triggers.tick[0::2] == NONE)[-1]), 500
        ),
    ),
    "trigger dropped": (
        "high triggers hang where",
        lambda st, p: st.trigger_heads.__setitem__(
            int(np.flatnonzero(_highs(st, p) != NONE)[0]) + _high_at(st, p), NONE
        ),
    ),
    "flag": ("accounts are flagged", lambda st, p: _add(st, "clock", "n_flagged", 0)),
    "free order lost": (
        "orders are lost",
        lambda st, p: st.clock.free_order.__setitem__(0, st.orders.next[st.clock[0].free_order]),
    ),
    "queue cut": ("queues hold", lambda st, p: st.levels.head.__setitem__(_level(st, _last(st)), NONE)),
    "far list cut": ("queues hold", lambda st, p: st.markets.far_head.__setitem__(_last(st), NONE)),
    "far order within reach": ("a level's total", lambda st, p: _bring_near(st)),
    "owner's list cut": (
        "accounts list",
        lambda st, p: st.accounts.first_order.__setitem__(
            int(np.flatnonzero(st.accounts.first_order != NONE)[0]), NONE
        ),
    ),
    "empty order queued": (
        "is queued but empty",
        lambda st, p: st.orders.lots.__setitem__(_order(st, False), 0),
    ),
}


def _bring_near(st):
    """Give the first far order of the last market the tick of a level, but leave it in the far list."""
    order = int(st.markets[_last(st)].far_head)
    st.orders.tick[order] = st.markets[_last(st)].best_bid


def _high_at(st, p):
    """Return where the last market's high buckets begin."""
    n = int(p.run[0].n_ticks)
    return next(
        (2 * m + 1) * (n + 1)
        for m in range(len(st.markets))
        if (st.trigger_heads[(2 * m + 1) * (n + 1) : (2 * m + 2) * (n + 1)] != NONE).any()
    )


def _highs(st, p):
    """Return the high buckets of a market that has some."""
    at = _high_at(st, p)
    return st.trigger_heads[at : at + int(p.run[0].n_ticks) + 1]


def _move_trigger(st, p):
    """Move the low trigger that lies inside its window by one tick, without its bucket."""
    low, windows = st.triggers.tick[0::2], st.markets.window[st.positions.market]
    slots = low - windows
    inside = (low != NONE) & (slots > 0) & (slots < int(p.run[0].n_ticks) - 1)
    if not inside.any():  # then one from the far bucket, into the window
        k = int(np.flatnonzero(low != NONE)[0])
        low[k] = windows[k] + 1
        return
    low[int(np.flatnonzero(inside)[0])] -= 1


@pytest.mark.parametrize("name", CONTROLS)
def test_a_state_wrong_by_one_is_caught(market, name):
    wanted, corrupt = CONTROLS[name]
    assert breaches(market.st, market.p, market.endowment) == []
    st = market.st.clone()
    st = type(st)(*(a.view(np.recarray) if a.dtype.names else a for a in st))
    corrupt(st, market.p)
    found = breaches(st, market.p, market.endowment)
    assert any(wanted in text for text in found), found
    assert breaches(market.st, market.p, market.endowment) == []


@pytest.mark.parametrize("name", ["vault", "borrower"])
def test_claims_without_spot_behind_them_are_caught(name):
    rng = random.Random(3)
    runner = Runner(with_pools(rng, random_world(rng)))
    st, p = runner.st, runner.p
    lender = len(p.venues) - 1
    assert breaches(st, p, runner.endowment) == []
    if name == "vault":  # hands a lot to its venue's fund
        first, other = (
            int(st.accounts.first_position[k]) for k in (p.lending[lender].vault, p.venues[lender].fund)
        )
        places = first, other
    else:  # gets a claim that the vault owes it, but no spot
        borrower = int(
            np.flatnonzero((p.markets.kind[st.positions.market] == par.POOL) & (st.positions.lots > 0))[0]
        )
        m = int(st.positions.market[borrower])
        places = int(st.accounts.first_position[p.lending[lender].vault]) + m, borrower
        st.markets.open_interest[m] += 1
    st.positions.lots[list(places)] += (-1, 1)
    assert [text for text in breaches(st, p, runner.endowment) if "the vault of venue" in text]


def test_margin_held_back_without_any_order_is_caught():
    runner = Runner(crash_world(long=True, cross=False))
    assert runner.st.clock[0].n_orders == 0
    assert breaches(runner.st, runner.p, runner.endowment) == []
    runner.st.accounts.reserved[-2] += 1
    assert any("holds back" in text for text in breaches(runner.st, runner.p, runner.endowment))


def test_every_reserved_amount_returns_to_zero_when_the_books_are_empty():
    held = 0
    for seed in range(20):
        rng = random.Random(seed)
        world = random_world(rng, 30)
        runner, traffic = Runner(world), Traffic(world, rng)
        for _ in range(10):
            st = runner.st
            sent = traffic.draw(st.markets["mark"].tolist(), st.positions["lots"].tolist(), runner.resting())
            runner.step(sent)
            held = max(held, int(runner.st.accounts["reserved"].sum()))
        positions = {order.position for order in runner.resting()}
        runner.step([Intent(position=k, kind=par.CANCEL_ALL, offset=0.99) for k in positions])
        assert runner.st.clock[0].n_orders == 0
        assert not runner.st.accounts["reserved"].any()
    assert held > 0


def test_a_fresh_market_has_no_breach():
    world = crash_world(long=False, cross=True)
    runner = Runner(world)
    runner.step(quotes(world, 1000, deep=True))
    assert breaches(runner.st, runner.p, runner.endowment) == []


def test_triggers_in_a_circle_that_no_bucket_leads_to_are_caught():
    world = crash_world(long=True, cross=False)
    seat = next(a for a in world.accounts if a.seat)
    alike = tuple(replace(seat, name=a.name) if a.seat else a for a in world.accounts)
    lots = sum(a.holdings[0].lots for a in alike if a.seat)
    holder = tuple(
        replace(a, holdings=(replace(a.holdings[0], lots=-lots),)) if a.name == "holder" else a for a in alike
    )
    world = replace(world, accounts=holder)
    runner = Runner(world)
    runner.step(quotes(world, 1000, deep=True))
    assert breaches(runner.st, runner.p, runner.endowment) == []
    st = runner.st
    nodes = st.triggers
    head = 2 * int(np.flatnonzero((nodes.tick[0::2] != NONE) & (nodes.prev[0::2] == NONE))[0])
    one = int(nodes.next[head])
    other = int(nodes.next[one])
    beyond = int(nodes.next[other])
    nodes.next[head], nodes.prev[beyond] = beyond, head
    nodes.prev[one], nodes.next[other] = other, one
    assert any("2 low triggers hang where" in text for text in breaches(st, runner.p, runner.endowment))

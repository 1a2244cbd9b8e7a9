"""Stops, take-profits and top-ups at the very tick, on both sides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cascade.core import params as par
from cascade.core.check import breaches
from tests.support.runner import Runner
from tests.support.small_worlds import crash_world, quotes
from tests.support.world import World


def with_seat(long: bool, **ticks: int) -> World:
    """Return a world in which only the first trader (leverage 5, 10 lots) has a standing order."""
    world = crash_world(long, cross=False)
    accounts = [
        replace(a, seat=replace(a.seat, **ticks)) if a.seat and a.name == "trader 0" else a
        for a in world.accounts
    ]
    return replace(world, accounts=tuple(accounts))


def run(world: World, *prices: int) -> Runner:
    """Run one step at each price of deep books; the mark is the index."""
    runner = Runner(world)
    for price in prices:
        runner.step(quotes(world, price, deep=True))
        assert breaches(runner.st, runner.p, runner.endowment) == []
    return runner


@pytest.mark.parametrize("long", [False, True])
def test_a_top_up_at_exactly_the_mark_is_paid_once(long):
    """At the very tick a short's trigger once fired for ever without topping up."""
    tick = 990 if long else 1010
    runner = run(with_seat(long, top_up=tick), 1000, tick, tick, tick)
    ledger = runner.st.ledger[0]
    before = run(with_seat(long), 1000, tick, tick, tick).st.ledger[0]
    assert ledger.deposits > before.deposits
    assert int(runner.st.traders[0].top_up_tick) == -1


@pytest.mark.parametrize("long", [False, True])
@pytest.mark.parametrize("name", ["stop", "take"])
@pytest.mark.parametrize("away", [0, 1])
def test_a_stop_or_take_profit_is_sent_at_its_tick_and_not_before(long, name, away):
    adverse = -1 if long else 1
    way = adverse if name == "stop" else -adverse
    tick = 1000 + 10 * way
    runner = run(with_seat(long, **{name: tick}), 1000, tick - away * way, tick - away * way)
    first = int(runner.p.run[0].first_trader)
    lots = int(runner.st.positions[runner.st.accounts[first].first_position].lots)
    assert (lots == 0) == (away == 0)
    if away == 0:
        trades = runner.log("trades")
        wanted = par.STOPPING if name == "stop" else par.PROFIT
        assert trades[trades["taker"] == first]["purpose"].tolist() == [wanted]
        assert int(runner.st.balances[first, 0]) == 0

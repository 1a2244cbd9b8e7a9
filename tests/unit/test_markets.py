"""What markets and venues owe a scenario: funding from its first stamp, shocks that finish, clocks, the index."""

from __future__ import annotations

import numpy as np
import pytest

from cascade.assembly import assemble
from cascade.core import params as par
from cascade.core.check import breaches
from cascade.engine import Engine
from cascade.model import Logs
from cascade.scenario.schema import Scenario
from tests.support.runner import Intent, Runner
from tests.support.scenarios import small_data, small_scenario
from tests.support.small_worlds import crash_world, quotes


def run(scenario: Scenario) -> tuple[Engine, Logs]:
    logs = Logs()
    engine = Engine(assemble(scenario), logs)
    engine.advance(engine.n_steps)
    engine.drain()
    assert breaches(engine.state, engine.params, engine.endowment) == []
    return engine, logs


def test_a_funding_schedule_holds_from_before_the_first_stamp() -> None:
    data = small_data()
    schedule = [["-8h", "0.03 %"], ["0s", "0.02 %"], ["100s", "0.05 %"]]
    data["markets"]["venue:BTCUSDT"]["funding"] = {"rate": "0.01 %", "schedule": schedule}
    assembled = assemble(Scenario.model_validate(data))
    assert assembled.state.markets[1].funding_rate == 20_000


@pytest.mark.parametrize(
    ("rulebook", "rate"), [("binance-2025-07", 10_000), ("binance-2025-10", 25), ("binance-2026-03", 25)]
)
def test_since_september_2025_a_shorter_interval_pays_its_part_of_the_rate_for_eight_hours(
    rulebook: str, rate: int
) -> None:
    rules = {"funding": {"interval_h": 0.02}}  # 72 s, of 28,800
    data = small_data(population=[])
    data["venues"]["venue"] = {"rulebook": rulebook, "fund": "100M", "rules": rules}
    data["markets"]["venue:BTCUSDT"]["funding"] = {"rate": "0 %"}
    engine, _ = run(Scenario.model_validate(data))
    assert engine.state.markets[1].funding_rate == rate


def test_a_shock_that_finds_too_little_goes_on_until_it_is_done() -> None:
    shock = {"type": "market_order", "at": "10s", "over": "1s", "side": "sell", "notional": "400M"}
    data = small_data(shocks=[shock | {"market": "venue:BTCUSDT"}], population=[])
    engine, logs = run(Scenario.model_validate(data).replace(**{"outputs.trades": True}))
    (row,) = engine.params.shocks
    seller = engine.state.positions.account[row.position]
    trades = logs["trades"]
    steps = trades["step"][trades["taker"] == seller]
    assert steps.min() == 10
    assert steps.max() > 11  # one step's book could not take it
    assert engine.state.positions.lots[row.position] - row.initial == np.trunc(row.amount)


def test_a_venue_whose_clock_is_slower_than_the_step_tests_margins_when_it_ticks() -> None:
    for steps in (1, 4):
        world = crash_world(long=True, cross=False, wave_steps=steps)
        runner = Runner(world)
        for price in (1000, 1000, 1000, 1000, 1000, 850, 850, 850, 850):
            runner.step(quotes(world, price, deep=True))
        assert set(runner.log("liquidations")["step"].tolist()) == {5 if steps == 1 else 8}


def test_take_profit_that_finds_too_little_is_sent_again() -> None:
    from dataclasses import replace

    world = crash_world(long=True, cross=False)
    accounts = tuple(
        replace(a, seat=replace(a.seat, take=1010)) if a.seat and a.name == "trader 0" else a
        for a in world.accounts
    )
    world = replace(world, accounts=accounts)
    runner = Runner(world)
    first = int(runner.st.accounts.first_position[runner.p.run[0].first_trader])
    assert runner.st.positions.lots[first] == 10
    for price in (1000, 1012, *[1012] * 12):  # one lot is bid for in each step
        runner.step(quotes(world, price, deep=False))
    taken = runner.log("trades")
    assert (taken["purpose"] == par.PROFIT).sum() == 10
    assert runner.st.positions.lots[first] == 0


def test_one_spot_market_far_from_the_others_does_not_move_the_index() -> None:
    from dataclasses import replace

    world = crash_world(long=True, cross=False)
    spot = world.markets[0]
    world = replace(
        world,
        markets=(spot, *world.markets[1:], replace(spot), replace(spot)),
        accounts=world.accounts,
    )
    runner = Runner(world)
    runner.step([])
    st = runner.st
    st.markets[2].mid2 = 2 * 1100  # +10 %, nothing rests there
    runner.step([Intent(position=0, kind=par.CANCEL_ALL)])
    assert st.markets[1]["index"] == 1000.0
    st.markets[3].mid2 = 2 * 1200
    runner.step([])
    assert st.markets[1]["index"] == 1100.0  # two of three are off: the median


def test_small_scenario_has_funds_with_a_place_in_every_market() -> None:
    engine, _ = run(small_scenario(duration="2s"))
    for venue in engine.params.venues:
        fund = engine.state.accounts[venue.fund]
        first = int(fund.first_position)
        assert engine.state.positions.market[first : first + fund.n_positions].tolist() == [0, 1]

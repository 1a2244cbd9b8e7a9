"""Those who tie markets: wallets and transfers, carry, desks that hedge, hunters; each does what it says, exactly."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from cascade.assembly import assemble
from cascade.core import params as par
from cascade.core.agents.hunter import CLOSES, GONE, LOOKS, PUSHES
from cascade.core.start import Capacity
from cascade.core.state import NONE
from cascade.engine import Engine, simulate
from cascade.explain.cost import cost_of
from cascade.explain.ties import ties_of
from cascade.model import Logs
from cascade.names import Agent, number_of
from cascade.scenario.schema import Scenario
from tests.support.ties import FUEL, HUNTER, SALE, A, course, ties_data, to_spot, with_desk

WALLETS = {"capital": "10M", "ready": "20 %", "leverage": 3, "transfer": "2m", "fee": "0.02 %"}
CARRY = to_spot("a", type="carry", wallets={"capital": "5M"}, rate="1 /s")
ALL = {
    "arbitrage": [
        to_spot("a", wallets=WALLETS, hold="8h"),
        {"type": "venues", "name": "across", "perpetual": "b:BTCUSDT", "against": "a:BTCUSDT", "wallets": WALLETS},
        CARRY | {"name": "carry"},
    ],
    "makers": with_desk(threshold="100k", delay="2s", quoted="3s", capital="20M"),
    "agents": [HUNTER],
    "population": [FUEL],
}  # fmt: skip


def lots_of(engine: Engine, kind: str) -> list[int]:
    """Return the lots of the first leg of each agent of a kind."""
    mine = engine.params.agents.kind == number_of(Agent, kind)
    return [int(engine.state.positions.lots[k]) for k in engine.params.agents.position[mine]]


# --- wallets --------------------------------------------------------------------------------------


def test_a_wallet_is_used_up_and_filled_again_only_after_the_transfer() -> None:
    """2M ready at 3x bear 6M USD of the perpetual; what the treasury sends arrives two minutes later."""
    data = ties_data(shocks=[SALE], arbitrage=[to_spot("a", wallets=WALLETS)])
    found = course(data, lambda engine: lots_of(engine, "arbitrage"), every=1)
    held_usd = found.seen[:, 0] * 0.001 * found.mids[:, A]
    first = int(np.argmax(held_usd > 0))
    asked = int(np.argmax(held_usd * 2.0 / 3.0 > 2e6 / 0.8))  # from where it should have more than it has
    assert first < asked
    before = held_usd[: asked + 119]
    assert 4e6 < before.max() < 1.05 * 6e6
    assert held_usd[asked + 125 : asked + 180].max() > 1.1 * before.max()


def test_money_on_its_way_is_nowhere_else() -> None:
    data = ties_data(shocks=[SALE], arbitrage=[to_spot("a", wallets=WALLETS)])

    def look(engine: Engine) -> list[int]:
        st, ties = engine.state, engine.params.ties
        return [int(st.balances[ties.treasury[0], 0]), *(int(st.balances[each, 0]) for each in ties.transit)]

    treasury, *transit = course(data, look, every=1).seen.T
    assert treasury[0] == 6_000_000 * 1_000_000
    leaves = int(np.argmax(np.diff(transit[0]) > 0)) + 1
    assert treasury[leaves] == treasury[0] - transit[0][leaves] - transit[1][leaves]
    assert (transit[0][leaves : leaves + 120] == transit[0][leaves]).all()
    assert transit[0][leaves + 120] != transit[0][leaves]


def test_a_treasury_is_shared_by_those_who_name_it() -> None:
    shared = WALLETS | {"treasury": "desk"}
    data = ties_data(shocks=[SALE], arbitrage=[to_spot("a", wallets=shared), to_spot("b", wallets=shared)])
    drawn = assemble(Scenario.model_validate(data))
    assert len(set(drawn.params.ties.treasury)) == 1
    assert drawn.state.balances[drawn.params.ties.treasury[0], 0] == 12_000_000 * 1_000_000
    (group,) = drawn.tied
    assert (group.name, sum(group.cash)) == ("desk", 20_000_000 * 1_000_000)


def test_fees_are_paid_at_their_own_rate_and_raise_the_hurdle() -> None:
    """Nobody else pays any: each order costs the value of its fills times the rate, rounded up."""
    basis = {}
    for fee, rate in (("0 %", 0), ("0.05 %", 50_000)):
        wallets = WALLETS | {"capital": "1B", "fee": fee}
        data = ties_data(shocks=[SALE], arbitrage=[to_spot("a", wallets=wallets)])
        data["outputs"] = data["outputs"] | {"trades": True}
        found = course(data)
        basis[fee] = abs(found.basis_bps()[20:30]).mean()
        trades = found.logged("trades")
        assert not np.isin(trades["maker"], found.drawn.tied[0].accounts).any()
        own = trades[np.isin(trades["taker"], found.drawn.tied[0].accounts)]
        worth = np.abs(own["lots"]) * own["tick"] * found.engine.params.markets.unit[own["market"]]
        orders = defaultdict[tuple[int, int], int](int)  # one in each market at a look
        for step, market, value in zip(own["step"], own["market"], worth, strict=True):
            orders[int(step), int(market)] += int(value)
        paid = sum(-(-value * rate // 10**8) for value in orders.values())
        assert found.engine.state.ledger.fees[0] == paid
        assert (paid > 0) == (rate > 0)
    assert basis["0.05 %"] > basis["0 %"] + 10  # four times 5 bps, less what the book gives


@pytest.mark.parametrize("side", ["sell", "buy"])
def test_a_small_wallet_bounds_the_first_order_as_it_does_the_next(side: str) -> None:
    """50k on either venue at 1x, where an order may be ten times as large: nobody buys more from flat than they have."""
    small = WALLETS | {"capital": "100k", "ready": "50 %", "leverage": 1, "fee": "0 %"}
    sale = SALE | {"side": side, "over": "1s"}
    data = ties_data(shocks=[sale], arbitrage=[to_spot("a", wallets=small)], duration="3m")
    held = course(data, lambda engine: lots_of(engine, "arbitrage"), every=1).seen[:, 0]
    held_usd = held * 0.001 * 1e5 * (1 if side == "sell" else -1)
    assert 10e3 < held_usd[held != 0][0] <= 50e3
    assert held_usd.max() < 2 * 50e3  # a leg that filled less than the other is squared beside that
    assert 40e3 < held_usd[-1] < 1.05 * 50e3


@pytest.mark.parametrize("missing", ["a", "spot"])
def test_nobody_trades_a_gap_that_is_not_there(missing: str) -> None:
    """Funding of a month may be worth more than the asset: that is no reason to buy what has no other leg."""
    data = ties_data(arbitrage=[to_spot("a", wallets=WALLETS, hold="30d")], duration="1m")
    data["makers"][0]["markets"] = [f"{venue}:*" for venue in ("spot", "a", "b") if venue != missing]
    data["markets"]["a:BTCUSDT"] = data["markets"]["a:BTCUSDT"] | {
        "funding": {"rate": "2 %", "schedule": "fixed"}
    }
    engine = course(data).engine
    (agent,) = engine.params.agents[engine.params.agents.kind == number_of(Agent, "arbitrage")]
    assert lots_of(engine, "arbitrage") == [0]
    assert engine.state.positions.lots[agent.second] == agent.initial


def test_a_pair_that_is_called_like_a_treasury_has_its_own_money() -> None:
    shared = WALLETS | {"treasury": "basis"}
    pairs = [to_spot("a", name="basis", wallets=WALLETS), to_spot("b", wallets=shared)]
    drawn = assemble(Scenario.model_validate(ties_data(arbitrage=pairs)))
    assert len(set(drawn.params.ties.treasury)) == 2
    assert [sum(group.cash) for group in drawn.tied] == [10_000_000 * 1_000_000] * 2


def test_expected_funding_moves_the_hurdle_by_what_it_brings() -> None:
    """Longs pay 1 % in eight hours: who is to hold for as long sells a perpetual that is not dear."""
    data = ties_data(arbitrage=[to_spot("a", wallets=WALLETS | {"fee": "0 %"}, hold="8h")], duration="1m")
    data["markets"]["a:BTCUSDT"] = data["markets"]["a:BTCUSDT"] | {
        "funding": {"rate": "1 %", "schedule": "fixed"}
    }
    (held,) = lots_of(course(data).engine, "arbitrage")
    assert held < 0
    data["arbitrage"][0]["hold"] = "0s"
    assert lots_of(course(data).engine, "arbitrage") == [0]


def test_a_strained_wallet_reduces_its_position() -> None:
    """The perpetual and its spot rise together: a short loses on its venue what the other wallet has gained."""
    sale = SALE | {"side": "buy", "over": "1m"}
    rise = {"type": "news", "at": "4m", "over": "10s", "asset": "BTC", "move": "30 %"}
    wallets = WALLETS | {"ready": "50 %", "transfer": "1d"}
    data = ties_data(shocks=[sale, rise], arbitrage=[to_spot("a", wallets=wallets)])
    data["news_takers"] = [{"name": "takers", "markets": "*"}]
    held = course(data, lambda engine: lots_of(engine, "arbitrage")).seen[:, 0]
    assert held[22] < -90_000
    # 5M less 2.9M, three times, at 130k a bitcoin, and no more than a quarter above that
    assert abs(held[-1]) < 1.25 * 3 * 2.1e6 / 130 < abs(held[22])


# --- carry ----------------------------------------------------------------------------------------


def funded(rate: str, **changes: object) -> dict[str, Any]:
    data = ties_data(arbitrage=[CARRY | changes], duration="2m")
    data["markets"]["a:BTCUSDT"] = data["markets"]["a:BTCUSDT"] | {
        "funding": {"rate": rate, "schedule": "fixed"}
    }
    return data


@pytest.mark.parametrize(("rate", "side"), [("0.05 %", -1), ("0.012 %", 0), ("-0.05 %", 1)])
def test_carry_is_short_where_longs_pay_and_long_where_shorts_do(rate: str, side: int) -> None:
    """15 % a year, and four fees of 1.7 bps a day, are 3.6 bps in eight hours."""
    (held,) = lots_of(course(funded(rate)).engine, "carry")
    assert np.sign(held) == side


def test_carry_is_hedged_finite_and_slow() -> None:
    found = course(funded("0.1 %"), lambda engine: lots_of(engine, "carry"), every=1)
    (k,) = np.flatnonzero(found.engine.params.agents.kind == number_of(Agent, "carry"))
    agent, st = found.engine.params.agents[k], found.engine.state
    stock = int(st.positions.lots[agent.second]) - int(agent.initial)
    assert abs(stock + found.seen[-1, 0]) <= 0.02 * abs(stock)
    assert (
        np.abs(np.diff(found.seen[:, 0])).max() * 0.001 * 1e5 <= 2.05 * 100e3
    )  # a slice, and what is squared
    assert abs(found.seen[-1, 0]) * 0.001 * 1e5 <= 1.02 * 3 * 1e6  # three times what either wallet has ready


def test_carry_leaves_when_funding_falls() -> None:
    data = funded("0.1 %", leave="5 %")
    entered = course(data, lambda engine: lots_of(engine, "carry")).seen[:, 0]
    assert entered[-1] < 0
    engine = Engine(assemble(Scenario.model_validate(data)), Logs())
    engine.advance(60)
    assert lots_of(engine, "carry")[0] < 0
    engine.state.markets.funding_rate[A] = 0  # what longs pay is nothing from now on
    engine.advance(120)
    assert lots_of(engine, "carry") == [0]


# --- desks ----------------------------------------------------------------------------------------


def held_by(engine: Engine) -> np.ndarray:
    """Return the USD that the first maker of the desk holds on both venues, and the room that it is left."""
    makers, st = engine.params.makers, engine.state
    own = st.positions.lots[makers.position] - makers.initial
    return np.array([own[0] * 100.0, own[2] * 100.0, st.purses.room[0]])


def test_a_desk_hedges_on_the_other_venue_beyond_its_threshold() -> None:
    data = ties_data(shocks=[SALE], makers=with_desk(threshold="100k", delay="2s", capital="20M"))
    a, b, room = course(data, held_by, every=1).seen.T
    assert a[-1] > 2e6
    assert abs(a + b)[400:].max() < 0.1 * a[-1]
    assert b[-1] < -2e6
    assert room[-1] == pytest.approx(1 - (abs(a[-1]) + abs(b[-1])) / 20e6, abs=0.03)


def test_a_desk_waits_for_its_delay() -> None:
    first = {}
    for delay in (2, 60):
        data = ties_data(shocks=[SALE], makers=with_desk(threshold="100k", delay=f"{delay}s"))
        a, b, _ = course(data, held_by, every=1).seen.T
        first[delay] = int(np.argmax(b < 0)) - int(np.argmax(a > 100e3))
    assert first[60] - first[2] == 58


def test_a_quoted_hedge_rests_before_it_takes() -> None:
    data = ties_data(shocks=[SALE], makers=with_desk(threshold="100k", delay="2s", quoted="10s"))
    a, b, _ = course(data, held_by, every=1).seen.T
    assert int(np.argmax(b < 0)) - int(np.argmax(a > 100e3)) >= 12
    assert b[-1] < -2e6


@pytest.mark.parametrize(("notional", "over"), [("4M", "30s"), ("12M", "1s")], ids=["ends", "turns"])
def test_a_quoted_hedge_goes_once_it_has_no_reason(notional: str, over: str) -> None:
    """What was sold to the desk is bought back from it, or more, before anybody has taken its hedge."""
    sale = SALE | {"over": "30s", "notional": "4M"}
    back = sale | {"at": "2m", "side": "buy", "notional": notional, "over": over}
    data = ties_data(
        shocks=[sale, back], makers=with_desk(threshold="300k", delay="2s", quoted="8m"), duration="8m"
    )

    def look(engine: Engine) -> list[float]:
        """Return what the first desk holds net, in USD, and the lots of its orders that are no quotes."""
        st, places = engine.state, engine.params.makers.position[[0, 2]]
        hedges = (st.orders.lots != 0) & (st.orders.quote == NONE) & np.isin(st.orders.position, places)
        assert hedges.sum() <= 1
        a, b, _ = held_by(engine)
        return [a + b, int(st.orders.lots[hedges].sum())]

    net, hedge = course(data, look, every=1).seen.T
    assert net[100] > 300e3
    assert hedge[100] < 0
    wrong = (np.sign(hedge) == np.sign(net)) | (np.abs(net) <= 300e3)
    assert wrong[:-2].any()
    # it is cancelled in the step after that in which its reason went
    assert (hedge[1:][wrong[1:] & wrong[:-1]] == 0).all()
    assert (net[-1] < -300e3) == (notional == "12M")


def test_a_desk_never_trades_with_its_own_quotes() -> None:
    data = ties_data(shocks=[SALE], makers=with_desk(threshold="100k", delay="2s"))
    data["outputs"] = data["outputs"] | {"trades": True}
    trades = course(data).logged("trades")
    assert len(trades)
    assert (trades["maker"] != trades["taker"]).all()


def test_while_the_other_venue_is_shut_the_desk_holds_what_it_took() -> None:
    halt = {"type": "halt", "at": "50s", "over": "8m", "markets": "b:*"}
    data = ties_data(shocks=[SALE, halt], makers=with_desk(threshold="100k", delay="2s", capital="5M"))
    a, b, room = course(data, held_by, every=1).seen.T
    assert (b[:520] == 0).all()
    assert a[500] > 500e3
    assert room[500] < 0.9
    assert b[-1] < -200e3  # it hedges when the venue is open again


# --- hunters --------------------------------------------------------------------------------------


def test_a_hunter_ends_flat_and_its_gain_is_what_it_traded() -> None:
    found = course(ties_data(agents=[HUNTER], population=[FUEL], arbitrage=[to_spot("a")]))
    (k,) = np.flatnonzero(found.engine.params.agents.kind == number_of(Agent, "hunter"))
    position = int(found.engine.params.agents.position[k])
    st = found.engine.state
    assert st.positions.lots[position] == 0
    assert len(found.logged("liquidations")) > 100
    account = int(st.positions.account[position])
    assert found.gain_usd("hunters") == (int(st.balances[account, 0]) - 10_000_000 * 1_000_000) * 1e-6
    assert found.gain_usd("hunters") > 0


@pytest.mark.parametrize(
    "changes",
    [{"capital": "100k"}, {"worth": 50}, {"reach_bps": 5}],
    ids=["no capital", "not worth it", "no reach"],
)
def test_a_hunter_leaves_alone_what_it_cannot_reach_or_what_is_not_worth_it(changes: dict[str, Any]) -> None:
    found = course(ties_data(agents=[HUNTER | changes], population=[FUEL], arbitrage=[to_spot("a")]))
    assert found.gain_usd("hunters") == 0
    assert len(found.logged("liquidations")) == 0


def test_a_hunter_of_an_inverse_contract_has_coins_and_its_gain_is_in_dollars() -> None:
    data = ties_data(agents=[HUNTER | {"worth": 0.5}], population=[FUEL], duration="6m")
    data["venues"]["a"] = {"rulebook": "bitmex-2025-07", "fund": "100M"}
    data["markets"]["a:BTCUSDT"] = {
        "type": "inverse_perpetual", "asset": "BTC", "contract": "XBTUSD", "tick": 0.1, "lot": 100,
    }  # fmt: skip
    found = course(data)
    (group,) = found.drawn.tied
    assert group.cash == (100 * 10**8,)  # 10M USD at 100k
    st = found.engine.state
    account = group.accounts[0]
    assert st.accounts.settlement[account] == 1
    assert st.positions.lots[st.accounts.first_position[account]] == 0
    coins = (int(st.balances[account, 1]) - group.cash[0]) * 1e-8
    assert abs(coins) > 0.01
    assert found.gain_usd("hunters") == pytest.approx(coins * st.markets.mark[A] * 0.1, rel=1e-9)


def test_a_hunter_that_has_lost_what_it_may_closes_and_stops() -> None:
    """Others buy all that it sells: nobody is liquidated, and what it holds is closed at a loss."""
    buy = SALE | {"side": "buy", "at": "10s", "over": "3m", "notional": "60M"}
    found = course(
        ties_data(agents=[HUNTER | {"max_loss": "0.5 %", "max_order": "2M"}], population=[FUEL], shocks=[buy]),
        lambda engine: [lots_of(engine, "hunter")[0], engine.state.desks.stage[0]], every=1,
    )  # fmt: skip
    held, stage = found.seen.T
    assert held.min() < 0
    assert stage[-1] == GONE
    assert held[-1] == 0
    assert -0.1 * 10e6 < found.gain_usd("hunters") < -0.004 * 10e6


def hunted(**changes: Any) -> dict[str, Any]:
    """Return that market with fuel, and a hunter who looks once a second."""
    return ties_data(
        agents=[HUNTER | {"rate": "1 /s"} | changes],
        population=[FUEL],
        arbitrage=[to_spot("a")],
        duration="6m",
    )


def hunter_of(engine: Engine) -> list[int]:
    """Return the lots of the hunter, its stage, and the lots that makers know it to have traded."""
    desk = engine.state.desks[
        engine.params.agents.own[engine.params.agents.kind == number_of(Agent, "hunter")]
    ]
    return [lots_of(engine, "hunter")[0], int(desk.stage[0]), int(desk.held[0])]


@pytest.mark.parametrize("dt", ["100ms", "1s", "5s"])
@pytest.mark.parametrize("patience", ["10s", "2m"])
def test_a_hunter_never_closes_more_than_it_holds(dt: str, patience: str) -> None:
    held, stage, _ = course(hunted(patience=patience) | {"dt": dt}, hunter_of, every=1).seen.T
    closing = np.flatnonzero(stage[:-1] >= CLOSES)
    assert np.abs(np.diff(held)[closing]).sum() > 1_000
    assert (held[closing] * held[closing + 1] >= 0).all()
    assert (np.abs(held[closing + 1]) <= np.abs(held[closing])).all()
    assert held[-1] == 0


def test_a_hunter_that_holds_what_it_did_not_mean_to_closes_it() -> None:
    engine = Engine(assemble(Scenario.model_validate(hunted())), Logs())
    (own,) = engine.params.agents.own[engine.params.agents.kind == number_of(Agent, "hunter")]
    step = 0
    while hunter_of(engine)[:2] == [0, LOOKS] or hunter_of(engine)[0] == 0:
        engine.advance(step := step + 1)
    assert hunter_of(engine)[1] == PUSHES
    engine.state.desks.stage[own] = LOOKS
    engine.advance(step + 1)
    assert hunter_of(engine)[1] == CLOSES
    engine.advance(engine.n_steps)
    assert hunter_of(engine)[0] == 0


@pytest.mark.parametrize("patience", ["3s", "5s", "2m"])
def test_makers_are_shown_all_that_quotes_of_a_hunter_are_filled_of(patience: str) -> None:
    data = hunted(patience=patience)
    data["outputs"] = data["outputs"] | {"trades": True}
    found = course(data, hunter_of, every=1)
    held, stage, known = found.seen.T
    account = found.drawn.tied[-1].accounts[0]
    trades = found.logged("trades")
    quoted = -int(trades["lots"][trades["maker"] == account].sum())
    assert held[-1] == 0
    assert quoted != 0
    assert np.diff(known)[stage[:-1] == CLOSES].sum() == quoted


def test_take_profits_are_no_fuel() -> None:
    """Shorts that buy back just below the mark hold a fall up."""
    shorts = {
        "type": "leveraged", "name": "shorts", "markets": "a:*", "open_interest": "30M", "leverage": 5, "long_share": 0,
        "size": {"dist": "constant", "value": "50k"}, "hold": {"mean": "30d", "min": "20d"}, "turnover": False,
        "take_profit": {"share": 1, "distance": {"dist": "constant", "value": 0.02}},
    }  # fmt: skip
    data = hunted() | {"population": [shorts]}
    found = course(data, hunter_of, every=1)
    assert (found.seen[:, 0] == 0).all()
    longs = course(data | {"population": [FUEL]}, hunter_of, every=1)
    assert (longs.seen[:, 0] < 0).any()


# --- what is said of them ---------------------------------------------------------------------------


def test_they_are_told_in_the_order_in_which_they_act() -> None:
    pairs = [CARRY | {"name": "carry"}, to_spot("a")]
    scenario = Scenario.model_validate(ties_data(**ALL | {"arbitrage": pairs}))
    kinds = {"arbitrage": "arbitrage", "carry": "carry", "desks": "hedger", "hunters": "hunter"}
    told = [number_of(Agent, kinds[tie.kind]) for tie in ties_of(scenario)]
    acting = assemble(scenario).params.agents.kind
    assert told == list(dict.fromkeys(acting))


@pytest.mark.parametrize(
    ("section", "orders"), [("makers", 2 / (1 + 2 + 3)), ("agents", 2 * 0.5)], ids=["hedges", "hunter"]
)
def test_a_run_costs_their_orders_too(section: str, orders: float) -> None:
    """Two desks hedge every six seconds at most; a hunter cancels and sends at each look."""
    found = []
    for changes in ({}, {section: ALL[section]}):
        scenario = Scenario.model_validate(ties_data(**changes))
        found.append(cost_of(scenario, assemble(scenario)).orders_per_step)
    assert found[1] - found[0] == pytest.approx(orders)


# --- all of them ----------------------------------------------------------------------------------


def test_tables_are_the_same_however_it_is_cut_and_nothing_is_lost() -> None:
    scenario = Scenario.model_validate(ties_data(shocks=[SALE], duration="4m", **ALL))
    smallest = Capacity(*(1 for _ in Capacity._fields))
    logs = []
    for chunk, capacity in ((10_000, None), (7, smallest)):
        logs.append(Logs())
        simulate(Engine(assemble(scenario, capacity=capacity), logs[-1]), chunk)
    for table in logs[0].tables:
        np.testing.assert_array_equal(logs[1][table], logs[0][table], err_msg=table)
    assert course(ties_data(shocks=[SALE], duration="4m", **ALL)).engine.step == 240


@pytest.mark.parametrize(
    ("channel", "kind"),
    [("arbitrage", "arbitrage"), ("carry", "carry"), ("hedging", "hedger"), ("hunting", "hunter")],
)
def test_who_is_switched_off_does_not_trade_and_moves_nobody_else_s_luck(channel: str, kind: str) -> None:
    crowd = {
        "type": "leveraged", "name": "crowd", "markets": "b:*", "accounts": 200, "leverage": 10,
        "hold": {"mean": "1m", "min": "10s"},
    }  # fmt: skip
    more = ALL | {"population": [FUEL, crowd], "flow": [{"name": "flow", "markets": "*"}]}
    data = ties_data(shocks=[SALE], duration="2m", channels={channel: False}, **more)
    found = course(data)
    if kind != "hedger":
        assert set(lots_of(found.engine, kind)) == {0}
    on = assemble(Scenario.model_validate(data | {"channels": {}}))
    np.testing.assert_array_equal(found.engine.params.agents.key, on.params.agents.key)
    np.testing.assert_array_equal(found.drawn.params.flows.key, on.params.flows.key)


def test_a_market_without_them_has_no_row_of_theirs() -> None:
    drawn = assemble(Scenario.model_validate(ties_data(arbitrage=[to_spot("a")])))
    assert len(drawn.params.ties) == 0
    assert drawn.tied == ()
    assert not np.isin(drawn.state.accounts.kind, (par.CARRY_ACCOUNT, par.HUNTER_ACCOUNT)).any()
    assert (drawn.params.makers.desk == np.arange(len(drawn.params.makers))).all()

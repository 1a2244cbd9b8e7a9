"""The Mesa face: same tables as the engine without agents; an agent that trades is margined like anyone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from cascade.agent import Trader
from cascade.core import params as k
from cascade.core.check import breaches
from cascade.engine import Engine, rejections, simulate
from cascade.model import CascadeModel, Logs
from cascade.scenario.schema import Scenario
from tests.support.scenarios import small_data, small_scenario


class Buyer(Trader):
    """Buys once, then rests an offer above the market until it is filled or the run ends."""

    def step(self) -> None:
        """Buy in step 5; offer in step 10."""
        now = self.market_model.engine.step
        if now == 5:
            self.buy("venue:BTCUSDT", 2.0)
        elif now == 10:
            market = self.market_model.markets["venue:BTCUSDT"]
            self.sell("venue:BTCUSDT", 1.0, limit=round(market.mark * 1.01, 1))


def engine_logs(scenario: object) -> Logs:
    from cascade.assembly import assemble

    logs = Logs()
    simulate(Engine(assemble(scenario), logs), 10_000)
    return logs


def test_model_without_agents_gives_the_tables_of_the_engine() -> None:
    scenario = small_scenario()
    model = CascadeModel(scenario)
    while model.running:
        model.step()
    reference = engine_logs(scenario)
    assert set(model.logs.tables) == set(reference.tables)
    for table in reference.tables:
        np.testing.assert_array_equal(model.logs[table], reference[table])


def test_agent_trades_holds_margin_and_keeps_the_books() -> None:
    model = CascadeModel(small_scenario(), agents=[lambda model: Buyer(model, cash=50_000)], collect_every=10)
    (buyer,) = model.agents.select(agent_type=Buyer)
    for _ in range(30):
        model.step()
    engine = model.engine
    assert buyer.position("venue:BTCUSDT") == pytest.approx(2.0)
    assert buyer.equity == pytest.approx(50_000, rel=0.02)
    assert engine.state.accounts[buyer.account].reserved > 0
    assert breaches(engine.state, engine.params, engine.endowment) == []
    figures = model.datacollector.get_model_vars_dataframe()
    assert len(figures) == 4  # at the start, and after every ten steps
    assert figures["venue:BTCUSDT mark"].iloc[-1] == pytest.approx(107_000, rel=0.01)


def test_order_beyond_margin_is_rejected_and_counted() -> None:
    class Dreamer(Trader):
        def step(self) -> None:
            self.buy("venue:BTCUSDT", 100.0)

    model = CascadeModel(small_scenario(), agents=[lambda model: Dreamer(model, cash=1_000)])
    model.step()
    (dreamer,) = model.agents
    assert dreamer.position("venue:BTCUSDT") == 0.0
    assert model.engine.state.counts.sum() == 1


def test_agent_is_liquidated_when_its_margin_fails() -> None:
    class Gambler(Trader):
        def step(self) -> None:
            if self.market_model.engine.step == 5:
                self.buy("venue:BTCUSDT", 4.0)

    scenario = small_scenario(shocks=[{"type": "news", "at": "20s", "asset": "BTC", "move": "-3 %"}])
    model = CascadeModel(scenario, agents=[lambda model: Gambler(model, cash=6_000)])
    (gambler,) = model.agents
    while model.running:
        model.step()
    assert gambler.position("venue:BTCUSDT") == 0.0
    assert gambler.account in model.logs["liquidations"]["account"]
    engine = model.engine
    assert breaches(engine.state, engine.params, engine.endowment) == []


class Told(Trader):
    """Does in each step what a test tells it."""

    orders: dict[int, Callable[[Told], None]]

    def step(self) -> None:
        """Do what is due."""
        self.orders.get(self.market_model.engine.step, lambda _: None)(self)


def told(cash: float = 50_000, **orders: Callable[[Told], None]) -> tuple[CascadeModel, Told]:
    """Return a market with an agent that does `at_3` in step 3."""
    model = CascadeModel(small_scenario(), agents=[lambda model: Told(model, cash=cash)])
    (agent,) = model.agents
    agent.orders = {int(name.removeprefix("at_")): order for name, order in orders.items()}
    return model, agent


def resting(model: CascadeModel, agent: Told) -> list[tuple[int, int]]:
    """Return lots and tick of the orders that an agent has in the books."""
    state, found = model.engine.state, []
    order = int(state.accounts[agent.account].first_order)
    while order >= 0:
        found.append((int(state.orders[order].lots), int(state.orders[order].tick)))
        order = int(state.orders[order].own_next)
    return sorted(found)


def test_an_order_below_a_lot_is_rejected_and_counted() -> None:
    model, agent = told(
        at_2=lambda agent: agent.buy("venue:BTCUSDT", 0.0004),
        at_3=lambda agent: agent.sell("venue:BTCUSDT", 0.0009, limit=120_000.0),
        at_4=lambda agent: agent.buy("venue:BTCUSDT", 0.0),
    )
    for _ in range(6):
        model.step()
    assert rejections(model.engine) == {"size rounds to no lot": 3}
    assert agent.position("venue:BTCUSDT") == 0.0


@pytest.mark.parametrize("limit", [0.04, 0.0, -5.0, 1e12])
def test_a_limit_that_is_no_price_is_rejected_and_counted(limit: float) -> None:
    model, _ = told(at_2=lambda agent: agent.buy("venue:BTCUSDT", 1.0, limit=limit))
    for _ in range(4):
        model.step()
    assert rejections(model.engine) == {"price outside the venue's band": 1}
    assert breaches(model.engine.state, model.engine.params, model.engine.endowment) == []


def test_an_order_is_never_for_more_nor_at_a_worse_price_than_was_asked() -> None:
    """Ticks of 0.1 and lots of 0.001; 0.1 is none in binary, and what is whole in decimals stays whole."""

    def send(agent: Told) -> None:
        agent.buy("venue:BTCUSDT", 0.0019, limit=105_000.19)
        agent.buy("venue:BTCUSDT", 0.003, limit=105_000.3)
        agent.sell("venue:BTCUSDT", 0.0019, limit=109_000.11)
        agent.sell("venue:BTCUSDT", 0.007, limit=109_000.3)

    model, agent = told(at_2=send)
    for _ in range(4):
        model.step()
    assert resting(model, agent) == [(-7, 1_090_003), (-1, 1_090_002), (1, 1_050_001), (3, 1_050_003)]


def test_an_agent_takes_all_its_orders_back() -> None:
    """Those of every market, and what they reserved; orders of others stay, and so do those sent afterwards."""

    def send(agent: Told) -> None:
        agent.buy("venue:BTCUSDT", 0.5, limit=104_000.0)
        agent.sell("venue:BTCUSDT", 0.5, limit=110_000.0)
        agent.buy("spot:BTCUSD", 0.1, limit=104_000.0)

    def again(agent: Told) -> None:
        agent.cancel_all()
        agent.sell("venue:BTCUSDT", 0.2, limit=111_000.0)

    model, agent = told(at_2=send, at_5=lambda agent: agent.cancel_all(), at_8=send, at_11=again)
    state = model.engine.state
    seen = []
    for _step in range(13):
        model.step()
        state = model.engine.state
        seen.append((len(resting(model, agent)), int(state.accounts[agent.account].reserved) > 0))
    assert seen == [(0, False)] * 2 + [(3, True)] * 3 + [(0, False)] * 3 + [(3, True)] * 3 + [(1, True)] * 2
    assert (state.orders.lots != 0).sum() > 100
    assert breaches(state, model.engine.params, model.engine.endowment) == []


def test_more_agents_than_accounts_is_refused() -> None:
    model = CascadeModel(small_scenario())
    with pytest.raises(ValueError, match="no account is left"):
        Buyer(model, cash=1.0)


def test_stepping_past_the_end_does_nothing() -> None:
    model = CascadeModel(small_scenario(duration="5s"))
    for _ in range(8):
        model.step()
    assert model.engine.step == 5
    assert not model.running


def test_a_log_to_which_nothing_was_written_is_empty() -> None:
    logs = Logs()
    for table in ("bars", "liquidations", "adl", "trades"):
        assert len(logs[table]) == 0
        assert logs[table]["step"].dtype == np.int64
    with pytest.raises(KeyError):
        logs["fills"]


class Collector(Trader):
    """Buys spot, then a levered perpetual, and holds both."""

    def step(self) -> None:
        now = self.market_model.engine.step
        if now == 5:
            self.buy("spot:BTCUSD", 0.5)
        elif now == 7:
            self.buy("venue:BTCUSDT", 20.0)


def test_an_insolvent_agent_is_settled_by_the_fund_of_its_own_venue() -> None:
    """Its spot is sold with the rest; the loss is that fund's, though its first market is on another venue."""
    shock = [{"type": "news", "at": "20s", "asset": "BTC", "move": "-12 %"}]
    model = CascadeModel(small_scenario(shocks=shock), agents=[lambda m: Collector(m, cash=160_000)])
    (agent,) = model.agents
    while model.engine.step < 18:
        model.step()
    assert agent.position("spot:BTCUSD") == pytest.approx(0.5)
    assert agent.position("venue:BTCUSDT") == pytest.approx(20.0)
    while model.running:
        model.step()
    engine = model.engine
    assert breaches(engine.state, engine.params, engine.endowment) == []
    assert agent.position("spot:BTCUSD") == agent.position("venue:BTCUSDT") == 0.0
    assert agent.equity == 0.0
    spot_fund = engine.params.venues[0].fund
    assert engine.state.balances[spot_fund, 0] == 0
    assert engine.state.ledger[0].fund_losses > 0


def test_an_agent_pays_fees_sells_only_spot_it_holds_and_closes_without_margin() -> None:
    class Poor(Trader):
        def step(self) -> None:
            now = self.market_model.engine.step
            if now == 2:
                self.sell("spot:BTCUSD", 0.1)  # refused: nothing held
            elif now == 4:
                self.buy("venue:BTCUSDT", 1.2)
            elif now == 6:
                self.sell("venue:BTCUSDT", 1.2)  # no margin is free, none is needed

    model = CascadeModel(small_scenario(), agents=[lambda m: Poor(m, cash=1_120)])
    (agent,) = model.agents
    for _ in range(6):
        model.step()
    assert agent.position("venue:BTCUSDT") == pytest.approx(1.2)
    fee = 1.2 * 107_000 * 0.0005
    assert agent.equity == pytest.approx(1_120 - fee, abs=0.4 * fee)
    for _ in range(2):
        model.step()
    assert agent.position("venue:BTCUSDT") == agent.position("spot:BTCUSD") == 0.0
    reasons = dict(zip(k.REASONS, model.engine.state.counts.tolist(), strict=True))
    assert {why for why, n in reasons.items() if n} == {"holding is not enough to sell"}


def test_an_agent_lives_on_one_venue() -> None:
    class Idle(Trader):
        def step(self) -> None:
            pass

    model = CascadeModel(
        small_scenario(), agents=[lambda m: Idle(m, 1e5), lambda m: Idle(m, 1e5, venue="spot")]
    )
    at_home, elsewhere = model.agents
    assert (at_home.venue, elsewhere.venue) == ("venue", "spot")
    with pytest.raises(ValueError, match="account is on spot"):
        elsewhere.buy("venue:BTCUSDT", 1.0)
    at_home.buy("spot:BTCUSD", 0.1)
    model.step()
    assert at_home.position("spot:BTCUSD") == pytest.approx(0.1)
    with pytest.raises(ValueError, match="there is no venue 'moon'"):
        CascadeModel(small_scenario(), agents=[lambda m: Idle(m, 1.0, venue="moon")])


def test_agents_trade_where_there_is_only_spot() -> None:
    class Saver(Trader):
        def step(self) -> None:
            self.buy("spot:BTCUSD", 0.1)

    data = small_data(population=[], arbitrage=[])
    del data["markets"]["venue:BTCUSDT"]
    model = CascadeModel(Scenario.model_validate(data), agents=[lambda m: Saver(m, cash=50_000)])
    (saver,) = model.agents
    for _ in range(20):
        model.step()
    assert 0.4 <= saver.position("spot:BTCUSD") < 50_000 / 106_000
    engine = model.engine
    assert breaches(engine.state, engine.params, engine.endowment) == []

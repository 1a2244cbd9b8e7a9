"""What every kind of agent keeps: nothing is lost, tables are the same however a run is cut, luck is its own."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest

from cascade.assembly import assemble
from cascade.core.check import breaches
from cascade.core.start import Capacity
from cascade.core.state import Array
from cascade.engine import Engine, simulate
from cascade.model import Logs
from cascade.names import Agent, names_of, number_of
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_agents import Lone
from tests.support.ties import FUEL, HUNTER, SALE, ties_data, to_spot, with_desk

WALLETS = {"capital": "5M", "transfer": "20s", "fee": "0.03 %"}
HALT = {"type": "halt", "at": "90s", "over": "30s", "markets": "a:*"}
OF_KIND: dict[str, dict[str, Any]] = {
    "news_taker": {"news_takers": [{"name": "it", "markets": "*"}]},
    "background": {"flow": [{"name": "it", "markets": "*"}]},
    "splitters": {"flow": [{"name": "it", "markets": "*", "type": "splitters"}]},
    "arbitrage": {
        "arbitrage": [
            to_spot("a", wallets=WALLETS, hold="8h"), to_spot("b"),
            {"type": "venues", "name": "it", "perpetual": "b:BTCUSDT", "against": "a:BTCUSDT", "wallets": WALLETS},
        ]
    },
    "carry": {"arbitrage": [to_spot("a", type="carry", wallets=WALLETS, rate="1 /s")]},
    "hedger": {"makers": with_desk(threshold="50k", delay="1s", quoted="2s", capital="3M")},
    "hunter": {"agents": [HUNTER], "population": [FUEL]},
    "dip_buyer": {"agents": [{"type": "dip_buyer", "name": "it", "markets": "*", "below": [0, "1 %"], "rate": "1 /s"}]},
}  # fmt: skip
"""A group of each kind; the sale and the news move the market that it is in. Of a kind that is not here it is made of
the examples of its model."""

PAIRS = ("arbitrage", "carry")

NEWS = {"type": "news", "at": "20s", "over": "30s", "asset": "BTC", "move": "-0.5 %"}


def example_of(kind: str) -> dict[str, Any]:
    """Return a group of a kind that trades by itself, of the examples of its model."""
    (model,) = (each for each in get_args(Lone) if get_args(each.model_fields["type"].annotation) == (kind,))
    said = {key: field.examples[0] for key, field in model.model_fields.items() if field.examples}
    return {"agents": [said | {"type": kind, "name": "it", "markets": "*", "rate": "1 /s"}]}


def group_of(kind: str) -> dict[str, Any]:
    """Return the part of a scenario that has a group of a kind."""
    return OF_KIND[kind] if kind in OF_KIND else example_of(kind)


def scenario_of(kind: str, **changes: Any) -> Scenario:
    """Return a market of three minutes with a group of a kind, a sale, a fall and a halt."""
    sale = SALE | {"at": "10s", "over": "1m"}
    data = ties_data(shocks=[sale, NEWS, HALT], duration="3m") | group_of(kind) | changes
    data["outputs"] = data["outputs"] | {"trades": True}
    return Scenario.model_validate(data)


def accounts_of(engine: Engine, kind: str) -> Array:
    """Return the accounts that trade for the agents of a kind."""
    st, p = engine.state, engine.params
    if kind == "hedger":
        places = p.makers.position[p.makers.desk != np.arange(len(p.makers))]
    elif kind == "splitters":  # a follower, and behind it those who send for the others
        places = np.concatenate([row.first_position + np.arange(1 + row.n_singles) for row in p.splitters])
    else:
        mine = p.agents[p.agents.kind == number_of(Agent, kind)]
        places = np.concatenate([mine.position, mine.second]) if kind in PAIRS else mine.position
    return np.unique(st.positions.account[places])


@pytest.mark.parametrize("kind", names_of(Agent))
def test_nothing_is_lost_at_any_step_and_it_trades(kind: str) -> None:
    drawn, logs = assemble(scenario_of(kind)), Logs()
    engine = Engine(drawn, logs)
    assert (engine.params.agents.kind == number_of(Agent, kind)).any()
    for step in range(1, engine.n_steps + 1):
        engine.advance(step)
        assert not breaches(engine.state, engine.params, drawn.endowment), step
    engine.drain()
    trades = logs["trades"]
    mine = accounts_of(engine, kind)
    sent = trades[np.isin(trades["taker"], mine)]
    assert len(sent) > 0
    shut = sent[(sent["step"] >= 90) & (sent["step"] < 120)]
    assert not (shut["market"] == 1).any()


@pytest.mark.parametrize("kind", names_of(Agent))
def test_tables_are_the_same_with_the_smallest_buffers(kind: str) -> None:
    smallest, logs = Capacity(*(1 for _ in Capacity._fields)), []
    for chunk, capacity in ((10_000, None), (11, smallest)):
        logs.append(Logs())
        simulate(Engine(assemble(scenario_of(kind), capacity=capacity), logs[-1]), chunk)
    for table in logs[0].tables:
        np.testing.assert_array_equal(logs[1][table], logs[0][table], err_msg=table)


@pytest.mark.parametrize("kind", sorted({*names_of(Agent)} - {"background", "splitters", "hedger"}))
def test_one_who_never_acts_leaves_the_market_as_it_is_without_them(kind: str) -> None:
    """Their accounts are there, and nobody's draws have moved."""
    (section,) = {*group_of(kind)} - {"population"}
    prices = []
    for changes in ({}, {section: []}):
        engine = Engine(
            assemble(scenario_of(kind, **changes, flow=[{"name": "crowd", "markets": "*"}])), Logs()
        )
        engine.params.agents.rate[engine.params.agents.kind == number_of(Agent, kind)] = 0.0
        engine.advance(engine.n_steps)
        prices.append(engine.state.markets[["best_bid", "best_ask", "last", "mark", "traded"]].copy())
    np.testing.assert_array_equal(*prices)

"""What an explanation says of a sale, against the shipped markets with and without it under the same luck."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cascade.assembly import assemble
from cascade.engine import Engine
from cascade.experiment.observe import observe
from cascade.experiment.sales import Sale, responses
from cascade.explain.sale import LATER_S, OVER_S, SALE_USD, sale_in
from cascade.model import Logs
from cascade.output.columns import to_numpy
from cascade.scenario.liquidity import daily_flow
from cascade.scenario.load import load
from cascade.scenario.schema import Scenario
from tests.support.scenarios import small_data

SCENARIOS = Path(__file__).parents[2] / "scenarios"
MARKET = "offshore:BTCUSDT"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["normal-days", "btc-2025-07-01"])
def test_a_sale_that_is_worked_moves_a_shipped_market_as_an_explanation_says(name: str) -> None:
    scenario = load(SCENARIOS / f"{name}.yaml").replace(population=[])
    told = sale_in(scenario, assemble(scenario), MARKET)
    found = responses(scenario, MARKET, (Sale(SALE_USD, OVER_S, LATER_S),))
    (response,) = found.values()
    moved, end = response.moved_bps, round(OVER_S)
    assert moved[end - 120 : end].mean() == pytest.approx(told.end_bps, rel=0.25)
    assert moved[-300:].mean() == pytest.approx(told.later_bps, rel=0.25, abs=0.05)


def test_a_sale_at_once_is_filled_where_an_explanation_says() -> None:
    sale = {"type": "market_order", "at": "60s", "market": "venue:BTCUSDT", "side": "sell", "notional": 5e6}
    data = small_data(news_takers=[], flow=[], population=[], arbitrage=[], shocks=[sale])
    data["assets"] = {"BTC": {"news": {"type": "constant", "price": 107000}}}
    scenario = Scenario.model_validate(data)
    told = sale_in(scenario, assemble(scenario), "venue:BTCUSDT", 5e6)
    engine = Engine(assemble(scenario), Logs())
    engine.advance(60)
    mid, positions = float(engine.state.markets.mid2[1]) / 2.0, engine.state.positions.lots.copy()
    balances = engine.state.balances[:, 0].copy()
    engine.advance(61)
    (seller,) = np.flatnonzero(engine.state.positions.lots - positions < -40_000)
    sold = float(positions[seller] - engine.state.positions.lots[seller])
    account = int(engine.state.positions.account[seller])
    got = float(engine.state.balances[account, 0] - balances[account])
    price = got / sold / float(engine.params.markets.unit[1])
    assert told.mean_bps is not None
    assert told.last_bps is not None
    assert told.mean_bps == pytest.approx(1e4 * np.log(mid / price), rel=0.15)
    assert told.last_bps > told.mean_bps


def test_more_than_the_book_holds_has_no_price() -> None:
    scenario = Scenario.model_validate(small_data(population=[]))
    told = sale_in(scenario, assemble(scenario), "venue:BTCUSDT", 81e6)
    assert (told.mean_bps, told.last_bps) == (None, None)
    assert sale_in(scenario, assemble(scenario), "venue:BTCUSDT", 79e6).last_bps == 200.0


@pytest.mark.parametrize(
    "flow",
    [
        {"market_orders": {"rate": "5 /s"}},
        {"type": "splitters", "rate": "8 /s", "tilt": {"follow_size": 0}, "swing": 0, "split": {"share": 0}},
    ],
)
def test_flow_of_a_day_is_what_is_traded(flow: dict[str, object]) -> None:
    size = {"dist": "lognormal", "median": "3k", "sigma": 1, "max": "1M"}
    if "market_orders" in flow:
        flow = {"market_orders": {"rate": "5 /s", "size": size}, "limit_orders": {"rate": "1e-6 /s"}}
    else:
        flow = flow | {"size": size}
    data = small_data(news_takers=[], arbitrage=[], population=[], duration="1200s")
    data["flow"] = [{"name": "crowd", "markets": "venue:*", **flow}]
    scenario = Scenario.model_validate(data)
    observer = observe(scenario, 0, {"bars": ("volume_usd",)}, ("venue:BTCUSDT",), None, None, lambda: False)
    traded = to_numpy(observer.replicate("bars", 0).column("volume_usd")).sum()
    assert traded * 86_400 / 1200 == pytest.approx(daily_flow(scenario, "venue:BTCUSDT"), rel=0.1)

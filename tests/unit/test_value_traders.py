"""Value traders lean against a price that has left the news value, with what capital they have."""

from __future__ import annotations

from typing import Any

import pytest

from cascade.assembly import assemble
from cascade.engine import Engine
from cascade.model import Logs
from cascade.scenario.schema import Scenario
from tests.support.scenarios import small_data

VALUE = {
    "type": "value", "name": "value", "markets": "venue:*", "threshold_bps": 5, "gain_usd_per_bps": "20k",
    "rate": "1 /s", "capital": "1M", "max_order": "200k",
}  # fmt: skip
SALE = {
    "type": "market_order",
    "at": "5s",
    "over": "20s",
    "market": "venue:BTCUSDT",
    "side": "sell",
    "notional": "8M",
}


def after_a_sale(**value: Any) -> tuple[float, float]:
    """Return the last mark of the perpetual in USD after a sale, and what value traders hold of it in USD."""
    data = small_data(news_takers=[], flow=[], arbitrage=[], population=[], shocks=[SALE])
    data["assets"] = {"BTC": {"news": {"type": "constant", "price": 107000}}}
    data["makers"] = [{**data["makers"][0], "learning": {"impact_bps_per_million": 5}}]
    data["agents"] = [VALUE | value] if value else []
    engine = Engine(assemble(Scenario.model_validate(data)), Logs())
    engine.advance(60)
    mark = float(engine.state.markets.mark[1]) * 0.1
    held = engine.state.positions[int(engine.params.agents[-1].position)].lots if value else 0
    return mark, float(held) * 0.001 * mark


def test_they_buy_what_a_sale_has_made_cheap_and_hold_the_price_up() -> None:
    alone, _ = after_a_sale()
    mark, held = after_a_sale(threshold_bps=5)
    assert alone < mark < 107_000
    assert held == pytest.approx(1e6, rel=0.03)  # all their capital


def test_capital_threshold_and_orders_bound_what_they_do() -> None:
    _, half = after_a_sale(capital="500k")
    assert half == pytest.approx(0.5e6, rel=0.03)
    assert after_a_sale(threshold_bps=500)[1] == 0.0
    _, slow = after_a_sale(max_order="1k")
    assert 20e3 < slow < 60e3

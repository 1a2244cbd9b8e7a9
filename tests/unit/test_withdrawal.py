"""Makers withdraw from the side that is hit, by their own losses, and near quotes first."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from cascade.assembly import assemble
from cascade.core.state import NONE
from cascade.engine import Engine
from cascade.model import Logs
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_withdrawal import NearFirst, Withdrawal
from tests.support.scenarios import small_data

PRICE, MARKET = 107_000.04, 1
LEVELS = (1, 5, 20, 80)
SALE = {
    "type": "market_order", "at": "10s", "over": "5s", "market": "venue:BTCUSDT", "side": "sell",
    "notional": "600k",
}  # fmt: skip
FALL = {"type": "news", "at": "20s", "asset": "BTC", "move": "-2 %"}


def market(rule: dict[str, Any], *shocks: dict[str, Any], **changes: Any) -> Engine:
    """Return a market of three makers alone, who withdraw by a rule and by volatility never."""
    changes = {"news_takers": [], "flow": [], "arbitrage": [], "population": []} | changes
    data = small_data(shocks=list(shocks), **changes)
    data["outputs"] = {"bars": data["duration"]}
    data["assets"] = {"BTC": {"news": {"type": "constant", "price": PRICE}}}
    data["makers"][0] |= {
        "levels_bps": LEVELS, "level_jitter": [1, 1], "fair_noise_bps": 0, "skew_bps": 0, "tolerance": 0,
        "learning": {"impact_bps_per_million": 0}, "withdrawal": {"calm_volatility": "25 %", "exponent": 0} | rule,
    }  # fmt: skip
    return Engine(assemble(Scenario.model_validate(data)), Logs())


def resting(engine: Engine, side: int) -> np.ndarray:
    """Return the lots that a maker of the perpetual has at each level on one side: 0 bids, 1 asks."""
    first = next(
        int(m.first_quote) for m in engine.params.makers if engine.state.positions[m.position].market
    )
    orders = engine.state.quotes[first + side : first + 2 * len(LEVELS) : 2]
    assert (orders != NONE).all()
    return np.abs(engine.state.orders.lots[orders]).astype(float)


def left(ratio: float, exponent: float, floor: float) -> float:
    return max(min(ratio**-exponent, 1.0) if ratio > 0 else 1.0, floor)


def test_the_side_that_is_hit_is_thinned_by_net_flow_over_depth_with_memory() -> None:
    rule = {"threshold": "0.01x", "within_bps": 10, "memory": "7s", "exponent": 0.5, "floor": "40 %"}
    engine = market({"one_sided": rule}, SALE)
    depth, net, before, flow, lows = 9e6 * (0.2 + 0.2), 0.0, 0.0, 0.0, []
    for step in range(1, 60):
        engine.advance(step)
        net = math.exp(-1 / 7) * net + flow
        found = engine.state.pressures[MARKET]
        assert found.net / 1e6 == pytest.approx(net, abs=1.0)
        assert found.bids_left == pytest.approx(left(-net / (0.01 * depth), 0.5, 0.4), rel=1e-4)
        assert found.asks_left == 1.0
        lows.append(float(found.bids_left))
        flow = float(engine.state.markets.flow.sum()) / 1e6 - before
        before += flow
    assert before == pytest.approx(-600e3, rel=0.01)
    assert lows[:10] == [1.0] * 10
    assert min(lows) == 0.4
    assert lows[-1] == 1.0


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_near_quotes_go_first(power: float) -> None:
    rule = {"threshold": "0.01x", "memory": "5m", "floor": "10 %"}
    engine = market({"one_sided": rule, "near_first": {"within_bps": 5, "power": power}}, SALE)
    engine.advance(5)
    calm = resting(engine, 0)
    engine.advance(30)
    thin = float(engine.state.pressures[MARKET].bids_left)
    assert thin == 0.1
    share = resting(engine, 0) / calm
    assert share == pytest.approx([thin, thin, thin ** (0.25**power), thin ** (0.0625**power)], rel=0.02)
    assert resting(engine, 1) / calm == pytest.approx(1, rel=0.01)


def test_a_maker_who_lost_quotes_less_and_comes_back_with_its_memory() -> None:
    losses = {"threshold": "0.001 %", "memory": "20s", "exponent": 2, "floor": "1 %"}
    engine = market({"losses": losses}, SALE, FALL)
    k = next(
        k for k, m in enumerate(engine.params.makers) if engine.state.positions[m.position].market == MARKET
    )
    maker = engine.params.makers[k]
    engine.advance(19)
    calm, shares = resting(engine, 1), []
    assert engine.state.purses[k].left == 1.0
    for step in range(21, 100):
        engine.advance(step)
        mark = float(engine.state.markets[MARKET].mark) * 0.1
        lost = (
            float(engine.state.positions.lots[maker.position]) * 0.001 * (PRICE - mark)
        )  # what it bought fell
        ratio = lost * math.exp(-(step - 20) / 20) / (1e-5 * maker.cap * 0.001 * mark)
        shares.append(float(engine.state.purses[k].left))
        assert shares[-1] == pytest.approx(left(ratio, 2, 0.01), rel=0.12)
        if step == 23:
            assert resting(engine, 1) / calm == pytest.approx(shares[-2], rel=0.05)
    assert shares[0] < 0.2
    assert shares[-1] == 1.0


@pytest.mark.parametrize("capital", [None, "desk"])
def test_who_shares_a_capital_bears_what_is_lost_in_another_market(capital: str | None) -> None:
    losses = {"threshold": "0.001 %", "memory": "20s", "exponent": 2, "floor": "1 %", "capital": capital}
    engine = market({"losses": losses}, SALE, FALL)
    mine = [engine.state.positions[m.position].market == MARKET for m in engine.params.makers]
    here, elsewhere = mine.index(True), mine.index(False)
    engine.advance(19)
    assert (engine.state.purses.left == 1).all()
    engine.advance(22)  # the sale was here; on spot they have traded nothing
    assert engine.state.purses[here].left < 0.5
    makers = engine.params.makers
    at = [losses_at(engine, k) for k in range(len(makers))]
    if capital is None:
        assert engine.state.purses[elsewhere].left == 1.0
        assert engine.state.purses[here].at == pytest.approx(at[here])
    else:
        assert engine.state.purses[elsewhere].left == engine.state.purses[here].left
        assert engine.state.purses[int(makers[here].purse)].at == pytest.approx(sum(at))


def losses_at(engine: Engine, k: int) -> float:
    """Return the loss at which maker k withdraws: a share of its cap at mark, in money units."""
    maker = engine.params.makers[k]
    m = int(engine.state.positions[maker.position].market)
    fixed = engine.params.markets[m]
    return 1e-5 * maker.cap * fixed.lot_size * fixed.tick_size * float(engine.state.markets[m].mark) * 1e6


def test_nearness_falls_with_a_power_of_distance() -> None:
    rule = NearFirst.model_validate({"within_bps": 10, "power": 0.5})
    assert rule.nearness(np.array([0.0, 1.0, 10.0, 40.0, 1000.0])) == pytest.approx([1, 1, 1, 0.5, 0.1])


def test_what_remains_is_the_product_of_the_floors() -> None:
    calm = {"calm_volatility": "25 %", "floor": "50 %"}
    assert Withdrawal.model_validate(calm).remains() == 0.5
    both = calm | {"one_sided": {"floor": "20 %"}, "losses": {"floor": "10 %"}}
    assert Withdrawal.model_validate(both).remains() == pytest.approx(0.01)


def test_it_is_off_unless_written_and_closes_with_its_channel() -> None:
    assert Withdrawal.model_validate({"calm_volatility": "25 %"}).model_dump()["one_sided"] is None
    rule = {"one_sided": {"threshold": "0.001x"}, "losses": {"threshold": "0.0001 %"}}
    for engine in (market({}, SALE, FALL), market(rule, SALE, FALL, channels={"maker_withdrawal": False})):
        engine.advance(60)
        assert (engine.state.pressures.bids_left == 1).all()
        assert (engine.state.purses.left == 1).all()


@pytest.mark.parametrize(("side", "times"), [("sell", 4.0), ("buy", 1.0)])
def test_a_scheduled_order_moves_the_price_by_what_is_left_of_the_side_that_it_hits(
    side: str, times: float
) -> None:
    impact = {"daily_volume": "2B", "daily_volatility": "3 %", "depth_exponent": 1}
    found = []
    for bids_left in (1.0, 0.25):
        data = small_data(
            shocks=[SALE | {"side": side}], news_takers=[], flow=[], arbitrage=[], population=[],
            assets={"BTC": {"news": {"type": "constant", "price": PRICE}, "impact": impact}},
        )  # fmt: skip
        engine = Engine(assemble(Scenario.model_validate(data)), Logs())
        engine.state.pressures.bids_left[:] = bids_left
        engine.advance(16)
        found.append(float(engine.state.assets[0].forced_impact))
    assert found[1] / found[0] == pytest.approx(times, rel=0.01)

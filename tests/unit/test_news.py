"""News values: anchors are met exactly at their own times, between them a bridge of the right spread."""

from __future__ import annotations

import numpy as np
import pytest

from cascade.assembly import assemble
from cascade.engine import Engine
from cascade.model import Logs
from cascade.scenario.schema import Scenario
from tests.support.scenarios import small_data, small_scenario

ANCHORS = [["0s", 107_000], ["7s", 106_000], ["20.5s", 104_000], ["20.8s", 103_500], ["60s", 105_000]]


def bare(
    points: list[list[object]], volatility: str = "0 %", replicate: int = 0, **changes: object
) -> list[float]:
    """Return the news value after every step of a market in which nobody trades."""
    data = small_data(makers=[], news_takers=[], flow=[], arbitrage=[], population=[], **changes)
    data["assets"] = {"BTC": {"news": {"type": "anchors", "points": points, "volatility": volatility}}}
    engine = Engine(assemble(Scenario.model_validate(data), replicate), Logs())
    found = []
    while engine.step < engine.n_steps:
        engine.advance(engine.step + 1)
        found.append(float(engine.state.assets[0].value))
    return found


def test_anchors_are_met_at_their_times_and_the_way_between_is_straight_in_logs() -> None:
    values = bare(ANCHORS)
    steps = np.arange(1, 121)
    times = [float(str(t).rstrip("s")) for t, _ in ANCHORS]
    wanted = np.exp(np.interp(steps, times, np.log([p for _, p in ANCHORS])))
    np.testing.assert_allclose(values, wanted, rtol=1e-12)


@pytest.mark.parametrize("dt", ["1s", "500ms"])
def test_every_anchor_on_a_step_is_met_whatever_the_volatility(dt: str) -> None:
    values = bare([["0s", 107_000], ["7s", 106_000], ["8s", 103_000], ["60s", 105_000]], "80 %", dt=dt)
    per_second = 1 if dt == "1s" else 2
    for second, price in ((7, 106_000), (8, 103_000), (60, 105_000)):
        assert values[second * per_second - 1] == pytest.approx(price, rel=1e-12)
    assert values[-1] == values[60 * per_second - 1]  # after the last anchor it stays


@pytest.mark.slow
def test_the_bridge_spreads_as_a_bridge_does() -> None:
    """Half-way between anchors 60 s apart, log values have variance s^2 T / 4 (Karatzas and Shreve 5.6.B)."""
    points = [["0s", 107_000], ["60s", 105_000]]
    middle = np.array([bare(points, "80 %", replicate, duration="31s")[29] for replicate in range(400)])
    logs = np.log(middle)
    per_second = 0.8**2 / (365 * 86_400)
    variance = per_second * 60 / 4
    mean = (np.log(107_000) + np.log(105_000)) / 2
    assert abs(logs.mean() - mean) < 4 * np.sqrt(variance / 400)
    assert abs(logs.var(ddof=1) / variance - 1) < 4 * np.sqrt(2 / 399)


def test_luck_of_a_group_does_not_depend_on_the_groups_before_it() -> None:
    """A news-taker, an arbitrageur or an asset inserted before another leaves the other's draws as they were."""
    plain = small_scenario(population=[])
    data = small_data(population=[])
    data["assets"] = {"ETH": {"news": {"type": "gbm", "price": 2500, "volatility": "60 %"}}, **data["assets"]}
    data["markets"] = {
        "spot:ETHUSD": {"type": "spot", "asset": "ETH", "tick": 0.01, "lot": 0.001},
        "venue:ETHUSDT": {"type": "linear_perpetual", "asset": "ETH", "tick": 0.01, "lot": 0.001},
        **data["markets"],
    }
    for group in ("makers", "news_takers", "flow"):
        data[group] = [{**item, "markets": "*:BTC*"} for item in data[group]]
    data["arbitrage"] = [
        {"name": "other", "spot": "spot:ETHUSD", "perpetual": "venue:ETHUSDT"}, *data["arbitrage"],
    ]  # fmt: skip
    data["news_takers"] = [{"name": "first", "markets": "*:ETH*"}, *data["news_takers"]]
    before, after = Logs(), Logs()
    for scenario, logs in ((plain, before), (Scenario.model_validate(data), after)):
        engine = Engine(assemble(scenario), logs)
        engine.advance(engine.n_steps)
        engine.drain()
    ours, theirs = before["bars"], after["bars"]
    theirs = theirs[theirs["market"] >= 2]
    for column in ("news_value", "last", "best_bid", "best_ask", "volume"):
        np.testing.assert_array_equal(ours[column], theirs[column])

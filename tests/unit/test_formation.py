"""Activity, clustered news, lean, swings of sizes and splitters do what they say, one at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cascade.assembly import assemble
from cascade.core.params import FLOW_ACCOUNT
from cascade.engine import Engine
from cascade.model import Logs
from cascade.scenario.schema import Scenario
from tests.support.scenarios import small_data

CLUSTERED = {"type": "clustered", "price": 107000, "volatility": "40 %", "jumps_per_day": 0}
STILL = {"type": "constant", "price": 107000}
CROWD = {"type": "splitters", "name": "crowd", "markets": "venue:*"}


def market(*, steps: int, assets: dict[str, Any], **changes: Any) -> Engine:
    """Return a market of makers and of what a test adds, at its start."""
    changes = {"news_takers": [], "flow": [], "arbitrage": [], "population": [], "shocks": []} | changes
    data = small_data(duration=f"{steps}s", assets=assets, **changes)
    data["makers"] = [{**group, "cap": "10B"} for group in data["makers"]]
    if len(assets) > 1:
        data["markets"]["spot:ETHUSD"] = {"type": "spot", "asset": "ETH", "tick": 0.01, "lot": 0.001}
        data["markets"]["venue:ETHUSDT"] = {
            "type": "linear_perpetual", "asset": "ETH", "tick": 0.01, "lot": 0.001,
        }  # fmt: skip
    return Engine(assemble(Scenario.model_validate(data)), Logs())


def followed(engine: Engine, steps: int, *names: str) -> np.ndarray:
    """Return what some fields of the assets are after each step: steps by names by assets."""
    found = []
    for step in range(1, steps + 1):
        engine.advance(step)
        found.append([engine.state.assets[name].copy() for name in names])
    return np.array(found)


def acf(values: np.ndarray, lag: int) -> float:
    values = values - values.mean()
    return float((values[lag:] * values[:-lag]).mean() / (values**2).mean())


def test_activity_swings_by_its_spread_in_common_and_over_the_day() -> None:
    assets = {"BTC": {"news": STILL}, "ETH": {"news": STILL | {"price": 2500}}}
    rule = {"spread": 0.5, "scales": [["10s", 1]], "common": 0.6, "waves": [], "renewed": "1s"}
    logs = np.log(followed(market(steps=4000, assets=assets, activity=rule), 4000, "activity")[:, 0])
    assert logs.std(axis=0) == pytest.approx([0.5, 0.5], rel=0.15)
    assert np.exp(2 * logs).mean(axis=0) == pytest.approx([1, 1], rel=0.25)  # the variance of news has mean 1
    assert np.corrcoef(logs.T)[0, 1] == pytest.approx(0.6, abs=0.12)
    assert acf(logs[:, 0], 10) == pytest.approx(np.exp(-1), abs=0.12)
    day = {"spread": 0, "waves": [[0.4, 15]], "renewed": "10m"}
    engine = market(steps=86_400, assets={"BTC": {"news": STILL}}, activity=day, start="2025-07-01T06:00:00Z")
    waves = []
    for hour in range(1, 25):
        engine.advance(3600 * hour)
        waves.append(np.log(engine.state.assets.activity[0]))
    assert 6 + 1 + int(np.argmax(waves)) in (15, 16)
    assert np.ptp(waves) == pytest.approx(0.8, rel=0.03)


def test_clustered_news_follows_activity_and_its_common_part() -> None:
    assets = {
        "BTC": {"news": CLUSTERED | {"common": 0.8}},
        "ETH": {"news": CLUSTERED | {"common": 0.5, "price": 2500}},
    }
    rule = {"spread": 0.7, "scales": [["60s", 1]], "common": 1, "waves": [], "renewed": "1s"}
    found = followed(market(steps=6000, assets=assets, activity=rule), 6000, "moved", "activity")
    moved, activity = found[:, 0], found[:, 1]
    usual = 0.4 / np.sqrt(365 * 86_400)
    assert (moved / activity).std(axis=0) == pytest.approx([usual, usual], rel=0.04)
    assert np.corrcoef((moved / activity).T)[0, 1] == pytest.approx(np.sqrt(0.8 * 0.5), abs=0.04)
    assert acf(np.abs(moved[:, 0]), 5) > 0.1
    assert abs(acf(moved[:, 0], 1)) < 0.05


def test_all_assets_jump_together_and_by_their_own_size() -> None:
    jumping = CLUSTERED | {"volatility": "0 %", "jumps_per_day": 2000, "jump_sd_bps": 5, "common": 0.9}
    assets = {"BTC": {"news": jumping}, "ETH": {"news": jumping | {"price": 2500, "jump_sd_bps": 10}}}
    moved = followed(market(steps=6000, assets=assets), 6000, "moved")[:, 0]
    jumped = moved != 0
    assert (jumped[:, 0] == jumped[:, 1]).all()
    assert jumped[:, 0].sum() == pytest.approx(2000 * 6000 / 86_400, rel=0.3)
    assert moved[jumped[:, 0]].std(axis=0) == pytest.approx([5e-4, 1e-3], rel=0.25)


def test_lean_tilts_sizes_and_drifts_quotes_and_the_book_foretells_it() -> None:
    rule = {"drift_bps": 0.2, "memory": "10s", "tilt": 0.6, "fades": "1h"}
    engine = market(steps=3000, assets={"BTC": {"news": STILL, "lean": rule}})
    leans, tilts = [], []
    for step in range(1, 3001):
        engine.advance(step)
        row = engine.state.markets[1]
        leans.append(float(engine.state.assets.lean[0]))
        tilts.append(np.log(row.bid_thickness / row.ask_thickness))
    assert np.std(tilts) == pytest.approx(2 * 0.6, rel=0.15)
    ahead = np.array(leans[10:]) - np.array(leans[:-10])
    assert np.corrcoef(tilts[:-10], ahead)[0, 1] > 0.5
    assert engine.state.assets.opinion[0] == engine.state.assets.lean[0]


def test_sizes_swing_around_what_was_asked_for() -> None:
    swing = {
        "side": 0.3,
        "side_memory": "2s",
        "both": 0.4,
        "both_memory": "20s",
        "activity_exponent": 0,
        "error_bps": 2,
    }
    data = small_data()
    makers = [{**data["makers"][0], "swing": swing, "cap": "10B"}]
    data |= {
        "makers": makers,
        "news_takers": [],
        "flow": [],
        "arbitrage": [],
        "population": [],
        "duration": "3000s",
    }
    data["assets"] = {"BTC": {"news": STILL}}
    engine = Engine(assemble(Scenario.model_validate(data)), Logs())
    found = []
    for step in range(1, 3001):
        engine.advance(step)
        row = engine.state.markets[1]
        found.append((row.bid_thickness, row.ask_thickness, 1e4 * row.error))
    bids, asks, error = np.array(found).T
    assert bids.mean() == pytest.approx(1, abs=0.08)
    assert np.log(bids).std() == pytest.approx(0.5, rel=0.15)
    assert np.corrcoef(np.log(bids), np.log(asks))[0, 1] == pytest.approx(0.16 / 0.25, abs=0.12)
    assert error.std() == pytest.approx(2, rel=0.15)


def signs_of(engine: Engine, steps: int) -> np.ndarray:
    """Return the sides of the orders that the crowd sent, in turn."""
    sides: list[int] = []
    before = {}
    crowd = [
        k for k in range(len(engine.state.positions))
        if engine.state.accounts[engine.state.positions[k].account].kind == FLOW_ACCOUNT
    ]  # fmt: skip
    before = engine.state.positions.lots[crowd].copy()
    for step in range(1, steps + 1):
        engine.advance(step)
        now = engine.state.positions.lots[crowd]
        sides += [int(side) for side in np.sign(now - before) if side != 0]
        before = now.copy()
    return np.array(sides)


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, -0.02, 0.02), (0.9, 0.03, 0.3)])
def test_signs_have_a_memory_where_orders_are_split(share: float, low: float, high: float) -> None:
    crowd = CROWD | {"rate": "5 /s", "split": {"share": share, "parents": 4}, "tilt": {"follow_rate": "0 /s"}}
    signs = signs_of(market(steps=4000, assets={"BTC": {"news": STILL}}, flow=[crowd]), 4000)
    assert len(signs) > 10_000
    assert low < np.mean([acf(signs, lag) for lag in (8, 9, 10, 11, 12)]) < high


def test_splitters_come_in_busy_times_and_sell_again_what_they_bought() -> None:
    rule = {"spread": 0.8, "scales": [["100s", 1]], "waves": [], "renewed": "1s"}
    crowd = CROWD | {"swing": 0, "tilt": {"follow_rate": "0 /s", "balance": "2m"}, "split": {"share": 0.3}}
    engine = market(steps=6000, assets={"BTC": {"news": STILL}}, flow=[crowd], activity=rule)
    activity, volume = [], []
    for step in range(1, 6001):
        engine.advance(step)
        activity.append(float(engine.state.assets.activity[0]))
        volume.append(float(engine.state.markets.volume[1]))  # since the last bar, of ten steps
    busy = np.array(activity).reshape(-1, 10)[:, :9].mean(axis=1)
    traded = np.array(volume).reshape(-1, 10)[:, 8]
    assert np.corrcoef(np.log(busy), np.log(traded))[0, 1] > 0.3
    flow = engine.params.splitters[0]
    first = int(flow.first_position)
    held = engine.state.positions.lots[first : first + 1 + int(flow.n_parents + flow.n_singles)].sum()
    assert abs(held) * 107 * 1e6 < 0.5 * flow.holds

"""A path that was traded holds lean and the impact of orders already: the news is what is left of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from cascade.cli.app import build
from cascade.errors import UsageError
from cascade.experiment.held import TOLERANCE, held, thinned
from cascade.scenario.load import to_yaml
from cascade.scenario.schema import Scenario
from tests.support.scenarios import small_data
from tests.unit.test_formation import CROWD, followed, market

POINTS: list[list[Any]] = [["0s", 107000], ["200s", 107400], ["400s", 106900], ["600s", 107000]]
IMPACT = {"daily_volume": "2B", "daily_volatility": "3 %"}
LEAN = {"drift_bps": 0.4}
SMALL_CROWD = CROWD | {"scale": "0.04x"}


def path(**news: Any) -> dict[str, Any]:
    return {"type": "anchors", "points": POINTS, "volatility": "20 %"} | news


def asset(**news: Any) -> dict[str, Any]:
    return {"BTC": {"news": path(**news), "impact": IMPACT, "lean": LEAN}}


def sale(usd: str = "20M") -> dict[str, Any]:
    where = {"market": "venue:BTCUSDT", "side": "sell"}
    return {"type": "market_order", "at": "10s", "over": "5m", "notional": usd} | where


def test_news_lean_and_ordinary_orders_together_meet_a_traded_path() -> None:
    found = followed(market(steps=600, assets=asset(), flow=[SMALL_CROWD]), 600, "log_value", "ordinary")[
        :, :, 0
    ]
    for time, price in POINTS[1:]:
        row = found[int(time[:-1]) - 1]
        assert row.sum() == pytest.approx(np.log(price), abs=2e-4)
    assert np.abs(found[:, 1]).max() > 5e-4  # what the news gives way to


def test_a_path_free_of_impact_is_met_by_the_news_alone() -> None:
    assets = asset(free_of_impact=True)
    found = followed(market(steps=600, assets=assets, flow=[SMALL_CROWD]), 600, "log_value", "ordinary")[
        :, :, 0
    ]
    for time, price in POINTS[1:]:
        assert found[int(time[:-1]) - 1, 0] == pytest.approx(np.log(price), abs=1e-9)
    assert np.abs(found[:, 1]).max() > 5e-4


def test_a_forced_sale_moves_a_traded_path_and_what_it_held_is_taken_off() -> None:
    still = followed(market(steps=600, assets=asset()), 600, "log_value", "opinion").sum(axis=1)[:, 0]
    sold = followed(market(steps=600, assets=asset(), shocks=[sale()]), 600, "log_value", "opinion").sum(
        axis=1
    )[:, 0]
    moved = 1e4 * (sold - still)
    assert moved[399] < -10
    bps = [["0s", 0], *([f"{time}s", float(moved[time - 1])] for time in (200, 400, 600))]
    known = market(steps=600, assets=asset(held_bps=bps), shocks=[sale()])
    back = followed(known, 600, "log_value", "opinion").sum(axis=1)[:, 0]
    at = np.array([199, 399, 599])
    assert 1e4 * (back - still)[at] == pytest.approx([0, 0, 0], abs=0.5)


def test_jumps_and_the_common_part_of_a_path_come_to_all_assets_at_once() -> None:
    long = [["0s", 107000], ["4000s", 107000]]
    news = {"points": long, "common": 0.9, "jumps_per_day": 2000, "jump_sd_bps": 50, "free_of_impact": True}
    assets = {
        "BTC": {"news": path(**news)},
        "ETH": {"news": path(**news) | {"points": [["0s", 2500], ["4000s", 2500]]}},
    }
    moved = followed(market(steps=3000, assets=assets), 3000, "moved")[:, 0]
    jumped = np.abs(moved) > 1e-3
    assert 20 < jumped[:, 0].sum() < 140
    assert (jumped[:, 0] & jumped[:, 1]).sum() > 0.6 * jumped[:, 0].sum()
    calm = ~jumped.any(axis=1)
    assert np.corrcoef(moved[calm].T)[0, 1] == pytest.approx(0.9, abs=0.06)


def test_activity_runs_through_measured_levels() -> None:
    rule = {"spread": 0, "waves": [], "levels": [["60s", 1], ["300s", 4], ["400s", 2]], "renewed": "1s"}
    found = followed(market(steps=500, assets=asset(), activity=rule), 500, "activity")[:, 0, 0]
    assert found[[30, 60, 180, 300, 350, 450]] == pytest.approx([1, 1, 2, 4, np.sqrt(8), 2])


def test_forced_orders_draw_ordinary_ones_and_leave_the_luck_of_the_others() -> None:
    def volumes(**impact: Any) -> np.ndarray:
        assets = {"BTC": {"news": path(), "impact": IMPACT | {"drawn_memory": "60s"} | impact}}
        engine = market(steps=400, assets=assets, flow=[CROWD | {"markets": "spot:*"}], shocks=[sale()])
        drawn = []
        for step in range(1, 401):
            engine.advance(step)
            drawn.append(float(engine.state.assets.drawn[0]))
        return np.array([drawn, np.full(400, float(engine.state.parents.left.sum()))])

    none, some = volumes(drawn=0), volumes(drawn=3)
    assert not none[0].any()
    # 20M in 300 s are 5.8M a day's second-share: 20M / 300 s x 3, over 2B / 86,400 s
    assert some[0].max() == pytest.approx(3 * (20e6 / 300) / (2e9 / 86_400), rel=0.05)
    assert some[0, -1] < 0.3 * some[0].max()
    assert some[1, 0] == none[1, 0]  # the parents' orders are the same


def test_orders_move_the_price_more_where_makers_have_left() -> None:
    def fall(factor: float, exponent: float) -> float:
        assets = {"BTC": {"news": path(), "impact": IMPACT | {"depth_exponent": exponent}}}
        thin = {"type": "depth", "at": "0s", "over": "600s", "markets": "*", "factor": factor}
        shocks = [sale(), thin] if factor < 1 else [sale()]
        return float(
            followed(market(steps=320, assets=assets, shocks=shocks), 320, "forced_impact")[-1, 0, 0]
        )

    assert fall(0.25, 0.5) == pytest.approx(2 * fall(1.0, 0.5), rel=0.02)
    assert fall(0.25, 0.0) == pytest.approx(fall(1.0, 0.0), rel=0.02)


def liquidated() -> dict[str, Any]:
    """Return a small market on a falling path along which longs are liquidated."""
    data = small_data(news_takers=[], flow=[], population=[], arbitrage=[], shocks=[], duration="600s")
    data["makers"] = [{**group, "cap": "1B"} for group in data["makers"]]
    data["assets"] = {"BTC": {"news": path(points=[["0s", 107000], ["600s", 105500]]), "impact": IMPACT}}
    data["population"] = [{
        "type": "ladder", "name": "fuel", "market": "venue:BTCUSDT", "side": "long", "notional": "5M",
        "from_price": 106500, "to_price": 106000, "leverage": 50,
    }]  # fmt: skip
    return data


def test_what_is_held_is_measured_and_taken_off_once() -> None:
    data = liquidated()
    first = held(Scenario.model_validate(data), 3, jobs=1)
    assert first.bps["BTC"][0] == 0.0
    assert first.bps["BTC"][-1] < -3
    news = data["assets"]["BTC"]["news"] | {
        "held_bps": [[f"{time}s", bps] for time, bps in zip(first.times_s, first.bps["BTC"], strict=True)]
    }
    data["assets"] = {"BTC": {"news": news, "impact": IMPACT}}
    second = held(Scenario.model_validate(data), 3, jobs=1)
    assert second.bps["BTC"][-1] == pytest.approx(first.bps["BTC"][-1], rel=0.3)


def test_what_is_printed_is_short_and_near_what_was_measured() -> None:
    times = np.linspace(0, 3600, 121)
    values = -5.0 * np.exp(-(((times - 1500) / 300) ** 2)) + 0.02 * np.sin(times)
    kept = thinned(times, values)
    assert kept[0] == 0
    assert kept[-1] == 120
    assert len(kept) < 20
    assert (
        np.abs(np.interp(times, times[kept], values[kept]) - values).max() <= TOLERANCE * np.abs(values).max()
    )
    assert thinned(times, np.zeros(121)).tolist() == [0, 120]


def test_a_path_without_impact_has_nothing_to_take_off() -> None:
    data = liquidated()
    data["assets"]["BTC"].pop("impact")
    with pytest.raises(UsageError, match="nothing to take off"):
        held(Scenario.model_validate(data), 1)


def call(*words: object) -> Any:
    done = CliRunner().invoke(build([str(words[0])]), [*map(str, words)])
    assert done.exit_code == 0, done.output
    return done


def test_the_command_prints_what_a_scenario_takes(tmp_path: Path) -> None:
    file = tmp_path / "path.yaml"
    file.write_text(to_yaml(Scenario.model_validate(liquidated())))
    printed = call("held", file, "-n", "2", "-q").stdout.splitlines()
    line = next(each for each in printed if each.startswith("assets.BTC.news.held_bps: "))
    value = line.removeprefix("assets.BTC.news.held_bps: ")
    assert "CAS157" in call("validate", file).output
    assert "CAS157" not in call("validate", file, "-s", f"assets.BTC.news.held_bps={value}").output
    assert set(json.loads(call("held", file, "-n", "1", "-q", "--json").stdout)["held_bps"]) == {"BTC"}

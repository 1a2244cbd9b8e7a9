"""`cascade explain`: a scenario before it is run, the step, codes and metrics."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cascade.cli.app import build
from cascade.core.step import STEP
from cascade.scenario.codes import codes
from tests.support.tiny import TINY

BASE = Path(__file__).parent.parent / "data" / "base.yaml"


def call(*words: str, code: int = 0):
    result = CliRunner().invoke(build(words[:1]), list(words))
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY, encoding="utf-8")
    return str(path)


def test_sections_of_a_scenario() -> None:
    text = call("explain", str(BASE), "-s", "population.retail.open_interest=500M").stdout
    for heading in (
        "Timeline",
        "What moves the price",
        "Figures",
        "Leveraged accounts",
        "Liquidation map of binance:BTCUSDT",
        "Cost",
    ):
        assert f"\n{heading}" in text, heading
    assert "2025-07-01T01:00:00Z" in text
    assert "a round number" in text
    assert "\x1b" not in text
    assert not any(line.endswith(" ") for line in text.splitlines())


def test_json_is_complete() -> None:
    found = json.loads(
        call("explain", str(BASE), "-s", "population.retail.open_interest=500M", "--json").stdout
    )
    assert {moment["kind"] for moment in found["timeline"]} == {
        "start",
        "end",
        "anchor",
        "shock",
        "shock ends",
    }
    assert sum(found["figures_by_kind"].values()) == len(found["figures"])
    assert found["figures_by_kind"]["measured"] == 2
    (market,) = found["liquidation_map"]
    assert len(market["distance"]) == len(market["below"]["usd"]) == 80
    assert market["above"]["cumulative_usd"][-1] == pytest.approx(sum(market["above"]["usd"]))
    (population,) = found["population"]
    assert population["open_interest_usd"] == pytest.approx(550e6, rel=0.2)
    assert found["cost"]["total_bytes"] == sum(found["cost"]["memory_bytes"].values())


def test_what_moves_the_price_is_told(tiny: str) -> None:
    text = call("explain", str(BASE), "-s", "population=[]").stdout
    assert (
        "learning: makers follow flow in inverse proportion to their depth, and forget half of it in 20m"
        in text
    )
    assert "a sale of 10M USD" in text
    rule = "assets.X.impact={daily_volume: 1B, daily_volatility: 3 %}"
    text = call("explain", tiny, "-s", rule).stdout
    assert "root law: 1 x 3.00% x root(size / 1B USD a day)" in text
    assert "more than the book" in text


def test_json_has_what_a_sale_does(tiny: str) -> None:
    rule = "assets.X.impact={daily_volume: 1B, daily_volatility: 3 %}"
    moves = json.loads(call("explain", tiny, "-s", rule, "--json").stdout)["moves"]
    assert moves["assets"] == [
        {
            "asset": "X", "news": "constant", "news_daily_volatility": 0.0, "impact": "root law",
            "daily_volume_usd": 1e9, "daily_volatility": 0.03, "y": 1.0,
        }
    ]  # fmt: skip
    (market,) = moves["markets"]
    assert market["depth_1pct_usd"] == 5e6
    assert market["flow_usd_per_day"] == 0.0
    assert market["sale"]["at_once_mean_bps"] is None
    assert market["sale"]["worked_bps"] == pytest.approx(1e4 * 0.03 * (10e6 / 1e9) ** 0.5, rel=0.1)
    assert market["sale"]["left_bps"] == pytest.approx(market["sale"]["worked_bps"] / 3, rel=0.1)


def test_a_scenario_without_leverage(tiny: str) -> None:
    text = call("explain", tiny).stdout
    assert "Liquidation map" not in text
    assert "Cost" in text
    assert json.loads(call("explain", tiny, "--json").stdout)["liquidation_map"] == []


def test_all_figures(tiny: str) -> None:
    assert "learning.half_life" not in call("explain", tiny).stdout
    assert "learning.half_life" in call("explain", tiny, "--all").stdout


def test_a_broken_scenario_is_refused(tiny: str) -> None:
    assert "CAS013" in call("explain", tiny, "-s", "duration=5", code=3).stderr
    assert "CAS003" in call("explain", "nowhere.yaml", code=3).stderr


def test_warnings_are_told(tiny: str) -> None:
    assert "CAS110" in call("explain", tiny, "-s", "makers=[]").stderr


def test_step_lists_every_stage() -> None:
    lines = call("explain", "step").stdout.splitlines()[1:]
    assert [line.split("  ")[0] for line in lines[: len(STEP)]] == [stage.name for stage in STEP]
    assert json.loads(call("explain", "step", "--json").stdout)["entries"][0]["term"] == "news"


def test_every_code_is_explained() -> None:
    for code, meaning in codes().items():
        assert json.loads(call("explain", code, "--json").stdout)["entries"][0]["meaning"] == meaning
    assert "the book can hold the open interest" in call("explain", "cas109").stdout
    assert "no code CAS999" in call("explain", "CAS999", code=2).stderr


def test_metrics_are_explained() -> None:
    assert "[USD]" in call("explain", "complete_usd").stdout
    assert "{market}_amplification" in call("explain", "amplification").stdout
    assert "did you mean 'complete_usd'" in call("explain", "complete_us", code=2).stderr

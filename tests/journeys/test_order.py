"""A fund asks what it costs to leave a position: at once or over minutes, in its own market, in four commands."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from cascade.cli.app import build
from tests.journeys.test_migration import OLD


def call(*words: str) -> str:
    result = CliRunner().invoke(build(words[:1]), list(words))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_an_order_in_a_market_of_ones_own(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(OLD, encoding="utf-8")
    assert call("validate", str(mine)).startswith(f"{mine}: ok")
    words = ("cost", str(mine), "--sell", "500k", "--over", "0s,2m", "--at", "1m", "--watch", "1m", "-q")
    assert "liquidations triggered, USD" in call(*words, "-n", "1")
    found = json.loads(call(*words, "-n", "6", "--json"))
    at_once, worked = found["rows"]
    assert (found["order"]["market"], found["order"]["side"]) == ("binance:DOGEUSDT", "sell")
    for row in (at_once, worked):
        figures = row["figures"]
        assert abs(figures["filled_share"]["value"] - 1.0) < 0.01
        assert 0.0 < figures["slippage_bps"]["low"] < figures["slippage_bps"]["high"]
    assert worked["figures"]["slippage_bps"]["error"] < worked["figures"]["shortfall_bps"]["error"]
    assert worked["figures"]["slippage_bps"]["value"] < at_once["figures"]["slippage_bps"]["value"]
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]

"""A user's file of today's format: written in the new form, checked, explained, run for a minute."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from cascade.cli.app import build

OLD = """\
cascade: 1
name: mine
duration: 2h
start: 2025-07-01T00:00:00Z
assets:
  DOGE:
    # a coin of ours
    news: {type: gbm, price: 0.17, volatility: 80 %}
venues:
  spot: {rulebook: spot}
  binance: {rulebook: binance-2025-07, fund: 5M}
markets:
  spot:DOGEUSD: {type: spot, asset: DOGE, tick: 0.00001, lot: 1}
  binance:DOGEUSDT: {type: linear_perpetual, asset: DOGE}
makers:
  - name: makers   # all of them
    markets: "*"
    depth: {profile: [[1, 20k], [10, 300k], [100, 5M]]}
    learning: {impact_bps_per_million: 10}
flow:
  - {name: crowd, markets: "*", scale: 0.1x}
arbitrage:
  - {name: basis, spot: "spot:DOGEUSD", perpetual: "binance:DOGEUSDT", gain_usd_per_bps: 5k, max_order: 10k}
population:
  - {type: leveraged, name: longs, markets: "binance:*", open_interest: 2M, leverage: 20, hold: {mean: 1d}}
"""


def call(*words: str) -> str:
    result = CliRunner().invoke(build(words[:1]), list(words))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_file_of_today_goes_on_in_the_new_form(tmp_path: Path) -> None:
    old, new = tmp_path / "mine.yaml", tmp_path / "new.yaml"
    old.write_text(OLD, encoding="utf-8")
    shown = call("migrate", str(old), "-o", str(new))
    assert "-    learning: {impact_bps_per_million: 10}" in shown
    text = new.read_text(encoding="utf-8")
    assert "# a coin of ours" in text
    assert "# all of them" in text
    assert call("validate", str(new)).startswith(f"{new}: ok")
    moves = json.loads(call("explain", str(new), "--json"))["moves"]
    assert moves["assets"][0]["impact"] == "root law"
    assert moves["markets"][1]["sale"]["worked_bps"] > 20.0  # 10M of a coin that trades 540M a day
    call("run", str(new), "-s", "duration=60s", "--replicates", "1", "--out", str(tmp_path / "results"))
    (result,) = (tmp_path / "results").iterdir()
    assert (result / "manifest.json").is_file()

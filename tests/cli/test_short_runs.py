"""A run may be shorter than a bar, even one step long: every command that reads it works."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import cascade
from cascade.output.columns import to_numpy
from cascade.scenario.load import to_yaml
from tests.cli.test_commands import call
from tests.support.scenarios import small_scenario

CRASH = [{"type": "news", "at": "0s", "asset": "BTC", "move": "-4 %"}]


def written(tmp_path: Path, duration: str, **changes: object) -> Path:
    """Return the file of a market that falls at once, with bars of a minute, as they are by default."""
    scenario = small_scenario(
        duration=duration, shocks=CRASH, outputs={"accounts": True, "book": True}, **changes
    )
    path = tmp_path / "short.yaml"
    path.write_text(to_yaml(scenario.replace(**{"population.0.accounts": 200})), encoding="utf-8")
    return path


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("duration", "dt"), [("1s", "1s"), ("10ms", "10ms"), ("45s", "1s")])
def test_every_command_takes_a_run_shorter_than_a_bar(tmp_path: Path, duration: str, dt: str) -> None:
    file, out = written(tmp_path, duration, dt=dt), tmp_path / "out"
    assert "small" in call("explain", file).stdout
    assert "liquidated" in call("run", file, "-n", "2", "--counterfactual", "-o", out).stdout.lower()
    call("run", file, "-n", "2", "-o", out, "-s", "venues.venue.fund=1k")
    first, second = sorted(out.glob("small-*"))
    result = cascade.read(first)
    assert len(result.replicate("bars", 0)) == len(result.units.markets), "one bar, as long as the run"
    assert all(row["venue_btcusdt_fall_bps"] > 300 for row in result.runs.to_pylist())
    assert "Liquidated in each" in (page := Path(call("report", first).stdout.strip()).read_text("utf-8"))
    assert "Liquidated in each 0 min" not in page
    assert "| liquidat" in call("report", first, "--markdown").stdout.lower()
    assert json.loads(call("graph", first, "--json").stdout)["summary"]["liquidations"] > 0
    assert "against" in call("compare", first, second, "-o", tmp_path / "both.html").stdout
    assert "repeats the stored rows" in call("replay", first, "-o", tmp_path / "replayed").stdout


def test_the_last_bar_ends_with_the_run(tmp_path: Path) -> None:
    """What comes after the last whole bar counts like all else: here it is where the market falls."""
    crash = [{"type": "news", "at": "80s", "asset": "BTC", "move": "-4 %"}]
    scenario = small_scenario(duration="90s", shocks=crash, outputs={})
    result = cascade.run(scenario, out=tmp_path)
    bars = result.replicate("bars", 0)
    assert sorted(set(to_numpy(bars.column("step")).tolist())) == [59, 89]
    assert result.metrics()["venue_btcusdt_fall_bps"] > 300

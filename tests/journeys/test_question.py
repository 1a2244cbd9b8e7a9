"""A risk desk asks from which fall on its own market loses too much, and how much fund that takes, in four commands."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cascade.cli.app import build
from tests.journeys.test_migration import OLD


def call(*words: str) -> str:
    result = CliRunner().invoke(build(words[:1]), list(words))
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.slow
def test_a_question_to_a_market_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(OLD, encoding="utf-8")
    fall = "shocks=[{name: fall, type: news, at: 1m, asset: DOGE, move: -5 %}]"
    market = ("mine.yaml", "-s", "duration=90s", "-s", fall, "-n", "6", "-q")
    event = ("--vary", "shocks.fall.move=-15 %..-1 %", "--until", "liquidated_usd > 50k", "--within", "10%")
    text = call("threshold", *market, *event)
    assert text.startswith(
        "Total liquidated above 50k USD happens in more than 50 % of replicates below shocks.fall.move = -"
    )
    found = json.loads(call("threshold", *market[:-1], *event, "--json"))
    assert found["low"] <= found["value"] <= found["high"]
    shares = [each["happened"] / 6 for each in found["tried"]]
    assert shares[0] > 0.5 >= shares[-1]
    with (Path(found["path"]) / "frontier.csv").open(encoding="utf-8") as file:
        assert float(next(csv.DictReader(file))["value"]) == found["value"]
    assert (
        Path(call("report", found["path"]).strip()).read_text(encoding="utf-8").count("shocks.fall.move") > 3
    )

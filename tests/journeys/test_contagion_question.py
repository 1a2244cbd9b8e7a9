"""A risk desk asks whether a fall of bitcoin reaches its ether book, by which way, and what would stop it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from cascade.scenario.load import to_yaml
from tests.journeys.test_question import call
from tests.support.contagion import contagion_scenario


@pytest.mark.slow
def test_a_fall_of_bitcoin_and_an_ether_book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(to_yaml(contagion_scenario()), encoding="utf-8")
    asked = ("mine.yaml", "--sell", "6M", "--at", "1m", "--watch", "45s", "-n", "6", "-q")
    found = json.loads(call("contagion", *asked, "--json", "-o", "here"))
    brought = entry(found, "BTC", "ETH")
    assert brought["value"] > 0.0
    assert brought["low"] is not None
    assert found["answer"] in Path("here/contagion.html").read_text(encoding="utf-8")
    with Path("here/contagion.csv").open(encoding="utf-8") as file:
        rows = {row["pair"]: row for row in csv.DictReader(file)}
    assert float(rows["BTC, ETH"]["all (1)"]) == pytest.approx(brought["value"])

    apart = json.loads(call("contagion", *asked, "--json", "-s", "channels.cross_margin=off"))
    assert entry(apart, "BTC", "ETH")["value"] == 0.0  # it came through the margin that both share
    assert entry(apart, "ETH", "ETH")["value"] > 0.0


def entry(found: dict, source: str, target: str) -> dict:
    """Return what a dollar in one place brings in another."""
    pairs = {(each["source"], each["target"]): each["all_generations"] for each in found["entries"]}
    return pairs[source, target]

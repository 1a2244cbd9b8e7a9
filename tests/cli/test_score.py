"""`cascade score`: foretold, registered, opened, in this order; what it prints, refuses and takes as it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cascade.scenario.load import to_yaml
from tests.cli.test_commands import call
from tests.support.scenarios import small_scenario

EVENT = """\
event: 1
name: fall
title: A fall
start: 2025-07-01T00:00:00Z
end: 2025-07-01T00:00:15Z
scope: {coins: [BTC]}
known:
  - {what: price_usd, asset: BTC, value: 107k, source: drawn}
asked:
  total: {what: liquidated_usd, asset: BTC}
  low: {what: low_usd, asset: BTC}
"""

OBSERVED = """\
observed: 1
event: fall
figures:
  total: {value: 1M, source: drawn}
  low: {value: 104k, source: drawn}
"""


@pytest.fixture
def event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    fall = {"name": "fall", "type": "news", "at": "5s", "asset": "BTC", "move": "-3 %"}
    scenario = small_scenario(start="2025-07-01T00:00:00Z", duration="15s", shocks=[fall])
    folder = tmp_path / "event"
    folder.mkdir()
    (folder / "scenario.yaml").write_text(to_yaml(scenario), encoding="utf-8")
    (folder / "event.yaml").write_text(EVENT, encoding="utf-8")
    (folder / "observed.yaml").write_text(OBSERVED, encoding="utf-8")
    return folder


def test_an_event_is_scored_and_asked_again_nothing_is_simulated(event: Path) -> None:
    first = call("score", "event", "-n", "3", "-o", "page.html")
    assert "figures lie in their 90 % intervals (" in first.stdout.splitlines()[0]
    assert "linear_cascade was not made: news_pct of BTC is not among what was known" in first.stdout
    (registration,) = Path("results").glob("fall-*.registered.json")
    said = json.loads(registration.read_text(encoding="utf-8"))
    assert said["sha256"][:16] in first.stdout
    assert said["sha256"] in Path("page.html").read_text(encoding="utf-8")
    assert "the file exists" in call("score", "event", "-n", "3", "-o", "page.html", code=2).stderr
    for folder in Path("results").glob("*/manifest.json"):
        folder.unlink()  # what is registered needs no run
    again = json.loads(call("score", "event", "-n", "3", "--json").stdout)
    assert [each["name"] for each in again["figures"]] == ["low", "total"]
    assert again["events"][0]["sha256"] == said["sha256"]
    assert len(again["figures"][0]["scores"]["model"]["pinball"]) == 3
    assert again["figures"][1]["scores"]["none"]["crps"] == pytest.approx(6.9, abs=0.1)
    breach = call("score", "event", "-n", "3", "--fail-if", "coverage_90 < 1.1", code=1)
    assert "'coverage_90 < 1.1' does not accept" in breach.stderr
    assert (
        "no figure 'coverage'" in call("score", "event", "-n", "3", "--fail-if", "coverage<1", code=2).stderr
    )
    registration.write_text(
        registration.read_text(encoding="utf-8").replace('"seed": 1', '"seed": 7'), encoding="utf-8"
    )
    assert "error[CAS320]" in call("score", "event", "-n", "3", code=6).stderr


def test_without_observed_values_nothing_runs_unless_predictions_are_all_that_is_asked(event: Path) -> None:
    (event / "observed.yaml").unlink()
    said = call("score", "event", "-n", "2", code=3).stderr
    assert "there is no file of observed values of fall" in said
    assert "--register" in said
    assert not Path("results").exists()
    (event / "observed.yaml").touch()
    assert "the file of observed values of fall is empty" in call("score", "event", "-n", "2", code=3).stderr
    assert "nothing yet to judge" in call("score", "event", "--register", "--fail-if", "worse", code=2).stderr
    assert call("score", "event", "-n", "2", "--register").stdout.startswith("fall  20")
    (registration,) = Path("results").glob("fall-*.registered.json")
    text = registration.read_text(encoding="utf-8")
    (event / "observed.yaml").write_text(OBSERVED, encoding="utf-8")
    assert "registered at" in call("score", "event", "-n", "2").stderr
    assert registration.read_text(encoding="utf-8") == text
    scenario = event / "scenario.yaml"
    text_of_it = scenario.read_text(encoding="utf-8")
    assert "accounts: 2000" in text_of_it
    scenario.write_text(text_of_it.replace("accounts: 2000", "accounts: 1900"), encoding="utf-8")
    later = call("score", "event", "-n", "2").stdout
    assert "it is not a forecast" in later
    assert registration.read_text(encoding="utf-8") == text
    assert len([*Path("results").glob("fall-*.registered.json")]) == 2


@pytest.mark.slow
def test_a_map_is_scored_beside_it(event: Path) -> None:
    start = 107_000.0
    rows = [f"{start * (1 - 0.0025 * (band + 0.5))},long,{1e5 * (1 + band % 3)}" for band in range(11)]
    Path("real.csv").write_text("price,side,notional_usd\n" + "\n".join(rows) + "\n", encoding="utf-8")
    text = call("score", "event", "-n", "2", "--map", "real.csv").stdout
    assert "of what was liquidated lies where the map has it" in text
    said = json.loads(
        call("score", "event", "-n", "2", "--map", "real.csv", "--json", "-o", "map.html").stdout
    )
    (found,) = said["maps"]
    assert found["bands"] >= 11
    assert found["registered"] < said["events"][0]["opened"]
    assert found["registered"] < found["opened"]
    page = Path("map.html").read_text(encoding="utf-8")
    assert found["sha256"] in page
    assert "fall, its map" in page
    assert sum(
        json.loads(Path(found["registration"]).read_text(encoding="utf-8"))["below"]["share"]
    ) == pytest.approx(1)
    assert "no map of venue:ETHUSDT" in call(
        "score", "event", "--map", "real.csv", "--market", "venue:ETHUSDT", code=2
    ).stderr  # fmt: skip


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("event.yaml", "00:00:15Z", "00:01:00Z", "error[CAS322]"),
        ("scenario.yaml", "start: '2025", "# start: '2025", "error[CAS322]"),
        ("event.yaml", "scope:", "history: none.csv\nscope:", "there is no file none.csv"),
        ("event.yaml", "low_usd", "lowest_usd", "did you mean 'low_usd'"),
    ],
)
def test_what_is_wrong_is_told_before_anything_runs(
    event: Path, file: str, old: str, new: str, said: str
) -> None:
    text = (event / file).read_text(encoding="utf-8")
    assert old in text
    (event / file).write_text(text.replace(old, new), encoding="utf-8")
    assert said in call("score", "event", code=3).stderr
    assert not Path("results").exists()


def test_an_event_that_is_given_twice_counts_once_and_is_told(event: Path) -> None:
    said = call("score", "event", "event/event.yaml", "event/", "-n", "2", "--json")
    assert len(json.loads(said.stdout)["figures"]) == 2
    assert "fall: given more than once, and counted once" in said.stderr


def test_two_events_of_one_name_and_maps_of_several_are_refused(event: Path) -> None:
    shutil.copytree(event, "twin")
    assert "two events are called fall" in call("score", "event", "twin", code=2).stderr
    other = event.with_name("other")
    other.mkdir()
    for path in event.iterdir():
        (other / path.name).write_text(
            path.read_text(encoding="utf-8").replace("fall\n", "other\n"), encoding="utf-8"
        )
    Path("x.csv").write_text("price,side,notional_usd\n", encoding="utf-8")
    assert "a map is scored for one event" in call("score", "event", "other", "--map", "x.csv", code=2).stderr


def test_what_can_be_seen_of_a_map_without_reading_it_is_told_before_anything_runs(event: Path) -> None:
    Path("real.csv").write_text("price,sides,usd\nnot,a,value\n", encoding="utf-8")
    (event / "observed.yaml").unlink()
    said = call("score", "event", "--map", "real.csv", code=3).stderr
    for part in (
        "no column 'side' — is it 'sides'?",
        "no column 'notional_usd'",
        "no file of observed values",
    ):
        assert part in said
    assert "no such data file" in call("score", "event", "--map", "real.cvs", code=3).stderr
    assert not Path("results").exists()

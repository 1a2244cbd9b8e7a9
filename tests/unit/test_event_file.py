"""Event files: what is read, and every error at once with its place and its remedy."""

import hashlib
from datetime import UTC, datetime

import pytest

from cascade.calibration.event_file import load_event, load_observed
from cascade.errors import ScenarioError

EVENT = """\
event: 1
name: slide
title: Bitcoin slides
start: 2025-07-01T00:00Z
end: 2025-07-02T02:00Z
scope:
  coins: [BTC, ETH]
  venues: {binance: latest_per_second, bybit: complete}
known:
  - {what: open_interest_usd, asset: BTC, at: 2025-07-01T00:00Z, value: 24.5B, source: an archive}
asked:
  btc_long: {what: liquidated_usd, asset: BTC, side: long, to: 2025-07-02T00:00Z, venues: [bybit]}
  all_largest: {what: largest_liquidation_usd}
  btc_return: {what: return_pct, asset: BTC}
"""

OBSERVED = """\
observed: 1
event: slide
figures:
  btc_long: {value: 42.1M, source: daily liquidations}
  btc_return: {value: -2.3 %, source: klines}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "scenario.yaml").write_text("cascade: 1\n")
    (tmp_path / "event.yaml").write_text(EVENT)
    (tmp_path / "observed.yaml").write_text(OBSERVED)
    return tmp_path


def problems(folder, *changes, file="event.yaml"):
    text = (folder / file).read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / file).write_text(text)
    with pytest.raises(ScenarioError) as caught:
        load_observed(load_event(folder))
    return caught.value.problems


def test_an_event_is_read(folder):
    event = load_event(folder)
    assert (event.name, event.title) == ("slide", "Bitcoin slides")
    assert event.scope.venues == {"binance": "latest_per_second", "bybit": "complete"}
    assert event.known[0].value == 24.5e9
    assert event.scenario == folder / "scenario.yaml"
    assert event == load_event(folder / "event.yaml")


def test_a_window_that_is_not_written_is_that_of_the_event(folder):
    asked = load_event(folder).asked
    start, end = datetime(2025, 7, 1, tzinfo=UTC), datetime(2025, 7, 2, 2, tzinfo=UTC)
    assert (asked["btc_long"].from_, asked["btc_long"].to) == (start, datetime(2025, 7, 2, tzinfo=UTC))
    assert (asked["all_largest"].from_, asked["all_largest"].to) == (start, end)


def test_observed_values_are_in_the_unit_of_their_figure(folder):
    found = load_observed(load_event(folder))
    assert {name: each.value for name, each in found.items()} == {"btc_long": 42.1e6, "btc_return": -2.3}


def test_the_observed_file_is_not_opened_with_the_event(folder):
    (folder / "observed.yaml").unlink()
    assert load_event(folder).observed == folder / "observed.yaml"
    (problem,) = problems(folder)
    assert problem.code == "CAS003"
    assert "no such observed file" in problem.message


def test_everything_wrong_with_an_event_is_told_at_once_and_where(folder):
    found = problems(
        folder,
        ("all_largest: {what: largest_liquidation_usd}", "all_largest: {what: largest, asset: BTC}"),
        ("name: slide", "name: slide\nnam: x"),
        ("end: 2025-07-02T02:00Z", "end: 2025-07-02"),
        ("btc_return: {what: return_pct, asset: BTC}", "btc_return: {what: return_pct}"),
    )
    told = {problem.path: problem for problem in found}
    assert set(told) == {"nam", "end", "asked.all_largest.what", "asked.btc_return"}
    assert all(problem.line and problem.column and problem.hint for problem in found)
    assert "largest_liquidation_usd" in told["asked.all_largest.what"].message
    assert told["asked.btc_return"].hint == "add asset: BTC"


def test_what_lies_outside_of_the_scope_is_told(folder):
    found = problems(
        folder,
        ("venues: [bybit]", "venues: [bybt]"),
        ("btc_return: {what: return_pct, asset: BTC}", "btc_return: {what: return_pct, asset: SOL}"),
        ("to: 2025-07-02T00:00Z", "to: 2025-07-03T00:00Z"),
        ("at: 2025-07-01T00:00Z", "at: 2025-07-01T00:05Z"),
    )
    assert {problem.code for problem in found} == {"CAS314"}
    assert [problem.path for problem in found] == [
        "known.0.at", "asked.btc_long.to", "asked.btc_long.venues.0", "asked.btc_return.asset"
    ]  # fmt: skip
    assert "did you mean 'bybit'?" in found[2].message


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("event: 1", "event: 2", "event"),
        ("asset: BTC}", "asset: BTC, side: long}", "asked.btc_return.side"),
        ("to: 2025-07-02T00:00Z", "from: 2025-07-02T00:00Z, to: 2025-07-01T12:00Z", "asked.btc_long.to"),
        ("end: 2025-07-02T02:00Z", "end: 2025-06-02T02:00Z", "end"),
        ("title: Bitcoin slides", "scenario: gone.yaml", "scenario"),
    ],
)
def test_one_fault(folder, old, new, path):
    (problem,) = problems(folder, (old, new))
    assert problem.path == path
    assert problem.line
    assert problem.hint


def test_observed_values_that_are_not_asked_for_or_cannot_be(folder):
    found = problems(
        folder,
        ("event: slide", "event: slid"),
        ("btc_long:", "btc_lng:"),
        ("-2.3 %", "-230 %"),
        file="observed.yaml",
    )
    assert [problem.path for problem in found] == ["event", "figures.btc_lng", "figures.btc_return"]
    assert "did you mean 'btc_long'?" in found[1].message
    assert found[2].hint == "write it in %, from -100 to inf"


def test_a_history_that_is_not_there_is_named_with_where_to_have_it_from(folder):
    (problem,) = problems(
        folder, ("title: Bitcoin slides\n", "title: Bitcoin slides\nhistory: history.csv\n")
    )
    assert (problem.code, problem.line, problem.path) == ("CAS003", 4, "history")
    assert problem.message == "there is no file history.csv"
    assert "cascade event new NAME --force" in problem.hint


def test_a_file_that_was_altered_is_named(folder):
    (folder / "klines.csv").write_text("a")
    checksum = hashlib.sha256(b"a").hexdigest()
    text = (folder / "observed.yaml").read_text()
    given = text.replace("source: klines", f"source: klines, file: klines.csv, sha256: {checksum}")
    (folder / "observed.yaml").write_text(given)
    assert load_observed(load_event(folder))
    (folder / "klines.csv").write_text("b")
    (problem,) = problems(folder, file="observed.yaml")
    assert problem.code == "CAS311"
    assert "klines.csv" in problem.message


@pytest.mark.parametrize("text", ["", "- 1\n", "a: [1\n"])
def test_what_is_no_mapping_is_told(folder, text):
    (folder / "event.yaml").write_text(text)
    with pytest.raises(ScenarioError) as caught:
        load_event(folder)
    assert caught.value.problems[0].file.endswith("event.yaml")

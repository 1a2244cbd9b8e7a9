"""Lists: an item is written for each row, columns are put in, and what is wrong is named at its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cascade.errors import Problem
from cascade.limits import MOST_WRITTEN_OUT
from cascade.scenario.lists import write_out
from cascade.scenario.load import inspect, load, to_yaml
from cascade.scenario.reading import parse_yaml

LISTS = """
lists:
  coins:
    - &btc {coin: BTC, price: 107000}
    - &eth {coin: ETH, price: 2500}
  markets:
    - {<<: *btc, venue: one, held: 5M}
    - {<<: *btc, venue: two, held: 3M}
    - {<<: *eth, venue: one, held: 2M}
"""

SCENARIO = f"""
cascade: 1
name: venues
duration: 10m
{LISTS}
assets:
  "{{coin}}": {{each: coins, news: {{type: gbm, price: "{{price}}", volatility: 25 %}}}}
venues:
  spot: {{rulebook: spot}}
  one: {{rulebook: binance-2025-07, fund: 1M}}
  two: {{rulebook: bybit-2025-07, fund: 1M}}
markets:
  "spot:{{coin}}USD": {{each: coins, type: spot, asset: "{{coin}}", tick: 0.1, lot: 0.01}}
  "{{venue}}:{{coin}}USDT": {{each: markets, type: linear_perpetual, asset: "{{coin}}", tick: 0.1, lot: 0.01}}
makers:
  - {{name: makers, markets: "*", depth: {{profile: [[1, 0.4M], [100, 24M]]}}}}
population:
  - each: markets
    type: leveraged
    name: "{{venue}}-{{coin}}"
    markets: "{{venue}}:{{coin}}USDT"
    open_interest: "{{held}}"
    leverage: 10
"""


def written(text: str) -> tuple[Any, list[Problem]]:
    """Return what a text means, and what is wrong with it."""
    root = parse_yaml(text, "file.yaml", Path()).root
    assert root is not None
    problems, _ = write_out(root)
    return root.plain(), problems


def only(text: str) -> Problem:
    (problem,) = written(LISTS + text)[1]
    return problem


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "scenario.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    return path


def test_an_item_is_written_for_each_row_and_an_entry_under_its_key() -> None:
    text = """
makers:
  - {each: markets, name: "{venue}-{coin}", cap: "{held}"}
  - {name: others}
assets: {"{coin}": {each: coins, news: {price: "{price}"}}, XRP: {news: {price: 2}}}
"""
    plain, problems = written(LISTS + text)
    assert problems == []
    assert plain == {
        "makers": [
            {"name": "one-BTC", "cap": "5M"}, {"name": "two-BTC", "cap": "3M"}, {"name": "one-ETH", "cap": "2M"},
            {"name": "others"},
        ],
        "assets": {"BTC": {"news": {"price": 107000}}, "ETH": {"news": {"price": 2500}}, "XRP": {"news": {"price": 2}}},
    }  # fmt: skip


def test_a_column_may_hold_anything() -> None:
    plain, problems = written(
        "lists: {rows: [{a: {x: [1, 2]}}]}\nitems: [{each: rows, b: '{a}', c: [0, '{a}']}]"
    )
    assert problems == []
    assert plain == {"items": [{"b": {"x": [1, 2]}, "c": [0, {"x": [1, 2]}]}]}


def test_a_document_without_lists_stays_as_it_is() -> None:
    assert written("a: {b: ['{c}', 1]}") == ({"a": {"b": ["{c}", 1]}}, [])


def test_the_same_scenario_is_written_by_hand(file: Path, tmp_path: Path) -> None:
    scenario = load(file)
    assert list(scenario.markets) == [
        "spot:BTCUSD",
        "spot:ETHUSD",
        "one:BTCUSDT",
        "two:BTCUSDT",
        "one:ETHUSDT",
    ]
    assert [layer.name for layer in scenario.population] == ["one-BTC", "two-BTC", "one-ETH"]
    by_hand = tmp_path / "by-hand.yaml"
    by_hand.write_text(to_yaml(scenario), encoding="utf-8")
    assert "each" not in by_hand.read_text(encoding="utf-8")
    assert load(by_hand) == scenario


def test_overrides_reach_rows_and_what_they_became(file: Path) -> None:
    scenario = load(file, ["lists.markets.1.held=7M", "population.one-ETH.open_interest=1M"])
    assert [layer.open_interest for layer in scenario.population] == [5e6, 7e6, 1e6]  # pyright: ignore


def test_a_file_that_extends_changes_rows_and_items(file: Path, tmp_path: Path) -> None:
    child = tmp_path / "child.yaml"
    child.write_text(
        'extends: scenario.yaml\nlists: {markets: {"0": {held: 9M}}}\n'
        'population: {"{venue}-{coin}": {long_share: 60 %}}\n',
        encoding="utf-8",
    )
    layers = load(child).population
    assert [layer.open_interest for layer in layers] == [9e6, 3e6, 2e6]  # pyright: ignore
    assert {layer.long_share for layer in layers} == {0.6}  # pyright: ignore


def test_files_that_extend_change_items_by_the_names_that_they_become(file: Path, tmp_path: Path) -> None:
    middle, child = tmp_path / "middle.yaml", tmp_path / "child.yaml"
    middle.write_text(
        "extends: scenario.yaml\n"
        "population: {one-BTC: {long_share: 60 %}, two-BTC: null}\n"
        'markets: {"two:BTCUSDT": null}\n',
        encoding="utf-8",
    )
    child.write_text(
        'extends: middle.yaml\nlists: {markets: {"0": {held: 9M}}}\n'
        "population: {one-BTC: {long_share: 70 %}, one-ETH: {open_interest: 1M}}\n",
        encoding="utf-8",
    )
    scenario = load(child)
    found = [(each.name, each.open_interest, each.long_share) for each in scenario.population]  # pyright: ignore
    assert found == [("one-BTC", 9e6, 0.7), ("one-ETH", 1e6, 0.5)]
    assert "two:BTCUSDT" not in scenario.markets


def test_a_name_that_no_row_becomes_is_an_item_of_its_own(file: Path, tmp_path: Path) -> None:
    child = tmp_path / "child.yaml"
    child.write_text(
        "extends: scenario.yaml\npopulation: {three-BTC: {long_share: 60 %}}\n", encoding="utf-8"
    )
    (problem,) = [each for each in inspect(child)[1] if each.severity == "error"]
    assert problem.path == "population.three-BTC"
    assert (problem.file, problem.line) == (str(child), 2)


def test_a_wrong_value_is_shown_in_its_row(file: Path) -> None:
    file.write_text(SCENARIO.replace("held: 3M", "held: 3Q"), encoding="utf-8")
    (problem,) = [each for each in inspect(file)[1] if each.severity == "error"]
    assert problem.path == "population.two-BTC.open_interest"
    assert problem.source_line[problem.column - 1 :].startswith("3Q")


def test_a_list_that_is_not_there_is_named_with_the_nearest() -> None:
    problem = only("makers: [{each: market, name: a}]")
    assert (problem.code, problem.line) == ("CAS024", 10)
    assert problem.message == "no list 'market' — did you mean 'markets'?"
    assert problem.hint == "lists here: coins, markets"


def test_a_column_that_is_not_there_is_named_once() -> None:
    problem = only("makers: [{each: markets, name: '{venu}'}]")
    assert problem.message == "no row of 'markets' has a column 'venu' — did you mean 'venue'?"
    assert problem.hint == "columns: coin, price, venue, held"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("makers: [{name: '{venue}-{coin}'}]", "{venue} and {coin} are columns of a list, but nothing says of which",
         "write each: markets"),
        ("assets: {'{coin}': {price: 1}}", "{coin} is a column of a list, but nothing says of which",
         "write each: with one of coins, markets"),
        ("makers: [{name: '{coin}', x: '{other}'}]",
         "{coin} and {other} are columns of a list, but nothing says of which",
         "write each: with a list; none has all of coin, other"),
        ("makers: [{each: markets, depth: {each: coins}}]", "`each` within an item that is written for each row",
         "write one list whose rows have the columns of both"),
        ("makers: [{each: [coins, markets]}]", "`each` names one list",
         "to combine two lists, write one whose rows have the columns of both"),
        ("makers: {each: coins, name: '{coin}'}", "`each` is written for a whole section",
         "write it in an item or entry of makers, not beside them"),
        ("makers: [{each: markets, cap: {held}}]", "{held} without quotes is a mapping", 'write "{held}"'),
    ],
)  # fmt: skip
def test_what_is_meant_is_said(text: str, message: str, hint: str) -> None:
    problem = only(text)
    assert (problem.code, problem.message, problem.hint) == ("CAS024", message, hint)


def test_a_column_that_one_row_lacks_is_shown_with_the_row() -> None:
    text = "lists: {rows: [{x: 1, y: 2}, {x: 2}]}\na: [{each: rows, b: '{y}'}]"
    plain, (problem,) = written(text)
    assert problem.message == "the row on line 1 of 'rows' has no column 'y'"
    assert plain == {"a": [{"b": 2}]}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('asset: "{coin}", tick: 0.1, lot: 0.01}\nmakers', 'asset: "{con}", tick: 0.1, lot: 0.01}\nmakers'),
        ("each: coins, news", "each: coin, news"),
        ("each: coins, news", "news"),
        ('"{coin}": {each', "BTC: {each"),
        ('open_interest: "{held}"', 'open_interest: "{hold}"'),
    ],
)
def test_what_cannot_be_written_is_told_once_and_hides_nothing(file: Path, old: str, new: str) -> None:
    text = SCENARIO.replace('markets: "*"', 'markets: ["*", "ons:*"]').replace(
        "duration: 10m", "duration: 10"
    )
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    scenario, problems = inspect(file)
    assert scenario is None
    told = {each.code for each in problems if each.severity == "error"}
    assert told == {"CAS013", "CAS106", "CAS002" if new.startswith("BTC") else "CAS024"}


def test_nothing_is_said_of_markets_where_some_are_not_known(file: Path) -> None:
    text = SCENARIO.replace("{each: markets, type: linear", "{type: linear")
    file.write_text(text, encoding="utf-8")
    assert [each.code for each in inspect(file)[1]] == ["CAS024"]


def test_names_that_rows_share_are_to_be_made_of_another_column(file: Path) -> None:
    file.write_text(SCENARIO.replace('name: "{venue}-{coin}"', 'name: "{venue}"'), encoding="utf-8")
    (problem,) = [each for each in inspect(file)[1] if each.severity == "error"]
    assert (problem.code, problem.hint) == (
        "CAS124", "let a column that differs from row to row be part of the name",
    )  # fmt: skip


def test_keys_that_come_out_equal_are_refused() -> None:
    problem = only("assets: {'{coin}': {each: markets, price: 1}}")
    assert (problem.code, problem.message) == ("CAS002", "key 'BTC' is written twice")


@pytest.mark.parametrize(
    "text",
    ["lists: [1, 2]", "lists: {rows: [1]}\na: [{each: rows}]", "a: [{each: [1, 2]}]", "a: [{each: rows}]"],
)
def test_what_is_no_list_is_refused(text: str) -> None:
    assert [each.code for each in written(text)[1]] == ["CAS024"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("lists: {rows: {x: 1}}\na: [{each: rows}]", "`rows` is no list of rows"),
        ("lists: {rows: []}\na: [{each: rows}]", "`rows` has no rows: nothing would be written for it"),
        (
            "lists: {rows: [{x: }]}\na: [{each: rows, b: 'z{x}'}]",
            "column 'x' is put into a text, and is none",
        ),
        (
            "lists: {rows: [{x: true}]}\na: [{each: rows, b: 'z{x}'}]",
            "column 'x' is put into a text, and is none",
        ),
    ],
)
def test_what_would_vanish_or_become_python_is_told(text: str, told: str) -> None:
    (problem,) = written(text)[1]
    assert problem.message == told


def test_rows_beyond_a_limit_are_refused() -> None:
    rows = ", ".join(["{x: 1}"] * 3_000)
    items = ", ".join(["'{x}'"] * (MOST_WRITTEN_OUT // 3_000))
    (problem,) = written(f"lists: {{rows: [{rows}]}}\na: [{{each: rows, b: [{items}]}}]")[1]
    assert problem.code == "CAS008"

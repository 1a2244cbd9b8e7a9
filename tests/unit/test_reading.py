"""Reading YAML: what is larger, deeper or stranger than a scenario is refused at its place, at once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor

from cascade.errors import Problem, ScenarioError
from cascade.limits import MOST_BYTES, MOST_DEPTH, MOST_DIGITS, MOST_LETTERS, MOST_VALUES
from cascade.scenario.load import inspect, load, to_data
from cascade.scenario.patterns import matches
from cascade.scenario.reading import parse_yaml, read_yaml
from cascade.scenario.schema import Scenario
from tests.support.scenarios import small_data, small_scenario

FOLDER = Path(__file__).parents[2]
BASE = (FOLDER / "tests" / "data" / "base.yaml").read_text(encoding="utf-8")
SHIPPED = sorted([*FOLDER.glob("scenarios/**/*.yaml"), *FOLDER.glob("cascade/**/*.yaml")])


class DatesAsText(SafeConstructor):
    """Keeps what looks like a date as it is written."""


DatesAsText.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)


def problems_of(text: str) -> list[Problem]:
    return parse_yaml(text, "file.yaml", Path()).problems


def only(text: str) -> Problem:
    (found,) = problems_of(text)
    return found


def value_of(text: str) -> Any:
    reading = parse_yaml(text, "file.yaml", Path())
    assert reading.root is not None
    assert not reading.problems
    return reading.root.plain()


@pytest.mark.sampled(3)
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_files_are_read_as_yaml(path: Path) -> None:
    reference = YAML(typ="safe", pure=True)
    reference.Constructor = DatesAsText
    expected = reference.load(path)
    assert value_of(path.read_text(encoding="utf-8")) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[0x1F, 0o17, 1_000, -5, +7, 007]", [31, 15, 1000, -5, 7, 7]),
        ("[1.5, 1_0.5, 1e3, .5, -.inf, 1.]", [1.5, 10.5, 1000.0, 0.5, float("-inf"), 1.0]),
        ("[~, null, '', true, FALSE, yes, on]", [None, None, "", True, False, "yes", "on"]),
        ("[0o_, 0x_, ._, -_, 1.5.2, 0b101]", ["0o_", "0x_", "._", "-_", "1.5.2", "0b101"]),
        ("[2025-07-01, 10:30, =]", ["2025-07-01", "10:30", "="]),
        ("[!!str 5, !!int 5, !!float 5, !!null ~, !!bool true, ! 5]", ["5", 5, 5, None, True, "5"]),
        ("a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}", {"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1, "e": 2}}),
        ("a: >-\n  one\n  two\nb: |\n  three\n", {"a": "one two", "b": "three\n"}),
    ],
)
def test_what_is_read(text: str, value: Any) -> None:
    assert value_of(text) == value


@pytest.mark.parametrize(
    ("text", "code", "place", "says", "advises"),
    [
        ("a: 1\nb: x # \x07", "CAS001", (2, 8), "a control character (U+0007)", "remove it"),
        ("a: 1\r\nb: 2\x0b\rc: 3", "CAS001", (2, 5), "a control character (U+000B)", "remove it"),
        ("a: 1\u2028b: 2\x85c: \x1e", "CAS001", (3, 4), "a control character (U+001E)", "remove it"),
        ('a: "\\e[31m"', "CAS001", (1, 4), "a control character (U+001B)", "remove it"),
        ("a: !!float x", "CAS001", (1, 4), "'x' is not what !!float says", "remove !!float"),
        ("a: !!int true", "CAS001", (1, 4), "'true' is not what !!int says", "remove !!int"),
        ("a: !!python/name:os x", "CAS001", (1, 4), "the tag !!python/name:os means nothing", "remove the tag"),
        ("a: !mine {b: 1}", "CAS001", (1, 4), "the tag !mine means nothing", "remove the tag"),
        ("a: *b", "CAS001", (1, 4), "nothing is named &b above", "define the anchor"),
        ("a: &b [1, *b]", "CAS001", (1, 11), "an alias contains itself", "write the value out"),
        ("a: &b c\n*b : 5", "CAS001", (2, 1), "a key must be text", "write `key: value`"),
        ("[a]: 5", "CAS001", (1, 1), "a key must be text", "write `key: value`"),
        ("a: 1\n---\nb: 2", "CAS001", (2, 1), "a second document", "remove the line ---"),
        ("a: " + "9" * (MOST_DIGITS + 1), "CAS008", (1, 4), "a number of 251 digits", "1e15"),
        ("a: " + "x" * (MOST_LETTERS + 1), "CAS008", (1, 4), "a value of 10,001 characters", "shorten it"),
        ("a: " + "[" * 5000, "CAS008", (1, 3 + MOST_DEPTH), "more than 64 deep", "close what is open"),
        ("a: [" + "1, " * 30_000 + "1]", "CAS008", (1, 5 + 3 * (MOST_VALUES - 3)), "20,000 values", "data file"),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, code: str, place: tuple[int, int], says: str, advises: str) -> None:
    problem = only(text)
    assert (problem.code, problem.line, problem.column) == (code, *place)
    assert says in problem.message
    assert advises in problem.hint


def test_aliases_count_as_what_they_stand_for() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 12))
    begun = time.process_time()
    problem = only(bomb)
    assert time.process_time() - begun < 5
    assert (problem.code, problem.line) == ("CAS008", 5)
    assert "aliases written out" in problem.message


def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text("- 1\n" * (MOST_BYTES // 2), encoding="utf-8")
    with pytest.raises(ScenarioError, match="larger than 500 kB") as caught:
        read_yaml(path)
    assert caught.value.code == "CAS008"


@pytest.mark.parametrize("name", ["a\0b.yaml", "x" * 300 + ".yaml"])
def test_a_name_that_no_file_can_have(name: str) -> None:
    with pytest.raises(ScenarioError, match="cannot be read") as caught:
        read_yaml(Path(name))
    assert caught.value.code == "CAS003"
    assert "\0" not in str(caught.value)


def test_no_message_holds_what_a_terminal_obeys() -> None:
    problem = Problem("CAS017", "'\x1b[2J' is wrong", "not \x9b", "a\x07", 1, 1, source_line="\x1b]0;x")
    assert not any(letter in problem.render() for letter in "\x1b\x9b\x07")


BROKEN = """\
cascade: 1
name: "mine
duration: 1 hour and a bit
dt: 1s
assets:
  BTC: {news: {type: constant, price: 107000}}
venues: {spot: {rulebook: [spot}}
markets:
  spot:BTCUSD: {type: spot, asset: BTC, tick: 0.1, lot: 0.001, colour: red}
makers:
\t- name: makers
replicates: many
"""


def test_a_file_says_all_that_is_wrong_although_some_sections_are_no_yaml(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(BROKEN, encoding="utf-8")
    scenario, problems = inspect(path)
    assert scenario is None
    assert {(each.code, each.line) for each in problems} == {
        ("CAS001", 11), ("CAS001", 2), ("CAS001", 7),  # a tab, quotes and a bracket that stay open
        ("CAS013", 3), ("CAS010", 9), ("CAS012", 12),
    }  # fmt: skip


def told_of(tmp_path: Path, text: str) -> set[tuple[str, str]]:
    """Return the codes of what is wrong with a file, each with its path, or else its line."""
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return {(each.code, each.path or str(each.line)) for each in inspect(path)[1]}


def test_what_refers_to_a_broken_section_is_left_out_with_it(tmp_path: Path) -> None:
    text = BASE.replace("name: base\ndescription: A", "name: &who [mine\ndescription: *who\n# A").replace(
        "dt: 1s", "dt: 1"
    )
    assert told_of(tmp_path, text) == {("CAS001", "3"), ("CAS013", "dt")}


def test_checks_look_at_sound_sections_beside_broken_ones(tmp_path: Path) -> None:
    text = BASE.replace("{name: background", "{name: back: ground").replace(
        "  - {type: depth, at: 1h", "  - {type: depth, at: 9h"
    )
    assert told_of(tmp_path, text) == {("CAS001", "56"), ("CAS114", "shocks.1.at")}


def test_a_section_of_which_no_key_can_be_read_may_be_any(tmp_path: Path) -> None:
    text = BASE.replace("makers:\n", "makers\n").replace("dt: 1s", "dt: 1")
    assert told_of(tmp_path, text) == {("CAS001", "42"), ("CAS013", "dt")}


def test_what_extends_a_broken_section_has_nothing_missing(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(BASE.replace("assets:\n", "assets: [\n"), encoding="utf-8")
    child = "extends: base.yaml\nassets: {BTC: {history: {duration: 5}}}\nreplicates: many\n"
    codes = {code for code, _ in told_of(tmp_path, child)}
    assert codes == {"CAS001", "CAS012"}


@pytest.mark.parametrize(
    ("text", "place", "advises"),
    [
        ("a: {b: 1,\n  c: [2,\n  d: 3}", (3, 7), "close the list with ]: it is open since line 2"),
        ('a: {b: "x, c: 1}\nd: {e: "y"}', (1, 4), "close the quotes on this line"),
    ],
)
def test_what_stays_open_is_shown_where_it_was_opened(
    text: str, place: tuple[int, int], advises: str
) -> None:
    problem = only(text)
    assert (problem.code, problem.line, problem.column) == ("CAS001", *place)
    assert problem.hint == advises


@pytest.mark.parametrize("where", ["seed", "replicates", "makers.0.count", "markets.spot:BTCUSD.lot"])
def test_a_truth_value_is_no_number(where: str) -> None:
    with pytest.raises(ScenarioError, match=r"needs a .*number, not true") as caught:
        small_scenario().replace(**{where: True})
    assert caught.value.errors[0].code == "CAS012"


def test_no_number_of_a_scenario_may_be_a_truth_value() -> None:
    data = to_data(load(next(path for path in SHIPPED if path.stem == "normal-days")))
    places = {f"{section} {key}": (holder, key) for section, holder, key in numbers(data)}
    assert len(places) > 80
    for holder, key in places.values():
        value, holder[key] = holder[key], True
        with pytest.raises(ValidationError):
            Scenario.model_validate(data)
        holder[key] = value


def numbers(data: Any, section: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield where plain data holds numbers: the section, what holds them, and the key."""
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in list(entries):
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield section, data, key
        yield from numbers(value, section or key)


@pytest.mark.parametrize(
    "pattern", ["*", "a*", "*a", "a*b*c", "*b*", "ab", "", "a?c", "[ab]*", "**", "a**c", "*abc*abc"]
)
@pytest.mark.parametrize("name", ["", "a", "b", "ab", "abc", "aXbXc", "abcabc", "cba", "ac"])
def test_patterns_match_as_those_of_a_shell(name: str, pattern: str) -> None:
    assert matches(name, pattern) == fnmatchcase(name, pattern)


@pytest.mark.slow
def test_patterns_of_many_stars_take_no_time(tmp_path: Path) -> None:
    many = {f"{'*a' * 1000}Z{number}": {"kind": "assumed"} for number in range(200)}
    begun = time.process_time()
    found = inspect_data(small_data(sources=many), tmp_path)
    assert "and 199 more" in next(each.message for each in found if each.code == "CAS119")
    assert time.process_time() - begun < 4.0  # 17 s with a regular expression for each


def inspect_data(data: dict[str, Any], folder: Path) -> Sequence[Problem]:
    with (folder / "data.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(data, file)
    return inspect(folder / "data.yaml")[1]


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("assets", {"BTC": {"news": {"type": "constant", "price": -1}}}),
        (
            "venues",
            {
                "spot": {"rulebook": "spot", "colour": "red"},
                "venue": {"rulebook": "binance-2025-07", "fund": "-5"},
            },
        ),
        ("markets", {"venue:BTCUSDT": {"type": "linear_perpetual", "asset": "BTC", "tick": -0.1}}),
    ],
)
def test_a_section_whose_entries_are_all_broken_hides_nothing_of_the_others(
    section: str, value: Any, tmp_path: Path
) -> None:
    shock = {"type": "news", "at": "3h", "asset": "BTC", "move": "-1 %"}
    found = inspect_data(small_data(**{section: value}, duration="1h", shocks=[shock]), tmp_path)
    told = {each.path for each in found if each.severity == "error"}
    assert any(path.startswith(section) for path in told)
    assert "shocks.0.at" in told, "it begins after the end"
    assert not any(path.startswith(("makers", "population", "shocks.0.asset")) for path in told), told

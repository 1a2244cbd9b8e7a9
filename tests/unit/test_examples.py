"""Files of worked examples: read generously, compared strictly, and never a traceback."""

from __future__ import annotations

import json
import math
import random
import re
from pathlib import Path

import pytest

from cascade.calculator.examples import check, check_file, matches
from cascade.errors import CascadeError, ScenarioError

DATA = Path(__file__).parents[1] / "data" / "calculator_examples.json"
EXAMPLES = json.loads(DATA.read_text(encoding="utf-8"))

PLAIN = {
    "id": "a", "kind": "liq_price_isolated", "expected": 90.9, "tolerance": 0.1,
    "inputs": {"side": 1, "qty": 1, "entry": 100, "mmr": 0.01, "wallet_balance": 10},
}  # fmt: skip


def checked(path, text, encoding="utf-8"):
    path.write_text(text, encoding=encoding)
    (found,) = check_file(path)
    return found


def with_inputs(**inputs):
    return {**PLAIN, "inputs": {**PLAIN["inputs"], **inputs}}


# --- what is read -------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [1, "1", "+1", 1.0, "1.0", "long", "Long", "BUY", " buy "])
def test_sides_are_read_in_every_notation(side):
    assert check(with_inputs(side=side)).verdict == "pass"
    assert check(with_inputs(side=True)).verdict == "cannot compute"


@pytest.mark.parametrize("side", [-1, "-1", -1.0, "short", "Sell"])
def test_a_short_is_read_in_every_notation(side):
    assert check({**with_inputs(side=side), "expected": 110 / 1.01}).verdict == "pass"


def test_numbers_may_be_text():
    example = with_inputs(qty="1", entry="1e2", mmr=" .01 ", wallet_balance="10.")
    assert check({**example, "expected": "90.90", "tolerance": "1e-1"}).verdict == "pass"
    for wrong in ("", "ten", "1,5", "nan", "inf", "1e999", "0x1", "1_0", "1e999999999"):
        assert check(with_inputs(qty=wrong)).message.endswith("not a number")
    assert check(with_inputs(mmr="0e999999999")).computed == 90


def test_a_byte_order_mark_is_read_over(tmp_path):
    assert checked(tmp_path / "bom.json", json.dumps([PLAIN]), "utf-8-sig").verdict == "pass"


def test_tables_by_symbol_give_every_amount():
    tiers = {"BTC": [["0", "40"], ["150000000", 20], [3e8, 10]]}
    example = {"kind": "maint_amount", "inputs": {"tiers": tiers}}
    assert check({**example, "expected": {"BTC": [0, 1_875_000, 9_375_000]}}).verdict == "pass"
    assert check({**example, "expected": {"BTC": 9_375_000}}).verdict == "pass"  # one number: the last


@pytest.mark.parametrize("said", [False, "false", "False", 0, "no"])
def test_what_is_said_to_be_inconsistent_is_so(said):
    assert check({**PLAIN, "expected": 1, "consistent": said}).verdict == "inconsistent"


# --- what is compared -----------------------------------------------------------------------------------


def test_infinity_is_met_by_infinity_alone():
    for word in (math.inf, "inf", "Infinity"):
        assert matches(word, math.inf, 1e-9)
        assert not matches(word, 0.08, 1e-9)
    assert not matches(-math.inf, math.inf, 1e-9)
    assert not matches(math.nan, math.inf, 1e9)
    found = check({**PLAIN, "expected": math.inf, "tolerance": None})
    assert (found.verdict, found.tolerance) == ("FAIL", 1e-9)
    json.dumps(found.as_dict(), allow_nan=False)


def test_a_default_tolerance_is_that_of_the_expected_value():
    example = {key: value for key, value in PLAIN.items() if key != "tolerance"}
    assert check({**example, "expected": 90 / 0.99 + 8e-8}).verdict == "pass"
    assert check({**example, "expected": 90 / 0.99 + 1e-7}).verdict == "FAIL"
    assert check({**example, "expected": 90 / 0.99, "tolerance": None}).verdict == "pass"


# --- what is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"expected": {}}, "empty mapping"),
        ({"expected": [{"a": {}}]}, "empty mapping"),
        ({"expected": math.nan}, "NaN"),
        ({"tolerance": math.inf}, "'tolerance' is inf"),
        ({"tolerance": math.nan}, "'tolerance' is nan"),
        ({"tolerance": -1}, "'tolerance' is -1"),
        ({"tolerance": "1 %"}, "'tolerance' is '1 %'"),
        ({"tolerance": [1]}, "'tolerance' is no number"),
        ({"tolerance": True}, "'tolerance' is True"),
    ],
)
def test_an_example_that_says_nothing_is_refused(tmp_path, change, message):
    with pytest.raises(ScenarioError, match=message):
        checked(tmp_path / "a.json", json.dumps([{**PLAIN, **change}]))


def test_a_key_that_stands_twice_is_named(tmp_path):
    text = json.dumps([PLAIN]).replace('"qty": 1', '"qty": 1, "qty": 2')
    with pytest.raises(ScenarioError, match=r"has '?qty'? twice"):
        checked(tmp_path / "a.json", text)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        json.dumps([{**PLAIN, "inputs": {"side": 1}}]).replace("1}", "[" * 900 + "]" * 900 + "}"),
        '{"a": ' * 5_000,
        "",
        "null",
        '"text"',
    ],
)
def test_what_holds_no_examples_is_refused(tmp_path, text):
    with pytest.raises(ScenarioError):
        checked(tmp_path / "a.json", text)


@pytest.mark.parametrize("digits", [309, 5_000])
def test_an_integer_of_many_digits_is_no_number(tmp_path, digits):
    text = json.dumps([PLAIN])
    found = checked(tmp_path / "a.json", text.replace('"qty": 1', f'"qty": {"9" * digits}'))
    assert found.message == "the input 'qty' is inf, not a number"
    found = checked(tmp_path / "a.json", text.replace("90.9", "-" + "9" * digits))
    assert found.verdict == "FAIL"


def test_half_a_character_can_be_printed(tmp_path):
    text = json.dumps([{**PLAIN, "id": "\ud800", "venue": "\udc00", "zz\ud800": 1}])
    checked(tmp_path / "a.json", text).name.encode()
    with pytest.raises(ScenarioError) as caught:
        checked(tmp_path / "a.json", json.dumps([{"id": "\ud800", "kind": "\ud800"}]))
    caught.value.render().encode()


@pytest.mark.parametrize(
    ("kind", "inputs", "message"),
    [
        ("liq_price_isolated", {**PLAIN["inputs"], "side": [1]}, r"'side' is \[1\]"),
        ("maint_amount", {"tiers": [[0, "x"]]}, "tier 0 holds 'x'"),
        ("maint_amount", {"tiers": [[]]}, "tier 0 is not"),
        ("maint_amount", {"tiers": {"A": [[0, 0.1], "x"]}}, "tier 1 is not"),
        ("maint_amount", {"tiers": [[5, 0.1], [5, 0.2]]}, "does not begin above"),
        ("liq_price_isolated", {**PLAIN["inputs"], "mmr": 1e200}, "too large"),
    ],
)
def test_messages_speak_of_inputs(kind, inputs, message):
    found = check({"kind": kind, "inputs": inputs, "expected": 1})
    assert found.verdict == "cannot compute"
    assert re.search(message, found.message)


# --- whatever a file holds --------------------------------------------------------------------------------

ODD = [
    None, True, 0, -1, 0.5, 1e-300, 1e300, math.inf, math.nan, 10**400, "", "x", "1", "long", [], {}, [[]], [1],
    [None], {"a": 1}, [[0, 1]], [["buy", 1]], "\ud800", "binance (2025-07)", -1e18, 2**63, {"BTC": None},
]  # fmt: skip


def mutated(luck, value):
    """Return a value with one thing in it left out, doubled or replaced by an odd one."""
    if not isinstance(value, dict | list) or not value or luck.random() < 0.2:
        return luck.choice(ODD)
    found = dict(value) if isinstance(value, dict) else list(value)
    place = luck.choice(list(found)) if isinstance(found, dict) else luck.randrange(len(found))
    if luck.random() < 0.15:
        del found[place]
    elif luck.random() < 0.15:
        found[place] = found[luck.choice(list(found))] if isinstance(found, dict) else [found[place]]
    else:
        found[place] = mutated(luck, found[place])
    return found


@pytest.mark.parametrize("seed", range(4))
def test_no_file_leads_to_a_traceback(tmp_path, seed):
    luck, path = random.Random(seed), tmp_path / "a.json"
    for _ in range(400):
        text = json.dumps(mutated(luck, mutated(luck, [luck.choice(EXAMPLES)])))
        if luck.random() < 0.1:
            at = luck.randrange(len(text))
            text = text[:at] + luck.choice(',"}[:\x00') + text[at + 1 :]
        path.write_text(text, encoding="utf-8")
        try:
            for found in check_file(path):
                json.dumps(found.as_dict(), allow_nan=False, ensure_ascii=False).encode()
        except CascadeError as refused:
            refused.render().encode()

"""The shipped scenarios give the numbers they gave: the same ones here, within luck elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden import numbers
from tests.golden.numbers import CASES, SCENARIOS, Case, Golden, Number


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=pytest.mark.slow if case.slow else (), id=case.scenario) for case in CASES],
)
def test_numbers_are_what_they_were(case: Case, tmp_path: Path) -> None:
    golden = numbers.load(case)
    now = numbers.golden_of(case, numbers.measure(case, tmp_path))
    found = numbers.differences(golden, now)
    wrong = numbers.broken(found, exact=golden.fingerprint == now.fingerprint)
    assert not wrong, (
        f"{case.scenario} has changed; if it should have: python -m tests.regenerate {case.scenario}\n"
        + numbers.table(wrong)
    )


def test_every_shipped_scenario_has_about_25_numbers_of_the_request_it_is_run_with() -> None:
    assert {case.scenario for case in CASES} == {path.stem for path in SCENARIOS.glob("*.yaml")}
    for case in CASES:
        golden = numbers.load(case)
        assert golden.overrides == case.overrides
        assert [number.name for number in golden.numbers] == list(case.names)
        assert 20 <= len(golden.numbers) <= 30


GOLDEN = Golden(
    (), "here", (Number("a_usd", "USD", 10.0, 2.0), Number("b", "1", None), Number("c", "orders", 3, 0.0))
)


def changed(**values: float | None) -> Golden:
    """Return the numbers above with some of them different."""
    return GOLDEN._replace(
        numbers=tuple(each._replace(value=values.get(each.name, each.value)) for each in GOLDEN.numbers)
    )


def test_on_the_same_platform_the_last_bit_counts() -> None:
    assert numbers.differences(GOLDEN, changed()) == []
    found = numbers.differences(GOLDEN, changed(a_usd=10.000000000000002))
    assert [each.name for each in numbers.broken(found, exact=True)] == ["a_usd"]
    assert numbers.broken(found, exact=False) == []


def test_elsewhere_a_number_may_differ_by_its_tolerance() -> None:
    def wrong(**values: float | None) -> list[str]:
        return [
            each.name for each in numbers.broken(numbers.differences(GOLDEN, changed(**values)), exact=False)
        ]

    assert wrong(a_usd=11.9) == []
    assert wrong(a_usd=12.1) == ["a_usd"]
    assert wrong(a_usd=None) == ["a_usd"]
    assert wrong(b=1.0) == ["b"], "it had no value, and now has one"
    assert wrong(c=4) == ["c"], "no replicate ever differed in it"


def test_the_table_names_metric_golden_now_and_difference() -> None:
    text = numbers.table(numbers.differences(GOLDEN, changed(a_usd=13.0, b=0.5)))
    head, first, second = (line.split() for line in text.splitlines())
    assert head == ["metric", "unit", "golden", "now", "difference", "in", "tolerances"]
    assert first == ["a_usd", "USD", "10", "13", "+3", "1.5"]
    assert second == ["b", "1", "null", "0.5", "null", "inf"]


def test_what_is_written_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "FOLDER", tmp_path / "new")
    case = Case("any")
    assert not numbers.is_stored(case)
    numbers.save(case, GOLDEN)
    assert numbers.load(case) == GOLDEN
    assert len((tmp_path / "new" / "any.json").read_text().splitlines()) == 9

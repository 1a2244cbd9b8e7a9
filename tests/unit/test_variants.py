"""Variants: what a file that extends another may change of its lists, and how that is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cascade.errors import Problem
from cascade.scenario.load import inspect, load
from cascade.scenario.schema import Scenario
from tests.support.scenarios import small_data

FUEL = {"type": "ladder", "market": "venue:BTCUSDT", "notional": 1e6, "from_price": 106e3, "to_price": 105e3}
SALE = {
    "name": "sale",
    "type": "market_order",
    "at": "10s",
    "market": "venue:BTCUSDT",
    "side": "sell",
    "notional": 1e6,
}
NEWS = {"type": "news", "at": "20s", "asset": "BTC", "move": "-1 %"}


@pytest.fixture
def base(tmp_path: Path) -> Scenario:
    data = small_data(name="base", shocks=[SALE, NEWS])
    (tmp_path / "base.yaml").write_text(json.dumps(data), encoding="utf-8")
    return load(tmp_path / "base.yaml")


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "variant.yaml"
    path.write_text(json.dumps({"extends": "base", **changes}), encoding="utf-8")
    return path


def errors(path: Path, *overrides: str) -> list[Problem]:
    return [problem for problem in inspect(path, overrides)[1] if problem.severity == "error"]


def test_an_item_is_changed_by_name_and_the_others_stay(base: Scenario, tmp_path: Path) -> None:
    first = base.makers[0]
    variant = load(written(tmp_path, makers={first.name: {"depth": {"scale": 0.25}}}))
    assert variant.makers[0] == first.model_copy(
        update={"depth": first.depth.model_copy(update={"scale": 0.25})}
    )
    assert variant.makers[1:] == base.makers[1:]


def test_an_item_is_changed_by_number_where_it_has_no_name(base: Scenario, tmp_path: Path) -> None:
    variant = load(written(tmp_path, shocks={"1": {"move": "-2 %"}, "sale": {"notional": 2e6}}))
    assert [shock.type for shock in variant.shocks] == ["market_order", "news"]
    assert variant.shocks[1] == base.shocks[1].model_copy(update={"move": -0.02})
    assert variant.shocks[0] == base.shocks[0].model_copy(update={"notional": 2e6})


def test_a_new_name_adds_an_item_and_null_removes_one(base: Scenario, tmp_path: Path) -> None:
    old = [layer.name for layer in base.population]
    variant = load(written(tmp_path, population={"fuel": FUEL}, shocks={"0": None}))
    assert [layer.name for layer in variant.population] == [*old, "fuel"]
    assert variant.shocks == base.shocks[1:]


def test_numbers_are_those_of_the_file_that_is_extended(base: Scenario, tmp_path: Path) -> None:
    variant = load(written(tmp_path, shocks={"0": None, "1": {"move": "-3 %"}}))
    assert variant.shocks == (base.shocks[1].model_copy(update={"move": -0.03}),)


def test_an_item_of_another_type_replaces_the_old_one_and_keeps_its_name(
    base: Scenario, tmp_path: Path
) -> None:
    name = base.population[0].name
    (layer,) = load(written(tmp_path, population={name: FUEL})).population
    assert (layer.type, layer.name) == ("ladder", name)


def test_a_list_still_replaces_a_list(base: Scenario, tmp_path: Path) -> None:
    assert load(written(tmp_path, shocks=[NEWS])).shocks == base.shocks[1:]


def test_the_same_holds_for_an_override(base: Scenario, tmp_path: Path) -> None:
    path = written(tmp_path)
    whole = load(path, ["shocks={sale: {notional: 3M}, 1: null}"])
    assert whole.shocks == (base.shocks[0].model_copy(update={"notional": 3e6}),)
    assert load(path, ["shocks.sale.notional=3M"]).shocks[0] == whole.shocks[0]
    assert load(path, ["shocks.sale=null"]).shocks == base.shocks[1:]


def test_a_misspelt_name_is_an_item_that_lacks_its_keys_and_is_found_where_it_is_written(
    base: Scenario, tmp_path: Path
) -> None:
    path = written(tmp_path)
    path.write_text("extends: base\nmakers:\n  perpetaul: {cap: 3M}\n", encoding="utf-8")
    found = errors(path)
    assert {(problem.code, problem.line) for problem in found} == {("CAS011", 3)}
    assert {problem.path.rpartition(".")[2] for problem in found} <= {"perpetaul", "markets", "depth"}
    assert found[0].file.endswith("variant.yaml")


def test_a_name_in_a_list_that_has_none_is_refused_where_it_is_written(
    base: Scenario, tmp_path: Path
) -> None:
    path = written(tmp_path)
    path.write_text("extends: base\nshocks:\n  late: null\n", encoding="utf-8")
    (problem,) = errors(path)
    assert (problem.line, problem.file.endswith("variant.yaml")) == (3, True)


def test_a_source_of_what_a_variant_removes_is_no_fault_of_the_variant(
    base: Scenario, tmp_path: Path
) -> None:
    def stale(path: Path, *overrides: str) -> list[str]:
        return [p.severity for p in inspect(path, overrides)[1] if p.code == "CAS119"]

    variant = written(tmp_path, sources={"shocks.sale.notional": {"kind": "assumed"}})
    assert stale(variant) == []
    assert stale(variant, "shocks.sale=null") == ["warning"]
    further = tmp_path / "further.yaml"
    further.write_text(json.dumps({"extends": "variant", "shocks": {"sale": None}}), encoding="utf-8")
    assert stale(further) == []

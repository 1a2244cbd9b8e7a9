"""Copies of rulebooks: complete, with their sources, and with the same rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cascade.errors import ScenarioError, UsageError
from cascade.scenario.load import inspect
from cascade.venues.copy import copy_rulebook
from cascade.venues.figures import differences, figures
from cascade.venues.load import load_rulebook, shipped_rulebooks
from tests.support.scenarios import small_data


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", shipped_rulebooks())
def test_a_copy_has_the_same_rules_and_sources(name: str, tmp_path: Path) -> None:
    path = copy_rulebook(name, tmp_path / "mine.yaml")
    assert load_rulebook(str(path)) == load_rulebook(name)
    assert not differences(name, str(path))
    assert figures(str(path)) == figures(name)
    assert "\nextends:" not in path.read_text(encoding="utf-8")


def test_a_copy_of_a_copy_is_one(tmp_path: Path) -> None:
    first = copy_rulebook("binance-2025-10", tmp_path / "first.yaml")
    second = copy_rulebook(str(first), tmp_path / "second.yaml")
    assert load_rulebook(str(second)) == load_rulebook("binance-2025-10")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = copy_rulebook("spot", tmp_path / "mine.yaml")
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        copy_rulebook("spot", path)
    assert caught.value.code == "CAS802"
    assert path.read_text(encoding="utf-8") == "mine"
    assert load_rulebook(str(copy_rulebook("spot", path, force=True))) == load_rulebook("spot")


def test_a_copy_that_no_scenario_could_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        copy_rulebook("spot", tmp_path / "mine.txt")
    assert "mine.yaml" in caught.value.remedy


def test_one_pattern_is_the_source_of_a_table_of_tiers(tmp_path: Path) -> None:
    path = copy_rulebook("binance-2025-07", tmp_path / "mine.yaml")
    coin = (
        "  COINUSDT:\n    liquidation_fee: 1 %\n    max_market_qty: 9000\n    tiers:\n"
        + "".join(f"      - {{cap_usd: {n}M, max_leverage: {60 - n}x, mmr: {n / 10 + 0.4:g} %}}\n" for n in range(1, 9))
    )  # fmt: skip
    text = path.read_text(encoding="utf-8").replace("contracts:\n", f"contracts:\n{coin}", 1)
    before, sources = text.split("sources:\n")
    sources = "".join(line + "\n" for line in sources.splitlines() if not line.startswith("#")).replace(
        "contracts.*", "contracts.[!C]*"
    )  # what the copy knows is of other contracts
    path.write_text(f"{before}sources:\n{sources}", encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_rulebook(str(path))
    tiers = [each for each in caught.value.problems if ".tiers." in each.path]
    assert [each.others for each in tiers] == [7, 7, 7]  # caps, leverages, rates
    assert {each.hint for each in tiers} == {
        'add to sources:  contracts.COINUSDT.tiers.*: {status: stated, source: "..."}'
    }
    pattern = '  contracts.COINUSDT.*: {status: stated, source: "our own desk"}\n'
    path.write_text(f"{before}sources:\n{sources}{pattern}", encoding="utf-8")
    assert len(load_rulebook(str(path)).contracts["COINUSDT"].tiers) == 8


def test_a_contract_that_a_copy_lacks_is_to_be_written_into_it(tmp_path: Path) -> None:
    """The copy still has the name of what it was copied from; who wrote the scenario knows it by its file."""
    copy_rulebook("binance-2025-07", tmp_path / "mine.yaml")
    text = json.dumps(small_data()).replace("binance-2025-07", "./mine.yaml").replace("BTCUSDT", "WIFUSDT")
    file = tmp_path / "wif.yaml"
    file.write_text(text, encoding="utf-8")
    _, problems = inspect(file)
    (found,) = [each for each in problems if each.code == "CAS104"]
    assert "rulebook mine.yaml has no contract 'WIFUSDT'" in found.message
    assert "or write WIFUSDT below `contracts:` of mine.yaml" in found.hint

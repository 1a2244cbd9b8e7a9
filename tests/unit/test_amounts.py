"""Amounts of money: what cannot be counted is refused, the message names the largest that works, and it does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cascade.assembly import MONEY, assemble
from cascade.assembly.entities import Entities
from cascade.assembly.venues import assemble_venues, settlement_of, worth_of
from cascade.cli.app import build
from cascade.core.check import breaches
from cascade.errors import Problem, ScenarioError
from cascade.limits import MOST_REPLICATES, MOST_SEED
from cascade.scenario.load import inspect, to_yaml
from cascade.scenario.schema import Scenario
from tests.support.scenarios import small_data, small_scenario

LADDER = {
    "type": "ladder", "name": "fuel", "market": "venue:BTCUSDT", "notional": "10M", "from_price": 106_500,
    "to_price": 105_200, "size": "50M",
}  # fmt: skip
SHOCK = {"type": "market_order", "at": "30s", "side": "sell", "market": "spot:BTCUSD", "notional": "1M"}


@pytest.fixture
def errors_of(tmp_path: Path) -> Any:
    def check(*changes: str) -> list[Problem]:
        path = tmp_path / "scenario.yaml"
        shocks, population = [SHOCK], [LADDER]
        scenario = small_scenario(shocks=shocks, population=population, duration="60s")
        path.write_text(to_yaml(scenario), encoding="utf-8")
        return [each for each in inspect(path, changes)[1] if each.severity == "error"]

    return check


AMOUNTS = [
    "shocks.0.notional", "makers.makers.cap", "arbitrage.basis.cap", "venues.venue.fund", "population.fuel.notional",
]  # fmt: skip


@pytest.mark.parametrize("path", AMOUNTS)
def test_what_is_more_than_can_be_counted_is_refused(path: str, errors_of: Any) -> None:
    for huge in ("5e12", "9.22e12", "1e18", "1e300"):
        (problem,) = [
            each for each in errors_of(f"{path}={huge}") if each.path.endswith(path.rpartition(".")[2])
        ]
        assert problem.code == "CAS014"
        assert problem.hint == "write less than 4.61T USD"


@pytest.mark.parametrize("path", AMOUNTS)
def test_the_largest_that_works_is_named_and_works(path: str, errors_of: Any) -> None:
    deep = "makers.0.depth.scale=100000x"
    (problem,) = [each for each in errors_of(f"{path}=4.6T", deep) if each.code == "CAS111"]
    most = problem.hint.removeprefix("write at most ").removesuffix(" USD")
    assert not errors_of(f"{path}={most}", deep)
    assert [each.code for each in errors_of(f"{path}={float(most[:-1]) * 1.02}{most[-1]}", deep)] == [
        "CAS111"
    ]


def test_a_flow_whose_traders_have_less_leaves_room() -> None:
    flow = {"type": "splitters", "name": "flow", "markets": "spot:*"}
    lots = {}
    for capital in ("2B", "50M"):
        drawn = assemble(small_scenario(flow=[flow | {"capital": capital}]))
        lots[capital] = int(drawn.endowment[0])
    assert assemble(small_scenario(flow=[flow])).endowment[0] == lots["2B"]
    assert lots["50M"] < lots["2B"] / 5


def test_a_market_with_all_that_can_be_counted_adds_up() -> None:
    population = [LADDER | {"notional": "200B"}]
    drawn = assemble(small_scenario(shocks=[SHOCK], population=population, venues={
        "spot": {"rulebook": "spot"}, "venue": {"rulebook": "binance-2025-07", "fund": "300B"},
    }))  # fmt: skip
    assert not breaches(drawn.state, drawn.params, drawn.endowment)


def fund_of(fund: Any) -> int:
    venues = {"spot": {"rulebook": "spot"}, "venue": {"rulebook": "binance-2025-07", "fund": fund}}
    scenario = small_scenario(venues=venues)
    entities = Entities(settlement_of(scenario), worth_of(scenario, [107_000.0]))
    found = assemble_venues(scenario, entities, 0)
    return entities.cash[found.rules.venues[1].fund][0]


def test_a_fund_is_the_same_however_it_is_written() -> None:
    assert fund_of(2_000_000.4) == fund_of({"USD": 2_000_000.4}) == 2_000_000.4 * MONEY


@pytest.mark.parametrize(
    ("key", "most"), [("seed", MOST_SEED), ("replicates", MOST_REPLICATES), ("population.0.accounts", None)]
)
def test_whole_numbers_have_a_largest(key: str, most: int | None, errors_of: Any) -> None:
    for huge in (18_446_744_073_709_551_615, 10**15, 10**200):
        if most is not None and huge <= most:
            continue
        found = Scenario.model_validate(small_data()) if key.startswith("population") else None
        problems = _of(found, key, huge) if found else errors_of(f"{key}={huge}")
        assert "CAS014" in [each.code for each in problems]
        assert most is None or f"at most {most}" in problems[0].message
    assert most is None or not errors_of(f"{key}={most}")


def _of(scenario: Scenario, key: str, value: Any) -> list[Problem]:
    with pytest.raises(ScenarioError) as caught:
        scenario.replace(**{key: value})
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("command", "option"),
    [("run", "--seed"), ("run", "-n"), ("sweep", "--seed"), ("sweep", "--points"), ("attribute", "-n")],
)
def test_an_option_beyond_its_limit_is_a_usage_error(command: str, option: str) -> None:
    result = CliRunner().invoke(build([command]), [command, "x.yaml", option, str(10**30)])
    assert result.exit_code == 2
    assert option in result.stderr


@pytest.mark.parametrize("key", ["duration", "shocks.0.at", "shocks.0.over", "outputs.bars"])
def test_times_have_a_longest(key: str, errors_of: Any) -> None:
    for huge in ("1e9", "36501d", "9" * 400 + "s", "1000000000w"):
        assert {each.code for each in errors_of(f"{key}={huge}")} & {"CAS013", "CAS014"}

"""Scheduled orders: how they are worked, whose they are, and what `runs` says of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from cascade.assembly import assemble
from cascade.engine import Engine
from cascade.errors import ScenarioError
from cascade.experiment.fills import fills_of
from cascade.experiment.observe import Observer
from cascade.experiment.recorder import units_of
from cascade.experiment.run import run
from cascade.explain.timeline import timeline
from cascade.report.builders.study import Variant
from cascade.scenario.checks import check
from cascade.scenario.overrides import from_data
from cascade.scenario.schedules import front_load, temporary_impact_bps
from cascade.scenario.schema import Scenario
from cascade.scenario.source import Place, SourceText
from tests.support.scenarios import small_data

MARKET = "venue:BTCUSDT"
ORDER = {"type": "market_order", "name": "mine", "at": "10s", "market": MARKET, "side": "sell"}
ROWS = (
    "label,market,side,quantity,entry_price,margin_mode,leverage",
    "fund,venue:BTCUSDT,long,20,107000,isolated,3",
    "other,venue:BTCUSDT,short,5,107000,isolated,3",
)


def scenario_of(order: dict[str, Any], path: Path | None = None, rows=ROWS, **changes: Any) -> Scenario:
    """Return a still market with an order, and accounts of a file where there is one."""
    data = small_data(shocks=[ORDER | order], population=[], **changes)
    data["assets"] = {"BTC": {"news": {"type": "constant", "price": 107000}}}
    if path is not None:
        (path / "book.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        data["population"] = [{"type": "table", "name": "book", "file": str(path / "book.csv")}]
    return Scenario.model_validate(data)


def course(scenario: Scenario) -> tuple[Engine, np.ndarray]:
    """Return the market after its run, and the filled lots of its order at the end of each step."""
    engine = Engine(assemble(scenario), Observer(units_of(scenario), {}, ()))
    filled = np.zeros(scenario.n_steps)
    for step in range(scenario.n_steps):
        engine.advance(step + 1)
        filled[step] = engine.state.works[0].filled
    engine.check()
    return engine, filled


def found_in(scenario: Scenario, code: str) -> list[str]:
    root = from_data(scenario.model_dump(), Place(SourceText("s", (), Path.cwd()), 0, 0))
    return [problem.message for problem in check(scenario, root) if problem.code == code]


def test_a_front_loaded_order_follows_the_hyperbolic_sine() -> None:
    schedule = {
        "type": "almgren_chriss",
        "risk_aversion": 1e-6,
        "temporary_impact_bps": 0.05,
        "volatility": 0.6,
    }
    scenario = scenario_of({"over": "60s", "notional": "4M", "schedule": schedule})
    kappa = math.sqrt(1e-6 * 0.36 / (365 * 86_400) / (0.05e-4 / (1e6 / 60)))
    assert front_load(scenario, scenario.shocks[0]) == pytest.approx(kappa)
    _, filled = course(scenario)
    lots = 4e6 / 107_000 / 0.001
    for seconds in (1, 7, 30, 59, 60):
        left = math.sinh(kappa * (60 - seconds)) / math.sinh(kappa * 60)
        assert filled[10 + seconds - 1] == -math.floor(lots * (1 - left)) or seconds == 60
    assert filled[-1] == -math.floor(lots)
    assert -filled[10 + 15 - 1] > 0.25 * lots  # earlier than evenly


def test_no_risk_aversion_is_worked_evenly() -> None:
    even = scenario_of({"over": "60s", "notional": "4M"})
    schedule = {"type": "almgren_chriss", "risk_aversion": 0, "volatility": 0.6}
    np.testing.assert_array_equal(
        course(even)[1], course(scenario_of({"over": "60s", "notional": "4M", "schedule": schedule}))[1]
    )


def test_haste_costs_half_the_way_through_what_is_traded_between_two_looks() -> None:
    scenario = scenario_of({"over": "60s", "notional": "4M"})
    depth = sum(group.within(10.0) for group in scenario.makers)
    assert temporary_impact_bps(scenario, scenario.shocks[0]) == pytest.approx(5.0 * 1e6 / 60 / depth)


def test_a_share_of_volume_is_that_share_and_ends_with_its_time() -> None:
    schedule = {"type": "pov", "participation": "20 %"}
    engine, filled = course(scenario_of({"over": "60s", "notional": "400M", "schedule": schedule}))
    m = 1
    assert filled[69] == filled[-1] != 0.0
    # of all that is traded up to the last step in which it may trade, itself included
    work, until = engine.state.works[0], 69
    assert until < len(filled)
    fresh = Engine(
        assemble(scenario_of({"over": "60s", "notional": "400M", "schedule": schedule})), engine.sink
    )
    fresh.advance(70)
    traded = int(fresh.state.markets[m].traded - work.traded)
    assert -filled[69] / traded == pytest.approx(0.2, abs=0.02)


def test_an_order_closes_the_position_of_its_account(tmp_path: Path) -> None:
    scenario = scenario_of({"account": "fund", "notional": "1.07M", "over": "30s"}, tmp_path)
    engine, _ = course(scenario)
    first = int(engine.params.run[0].first_trader)
    mine = engine.state.positions.lots[engine.state.positions.account == first]
    assert mine.tolist() == [10_000]  # of 20,000 lots
    (fills,) = fills_of(engine, scenario, units_of(scenario)).values()
    assert fills.filled == fills.asked == pytest.approx(10.0)


def test_an_agent_of_the_same_name_keeps_its_position(tmp_path: Path) -> None:
    whale = {"name": "fund", "python": "desk:Whale", "cash": "5M", "positions": {MARKET: 30}}
    scenario = scenario_of({"account": "fund", "over": "30s"}, tmp_path, agents=[whale])
    drawn = assemble(scenario)
    (row,) = drawn.params.shocks
    assert drawn.state.positions.account[row.position] == drawn.params.run[0].first_trader
    assert (row.initial, row.amount) == (20_000, -20_000.0)
    (told,) = found_in(scenario, "CAS167")
    assert told == "'fund' is also the label of an account of book, in row 2 of its file"
    other = scenario_of({"account": "fund"}, tmp_path, agents=[whale | {"name": "whale"}])
    assert found_in(other, "CAS167") == []


def test_it_closes_all_unless_told_and_never_more(tmp_path: Path) -> None:
    for more in ({}, {"notional": "500M"}):
        scenario = scenario_of({"account": "fund", "over": "30s", **more}, tmp_path)
        engine, _ = course(scenario)
        first = int(engine.params.run[0].first_trader)
        assert engine.state.positions.lots[engine.state.positions.account == first].tolist() == [0]
        assert int(engine.state.works[0].filled) == -20_000
        # what is left of the account's margin has been paid out: it owes nothing, and is owed nothing
        assert engine.state.balances[first].tolist() == [0]


def test_what_is_liquidated_meanwhile_is_not_closed_twice(tmp_path: Path) -> None:
    rows = (ROWS[0], "fund,venue:BTCUSDT,long,20,107000,isolated,50")
    fall = {"type": "news", "at": "30s", "over": "5s", "asset": "BTC", "move": -0.04}
    scenario = scenario_of({"account": "fund", "over": "100s"}, tmp_path, rows)
    scenario = scenario.replace(shocks=[*scenario.model_dump(mode="json", exclude_none=True)["shocks"], fall])
    engine, filled = course(scenario)
    first = int(engine.params.run[0].first_trader)
    assert engine.state.positions.lots[engine.state.positions.account == first].tolist() == [0]
    assert -20_000 < filled[-1] < 0.0
    assert filled[-1] == filled[60]
    assert engine.state.counts.sum() == 0  # nothing was sent to be rejected


def test_runs_says_what_named_orders_were_filled_of(tmp_path: Path) -> None:
    scenario = scenario_of({"account": "fund", "notional": "1.07M", "over": "30s"}, tmp_path)
    scenario = scenario.replace(outputs={"trades": True, "accounts": True, "bars": "1s"})
    result = run(scenario, out=tmp_path / "out")
    row = pq.read_table(result.path / "runs.parquet").to_pylist()[0]
    trades = pq.read_table(result.path / "trades").to_pylist()
    account = row_account(result.path)
    mine = [each for each in trades if each["taker"] == account]
    worth = sum(each["size_usd"] for each in mine)
    size = sum(each["size_usd"] / each["trade_price"] for each in mine)
    bars = pq.read_table(result.path / "bars").to_pylist()
    (before,) = [each for each in bars if each["market"] == MARKET and each["step"] == 9]
    arrival = (before["best_bid_price"] + before["best_ask_price"]) / 2.0
    assert row["mine_filled_share"] == 1.0
    assert row["mine_filled_usd"] == pytest.approx(worth, rel=1e-9)
    assert row["mine_vwap_price"] == pytest.approx(worth / size, rel=1e-9)
    assert row["mine_shortfall_bps"] == pytest.approx(1e4 * (1 - worth / size / arrival), rel=1e-6)
    assert row["mine_shortfall_usd"] == pytest.approx(row["mine_shortfall_bps"] * 1e-4 * 1.07e6, rel=1e-3)


def row_account(path: Path) -> int:
    """Return the number of the account that the order closes a position of."""
    accounts = pq.read_table(path / "accounts").to_pylist()
    return next(each["account"] for each in accounts if each["label"] == "fund")


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ({"account": "found"}, "no account 'found' in the tables of the population — did you mean 'fund'?"),
        (
            {"account": "fund", "side": "buy"},
            "'fund' is not short in venue:BTCUSDT: it is long venue:BTCUSDT",
        ),
        ({"account": "fund", "notional": "9M"}, "'fund' holds 2.14M USD: the order ends when that is closed"),
    ],
)
def test_accounts_that_hold_nothing_to_close_are_told(tmp_path: Path, order, told: str) -> None:
    assert found_in(scenario_of(order, tmp_path), "CAS162") == [told]


def test_an_order_of_an_account_that_a_cap_forces_out_is_told(tmp_path: Path) -> None:
    def capped(cap: dict[str, Any], **order: Any) -> list[str]:
        scenario = scenario_of({"account": "fund", **order}, tmp_path)
        layer = scenario.population[0].model_dump(mode="json", exclude_none=True)
        scenario = scenario.replace(population=[layer | {"leverage_cap": cap}])
        return found_in(scenario, "CAS162")

    leaves = "'fund' has 3x, more than the 2x that book is capped at, and leaves before the start"
    assert capped({"max": 2}) == [f"{leaves}: the order does nothing"]
    assert capped({"max": 3}) == capped({"max": 1.5, "then": "reduce"}) == []
    told = "'fund' holds 1.07M USD: the order ends when that is closed"
    assert capped({"max": 1.5, "then": "reduce"}, notional="2M") == [told]


def test_a_share_of_volume_without_a_time_lasts_to_the_end_of_the_run(tmp_path: Path) -> None:
    schedule = {"type": "pov", "participation": "20 %"}
    scenario = scenario_of({"notional": "4M", "schedule": schedule})
    result = run(scenario.replace(outputs={"bars": "10s"}), out=tmp_path)
    (shade,) = Variant("run", result, 1).shades
    assert (shade.start, shade.end) == (10.0, 120.0)
    (moment,) = [each for each in timeline(scenario, assemble(scenario).params) if each.kind == "shock"]
    assert moment.text == f"sell 4M USD of {MARKET} to the end of the run, 0.2 of what is traded"
    (event,) = [each for each in result.events().to_pylist() if each["event"] == "shock"]
    assert event["text"] == "sell 4M USD to the end of the run"


def test_two_positions_of_a_label_are_too_many(tmp_path: Path) -> None:
    scenario = scenario_of({"account": "fund"}, tmp_path, (*ROWS, ROWS[1]))
    (told,) = found_in(scenario, "CAS162")
    assert told == "'fund' holds 2 long positions in venue:BTCUSDT, each on its own margin"
    (told,) = found_in(scenario_of({"account": "fund"}), "CAS162")
    assert told == "no table has an account 'fund': the population has no labels"


def test_a_schedule_that_would_be_worked_evenly_is_told() -> None:
    schedule = {"type": "almgren_chriss", "risk_aversion": 1e-6}
    order = {"over": "60s", "notional": "4M", "schedule": schedule}
    (told,) = found_in(scenario_of(order), "CAS163")
    assert told == "the news of BTC has no volatility, so that the order is worked evenly"
    order["schedule"] = schedule | {"volatility": 0.6}
    assert found_in(scenario_of(order), "CAS163") == []


def test_an_order_needs_a_size_and_a_schedule_its_time() -> None:
    haste = {"type": "almgren_chriss", "risk_aversion": 1}
    for order, told in (
        ({}, "the order has no size"),
        ({"notional": 1e6, "schedule": haste}, "an order at once has no schedule"),
    ):
        with pytest.raises(ValueError, match=told):
            scenario_of(order)


def test_replace_tells_what_to_write() -> None:
    scenario = scenario_of({"notional": "1M"})
    with pytest.raises(ScenarioError, match="the order has no size"):
        scenario.replace(shocks=[{key: value for key, value in ORDER.items() if key != "notional"}])

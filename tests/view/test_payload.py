"""What the page is sent are the numbers of the tables, and no more of them than it can show."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pytest

from cascade.errors import ResultsError, ScenarioError, UsageError
from cascade.output.columns import category, numbers
from cascade.output.reader import Result
from cascade.view import payload
from cascade.view.session import Session
from tests.view.conftest import MARKET, falling


def rows_of(result: Result, table: str, replicate: int) -> list[dict[str, Any]]:
    return [row for row in result.replicate(table, replicate).to_pylist() if row["market"] == MARKET]


def bars(n: int) -> Any:
    """Return bars whose values are their numbers, in two markets in turn."""
    import pyarrow as pa

    values = np.repeat(np.arange(n, dtype=np.float64), 2)
    columns = {name: numbers(values, pa.float64()) for name in payload.SERIES}
    return pa.table({"market": category(np.tile([0, 1], n), ["a", "b"]), **columns})


def wait(session: Session, *, asked: bool = False) -> None:
    """Wait for the end of whatever runs."""
    for _ in range(3000):
        status = session.status()
        runs = [status["what_if"]] if asked else [*status["runs"].values()]
        assert all(run["stage"] != "failed" for run in runs), runs
        if all(run["stage"] == "done" for run in runs):
            return
        time.sleep(0.1)
    raise AssertionError(session.status())


@pytest.mark.parametrize("replicate", [0, 1])
def test_a_course_is_the_bars(stored: Result, replicate: int) -> None:
    assert stored.path is not None
    sent = Session.of_results(stored.path).course("falling", replicate, MARKET)
    expected = rows_of(stored, "bars", replicate)
    assert (sent["bars"], sent["every"]) == (len(expected), 1)
    for name, values in sent["series"].items():
        assert values == [row[name] for row in expected], name


def test_a_long_course_has_few_points() -> None:
    n = 2 * payload.MOST_POINTS + 3
    sent = payload.course(bars(n), "b")
    series = sent["series"]
    assert sent["every"] == 3
    assert len(series["t_s"]) <= payload.MOST_POINTS
    assert (series["t_s"][0], series["t_s"][-1]) == (2.0, n - 1.0)
    assert (series["mark_low_price"][1], series["mark_high_price"][1]) == (3.0, 5.0)
    assert sum(series["long_liquidated_usd"]) == n * (n - 1) / 2
    assert len(json.dumps(sent)) < 1_000_000


def test_points_of_a_run_under_way_stand_where_they_will_at_its_end() -> None:
    whole = payload.course(bars(9000), "a")
    begun = payload.course(bars(4000), "a", expected=9000)
    assert begun["every"] == whole["every"]
    assert begun["series"]["t_s"] == whole["series"]["t_s"][: len(begun["series"]["t_s"])]


def test_nothing_is_known_before_the_first_bar() -> None:
    assert set(payload.moment(bars(0), "a", 1.0).values()) == {None}
    assert payload.course(bars(0), "a")["series"]["t_s"] == []


def test_a_moment_is_the_bar_before_it(stored: Result) -> None:
    table = stored.replicate("bars", 0)
    expected = [row for row in rows_of(stored, "bars", 0) if row["t_s"] <= 61.0]
    found = payload.moment(table, MARKET, 61.0)
    assert found["price"] == expected[-1]["mark_price"]
    assert found["fund"] == expected[-1]["fund_equity_usd"]
    assert found["open_interest"] == expected[-1]["open_interest_usd"]
    assert found["long_liquidated"] == pytest.approx(sum(row["long_liquidated_usd"] for row in expected))
    low = min(row["mark_low_price"] for row in expected)
    assert found["fall"] == pytest.approx((1 - low / expected[0]["mark_price"]) * 1e4)
    assert (found["fall"] or 0.0) > 200


def test_on_spot_nothing_is_liquidated_and_no_fund_stands(stored: Result) -> None:
    """A zero would say that something could be there."""
    assert stored.path is not None
    session = Session.of_results(stored.path)
    spot = "spot:BTCUSD"
    series = session.course("falling", 0, spot)["series"]
    for name in payload.NEVER_ON_SPOT:
        assert set(series[name]) == {None}, name
    assert None not in series["mark_price"]
    session.ask("falling", 0, "shocks.0.move", "-4 %")
    wait(session, asked=True)
    rows = session.difference(spot, 120.0)
    assert [row["what"] for row in rows] == [
        "Mark price", "Deepest fall since the start", "Bids within 50 bps", "Asks within 50 bps"
    ]  # fmt: skip
    session.close()


def test_what_a_run_needs_is_made_ready_when_a_what_if_is_asked(stored: Result) -> None:
    assert stored.path is not None
    asked: list[str] = []
    session = Session.of_results(stored.path, before_run=lambda: asked.append("compile"))
    session.course("falling", 0, MARKET)
    session.tape("falling", 0, MARKET, 90.0, 0)
    assert asked == [], "what is stored is only read"
    for value in ("-4 %", "-3 %"):
        session.ask("falling", 0, "shocks.0.move", value)
        wait(session, asked=True)
    assert asked == ["compile"]
    session.close()


def test_the_tape_is_the_liquidations_by_time(stored: Result) -> None:
    assert stored.path is not None
    session = Session.of_results(stored.path)
    rows = [row for row in rows_of(stored, "liquidations", 1) if row["t_s"] <= 90.0]
    assert len(rows) > payload.MOST_ROWS
    first = session.tape("falling", 1, MARKET, 90.0, 0)
    assert (first["n"], len(first["rows"])) == (len(rows), payload.MOST_ROWS)
    assert first["liquidated_usd"] == pytest.approx(sum(row["liquidated_usd"] for row in rows))
    paged = [
        row
        for skip in range(0, len(rows), payload.MOST_ROWS)
        for row in session.tape("falling", 1, MARKET, 90.0, skip)["rows"]
    ]
    assert [row["liquidated_usd"] for row in paged] == [row["liquidated_usd"] for row in reversed(rows)]
    assert {row["account"] for row in paged} == {row["account"] for row in rows}


def test_a_live_run_has_the_numbers_of_a_stored_one(stored: Result) -> None:
    assert stored.path is not None
    session = Session.of_scenario(falling(), 1)
    try:
        wait(session)
    finally:
        session.close()
    same = Session.of_results(stored.path)
    assert session.course("falling", 1, MARKET) == same.course("falling", 1, MARKET)
    live, kept = (each.tape("falling", 1, MARKET, 120.0, 0) for each in (session, same))
    assert live["liquidated_usd"] == kept["liquidated_usd"]
    assert [row["account"] for row in live["rows"]] == [row["account"] for row in kept["rows"]]


def test_a_what_if_shares_the_luck_and_differs_by_its_change(stored: Result) -> None:
    assert stored.path is not None
    session = Session.of_results(stored.path)
    session.ask("falling", 1, "shocks.0.move", "-5 %")
    wait(session, asked=True)
    assert session.changed(MARKET) == session.course("falling", 1, MARKET), "nothing was changed"
    assert {row["difference"] for row in session.difference(MARKET, 120.0)} == {0.0}
    session.ask("falling", 1, "shocks.0.move", "-1 %")
    wait(session, asked=True)
    found = {row["what"]: row for row in session.difference(MARKET, 120.0)}
    price = found["Mark price"]
    assert price["difference"] == price["changed"] - price["base"] > 1000
    assert found["Deepest fall since the start"]["difference"] < -300
    before = {row["difference"] for row in session.difference(MARKET, 24.0)}
    assert before == {0.0}, "until the shock both are the same"
    session.close()


@pytest.mark.parametrize("field", ["seed", "outputs.bars", "duration"])
def test_a_what_if_leaves_luck_and_clock_alone(stored: Result, field: str) -> None:
    assert stored.path is not None
    session = Session.of_results(stored.path)
    with pytest.raises(UsageError, match="luck or their clock"):
        session.ask("falling", 0, field, "7")
    assert not any(each["path"].startswith(field) for each in session.fields("falling"))


def test_a_what_if_that_is_no_scenario_says_what_is_wrong(stored: Result) -> None:
    assert stored.path is not None
    session = Session.of_results(stored.path)
    with pytest.raises(ScenarioError, match="fund"):
        session.ask("falling", 0, "venues.venue.fund", "many")
    assert session.what_if is None


def test_every_field_offered_can_be_changed(stored: Result) -> None:
    from cascade.scenario.load import overridden

    assert stored.path is not None
    offered = Session.of_results(stored.path).fields("falling")
    paths = {each["path"] for each in offered}
    assert {"shocks.0.move", "makers.makers.depth.scale", "venues.venue.fund"} <= paths
    base = falling()
    for each in offered:
        text = "yes" if each["value"] is True else "no" if each["value"] is False else each["value"]
        assert overridden(base, [f"{each['path']}={text}"]) == base, each


def test_a_damaged_file_is_refused(stored: Result, tmp_path: Any) -> None:
    import shutil

    assert stored.path is not None
    copy = tmp_path / "copy"
    shutil.copytree(stored.path, copy)
    part = next((copy / "bars").glob("*.parquet"))
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    with pytest.raises(ResultsError, match="damaged"):
        Session.of_results(copy)

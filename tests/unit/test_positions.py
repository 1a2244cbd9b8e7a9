"""Positions from a user's file: what a snapshot may say, and what is wrong with it."""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cascade.assembly import assemble
from cascade.core import params as k
from cascade.core.state import NONE
from cascade.errors import Problem, ScenarioError
from cascade.experiment.request import has_stops
from cascade.output.schemas import schema
from cascade.scenario.checks import check
from cascade.scenario.overrides import from_data
from cascade.scenario.positions import Positions, read_positions
from cascade.scenario.schema import Scenario
from cascade.scenario.source import Place, SourceText
from tests.support.kernels import excess_of
from tests.support.scenarios import small_data

MONEY = 1_000_000


@pytest.fixture
def book(tmp_path: Path):
    """Write rows into a file, and return its path."""

    def write(*rows: str) -> Path:
        path = tmp_path / "book.csv"
        path.write_text("\n".join(rows) + "\n", encoding="utf-8")
        return path

    return write


def scenario_with(path: Path, markets: dict[str, Any] | None = None, **layer: Any) -> Scenario:
    data = small_data(population=[{"type": "table", "name": "book", "file": str(path), **layer}])
    data["markets"] |= markets or {}
    data["venues"]["coin"] = {"rulebook": "bitmex-2025-07"}
    data["assets"]["BTC"] = {"news": {"type": "constant", "price": 107000}}
    return Scenario.model_validate(data)


def found_in(scenario: Scenario, code: str) -> list[Problem]:
    root = from_data(scenario.model_dump(), Place(SourceText("s", (), Path.cwd()), 0, 0))
    return [problem for problem in check(scenario, root) if problem.code == code]


def problems_of(path: Path, **keys: Any) -> tuple[Problem, ...]:
    with pytest.raises(ScenarioError) as caught:
        read_positions(path, **keys)
    return caught.value.problems


def accounts_of(scenario: Scenario):
    """Return the state, the params and the numbers of the accounts of the file."""
    drawn = assemble(scenario)
    first = int(drawn.params.run[0].first_trader)
    return drawn.state, drawn.params, range(first, len(drawn.state.accounts))


def wallet(state, account: int) -> float:
    entered = state.positions.entry_value[state.positions.account == account].sum()
    return float(state.balances[account, 0] + entered) / MONEY


def test_a_snapshot_says_what_backs_each_position(book) -> None:
    path = book(
        "label,side,quantity,notional_usd,entry_price,margin_mode,leverage,margin_usd,wallet_usd",
        "a,long,2,,100000,isolated,10,,",
        "a,short,,100000,110000,isolated,,7000,99",
        "b,long,1,,107000,cross,20,,50000",
        "b,short,,53500,107000,cross,20,,",
        "c,long,1,,107000,,,,30000",
    )
    state, _, numbers = accounts_of(scenario_with(path))
    assert [int(state.accounts.n_positions[each]) for each in numbers] == [1, 1, 2, 1]
    margin = [int(state.accounts.margin[each]) for each in numbers]
    assert margin == [k.ISOLATED, k.ISOLATED, k.CROSS, k.CROSS]
    assert [wallet(state, each) for each in numbers] == pytest.approx([20_000, 7_000, 50_000, 30_000])
    lots = [int(state.positions.lots[state.accounts.first_position[each]]) for each in numbers]
    assert lots == [2000, -909, 1000, 1000]


def test_a_market_is_named_by_its_asset_or_not_at_all(book) -> None:
    path = book(
        "market,side,notional_usd,entry_price,leverage", "BTC,long,1e5,107000,5", "BTCUSDT,long,1e5,107000,5",
        ",long,1e5,107000,5", "venue:BTCUSDT,long,1e5,107000,5",
    )  # fmt: skip
    state, _, numbers = accounts_of(scenario_with(path))
    places = {int(state.positions.market[state.accounts.first_position[each]]) for each in numbers}
    assert places == {1}
    assert not found_in(scenario_with(path), "CAS021")
    inverse = {"venue:BTCUSD": {"type": "inverse_perpetual", "asset": "BTC", "tick": 0.1, "lot": 100}}
    first, second = found_in(scenario_with(path, inverse), "CAS021")
    assert (first.line, first.column, first.width) == (2, 1, 3)
    assert "'BTC' may mean 2 perpetual markets: venue:BTCUSDT, venue:BTCUSD" in first.message
    assert second.line == 4
    assert second.message.startswith("no market may mean 2")
    assert "market: venue:BTCUSDT in the layer" in second.hint
    assert [
        each.line for each in found_in(scenario_with(path, inverse, market="venue:BTCUSD"), "CAS021")
    ] == [2]


def test_stops_and_take_profits_stand_at_their_prices(book) -> None:
    path = book(
        "label,side,quantity,entry_price,leverage,stop_price,take_profit_price",
        "a,long,1,107000,5,105000.04,",
        "b,short,1,107000,5,,104000",
    )
    scenario = scenario_with(path)
    state, _, _ = accounts_of(scenario)
    assert state.traders.stop_tick.tolist() == [1_050_000, NONE]
    assert state.traders.take_tick.tolist() == [NONE, 1_040_000]
    assert has_stops(scenario)
    assert not found_in(scenario, "CAS161")


def test_an_exit_that_the_price_has_passed_is_a_warning(book) -> None:
    path = book(
        "side,quantity,entry_price,leverage,stop_price,take_profit_price", "long,1,107000,5,108000,",
        "short,1,107000,5,,108000",
    )  # fmt: skip
    found = found_in(scenario_with(path), "CAS161")
    assert [(each.line, each.path, each.severity) for each in found] == [
        (2, "stop_price", "warning"), (3, "take_profit_price", "warning"),
    ]  # fmt: skip
    assert "write a price below 107000" in found[0].hint


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_column_that_nobody_reads_is_a_problem(suffix: str, book, tmp_path: Path) -> None:
    path = book("lable,side,qty,entry_price,leverage", "a,long,1,107000,5")
    if suffix == "parquet":
        path = tmp_path / "book.parquet"
        pq.write_table(pa.table({"lable": ["a"], "side": ["long"], "qty": [1.0], "entry_price": [1.0]}), path)
    first, second = problems_of(path)
    assert "unknown column 'lable' — did you mean 'label'?" in first.message
    assert "unknown column 'qty' — did you mean 'quantity'?" in second.message
    assert "ignore: [qty] in the layer" in second.hint
    if suffix == "csv":
        assert (second.line, second.column, second.width) == (1, 12, 3)


def test_a_column_may_be_left_out(book) -> None:
    path = book("side,quantity,entry_price,leverage,desk", "long,1,107000,5,x")
    assert read_positions(path, ("desk",)).quantity.tolist() == [1.0]


@pytest.mark.parametrize(
    ("cells", "place", "message"),
    [
        ("a,long,1,1e5,107000,,5,,,,", "notional_usd", "both quantity and notional_usd"),
        ("a,long,,,107000,,5,,,,", "notional_usd", "neither quantity nor notional_usd"),
        ("a,long,1,,107000,,,,,,", "margin_usd", "nothing says what backs the position"),
        (
            "a,long,1,,107000,isolated,,,5000,,",
            "margin_usd",
            "an isolated position is backed by its own margin",
        ),
        (
            "a,long,1,,107000,crossed,5,,,,",
            "margin_mode",
            "'crossed' is not a margin mode — did you mean 'cross'?",
        ),
        (
            "z,long,1,,107000,cross,,,8000,,",
            "wallet_usd",
            "the wallet of this account is 9000 in row 3, and 8000",
        ),
        ("z,long,1,,107000,cross,5,,,1,", "stop_price", "account 'z' holds 2 positions on one margin"),
    ],
)
def test_what_does_not_fit_is_located(cells: str, place: str, message: str, book) -> None:
    header = "label,side,quantity,notional_usd,entry_price,margin_mode,leverage,margin_usd,wallet_usd,"
    rest = "z,short,1,,107000,cross,,,9000,,"
    (problem,) = problems_of(book(header + "stop_price,take_profit_price", "", rest, cells))
    assert (problem.line, problem.path) == (4, place)
    assert message in problem.message


def test_equal_errors_of_many_rows_are_one(book) -> None:
    rows = [f"u{n},long,{n + 1},107000" for n in range(3000)]
    (problem,) = problems_of(book("label,side,quantity,entry_price", *rows))
    assert problem.others == 2999
    assert problem.line == 2
    assert "and 2,999 more like it, in lines 3, 4, 5, 6, 7, ..." in problem.message


def test_cross_rows_of_one_account_lie_on_one_venue(book) -> None:
    path = book(
        "market,label,side,quantity,entry_price,leverage", "venue:BTCUSDT,a,long,1,107000,5",
        "other:BTCUSDT,a,long,1,107000,5",
    )  # fmt: skip
    data = small_data(population=[{"type": "table", "name": "book", "file": str(path)}])
    data["venues"]["other"] = {"rulebook": "binance-2025-07"}
    data["markets"]["other:BTCUSDT"] = {"type": "linear_perpetual", "asset": "BTC", "tick": 0.1, "lot": 0.001}
    (problem,) = found_in(Scenario.model_validate(data), "CAS021")
    assert (problem.line, problem.column) == (3, 15)
    assert "lies on another venue" in problem.message


def test_labels_of_parquet_are_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "book.parquet"
    columns = {"label": [7.0, None], "side": ["long"] * 2, "quantity": [1.0] * 2, "entry_price": [1.0] * 2}
    pq.write_table(pa.table({**columns, "leverage": [5.0, math.nan], "margin_usd": [None, 2.0]}), path)
    found = read_positions(path)
    assert found.label == ("7", "")
    assert np.isnan(found.leverage).tolist() == [False, True]


HEAD = "label,side,quantity,entry_price,margin_mode,margin_usd"
DUE = [
    "a,long,1,120000,isolated,5000", "b,long,1,107000,isolated,9000", "c,short,2,100000,cross,10000",
    "c,long,1,107000,cross,1000", "d,short,1,107000,isolated,400", "d,short,1,107000,isolated,4000",
]  # fmt: skip


def test_who_is_due_at_the_start_price_is_told_before_the_run(book) -> None:
    scenario = scenario_with(book(HEAD, *DUE))
    (problem,) = found_in(scenario, "CAS160")
    assert problem.severity == "warning"
    assert problem.message.startswith(
        "3 of 5 accounts are liquidated at the start price, 535k USD of positions"
    )
    assert "worst: 'a' in row 2 has -8k USD where" in problem.message
    assert not found_in(scenario_with(book(HEAD, DUE[1])), "CAS160")


@pytest.mark.parametrize("inverse", [False, True])
def test_who_is_due_is_who_fails_the_test_of_the_market(inverse: bool, book) -> None:
    rng = np.random.default_rng(5)
    sides, entries = rng.choice(["long", "short"], 300), 107_000 * np.exp(0.05 * rng.standard_normal(300))
    sizes = rng.choice([2e4, 1e6, 4e6], 300)
    rows = [f"{s},{n:.0f},{e:.1f},{n / x:.2f}" for s, n, e, x in zip(
        sides, sizes, entries, rng.uniform(8, 60, 300), strict=True)]  # fmt: skip
    path = book("side,notional_usd,entry_price,margin_usd", *rows)
    markets, layer = {}, {}
    if inverse:
        markets = {"coin:XBTUSD": {"type": "inverse_perpetual", "asset": "BTC", "tick": 0.1, "lot": 100}}
        layer = {"market": "coin:XBTUSD"}
    scenario = scenario_with(path, markets, **layer)
    state, params, numbers = accounts_of(scenario)
    failing = sum(excess_of(state, params, n) <= 0 for n in numbers)
    assert 20 < failing < 280
    (problem,) = found_in(scenario, "CAS160")
    assert problem.message.startswith(f"{failing} of 300 accounts are liquidated")


def test_a_column_of_results_means_what_the_file_means_or_is_named_otherwise() -> None:
    """So that a natural join goes by labels, markets and sides alone."""
    known = {field.name for field in fields(Positions)} | {"side", "margin_mode"}
    for table in ("liquidations", "adl", "accounts"):
        shared = set(schema(table, dated=True).names) & known
        assert shared <= {"label", "market", "side"}, table

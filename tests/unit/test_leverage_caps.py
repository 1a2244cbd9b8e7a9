"""Caps on leverage: who is forced out at the start, what open interest goes, and that nobody else's luck moves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from cascade.assembly import Assembled, assemble
from cascade.cli.app import build
from cascade.core.state import NONE, State
from cascade.experiment.run import run
from cascade.exposure.failing import failing_moves
from cascade.scenario.load import to_yaml
from cascade.scenario.schema import Scenario
from tests.support.scenarios import small_data

ROWS = (
    "label,side,quantity,entry_price,margin_mode,leverage,margin_usd,wallet_usd",
    "a,long,2,107000,isolated,10,,",
    "b,long,3,107000,isolated,50,,",
    "c,short,1,107000,cross,,,4000",  # 26.75x
)


def table_scenario(folder: Path, cap) -> Scenario:
    path = folder / "book.csv"
    path.write_text("\n".join(ROWS) + "\n", encoding="utf-8")
    return Scenario.model_validate(
        small_data(population=[{"type": "table", "name": "book", "file": str(path), "leverage_cap": cap}])
    )


def lots_of(scenario: Scenario) -> tuple[list[int], list[float]]:
    """Return lots and margin in USD of the leveraged accounts, in the order of the file."""
    drawn = assemble(scenario)
    first = int(drawn.params.run[0].first_trader)
    accounts = range(first, len(drawn.state.accounts))
    positions = drawn.state.positions
    lots = [int(positions.lots[positions.account == each][0]) for each in accounts]
    margin = [
        float(drawn.state.balances[each, 0] + positions.entry_value[positions.account == each].sum()) / 1e6
        for each in accounts
    ]
    return lots, margin


def test_who_has_more_leaves_and_who_has_less_stays(tmp_path: Path) -> None:
    assert lots_of(table_scenario(tmp_path, "20x")) == ([2000, 0, 0], pytest.approx([21_400, 0, 0]))
    (cap,) = assemble(table_scenario(tmp_path, "20x")).caps
    assert (cap.accounts, cap.of, cap.leaves) == (2, 3, True)
    assert (cap.long_usd, cap.short_usd, cap.of_usd) == pytest.approx((321_000, 107_000, 642_000))
    assert [(label, round(leverage, 2)) for label, leverage, _ in cap.largest] == [("b", 50.0), ("c", 26.75)]


def test_or_sells_down_to_the_cap_on_its_margin(tmp_path: Path) -> None:
    scenario = table_scenario(tmp_path, {"max": 20, "then": "reduce"})
    lots, margin = lots_of(scenario)
    assert lots == [2000, 1200, -747]
    assert margin == pytest.approx([21_400, 6_420, 4_000])
    (cap,) = assemble(scenario).caps
    assert (cap.long_usd, cap.short_usd) == pytest.approx((1.8 * 107_000, 0.253 * 107_000))


def test_a_cap_that_nobody_is_above_changes_nothing(tmp_path: Path) -> None:
    assert lots_of(table_scenario(tmp_path, "50x")) == lots_of(table_scenario(tmp_path, None))
    (cap,) = assemble(table_scenario(tmp_path, "50x")).caps
    assert (cap.accounts, cap.long_usd, cap.largest) == (0, 0.0, ())


@pytest.mark.sampled(2)
@pytest.mark.parametrize("then", ["leave", "reduce"])
def test_nobody_elses_luck_moves(tmp_path: Path, then: str) -> None:
    data = small_data(outputs={"bars": "10s", "accounts": True})
    plain = Scenario.model_validate(data)
    data["population"][0]["leverage_cap"] = {"max": 20, "then": then}
    capped = Scenario.model_validate(data)
    before, after = assemble(plain), assemble(capped)
    first = int(before.params.run[0].first_trader)
    same = before.state.traders.leverage <= 20
    assert 0 < same.sum() < len(same)
    mine = np.isin(before.state.positions.account - first, np.flatnonzero(same))
    assert (before.state.positions.lots[mine] == after.state.positions.lots[mine]).all()
    row = pq.read_table(run(capped, out=tmp_path).path / "runs.parquet").to_pylist()[0]
    (cap,) = after.caps
    assert row["crowd_capped_accounts"] == cap.accounts > 100
    assert row["crowd_capped_usd"] == pytest.approx(cap.long_usd + cap.short_usd)
    ends = pq.read_table(next(tmp_path.iterdir()) / "accounts").to_pylist()
    gone = {int(each) for each in np.flatnonzero(~same) + first}
    held = {each["account"] for each in ends if each["step"] == 120 and each["position_lots"]}
    assert (then == "leave") == gone.isdisjoint(held)  # who leaves opens nothing anew


def test_explain_says_who_is_forced_out(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(to_yaml(table_scenario(tmp_path, "20x")), encoding="utf-8")
    done = CliRunner().invoke(build(["explain"]), ["explain", str(tmp_path / "s.yaml")])
    assert "2 of 3" in done.stdout
    assert "Largest of book above the cap: b: 321k USD at 50x; c: 107k USD at 26.8x" in done.stdout


def test_exits_that_were_drawn_stay_the_same_part_of_the_way_to_liquidation() -> None:
    data = small_data()
    data["population"][0] |= {"top_up": {"share": 1.0}, "stop_loss": {"share": 1.0}}
    before = assemble(Scenario.model_validate(data))
    data["population"][0]["leverage_cap"] = {"max": 20, "then": "reduce"}
    after = assemble(Scenario.model_validate(data))
    first = int(before.params.run[0].first_trader)
    old, new = before.state, after.state
    lots = new.positions.lots[new.accounts.first_position[first:]]
    above = (old.traders.leverage > 20) & (old.traders.stop_tick != NONE) & (lots != 0)
    assert above.sum() > 100
    # nobody is topped up or stopped that would not be without the cap
    mark = int(new.markets[1].mark)
    sign = new.traders.side
    for name in ("stop_tick", "top_up_tick"):
        mine = above & (old.traders[name] != NONE)
        assert mine.sum() > 100
        assert (sign * (mark - new.traders[name]) > sign * (mark - old.traders[name]))[mine].all()
    entries = np.array([_entry_tick(old, first, seat) for seat in np.flatnonzero(above)])
    parts = [
        (now.state.traders.stop_tick[above] - entries) / (_liquidation_ticks(now)[above] - entries)
        for now in (before, after)
    ]
    np.testing.assert_allclose(parts[0], parts[1], atol=0.01)


def _entry_tick(state: State, first: int, seat: int) -> float:
    """Return the entry in ticks of the account of one position, whose lot is 0.001 BTC and whose tick 0.1 USD."""
    row = state.positions[state.accounts.first_position[first + seat]]
    return row.entry_value / row.lots / 100


def _liquidation_ticks(now: Assembled) -> np.ndarray:
    """Return where the margin of each leveraged account fails that moves against it, in ticks."""
    moves, first = failing_moves(now), int(now.params.run[0].first_trader)
    way = np.where(now.state.traders.side > 0, -moves.fall[first:], moves.rise[first:])
    return int(now.state.markets[1].mark) * (1.0 + way)

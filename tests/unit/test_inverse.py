"""Inverse contracts in scenarios: sizes in USD, margin and money in the asset, tables in USD."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cascade.agent import Trader
from cascade.assembly import assemble
from cascade.core import params as par
from cascade.core.check import breaches
from cascade.core.exact import INVERSE
from cascade.core.state import ADL, BAR, LIQUIDATION
from cascade.engine import Engine
from cascade.errors import ScenarioError, SimulationError
from cascade.experiment.recorder import units_of
from cascade.exposure.failing import failing_moves
from cascade.model import CascadeModel, Logs
from cascade.output.convert import to_batch
from cascade.scenario.schema import Scenario
from tests.support.scenarios import small_data

PRICE, COIN = 107_000.0, 1e-8


def inverse_data(**changes: Any) -> dict[str, Any]:
    """Return the small market with its perpetual as an inverse contract, and a linear one beside it."""
    data = small_data(**changes)
    data["venues"]["venue"] = {"rulebook": "bitmex-2025-07", "fund": "10M"}
    data["markets"]["venue:BTCUSDT"] = {"type": "inverse_perpetual", "asset": "BTC", "contract": "XBTUSD"}
    return data


def ladder(**changes: Any) -> dict[str, Any]:
    usual = {
        "type": "ladder", "name": "fuel", "market": "venue:BTCUSDT", "side": "long", "notional": 20e6,
        "from_price": 106_500, "to_price": 105_200, "leverage": 20,
    }  # fmt: skip
    return usual | changes


@pytest.fixture(scope="module")
def crash() -> tuple[Engine, Logs]:
    """Return a market that a jump has taken through a crowd of longs, checked while it ran."""
    data = inverse_data(
        population=[ladder(), ladder(name="shorts", side="short", from_price=112_000, to_price=118_000)],
        shocks=[{"type": "news", "at": "20s", "over": "1s", "asset": "BTC", "move": -0.04}],
    )
    data["venues"]["venue"]["fund"] = {"BTC": 1}
    logs = Logs()
    engine = Engine(assemble(Scenario.model_validate(data)), logs)
    for step in (30, 60, 120):
        engine.advance(step)
        assert breaches(engine.state, engine.params, engine.endowment) == []
    engine.drain()
    return engine, logs


def test_a_market_of_an_inverse_contract_settles_in_its_asset() -> None:
    drawn = assemble(Scenario.model_validate(inverse_data()))
    market, st = drawn.params.markets[1], drawn.state
    assert (market.contract, market.settlement) == (INVERSE, 1)
    assert market.unit == 100 / 0.5 / COIN
    fund = drawn.params.venues[1].fund
    assert st.balances[fund].tolist() == [0, round(10e6 / PRICE / COIN)]
    makers = np.flatnonzero(st.accounts.kind == par.MAKER_ACCOUNT)
    kept = {int(s): st.balances[makers[st.accounts.settlement[makers] == s]] for s in (0, 1)}
    assert [(kept[s] > 0).all(axis=0).tolist() for s in (0, 1)] == [[True, False], [False, True]]
    assert not kept[0][:, 1].any()
    assert not kept[1][:, 0].any()
    arbitrage = int(np.flatnonzero(st.accounts.kind == par.ARBITRAGE_ACCOUNT)[0])
    assert (st.balances[arbitrage] > 0).all()


def test_the_population_is_drawn_in_usd_and_margined_in_the_asset() -> None:
    drawn = assemble(Scenario.model_validate(inverse_data()))
    st, first = drawn.state, int(drawn.params.run[0].first_trader)
    rows = st.positions[st.accounts.first_position[first:]]
    alive = rows.lots != 0
    margin = st.balances[first:, 1][alive] + rows.entry_value[alive]
    leverage = np.abs(rows.entry_value[alive]) / margin
    assert not st.balances[first:, 0].any()
    assert leverage == pytest.approx(st.traders.leverage[alive], rel=1e-3)
    usd = 100.0 * np.abs(rows.lots[alive])
    drawn_usd = st.traders.notional[alive] / 1e6
    assert (np.abs(usd - np.maximum(drawn_usd, 100.0)) <= 100.0).all()


@pytest.mark.parametrize(("side", "near", "far"), [("long", 106_500, 105_200), ("short", 108_000, 111_000)])
def test_a_ladder_is_liquidated_where_it_says(side: str, near: float, far: float) -> None:
    layer = ladder(side=side, from_price=near, to_price=far)
    drawn = assemble(Scenario.model_validate(inverse_data(population=[layer])))
    first = int(drawn.params.run[0].first_trader)
    down, up = (moves[first:] for moves in failing_moves(drawn))
    prices = PRICE * (1.0 - down) if side == "long" else PRICE * (1.0 + up)
    low, high = sorted((near, far))
    assert prices.min() == pytest.approx(low, rel=1e-3)
    assert prices.max() == pytest.approx(high, rel=1e-3)
    hung = drawn.state.accounts.first_position[first:]
    ticks = drawn.state.triggers.tick[2 * hung + (0 if side == "long" else 1)]
    assert ticks * 0.5 == pytest.approx(prices, rel=2e-5)


def test_a_crash_conserves_both_assets_and_is_told_in_usd(crash: tuple[Engine, Logs]) -> None:
    engine, logs = crash
    rows = logs["liquidations"]
    assert len(rows) > 50
    assert len(logs["adl"]) > 0
    ledger = engine.state.ledger
    assert ledger.fund_losses[0] == 0 < ledger.fund_losses[1]
    closed = rows["filled_lots"] + rows["taken_over_lots"] + rows["adl_lots"]
    bars = logs["bars"]
    told = bars["long_liquidated"].sum()  # what the book filled
    assert told == (rows["filled_lots"] * 100_000_000).sum() <= (closed * 100_000_000).sum()


def test_an_inverse_long_wins_less_of_the_asset_than_it_loses() -> None:
    drawn = assemble(Scenario.model_validate(inverse_data(population=[ladder()])))
    market = drawn.params.markets[1]
    worth = [-round(int(market.unit) / (price / 0.5)) for price in (96_300, 107_000, 117_700)]
    assert worth[1] - worth[0] > worth[2] - worth[1] > 0


def test_rows_of_an_inverse_market_are_in_usd_at_their_mark() -> None:
    units = units_of(Scenario.model_validate(inverse_data()))
    row = np.zeros(1, LIQUIDATION)
    row["market"], row["trigger_mark"], row["side"] = 1, 200_000, 1  # 100,000 USD
    row["position_lots"], row["order_lots"], row["filled_lots"] = 30, 20, 10
    row["filled_value"] = 10 * round(2e10 / 198_000)
    row["fee"], row["fund_draw"], row["deficit"] = 1_000, -2_000, 3_000
    told = to_batch("liquidations", row, units, 0).to_pylist()[0]
    assert (told["position_usd"], told["order_usd"], told["filled_usd"]) == (3_000.0, 2_000.0, 1_000.0)
    assert told["average_fill_price"] == pytest.approx(99_000, rel=1e-5)
    assert told["slippage_bps"] == pytest.approx(100, rel=1e-2)
    assert (told["fee_usd"], told["fund_draw_usd"], told["deficit_usd"]) == (1.0, -2.0, 3.0)
    fill = np.zeros(1, ADL)
    fill["market"], fill["mark"], fill["lots"] = 1, 200_000, 5
    fill["value"], fill["mark_value"], fill["forgone"] = 5 * 101_000, 5 * 100_000, 5_000
    told = to_batch("adl", fill, units, 0).to_pylist()[0]
    assert (told["mark_value_usd"], told["forgone_usd"]) == (500.0, 5.0)
    assert told["settlement_price"] == pytest.approx(2e10 / 101_000 * 0.5)
    bar = np.zeros(1, BAR)
    bar["market"], bar["mark"], bar["index"], bar["open_interest"] = 1, 200_000, 100_000.0, 7
    bar["volume"], bar["fund_equity"] = 2_500_000, 100_000_000
    told = to_batch("bars", bar, units, 0).to_pylist()[0]
    assert (told["volume_usd"], told["open_interest_usd"], told["fund_equity_usd"]) == (2.5, 700.0, 100_000.0)


@pytest.mark.parametrize(
    ("changes", "code", "remedy"),
    [
        (
            {"markets.venue:BTCUSDT.lot": 100.3, "markets.venue:BTCUSDT.tick": 0.7},
            "CAS103",
            "write lot: 100.8",
        ),
        ({"markets.venue:BTCUSDT.lot": 0.5}, "CAS103", "write lot: 10 or more"),
        ({"markets.venue:BTCUSDT.type": "linear_perpetual"}, "CAS104", "write type: inverse_perpetual"),
        ({"venues.venue.fund": {"BTC": "3 EUR"}}, "CAS013", "plain digits"),
    ],
)
def test_what_does_not_fit_an_inverse_contract_is_refused(
    changes: dict[str, Any], code: str, remedy: str
) -> None:
    with pytest.raises(ScenarioError) as caught:
        Scenario.model_validate(inverse_data()).replace(**changes)
    assert [(p.code, remedy in p.hint) for p in caught.value.problems if p.severity == "error"] == [
        (code, True)
    ]


def test_one_account_of_a_table_has_its_margin_in_one_asset(tmp_path: Path) -> None:
    data = inverse_data()
    data["markets"]["venue:XBTUSDT"] = {"type": "linear_perpetual", "asset": "BTC", "tick": 0.1, "lot": 0.001}
    file = tmp_path / "book.csv"
    data["population"] = [{"type": "table", "name": "book", "file": str(file)}]
    rows = ["venue:BTCUSDT,long,5000,106000,10,a", "venue:XBTUSDT,long,5000,106000,10,a"]
    file.write_text("\n".join(["market,side,notional_usd,entry_price,leverage,label", *rows]))
    with pytest.raises(ScenarioError) as caught:
        Scenario.model_validate(data).replace(seed=2)
    (problem,) = (p for p in caught.value.problems if p.severity == "error")
    assert (problem.code, problem.line, problem.path) == ("CAS021", 3, "label")
    assert problem.hint == "write another account for this row"


def test_an_agent_with_margin_in_usd_is_told_so() -> None:
    class Buyer(Trader):
        def step(self) -> None:
            self.buy("venue:BTCUSDT", 100.0)

    model = CascadeModel(Scenario.model_validate(inverse_data()), [lambda m: Buyer(m, 1e6, "venue")])
    with pytest.raises(SimulationError, match="settles in BTC"):
        model.step()

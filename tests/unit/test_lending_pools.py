"""Scenarios and rulebooks of lending pools: what is drawn, and what mistakes in them say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import cascade
from cascade.agent import Trader
from cascade.assembly import assemble
from cascade.core import params as k
from cascade.errors import ScenarioError, SimulationError
from cascade.scenario.load import inspect, load
from cascade.venues.load import load_rulebook, rulebook_path

SCENARIO = Path(__file__).parents[2] / "scenarios" / "lending-pool.yaml"
BTC = (
    "assets.BTC.news.type=constant", "assets.BTC.news.price=100000",
    "markets.spot:BTCUSD.type=spot", "markets.spot:BTCUSD.asset=BTC", "markets.spot:BTCUSD.tick=0.1",
    "markets.spot:BTCUSD.lot=0.0001", "markets.aave:BTCUSD.type=lending_pool", "markets.aave:BTCUSD.asset=BTC",
    "makers.spot.markets=spot:*",
)  # fmt: skip


def test_borrowers_have_the_collateral_and_the_health_that_are_asked_for() -> None:
    drawn = assemble(
        load(SCENARIO, ["population.borrowers.collateral=50M", "population.borrowers.health=1.25"])
    )
    st, p = drawn.state, drawn.params
    first = int(p.run[0].first_trader)
    lots = st.positions.lots[st.positions.account >= first]
    value = lots * int(st.markets.mark[1]) * int(p.markets.unit[1])
    debt = -st.balances[first:].sum(axis=1)
    assert value.sum() / 1e6 == pytest.approx(50e6, rel=1e-3)
    large = value > 10_000e6
    assert value[large] * 0.83 / debt[large] == pytest.approx(1.25, rel=1e-3)
    vault = int(p.lending[1].vault)
    at = int(st.accounts.first_position[vault])
    assert st.positions.lots[at : at + 2].tolist() == [lots.sum(), -lots.sum()]
    assert st.balances[vault].sum() == debt.sum()
    assert st.accounts.kind[vault] == k.VAULT


def test_collateral_is_spread_over_the_pools_of_a_venue() -> None:
    drawn = assemble(
        load(SCENARIO, [*BTC, "population.borrowers.markets=aave:*", "population.borrowers.health=2"])
    )
    st, p = drawn.state, drawn.params
    first = int(p.run[0].first_trader)
    rows = st.positions[st.positions.account >= first]
    assert (st.accounts.n_positions[first:] == 2).all()
    value = rows.lots.astype(float) * st.markets.mark[rows.market] * p.markets.unit[rows.market]
    pools = np.unique(rows.market)
    parts = [value[rows.market == m].sum() for m in pools]
    assert (p.markets.kind[pools] == k.POOL).all()
    assert parts[0] == pytest.approx(parts[1], rel=0.01)


@pytest.mark.parametrize(
    ("overrides", "code", "message", "remedy"),
    [
        (("markets.aave:ETHUSD.tick=0.1",), "CAS145", "spot:ETHUSD has 0.01", "remove it"),
        (("markets.aave:ETHUSD.pool=ETH",), "CAS104", "has no pool 'ETH'", "ETHUSD"),
        (("venues.aave.rulebook=binance-2025-07",), "CAS104", "is for perpetual", "lending venue"),
        (("population.borrowers.health.min=0.9",), "CAS146", "go down to 0.9", "min: 1.01"),
        (("population.borrowers.markets=spot:ETHUSD",), "CAS147", "no lending market matches 'spot:ETHUSD'", ""),
        (("markets.aave:ETHUSD.spot=spot:ETH",), "CAS147", "no market 'spot:ETH'", "spot markets: spot:ETHUSD"),
        ((*BTC, "markets.aave:ETHUSD.spot=spot:BTCUSD"), "CAS145", "which is of BTC", "write spot: spot:ETHUSD"),
        (("makers.spot.markets=aave:ETHUSD",), "CAS106", "no market matches 'aave:ETHUSD'", ""),
    ],
)  # fmt: skip
def test_mistakes_are_found(overrides: tuple[str, ...], code: str, message: str, remedy: str) -> None:
    _, problems = inspect(SCENARIO, overrides)
    found = [p for p in problems if p.code == code and message in p.message]
    assert found, [(p.code, p.message) for p in problems]
    assert remedy in found[0].hint


@pytest.mark.parametrize(
    ("old", "new", "code", "message"),
    [
        ("liquidation_threshold: 83 %", "liquidation_threshold: 96 %", "CAS204", "less collateral than debt"),
        ("ltv: 80 %", "ltv: 90 %", "CAS204", "would be liquidated at once"),
        ("kind: lending", "kind: perpetual", "CAS202", "a perpetual venue has none of this"),
        ("liquidators:\n  capital_usd: 50M\n  gas_usd: 20\n  min_profit: 0 %\n", "", "CAS202", "lacks 'liquidators'"),
    ],
)  # fmt: skip
def test_mistakes_of_a_rulebook_are_found(
    old: str, new: str, code: str, message: str, tmp_path: Path
) -> None:
    text = rulebook_path("aave-v3").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "own.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_rulebook(str(path))
    assert any(p.code == code and message in p.message for p in caught.value.problems)


def test_nobody_trades_in_a_pool() -> None:
    class Buyer(Trader):
        def step(self) -> None:
            self.buy("aave:ETHUSD", 1.0)

    model = cascade.CascadeModel(
        load(SCENARIO, ["population.borrowers.collateral=1M"]), agents=[lambda model: Buyer(model, 1e6)]
    )
    with pytest.raises(SimulationError, match="nobody trades in 'aave:ETHUSD'"):
        model.step()

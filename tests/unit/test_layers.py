"""Positions that are laid out on a ladder or read from a table."""

from __future__ import annotations

import numpy as np
import pytest

from cascade.assembly import assemble
from cascade.assembly.layers import FIRST_GUESS, drawn_sizes
from cascade.errors import ScenarioError
from cascade.scenario.schema_population import LadderLayer
from tests.support.scenarios import small_scenario

MONEY = 1_000_000


def ladder(**changes):
    usual = {
        "type": "ladder", "name": "fuel", "market": "venue:BTCUSDT", "side": "long", "notional": 50e6,
        "from_price": 106_500, "to_price": 105_200,
    }  # fmt: skip
    return usual | changes


def sizes_of(least=100.0, **changes):
    generator = np.random.Generator(np.random.Philox(key=1))
    layer = LadderLayer.model_validate(ladder(**changes))
    return drawn_sizes(layer.size, layer.notional, generator, least)


@pytest.mark.parametrize(
    "size",
    [
        100e3,
        {"dist": "pareto", "b": 0.8, "scale": 500},  # of infinite mean
        {"dist": "pareto", "b": 0.01, "scale": 500},  # of infinite values
        {"dist": "lognormal", "median": 1e3, "sigma": 2.1},
        {"dist": "uniform", "low": -5e3, "high": 9e3},
        {"dist": "exponential", "mean": 1e9},
    ],
    ids=str,
)
def test_sizes_of_a_ladder_sum_to_its_notional(size):
    sizes = sizes_of(size=size)
    assert sizes.sum() == pytest.approx(50e6, rel=1e-12)
    assert (sizes > 0).all()
    assert (sizes[:-1] >= 100).all()


def test_a_ladder_of_many_small_positions_is_drawn_in_parts():
    sizes = sizes_of(size={"dist": "uniform", "low": 900, "high": 1100})
    assert len(sizes) > 10 * FIRST_GUESS
    assert len(sizes) == pytest.approx(50_000, rel=0.01)


def failing(drawn, price):
    """Return the notional at entry, in USD, of the leveraged longs that fail their margin test at a price."""
    st, p = drawn.state, drawn.params
    first = int(p.run[0].first_trader)
    rows = st.positions[st.accounts.first_position[first:]]
    market = p.markets[1]
    tiers = p.tiers[market.first_tier : market.first_tier + market.n_tiers]
    value = rows.lots * (price / market.tick_size) * market.unit
    at = np.searchsorted(tiers.cap, value)
    equity = st.balances[first:, 0] + value
    fails = equity <= value * tiers.rate[at] * 1e-8 - tiers.deduction[at]
    return rows.entry_value[fails].sum() / MONEY


def test_liquidation_prices_are_spread_over_the_range():
    sizes = {"dist": "pareto", "b": 0.9, "scale": 5e3, "max": 3e6}
    leverage = {"dist": "table", "values": [10, 25, 50]}
    drawn = assemble(small_scenario(population=[ladder(size=sizes, leverage=leverage)]))
    assert failing(drawn, 106_600) == 0
    assert failing(drawn, 105_850) == pytest.approx(25e6, rel=0.1)
    assert failing(drawn, 105_100) == pytest.approx(50e6, rel=0.001)


def lots_of(drawn):
    return drawn.state.positions.lots[
        drawn.state.accounts.first_position[int(drawn.params.run[0].first_trader) :]
    ]


def test_a_position_of_a_ladder_is_at_least_one_lot():
    drawn = assemble(
        small_scenario(
            population=[ladder(side="short", from_price=108e3, to_price=109e3, notional=1e4, size=3)]
        )
    )
    assert (lots_of(drawn) == -1).all()
    assert len(lots_of(drawn)) == pytest.approx(1e4 / 109, abs=2)  # each as large as it is counted


@pytest.mark.parametrize("leverage", [1, 1.0000001])
def test_a_long_without_leverage_has_no_liquidation_price(leverage):
    with pytest.raises(ScenarioError) as caught:
        assemble(small_scenario(population=[ladder(leverage=leverage)]))
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("CAS135", "population.fuel.leverage")


def test_a_short_without_leverage_has_one():
    drawn = assemble(
        small_scenario(population=[ladder(side="short", from_price=108e3, to_price=109e3, leverage=1)])
    )
    assert (lots_of(drawn) < 0).all()


def test_rows_of_one_account_in_one_market_are_the_legs_of_a_hedge(tmp_path):
    rows = (
        "market,side,notional_usd,entry_price,leverage,label\n"
        "venue:BTCUSDT,long,400000,107000,10,a\n"
        "venue:BTCUSDT,long,50000,107000,20,\n"
        "venue:BTCUSDT,short,300000,107000,10,a\n"
    )
    file = tmp_path / "book.csv"
    file.write_text(rows)
    drawn = assemble(small_scenario(population=[{"type": "table", "name": "book", "file": str(file)}]))
    st, first = drawn.state, int(drawn.params.run[0].first_trader)
    assert st.accounts.n_positions[first:].tolist() == [2, 1]
    lots = st.positions.lots[st.positions.account >= first]
    assert np.sign(lots).tolist() == [1, -1, 1]
    wallet = int(st.balances[first, 0]) + int(st.positions.entry_value[st.positions.account == first].sum())
    assert wallet == pytest.approx((400_000 + 300_000) / 10 * MONEY, rel=1e-3)
    assert (st.triggers.tick[0::2][st.positions.account == first] >= 0).any()

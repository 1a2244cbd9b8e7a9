"""Who holds a position at the start: accounts that the prices before it have left alive."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from cascade.assembly import assemble
from cascade.assembly.layers import block_extremes
from cascade.assembly.price_paths import assemble_prices
from cascade.core.population import BLOCK, HISTORY
from cascade.errors import ScenarioError
from cascade.scenario.schema import Scenario
from tests.support.scenarios import small_data, small_scenario

ROOT = Path(__file__).parents[2]

PRICES = {"BTC": 107_000, "ETH": 2_500, "SOL": 150}
STEPS = {"BTC": (0.1, 0.001), "ETH": (0.01, 0.001), "SOL": (0.001, 1)}


def layer(**changes):
    """Return a layer of leveraged accounts without exits."""
    usual = {
        "type": "leveraged", "name": "crowd", "markets": "venue:*", "margin": "cross", "accounts": 400,
        "leverage": {"dist": "table", "values": [5, 20, 50], "weights": [1, 1, 1]},
        "leverage_weight": "accounts", "hold": {"mean": "1d"},
        "size": {"dist": "lognormal", "median": 20e3, "sigma": 1},
    }  # fmt: skip
    return usual | changes


def several(**changes):
    """Return a market of three assets with a day of prices, and one cross-margined layer in all of them."""
    assets = {
        name: {
            "news": {"type": "constant", "price": price},
            "history": {"type": "gbm", "volatility": "60 %", "duration": "1d"},
        }
        for name, price in PRICES.items()
    }
    markets = {}
    for name, (tick, lot) in STEPS.items():
        figures = {"asset": name, "tick": tick, "lot": lot}
        markets[f"spot:{name}USD"] = {"type": "spot", **figures}
        markets[f"venue:{name}USDT"] = {"type": "linear_perpetual", **figures}
    data = small_data(assets=assets, markets=markets, arbitrage=[], population=[layer()])
    return small_scenario(**data | changes)


def joint_excess(params, markets, positions, balance, prices):
    """Return equity less maintenance margin at rows of prices, by the venue's formula, in money units."""
    excess = np.full(len(prices), float(balance))
    for j, m in enumerate(markets):
        fixed = params.markets[m]
        value = positions[j] * np.rint(prices[:, j] / fixed.tick_size) * fixed.unit
        tiers = params.tiers[fixed.first_tier : fixed.first_tier + fixed.n_tiers]
        at = np.minimum(np.searchsorted(tiers.cap, np.abs(value)), len(tiers) - 1)
        excess += value - (np.abs(value) * tiers.rate[at] * 1e-8 - tiers.deduction[at])
    return excess


def test_a_cross_margined_account_in_several_markets_has_outlived_the_history():
    scenario = several()
    drawn = assemble(scenario)
    history = np.stack([h.price for h in assemble_prices(scenario, 0).history], axis=1)
    st, params = drawn.state, drawn.params
    first = int(params.run[0].first_trader)
    rows = st.accounts[first:]
    seen = empty = 0
    for number, row in enumerate(rows):
        own = st.positions[row.first_position : row.first_position + row.n_positions]
        balance = st.balances[first + number, 0]
        if not own.lots.any():
            empty += 1
            assert balance == 0
            assert not own.entry_value.any()
            continue
        units = params.markets[own.market]
        entries = own.entry_value / own.lots / units.unit
        minute = np.flatnonzero((np.rint(history / units.tick_size) == entries).all(axis=1))[0]
        excess = joint_excess(params, own.market, own.lots, balance, history[: minute + 1])
        assert excess.min() > -5, f"account {number} failed its margin test {excess.argmin()} minutes ago"
        seen += 1
    assert seen == 400
    assert empty > 20  # the highly leveraged among those who entered long ago


def test_profits_in_one_market_carry_losses_in_another():
    """The seats that are alive include some that would have failed with every market at its own worst."""
    drawn = assemble(several())
    st, params = drawn.state, drawn.params
    histories = assemble_prices(several(), 0).history
    history = np.stack([h.price for h in histories], axis=1)
    spared = 0
    first = int(params.run[0].first_trader)
    for number, row in enumerate(st.accounts[first:]):
        own = st.positions[row.first_position : row.first_position + row.n_positions]
        if not own.lots.any():
            continue
        units = params.markets[own.market]
        entries = own.entry_value / own.lots / units.unit
        minute = np.flatnonzero((np.rint(history / units.tick_size) == entries).all(axis=1))[0]
        since = history[: minute + 1]
        worst = since.min(axis=0) if own.lots[0] > 0 else since.max(axis=0)
        balance = st.balances[first + number, 0]
        spared += joint_excess(params, own.market, own.lots, balance, worst[None])[0] <= 0
    assert spared > 0


def summary() -> str:
    """Return what was drawn for a small population."""
    layers = [layer(accounts=30), layer(name="one", markets="venue:BTCUSDT", margin="isolated", accounts=30)]
    st = assemble(several(population=layers)).state
    return f"{len(st.traders)} {st.positions.lots.tolist()} {st.balances[:, 0].tolist()}"


@pytest.mark.slow
def test_the_draw_is_the_same_uncompiled():
    """Plain Python refuses what compiled code would let pass, such as an amount that wraps around."""
    script = "from tests.unit.test_population import summary; print(summary())"
    plain = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, cwd=ROOT,
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert plain == f"{summary()}\n"


def test_extremes_of_blocks_are_those_of_their_minutes():
    history = np.zeros((3 * BLOCK + 5, 2), HISTORY)
    history["price"] = np.random.default_rng(1).uniform(1, 2, history.shape)
    blocks = block_extremes(history)
    assert blocks.shape == (3, 2)
    second = history["price"][BLOCK : 2 * BLOCK]
    assert (blocks["low"][1] == second.min(axis=0)).all()
    assert (blocks["high"][1] == second.max(axis=0)).all()
    assert block_extremes(history[:3]).shape == (1, 2)


def doomed(**changes):
    """Return a market whose price leapt by a twentieth every minute of the five days before the start."""
    leaps = np.exp(0.05 * np.random.default_rng(1).standard_normal(7200))
    swings = [[f"-{60 * (7200 - k)}s", 107_000 * leap] for k, leap in enumerate(leaps)]
    news = {"type": "constant", "price": 107_000}
    assets = {"BTC": {"news": news, "history": {"type": "anchors", "points": swings}}}
    crowd = layer(markets="venue:BTCUSDT", margin="isolated", **{"accounts": 5000, "size": 1000} | changes)
    return small_scenario(assets=assets, population=[crowd])


@pytest.mark.parametrize("key", ["mean", "min"])
def test_a_layer_that_hardly_anybody_outlives_is_refused(key):
    hold = {"mean": "1h", "min": "30d"} if key == "min" else {"mean": "300d"}
    with pytest.raises(ScenarioError) as caught:
        assemble(doomed(leverage=125, hold=hold))
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("CAS402", "population.crowd")
    assert re.search(r"of 65,5\d\d accounts outlive", problem.message)  # a few of the 65,536 pause
    assert f"write hold: {{{key}: " in problem.hint
    assert "or leverage of about" in problem.hint


def test_the_remedy_of_a_layer_that_nobody_outlives_helps():
    with pytest.raises(ScenarioError) as caught:
        assemble(doomed(leverage=125, hold={"mean": "300d"}))
    (problem,) = caught.value.problems
    shorter = problem.hint.partition("mean: ")[2].partition("}")[0]
    leverage = float(problem.hint.partition("about ")[2].partition("x")[0])
    assemble(doomed(leverage=125, hold={"mean": shorter}))
    assemble(doomed(leverage=leverage, hold={"mean": "300d"}))


def test_a_small_layer_of_the_highly_leveraged_is_drawn():
    """Few survive, but the draw ends before it is clear that nobody does."""
    drawn = assemble(doomed(leverage=100, hold={"mean": "20d"}, accounts=20))
    assert (drawn.state.positions.lots[-len(drawn.state.traders) :] != 0).sum() == 20


def test_blocks_of_minutes_that_prove_survival_spare_the_walk_through_them(monkeypatch):
    """The same accounts live as by a walk through every minute, for a fraction of its processor time."""
    crowd = layer(accounts=5_000, hold={"mean": "5d"}, leverage=20)
    long = {f"assets.{name}.history.duration": "8d" for name in PRICES}
    scenario = several(population=[crowd]).replace(**long)

    def drawn():
        began = time.process_time()
        st = assemble(scenario).state
        return (st.positions.lots.tolist(), st.balances.tolist()), time.process_time() - began

    drawn()  # compiles
    quick, quick_s = drawn()
    monkeypatch.setattr("cascade.assembly.layers.block_extremes", hopeless_blocks)
    walked, walked_s = drawn()
    assert quick == walked
    assert quick_s < walked_s / 3


def hopeless_blocks(history):
    """Return blocks in which nobody could be sure to have lived."""
    blocks = block_extremes(history)
    blocks["low"] *= 0.01
    blocks["high"] *= 100.0
    return blocks


def test_plans_of_exits_stay_within_ticks():
    wide = {"share": 1.0, "distance": {"dist": "constant", "value": 1.5}}
    rich = layer(markets="venue:SOLUSDT", leverage=1.01, take_profit=wide)
    traders = assemble(several(population=[rich])).state.traders
    planned = traders.take_tick[traders.take_tick != -1]
    assert len(planned)
    assert planned.min() >= 1


@pytest.mark.parametrize("size", [{"open_interest": "20M"}, {"accounts": 800}])
def test_a_scale_multiplies_what_a_layer_holds(size):
    def held(scale):
        layer = {
            "type": "leveraged", "name": "crowd", "markets": "venue:BTCUSDT", "size": "20k", "scale": scale,
            "leverage": 5, **size,
        }  # fmt: skip
        state = assemble(Scenario.model_validate(small_data(population=[layer]))).state
        return float(state.markets.open_interest[1]), len(state.traders)

    usd, accounts = held(1)
    more_usd, more_accounts = held("2.5x")
    assert more_usd == pytest.approx(2.5 * usd, rel=0.02)
    assert more_accounts == pytest.approx(2.5 * accounts, rel=0.02)

"""A market of four venues under their own rulebooks: nothing is lost, tables are identical, and each bears its own."""

from __future__ import annotations

import numpy as np
import pytest

from cascade.assembly import assemble
from cascade.core.check import breaches
from cascade.core.start import Capacity
from cascade.engine import Engine, simulate
from cascade.model import Logs
from cascade.scenario.load import load
from cascade.scenario.schema import Scenario

SMALLEST = Capacity(*(1 for _ in Capacity._fields))

TEXT = """
cascade: 1
name: four-venues
duration: 2m
lists:
  coins:
    - &btc {coin: BTC, price: 107000, tick: 0.1, lot: 0.001}
    - &eth {coin: ETH, price: 2500, tick: 0.01, lot: 0.01}
  markets:
    - {<<: *btc, venue: binance, contract: BTCUSDT, most: 100}
    - {<<: *btc, venue: bybit, contract: BTCUSDT, most: 100}
    - {<<: *btc, venue: okx, contract: BTC-USDT-SWAP, most: 100}
    - {<<: *btc, venue: hyperliquid, contract: BTC, most: 40}
    - {<<: *eth, venue: binance, contract: ETHUSDT, most: 100}
    - {<<: *eth, venue: bybit, contract: ETHUSDT, most: 100}
    - {<<: *eth, venue: okx, contract: ETH-USDT-SWAP, most: 100}
    - {<<: *eth, venue: hyperliquid, contract: ETH, most: 25}
assets:
  "{coin}": {each: coins, news: {type: gbm, price: "{price}", volatility: 60 %}}
venues:
  spot: {rulebook: spot}
  binance: {rulebook: binance-2025-07, feed: rulebook, fund: 5k}
  bybit: {rulebook: bybit-2025-07, feed: rulebook, fund: 5k}
  okx: {rulebook: okx-2025-07, feed: rulebook, fund: 5k}
  hyperliquid: {rulebook: hyperliquid-2025-07, feed: rulebook, fund: 5k}
markets:
  "spot:{coin}USD": {each: coins, type: spot, asset: "{coin}", tick: "{tick}", lot: "{lot}"}
  "{venue}:{contract}": {each: markets, type: linear_perpetual, asset: "{coin}", tick: "{tick}", lot: "{lot}"}
makers:
  - {name: makers, markets: "*", count: 2, depth: {profile: [[1, 90k], [10, 1.8M], [200, 80M]], scale: 0.2x}}
news_takers:
  - {name: takers, markets: "*"}
arbitrage:
  - {each: markets, name: "{venue}-{coin}", spot: "spot:{coin}USD", perpetual: "{venue}:{contract}"}
population:
  - each: markets
    type: leveraged
    name: "{venue}-{coin}"
    markets: "{venue}:{contract}"
    accounts: 200
    leverage: {dist: table, values: [10, 20, "{most}"], weights: [1, 1, 1]}
    leverage_weight: accounts
    size: {dist: lognormal, median: 20k, sigma: 1.5}
    hold: {mean: 5m, min: 30s}
    stop_loss: {share: 20 %}
shocks:
  - {type: news, at: 20s, asset: BTC, move: -6 %}
  - {type: news, at: 25s, asset: ETH, move: -8 %}
outputs: {bars: 10s, trades: yes}
"""


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    path = tmp_path_factory.mktemp("four") / "scenario.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return load(path)


def run_in(scenario: Scenario, chunk: int, capacity: Capacity | None = None) -> tuple[Logs, Engine]:
    logs = Logs()
    engine = Engine(assemble(scenario, capacity=capacity), logs)
    simulate(engine, chunk)
    return logs, engine


@pytest.fixture(scope="module")
def straight(scenario: Scenario) -> tuple[Logs, Engine]:
    return run_in(scenario, 10_000)


def test_every_venue_liquidates_and_some_deleverage(
    scenario: Scenario, straight: tuple[Logs, Engine]
) -> None:
    markets = list(scenario.markets)
    logs, _ = straight
    hit = {markets[m].partition(":")[0] for m in np.unique(logs["liquidations"]["market"])}
    assert hit == {"binance", "bybit", "okx", "hyperliquid"}
    assert len(logs["adl"]) > 0


def test_nothing_is_lost(scenario: Scenario, straight: tuple[Logs, Engine]) -> None:
    _, engine = straight
    assert not breaches(engine.state, engine.params, assemble(scenario).endowment)


def test_deleveraging_stays_within_its_venue(straight: tuple[Logs, Engine]) -> None:
    logs, engine = straight
    venues = engine.params.markets.venue
    adl = logs["adl"]
    for side in ("account", "counterparty"):
        homes = engine.state.accounts.venue[adl[side]]
        np.testing.assert_array_equal(homes, venues[adl["market"]], err_msg=side)


@pytest.mark.parametrize(
    ("chunk", "capacity"), [pytest.param(1, None, marks=pytest.mark.slow), (7, None), (3, SMALLEST)]
)
def test_tables_are_the_same_however_it_is_cut(
    chunk: int, capacity: Capacity | None, scenario: Scenario, straight: tuple[Logs, Engine]
) -> None:
    logs, _ = run_in(scenario, chunk, capacity)
    for table in straight[0].tables:
        np.testing.assert_array_equal(logs[table], straight[0][table], err_msg=table)

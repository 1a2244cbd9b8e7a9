"""Scenarios of benchmarks, and a loop that runs a market without keeping its logs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from cascade.assembly import Assembled, assemble
from cascade.core.state import Array
from cascade.engine import Engine
from cascade.scenario.load import load

FUSED = """\
cascade: 1
name: fused
duration: 24h
assets:
  BTC:
    news: {type: gbm, price: 107000, volatility: 25 %}
    history: {type: gbm, volatility: 30 %, duration: 8d}
venues: {spot: {rulebook: spot}, binance: {rulebook: binance-2025-07, fund: 1B}}
markets:
  spot:BTCUSD: {type: spot, asset: BTC, tick: 0.1, lot: 0.001}
  binance:BTCUSDT: {type: linear_perpetual, asset: BTC, tick: 0.1, lot: 0.001, funding: {schedule: fixed}}
makers:
  - name: maker
    markets: "binance:*"
    count: 1
    levels_bps: [1, 5, 20, 60, 120]
    depth: {profile: [[1, 20M], [120, 2B]]}
    cap: 9B
  - {name: index, markets: "spot:*", count: 1, levels_bps: [1], depth: {profile: [[1, 20M]]}}
flow:
  - {name: noise, markets: "binance:*", market_orders: {rate: 10 /s}, limit_orders: {rate: 10 /s, life: 5s}}
population:
  - type: leveraged
    name: traders
    markets: binance:BTCUSDT
    accounts: 10000
    leverage: {dist: table, values: [5, 10, 20, 50, 100], weights: [4, 3, 2, 1, 1]}
    leverage_weight: accounts
    size: {dist: lognormal, median: 1k, sigma: 1, max: 100k}
    hold: {mean: 5d}
"""

CROSS = """\
cascade: 1
name: cross
duration: 1h
assets:
  A: {news: {type: constant, price: 1000}, history: {type: gbm, volatility: 30 %, duration: 8d}}
  B: {news: {type: constant, price: 1000}, history: {type: gbm, volatility: 30 %, duration: 8d}}
  C: {news: {type: constant, price: 1000}, history: {type: gbm, volatility: 30 %, duration: 8d}}
venues: {spot: {rulebook: spot}, binance: {rulebook: binance-2025-07, fund: 1B}}
markets:
  spot:A: {type: spot, asset: A, tick: 0.1, lot: 0.1}
  spot:B: {type: spot, asset: B, tick: 0.1, lot: 0.1}
  spot:C: {type: spot, asset: C, tick: 0.1, lot: 0.1}
  binance:A: {type: linear_perpetual, asset: A, contract: BTCUSDT, tick: 0.1, lot: 0.1}
  binance:B: {type: linear_perpetual, asset: B, contract: BTCUSDT, tick: 0.1, lot: 0.1}
  binance:C: {type: linear_perpetual, asset: C, contract: BTCUSDT, tick: 0.1, lot: 0.1}
population:
  - type: leveraged
    name: cross
    markets: "binance:*"
    margin: cross
    accounts: 100000
    leverage: {dist: table, values: [3, 5, 10, 20], weights: [4, 3, 2, 1]}
    leverage_weight: accounts
    size: {dist: lognormal, median: 30k, sigma: 1, max: 500k}
"""


class Nowhere:
    """A sink that keeps nothing."""

    def take(self, table: str, records: Array) -> None:
        """Forget the records of a table."""

    def chunk(self, engine: Engine) -> None:
        """Look at nothing."""


def drawn(text: str, *overrides: str) -> Assembled:
    """Return the market of a scenario given as text; checks of a sensible market are not for benchmarks."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scenario.yaml"
        path.write_text(text, encoding="utf-8")
        return assemble(load(path, overrides))


def started(assembled: Assembled, steps: int = 1) -> Engine:
    """Return a market that has run a few steps, so that everything is compiled."""
    engine = Engine(assembled, Nowhere())
    engine.advance(steps)
    return engine


def count_events(engine: Engine) -> int:
    """Return the orders that have come to market so far."""
    return int(engine.state.clock[0].events)


def gaussian_marks(n: int, start: int, sd: float, seed: int = 1) -> Array:
    """Return a random path of marks in ticks."""
    steps = np.random.default_rng(seed).normal(0.0, sd, n)
    return np.maximum(np.round(start + np.cumsum(steps)), 1).astype(np.int64)

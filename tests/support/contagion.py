"""A small market of two assets in which a fall of one reaches the other by three channels, and nothing else stirs."""

from __future__ import annotations

from typing import Any

import numpy as np

from cascade.analysis.contagion import Matrix
from cascade.experiment.contagion_found import Contagion
from cascade.experiment.contagion_question import Question
from cascade.scenario.schema import Scenario
from tests.support.scenarios import small_data

LADDER = [[2, 2e6], [10, 15e6], [30, 60e6], [100, 250e6]]
PLACES = ("BTC", "ETH", "SOL")
PRICES = {"BTC": 107_000, "ETH": 2_500}


def contagion_data(**changes: Any) -> dict[str, Any]:
    """Return crowded longs who hold both assets on one margin, or ETH on coins of BTC; makers learn from flow alone."""
    steps = {"BTC": {"tick": 0.1, "lot": 0.001}, "ETH": {"tick": 0.01, "lot": 0.01}}
    markets = {f"spot:{a}USD": {"type": "spot", "asset": a, **step} for a, step in steps.items()} | {
        f"venue:{a}USDT": {"type": "linear_perpetual", "asset": a, **step} for a, step in steps.items()
    }
    crowd = {
        "type": "leveraged", "margin": "cross", "long_share": 1, "turnover": False,
        "leverage": {"dist": "uniform", "low": 30, "high": 100}, "leverage_weight": "accounts",
        "size": {"dist": "constant", "value": 50_000}, "hold": {"mean": "50d"},
    }  # fmt: skip
    return small_data() | {
        "name": "contagion", "duration": "4m",
        "assets": {
            a: {"news": {"type": "constant", "price": price}} for a, price in PRICES.items()
        },
        "venues": {
            "spot": {"rulebook": "spot"},
            "venue": {
                "rulebook": "binance-2025-07", "fund": "50M", "rules": {"collateral": {"BTC": {"haircut": "5 %"}}},
            },
        },
        "markets": markets,
        "makers": [{
            "name": "makers", "markets": "*", "count": 2, "depth": {"profile": LADDER}, "cap": "1B",
            "levels_bps": [2, 10, 30, 100], "learning": {"impact_bps_per_million": 1, "half_life": "1h"},
        }],
        "news_takers": [{"name": "takers", "markets": "*"}],
        "flow": [],
        "arbitrage": [
            {"name": f"basis{a}", "spot": f"spot:{a}USD", "perpetual": f"venue:{a}USDT"} for a in PRICES
        ],
        "population": [
            crowd | {"name": "both", "markets": "venue:*", "open_interest": "150M"},
            crowd | {
                "name": "coins", "markets": "venue:ETHUSDT", "open_interest": "60M",
                "collateral": {"spot:BTCUSD": "90 %"},
            },
        ],
        "shocks": [  # which takes the first to the brink
            {"type": "news", "at": "5s", "over": "10s", "asset": a, "move": "-0.75 %"} for a in PRICES
        ],
    } | changes  # fmt: skip


def contagion_scenario(**changes: Any) -> Scenario:
    """Return that market with some top-level keys replaced."""
    return Scenario.model_validate(contagion_data(**changes))


def sale_of_bitcoin(**changes: Any) -> Scenario:
    """Return that market with a sale of BTC in it, of 6M over ten seconds after a minute."""
    sale = {
        "name": "sale", "type": "market_order", "side": "sell", "market": "venue:BTCUSDT", "at": "1m",
        "over": "10s", "notional": "6M",
    }  # fmt: skip
    data = contagion_data(duration="2m", **changes)
    return Scenario.model_validate(data | {"shocks": [*data["shocks"], sale]})


def known_contagion(n: int = 8) -> Contagion:
    """Return a matrix of three assets that is known."""
    rng, mean = np.random.default_rng(3), np.array([[0.1, 0.2, 0.05], [0.02, 0.15, 0.0], [0.01, 0.0, 0.3]])
    direct, total = (Matrix(PLACES, by * mean * rng.gamma(4.0, 0.25, (n, 3, 3))) for by in (1.0, 1.4))
    question = Question("asset", "sell", 1e6, (60.0, 120.0), 300.0)
    return Contagion("three", question, n, direct, total, np.array([1e6, 1e6, 1e6]))

"""Small scenarios for tests, as data."""

from __future__ import annotations

from typing import Any

from cascade.scenario.schema import Scenario

DEPTH = [[0.1, 150e3], [1, 440e3], [5, 3.3e6], [10, 9e6], [50, 100e6], [200, 400e6]]


def small_data(**changes: Any) -> dict[str, Any]:
    """Return a two-minute market of one asset with a few thousand leveraged accounts."""
    depth = {"profile": DEPTH, "scale": 0.2}
    data: dict[str, Any] = {
        "cascade": 1,
        "name": "small",
        "duration": "120s",
        "assets": {"BTC": {"news": {"type": "gbm", "price": 107000, "volatility": "60 %"}}},
        "venues": {"spot": {"rulebook": "spot"}, "venue": {"rulebook": "binance-2025-07", "fund": "100M"}},
        "markets": {
            "spot:BTCUSD": {"type": "spot", "asset": "BTC", "tick": 0.1, "lot": 0.001},
            "venue:BTCUSDT": {"type": "linear_perpetual", "asset": "BTC", "tick": 0.1, "lot": 0.001},
        },
        "makers": [{"name": "makers", "markets": "*", "count": 3, "depth": depth}],
        "news_takers": [{"name": "takers", "markets": "*"}],
        "flow": [{"name": "flow", "markets": "*"}],
        "arbitrage": [{"name": "basis", "spot": "spot:BTCUSD", "perpetual": "venue:BTCUSDT"}],
        "population": [
            {
                "type": "leveraged", "name": "crowd", "markets": "venue:BTCUSDT", "accounts": 2000,
                "leverage": {"dist": "table", "values": [20, 50, 100], "weights": [1, 1, 1]},
                "leverage_weight": "accounts",
                "hold": {"mean": "5m", "reference_leverage": 20, "min": "30s"},
                "stop_loss": {"share": 0.3}, "take_profit": {"share": 0.3}, "top_up": {"share": 0.2},
            }
        ],
        "outputs": {"bars": "10s", "check_every": "30s"},
    }  # fmt: skip
    return data | changes


def small_scenario(**changes: Any) -> Scenario:
    """Return the small scenario with some top-level keys replaced."""
    return Scenario.model_validate(small_data(**changes))

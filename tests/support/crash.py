"""A market in which every channel of amplification is at work within a minute."""

from __future__ import annotations

from typing import Any

from cascade.scenario.schema import Scenario
from tests.support.scenarios import small_data


def crash_data(**changes: Any) -> dict[str, Any]:
    """Return two assets that fall 4 % within seconds: stops, cross margin, a small fund, makers who withdraw."""
    markets = {
        f"spot:{a}USD": {"type": "spot", "asset": a, "tick": tick, "lot": lot}
        for a, tick, lot in (("BTC", 0.1, 0.001), ("ETH", 0.01, 0.01))
    } | {
        f"venue:{a}USDT": {"type": "linear_perpetual", "asset": a, "tick": tick, "lot": lot}
        for a, tick, lot in (("BTC", 0.1, 0.001), ("ETH", 0.01, 0.01))
    }
    news = {"BTC": 107000, "ETH": 2500}
    base = small_data()
    calm = {"calm_volatility": "20 %", "memory": "60s", "floor": 0.2, "in_learning_floor": 0.2}
    leverage = {"dist": "table", "values": [20, 50, 100], "weights": [1, 1, 1]}
    crowd = {
        "type": "leveraged", "leverage": leverage, "leverage_weight": "accounts",
        "hold": {"mean": "10m", "reference_leverage": 20, "min": "60s"}, "long_share": 0.7,
        "size": {"dist": "lognormal", "median": 40_000, "sigma": 1.5, "max": 2_000_000},
    }  # fmt: skip
    return base | {
        "name": "crash", "duration": "100s",
        "assets": {
            a: {"news": {"type": "gbm", "price": price, "volatility": "60 %"}} for a, price in news.items()
        },
        "venues": {"spot": {"rulebook": "spot"}, "venue": {"rulebook": "binance-2025-07", "fund": "10k"}},
        "markets": markets,
        "makers": [base["makers"][0] | {"withdrawal": calm, "learning": {"impact_bps_per_million": 1.0}}],
        "arbitrage": [
            {"name": f"basis{a}", "spot": f"spot:{a}USD", "perpetual": f"venue:{a}USDT"} for a in news
        ],
        "population": [
            crowd | {"name": "crowd", "markets": "venue:*T", "accounts": 300, "margin": "cross"},
            crowd | {
                "name": "stops", "markets": "venue:BTCUSDT", "accounts": 600, "stop_loss": {"share": 0.4},
            },
        ],
        "shocks": [
            {"type": "news", "at": "20s", "over": "20s", "asset": a, "move": move}
            for a, move in (("BTC", "-4 %"), ("ETH", "-6 %"))
        ],
        "outputs": {"bars": "5s", "check_every": "20s", "trades": True},
    } | changes  # fmt: skip


def crash_scenario(**changes: Any) -> Scenario:
    """Return the crash with some top-level keys replaced."""
    return Scenario.model_validate(crash_data(**changes))

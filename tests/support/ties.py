"""A market of one asset on two venues and a spot book, in which nothing moves but what a test sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from cascade.assembly import Assembled, assemble
from cascade.core.check import breaches
from cascade.core.state import Array
from cascade.engine import Engine
from cascade.experiment.gains import gains_of
from cascade.experiment.recorder import units_of
from cascade.model import Logs
from cascade.scenario.schema import Scenario
from tests.support.scenarios import DEPTH

SPOT, A, B = 0, 1, 2
"""Its markets, by number."""

SALE = {
    "type": "market_order", "at": "1m", "over": "5m", "market": "a:BTCUSDT", "side": "sell", "notional": "20M",
}  # fmt: skip
FUEL = {
    "type": "ladder", "name": "fuel", "market": "a:BTCUSDT", "side": "long", "notional": "30M", "leverage": 20,
    "from_price": 99_900, "to_price": 99_000, "size": {"dist": "constant", "value": "50k"},
}  # fmt: skip
HUNTER = {
    "type": "hunter",
    "name": "hunters",
    "markets": "a:*",
    "capital": "10M",
    "reach_bps": 60,
    "error": 0,
}


def to_spot(venue: str, **changes: Any) -> dict[str, Any]:
    """Return a group that ties a perpetual to spot."""
    pair = {"name": f"{venue}-basis", "spot": "spot:BTCUSD", "perpetual": f"{venue}:BTCUSDT"}
    return pair | changes


def ties_data(**changes: Any) -> dict[str, Any]:
    """Return that market, whose makers learn from the flow of their own book."""
    perpetual = {"type": "linear_perpetual", "asset": "BTC", "tick": 0.1, "lot": 0.001}
    return {
        "cascade": 1, "name": "ties", "duration": "12m", "dt": "1s", "seed": 7,
        "assets": {"BTC": {"news": {"type": "constant", "price": 100_000}}},
        "venues": {
            "spot": {"rulebook": "spot"},
            "a": {"rulebook": "binance-2025-07", "fund": "100M"},
            "b": {"rulebook": "bybit-2025-07", "fund": "100M"},
        },
        "markets": {
            "spot:BTCUSD": {"type": "spot", "asset": "BTC", "tick": 0.1, "lot": 0.001},
            "a:BTCUSDT": perpetual, "b:BTCUSDT": perpetual,
        },
        "makers": [{
            "name": "makers", "markets": "*", "count": 2, "depth": {"profile": DEPTH, "scale": 0.2},
            "learning": {"impact_bps_per_million": 2, "half_life": "30m"},
        }],
        "outputs": {"bars": "10s", "check_every": "30s"},
    } | changes  # fmt: skip


def with_desk(**hedge: Any) -> list[dict[str, Any]]:
    """Return the makers of that market, and a desk of two on both venues that hedges, if it is said how."""
    (plain,) = ties_data()["makers"]
    desk = plain | {"name": "desk", "markets": ["a:*", "b:*"], "cap": "20M"}
    return [desk | ({"hedge": hedge} if hedge else {}), plain]


class Course(NamedTuple):
    """A market that has run to its end, and its mids on the way, in USD, a column for each market."""

    engine: Engine
    logs: Logs
    drawn: Assembled
    scenario: Scenario
    mids: Array
    seen: Array

    def basis_bps(self, m: int = A, to: int = SPOT) -> Array:
        """Return the basis between two markets at each look."""
        return 1e4 * np.log(self.mids[:, m] / self.mids[:, to])

    def gain_usd(self, name: str) -> float:
        """Return what a group has gained."""
        return gains_of(self.engine, self.drawn.tied, units_of(self.scenario))[name]

    def logged(self, table: str) -> Array:
        """Return the rows of a log."""
        self.engine.drain()
        return self.logs[table]


def course(
    data: dict[str, Any], look: Callable[[Engine], Any] | None = None, every: int = 10, replicate: int = 0
) -> Course:
    """Run a market to its end and look at it now and then; nothing may be lost on the way."""
    scenario = Scenario.model_validate(data)
    drawn = assemble(scenario, replicate)
    logs, mids, seen = Logs(), [], []
    engine = Engine(drawn, logs)
    for step in [*range(every, engine.n_steps, every), engine.n_steps]:
        engine.advance(step)
        mids.append(0.5 * engine.state.markets.mid2 * engine.params.markets.tick_size)
        if look is not None:
            seen.append(look(engine))
    assert not breaches(engine.state, engine.params, drawn.endowment)
    return Course(engine, logs, drawn, scenario, np.array(mids), np.array(seen))

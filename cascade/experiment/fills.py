"""What scheduled orders were filled of, as the kernels counted it."""

from __future__ import annotations

import numpy as np

from cascade.analysis.metrics import Fills
from cascade.core import params as k
from cascade.engine import Engine
from cascade.output.run_units import RunUnits
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_shocks import MarketOrderShock


def fills_of(engine: Engine, scenario: Scenario, units: RunUnits) -> dict[str, Fills]:
    """Return the fills of the orders that have a name."""
    orders = [shock for shock in scenario.shocks if isinstance(shock, MarketOrderShock)]
    rows = np.flatnonzero(engine.params.shocks.kind == k.MARKET_SHOCK)
    return {
        shock.name: _fills(engine, units, int(row), is_sale=shock.side == "sell")
        for shock, row in zip(orders, rows, strict=True)
        if shock.name is not None
    }


def _fills(engine: Engine, units: RunUnits, row: int, *, is_sale: bool) -> Fills:
    shock, work = engine.params.shocks[row], engine.state.works[row]
    market = units.markets[int(shock.target)]
    arrival = float(work.mid2) / 2.0 * market.tick_size
    asked, filled = (abs(int(lots)) * market.lot_size for lots in (shock.amount, work.filled))
    worth = abs(int(work.value)) * market.money_unit
    if market.inverse:  # lots are USD, and their value is in coins
        return Fills(asked / arrival if arrival else 0.0, worth, filled, arrival, is_sale)
    return Fills(asked, filled, worth, arrival, is_sale)

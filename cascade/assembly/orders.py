"""Scheduled orders: how each is worked, the account it opens, or the position of one that it closes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cascade.assembly.entities import Entities
from cascade.assembly.owners import Owners
from cascade.core import params as k
from cascade.core.exact import INVERSE
from cascade.core.state import Array
from cascade.scenario.schedules import front_load
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_shocks import MarketOrderShock, PovSchedule

SLIGHT = 1e-6
"""Of a front-loaded order this share and less, over its whole time, is as good as evenly."""


def worked(scenario: Scenario, shock: MarketOrderShock, last: int) -> dict[str, Any]:
    """Return how an order is worked, as fields of its record; `last` is the run's last step."""
    if isinstance(shock.schedule, PovSchedule):
        share = shock.schedule.participation
        until = {"stop": last} if shock.is_open_ended else {}
        return {"schedule": k.WITH_VOLUME, "pace": share / (1.0 - share), **until}
    rate = front_load(scenario, shock) * scenario.dt
    if rate * shock.over / scenario.dt <= SLIGHT:
        return {"schedule": k.EVENLY}
    return {"schedule": k.FRONT_LOADED, "pace": rate}


def margined_orders(scenario: Scenario) -> list[MarketOrderShock]:
    """Return the orders that open a position on margin."""
    shocks = scenario.shocks
    return [each for each in shocks if isinstance(each, MarketOrderShock) and each.margin is not None]


def open_accounts(scenario: Scenario, p: k.Params, entities: Entities) -> None:
    """Add an account for each order on margin: a position in its market, isolated, that may be liquidated."""
    rows = np.flatnonzero(p.shocks.margined)
    for shock, row in zip(margined_orders(scenario), rows, strict=True):
        m, margin = int(p.shocks.target[row]), shock.margin or 0.0
        _, p.shocks.position[row] = entities.add(
            k.AGENT, int(p.markets.venue[m]), [m], margin, margin=k.ISOLATED, fees=1
        )


def bind(scenario: Scenario, p: k.Params, positions: Array, owners: Owners, prices: Array) -> None:
    """Book each order of an account to the position that it closes: no more than that holds."""
    closing = [each for each in scenario.shocks if isinstance(each, MarketOrderShock) and each.account]
    names = list(scenario.markets)
    for shock, row in zip(closing, np.flatnonzero(p.shocks.closes), strict=True):
        m, sign = names.index(shock.market), 1 if shock.side == "buy" else -1
        mine = np.isin(positions.account, owners.accounts(shock.account or "")) & (positions.market == m)
        found = np.flatnonzero(mine & (np.sign(positions.lots) == -sign))
        if not len(found):  # the checks see to it, unless a layer has gone since
            continue
        held, market = int(positions.lots[found[0]]), p.markets[m]
        price = 1.0 if market.contract == INVERSE else float(prices[market.asset])
        asked = math.inf if shock.notional is None else shock.notional / (price * float(market.lot_size))
        p.shocks.position[row], p.shocks.initial[row] = found[0], held
        p.shocks.amount[row] = float(sign) * min(float(abs(held)), asked)

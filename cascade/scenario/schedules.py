"""How fast an order is to be worked by the rule of Almgren and Chriss, in the market of a scenario."""

from __future__ import annotations

import math

from cascade.scenario.liquidity import NEAR_BPS, depth_within
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_shocks import AlmgrenChrissSchedule, MarketOrderShock

YEAR_S, MINUTE_S, MILLION = 365.0 * 86_400.0, 60.0, 1e6


def front_load(scenario: Scenario, shock: MarketOrderShock) -> float:
    """Return the kappa of Almgren and Chriss per second: sqrt(risk aversion x variance / temporary impact).

    What is left at t is sinh(kappa (T - t)) / sinh(kappa T) of the order; 0 is worked evenly. Permanent impact that
    is linear, as theirs is, costs the same however an order is worked.
    """
    schedule = shock.schedule
    if not isinstance(schedule, AlmgrenChrissSchedule):
        return 0.0
    variance = feared_volatility(scenario, shock) ** 2 / YEAR_S
    cost = temporary_impact_bps(scenario, shock) * 1e-4 / (MILLION / MINUTE_S)
    return math.sqrt(schedule.risk_aversion * variance / cost)


def feared_volatility(scenario: Scenario, shock: MarketOrderShock) -> float:
    """Return the yearly volatility that an order's schedule counts with: its own, or else that of the news."""
    own = shock.schedule.volatility if isinstance(shock.schedule, AlmgrenChrissSchedule) else None
    news = scenario.assets[scenario.markets[shock.market].asset].news
    return float(getattr(news, "volatility", 0.0)) if own is None else own


def temporary_impact_bps(scenario: Scenario, shock: MarketOrderShock) -> float:
    """Return what trading at 1M USD a minute costs in bps.

    Unless it is said, half the way through the depth within `NEAR_BPS` that is traded between two looks of its makers;
    infinite where nobody quotes there.
    """
    if isinstance(shock.schedule, AlmgrenChrissSchedule) and shock.schedule.temporary_impact_bps is not None:
        return shock.schedule.temporary_impact_bps
    rates = [
        group.requote_rate
        for group in scenario.makers
        if shock.market in scenario.select_markets(group.markets) and group.requote_rate > 0.0
    ]
    window = max([scenario.dt, *(1.0 / rate for rate in rates)])
    depth = depth_within(scenario, shock.market, NEAR_BPS)
    return NEAR_BPS / 2.0 * MILLION / MINUTE_S * window / depth if depth > 0.0 else math.inf

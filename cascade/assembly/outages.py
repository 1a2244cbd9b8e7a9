"""Markets that are halted, and indices that are out: what is off in which market."""

from __future__ import annotations

from cascade.core import params as k
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_shocks import HaltShock, OracleOutage
from cascade.scenario.schema_venues import SpotMarket


def halted(scenario: Scenario, shock: HaltShock | OracleOutage) -> dict[str, int]:
    """Return the bits of what is off, by market."""
    if isinstance(shock, HaltShock):
        return {name: _off(scenario, shock, name) for name in scenario.select_markets(shock.markets)}
    if shock.sources is not None:
        return dict.fromkeys(scenario.select_markets(shock.sources), k.MUTE)
    patterns = shock.markets or ()
    return dict.fromkeys((*scenario.select_markets(patterns), *scenario.select_pools(patterns)), k.FROZEN)


def _off(scenario: Scenario, shock: HaltShock, name: str) -> int:
    """Return what a halt turns off in a market; nobody is liquidated on spot, so that nobody is spared there."""
    bits = k.SHUT | (k.QUEUED if shock.orders == "queue" else 0) | (0 if shock.cancels else k.LOCKED)
    if shock.halts == "matching":
        bits |= k.STILL
        if shock.liquidation != "continue" and not isinstance(scenario.markets[name], SpotMarket):
            bits |= k.SPARED
    return bits

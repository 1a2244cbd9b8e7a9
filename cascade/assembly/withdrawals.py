"""How the makers of each market withdraw, as parameters."""

from __future__ import annotations

from cascade.assembly.entities import records
from cascade.assembly.memory import left_after
from cascade.assembly.venues import NO_LIMIT, variance_of
from cascade.core import params as k
from cascade.core.state import Array
from cascade.scenario.amounts import MONEY
from cascade.scenario.liquidity import depth_within
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_makers import LadderMaker
from cascade.scenario.schema_withdrawal import Withdrawal


def assemble_withdrawals(scenario: Scenario) -> Array:
    """Return a row for each market; in one whose makers do not say how they withdraw, they stay."""
    rows = records(k.WITHDRAWAL, [{} for _ in scenario.markets])
    rows.calm_variance, rows.threshold, rows.floor = 1.0, 1.0, 1.0
    stay(rows)
    for row, name in zip(rows, scenario.markets, strict=True):
        rule = withdrawal_of(scenario, name)
        if rule is not None:
            _set(row, rule, scenario, name)
    return rows


def withdrawal_of(scenario: Scenario, market: str) -> Withdrawal | None:
    """Return how the makers of a market withdraw; None where they stay."""
    rules = [
        group.withdrawal
        for group in scenario.makers
        if isinstance(group, LadderMaker) and market in scenario.select_markets(group.markets)
    ]
    return next((rule for rule in reversed(rules) if rule is not None), None)


def stay(rows: Array) -> None:
    """Let makers stay: nobody looks at volatility, flow and losses."""
    rows.steps, rows.flow_at, rows.loss_at = NO_LIMIT, 0.0, 0.0


def _set(row: Array, rule: Withdrawal, scenario: Scenario, market: str) -> None:
    """Set how depth answers to volatility, and where they are given to one-sided flow and to losses."""
    dt = scenario.dt
    row.steps = max(round(rule.every / dt), 1)
    seconds = float(row.steps) * dt
    row.calm_variance = variance_of(rule.calm_volatility, seconds)
    row.threshold, row.exponent, row.floor = rule.threshold, rule.exponent, rule.floor
    row.decay = left_after(seconds, rule.memory)
    if rule.one_sided is not None:
        flow = rule.one_sided
        asset = scenario.markets[market].asset
        tied = [name for name, other in scenario.markets.items() if other.asset == asset]
        depth = sum(depth_within(scenario, name, flow.within_bps) for name in tied)
        row.flow_at = flow.threshold * depth * MONEY
        row.flow_exponent, row.flow_floor = flow.exponent, flow.floor
        row.flow_decay = left_after(dt, flow.memory)
    if rule.losses is not None:
        losses = rule.losses
        row.loss_at, row.loss_exponent, row.loss_floor = losses.threshold, losses.exponent, losses.floor
        row.loss_decay = left_after(dt, losses.memory)

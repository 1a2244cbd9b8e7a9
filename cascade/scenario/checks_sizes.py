"""Checks of sizes that are left at their defaults, which are bitcoin's: that the books can bear them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from cascade.scenario.base import Model
from cascade.scenario.checks import Context, Finding, Found, register
from cascade.scenario.checks_formation import held_within
from cascade.scenario.liquidity import FAR_BPS, REFERENCE_DEPTH
from cascade.scenario.schema_agents import (
    Agent,
    BackgroundFlow,
    Flow,
    PythonAgent,
    SplittersFlow,
)
from cascade.scenario.schema_makers import Maker
from cascade.scenario.schema_population import LeveragedLayer
from cascade.scenario.schema_ties import Arbitrage, Hedge
from cascade.scenario.source import Steps
from cascade.units import format_usd

Group: TypeAlias = Maker | Flow | Arbitrage | Agent | LeveragedLayer

MOST_APART = 30.0
"""Books this many times thinner than bitcoin's are swept, or never felt, by orders and caps that are bitcoin's."""

_AMOUNTS = ("size", "gain_usd_per_bps", "max_order", "cap", "capital")
"""Keys of amounts in USD; a group that says the first of those it has is left alone."""

_HEDGED = ("threshold", "max_order", "capital")
"""The same of `hedge`. What a wallet has is always said."""


@register(
    "CAS190",
    "sizes that are left at their defaults fit the books",
    "news_takers flow arbitrage agents population",
    "markets makers",
)
def default_sizes_fit(context: Context) -> Found:
    """Warn of groups whose sizes are bitcoin's in markets that are far thinner."""
    thin = {
        name: depth
        for name in context.scenario.select_markets("*")
        if 0.0 < (depth := held_within(context.scenario, name)) < REFERENCE_DEPTH / MOST_APART
    }
    for steps, group, markets in _groups(context) if thin else ():
        found = [name for name in markets if name in thin]
        left = _left(group)
        if found and left:
            market = min(found, key=lambda name: thin[name])
            yield _finding(steps, left, market, thin[market])


def _groups(context: Context) -> Iterator[tuple[Steps, Group, Sequence[str]]]:
    """Yield the groups that have sizes, each with where it stands and its markets."""
    scenario = context.scenario
    for section in ("makers", "flow", "arbitrage", "agents", "population"):
        for number, group in enumerate(getattr(scenario, section)):
            if section == "arbitrage":
                yield (section, number), group, (group.other, group.perpetual)
            elif (section != "population" and not isinstance(group, PythonAgent)) or isinstance(
                group, LeveragedLayer
            ):
                yield (section, number), group, scenario.select_markets(group.markets)


def _left(group: Group) -> dict[str, float]:
    """Return the sizes of a group that are left at bitcoin's, by key; none where it says how large it trades."""
    said, fields = group.model_fields_set, type(group).model_fields
    if isinstance(group, BackgroundFlow | SplittersFlow):
        is_said = said & {"scale", "size", "market_orders", "limit_orders"}
        return {} if is_said else {"scale": 1.0}
    if isinstance(group, LeveragedLayer):
        return {} if "max_order" in said else {"max_order": fields["max_order"].default}
    found = _unsaid(group, [key for key in _AMOUNTS if key in fields])
    hedge = getattr(group, "hedge", None)
    if isinstance(hedge, Hedge):
        found |= {f"hedge.{key}": amount for key, amount in _unsaid(hedge, _HEDGED).items()}
    return found


def _unsaid(model: Model, keys: Sequence[str]) -> dict[str, float]:
    """Return those of some amounts that are left at their defaults; none where the first is said."""
    said, fields = model.model_fields_set, type(model).model_fields
    return {} if keys[0] in said else {key: fields[key].default for key in keys if key not in said}


def _finding(steps: Steps, left: Mapping[str, float], market: str, depth: float) -> Finding:
    part = depth / REFERENCE_DEPTH
    amounts = [
        f"{key}: {format_usd(float(f'{amount * part:.2g}'))}"
        for key, amount in left.items()
        if key != "scale"
    ]
    wanted = ", ".join(amounts) or f"scale: {part:.2g}x"
    message = (
        f"sizes are those of bitcoin, but the book of {market} holds {format_usd(depth)} within {FAR_BPS / 100:g} %, "
        f"where bitcoin's holds {format_usd(REFERENCE_DEPTH)}"
    )
    return Finding(steps, message, f"write {wanted}, or what you have measured", "warning")

"""The check that all money of a scenario can be counted exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator

from cascade.limits import MOST_MONEY
from cascade.scenario.amounts import MOVE, Amount, amounts, money_units, worth
from cascade.scenario.checks import Context, Finding, Found, register
from cascade.scenario.checks_population import open_interest
from cascade.scenario.source import Steps
from cascade.units import format_usd


@register(
    "CAS111",
    "money stays countable at ten times the start price",
    "assets venues markets makers news_takers flow arbitrage agents population shocks",
)
def money_is_countable(context: Context) -> Found:
    """Test that what is held in each settlement asset stays below 2^62 money units in all."""
    held: dict[str, dict[Steps, Amount]] = {}
    for amount in (*_positions(context), *amounts(context)):
        parts = held.setdefault(amount.asset, {})
        parts[amount.steps] = amount.joined(parts.get(amount.steps))
    for asset, by_figure in held.items():
        parts = list(by_figure.values())
        total = sum(part.money for part in parts)
        if total >= MOST_MONEY:
            told, most = (
                f"{format_usd(money / money_units(asset))} {asset}" for money in (total, MOST_MONEY)
            )
            message = (
                f"all that is held, at ten times the price, comes to {told}: more than {most} is not counted"
            )
            yield from (Finding(part.steps, message, hint) for part, hint in _too_large(parts, total))


def _too_large(parts: list[Amount], total: float) -> Iterator[tuple[Amount, str]]:
    """Yield the parts without which the rest is well below the limit, each with the largest that works."""
    rest, chosen = total, list[Amount]()
    for part in sorted(parts, key=lambda part: -part.money):
        if rest < MOST_MONEY / 2:
            break
        chosen.append(part)
        rest = sum(each.money for each in parts if each not in chosen)
    for part in chosen:
        yield part, _largest(part, (MOST_MONEY - rest) / len(chosen) / part.weight)


def _largest(part: Amount, most: float) -> str:
    """Return the advice for a figure, of which `most` is the largest that works."""
    if not math.isfinite(part.weight):
        return "add max: to the distribution of sizes, whose mean is infinite"
    digits = 10.0 ** (math.floor(math.log10(most)) - 2)
    shown = format_usd(math.floor(most / digits) * digits)
    if part.unit == "rows":
        return f"remove rows, or write sizes that sum to at most {shown} USD on each side"
    if part.unit == "accounts":
        return f"write at most {max(math.floor(most), 1)} accounts, or smaller sizes"
    return f"write at most {shown} {part.unit}"


def _positions(context: Context) -> Iterator[Amount]:
    """Yield the positions of both sides: the value of a linear one rises with the price, of an inverse one falls."""
    for name, interest in open_interest(context).items():
        market = context.scenario.markets.get(name)
        asset = market.settles if market is not None else "USD"
        weight = 2 * MOVE * worth(context, asset)
        for each in interest:
            yield Amount(each.steps, asset, each.figure, weight * each.usd / each.figure, each.unit)

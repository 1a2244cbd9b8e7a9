"""Checks of margin that is held in other assets than USD."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cascade.scenario.checks import Context, Finding, Found, register
from cascade.scenario.schema_population import LeveragedLayer
from cascade.scenario.schema_venues import SpotMarket
from cascade.scenario.source import Steps
from cascade.scenario.words import did_you_mean, listing

if TYPE_CHECKING:
    from cascade.venues.rulebook import CollateralRule

_EXITS = ("stop_loss", "take_profit", "top_up")


@register(
    "CAS152", "collateral is held on spot and counted by the venue's rules", "markets venues population"
)
def collateral_counts(context: Context) -> Found:
    """Test the baskets of layers: cross margin in USD, known spot markets, assets that the venue takes."""
    for number, layer in enumerate(context.scenario.population):
        if not isinstance(layer, LeveragedLayer) or not layer.collateral:
            continue
        steps: Steps = ("population", number, "collateral")
        if layer.margin != "cross":
            yield Finding(steps, "only a cross margin holds other assets", "write margin: cross", on_key=True)
        if sum(layer.collateral.values()) > 1.0 + 1e-9:
            hint = "write parts that sum to 100 % at most: the rest of the margin is USD"
            yield Finding(steps, f"the parts sum to {sum(layer.collateral.values()):.0%}", hint, on_key=True)
        for key in _EXITS:
            if getattr(layer, key) is not None:
                message = (
                    "with collateral in other assets an account has no one liquidation price to place it by"
                )
                yield Finding(("population", number, key), message, f"remove {key}", on_key=True)
        for name in layer.collateral:
            yield from _holding(context, (*steps, name), layer, name)


def _holding(context: Context, steps: Steps, layer: LeveragedLayer, name: str) -> Iterator[Finding]:
    markets = context.scenario.markets
    market = markets.get(name)
    if context.is_absent("markets", name):
        return
    if not isinstance(market, SpotMarket):
        spots = [key for key, each in markets.items() if isinstance(each, SpotMarket)]
        message = f"no spot market '{name}'{did_you_mean(name, spots)}"
        yield Finding(steps, message, f"spot markets: {listing(spots) or 'none'}", on_key=True)
        return
    for traded in context.scenario.select_markets(layer.markets):
        rulebook = context.rulebook_of(traded)
        venue = traded.partition(":")[0]
        if markets[traded].settles != "USD":
            message = (
                f"{traded} settles in {markets[traded].settles}: collateral counts towards margin in USD"
            )
            yield Finding(steps, message, "remove it, or trade a linear perpetual", on_key=True)
        elif rulebook is not None and market.asset not in rulebook.collateral:
            message = f"the rules of {venue} do not take {market.asset} as collateral"
            hint = f"add venues.{venue}.rules: {{collateral: {{{market.asset}: {{haircut: 5 %}}}}}}"
            yield Finding(steps, message, hint, on_key=True)
            return
        elif rulebook is not None and _is_worthless(rulebook.collateral[market.asset], market):
            message = f"by the rules of {venue} {market.asset} counts for nothing"
            hint = f"write a smaller haircut or a higher redemption in venues.{venue}.rules.collateral.{market.asset}"
            yield Finding(steps, message, hint, on_key=True)
            return


def _is_worthless(rule: CollateralRule, market: SpotMarket) -> bool:
    """Tell whether no amount of a holding adds to a margin, so that none could make up a part of it."""
    redeemed = rule.redemption_usd or 0.0
    return rule.haircut >= 1.0 or (rule.price == "redemption" and redeemed < market.tick)

"""Checks of what is halted or out, and of orders on margin."""

from __future__ import annotations

from collections.abc import Iterator

from cascade.scenario.checks import Context, Finding, Found, register
from cascade.scenario.index_sources import sources_of
from cascade.scenario.schema_shocks import MarketOrderShock, OracleOutage
from cascade.scenario.schema_venues import LendingPool, Perpetual, SpotMarket
from cascade.scenario.source import Steps
from cascade.scenario.words import did_you_mean, listing
from cascade.units import format_usd


@register("CAS171", "an order on margin can be opened", "assets markets venues shocks")
def margin_opens(context: Context) -> Found:
    """Test the markets of orders on margin, and warn where the margin is too little."""
    for number, shock in enumerate(context.scenario.shocks):
        if not isinstance(shock, MarketOrderShock) or shock.margin is None:
            continue
        market = context.scenario.markets.get(shock.market)
        steps: Steps = ("shocks", number, "margin")
        if isinstance(market, SpotMarket):
            names = [name for name, each in context.scenario.markets.items() if isinstance(each, Perpetual)]
            message = f"{shock.market} is a spot market, where nobody trades on margin"
            yield Finding(steps, message, f"leave margin out, or write a perpetual: {listing(names)}")
        elif isinstance(market, Perpetual):
            yield from _leverage(context, steps, shock, market, shock.margin)


def _leverage(
    context: Context, steps: Steps, shock: MarketOrderShock, market: Perpetual, margin: float
) -> Iterator[Finding]:
    """Warn where the venue admits less leverage at the size of an order."""
    book = context.rulebooks.get(shock.market.partition(":")[0])
    price, notional = context.start_price(market.asset), shock.notional or 0.0
    if book is None or price is None or market.contract not in book.contracts:
        return
    most = book.contracts[market.contract].tier_of(notional, price).max_leverage
    if notional > most * margin * (1.0 + 1e-9):
        message = f"{format_usd(notional)} USD on {format_usd(margin)} is {notional / margin:.3g}x, more than {most:g}x"
        hint = f"write margin: {format_usd(notional / most)}, or a part of the order is refused"
        yield Finding(steps, message, hint, "warning")


@register("CAS172", "an outage concerns an index", "assets markets shocks")
def outage_has_index(context: Context) -> Found:
    """Test what outages name: markets with an index, or sources of one."""
    for number, shock in enumerate(context.scenario.shocks):
        if isinstance(shock, OracleOutage) and shock.markets is not None:
            yield from _without_index(context, ("shocks", number, "markets"), shock.markets)
        elif isinstance(shock, OracleOutage) and shock.sources is not None:
            yield from _sources(context, ("shocks", number, "sources"), shock.sources)


def _without_index(context: Context, steps: Steps, patterns: tuple[str, ...]) -> Iterator[Finding]:
    """Yield patterns that no market with an index matches."""
    markets = context.scenario.markets
    known = [name for name, market in markets.items() if isinstance(market, Perpetual | LendingPool)]
    for pattern in patterns:
        named = (*context.scenario.select_markets((pattern,)), *context.scenario.select_pools((pattern,)))
        if set(named).isdisjoint(known) and not context.is_absent("markets", pattern):
            message = f"no market with an index matches '{pattern}'{did_you_mean(pattern, known)}"
            yield Finding(steps, message, f"markets with an index: {listing(known) or 'none'}")


def _sources(context: Context, steps: Steps, patterns: tuple[str, ...]) -> Iterator[Finding]:
    """Warn where an outage leaves an index as it is: of what is no source, and where no source is left."""
    missing, indices = set(context.scenario.select_markets(patterns)), _indices(context)
    for of, sources in indices.items():
        if sources and missing.issuperset(sources):
            message = f"no source of {of} is left: its index stays as it is"
            yield Finding(
                steps, message, "leave one of the sources out, or write markets: instead", "warning"
            )
    spots = {name for name in missing if isinstance(context.scenario.markets[name], SpotMarket)}
    for name in sorted(spots.difference(*indices.values())):
        message = f"{name} is no source of an index: it has no weight in any"
        yield Finding(steps, message, "write another spot market", "warning")


def _indices(context: Context) -> dict[str, set[str]]:
    """Return the spot markets that each index is made of, by its asset and, where a venue has its own, by that."""
    scenario = context.scenario
    spots = {name: each for name, each in scenario.markets.items() if isinstance(each, SpotMarket)}
    found = {
        asset: {*sources_of(scenario, asset)}
        for asset in dict.fromkeys(each.asset for each in spots.values())
    }
    for name, market in scenario.markets.items():
        book = context.rulebook_of(name)
        if name not in spots and book is not None and book.index.weights:
            own = {*sources_of(scenario, market.asset, book.index)}
            found[f"{market.asset} on {name.partition(':')[0]}"] = own
    return found

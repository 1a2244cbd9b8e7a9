"""Checks of those who tie markets: wallets that can be counted, pairs that are two, desks that have where to hedge."""

from __future__ import annotations

from collections import Counter

from cascade.scenario.checks import Context, Finding, Found, register
from cascade.scenario.schema_makers import Maker
from cascade.scenario.schema_ties import CarryTraders, VenueArbitrage
from cascade.scenario.schema_venues import DOLLAR
from cascade.scenario.words import listing


@register(
    "CAS194", "those who tie two markets can pay for both, and know when to leave", "arbitrage", "markets"
)
def pairs_make_sense(context: Context) -> Found:
    """Test that a pair is of two markets, that a wallet is in dollars, and that who enters does not leave at once."""
    markets = context.scenario.markets
    for number, pair in enumerate(context.scenario.arbitrage):
        same = None  # a perpetual that is given as its own spot is no spot market, which CAS106 says
        if isinstance(pair, VenueArbitrage) and pair.against == pair.perpetual:
            same = markets.get(pair.against)
        if same is not None:
            others = [name for name, m in markets.items() if name != pair.other and m.asset == same.asset]
            hint = f"other markets of the asset: {listing(others) or 'none'}"
            yield Finding(("arbitrage", number, pair.other_key), f"{pair.other} is tied to itself", hint)
        for key in (pair.other_key, "perpetual"):
            market = markets.get(getattr(pair, key))
            if pair.wallets is not None and market is not None and market.settles != DOLLAR:
                message = f"wallets are in {DOLLAR}, but {getattr(pair, key)} settles in {market.settles}"
                fitting = [n for n, m in markets.items() if m.settles == DOLLAR and m.asset == market.asset]
                hint = f"leave wallets out, or write one of {listing(fitting) or 'none'}"
                yield Finding(("arbitrage", number, key), message, hint)
        if isinstance(pair, CarryTraders) and pair.leave >= pair.enter:
            message = f"they leave below {pair.leave:.3g} a year, and enter above {pair.enter:.3g}"
            yield Finding(
                ("arbitrage", number, "leave"), message, f"write leave: {pair.enter / 5:.3g}, below enter"
            )


@register(
    "CAS195", "who hedges quotes another market of the asset, and a desk has one rule", "makers", "markets"
)
def desks_have_where_to_hedge(context: Context) -> Found:
    """Test that a desk makes two markets of an asset at least, and that its groups hedge alike."""
    markets, makers = context.scenario.markets, context.scenario.makers
    first: dict[str, Maker] = {}
    for number, maker in enumerate(makers):
        if maker.hedge is None or maker.desk is None:
            continue
        other = first.setdefault(maker.desk, maker)
        if other.hedge != maker.hedge:
            message = f"differs from that of {other.name}, but {maker.desk} is one desk"
            yield Finding(
                ("makers", number, "hedge"), message, f"write the hedge of {other.name} here as well"
            )
        patterns = [pattern for each in makers if each.desk == maker.desk for pattern in each.markets]
        made = context.scenario.select_markets(patterns)
        if made and max(Counter(markets[name].asset for name in made).values()) < 2:
            message = f"{maker.desk} makes one market of an asset: there is none to hedge in"
            assets = {markets[name].asset for name in made}
            others = [
                n
                for n in context.scenario.select_markets("*")
                if markets[n].asset in assets and n not in made
            ]
            hint = f"add a market to markets: {listing(others) or 'none'}; or leave hedge out"
            yield Finding(("makers", number, "hedge"), message, hint, on_key=True)

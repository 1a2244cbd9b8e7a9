"""Checks of those who tie markets: their wallets, pairs, desks and names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cascade.scenario.checks import Context, Finding, Found, register
from cascade.scenario.schema_agents import Hunter
from cascade.scenario.schema_makers import Maker
from cascade.scenario.schema_ties import CarryTraders, Hedge, VenueArbitrage
from cascade.scenario.schema_venues import DOLLAR, Perpetual
from cascade.scenario.source import Steps
from cascade.scenario.words import listing
from cascade.units import format_duration


@register(
    "CAS194", "those who tie two markets can pay for both, and know when to leave", "arbitrage", "markets"
)
def pairs_make_sense(context: Context) -> Found:
    """Test that pairs of venues are of two, that wallets are in dollars, and that who enters does not leave at once."""
    markets = context.scenario.markets
    for number, pair in enumerate(context.scenario.arbitrage):
        if isinstance(pair, VenueArbitrage):
            yield from _one_venue(context, number, pair)
        for key in (pair.other_key, "perpetual"):
            market = markets.get(getattr(pair, key))
            if pair.wallets is not None and market is not None and market.settles != DOLLAR:
                message = f"wallets are in {DOLLAR}, but {getattr(pair, key)} settles in {market.settles}"
                fitting = [n for n, m in markets.items() if m.settles == DOLLAR and m.asset == market.asset]
                hint = f"leave wallets out, or write one of {listing(fitting) or 'none'}"
                yield Finding(("arbitrage", number, key), message, hint)
        if isinstance(pair, CarryTraders) and pair.leave >= pair.enter:
            message = f"they leave below {pair.leave:.3g} a year, and enter above {pair.enter:.3g}"
            fitting = pair.enter / 5 if pair.enter > 0 else -0.01
            yield Finding(("arbitrage", number, "leave"), message, f"write leave: {fitting:.3g}, below enter")


def _one_venue(context: Context, number: int, pair: VenueArbitrage) -> Found:
    """Say of a pair across venues that it is of one; a market that is none CAS106 knows."""
    markets = context.scenario.markets
    same, venue = markets.get(pair.against), pair.perpetual.partition(":")[0]
    if same is None or pair.perpetual not in markets or pair.against.partition(":")[0] != venue:
        return
    is_itself = pair.against == pair.perpetual
    message = f"{pair.against} is tied to itself" if is_itself else f"both markets are on {venue}"
    others = [
        name
        for name, market in markets.items()
        if market.asset == same.asset and isinstance(market, Perpetual) and name.partition(":")[0] != venue
    ]
    hint = f"perpetuals of other venues: {listing(others) or 'none'}"
    yield Finding(("arbitrage", number, pair.other_key), message, hint)


@register(
    "CAS195", "who hedges quotes another market of the asset, and a desk has one rule", "makers", "markets"
)
def desks_have_where_to_hedge(context: Context) -> Found:
    """Test that a desk makes two markets of an asset at least, each by one group, and that its groups are alike."""
    first: dict[str, Maker] = {}
    made: dict[tuple[str, str], str] = {}
    for number, maker in enumerate(context.scenario.makers):
        if maker.hedge is None or maker.desk is None:
            continue
        yield from _unlike(number, maker, first.setdefault(maker.desk, maker))
        yield from _too_short(number, maker.hedge, context.scenario.dt)
        for name in context.scenario.select_markets(maker.markets):
            other = made.setdefault((maker.desk, name), maker.name)
            if other != maker.name:
                message = (
                    f"{other} makes {name} for {maker.desk} already: a desk quotes a market by one group"
                )
                hint = f"leave {name} out of one of them, or give {maker.name} a desk of its own"
                yield Finding(("makers", number, "markets"), message, hint)
        yield from _nowhere(context, number, maker)


def _unlike(number: int, maker: Maker, other: Maker) -> Found:
    """Say in what a group differs from the first of its desk: the n-th makers of each are one."""
    if other.hedge != maker.hedge:
        message = f"differs from that of {other.name}, but {maker.desk} is one desk"
        yield Finding(("makers", number, "hedge"), message, f"write the hedge of {other.name} here as well")
    if other.count != maker.count:
        message = f"{maker.name} has {maker.count} in each market, {other.name} {other.count}: their n-th are one desk"
        yield Finding(("makers", number, "count"), message, f"write count: {other.count} here as well")


def _too_short(number: int, hedge: Hedge, dt: float) -> Found:
    """Say of hedges that are to rest for less than half a step that they would not."""
    if hedge.quoted > 0 and round(hedge.quoted / dt) == 0:
        message = f"a hedge cannot rest for less than half a step of {format_duration(dt)}"
        hint = f"write quoted: {format_duration(dt)}, or 0s for hedges at market"
        yield Finding(("makers", number, "hedge", "quoted"), message, hint)


def _nowhere(context: Context, number: int, maker: Maker) -> Found:
    """Say which assets of a group its desk makes in one market only: an error where there is no other asset."""
    scenario = context.scenario
    patterns = [pattern for each in scenario.makers if each.desk == maker.desk for pattern in each.markets]
    made = scenario.select_markets(patterns)
    counts = Counter(scenario.markets[name].asset for name in made)
    own = dict.fromkeys(scenario.markets[name].asset for name in scenario.select_markets(maker.markets))
    alone = [asset for asset in own if counts[asset] < 2]
    if alone:
        message = f"{maker.desk} makes one market of {listing(alone)}: there is none to hedge in"
        others = [
            name
            for name in scenario.select_markets("*")
            if scenario.markets[name].asset in alone and name not in made
        ]
        hint = f"add a market to markets: {listing(others) or 'none'}; or leave hedge out"
        severity = "error" if max(counts.values()) < 2 else "warning"
        yield Finding(("makers", number, "hedge"), message, hint, severity, on_key=True)


@register("CAS196", "treasuries, pairs, desks and hunters have names of their own", "arbitrage makers agents")
def firms_have_names(context: Context) -> Found:
    """Test that no two whose gain is counted would have it in the same column."""
    first: dict[str, str] = {}
    for kind, name, steps in _firms(context):
        other = first.setdefault(name, kind)
        if other != kind:
            message = f"{other} is called {name}, too: the gain of either would be {name}_gain_usd"
            yield Finding(steps, message, f"write another name, such as {name}-2")


def _firms(context: Context) -> Iterator[tuple[str, str, Steps]]:
    """Yield whose gain is counted: what it is, its name, and where that stands."""
    scenario = context.scenario
    for number, pair in enumerate(scenario.arbitrage):
        if pair.wallets is not None and pair.wallets.treasury is not None:
            yield "a treasury", pair.wallets.treasury, ("arbitrage", number, "wallets", "treasury")
        elif pair.wallets is not None:
            yield "a pair", pair.name, ("arbitrage", number, "name")
    for number, maker in enumerate(scenario.makers):
        if maker.hedge is not None and maker.desk is not None:
            is_said = maker.hedge.desk is not None
            yield "a desk", maker.desk, ("makers", number, *(("hedge", "desk") if is_said else ("name",)))
    for number, agent in enumerate(scenario.agents):
        if isinstance(agent, Hunter):
            yield "a hunter", agent.name, ("agents", number, "name")

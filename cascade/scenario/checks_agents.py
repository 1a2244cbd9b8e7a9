"""Checks of makers, takers, flow and arbitrage: that they name markets there are, and quote sensibly."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from types import UnionType
from typing import Any

from cascade.errors import ScenarioError
from cascade.scenario.checks import Context, Finding, Found, register
from cascade.scenario.schema_agents import Hunter, PythonAgent
from cascade.scenario.schema_makers import LadderMaker, Maker, TouchMaker
from cascade.scenario.schema_population import BorrowersLayer, LadderLayer, LeveragedLayer, TableLayer
from cascade.scenario.schema_shocks import DepthShock, HaltShock, MarketOrderShock, NewsShock, OracleOutage
from cascade.scenario.schema_venues import LendingPool, Perpetual, SpotMarket
from cascade.scenario.source import Steps, follow
from cascade.scenario.words import did_you_mean, listing
from cascade.units import format_duration

_ALL_LISTS = "makers news_takers flow arbitrage agents population shocks"


@register("CAS106", "every market that is named exists", f"markets {_ALL_LISTS}")
def named_markets_exist(context: Context) -> Found:
    """Test patterns and single names of all agents, layers and shocks."""
    scenario = context.scenario
    for section in ("makers", "news_takers", "flow", "agents"):
        for number, agent in enumerate(getattr(scenario, section)):
            named = () if isinstance(agent, PythonAgent) else agent.markets
            wanted = Perpetual if isinstance(agent, Hunter) else None
            yield from _patterns(context, (section, number, "markets"), named, wanted)
    for number, pair in enumerate(scenario.arbitrage):
        kind = SpotMarket if pair.other_key == "spot" else Perpetual
        yield from _single(context, ("arbitrage", number, pair.other_key), pair.other, kind)
        yield from _single(context, ("arbitrage", number, "perpetual"), pair.perpetual, Perpetual)
    for number, layer in enumerate(scenario.population):
        if isinstance(layer, LeveragedLayer):
            yield from _patterns(context, ("population", number, "markets"), layer.markets, Perpetual)
        elif isinstance(layer, LadderLayer | TableLayer) and layer.market is not None:
            yield from _single(context, ("population", number, "market"), layer.market, Perpetual)
    yield from _of_shocks(context)


def _of_shocks(context: Context) -> Iterator[Finding]:
    for number, shock in enumerate(context.scenario.shocks):
        if isinstance(shock, MarketOrderShock):
            yield from _single(context, ("shocks", number, "market"), shock.market, SpotMarket | Perpetual)
        elif isinstance(shock, DepthShock | HaltShock):
            yield from _patterns(context, ("shocks", number, "markets"), shock.markets)
        elif isinstance(shock, OracleOutage) and shock.sources is not None:
            yield from _patterns(context, ("shocks", number, "sources"), shock.sources, SpotMarket)


@register("CAS147", "every pool that is named exists, and the market it sells in", "markets population")
def named_pools_exist(context: Context) -> Found:
    """Test the pools of borrowers, and the spot markets of pools."""
    for number, layer in enumerate(context.scenario.population):
        if isinstance(layer, BorrowersLayer):
            yield from _patterns(context, ("population", number, "markets"), layer.markets, LendingPool)
    for name, market in context.scenario.markets.items():
        if isinstance(market, LendingPool) and market.spot:
            yield from _single(context, ("markets", name, "spot"), market.spot, SpotMarket)


def _kind(wanted: type[Any] | UnionType | None) -> str:
    """Return the word for a kind of market, to be set before it; none for those that are traded."""
    words = ((SpotMarket, "spot "), (Perpetual, "perpetual "), (LendingPool, "lending "))
    return next((word for kind, word in words if kind is wanted), "")


def _patterns(
    context: Context, steps: Steps, patterns: Sequence[str], wanted: type[Any] | None = None
) -> Iterator[Finding]:
    select = context.scenario.select_pools if wanted is LendingPool else context.scenario.select_markets
    markets = context.scenario.markets
    fitting = [name for name in select("*") if wanted is None or isinstance(markets[name], wanted)]
    known = [*fitting, *context.missing.absent.get("markets", ())]
    for number, pattern in enumerate(patterns):
        if set(select((pattern,))).isdisjoint(fitting) and not context.is_absent("markets", pattern):
            own = (*steps, number)
            place = own if follow(context.root, own)[1] == own else steps
            is_venue = any(name.startswith(f"{pattern}:") for name in fitting)
            guess = f" — did you mean '{pattern}:*'?" if is_venue else did_you_mean(pattern, known)
            message = f"no {_kind(wanted)}market matches '{pattern}'{guess}"
            yield Finding(place, message, f"{_kind(wanted)}markets: {listing(known) or 'none'}")


def _single(context: Context, steps: Steps, name: str, wanted: type[Any] | UnionType) -> Iterator[Finding]:
    markets = context.scenario.markets
    fitting = [each for each, market in markets.items() if isinstance(market, wanted)]
    known = [*fitting, *context.missing.absent.get("markets", ())]
    hint = f"{_kind(wanted)}markets: {listing(known) or 'none'}"
    if context.is_absent("markets", name):
        return
    if name not in markets:
        yield Finding(steps, f"no market '{name}'{did_you_mean(name, known or markets)}", hint)
    elif name not in fitting:
        yield Finding(steps, f"'{name}' is not a {_kind(wanted)}market", hint)


@register("CAS107", "every asset that a shock names exists", "assets shocks")
def named_assets_exist(context: Context) -> Found:
    """Test the assets of news shocks."""
    assets = context.scenario.assets
    for number, shock in enumerate(context.scenario.shocks):
        if isinstance(shock, NewsShock) and shock.asset not in (
            *assets,
            *context.missing.absent.get("assets", ()),
        ):
            message = f"no asset '{shock.asset}'{did_you_mean(shock.asset, assets)}"
            yield Finding(("shocks", number, "asset"), message, f"assets: {listing(assets)}")


@register("CAS110", "every market has a maker", "markets", "makers")
def market_has_maker(context: Context) -> Found:
    """Warn of markets in which nobody quotes."""
    quoted = set(
        context.scenario.select_markets(p for maker in context.scenario.makers for p in maker.markets)
    )
    for name in context.scenario.select_markets("*"):
        if name not in quoted:
            hint = f"add a group to makers: with markets: {name}"
            yield Finding(("markets", name), "nobody makes this market", hint, "warning", on_key=True)


@register(
    "CAS124", "names differ within a section", "venues", "makers news_takers flow arbitrage agents population"
)
def names_differ(context: Context) -> Found:
    """Test the names of agents, layers and reporting venues."""
    scenario = context.scenario
    groups: list[tuple[Steps, Sequence[Any]]] = [
        ((section,), getattr(scenario, section))
        for section in ("makers", "news_takers", "flow", "arbitrage", "agents", "population")
    ]
    groups.extend((("venues", name, "reporting"), venue.reporting) for name, venue in scenario.venues.items())
    for steps, items in groups:
        first: dict[str, int] = {}
        for number, item in enumerate(items):
            if item.name in first:
                message = f"the name '{item.name}' is taken by item {first[item.name]} of {steps[-1]}"
                keys = [
                    follow(context.root, (*steps, n, "name"))[0].key_place for n in (first[item.name], number)
                ]
                is_one_text = keys[0] is not None and keys[0] == keys[1]
                hint = "let a column that differs from row to row be part of the name"
                hint = hint if is_one_text else f"write another, such as {item.name}-2"
                yield Finding((*steps, number, "name"), message, hint)
            first.setdefault(item.name, number)


@register("CAS126", "arbitrage ties markets of one asset", "assets markets arbitrage")
def arbitrage_is_of_one_asset(context: Context) -> Found:
    """Test that both legs of an arbitrage trade the same asset."""
    markets = context.scenario.markets
    for number, pair in enumerate(context.scenario.arbitrage):
        other, perpetual = markets.get(pair.other), markets.get(pair.perpetual)
        if (
            other is None
            or perpetual is None
            or not {other.asset, perpetual.asset} <= set(context.scenario.assets)
        ):
            continue
        if other.asset != perpetual.asset:
            message = f"{pair.other} trades {other.asset}, but {pair.perpetual} trades {perpetual.asset}"
            wanted, word = (SpotMarket, "spot") if pair.other_key == "spot" else (Perpetual, "perpetual")
            names = [
                name for name, m in markets.items() if isinstance(m, wanted) and m.asset == perpetual.asset
            ]
            hint = f"{word} markets of {perpetual.asset}: {listing(names) or 'none'}"
            yield Finding(("arbitrage", number, pair.other_key), message, hint)


def quoted_within(maker: Maker, distance_bps: float) -> float | None:
    """Return the USD a group quotes within a distance, on one side; None where its profile is missing or unsound."""
    try:
        return maker.within(distance_bps) if len(maker.profile().usd) else None
    except ScenarioError:
        return None


@register("CAS127", "a maker's inventory cap exceeds what it quotes", "makers")
def cap_exceeds_depth(context: Context) -> Found:
    """Warn where one sweep of the book would empty a side for good."""
    for number, maker in enumerate(context.scenario.makers):
        levels = maker.levels_bps if isinstance(maker, LadderMaker) else (math.inf,)
        quoted = (quoted_within(maker, levels[-1]) or 0.0) / maker.count
        if maker.cap < quoted:
            message = (
                f"a maker quotes {quoted / 1e6:.3g}M USD a side but may hold only {maker.cap / 1e6:.3g}M"
            )
            hint = f"write cap: {max(1, round(quoted * 1.5 / 1e6))}M, or more makers (count)"
            yield Finding(("makers", number, "cap"), message, hint, "warning")


@register(
    "CAS136", "maker groups of one market agree on its learning, withdrawal and swing", "markets", "makers"
)
def makers_agree(context: Context) -> Found:
    """Test what belongs to the market, and would silently be that of its last group."""
    first: dict[str, LadderMaker] = {}
    for number, maker in enumerate(context.scenario.makers):
        if not isinstance(maker, LadderMaker):
            continue
        found: dict[Steps, Finding] = {}
        for name in context.scenario.select_markets(maker.markets):
            other = first.setdefault(name, maker)
            for finding in _disagreements(number, maker, other, name):
                found.setdefault(finding.steps, finding)
        yield from found.values()


def _disagreements(number: int, maker: LadderMaker, other: LadderMaker, market: str) -> Iterator[Finding]:
    for key in ("learning", "withdrawal", "swing"):
        if getattr(maker, key) != getattr(other, key):
            message = f"differs from that of {other.name}, but a market has one {key}, and both make {market}"
            hint = f"write the {key} of {other.name} here as well, or make it one group"
            yield Finding(("makers", number, key), message, hint)
    scaled = maker.learning == other.learning and maker.learning.scale_with_depth
    if scaled and maker.depth.scale != other.depth.scale:
        message = (
            f"learning is divided by {maker.depth.scale:g} here and by {other.depth.scale:g} in {other.name}"
        )
        hint = "write learning: {scale_with_depth: false} for both, or one scale"
        yield Finding(("makers", number, "depth", "scale"), f"{message}: both make {market}", hint)


_STEPS_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60)


@register("CAS137", "makers and arbitrageurs act at most once a step", "dt makers arbitrage")
def acts_once_a_step(context: Context) -> Found:
    """Warn of rates that the time step cannot hold."""
    dt = context.scenario.dt
    for section, key in (("makers", "requote_rate"), ("arbitrage", "rate")):
        for number, group in enumerate(getattr(context.scenario, section)):
            rate: float = getattr(group, key)
            if isinstance(group, TouchMaker):  # whatever their rate, they have quoted last when a step ends
                continue
            if rate * dt <= 1 + 1e-9:
                continue
            message = (
                f"{rate:g} /s is {rate * dt:g} times in a step of {format_duration(dt)}; it will be once"
            )
            fitting = [step for step in _STEPS_S if step * rate <= 1 + 1e-9]
            finer = f"dt: {format_duration(fitting[-1])}, or " if fitting else ""
            hint = f"write {finer}{key}: {1 / dt:.4g} /s"
            yield Finding((section, number, key), message, hint, "warning")


@register("CAS128", "depth profiles, levels and refill rise with distance", "makers")
def depth_rises(context: Context) -> Found:
    """Test the order of profiles, levels, refill and jitter, and that there is one profile."""
    for number, maker in enumerate(context.scenario.makers):
        if not isinstance(maker, LadderMaker):
            continue
        steps: Steps = ("makers", number, "depth")
        depth = maker.depth
        if bool(depth.profile) == (depth.file is not None):
            what = "has both `profile` and `file`" if depth.profile else "has neither `profile` nor `file`"
            yield Finding(
                steps, f"depth {what}", "write one: profile: [[1, 0.44M], [10, 9M], [100, 240M]]", on_key=True
            )
        pairs = enumerate(pairwise(depth.profile), start=1)
        for place, ((near, less), (far, more)) in pairs:
            if far <= near:
                hint = f"write distances from near to far; the one before is {near:g}"
                yield Finding((*steps, "profile", place, 0), f"distance {far:g} does not rise", hint)
            if more < less:
                hint = f"write the depth up to each distance, at least {less:g}"
                yield Finding((*steps, "profile", place, 1), f"cumulative depth falls to {more:g}", hint)
        yield from _levels(number, maker)


def _levels(number: int, maker: LadderMaker) -> Iterator[Finding]:
    for place, (near, far) in enumerate(pairwise(maker.levels_bps), start=1):
        if far <= near:
            message = f"level {far:g} bps does not rise"
            yield Finding(("makers", number, "levels_bps", place), message, "write levels from near to far")
    for place, ((near, _), (far, _)) in enumerate(pairwise(maker.refill), start=1):
        if far <= near:
            message = f"distance {far:g} does not rise"
            hint = f"write distances from near to far; the one before is {near:g}"
            yield Finding(("makers", number, "refill", place, 0), message, hint)
    low, high = maker.level_jitter
    if low > high:
        message = f"{low:g} lies above {high:g}"
        yield Finding(("makers", number, "level_jitter"), message, f"write level_jitter: [{high:g}, {low:g}]")

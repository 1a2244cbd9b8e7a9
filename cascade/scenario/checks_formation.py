"""Checks of how prices form: that impact crosses from assets there are, fits depth and volume, and has an effect."""

from __future__ import annotations

from collections.abc import Iterator

from cascade.errors import ScenarioError
from cascade.scenario.checks import Context, Finding, Found, register
from cascade.scenario.liquidity import (
    APART,
    FAR_BPS,
    LEARNT,
    LEARNT_APART,
    TURNOVER,
    daily_flow,
    depth_within,
)
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_formation import Impact
from cascade.scenario.schema_makers import LadderMaker, Learning
from cascade.scenario.schema_prices import AnchorsNews, BarsNews
from cascade.scenario.words import did_you_mean, listing
from cascade.units import format_usd


@register("CAS153", "every asset that impact crosses from exists", "assets")
def crossing_assets_exist(context: Context) -> Found:
    """Test the assets that an asset's `impact.cross` names."""
    assets = context.scenario.assets
    for name, asset in assets.items():
        for other in asset.impact.cross if asset.impact is not None else ():
            if context.is_absent("assets", other):
                continue
            others = [each for each in assets if each != name]
            if other == name:
                message, hint = f"the impact on {name} crosses from itself", "leave it out: it counts in full"
            elif other not in assets:
                message = f"no asset '{other}'{did_you_mean(other, others)}"
                hint = f"other assets: {listing(others) or 'none'}"
            elif assets[other].impact is None and "assets" not in context.missing.damaged:
                message = f"orders have no impact on {other} that could cross to {name}"
                hint = f"write assets: {other}: impact: as well"
            else:
                continue
            yield Finding(("assets", name, "impact", "cross", other), message, hint, on_key=True)


@register("CAS154", "makers' learning has an effect", "assets makers", "markets")
def learning_is_used(context: Context) -> Found:
    """Warn of learning where the asset has an impact, which replaces it."""
    scenario = context.scenario
    for number, maker in enumerate(scenario.makers):
        if not isinstance(maker, LadderMaker) or maker.learning == Learning():
            continue
        made = [scenario.markets[name].asset for name in scenario.select_markets(maker.markets)]
        moved = [
            name for name in made if name in scenario.assets and scenario.assets[name].impact is not None
        ]
        if moved:
            message = f"{moved[0]} has an impact, which makers' learning is not added to"
            yield Finding(
                ("makers", number, "learning"),
                message,
                "leave learning out, or the impact",
                "warning",
                on_key=True,
            )


@register("CAS155", "activity is read by something", "assets", "activity")
def activity_is_used(context: Context) -> Found:
    """Warn of news that follows an activity which nobody wrote."""
    for name, asset in context.scenario.assets.items():
        if asset.news.type == "clustered" and context.scenario.activity is None:
            message = (
                "clustered news follows the scenario's activity, and there is none: volatility stays the same"
            )
            yield Finding(("assets", name, "news"), message, "write activity: {}", "warning", on_key=True)


@register("CAS157", "a traded path does not count forced orders twice", "assets", "population")
def forced_orders_count_once(context: Context) -> Found:
    """Warn of a traded path whose liquidations the model adds once more."""
    for name, asset in context.scenario.assets.items():
        news = asset.news
        if (
            not isinstance(news, AnchorsNews | BarsNews)
            or asset.impact is None
            or not context.scenario.population
        ):
            continue
        if not news.free_of_impact and not news.held_bps:
            message = (
                "a traded price holds what liquidations and stops of that day did, and the impact of those of the "
                "run is added to it"
            )
            hint = "`cascade held FILE` prints the held_bps that take it off; or write free_of_impact: yes"
            yield Finding(("assets", name, "news"), message, hint, "warning", on_key=True)


@register("CAS156", "impact, depth and volume fit together", "", "assets markets activity makers flow")
def impact_fits_depth(context: Context) -> Found:
    """Warn of impact, by whichever rule, that is not that of a market as deep and busy as this one."""
    scenario = context.scenario
    books = scenario.select_markets("*")
    held = {name: held_within(scenario, name) for name in books}
    for name, asset in scenario.assets.items():
        own = [market for market in books if scenario.markets[market].asset == name and held[market] > 0.0]
        if asset.impact is not None and own:
            depth, flow = sum(held[each] for each in own), sum(daily_flow(scenario, each) for each in own)
            yield from _volume(name, asset.impact, depth, flow)
    yield from _learning(scenario, held)


def held_within(scenario: Scenario, market: str) -> float:
    """Return the USD that makers quote within 1 % on a side; 0 where a profile is unsound."""
    try:
        return depth_within(scenario, market, FAR_BPS)
    except ScenarioError:
        return 0.0


def _volume(name: str, impact: Impact, depth: float, flow: float) -> Iterator[Finding]:
    """Hold the volume that impact is set to against depth, and else against flow."""
    said = impact.daily_volume
    steps, told = ("assets", name, "impact", "daily_volume"), format_usd(said)
    if not 1.0 / APART <= said / (TURNOVER * depth) <= APART:
        message = (
            f"impact is that of a market which trades {told} USD a day, but the books of {name} hold "
            f"{format_usd(depth)} within 1 %; markets trade about {TURNOVER:g} times that"
        )
        hint = f"write daily_volume: {format_usd(TURNOVER * depth)}, or other depth: for its makers"
        yield Finding(steps, message, hint, "warning")
    elif flow > 0.0 and not 1.0 / APART <= said / flow <= APART:
        message = (
            f"impact is that of a market which trades {told} USD a day, but flow in the markets of {name} "
            f"is {format_usd(flow)} a day"
        )
        hint = (
            f"write daily_volume: {format_usd(flow)}, or multiply the scale: of its flow by {said / flow:.2g}"
        )
        yield Finding(steps, message, hint, "warning")


def _learning(scenario: Scenario, held: dict[str, float]) -> Iterator[Finding]:
    """Hold what makers learn from flow against what the book holds."""
    for number, maker in enumerate(scenario.makers):
        if not isinstance(maker, LadderMaker):
            continue
        learning = maker.learning
        if learning.impact_bps_per_million is None:  # it follows depth
            continue
        scale = maker.depth.scale if learning.scale_with_depth else 1.0
        for market in scenario.select_markets(maker.markets):
            asset = scenario.assets.get(scenario.markets[market].asset)
            depth = held[market] / 1e6
            moved = learning.impact_bps_per_million / scale * depth
            usual = LEARNT * FAR_BPS
            if asset is None or asset.impact is not None or moved == 0.0:
                continue
            if not 1.0 / LEARNT_APART <= moved / usual <= LEARNT_APART:
                message = (
                    f"a sale of the {depth:.3g}M USD that {market} holds within 1 % is learnt as "
                    f"{moved:.3g} bps; real markets of any size move by about {usual:g}"
                )
                hint = f"write impact_bps_per_million: {usual * scale / depth:.2g}"
                yield Finding(
                    ("makers", number, "learning", "impact_bps_per_million"), message, hint, "warning"
                )
                break


@register("CAS158", "makers who share a capital settle in one asset", "markets makers")
def capital_is_of_one_settlement(context: Context) -> Found:
    """Test the capitals that makers' `withdrawal.losses` name."""
    scenario, settles = context.scenario, dict[str, str]()
    for number, maker in enumerate(scenario.makers):
        losses = maker.withdrawal and maker.withdrawal.losses if isinstance(maker, LadderMaker) else None
        if losses is None or losses.capital is None:
            continue
        for name in scenario.select_markets(maker.markets):
            settlement = scenario.markets[name].settles
            if settles.setdefault(losses.capital, settlement) != settlement:
                message = (
                    f"{name} settles in {settlement}, and '{losses.capital}' counts {settles[losses.capital]}"
                )
                hint = f"give the makers of {name} a capital of their own"
                yield Finding(("makers", number, "withdrawal", "losses", "capital"), message, hint)
                break

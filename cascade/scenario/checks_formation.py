"""Checks of how prices form: that impact crosses from assets there are, and that nothing said is without effect."""

from __future__ import annotations

from cascade.scenario.checks import Context, Finding, Found, register
from cascade.scenario.schema_agents import LadderMaker, Learning
from cascade.scenario.schema_prices import AnchorsNews, BarsNews
from cascade.scenario.words import did_you_mean, listing


@register("CAS153", "every asset that impact crosses from exists", "", "assets")
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
            elif assets[other].impact is None:
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

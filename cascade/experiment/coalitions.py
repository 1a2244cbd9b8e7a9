"""The channels of a scenario that can be switched off, by which a fall feeds itself or goes over to others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cascade.errors import UsageError
from cascade.experiment.request import layer_has_stops
from cascade.scenario.index_sources import sources_of
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_agents import Hunter
from cascade.scenario.schema_channels import AMPLIFICATION, CHANNELS, CONTAGION
from cascade.scenario.schema_makers import LadderMaker, Maker
from cascade.scenario.schema_population import LeveragedLayer, TableLayer
from cascade.scenario.schema_ties import CarryTraders
from cascade.scenario.schema_venues import LinearPerpetual, SpotMarket
from cascade.scenario.words import did_you_mean
from cascade.venues.load import rulebook_of

ALL_OF_CONTAGION: Final = "contagion"
"""What stands for all channels of contagion that a scenario has."""


def present(scenario: Scenario, among: Sequence[str] = AMPLIFICATION) -> tuple[str, ...]:
    """Return the channels that a scenario has and has not switched off, in the order of a waterfall."""
    venues = [
        scenario.venues[name.partition(":")[0]]
        for name, market in scenario.markets.items()
        if isinstance(market, LinearPerpetual)
    ]
    books = [rulebook_of(venue.rulebook, venue.rules) for venue in venues]
    layers = [layer for layer in scenario.population if isinstance(layer, LeveragedLayer)]
    shared = [layer for layer in layers if layer.margin == "cross"]
    tables = [layer for layer in scenario.population if isinstance(layer, TableLayer)]
    has = {
        "forced_orders": bool(scenario.population),
        "maker_withdrawal": any(group.remains() < 1.0 for group in scenario.makers),
        "stop_losses": any(layer.stop_loss is not None for layer in layers)
        or any(layer_has_stops(layer) for layer in tables),
        "cross_margin": any(len(scenario.select_markets(layer.markets)) > 1 for layer in shared)
        or bool(tables),
        "adl": bool(scenario.population),
        "mark_rule": any(book.mark.rule != "index" for book in books),
        "common_news": len(scenario.assets) > 1 and _shares_news(scenario),
        "makers_capital": any(_shares_capital(group) for group in scenario.makers),
        "collateral": any(layer.collateral for layer in layers),
        "cross_impact": any(asset.impact and any(asset.impact.cross.values()) for asset in scenario.assets.values()),
        "hedging": any(group.hedge for group in scenario.makers),
        "arbitrage": any(not isinstance(pair, CarryTraders) for pair in scenario.arbitrage),
        "carry": any(isinstance(pair, CarryTraders) for pair in scenario.arbitrage),
        "hunting": any(isinstance(agent, Hunter) for agent in scenario.agents),
        "index_composition": _has_composed_index(scenario),
    }  # fmt: skip
    return tuple(name for name in among if has[name] and getattr(scenario.channels, name))


def _shares_capital(group: Maker) -> bool:
    """Tell whether makers of several markets share losses, or what they may hold."""
    if group.hedge is not None:
        return True
    if not isinstance(group, LadderMaker) or group.withdrawal is None or group.withdrawal.losses is None:
        return False
    return group.withdrawal.losses.capital is not None


def _shares_news(scenario: Scenario) -> bool:
    """Tell whether assets have a part of news, lean or activity in common."""
    shares = [getattr(asset.news, "common", 0.0) for asset in scenario.assets.values()]
    shares += [asset.lean.common for asset in scenario.assets.values() if asset.lean is not None]
    return any(shares) or (scenario.activity is not None and scenario.activity.common > 0.0)


def _has_composed_index(scenario: Scenario) -> bool:
    """Tell whether the index of any market is made of several spot books."""
    for name, market in scenario.markets.items():
        if not isinstance(market, SpotMarket):
            venue = scenario.venues[name.partition(":")[0]]
            index = rulebook_of(venue.rulebook, venue.rules).index
            if len(sources_of(scenario, market.asset, index)) > 1:
                return True
    return False


def chosen_of(scenario: Scenario, channels: Sequence[str] | None) -> tuple[str, ...]:
    """Return the channels that are asked for by their names, `contagion` standing for all of that kind.

    Raises
    ------
    UsageError
        No such channel, one named twice, or none to switch off.
    """
    remedy = f"channels are: {', '.join(CHANNELS)}"
    if channels is None or tuple(channels) == (ALL_OF_CONTAGION,):
        among, kind = (AMPLIFICATION, "") if channels is None else (CONTAGION, " of contagion")
        if not (chosen := present(scenario, among)):
            raise UsageError(f"the scenario has no channel{kind} to switch off", remedy=remedy)
        return chosen
    if not channels:
        raise UsageError("no channel is named", where="--channels", remedy=remedy)
    if ALL_OF_CONTAGION in channels:
        remedy = f"write {ALL_OF_CONTAGION} alone, or name the channels one by one"
        raise UsageError(f"'{ALL_OF_CONTAGION}' stands for all channels of contagion already", remedy=remedy)
    for name in channels:
        if name not in CHANNELS:
            raise UsageError(f"there is no channel '{name}'{did_you_mean(name, CHANNELS)}", remedy=remedy)
    if twice := [name for name in dict.fromkeys(channels) if tuple(channels).count(name) > 1]:
        raise UsageError(f"a channel is named twice: {', '.join(twice)}", remedy="name each channel once")
    return tuple(channels)


def refuse_absent(scenario: Scenario, chosen: Sequence[str]) -> None:
    """Refuse channels whose switch changes nothing in a scenario.

    Raises
    ------
    UsageError
        Some that it does not have, or has switched off itself.
    """
    here = present(scenario, CHANNELS)
    if missing := [name for name in chosen if name not in here]:
        off = all(not getattr(scenario.channels, name) for name in missing)
        why = "it has switched off itself" if off else "it does not have"
        raise UsageError(
            f"the scenario has no {', '.join(missing)} to switch off: that is a channel {why}",
            remedy=f"name others: {', '.join(here) or 'it has none'}",
        )

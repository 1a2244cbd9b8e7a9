"""Checks of scheduled orders: the position that one closes, and the schedule that it is worked by."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cascade.scenario.checks import Context, Finding, Found, register
from cascade.scenario.positions import kept_under, margins_of
from cascade.scenario.schedules import feared_volatility, temporary_impact_bps
from cascade.scenario.schema_population import TableLayer
from cascade.scenario.schema_shocks import AlmgrenChrissSchedule, MarketOrderShock
from cascade.scenario.schema_venues import InversePerpetual
from cascade.scenario.words import did_you_mean, listing
from cascade.units import format_usd

if TYPE_CHECKING:
    from cascade.scenario.positions import Positions
    from cascade.scenario.tables import Floats


class _Held(NamedTuple):
    """A position of a table."""

    label: str
    market: str
    is_long: bool
    usd: float
    """At the start price, of what a cap on leverage lets it keep."""
    forced_out: str
    """Why it is gone at the start; empty unless it is."""


@register(
    "CAS162", "an order closes a position that its account holds", "assets markets shocks", "population"
)
def account_holds_position(context: Context) -> Found:
    """Test the accounts of orders against the tables of the population."""
    wanted = [
        (number, shock)
        for number, shock in enumerate(context.scenario.shocks)
        if isinstance(shock, MarketOrderShock) and shock.account is not None
    ]
    held = _positions(context) if wanted else []
    if held is None:  # a table that cannot be read is told of already
        return
    for number, shock in wanted:
        yield from _holding(("shocks", number), shock, held)


def _holding(steps: tuple[str, int], shock: MarketOrderShock, held: list[_Held]) -> Iterator[Finding]:
    """Test one order against the positions of all tables."""
    label, at = shock.account or "", (*steps, "account")
    labels = list(dict.fromkeys(each.label for each in held if each.label))
    own = [each for each in held if each.label == label]
    side = "long" if shock.side == "sell" else "short"
    fitting = [each for each in own if each.market == shock.market and each.is_long == (side == "long")]
    if not labels:
        hint = "add a layer to population: {type: table, name: mine, file: accounts.csv}, with a column label"
        yield Finding(at, f"no table has an account '{label}': the population has no labels", hint)
    elif not own:
        message = f"no account '{label}' in the tables of the population{did_you_mean(label, labels)}"
        yield Finding(at, message, f"labels: {listing(labels)}")
    elif not fitting:
        has = listing([f"{'long' if each.is_long else 'short'} {each.market}" for each in own])
        hint = "write the market and the side that close it"
        yield Finding(at, f"'{label}' is not {side} in {shock.market}: it is {has}", hint)
    elif len(fitting) > 1:
        message = f"'{label}' holds {len(fitting)} {side} positions in {shock.market}, each on its own margin"
        yield Finding(at, message, "give the one that is meant a label of its own")
    elif fitting[0].forced_out:
        hint = "write then: reduce or a higher max in its leverage_cap, or leave the order out"
        yield Finding(at, f"'{label}' {fitting[0].forced_out}: the order does nothing", hint, "warning")
    elif shock.notional is not None and shock.notional > fitting[0].usd * 1.001:
        message = f"'{label}' holds {format_usd(fitting[0].usd)} USD: the order ends when that is closed"
        hint = f"write notional: {format_usd(fitting[0].usd)}, or leave it out"
        yield Finding((*steps, "notional"), message, hint, "warning")


def _positions(context: Context) -> list[_Held] | None:
    """Return the positions of all tables; None where one cannot be read."""
    found: list[_Held] = []
    for layer in context.scenario.population:
        if not isinstance(layer, TableLayer):
            continue
        table = context.holdings(layer)
        if table is None:
            return None
        kept, forced_out = _under_cap(layer, table)
        rows = zip(
            table.label, table.market, table.is_long, table.notional_usd * kept, table.entry_price, forced_out,
            strict=True,
        )  # fmt: skip
        for label, name, is_long, notional, entry, why in rows:
            market = context.scenario.markets.get(name)
            price = context.start_price(market.asset) if market is not None else None
            moved = 1.0 if price is None or isinstance(market, InversePerpetual) else price / float(entry)
            found.append(_Held(label, name, bool(is_long), float(notional) * moved, why))
    return found


def _under_cap(layer: TableLayer, table: Positions) -> tuple[Floats, list[str]]:
    """Return the share of each position that the cap of its layer leaves, and why one is gone."""
    cap, owner = layer.leverage_cap, table.owners()
    if cap is None:
        return np.ones(len(owner)), [""] * len(owner)
    margins = margins_of(table)
    backing = np.where(np.isnan(margins), table.notional_usd / table.leverage, margins)
    leverage = (np.bincount(owner, table.notional_usd) / np.bincount(owner, backing))[owner]
    kept = kept_under(cap, leverage)
    told = f"more than the {cap.max:g}x that {layer.name} is capped at, and leaves before the start"
    return kept, [
        "" if left else f"has {each:.3g}x, {told}" for left, each in zip(kept, leverage, strict=True)
    ]


@register("CAS163", "a front-loaded order is not worked evenly", "assets markets shocks", "makers")
def schedule_is_known(context: Context) -> Found:
    """Warn of schedules of Almgren and Chriss that are worked evenly, and those without a book to go by."""
    for number, shock in enumerate(context.scenario.shocks):
        if not isinstance(shock, MarketOrderShock) or shock.market not in context.scenario.markets:
            continue
        schedule = shock.schedule
        market = context.scenario.markets[shock.market]
        if not isinstance(schedule, AlmgrenChrissSchedule) or market.asset not in context.scenario.assets:
            continue
        if schedule.risk_aversion > 0.0 and feared_volatility(context.scenario, shock) == 0.0:
            message = f"the news of {market.asset} has no volatility, so that the order is worked evenly"
            hint = "write volatility: 50 %, or schedule: {type: twap}"
            yield Finding(("shocks", number, "schedule"), message, hint, "warning")
        if math.isinf(temporary_impact_bps(context.scenario, shock)):
            message = f"nobody quotes within 10 bps in {shock.market}, so that the order is worked evenly"
            hint = "write temporary_impact_bps: 0.5"
            yield Finding(("shocks", number, "schedule"), message, hint, "warning")

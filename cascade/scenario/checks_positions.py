"""Checks of positions that a user's file gives: their markets, sizes, accounts, and who is due at the start."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cascade.errors import Problem
from cascade.scenario.checks import Context, Finding, Found, register
from cascade.scenario.schema_population import TableLayer
from cascade.scenario.schema_venues import InversePerpetual, Perpetual
from cascade.scenario.words import did_you_mean, listing
from cascade.units import format_usd

if TYPE_CHECKING:
    from cascade.scenario.positions import Positions
    from cascade.scenario.tables import Floats
    from cascade.venues.rulebook import Contract

_WORST = 3
"""Accounts that are named of those that are due."""


def contract_of(context: Context, name: str) -> Contract | None:
    """Return the contract of a perpetual market, if its rulebook is valid and knows it."""
    market, rulebook = context.scenario.markets.get(name), context.rulebook_of(name)
    if rulebook is None or not isinstance(market, Perpetual):
        return None
    return rulebook.contracts.get(market.contract)


def table_rows(context: Context, layer: TableLayer) -> Iterator[Problem]:
    """Test every row of a table of positions, its market and its size included."""
    found = context.holdings(layer)
    if found is None:
        return
    yield from _twice_on_a_side(found)
    markets = context.scenario.markets
    advice = {
        name: _no_market(context, name) for name in set(found.market) if not _is_perpetual(context, name)
    }
    for place, name in enumerate(found.market):
        row, market = found.rows[place], markets.get(name)
        if context.is_absent("markets", name):
            continue
        if not isinstance(market, Perpetual):
            yield found.table.problem(row, "market", *advice[name])
            continue
        notional, entry = float(found.notional_usd[place]), float(found.entry_price[place])
        lot_usd = market.lot if isinstance(market, InversePerpetual) else market.lot * entry
        column = "notional_usd" if math.isnan(found.quantity[place]) else "quantity"
        if round(notional / lot_usd) < 1:
            message = f"{notional:g} USD at {entry:g} is no lot of {name}: a lot is {market.lot:g}"
            least = lot_usd if column == "notional_usd" else market.lot
            yield found.table.problem(
                row, column, message, f"write {column} {least:g} or more, or remove this row"
            )
        yield from _above_tier(context, found, place, name)


def _above_tier(context: Context, found: Positions, place: int, name: str) -> Iterator[Problem]:
    """Test the leverage of a row whose margin nothing else says."""
    contract, leverage = contract_of(context, name), float(found.leverage[place])
    notional, entry = float(found.notional_usd[place]), float(found.entry_price[place])
    is_said = not math.isnan(found.margin_usd[place]) or not math.isnan(found.wallet_usd[place])
    if contract is None or is_said or notional <= contract.largest_notional(leverage, entry):
        return
    most = contract.tier_of(notional, entry).max_leverage
    message = f"{leverage:g}x on {notional:g} USD, but {name} allows at most {most:g}x for that size"
    yield found.table.problem(
        found.rows[place], "leverage", message, f"write leverage {most:g} or less", "CAS108"
    )


def _is_perpetual(context: Context, name: str) -> bool:
    return isinstance(context.scenario.markets.get(name), Perpetual)


def _no_market(context: Context, written: str) -> tuple[str, str]:
    """Return what is wrong with a market that a row names, or does not name, and what to write."""
    from cascade.scenario.positions import perpetuals_named

    meant = perpetuals_named(context.scenario, written)
    if meant:
        what = f"'{written}'" if written else "no market"
        message = f"{what} may mean {len(meant)} perpetual markets: {listing(meant)}"
        return message, f"write one of them, or market: {meant[0]} in the layer"
    message = f"no perpetual market '{written}'{did_you_mean(written, context.scenario.markets)}"
    return message, "write a perpetual market of the scenario"


def _twice_on_a_side(found: Positions) -> Iterator[Problem]:
    """Test that an account holds a market once on each side: a long and a short are the legs of a hedge."""
    seen: dict[tuple[int, str, bool], int] = {}
    places = zip(found.owners().tolist(), found.market, found.is_long.tolist(), strict=True)
    for place, (owner, market, is_long) in enumerate(places):
        row = found.rows[place]
        first = seen.setdefault((owner, market, is_long), row)
        if first != row:
            side = "long" if is_long else "short"
            message = f"account '{found.label[place]}' is {side} in {market} already, in row {first}"
            hint = "join the rows, name another account, or write margin_mode isolated"
            yield found.table.problem(row, "label", message, hint)


def table_interest(context: Context, layer: TableLayer) -> Iterator[tuple[str, float]]:
    """Yield the larger side of each market of a table of positions."""
    found = context.holdings(layer)
    for name in sorted(set(found.market)) if found is not None else ():
        assert found is not None
        chosen = [each == name for each in found.market]
        amounts = found.notional_usd[chosen]
        longs = float(amounts[found.is_long[chosen]].sum())
        yield name, max(longs, float(amounts.sum()) - longs)


def table_settlements(context: Context, layer: TableLayer) -> Iterator[Problem]:
    """Test that the rows that share their margin lie on the venue, and settle in the asset, of the first of them."""
    found, first = context.holdings(layer), dict[int, tuple[str, str]]()
    if found is None:
        return
    for place, owner in enumerate(found.owners().tolist()):
        name, row, label = found.market[place], found.rows[place], found.label[place]
        market = context.scenario.markets.get(name)
        if market is None:
            continue
        venue, settles = first.setdefault(owner, (name.partition(":")[0], market.settles))
        hint = "write another account for this row"
        if market.settles != settles:
            message = f"{name} settles in {market.settles}, but account {label} has its margin in {settles}"
            yield found.table.problem(row, "label", message, hint)
        elif name.partition(":")[0] != venue:
            message = f"{name} lies on another venue, but account {label} has its margin on {venue}"
            yield found.table.problem(row, "label", message, hint)


class Standing(NamedTuple):
    """Accounts of a table at the start price, in USD, in the order of `Positions.owners`."""

    equity: Floats
    maintenance: Floats
    notional: Floats


def _standing(context: Context, found: Positions) -> Standing | None:
    """Return where the accounts stand, in floats; None where a price or a contract is not known."""
    from cascade.scenario.positions import margins_of

    markets = context.scenario.markets
    prices, rates = np.zeros(len(found.market)), np.zeros(len(found.market))
    now = found.notional_usd.copy()
    for name in set(found.market):
        contract, market = contract_of(context, name), markets.get(name)
        price = context.start_price(market.asset) if market is not None else None
        if contract is None or price is None:
            return None
        mine = np.array([each == name for each in found.market])
        prices[mine] = price
        if not isinstance(market, InversePerpetual):
            now[mine] *= price / found.entry_price[mine]
        rates[mine] = _maintenance(context, name, contract, now[mine], price)
    margins = margins_of(found)
    margins = np.where(np.isnan(margins), found.notional_usd / found.leverage, margins)
    inverse = np.array([isinstance(markets[name], InversePerpetual) for name in found.market])
    # an inverse contract gains coins: worth the change of its value in coins, at the price now
    way = np.where(inverse, prices / found.entry_price - 1.0, (now - found.notional_usd) / found.notional_usd)
    margins = np.where(inverse, margins * prices / found.entry_price, margins)
    equity = margins + np.where(found.is_long, 1.0, -1.0) * found.notional_usd * way
    owners = found.owners()
    return Standing(*(np.bincount(owners, each).astype(np.float64) for each in (equity, rates, now)))


def _maintenance(context: Context, name: str, contract: Contract, notional: Floats, price: float) -> Floats:
    """Return the maintenance margin of notionals of a contract in USD."""
    rulebook = context.rulebook_of(name)
    assert rulebook is not None
    caps = np.array(contract.caps_usd(price))
    tier = np.minimum(np.searchsorted(caps, notional), len(caps) - 1)
    mmr = np.array([each.mmr for each in contract.tiers])[tier] + rulebook.margin.closing_fee
    amounts = np.array(contract.maintenance_amounts())[tier] * (price if contract.inverse else 1.0)
    return notional * mmr - (amounts if rulebook.margin.tiers == "marginal" else 0.0)


@register("CAS160", "nobody of a table is liquidated at the start price", "assets markets venues population")
def table_is_sound(context: Context) -> Found:
    """Warn of the accounts that fail their margin test before anything has moved."""
    for number, layer in enumerate(context.scenario.population):
        found = context.holdings(layer) if isinstance(layer, TableLayer) else None
        now = _standing(context, found) if found is not None else None
        if found is None or now is None:
            continue
        due = np.flatnonzero(now.equity <= now.maintenance)
        if not len(due):
            continue
        short = now.maintenance - now.equity
        worst = due[np.argsort(-short[due], kind="stable")][:_WORST]
        told = "; ".join(_account(found, int(owner), now) for owner in worst)
        are = "is" if len(due) == 1 else "are"
        message = f"{len(due):,} of {len(now.equity):,} accounts {are} liquidated at the start price, "
        message += f"{format_usd(float(now.notional[due].sum()))} USD of positions; worst: {told}"
        hint = "correct their margin or entry price, or remove them; they go into the book in the first step"
        yield Finding(("population", number, "file"), message, hint, "warning")


def _account(found: Positions, owner: int, now: Standing) -> str:
    """Return an account that is due in a few words."""
    place = int(np.flatnonzero(found.owners() == owner)[0])
    label = (
        f"'{found.label[place]}' in row {found.rows[place]}"
        if found.label[place]
        else f"row {found.rows[place]}"
    )
    equity, needed = float(now.equity[owner]), float(now.maintenance[owner])
    return f"{label} has {format_usd(equity)} USD where {format_usd(needed)} are needed"


@register("CAS161", "stops and take-profits of a table are still ahead", "assets markets population")
def exits_are_ahead(context: Context) -> Found:
    """Warn of prices that the start price has passed: they go off at once."""
    for layer in context.scenario.population:
        found = context.holdings(layer) if isinstance(layer, TableLayer) else None
        if found is not None:
            yield from _passed_exits(context, found)


def _passed_exits(context: Context, found: Positions) -> Iterator[Problem]:
    markets = context.scenario.markets
    for column, sign in (("stop_price", 1.0), ("take_profit_price", -1.0)):
        levels = getattr(found, column)
        for place in np.flatnonzero(~np.isnan(levels)):
            market = markets.get(found.market[place])
            price = context.start_price(market.asset) if market is not None else None
            way = sign if found.is_long[place] else -sign
            if price is None or (price - levels[place]) * way > 0.0:
                continue
            side = "long" if found.is_long[place] else "short"
            message = f"{levels[place]:g} goes off at once: the {side} begins at {price:g}"
            hint = f"write a price {'below' if way > 0 else 'above'} {price:g}, or leave it empty"
            yield found.table.problem(found.rows[place], column, message, hint, "CAS161", "warning")

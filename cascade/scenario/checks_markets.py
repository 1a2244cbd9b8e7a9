"""Checks of venues, markets and what they refer to."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from cascade.errors import ScenarioError
from cascade.scenario.amounts import COIN, MONEY
from cascade.scenario.checks import Context, Finding, Found, register
from cascade.scenario.index_sources import sources_of
from cascade.scenario.schema_venues import InversePerpetual, LendingPool, Perpetual, SpotMarket
from cascade.scenario.source import follow
from cascade.scenario.words import did_you_mean, listing
from cascade.units import format_usd

MONEY_UNIT, COIN_UNIT = Fraction(1, MONEY), Fraction(1, COIN)

_LEAST_UNITS = 1_000
"""Units that a lot of an inverse contract is worth at least: its value is rounded to whole ones."""

_MOST_TICKS = 2**31

_MOST_OF_A_LOT = 100e6
"""USD that a lot may be worth at the start."""


@register("CAS101", "every market lies on a venue of the scenario", "markets venues")
def market_has_venue(context: Context) -> Found:
    """Test the part of a market's name before the colon."""
    venues = context.scenario.venues
    for name in context.scenario.markets:
        venue = name.partition(":")[0]
        if venue not in (*venues, *context.missing.absent.get("venues", ())):
            message = f"no venue '{venue}'{did_you_mean(venue, venues)}"
            yield Finding(("markets", name), message, f"venues: {listing(venues)}", on_key=True)


@register("CAS102", "every market trades an asset of the scenario", "markets assets")
def market_has_asset(context: Context) -> Found:
    """Test the asset of each market."""
    assets = context.scenario.assets
    for name, market in context.scenario.markets.items():
        if market.asset not in (*assets, *context.missing.absent.get("assets", ())):
            message = f"no asset '{market.asset}'{did_you_mean(market.asset, assets)}"
            yield Finding(("markets", name, "asset"), message, f"assets: {listing(assets)}")


@register("CAS103", "the value of a lot is a whole number of money units", "markets assets")
def tick_times_lot(context: Context) -> Found:
    """Test that money can be counted in whole units, exactly."""
    for name, market in context.scenario.markets.items():
        tick, lot = Fraction(repr(market.tick)), Fraction(repr(market.lot))
        if isinstance(market, InversePerpetual):
            yield from _inverse_lot(context, name, market, tick, lot)
            continue
        units = tick * lot / MONEY_UNIT
        if units.denominator == 1:
            continue
        finer = math.lcm(tick.denominator, 10**6)
        whole = Fraction(math.ceil(units)) * MONEY_UNIT / tick
        lots = _decimal(whole) or _decimal(Fraction(1) * math.ceil(lot * finer) / finer) or "1"
        product = f"tick {market.tick:g} x lot {market.lot:g}"
        message = f"{product} is {float(units):g} money units of 1e-6 USD, not whole"
        yield Finding(("markets", name, "lot"), message, f"write lot: {lots}")


def _inverse_lot(
    context: Context, name: str, market: InversePerpetual, tick: Fraction, lot: Fraction
) -> Iterator[Finding]:
    """Test that lot / (tick x price in ticks) is counted exactly, and in enough units of the asset."""
    place, coin = ("markets", name, "lot"), f"1e-8 {market.asset}"
    units = lot / tick / COIN_UNIT
    if units.denominator != 1:
        message = f"lot {market.lot:g} / tick {market.tick:g} is {float(units):.12g} money units of {coin}, not whole"
        yield Finding(place, message, f"write lot: {_decimal(math.ceil(lot / tick) * tick) or 1}")
    price = context.start_price(market.asset)
    if price is None:
        return
    least = _LEAST_UNITS * price * float(COIN_UNIT)
    if market.lot < least:
        message = f"a lot of {market.lot:g} USD is {market.lot / price / float(COIN_UNIT):.3g} money units of {coin}"
        yield Finding(place, f"{message}: too few to round to", f"write lot: {_round_up(least)} or more")


def _decimal(value: Fraction) -> str | None:
    """Return an exact decimal, or None if there is none."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        return None
    digits = 0
    while value.denominator != 1 and digits < 18:
        value *= 10
        digits += 1
    text = f"{int(value):0{digits + 1}d}"
    return f"{text[:-digits]}.{text[-digits:]}".rstrip("0").rstrip(".") if digits else text


_KINDS = {
    "spot": "spot",
    "linear_perpetual": "perpetual",
    "inverse_perpetual": "perpetual",
    "lending_pool": "lending",
}
"""The kind of venue that each type of market lies on."""


@register("CAS104", "the rulebook of a market's venue knows its contract or pool", "markets venues")
def contract_is_known(context: Context) -> Found:
    """Test contracts and pools against rulebooks, and that kinds of venues do not mix."""
    for name, market in context.scenario.markets.items():
        rulebook = context.rulebook_of(name)
        if rulebook is None:
            continue
        wanted = _KINDS[market.type]
        if rulebook.kind != wanted:
            message = f"a {wanted} market on a venue whose rulebook {rulebook.name} is for {rulebook.kind}"
            hint = f"move it to a {wanted} venue, or change venues.{name.partition(':')[0]}.rulebook"
            yield Finding(("markets", name, "type"), message, hint)
        elif isinstance(market, Perpetual) and market.contract not in rulebook.contracts:
            written = context.scenario.venues[name.partition(":")[0]].rulebook
            is_own = written != rulebook.name
            # the name in a copy may still be that of the first
            called = Path(written).name if is_own else written
            message = f"rulebook {called} has no contract '{market.contract}'"
            message += did_you_mean(market.contract, rulebook.contracts)
            hint = f"contracts: {listing(rulebook.contracts)}"
            if is_own:  # who has a file of their own writes what is missing into it
                hint += f"; or write {market.contract} below `contracts:` of {called}, with its tiers and their source"
            yield Finding(("markets", name, "contract"), message, hint)
        elif isinstance(market, LendingPool) and market.pool not in rulebook.pools:
            message = f"rulebook {rulebook.name} has no pool '{market.pool}'"
            message += did_you_mean(market.pool, rulebook.pools)
            yield Finding(("markets", name, "pool"), message, f"pools: {listing(rulebook.pools)}")
        elif isinstance(market, Perpetual):
            inverse = rulebook.contracts[market.contract].inverse
            if inverse != isinstance(market, InversePerpetual):
                kind = "inverse" if inverse else "linear"
                message = f"{market.contract} of rulebook {rulebook.name} is {kind}"
                yield Finding(("markets", name, "type"), message, f"write type: {kind}_perpetual")


@register("CAS145", "a lending pool counts in the ticks and lots of its spot market", "markets")
def pool_fits_its_spot(context: Context) -> Found:
    """Test that collateral which is seized can be sold: same asset, same steps."""
    markets = context.scenario.markets.items()
    for name, pool in markets:
        spot = context.scenario.markets.get(pool.spot) if isinstance(pool, LendingPool) else None
        if not isinstance(spot, SpotMarket) or not isinstance(pool, LendingPool):
            continue
        if spot.asset != pool.asset:
            message = f"a pool of {pool.asset} sells on '{pool.spot}', which is of {spot.asset}"
            spots = [key for key, m in markets if isinstance(m, SpotMarket) and m.asset == pool.asset]
            hint = f"write spot: {spots[0]}" if spots else f"add a spot market of {pool.asset}"
            yield Finding(("markets", name, "spot"), message, hint)
            continue
        for key in ("tick", "lot"):
            if getattr(pool, key) != getattr(spot, key):
                message = f"{key} {getattr(pool, key):g}, but {pool.spot} has {getattr(spot, key):g}"
                yield Finding(("markets", name, key), message, "remove it: it is that of the spot market")


@register("CAS138", "tick and lot are those of the contract", "markets venues")
def steps_are_those_of_the_contract(context: Context) -> Found:
    """Warn where a market has steps of its own, though the rulebook knows the venue's."""
    for name, market in context.scenario.markets.items():
        rulebook = context.rulebook_of(name)
        if rulebook is None or not isinstance(market, Perpetual):
            continue
        contract = rulebook.contracts.get(market.contract)
        for key in ("tick", "lot"):
            own: float = getattr(market, key)
            theirs: float | None = getattr(contract, key, None)
            if theirs is not None and own != theirs:
                shown = _decimal(Fraction(repr(theirs)))
                message = f"{own:g}, but {market.contract} has {shown} in {rulebook.name}"
                hint = f"write {key}: {shown}, or leave it out"
                yield Finding(("markets", name, key), message, hint, "warning")


@register(
    "CAS105", "the rulebook of every venue exists and is valid, with what the scenario changes", "venues"
)
def rulebook_loads(context: Context) -> Found:
    """Load every rulebook and pass its problems on, then those of the scenario's own rules."""
    from cascade.venues.load import UnknownRulebookError, load_rulebook, rulebook_path, rules_problems

    for name, venue in context.scenario.venues.items():
        try:
            rulebook_path(venue.rulebook)
        except UnknownRulebookError as error:
            yield Finding(("venues", name, "rulebook"), str(error), error.hint)
            continue
        try:
            load_rulebook(venue.rulebook)
        except ScenarioError as error:
            yield from error.problems
            continue
        if venue.rules:
            steps = ("venues", name, "rules")
            yield from rules_problems(venue.rulebook, follow(context.root, steps)[0], steps)


@register("CAS116", "the shares of a composite venue's reporting venues sum to 1", "venues")
def reporting_shares(context: Context) -> Found:
    """Test sums of shares and that names differ."""
    for name, venue in context.scenario.venues.items():
        total = sum(part.share for part in venue.reporting)
        if venue.reporting and abs(total - 1) > 1e-9:
            message = f"the shares sum to {total * 100:.6g} %, not 100 %"
            last = max(0.0, venue.reporting[-1].share + 1 - total)
            hint = f"write share: {last * 100:.6g} % for {venue.reporting[-1].name}, or change the others"
            yield Finding(("venues", name, "reporting", len(venue.reporting) - 1, "share"), message, hint)


@register(
    "CAS122", "every perpetual or lending pool has a spot market of its asset for its index", "", "markets"
)
def index_has_spot(context: Context) -> Found:
    """Test that the index of each perpetual can be computed."""
    markets = context.scenario.markets
    for name, market in markets.items():
        if isinstance(market, SpotMarket):
            continue
        spots = [k for k, m in markets.items() if isinstance(m, SpotMarket) and m.asset == market.asset]
        book = context.rulebook_of(name)
        index = None if book is None else book.index
        if not spots:
            hint = f"add spot:{market.asset}USD: {{type: spot, asset: {market.asset}, tick: 0.1, lot: 0.001}}"
            yield Finding(
                ("markets", name), f"no spot market of {market.asset} for its index", hint, on_key=True
            )
        elif sources_of(context.scenario, market.asset, index):
            continue
        elif index is not None and index.weights:
            venue = name.partition(":")[0]
            message = (
                f"the index of {venue} is made of {listing(index.weights)}: of {market.asset} none is here"
            )
            hint = f"write venues.{venue}.rules.index.weights: {{{spots[0]}: 1}}"
            yield Finding(("markets", name), message, hint, on_key=True)
        else:
            message = f"all spot markets of {market.asset} have index_weight 0"
            yield Finding(("markets", name), message, "write index_weight: 1 for one of them", on_key=True)


@register("CAS181", "weights of an index name spot markets", "venues", "markets")
def weights_name_spots(context: Context) -> Found:
    """Test the weights that a scenario writes itself: a rulebook may name venues that are not here."""
    markets = context.scenario.markets
    spots = [name for name, market in markets.items() if isinstance(market, SpotMarket)]
    known = dict.fromkeys([*(name.partition(":")[0] for name in spots), *spots])
    for name, venue in context.scenario.venues.items():
        index = venue.rules.get("index")
        weights = index.get("weights") if isinstance(index, dict) else None
        for key in weights if isinstance(weights, dict) else ():
            if key not in known:
                message = (
                    f"no spot market or venue of spot markets is called '{key}'{did_you_mean(key, known)}"
                )
                steps = ("venues", name, "rules", "index", "weights", key)
                yield Finding(steps, message, f"write one of {listing(known)}", on_key=True)


@register("CAS123", "a venue with perpetuals has an insurance fund", "venues markets")
def venue_has_fund(context: Context) -> Found:
    """Warn where every shortfall goes straight to auto-deleveraging."""
    for name in _perpetual_venues(context):
        venue = context.scenario.venues.get(name)
        if venue is not None and not venue.fund:
            message = "no insurance fund: every shortfall goes straight to auto-deleveraging"
            hint = f"write venues.{name}.fund: 1B, or leave it if that is the point"
            yield Finding(("venues", name, "fund"), message, hint, "warning")


@register("CAS151", "a fund is in assets that its venue's markets settle in", "venues", "markets")
def fund_is_of_settlements(context: Context) -> Found:
    """Test the assets of funds that are given by asset."""
    for name, venue in context.scenario.venues.items():
        markets = context.scenario.markets.items()
        settles = dict.fromkeys(m.settles for key, m in markets if key.partition(":")[0] == name)
        for asset in venue.fund if isinstance(venue.fund, dict) else ():
            if settles and asset not in settles:
                message = f"no market of {name} settles in {asset}{did_you_mean(asset, settles)}"
                yield Finding(
                    ("venues", name, "fund", asset), message, f"assets: {listing(settles)}", on_key=True
                )


def _perpetual_venues(context: Context) -> Iterator[str]:
    markets = context.scenario.markets.items()
    yield from dict.fromkeys(n.partition(":")[0] for n, m in markets if isinstance(m, Perpetual))


@register("CAS129", "every asset and venue is used by a market", "assets venues", "markets")
def nothing_is_idle(context: Context) -> Found:
    """Warn of assets and venues without a market."""
    markets = context.scenario.markets
    assets = {market.asset for market in markets.values()}
    venues = {name.partition(":")[0] for name in markets}
    for section, used, known in (
        ("assets", assets, context.scenario.assets),
        ("venues", venues, context.scenario.venues),
    ):
        for name in known:
            if name not in used:
                yield Finding((section, name), "no market uses it", "remove it", "warning", on_key=True)


@register("CAS130", "prices fit the tick", "markets assets")
def price_fits_tick(context: Context) -> Found:
    """Test that the start price is many ticks, and that ten times as much still fits 32 bits."""
    for name, market in context.scenario.markets.items():
        price = context.start_price(market.asset)
        if price is None:
            continue
        steps = ("markets", name, "tick")
        if price * 10 / market.tick >= _MOST_TICKS:
            least = price * 10 / _MOST_TICKS
            message = f"{price:g} is {price / market.tick:.3g} ticks: too many for a tenfold move"
            yield Finding(steps, message, f"write a tick of at least {_round_up(least)}")
        elif price / market.tick < 100:
            part = f"{market.tick / price:.2%} of" if market.tick <= price else "above"
            message = f"a tick is {part} the start price {price:g}"
            hint = f"write a tick of at most {float(f'{price / 1000:.1g}'):g}"
            yield Finding(steps, message, hint, "warning" if market.tick <= price else "error")


@register("CAS139", "a lot is no fortune", "markets assets")
def lots_are_small(context: Context) -> Found:
    """Test that a lot is worth little enough for many of them to be counted."""
    for name, market in context.scenario.markets.items():
        price = context.start_price(market.asset)
        if price is None or isinstance(market, InversePerpetual) or price * market.lot <= _MOST_OF_A_LOT:
            continue
        message = f"a lot of {market.lot:g} {market.asset} is worth {format_usd(price * market.lot)} USD"
        most = 10.0 ** math.floor(math.log10(_MOST_OF_A_LOT / price))
        yield Finding(("markets", name, "lot"), message, f"write a lot of at most {most:g}")


def _round_up(value: float) -> str:
    return f"{10.0 ** math.ceil(math.log10(value)):g}"

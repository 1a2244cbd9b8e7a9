"""Checks of leveraged accounts: leverage against tiers, open interest against the book."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from cascade.scenario.checks import Context, Finding, Found, register
from cascade.scenario.checks_agents import quoted_within
from cascade.scenario.checks_positions import contract_of, table_interest, table_rows, table_settlements
from cascade.scenario.distributions import Constant, Distribution, Table
from cascade.scenario.schema_population import BorrowersLayer, LadderLayer, Layer, LeveragedLayer, TableLayer
from cascade.scenario.schema_venues import LendingPool
from cascade.scenario.source import Steps, follow
from cascade.units import format_usd

if TYPE_CHECKING:
    from cascade.venues.rulebook import Contract

CANNOT_HOLD, HARDLY_HOLDS = 0.001, 0.005
"""One-sided depth within 1 % as a part of open interest; a liquid market has 2 to 3 %."""


@register("CAS108", "leverage stays within the tiers of the contract", "markets venues population")
def leverage_within_tiers(context: Context) -> Found:
    """Test leverages, and leverages with the smallest size, against the rulebook."""
    for number, layer in enumerate(context.scenario.population):
        if isinstance(layer, TableLayer):
            yield from table_rows(context, layer)
            continue
        if isinstance(layer, BorrowersLayer):
            continue
        patterns = layer.markets if isinstance(layer, LeveragedLayer) else (layer.market,)
        for name in context.scenario.select_markets(patterns):
            contract = contract_of(context, name)
            if contract is not None:
                yield from _layer_leverage(context, ("population", number), layer, name, contract)


def _layer_leverage(
    context: Context, steps: Steps, layer: LeveragedLayer | LadderLayer, name: str, contract: Contract
) -> Iterator[Finding]:
    low, high = layer.leverage.support()
    most = contract.max_leverage
    if high > most:
        message = f"leverage reaches {high:g}x, but {name} allows at most {most:g}x"
        yield Finding(
            _place(context, steps, layer.leverage, high), message, _limit(layer.leverage, "max", most)
        )
    if low < 1 and not _is_long_ladder(layer):  # which needs more than 1x: see CAS135
        message = f"leverage goes down to {low:g}x: a position has at least 1x"
        yield Finding(_place(context, steps, layer.leverage, low), message, _limit(layer.leverage, "min", 1))
    size = max(layer.size.support()[0], 0.0)
    leverage = min(high, most)
    price = context.start_price(context.scenario.markets[name].asset) or 1.0
    allowed = contract.largest_notional(leverage, price)
    if size > allowed:
        tier = contract.tier_of(size, price)
        message = (
            f"every position is at least {size:g} USD, and at {leverage:g}x {name} allows only {allowed:g}"
        )
        hint = f"write sizes up to {allowed:g}, or leverage up to {tier.max_leverage:g}x"
        yield Finding((*steps, "size"), message, hint)


def _is_long_ladder(layer: Layer) -> bool:
    return isinstance(layer, LadderLayer) and layer.side == "long"


def _limit(distribution: Distribution, which: str, bound: float) -> str:
    if distribution.is_discrete:
        return f"write at {'most' if which == 'max' else 'least'} {bound:g}x"
    return f"add {which}: {bound:g} to the distribution"


def _place(context: Context, steps: Steps, leverage: Distribution, value: float) -> Steps:
    """Return the path of the value that is out of range, as precisely as it is written."""
    base: Steps = (*steps, "leverage")
    if isinstance(leverage, Table):
        finer: Steps = (*base, "values", leverage.values.index(value))
    elif isinstance(leverage, Constant):
        finer = (*base, "value")
    else:
        finer = (*base, "max") if leverage.max == value else base
    return finer if follow(context.root, finer)[1] == finer else base


@register("CAS109", "the book can hold the open interest", "markets", "makers population")
def book_holds_open_interest(context: Context) -> Found:
    """Compare the depth that makers quote within 1 % with the open interest of each market."""
    scenario = context.scenario
    for name, interest in open_interest(context).items():
        if isinstance(scenario.markets.get(name), LendingPool):
            continue  # collateral of which only a part is ever sold, and then on spot
        makers = [m for m in scenario.makers if name in scenario.select_markets(m.markets)]
        depths = [quoted_within(maker, 100.0) for maker in makers]
        total = sum(each.usd for each in interest)
        if None in depths:
            continue  # a depth profile that cannot be read is reported by its own check
        depth = sum(filter(None, depths))
        if not makers or total == 0 or depth >= HARDLY_HOLDS * total or not math.isfinite(total):
            continue  # an infinite total is reported where money is counted
        steps = max(interest, key=lambda each: each.usd).steps
        times = HARDLY_HOLDS * total / depth if depth > 0 else float("inf")
        book = f"{format_usd(depth)} USD within 1 % ({depth / total:.2%})"
        message = f"{format_usd(total)} USD of open interest on {name} over a book of {book}"
        advice = (
            f"multiply the depth of its makers by {times:.3g}" if depth > 0 else "write depth for its makers"
        )
        hint = f"{advice}, or write at most {format_usd(depth / HARDLY_HOLDS)} USD of open interest"
        severity = "error" if depth < CANNOT_HOLD * total else "warning"
        yield Finding(steps, message, hint, severity)


class Interest(NamedTuple):
    """One-sided open interest in a market, and the figure that it comes from."""

    steps: Steps
    usd: float
    figure: float
    unit: str = "USD"


def open_interest(context: Context) -> dict[str, list[Interest]]:
    """Return the one-sided open interest of each market, by figures."""
    found: dict[str, list[Interest]] = {}
    for number, layer in enumerate(context.scenario.population):
        for name, each in _contributions(context, layer, ("population", number)):
            found.setdefault(name, []).append(each)
    return found


def _contributions(context: Context, layer: Layer, steps: Steps) -> Iterator[tuple[str, Interest]]:
    if isinstance(layer, LadderLayer):
        yield layer.market, Interest((*steps, "notional"), layer.notional, layer.notional)
    elif isinstance(layer, LeveragedLayer):
        names = context.scenario.select_markets(layer.markets)
        if layer.open_interest is not None:
            key, unit, figure, each = "open_interest", "USD", layer.open_interest, layer.scale
        else:
            key, unit, figure = "accounts", "accounts", layer.accounts or 0
            each = layer.size.mean() * layer.scale
        for name in names if figure else ():
            yield name, Interest((*steps, key), figure * each / len(names), figure, unit)
    elif isinstance(layer, BorrowersLayer):
        names = context.scenario.select_pools(layer.markets)
        for name in names:
            yield name, Interest((*steps, "collateral"), layer.collateral / len(names), layer.collateral)
    else:
        for name, usd in table_interest(context, layer):
            yield name, Interest((*steps, "file"), usd, usd, "rows")


@register("CAS146", "borrowers are sound at the start, on one venue", "markets population")
def borrowers_are_sound(context: Context) -> Found:
    """Test that health factors begin above 1, and that an account's pools lie on one venue."""
    for number, layer in enumerate(context.scenario.population):
        if not isinstance(layer, BorrowersLayer):
            continue
        low = layer.health.support()[0]
        if low <= 1:
            message = f"health factors go down to {low:g}: at 1 a borrower is liquidated"
            hint = "write values above 1" if layer.health.is_discrete else "add min: 1.01 to the distribution"
            yield Finding(("population", number, "health"), message, hint)
        names = context.scenario.select_pools(layer.markets)
        if len({name.partition(":")[0] for name in names}) > 1:
            message = "a borrower's account lives on one venue; these pools lie on several"
            yield Finding(("population", number, "markets"), message, "write one layer for each venue")


@register("CAS125", "a layer says how much it holds, and how it is margined", "markets population")
def layer_is_complete(context: Context) -> Found:
    """Test that there is one of open_interest and accounts, and that isolated layers have one market."""
    for number, layer in enumerate(context.scenario.population):
        if not isinstance(layer, LeveragedLayer):
            continue
        steps: Steps = ("population", number)
        if (layer.open_interest is None) == (layer.accounts is None):
            what = (
                "neither `open_interest` nor `accounts`"
                if layer.accounts is None
                else "both `open_interest` and `accounts`"
            )
            key = () if layer.accounts is None else ("accounts",)
            yield Finding((*steps, *key), f"the layer has {what}", "write one of them: open_interest: 1B")
        names = context.scenario.select_markets(layer.markets)
        if layer.margin == "isolated" and len(names) > 1:
            message = f"an isolated layer in {len(names)} markets: {', '.join(names)}"
            hint = "write margin: cross, or one layer for each market"
            yield Finding((*steps, "markets"), message, hint)
        if layer.margin == "isolated" and layer.hedge is not None:
            message = "the legs of a hedge share their margin only in a cross-margined account"
            hint = "write margin: cross; isolated legs are accounts of their own: one layer for each side"
            yield Finding((*steps, "hedge"), message, hint, on_key=True)
        if layer.margin == "cross" and len({name.partition(":")[0] for name in names}) > 1:
            message = "a cross-margined account lives on one venue; these markets lie on several"
            yield Finding((*steps, "markets"), message, "write one layer for each venue")


@register("CAS150", "positions that are margined together settle in one asset", "markets population")
def margin_is_of_one_asset(context: Context) -> Found:
    """Test the markets of cross-margined layers, and those of each account of a table."""
    markets = context.scenario.markets
    for number, layer in enumerate(context.scenario.population):
        if isinstance(layer, LeveragedLayer) and layer.margin == "cross":
            names = context.scenario.select_markets(layer.markets)
            settles = dict.fromkeys(markets[name].settles for name in names)
            if len(settles) > 1:
                message = f"these markets settle in {' and '.join(settles)}: one margin cannot back them all"
                yield Finding(("population", number, "markets"), message, "write one layer for each of them")
        elif isinstance(layer, TableLayer):
            yield from table_settlements(context, layer)


@register(
    "CAS131", "a ladder of liquidation prices lies on its side of the price", "markets assets population"
)
def ladder_is_on_its_side(context: Context) -> Found:
    """Test that positions of a ladder are not liquidated at the start."""
    for number, layer in enumerate(context.scenario.population):
        if not isinstance(layer, LadderLayer) or layer.market not in context.scenario.markets:
            continue
        price = context.start_price(context.scenario.markets[layer.market].asset)
        for key in ("from_price", "to_price"):
            level: float = getattr(layer, key)
            if price is None or (level < price if layer.side == "long" else level > price):
                continue
            side = "below" if layer.side == "long" else "above"
            message = (
                f"{layer.side} positions are liquidated {side} the start price {price:g}, not at {level:g}"
            )
            other = "short" if layer.side == "long" else "long"
            yield Finding(
                ("population", number, key), message, f"write a price {side} {price:g}, or side: {other}"
            )


@register("CAS134", "stops, take-profits and top-ups are of layers in one market", "markets population")
def exits_are_of_one_market(context: Context) -> Found:
    """Test that what lies on the way to a liquidation price belongs to accounts that have one."""
    for number, layer in enumerate(context.scenario.population):
        if not isinstance(layer, LeveragedLayer) or layer.margin != "cross":
            continue
        names = context.scenario.select_markets(layer.markets)
        for key in ("stop_loss", "take_profit", "top_up"):
            if (len(names) > 1 or layer.hedge is not None) and getattr(layer, key) is not None:
                held = f"in {len(names)} markets" if len(names) > 1 else "with a hedge"
                message = f"an account {held} has no one liquidation price to place it by"
                hint = f"write one layer for each market: {', '.join(names)}; or remove {key}"
                hint = f"remove {key}, or hedge" if layer.hedge is not None else hint
                yield Finding(("population", number, key), message, hint, on_key=True)


@register("CAS135", "a ladder of longs has leverage above 1x", "population")
def ladder_has_leverage(context: Context) -> Found:
    """Test that every long of a ladder has a liquidation price: at 1x it has none."""
    for number, layer in enumerate(context.scenario.population):
        if not isinstance(layer, LadderLayer) or not _is_long_ladder(layer):
            continue
        low = layer.leverage.support()[0]
        if low <= 1:
            message = f"leverage goes down to {low:g}x: a long has a liquidation price only above 1x"
            hint = (
                "write values above 1x" if layer.leverage.is_discrete else "add min: 1.5 to the distribution"
            )
            yield Finding(_place(context, ("population", number), layer.leverage, low), message, hint)


@register("CAS133", "leveraged layers have a price history", "assets markets population")
def layers_have_history(context: Context) -> Found:
    """Warn where all positions would be entered at one price, so that liquidation prices form a comb."""
    warned: set[str] = set()
    for layer in context.scenario.population:
        names = context.scenario.select_markets(layer.markets) if isinstance(layer, LeveragedLayer) else ()
        for name in names:
            asset = context.scenario.markets[name].asset
            known = context.scenario.assets.get(asset)
            if known is None or known.history is not None or asset in warned:
                continue
            warned.add(asset)
            message = f"no history: all positions in {asset} were entered at the start price"
            hint = "add history: {type: gbm, volatility: 25 %, duration: 8d}"
            yield Finding(("assets", asset), message, hint, "warning", on_key=True)

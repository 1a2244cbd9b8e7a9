"""Venues and markets: rulebooks as numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from cascade.assembly.entities import Entities, records
from cascade.assembly.memory import left_after
from cascade.assembly.price_paths import YEAR_S
from cascade.core import params as k
from cascade.core.exact import INVERSE, RATE
from cascade.core.rules import funding_cap, tier_amount
from cascade.core.start import empty
from cascade.core.state import N_LEVELS, Array
from cascade.names import AdlPrice, IndexRule, MarkRule, Procedure, Ranking, TakeOver, number_of
from cascade.rng import decision_key
from cascade.scenario.amounts import COIN, MONEY, money_units
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_venues import InversePerpetual, LendingPool, Market, Perpetual, SpotMarket
from cascade.venues.load import rulebook_of
from cascade.venues.rulebook import FundingRule, FundRule, LiquidationRule, Pool, Rulebook

NO_LIMIT = 1 << 60

RULES = {
    "venues": k.VENUE_P, "marks": k.MARK, "funding": k.FUNDING, "slices": k.SLICES, "blocks": k.BLOCKS,
    "funds": k.FUND_RULE, "lending": k.LENDING,
}  # fmt: skip
"""The records in which a venue's rules are kept."""


class Rules(NamedTuple):
    """What venues do, a row for each: the parameters of these names."""

    venues: Array
    marks: Array
    funding: Array
    slices: Array
    blocks: Array
    funds: Array
    lending: Array


class Venues(NamedTuple):
    """Markets and venues as parameters; `first_rates` are the markets' first funding rates."""

    markets: Array
    sources: Array
    rules: Rules
    tiers: Array
    rates: Array
    fees: Array
    first_rates: Array


def rate(share: float) -> int:
    """Return a share as an integer rate."""
    return round(share * RATE)


def money(usd: float) -> int:
    """Return USD as money units."""
    return round(usd * MONEY)


def settlement_of(scenario: Scenario) -> list[int]:
    """Return the number of the asset that each market settles in."""
    assets = scenario.settlements
    return [assets.index(market.settles) for market in scenario.markets.values()]


def worth_of(scenario: Scenario, start: Array) -> list[float]:
    """Return the money units that one USD is worth in each settlement asset, at the assets' start prices."""
    assets = list(scenario.assets)
    prices = [1.0 if name == "USD" else float(start[assets.index(name)]) for name in scenario.settlements]
    return [money_units(name) / price for name, price in zip(scenario.settlements, prices, strict=True)]


def assemble_venues(scenario: Scenario, entities: Entities, replicate: int) -> Venues:
    """Return markets and venues, and add the venues' own accounts."""
    books = [rulebook_of(venue.rulebook, venue.rules) for venue in scenario.venues.values()]
    names, assets = list(scenario.venues), list(scenario.assets)
    markets = empty(k.MARKET_P, len(scenario.markets))
    tiers: list[dict[str, float]] = []
    rates: list[dict[str, int]] = []
    for m, (name, market) in enumerate(scenario.markets.items()):
        row = markets[m]
        row.asset, row.venue = assets.index(market.asset), names.index(name.partition(":")[0])
        row.tick_size, row.lot_size = market.tick, market.lot
        row.settlement = entities.settlements[m]
        row.unit = lot_unit(market)
        row.max_order = NO_LIMIT
        _calm(row)
        if isinstance(market, Perpetual):
            book = books[row.venue]
            row.kind = k.PERPETUAL
            if isinstance(market, InversePerpetual):
                row.contract, row.face = INVERSE, money(market.lot)
            _contract(row, market, book, tiers, entities.worth[int(row.settlement)])
            _funding(scenario, row, market, rates)
        elif isinstance(market, LendingPool):
            row.kind, row.spot = k.POOL, list(scenario.markets).index(market.spot)
            _pool(row, books[row.venue].pools[market.pool], tiers)
        else:
            row.kind = k.SPOT
    rules = Rules(*(empty(dtype, len(names)) for dtype in RULES.values()))
    for v, book in enumerate(books):
        _rules(scenario, rules, v, book, replicate)
        _own_accounts(scenario, v, rules.venues[v], markets, entities)
        if book.kind == "lending":
            _lending(rules.lending[v], v, book, markets, entities)
    fees = [(rate(book.fees.maker), rate(book.fees.taker)) for book in books]
    funding = [_first_rate(scenario, market) for market in scenario.markets.values()]
    return Venues(
        markets, _sources(scenario, books), rules, records(k.TIER, tiers), records(k.RATE_POINT, rates),
        np.array(fees, np.int64), np.array(funding, np.int64),
    )  # fmt: skip


def _sources(scenario: Scenario, books: Sequence[Rulebook]) -> Array:
    """Return the weight of each market in each venue's indices."""
    return np.array([
        [
            book.index.weight_of(name, market.index_weight) if isinstance(market, SpotMarket) else 0.0
            for name, market in scenario.markets.items()
        ]
        for book in books
    ])  # fmt: skip


def _calm(row: Array) -> None:
    """Set a market's learning to none; makers set their own."""
    row.impact_decay, row.learning_floor = 1.0, 1.0


def lot_unit(market: Market) -> int:
    """Return the K of a market's lot value: money units a lot and tick, or of an inverse contract times ticks."""
    if isinstance(market, InversePerpetual):
        return round(Fraction(repr(market.lot)) / Fraction(repr(market.tick)) * COIN)
    return round(market.tick * market.lot * MONEY)


def _contract(
    row: Array,
    market: Perpetual,
    book: Rulebook,
    tiers: list[dict[str, float]],
    worth: float,
) -> None:
    """Set a perpetual's tiers, bounds and fee; `worth` is what one USD is in its settlement asset."""
    contract = book.contracts[market.contract]
    unit = COIN if contract.inverse else MONEY
    row.first_tier, row.n_tiers = len(tiers), len(contract.tiers)
    row.step_tiers = int(book.margin.tiers == "whole")
    deduction, floor, before = 0, 0, 0
    for tier in contract.tiers:
        now = rate(tier.mmr + book.margin.closing_fee)
        if floor and book.margin.tiers == "marginal":
            deduction = tier_amount(deduction, floor, now - before, int(RATE))
        cap = round(tier.limit * unit)
        tiers.append({"cap": cap, "rate": now, "deduction": deduction, "max_leverage": tier.max_leverage})
        floor, before = cap, now
    row.liquidation_fee = rate(contract.liquidation_fee)
    row.price_band = rate(book.price_band(market.contract))
    row.take_bound = rate(book.take_bound(market.contract))
    row.most_held = money(contract.max_position_usd or 0.0)
    row.most_open = money(contract.max_open_interest_usd or 0.0)
    largest = contract.max_liquidation_qty or contract.max_market_qty
    row.max_order = min(max(round(largest / market.lot), 1), NO_LIMIT)
    row.impact_notional = round(book.impact_notional(market.contract) * worth)
    cap = book.funding.cap
    of_mmr = funding_cap(rate(contract.tiers[0].mmr), rate(book.funding.cap_of_mmr), RATE)
    row.funding_cap = of_mmr if cap is None else rate(cap)


def _pool(row: Array, pool: Pool, tiers: list[dict[str, float]]) -> None:
    """Set a pool's thresholds: what does not count towards health is its maintenance margin."""
    row.first_tier, row.n_tiers = len(tiers), 1
    unsafe = int(RATE) - rate(pool.liquidation_threshold)
    tiers.append({"cap": NO_LIMIT, "rate": unsafe, "max_leverage": 1.0 / (1.0 - pool.ltv)})
    row.bonus, row.protocol_fee = int(RATE) + rate(pool.bonus), rate(pool.protocol_fee)
    row.funding = k.FUNDING_FIXED


def _lending(row: Array, v: int, book: Rulebook, markets: Array, entities: Entities) -> None:
    """Set what a lending venue allows and what liquidators want, and add their account."""
    rule, liquidators = book.lending, book.liquidators
    row.close_factor, row.close_health = rate(rule.close_factor), rate(rule.close_health)
    row.close_least, row.leftover = money(rule.small_usd), money(rule.leftover_usd)
    row.gas, row.min_profit = money(liquidators.gas_usd), rate(liquidators.min_profit)
    everywhere = list(range(len(markets)))
    row.liquidator, _ = entities.add(k.LIQUIDATOR, v, everywhere, liquidators.capital_usd, fees=1)


def _funding(scenario: Scenario, row: Array, market: Perpetual, rates: list[dict[str, int]]) -> None:
    """Set whether funding follows the venue's formula or a schedule."""
    row.first_rate = len(rates)
    if market.funding.schedule == "rule":
        row.funding = k.FUNDING_RULE
        return
    row.funding = k.FUNDING_FIXED
    if not isinstance(market.funding.schedule, str):
        rates += [
            {"step": int(scenario.seconds(t) / scenario.dt), "rate": rate(r)}
            for t, r in market.funding.schedule
        ]
    row.n_rates = len(rates) - row.first_rate


def _first_rate(scenario: Scenario, market: Market) -> int:
    """Return a market's funding rate at the start: the latest that its schedule has set by then."""
    if not isinstance(market, Perpetual):
        return 0
    schedule = market.funding.schedule
    if isinstance(schedule, str):
        return rate(market.funding.rate)
    before = [(scenario.seconds(t), r) for t, r in schedule if scenario.seconds(t) <= 0.0]
    return rate(max(before, key=lambda entry: entry[0])[1]) if before else rate(market.funding.rate)


def _rules(scenario: Scenario, rules: Rules, v: int, book: Rulebook, replicate: int) -> None:
    """Set the rules of venue v."""
    name, dt = list(scenario.venues)[v], scenario.dt
    row, liquidation = rules.venues[v], book.liquidation
    row.n_waves = max(round(dt / liquidation.clock_s), 1)
    row.wave_steps = max(round(liquidation.clock_s / dt), 1)
    row.procedure = number_of(Procedure, liquidation.procedure)
    row.tiers_down, row.whole_tiers = liquidation.tiers_down, liquidation.whole_tiers
    row.only_where_it_frees = int(liquidation.reduces == "where_it_frees")
    row.fill_or_kill = int(liquidation.order == "fok")
    row.patience, row.backstop = _steps_of(liquidation.patience_s, dt), rate(liquidation.backstop)
    row.adl_ranking = number_of(Ranking, book.adl.ranking)
    row.adl_price = number_of(AdlPrice, book.adl.price)
    row.key = decision_key(scenario.seed, f"adl/{name}", replicate)
    _mark(rules.marks[v], book, dt)
    _payments(scenario, rules.funding[v], book.funding)
    _slices(rules.slices[v], liquidation, dt)
    _blocks(rules.blocks[v], liquidation, book.fund)
    _fund(rules.funds[v], book.fund, dt)


def _steps_of(seconds: float, dt: float) -> int:
    """Return a time in steps: some, if there is any, for what is to wait must not be done in the same step."""
    return math.ceil(seconds / dt - 1e-9)


def _mark(row: Array, book: Rulebook, dt: float) -> None:
    """Set how a venue makes index and mark."""
    rule = book.mark
    row.rule = number_of(MarkRule, rule.rule)
    row.basis_steps = max(round(rule.basis_sample_s / dt), 1)
    row.n_basis = max(round(rule.basis_window_s / max(rule.basis_sample_s, dt)), 1)
    row.decay = left_after(dt, rule.basis_window_s)
    row.index_rule, row.outlier_limit = number_of(IndexRule, book.index.rule), book.index.outlier_limit
    row.silent_steps = _steps_of(book.index.silent_s, dt)
    row.index_steps = max(round(book.index.every_s / dt), 1)
    row.oracle_deviation, row.oracle_steps = rule.deviation, max(round(rule.heartbeat_s / dt), 1)


def _payments(scenario: Scenario, row: Array, rule: FundingRule) -> None:
    """Set when funding is exchanged, and the figures of its formula."""
    interval = rule.interval_h * 3_600.0
    row.steps = max(round(interval / scenario.dt), 1)
    row.first = _first_stamp(scenario, interval)
    row.interest, row.clamp = rate(rule.interest), rate(rule.clamp)
    row.part = round(interval)
    row.whole = round((rule.rate_h or 0.0) * 3_600.0 or interval)
    row.at_index = int(rule.payment == "index")
    row.premium_steps = max(round(rule.sample_s / scenario.dt), 1)


def _slices(row: Array, rule: LiquidationRule, dt: float) -> None:
    """Set the figures of the procedure `slices`."""
    row.share, row.above = rule.slices.share, money(rule.slices.above_usd)
    row.cooldown_steps = round(rule.slices.cooldown_s / dt)
    row.cooldown_waits = int(rule.slices.cooldown == "wait")


def _blocks(row: Array, rule: LiquidationRule, fund: FundRule) -> None:
    """Set the figures of the procedure `blocks`."""
    row.share, row.floor = rule.blocks.share, money(rule.blocks.floor_usd)
    row.notional = money(rule.blocks.notional_usd)
    row.bankruptcy_adjustment = rate(rule.blocks.bankruptcy_adjustment)
    row.spread_to_maintenance = rate(rule.blocks.spread_to_maintenance)
    row.max_loss = money(fund.max_loss_usd)


def _fund(row: Array, rule: FundRule, dt: float) -> None:
    """Set what a venue's fund takes over, and how it gets rid of it."""
    row.take_over, row.level_steps = number_of(TakeOver, rule.take_over), NO_LIMIT
    if rule.drawdown is not None:
        row.drawdown, row.drawdown_floor = rate(rule.drawdown.share), money(rule.drawdown.floor_usd)
        row.drawdown_of_mean = int(rule.drawdown.of == "mean")
        row.level_steps = max(round(rule.drawdown.window_h * 3_600.0 / dt / N_LEVELS), 1)
    row.most_held, row.most_taken = money(rule.limits.held_usd), money(rule.limits.taken_usd)
    row.taken_steps = max(round(rule.limits.window_s / dt), 1)
    row.unwind_fraction = 1.0 - (1.0 - rule.unwind.fraction_per_minute) ** (dt / 60.0)
    row.unwind_max = money(rule.unwind.max_order_usd)


def _first_stamp(scenario: Scenario, interval: float) -> int:
    """Return the step of the first funding stamp: stamps divide the UTC day where the start is known."""
    passed = scenario.start.timestamp() % interval if scenario.start is not None else 0.0
    return round((interval - passed) / scenario.dt)


def _own_accounts(scenario: Scenario, v: int, row: Array, markets: Array, entities: Entities) -> None:
    """Add a venue's fund, fee and rounding accounts, and the absorber of the counterfactual.

    Fund and absorber have a place in every market: whom they take over may hold spot elsewhere.
    """
    everywhere = list(range(len(markets)))
    row.fund, _ = entities.add(k.FUND, v, everywhere, 0.0)
    entities.cash[row.fund] = _fund_cash(scenario, v, entities)
    row.absorber, _ = entities.add(k.ABSORBER, v, everywhere, 0.0)
    row.fees, _ = entities.add(k.FEES, v, [], 0.0)
    row.rounding, _ = entities.add(k.ROUNDING, v, [], 0.0)


def _fund_cash(scenario: Scenario, v: int, entities: Entities) -> list[int]:
    """Return what a venue's fund has of each settlement asset."""
    name, venue = list(scenario.venues.items())[v]
    markets = scenario.markets.items()
    own = {market.settles for key, market in markets if key.partition(":")[0] == name}
    cash = []
    for s, asset in enumerate(scenario.settlements):
        if isinstance(venue.fund, dict):
            cash.append(round(venue.fund.get(asset, 0.0) * money_units(asset)))
        else:
            cash.append(round(venue.fund * entities.worth[s]) if asset in own else 0)
    return cash


def variance_of(volatility: float, seconds: float) -> float:
    """Return the variance of log returns over some seconds at a yearly volatility."""
    return volatility**2 * seconds / YEAR_S


def decay(half_life: float, dt: float) -> float:
    """Return the factor a step leaves of something with a half-life."""
    return math.pow(0.5, dt / half_life)

"""Collateral in other assets: how venues count it, and the baskets that layers hold at the start."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cascade.assembly.layers import Seats
from cascade.assembly.venues import rate
from cascade.core import params as k
from cascade.core.exact import RATE
from cascade.core.population import DRAWN
from cascade.core.start import empty, entry_values
from cascade.core.state import Array
from cascade.names import CollateralPrice, number_of
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_population import LeveragedLayer
from cascade.venues.load import rulebook_of
from cascade.venues.rulebook import CollateralRule


def collateral_rules(scenario: Scenario, markets: Array) -> Array:
    """Return how each venue counts a holding of each market; in full at its own price where no rule says."""
    rules = [rulebook_of(venue.rulebook, venue.rules).collateral for venue in scenario.venues.values()]
    rows = empty(k.COLLATERAL, len(rules) * len(markets))
    rows.price, rows.kept = k.OWN_SPOT, int(RATE)
    for v, book in enumerate(rules):
        for m, market in enumerate(scenario.markets.values()):
            rule = book.get(market.asset)
            if rule is not None and markets[m].kind == k.SPOT:
                row = rows[v * len(markets) + m]
                row.price, row.kept = number_of(CollateralPrice, rule.price), int(RATE) - rate(rule.haircut)
                row.given = _given(rule, float(markets[m].tick_size))
    return rows


def _given(rule: CollateralRule, tick: float) -> int:
    """Return the price in ticks that a rule gives, rounded down; 0 where it gives none."""
    part = {"redemption": 1.0, "floor": rule.floor}.get(rule.price, 0.0)
    return int(np.floor(part * (rule.redemption_usd or 0.0) / tick + 1e-9))


def post_collateral(scenario: Scenario, p: k.Params, seats: list[Seats], ticks: Array) -> list[Seats]:
    """Return seats whose layers hold part of their margin in other assets; `ticks` are the start marks.

    What a basket counts for at the start is taken off the account's balance, so that its equity is the
    margin that was drawn, to the unit.
    """
    if not scenario.channels.cross_margin:  # each position then has a wallet of its own, in USD
        return seats
    names = list(scenario.markets)
    return [
        _with_basket(p, group, {names.index(name): share for name, share in layer.collateral.items()}, ticks)
        if isinstance(layer, LeveragedLayer) and layer.collateral
        else group
        for layer, group in zip(scenario.population, seats, strict=True)
    ]


def _with_basket(p: k.Params, group: Seats, basket: dict[int, float], ticks: Array) -> Seats:
    """Return the seats of a layer with a place for each spot market that its basket is held in or priced by."""
    n, each = len(group.traders), int(group.counts[0]) if len(group.counts) else 0
    if n == 0:
        return group
    venue = int(p.markets.venue[group.markets[0]])
    places = [*basket, *_watched(p, venue, list(basket))]
    values = entry_values(p, group.markets, group.positions.lots, group.positions.entry_tick)
    margin = (group.positions.balance + values).reshape(n, each).sum(axis=1)
    positions = empty(DRAWN, n * (each + len(places))).reshape(n, each + len(places))
    positions[:, :each] = np.asarray(group.positions).reshape(n, each)
    for column, m in enumerate(places, start=each):
        own = positions[:, column]
        own["entry_tick"] = ticks[m]
        at = venue * len(p.markets) + m
        one = start_tick(p, at, int(ticks[m])) * int(p.markets[m].unit)
        kept = int(p.collateral[at].kept)
        own["lots"] = np.floor(margin * basket.get(m, 0.0) / (one * kept / float(RATE))).astype(np.int64)
        whole, rest = np.divmod(own["lots"] * one, RATE)
        own["balance"] = -(whole * kept + rest * kept // RATE)
    markets = np.concatenate([np.asarray(group.markets).reshape(n, each), np.tile(places, (n, 1))], axis=1)
    return group._replace(
        positions=positions.ravel().view(np.recarray), markets=markets.ravel(),
        counts=np.full(n, each + len(places)), margin=np.full(n, k.CROSS),
    )  # fmt: skip


def _watched(p: k.Params, venue: int, held: Sequence[int]) -> list[int]:
    """Return the spot markets by which a basket is priced though it is not held there."""
    n = len(p.markets)
    assets = {int(p.markets[m].asset) for m in held if p.collateral[venue * n + m].price == k.MEDIAN}
    return [
        m for m in range(n) if p.markets[m].kind == k.SPOT and p.markets[m].asset in assets and m not in held
    ]


def start_tick(p: k.Params, at: int, mark: int) -> int:
    """Return the collateral price at the start, when all spot markets of an asset stand at one price."""
    row = p.collateral[at]
    if row.price == k.REDEMPTION:
        return int(row.given)
    return max(mark, int(row.given)) if row.price == k.FLOOR else mark

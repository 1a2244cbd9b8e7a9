"""The liquidation map: what is to be liquidated at which price, by leverage, against the depth of the book."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from cascade.errors import CascadeError
from cascade.exposure.liquidation_map import WIDTH, LiquidationMap, by_distance, liquidation_maps
from cascade.output.run_units import MarketUnits
from cascade.report.builders.prices import slug
from cascade.report.builders.study import Missing, Study, Variant
from cascade.report.builders.table import Column, Floats, Table, text_column
from cascade.scenario.schema import Scenario

LEVERAGES = (0.0, 5.0, 15.0, 35.0, 75.0, np.inf)
"""Edges of the buckets of leverage."""

LEAST_REACH = 0.02
"""How far a figure reaches at least; what lies farther than it reaches is in the table of facts."""


class MapTable(NamedTuple):
    """The map of one market."""

    market: MarketUnits
    table: Table
    facts: Table
    buckets: tuple[tuple[str, str], ...]
    """Column and name of each bucket of leverage that holds something."""
    reach: float
    """How far the map goes to either side, in percent."""


def liquidation_map(study: Study) -> list[MapTable] | Missing:
    """Return the map of each market of the first run at its start."""
    first, scenario = study.first, study.first.scenario
    if scenario is None:
        return Missing("its scenario can't be read again")
    try:
        found = first.found(scenario, ("map", first.result.replicates[0]), lambda: _drawn(first, scenario))
    except CascadeError as error:
        return Missing(f"its scenario can't be set up again: {error.problem}")
    markets = {market.name: market for market in study.markets}
    return [each._replace(market=markets[each.market.name]) for each in found if each.market.name in markets]


def _drawn(variant: Variant, scenario: Scenario) -> list[MapTable]:
    """Return the map of each market of a run."""
    units = {market.name: market for market in variant.result.units.markets}
    return [_table(units[each.market], each) for each in liquidation_maps(scenario, variant.drawn(scenario))]


def _by_leverage(found: LiquidationMap) -> Iterator[tuple[str, Floats, Floats]]:
    """Yield the name of each bucket of leverage, and its notional by bucket of distance, below and above."""
    held = found.held
    for low, high in pairwise(LEVERAGES):
        chosen = (held.leverage >= low) & (held.leverage < high)
        sides = (by_distance(side.moves[chosen], held.usd[chosen]) for side in (found.below, found.above))
        yield _bucket_name(low, high), *sides


def _bucket_name(low: float, high: float) -> str:
    if low == 0:
        return f"below {high:g}x"
    return f"{low:g}x and more" if np.isinf(high) else f"{low:g}x to {high:g}x"


def _table(market: MarketUnits, found: LiquidationMap) -> MapTable:
    """Return both sides as one table, from the lowest price to the highest; both curves begin at the start price."""
    n = _shown(found)
    far = WIDTH * np.arange(1, n + 1)
    edge = np.concatenate([-far[::-1], [0.0, 0.0], far])
    middle = edge - np.sign(edge) * WIDTH / 2

    def both(below: Floats, above: Floats) -> Floats:
        return np.concatenate([below[:n][::-1], [0.0, 0.0], above[:n]])

    below, above = found.below, found.above
    columns = [
        Column("move", "move of the price, middle", middle * 100, "%"),
        Column("edge", "far edge", edge * 100, "%"),
        Column("price", "price at the far edge", found.price * (1 + edge), "USD per unit of the asset"),
        Column("side", "side", ["long"] * (n + 1) + ["short"] * (n + 1), kind="text"),
    ]
    buckets: list[tuple[str, str]] = []
    for number, (name, *sides) in enumerate(_by_leverage(found)):
        if sides[0].any() or sides[1].any():
            columns.append(Column(f"leverage{number}", f"to be liquidated, {name}", both(*sides), "USD"))
            buckets.append((f"leverage{number}", name))
    columns += [
        Column(
            "cumulative",
            "to be liquidated up to here",
            both(below.cumulative_usd, above.cumulative_usd),
            "USD",
        ),
        Column("depth", "book depth up to here", both(below.depth_usd, above.depth_usd), "USD"),
        Column("thin", "book depth, makers withdrawn", both(below.thin_usd, above.thin_usd), "USD"),
    ]
    name = slug(market.name)
    table = Table(f"map-{name}", f"Liquidation map of {market.name}", tuple(columns))
    return MapTable(market, table, _facts(name, found, n), tuple(buckets), float(100 * far[-1]))


def _shown(found: LiquidationMap) -> int:
    """Return how many buckets to a side hold nearly all, or reach twice as far as the book holds."""
    sides = found.below, found.above
    totals = [side.cumulative_usd for side in sides]
    filled = max(
        [int(np.searchsorted(each, 0.99 * each[-1])) + 1 for each in totals if each[-1] > 0], default=0
    )
    crossings = [move for side in sides if (move := side.overrun()) is not None]
    wanted = min(filled, round(2 * max(crossings) / WIDTH)) if crossings else filled
    per_percent = round(0.01 / WIDTH)
    return min(-(-max(round(LEAST_REACH / WIDTH), wanted) // per_percent) * per_percent, len(totals[0]))


def _facts(name: str, found: LiquidationMap, n: int) -> Table:
    """Return where the first curve crosses the second, by side."""
    rows = list(_crossings(found, n))
    columns = (
        text_column("label", "", [row[0] for row in rows]),
        Column("unit", "unit", [row[1] for row in rows], kind="text", hidden=True),
        Column("below", "falling price", [row[2] for row in rows], None),
        Column("above", "rising price", [row[3] for row in rows], None),
    )
    return Table(
        f"map-facts-{name}", f"Where more of {found.market} is to be liquidated than the book holds", columns
    )


def _crossings(found: LiquidationMap, n: int) -> Iterator[tuple[str, str, float | None, float | None]]:
    below, above = found.below, found.above
    for label, thin in (
        ("move at which liquidations exceed the book", False),
        ("the same, makers withdrawn", True),
    ):
        moves = [side.overrun(thin=thin) for side in (below, above)]
        falling, rising = (None if move is None else 100 * move for move in moves)
        yield label, "%", falling, rising
    within = float(below.cumulative_usd[n - 1]), float(above.cumulative_usd[n - 1])
    yield "to be liquidated within the map", "USD", within[0], within[1]
    yield "reach of the map", "%", 100 * n * WIDTH, 100 * n * WIDTH
    beyond = [float(side.usd[n:].sum()) + side.beyond_usd for side in (below, above)]
    yield "to be liquidated beyond", "USD", beyond[0], beyond[1]

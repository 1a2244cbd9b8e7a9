"""Branches of a running market: what is liquidated with forced sales in it, against the same luck without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cascade.analysis.statistics.estimate import Floats
from cascade.assembly import Assembled
from cascade.engine import Engine, counterfactual, run_on
from cascade.experiment.observe import Observer, Stopped
from cascade.output.columns import to_names, to_numpy
from cascade.output.run_units import RunUnits


class Response(NamedTuple):
    """What the sales of one moment did.

    Attributes
    ----------
    sold
        USD, by place.
    direct, total
        USD liquidated more than without the sale, by place of the sale and of the liquidation.
    """

    sold: Floats
    direct: Floats
    total: Floats


Sale = Mapping[int, float]
"""Lots to be traded, bought above 0, by the row of the shock that trades them."""


def respond(
    opening: Assembled, units: RunUnits, sales: Sequence[Sale], places: Sequence[int], until: int,
    stopped: Stopped = lambda: False,
) -> Response:  # fmt: skip
    """Return what each of some sales does to a running market, from this very step until another.

    Parameters
    ----------
    opening
        The market as it stands, none of its sales begun.
    places
        By market the column that its liquidations belong to; below 0 for none.
    """
    sold = np.zeros(len(sales))
    found: list[Floats] = []
    for market in (counterfactual(opening), opening):
        without, _ = liquidated(market, units, until, stopped)
        more = np.zeros((len(sales), len(units.markets)))
        for k, sale in enumerate(sales):
            usd, state = liquidated(_begun(market, sale), units, until, stopped)
            more[k] = usd - without
            sold[k] = sum(
                traded_usd(state.works[row], units, market.params.shocks[row].target) for row in sale
            )
        found.append(by_place(more, places, len(sales)))
    return Response(sold, *found)


def _begun(market: Assembled, sale: Sale) -> Assembled:
    """Return a market in which some of the waiting orders begin now; each is worked as long as it would have been."""
    shocks, now = market.params.shocks.copy(), int(market.state.clock[0].step)
    for row, lots in sale.items():
        shocks.stop[row] += now - shocks.start[row]
        shocks.amount[row], shocks.start[row] = lots, now
    return market._replace(params=market.params._replace(shocks=shocks))


def liquidated(market: Assembled, units: RunUnits, until: int, stopped: Stopped) -> tuple[Floats, Any]:
    """Return the USD liquidated by market until a step, by a copy of a market, and the state it ends in."""
    observer = Observer(units, {"liquidations": ("market", "liquidated_usd")}, ())
    engine = Engine(market._replace(state=market.state.clone()), observer)
    run_on(engine, until, None, stopped)
    engine.check()
    engine.drain()
    rows = observer.replicate("liquidations", 0)
    names, usd = to_names(rows.column("market")), to_numpy(rows.column("liquidated_usd")).astype(np.float64)
    return np.array([usd[names == each.name].sum() for each in units.markets], np.float64), engine.state


def traded_usd(work: Any, units: RunUnits, m: int) -> float:
    """Return what an order has traded, in USD."""
    market = units.markets[m]
    if market.inverse:
        return abs(float(work.filled)) * market.lot_size
    return abs(float(work.value)) * market.money_unit


def by_place(usd: Floats, places: Sequence[int], n: int) -> Floats:
    """Return sums over the markets of each place."""
    found = np.zeros((len(usd), n))
    for m, place in enumerate(places):
        if place >= 0:
            found[:, place] += usd[:, m]
    return found

"""Sales under the same luck as without them: what a sale does to the price, and to the book.

A replicate is run once up to the beginning of all sales, and goes on from there once for each of them and
once without any. Forced orders stay out of the book, so that what differs is the sale's own impact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from cascade.analysis.facts.impact import DURATIONS_S, SHARES, SWEEP, SWEEP_S, WATCH_S, WATCHED, WORKED
from cascade.analysis.facts.measures import HOUR_S
from cascade.analysis.facts.observed import Response
from cascade.assembly import assemble
from cascade.core.state import State
from cascade.experiment.branch import Branch, only, parting_state
from cascade.experiment.observe import Progress, Stopped, recorded
from cascade.scenario.schema import Scenario

START_S: Final = 600.0
"""When sales begin: quotes, memory of volatility and the mark's averages have settled by then."""

_COLUMNS: Final = {"bars": ("t_s", "best_bid_price", "best_ask_price", "bid_depth_10bps_usd")}


@dataclass(frozen=True)
class Sale:
    """A market order that is worked evenly, and watched for a while after its end."""

    notional: float
    over_s: float
    watch_s: float = 0.0
    side: str = "sell"

    @property
    def lasts_s(self) -> float:
        """Return how long it is looked at in all."""
        return self.over_s + self.watch_s


def sales_of_facts() -> tuple[Sale, ...]:
    """Return the sales that the facts of impact and resilience need."""
    hours = [Sale(size, HOUR_S, WATCH_S if size == WATCHED else 0.0) for size in SHARES]
    return (*hours, *(Sale(WORKED, over) for over in DURATIONS_S), Sale(SWEEP, 0.0, SWEEP_S))


def steps_of(scenario: Scenario, sales: tuple[Sale, ...]) -> int:
    """Return the steps that a replicate of some sales takes."""
    seconds = START_S + max(each.lasts_s for each in sales) + sum(each.lasts_s for each in sales)
    return round(seconds / scenario.dt)


def responses(
    scenario: Scenario, market: str, sales: tuple[Sale, ...], replicate: int = 0, *,
    progress: Progress | None = None, stopped: Stopped = lambda: False,
) -> Mapping[str, Response]:  # fmt: skip
    """Return how the price answers to each sale, in one replicate.

    Parameters
    ----------
    scenario
        Its own shocks are left out, and so are its forced orders; its code has been admitted, where it names any.
    market
        Where the sales are made and the price is looked at.
    """
    asked = _with_sales(scenario, market, sales)
    assembled = assemble(asked, replicate)
    begin = round(START_S / asked.dt)

    def course(number: int | None, state: State, until: int) -> Branch:
        branch = Branch(asked, replicate, market, only(assembled, number, state), _COLUMNS)
        return branch.run(until, progress, stopped)

    longest = max(each.lasts_s for each in sales)
    state = parting_state(asked, assembled, course(None, assembled.state, begin))
    base = course(None, state, begin + round(longest / asked.dt))
    found: dict[str, Response] = {}
    for number, sale in enumerate(sales):
        branch = course(number, state, begin + max(round(sale.lasts_s / asked.dt), 1))
        found[f"{sale.side} {sale.notional:g} over {sale.over_s:g} s"] = _response(sale, base, branch)
    return found


def _with_sales(scenario: Scenario, market: str, sales: tuple[Sale, ...]) -> Scenario:
    """Return the scenario with all sales as its shocks."""
    shocks = [
        {
            "type": "market_order", "market": market, "side": each.side, "notional": each.notional,
            "at": f"{START_S:g}s", "over": f"{each.over_s:g}s",
        }
        for each in sales
    ]  # fmt: skip
    lasts = START_S + max(each.lasts_s for each in sales) + scenario.dt
    changes = {"shocks": shocks, "duration": f"{lasts:g}s", "channels.forced_orders": False, "published": []}
    return recorded(scenario, **changes, **{"outputs.trades": False})


def _response(sale: Sale, base: Branch, branch: Branch) -> Response:
    mid, bids = branch.mid(START_S), branch.bars("bid_depth_10bps_usd", START_S)
    without, bids_without = base.mid(START_S), base.bars("bid_depth_10bps_usd", START_S)
    n = len(mid)
    sign = 1.0 if sale.side == "sell" else -1.0
    moved = sign * 1e4 * (np.log(without[:n]) - np.log(mid))
    with np.errstate(divide="ignore", invalid="ignore"):
        return Response(sale.notional, sale.over_s, branch.seconds, moved, bids / bids_without[:n])

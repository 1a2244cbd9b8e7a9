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
from cascade.analysis.facts.observed import Floats, Response
from cascade.assembly import Assembled, assemble
from cascade.core.state import State
from cascade.engine import Engine
from cascade.experiment.observe import Observer, Progress, Stopped, recorded
from cascade.experiment.recorder import units_of
from cascade.output.columns import to_numpy
from cascade.scenario.schema import Scenario

START_S: Final = 600.0
"""When sales begin: quotes, memory of volatility and the mark's averages have settled by then."""

SLICE_STEPS: Final = 600
"""Steps between two looks at whether to stop."""

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
) -> Mapping[str, Response] | None:  # fmt: skip
    """Return how the price answers to each sale, in one replicate; None where it was stopped.

    Parameters
    ----------
    scenario
        Its own shocks are left out, and so are its forced orders.
    market
        Where the sales are made and the price is looked at.
    """
    asked = _with_sales(scenario, market, sales)
    assembled = assemble(asked, replicate)
    begin = round(START_S / asked.dt)
    opening = _Branch(asked, market, assembled)
    if not opening.run(begin, progress, stopped):
        return None
    longest = max(each.lasts_s for each in sales)
    base = _Branch(asked, market, _only(assembled, None, opening.state))
    if not base.run(begin + round(longest / asked.dt), progress, stopped):
        return None
    found: dict[str, Response] = {}
    for number, sale in enumerate(sales):
        branch = _Branch(asked, market, _only(assembled, number, opening.state))
        if not branch.run(begin + max(round(sale.lasts_s / asked.dt), 1), progress, stopped):
            return None
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


def _only(assembled: Assembled, number: int | None, state: State) -> Assembled:
    """Return a market that goes on from a state with one of its shocks, or with none."""
    shocks = assembled.params.shocks.copy()
    others = np.arange(len(shocks)) != number
    never = int(assembled.params.run[0].n_steps) + 1
    shocks.start[others], shocks.stop[others] = never, never + 1
    return assembled._replace(params=assembled.params._replace(shocks=shocks), state=state.clone())


class _Branch:
    """One course of the market, with the mid and the bids of each bar."""

    def __init__(self, scenario: Scenario, market: str, assembled: Assembled) -> None:
        self._observer = Observer(units_of(scenario), _COLUMNS, (market,))
        self._engine = Engine(assembled, self._observer)
        self.seconds = scenario.outputs.bars

    def run(self, until: int, progress: Progress | None, stopped: Stopped) -> bool:
        """Run until a step is reached; False where it was stopped."""
        while self._engine.step < until:
            if stopped():
                return False
            before = self._engine.step
            self._engine.advance(min(before + SLICE_STEPS, until))
            if progress is not None:
                progress(self._engine.step - before)
        self._engine.check()
        self._engine.drain()
        return True

    @property
    def state(self) -> State:
        """Return the market as it stands."""
        return self._engine.state

    @property
    def mid(self) -> Floats:
        """Return the mid at the end of each bar since the sales began."""
        return (self._column("best_bid_price") + self._column("best_ask_price")) / 2.0

    @property
    def bids(self) -> Floats:
        """Return the bids within 10 bps."""
        return self._column("bid_depth_10bps_usd")

    def _column(self, name: str) -> Floats:
        rows = self._observer.replicate("bars", 0)
        after = to_numpy(rows.column("t_s")) > START_S - self.seconds / 2.0
        return to_numpy(rows.column(name))[after].astype(np.float64)


def _response(sale: Sale, base: _Branch, branch: _Branch) -> Response:
    mid, bids = branch.mid, branch.bids
    n = len(mid)
    sign = 1.0 if sale.side == "sell" else -1.0
    moved = sign * 1e4 * (np.log(base.mid[:n]) - np.log(mid))
    with np.errstate(divide="ignore", invalid="ignore"):
        return Response(sale.notional, sale.over_s, branch.seconds, moved, bids / base.bids[:n])

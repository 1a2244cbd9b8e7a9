"""What an order costs: filled, at which price, and what it did to the market, against the same luck without it.

A replicate is run once up to the order's beginning, and goes on from there once for each way of working it and once
without the order. All else of the scenario stays: its own shocks, and its forced orders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from cascade.acting import admit_code
from cascade.analysis.split import Part, split
from cascade.analysis.statistics import Estimate, Mean
from cascade.analysis.statistics.estimate import Floats
from cascade.analysis.statistics.studentised import of_mean
from cascade.assembly import Assembled, assemble
from cascade.core.params import ANY, PURPOSES
from cascade.experiment.asked_order import (
    START_S,
    WATCH_S,
    Order,
    Plan,
    Side,
    check_times,
    order_of,
    plans_of,
    with_orders,
)
from cascade.experiment.branch import Branch, only, parting_state
from cascade.experiment.observe import Progress, Stopped
from cascade.experiment.threads import threads
from cascade.output.columns import to_names, to_numpy
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_shocks import Schedule

REPLICATES: Final = 8
"""Replicates, unless asked for."""

ORDERED: Final = PURPOSES[ANY]
"""Purpose of the trades of scheduled orders."""

_HAIR_S: Final = 1e-6
"""Less than any step: times are sums of steps, rounded."""

_MARKET: Final = {
    "bars": ("t_s", "best_bid_price", "best_ask_price"),
    "liquidations": ("t_s", "liquidated_usd", "account"),
}
_FILLS: Final = {"trades": ("t_s", "trade_price", "size_lots", "size_usd", "purpose")}


@dataclass(frozen=True)
class Row:
    """What an order costs that is worked in one way.

    Attributes
    ----------
    watched_s
        How long the market was looked at after its end.
    values
        Each figure by name, one value a replicate; not a number where nothing was filled.
    """

    plan: Plan
    watched_s: float
    values: Mapping[str, Floats]

    def estimate(self, name: str) -> Estimate | None:
        """Return the mean of a figure, with its interval; None where no replicate has it."""
        values = self._known(name)
        return Mean().estimate(values) if len(values) else None

    def error(self, name: str) -> float | None:
        """Return the standard error of that mean; None of fewer than two values."""
        values = self._known(name)
        return of_mean(values).error if len(values) > 1 else None

    @property
    def share(self) -> Part:
        """Return what the order added to the move against it, with its share of that move."""
        move, added = self.values["move_bps"], self.values["added_bps"]
        return split(move, np.zeros(len(move)), added)[2]

    def _known(self, name: str) -> Floats:
        values = self.values[name]
        return values[np.isfinite(values)]


@dataclass(frozen=True)
class OrderCost:
    """What an order costs, by how it is worked."""

    name: str
    order: Order
    n: int
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Prepared:
    """What is to be done for the cost of an order, checked before anything runs."""

    scenario: Scenario
    order: Order
    plans: tuple[Plan, ...]
    n: int

    @property
    def n_steps(self) -> int:
        """Return the steps that will be simulated."""
        lasts = [plan.over_s + self.watched_s(plan.over_s) for plan in self.plans]
        openings = 2 + len(lasts) if self.scenario.python_agents else 1  # with agents each course has its own
        return self.n * round((openings * self.order.at_s + max(lasts) + sum(lasts)) / self.scenario.dt)

    def watched_s(self, over_s: float) -> float:
        """Return how long the market is looked at after an order: no longer than the run."""
        return max(min(self.order.watch_s, self.scenario.duration - self.order.at_s - over_s), 0.0)

    def run(self, *, jobs: int | None = None, progress: Progress | None = None) -> OrderCost:
        """Do it on threads; kernels let go of the interpreter's lock."""
        with threads("the cost of the order was", jobs) as (pool, stopped):
            parts = [pool.submit(_replicate, self, k, progress, stopped) for k in range(self.n)]
            found = [part.result() for part in parts]
        rows = tuple(self._row(number, found) for number in range(len(self.plans)))
        return OrderCost(self.scenario.name, self.order, self.n, rows)

    def _row(self, number: int, found: Sequence[Sequence[Mapping[str, float]]]) -> Row:
        plan, each = self.plans[number], [replicate[number] for replicate in found]
        values = {name: np.array([one[name] for one in each]) for name in each[0]}
        return Row(plan, self.watched_s(plan.over_s), values)


def prepare_cost(
    scenario: Scenario, side: Side | None, notional: float | None, overs_s: Sequence[float], *,
    market: str | None = None, account: str | None = None, schedules: Sequence[Schedule | None] = (None,),
    at_s: float = START_S, watch_s: float = WATCH_S, replicates: int = REPLICATES, allow_code: bool = False,
) -> Prepared:  # fmt: skip
    """Return what is to be done for the cost of an order.

    Parameters
    ----------
    side, notional
        May be left out of the order of an account, which closes all of its position then.
    overs_s
        How long the order is worked, each in turn; 0 for at once.
    market
        By default the first perpetual, or else the first spot market; of an account, that of its only position.
    account
        Label of the account whose position is closed.
    schedules
        How it is worked, each in turn; None for evenly.
    allow_code
        Whether agents in Python that the scenario names may run.

    Raises
    ------
    UsageError
        No such market or account, an order beyond the run's end, one of less than a lot, or more than can be counted.
    """
    admit_code([scenario], scenario, allowed=allow_code)
    order = order_of(scenario, side, notional, market, account, at_s, watch_s)
    plans = plans_of(overs_s, schedules)
    check_times(scenario, order, plans)
    return Prepared(with_orders(scenario, order, plans), order, plans, replicates)


def _replicate(
    prepared: Prepared, number: int, progress: Progress | None, stopped: Stopped
) -> list[dict[str, float]]:
    """Return the figures of one replicate, by plan."""
    scenario, order = prepared.scenario, prepared.order
    assembled, begin = assemble(scenario, number), int(order.at_s / scenario.dt)
    first = len(assembled.params.shocks) - len(prepared.plans)
    lasts = [plan.over_s + prepared.watched_s(plan.over_s) for plan in prepared.plans]
    ends = [min(begin + max(round(each / scenario.dt), 1), scenario.n_steps) for each in lasts]

    def course(start: Assembled, until: int, taker: int | None = None) -> Branch:
        columns = _MARKET if taker is None else _MARKET | _FILLS
        return Branch(scenario, number, order.market, start, columns, taker).run(until, progress, stopped)

    opened = course(only(assembled, None, assembled.state, first), begin)
    opening, parting = opened.state, parting_state(scenario, assembled, opened)
    at_s, m = begin * scenario.dt, list(scenario.markets).index(order.market)
    arrival = float(opening.markets.mid2[m]) / 2.0 * float(assembled.params.markets.tick_size[m])
    without = _Course.of(course(only(assembled, None, parting, first), max(ends)), at_s, arrival)
    found: list[dict[str, float]] = []
    for k, end in enumerate(ends):
        shock = assembled.params.shocks[first + k]
        taker = int(opening.positions.account[shock.position])
        branch = course(only(assembled, k, parting, first), end, taker)
        with_it, asked = _Course.of(branch, at_s, arrival), abs(float(shock.amount))
        costs = _costs(order, branch, asked, without) | _effects(order, with_it, without)
        found.append(
            costs | {"own_liquidated_usd": with_it.liquidated_usd(taker)} if order.account else costs
        )
    return found


class _Course(NamedTuple):
    """What a market did from an order's beginning on, with the order or without it."""

    times_s: Floats
    """Ends of bars, and before them the beginning."""
    mid: Floats
    """Then; where a side of the book is empty, the last one standing."""
    liquidated_s: Floats
    liquidated: Floats
    liquidated_account: Floats

    @classmethod
    def of(cls, branch: Branch, at_s: float, arrival: float) -> _Course:
        """Return the course of a branch that began at a time, at a mid."""
        times = branch.bars("t_s", at_s) + branch.step_s
        mid = np.append(arrival, branch.mid(at_s))
        known = np.maximum.accumulate(np.where(np.isnan(mid), 0, np.arange(len(mid))))
        rows = branch.rows("liquidations", at_s)
        liquidated = [to_numpy(rows.column(name)).astype(np.float64) for name in _MARKET["liquidations"]]
        return cls(np.append(at_s, times), mid[known], *liquidated)

    def before(self, times_s: Floats) -> Floats:
        """Return the last mid before each of some steps, by the times at which they begin."""
        return self.mid[np.searchsorted(self.times_s, times_s + _HAIR_S, side="right") - 1]

    def liquidated_by(self, until_s: float) -> float:
        """Return what was liquidated before a time, in all markets."""
        return float(self.liquidated[self.liquidated_s < until_s - _HAIR_S].sum())

    def liquidated_usd(self, account: int) -> float:
        """Return what was liquidated of an account, in all its markets."""
        return float(self.liquidated[self.liquidated_account == account].sum())


def _costs(order: Order, branch: Branch, asked_lots: float, without: _Course) -> dict[str, float]:
    """Return what was filled and what that cost; in bps, of its worth at the price at the start."""
    rows = branch.rows("trades", float(without.times_s[0]))
    mine = to_names(rows.column("purpose")) == ORDERED  # an account's own forced orders are none of it
    time, price, lots, usd = (
        to_numpy(rows.column(name)).astype(np.float64)[mine] for name in _FILLS["trades"][:-1]
    )
    amount = usd / price
    filled, value = float(amount.sum()), float(usd.sum())
    worth, instead = filled * without.mid[0], float((amount * without.before(time)).sum())
    shortfall, slippage = order.sign * (worth - value), order.sign * (instead - value)
    is_filled = filled > 0.0
    return {
        "filled_usd": value, "filled_share": float(lots.sum()) / asked_lots,
        "vwap_price": value / filled if is_filled else np.nan,
        "shortfall_usd": shortfall, "shortfall_bps": 1e4 * shortfall / worth if is_filled else np.nan,
        "slippage_usd": slippage, "slippage_bps": 1e4 * slippage / worth if is_filled else np.nan,
    }  # fmt: skip


def _effects(order: Order, with_it: _Course, without: _Course) -> dict[str, float]:
    """Return what an order did to the market, while it was worked and watched."""
    n, until = len(with_it.mid), float(with_it.times_s[-1])
    moves = [
        float((order.sign * 1e4 * np.log(each.mid[0] / each.mid[:n])).max()) for each in (with_it, without)
    ]
    liquidated = [each.liquidated_by(until) for each in (with_it, without)]
    return {
        "move_bps": moves[0], "added_bps": moves[0] - moves[1],
        "liquidated_usd": liquidated[0], "triggered_usd": liquidated[0] - liquidated[1],
    }  # fmt: skip

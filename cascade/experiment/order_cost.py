"""What an order costs: filled, at which price, and what it did to the market, against the same luck without it.

A replicate is run once up to the order's beginning, and goes on from there once for each duration and once
without the order. All else of the scenario stays: its own shocks, and its forced orders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np

from cascade.analysis.facts.measures import HOUR_S
from cascade.analysis.split import Part, split
from cascade.analysis.statistics import Estimate, Mean
from cascade.analysis.statistics.estimate import Floats
from cascade.analysis.statistics.studentised import of_mean
from cascade.assembly import Assembled, assemble
from cascade.assembly.price_paths import assemble_prices
from cascade.errors import ScenarioError, UsageError
from cascade.experiment.branch import Branch, only
from cascade.experiment.observe import Progress, Stopped, recorded
from cascade.experiment.recorder import units_of
from cascade.experiment.threads import threads
from cascade.output.columns import to_numpy
from cascade.scenario.schema import Scenario
from cascade.scenario.words import did_you_mean, listing
from cascade.units import format_duration, format_usd

REPLICATES: Final = 8
"""Replicates, unless asked for."""

START_S: Final = 600.0
"""When an order begins, unless asked for: quotes, memory of volatility and the mark's averages have settled by then."""

_HAIR_S: Final = 1e-6
"""Less than any step: times are sums of steps, rounded."""

WATCH_S: Final = HOUR_S
"""How long the market is looked at after an order, unless asked for."""

_MARKET: Final = {
    "bars": ("t_s", "best_bid_price", "best_ask_price"),
    "liquidations": ("t_s", "liquidated_usd"),
}
_FILLS: Final = {"trades": ("t_s", "trade_price", "size_lots", "size_usd")}


@dataclass(frozen=True)
class Order:
    """An order that is worked evenly.

    Attributes
    ----------
    notional
        USD, at the price at which the scenario starts.
    at_s
        When it begins.
    watch_s
        How long the market is looked at after its end.
    """

    market: str
    side: Literal["buy", "sell"]
    notional: float
    at_s: float = START_S
    watch_s: float = WATCH_S

    @property
    def sign(self) -> float:
        """Return 1 for a sale, which costs what the price is lower, and -1 for a purchase."""
        return 1.0 if self.side == "sell" else -1.0


@dataclass(frozen=True)
class Row:
    """What an order costs that is worked over one duration.

    Attributes
    ----------
    watched_s
        How long the market was looked at after its end.
    values
        Each figure by name, one value a replicate; not a number where nothing was filled.
    """

    over_s: float
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
    """What an order costs, by how long it is worked."""

    name: str
    order: Order
    n: int
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Prepared:
    """What is to be done for the cost of an order, checked before anything runs."""

    scenario: Scenario
    order: Order
    overs_s: tuple[float, ...]
    n: int

    @property
    def n_steps(self) -> int:
        """Return the steps that will be simulated."""
        lasts = [over + self.watched_s(over) for over in self.overs_s]
        return self.n * round((self.order.at_s + max(lasts) + sum(lasts)) / self.scenario.dt)

    def watched_s(self, over_s: float) -> float:
        """Return how long the market is looked at after an order: no longer than the run."""
        return max(min(self.order.watch_s, self.scenario.duration - self.order.at_s - over_s), 0.0)

    def run(self, *, jobs: int | None = None, progress: Progress | None = None) -> OrderCost:
        """Do it on threads; kernels let go of the interpreter's lock."""
        with threads("the cost of the order was", jobs) as (pool, stopped):
            parts = [pool.submit(_replicate, self, k, progress, stopped) for k in range(self.n)]
            found = [part.result() for part in parts]
        rows = tuple(self._row(number, found) for number in range(len(self.overs_s)))
        return OrderCost(self.scenario.name, self.order, self.n, rows)

    def _row(self, number: int, found: Sequence[Sequence[Mapping[str, float]]]) -> Row:
        over, each = self.overs_s[number], [replicate[number] for replicate in found]
        values = {name: np.array([one[name] for one in each]) for name in each[0]}
        return Row(over, self.watched_s(over), values)


def prepare_cost(
    scenario: Scenario, side: Literal["buy", "sell"], notional: float, overs_s: Sequence[float], *,
    market: str | None = None, at_s: float = START_S, watch_s: float = WATCH_S, replicates: int = REPLICATES,
) -> Prepared:  # fmt: skip
    """Return what is to be done for the cost of an order.

    Parameters
    ----------
    overs_s
        How long the order is worked, each in turn; 0 for at once.
    market
        By default the first perpetual, or else the first spot market.

    Raises
    ------
    UsageError
        No such market, an order beyond the run's end, one of less than a lot, or more than can be counted.
    """
    order = Order(_market_of(scenario, market), side, notional, at_s, watch_s)
    overs = tuple(dict.fromkeys(overs_s))
    _check_times(scenario, order, overs)
    _check_size(scenario, order)
    return Prepared(_with_orders(scenario, order, overs), order, overs, replicates)


def _market_of(scenario: Scenario, market: str | None) -> str:
    traded = [each for each in units_of(scenario).markets if not each.lending]
    names = [each.name for each in sorted(traded, key=lambda each: not each.leveraged)]
    if not names or (market is not None and market not in names):
        wanted = (
            f"no market '{market}'{did_you_mean(market, names)}" if market else "no market that is traded"
        )
        raise UsageError(
            f"the scenario has {wanted}", where="--market", remedy=f"markets are: {listing(names) or 'none'}"
        )
    return market or names[0]


def _check_times(scenario: Scenario, order: Order, overs_s: Sequence[float]) -> None:
    """Refuse an order that would not end within the run."""
    left = scenario.duration - order.at_s
    if left <= 0.0:
        raise UsageError(
            f"the order would begin at {format_duration(order.at_s)}, and the run lasts "
            f"{format_duration(scenario.duration)}",
            where="--at", remedy="write an earlier --at",
        )  # fmt: skip
    over = max(overs_s)
    if over > left:
        raise UsageError(
            f"an order over {format_duration(over)} from {format_duration(order.at_s)} on would end "
            f"{format_duration(over - left)} after the run",
            where="--over",
            remedy=f"write at most --over {format_duration(left)}, or a longer run: "
            f"-s duration={format_duration(order.at_s + over)}",
        )


def _check_size(scenario: Scenario, order: Order) -> None:
    """Refuse an order of less than a lot."""
    market = next(each for each in units_of(scenario).markets if each.name == order.market)
    price = float(assemble_prices(scenario, 0).start[list(scenario.assets).index(market.asset)])
    lot = market.lot_size * (1.0 if market.inverse else price)
    if order.notional < lot:
        raise UsageError(
            f"an order of {format_usd(order.notional)} USD is less than a lot of {order.market}",
            where=f"--{order.side}", remedy=f"a lot is {format_usd(lot)} USD: write at least that",
        )  # fmt: skip


def _with_orders(scenario: Scenario, order: Order, overs_s: Sequence[float]) -> Scenario:
    """Return the scenario with the order after its own shocks, once for each duration."""
    own = scenario.model_dump(mode="json", include={"shocks"}, exclude_none=True)["shocks"]
    orders = [
        {
            "type": "market_order", "market": order.market, "side": order.side, "notional": order.notional,
            "at": format_duration(order.at_s), "over": format_duration(over),
        }
        for over in overs_s
    ]  # fmt: skip
    try:
        return recorded(scenario, shocks=[*own, *orders], published=[])
    except ScenarioError as error:
        ours = [each for each in error.problems if each.path.startswith("shocks")]
        if not ours:
            raise
        raise UsageError(
            f"an order of {format_usd(order.notional)} USD is too large: {ours[0].message}",
            where=f"--{order.side}", remedy=ours[0].hint,
        ) from None  # fmt: skip


def _replicate(
    prepared: Prepared, number: int, progress: Progress | None, stopped: Stopped
) -> list[dict[str, float]]:
    """Return the figures of one replicate, by duration."""
    scenario, order = prepared.scenario, prepared.order
    assembled, begin = assemble(scenario, number), int(order.at_s / scenario.dt)
    first = len(assembled.params.shocks) - len(prepared.overs_s)
    lasts = [over + prepared.watched_s(over) for over in prepared.overs_s]
    ends = [min(begin + max(round(each / scenario.dt), 1), scenario.n_steps) for each in lasts]

    def course(start: Assembled, until: int, taker: int | None = None) -> Branch:
        columns = _MARKET if taker is None else _MARKET | _FILLS
        branch = Branch(scenario, order.market, start, columns, taker)
        if not branch.run(until, progress, stopped):
            raise KeyboardInterrupt
        return branch

    opening = course(only(assembled, None, assembled.state, first), begin).state
    at_s, m = begin * scenario.dt, list(scenario.markets).index(order.market)
    arrival = float(opening.markets.mid2[m]) / 2.0 * float(assembled.params.markets.tick_size[m])
    without = _Course.of(course(only(assembled, None, opening, first), max(ends)), at_s, arrival)
    found: list[dict[str, float]] = []
    for k, end in enumerate(ends):
        shock = assembled.params.shocks[first + k]
        taker = int(opening.positions.account[shock.position])
        branch = course(only(assembled, k, opening, first), end, taker)
        with_it, asked = _Course.of(branch, at_s, arrival), abs(float(shock.amount))
        found.append(_costs(order, branch, asked, without) | _effects(order, with_it, without))
    return found


class _Course(NamedTuple):
    """What a market did from an order's beginning on, with the order or without it."""

    times_s: Floats
    """Ends of bars, and before them the beginning."""
    mid: Floats
    """Then; where a side of the book is empty, the last one standing."""
    liquidated_s: Floats
    liquidated: Floats

    @classmethod
    def of(cls, branch: Branch, at_s: float, arrival: float) -> _Course:
        """Return the course of a branch that began at a time, at a mid."""
        times = branch.bars("t_s", at_s) + branch.step_s
        mid = np.append(arrival, branch.mid(at_s))
        known = np.maximum.accumulate(np.where(np.isnan(mid), 0, np.arange(len(mid))))
        rows = branch.rows("liquidations")
        liquidated = [to_numpy(rows.column(name)).astype(np.float64) for name in _MARKET["liquidations"]]
        return cls(np.append(at_s, times), mid[known], *liquidated)

    def before(self, times_s: Floats) -> Floats:
        """Return the last mid before each of some steps, by the times at which they begin."""
        return self.mid[np.searchsorted(self.times_s, times_s + _HAIR_S, side="right") - 1]

    def liquidated_usd(self, until_s: float) -> float:
        """Return what was liquidated before a time, in all markets."""
        return float(self.liquidated[self.liquidated_s < until_s - _HAIR_S].sum())


def _costs(order: Order, branch: Branch, asked_lots: float, without: _Course) -> dict[str, float]:
    """Return what was filled and what that cost; in bps, of its worth at the price at the start."""
    rows = branch.rows("trades")
    time, price, lots, usd = (to_numpy(rows.column(name)).astype(np.float64) for name in _FILLS["trades"])
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
    liquidated = [each.liquidated_usd(until) for each in (with_it, without)]
    return {
        "move_bps": moves[0], "added_bps": moves[0] - moves[1],
        "liquidated_usd": liquidated[0], "triggered_usd": liquidated[0] - liquidated[1],
    }  # fmt: skip

"""An order that a desk asks about: its market, side and size, whose position it closes, and how it is worked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from cascade.analysis.facts.measures import HOUR_S
from cascade.assembly import assemble
from cascade.assembly.price_paths import assemble_prices
from cascade.errors import ScenarioError, UsageError
from cascade.experiment.observe import recorded
from cascade.experiment.recorder import units_of
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_shocks import AlmgrenChrissSchedule, PovSchedule, Schedule
from cascade.scenario.words import did_you_mean, listing
from cascade.units import format_duration, format_usd

Side = Literal["buy", "sell"]

START_S: Final = 600.0
"""When an order begins, unless asked for: quotes, memory of volatility and the mark's averages have settled by then."""

WATCH_S: Final = HOUR_S
"""How long the market is looked at after an order, unless asked for."""


@dataclass(frozen=True)
class Order:
    """An order that is worked.

    Attributes
    ----------
    notional
        USD, at the price at which the scenario starts.
    at_s
        When it begins.
    watch_s
        How long the market is looked at after its end.
    account
        Label of the account whose position it closes; None where it is nobody's of the population.
    is_all
        Whether it closes all of that position.
    """

    market: str
    side: Side
    notional: float
    at_s: float = START_S
    watch_s: float = WATCH_S
    account: str | None = None
    is_all: bool = False

    @property
    def sign(self) -> float:
        """Return 1 for a sale, which costs what the price is lower, and -1 for a purchase."""
        return 1.0 if self.side == "sell" else -1.0


class Plan(NamedTuple):
    """How long an order is worked, and how; None for evenly."""

    over_s: float
    schedule: Schedule | None = None

    @property
    def name(self) -> str:
        """Return the plan in words."""
        text = "at once" if self.over_s == 0.0 else format_duration(self.over_s)
        if isinstance(self.schedule, PovSchedule):
            return f"{text}, {100 * self.schedule.participation:g} % of volume"
        if isinstance(self.schedule, AlmgrenChrissSchedule):
            how = self.schedule
            text = f"{text}, risk aversion {how.risk_aversion:g}"
            text += "" if how.temporary_impact_bps is None else f", impact {how.temporary_impact_bps:g} bps"
            text += "" if how.volatility is None else f", volatility {100 * how.volatility:g} %"
        return text

    def shock(self, order: Order) -> dict[str, Any]:
        """Return an order worked by this plan, as the shock of a scenario."""
        shock: dict[str, Any] = {
            "type": "market_order", "market": order.market, "side": order.side, "notional": order.notional,
            "at": format_duration(order.at_s), "over": format_duration(self.over_s),
        }  # fmt: skip
        if order.account is not None:
            shock["account"] = order.account
        if order.is_all:  # to the last lot, whatever rounding says
            del shock["notional"]
        if self.schedule is not None:
            shock["schedule"] = self.schedule.model_dump(exclude_none=True)
        return shock


def plans_of(overs_s: Sequence[float], schedules: Sequence[Schedule | None]) -> tuple[Plan, ...]:
    """Return every time with every schedule, once: at once there is but one way."""
    plans = (Plan(over, how if over > 0.0 else None) for over in overs_s for how in schedules)
    return tuple(dict.fromkeys(plans))


def order_of(
    scenario: Scenario, side: Side | None, notional: float | None, market: str | None, account: str | None,
    at_s: float, watch_s: float,
) -> Order:  # fmt: skip
    """Return the order that is asked for: of an account all of its position, unless a size is given.

    Raises
    ------
    UsageError
        No such market or account, nothing to close, or less than a lot.
    """
    if account is not None:
        held = _position_of(scenario, account, side, market)
        is_all = notional is None or notional >= held.usd
        size = held.usd if notional is None or is_all else notional
        order = Order(held.market, held.side, size, at_s, watch_s, account, is_all)
    else:
        assert side is not None, "an order of nobody has a side"
        assert notional is not None, "and a size"
        order = Order(_market_of(scenario, market), side, notional, at_s, watch_s)
    _check_size(scenario, order)
    return order


class _Held(NamedTuple):
    """A position of an account: its market, the side that closes it, and its worth at the start price."""

    market: str
    side: Side
    usd: float

    def __str__(self) -> str:
        return f"{'long' if self.side == 'sell' else 'short'} {format_usd(self.usd)} USD in {self.market}"


def _position_of(scenario: Scenario, account: str, side: Side | None, market: str | None) -> _Held:
    """Return the one position of an account that can be meant."""
    held = _positions_of(scenario, account)
    fitting = [each for each in held if side in (None, each.side) and market in (None, each.market)]
    if len(fitting) == 1:
        return fitting[0]
    what = f"{len(fitting)} positions" if fitting else "nothing"
    raise UsageError(
        f"'{account}' holds {what} that this order would close", where="--account",
        remedy=f"it is {listing(map(str, held)) or 'without positions'}: "
        "write --market, and --sell of a long or --buy of a short",
    )  # fmt: skip


def _positions_of(scenario: Scenario, account: str) -> list[_Held]:
    """Return what an account holds in perpetuals at the start."""
    drawn, units = assemble(scenario), units_of(scenario).markets
    labels = drawn.owners.labels
    if account not in labels:
        table = "{type: table, name: mine, file: accounts.csv}, with a column label"
        raise UsageError(
            f"no account '{account}'{did_you_mean(account, labels)}", where="--account",
            remedy=f"labels are: {listing(labels, 5)}" if labels else f"add a table to population: {table}",
        )  # fmt: skip
    rows = drawn.state.positions
    mine = rows[np.isin(rows.account, drawn.owners.accounts(account)) & (rows.lots != 0)]
    return [
        _Held(name, "sell" if row.lots > 0 else "buy", abs(int(row.lots)) * lot_usd(scenario, name))
        for row in mine
        if units[row.market].leveraged and (name := units[row.market].name)
    ]


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


def _check_size(scenario: Scenario, order: Order) -> None:
    """Refuse an order of less than a lot."""
    lot = lot_usd(scenario, order.market)
    if order.notional < lot:
        raise UsageError(
            f"an order of {format_usd(order.notional)} USD is less than a lot of {order.market}",
            where=f"--{order.side}", remedy=f"a lot is {format_usd(lot)} USD: write at least that",
        )  # fmt: skip


def lot_usd(scenario: Scenario, market: str) -> float:
    """Return what a lot of a market is worth at the start price."""
    units = next(each for each in units_of(scenario).markets if each.name == market)
    price = float(assemble_prices(scenario, 0).start[list(scenario.assets).index(units.asset)])
    return units.lot_size * (1.0 if units.inverse else price)


def check_times(scenario: Scenario, order: Order, plans: Sequence[Plan]) -> None:
    """Refuse an order that would not end within the run."""
    left = scenario.duration - order.at_s
    if left <= 0.0:
        raise UsageError(
            f"the order would begin at {format_duration(order.at_s)}, and the run lasts "
            f"{format_duration(scenario.duration)}",
            where="--at", remedy="write an earlier --at",
        )  # fmt: skip
    over = max(plan.over_s for plan in plans)
    if over > left:
        raise UsageError(
            f"an order over {format_duration(over)} from {format_duration(order.at_s)} on would end "
            f"{format_duration(over - left)} after the run",
            where="--over",
            remedy=f"write at most --over {format_duration(left)}, or a longer run: "
            f"-s duration={format_duration(order.at_s + over)}",
        )


def with_orders(scenario: Scenario, order: Order, plans: Sequence[Plan]) -> Scenario:
    """Return the scenario with the order after its own shocks, once for each plan."""
    own = scenario.model_dump(mode="json", include={"shocks"}, exclude_none=True)["shocks"]
    orders = [plan.shock(order) for plan in plans]
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

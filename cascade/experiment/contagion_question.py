"""What can be asked of contagion: what is sold where and when, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal

import numpy as np

from cascade.errors import UsageError
from cascade.experiment.asked_order import Side
from cascade.experiment.recorder import units_of
from cascade.output.run_units import MarketUnits, RunUnits
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_shocks import MarketOrderShock
from cascade.scenario.words import did_you_mean, listing
from cascade.units import format_duration

By = Literal["asset", "market", "venue"]

TIMES: Final = 4
"""Moments at which a run is branched, unless asked for: evenly over what the horizon leaves of it."""

HORIZON_S: Final = 600.0
"""How long branches go on, unless asked for, or a quarter of the run where that is less."""


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes
    ----------
    notional
        USD that are sold, or bought, in each place; None for a hundredth of its open interest, or for all that
        the account of a shock holds.
    at_s
        When the market is branched.
    horizon_s
        How long branches go on.
    shock
        Name of the scenario's order that is traded by force, as it is written; other places trade as much, as fast.
    """

    by: By
    side: Side
    notional: float | None
    at_s: tuple[float, ...]
    horizon_s: float
    shock: str | None = None


def question_of(
    scenario: Scenario, by: By, side: Side, notional: float | None, at_s: Sequence[float] | None,
    horizon_s: float | None,
) -> Question:  # fmt: skip
    """Return what is asked, with what was not said filled in.

    Raises
    ------
    UsageError
        No time, one twice, or branches that would not end within the run.
    """
    horizon = min(HORIZON_S, scenario.duration / 4.0) if horizon_s is None else horizon_s
    first = min(HORIZON_S, scenario.duration / 8.0)
    times = np.linspace(first, scenario.duration - horizon, TIMES).tolist() if at_s is None else sorted(at_s)
    _check_times(scenario, times, horizon)
    return Question(by, side, notional, tuple(times), horizon)


def question_of_shock(scenario: Scenario, by: By, name: str, horizon_s: float | None) -> Question:
    """Return what is asked where an order of the scenario is traded: its side, size and moment, to the run's end.

    Raises
    ------
    UsageError
        No such order, one of no place, or branches that would not end within the run.
    """
    shock = orders_of(scenario)[row_of_order(scenario, by, name)]
    start = scenario.seconds(shock.at)
    horizon = scenario.duration - start if horizon_s is None else horizon_s
    _check_times(scenario, (start,), horizon)
    return Question(by, shock.side, shock.notional, (start,), horizon, name)


def orders_of(scenario: Scenario) -> list[MarketOrderShock]:
    """Return the shocks that are orders."""
    return [shock for shock in scenario.shocks if isinstance(shock, MarketOrderShock)]


def row_of_order(scenario: Scenario, by: By, name: str | None) -> int:
    """Return which of the scenario's orders has a name; without one the only order there is.

    Raises
    ------
    UsageError
        No such order, or one of a market that is no place.
    """
    orders = orders_of(scenario)
    found = [k for k, each in enumerate(orders) if name in (None, each.name)]
    if len(found) != 1:
        names = [each.name for each in orders if each.name is not None]
        told = f"the scenario has {len(orders)} orders among its shocks, and which one is meant is not said"
        if name is not None:
            told = f"no order among the scenario's shocks is called '{name}'{did_you_mean(name, names)}"
        remedy = f"orders are: {listing(names) or 'none that has a name'}"
        raise UsageError(told, where="--shock", remedy=remedy)
    units = units_of(scenario)
    market = next(each for each in units.markets if each.name == orders[found[0]].market)
    if place_of(market, by) not in places_of(units, by):
        raise UsageError(
            f"the order trades in {market.name}, where nothing is liquidated by force", where="--shock",
            remedy="name an order in a perpetual, or ask --by asset",
        )  # fmt: skip
    return found[0]


def sources_of(units: RunUnits) -> list[MarketUnits]:
    """Return the markets in which something can be sold by force: perpetuals."""
    return [market for market in units.markets if market.leveraged and not market.lending]


def places_of(units: RunUnits, by: By) -> tuple[str, ...]:
    """Return the rows of the matrix."""
    return tuple(dict.fromkeys(place_of(market, by) for market in sources_of(units)))


def place_of(market: MarketUnits, by: By) -> str:
    """Return the row of the matrix that a market belongs to."""
    return {"asset": market.asset, "market": market.name, "venue": market.venue}[by]


def columns_of(units: RunUnits, by: By) -> list[int]:
    """Return by market the column of the matrix that its liquidations belong to; -1 for none."""
    names = places_of(units, by)
    return [
        names.index(place) if market.leveraged and (place := place_of(market, by)) in names else -1
        for market in units.markets
    ]


def _check_times(scenario: Scenario, times: Sequence[float], horizon_s: float) -> None:
    """Refuse branches that would not end within the run, and moments that are none or one twice."""
    if not times:
        raise UsageError(
            "no time to branch the market at", where="--at", remedy="write --at 5m,10m, or leave it out"
        )
    steps = [round(time / scenario.dt) for time in times]
    if twice := [time for time, following in pairwise(times) if time == following]:
        raise UsageError(
            f"{format_duration(twice[0])} is written twice: it would count twice", where="--at",
            remedy=f"write each time once: --at {','.join(map(format_duration, sorted(set(times))))}",
        )  # fmt: skip
    if len(set(steps)) < len(steps):
        raise UsageError(
            f"two of these times are in one step of {format_duration(scenario.dt)}", where="--at",
            remedy="write times that lie farther apart",
        )  # fmt: skip
    if horizon_s < scenario.dt:
        raise UsageError(
            f"a horizon of {format_duration(horizon_s)} is less than a step", where="--watch",
            remedy=f"write at least --watch {format_duration(scenario.dt)}",
        )  # fmt: skip
    late = max(times) + horizon_s - scenario.duration
    if late > scenario.dt / 2.0:
        raise UsageError(
            f"branches from {format_duration(max(times))} on would end {format_duration(late)} after the run",
            where="--at, --watch",
            remedy=f"write an earlier --at, or a longer run: -s duration={format_duration(scenario.duration + late)}",
        )


def with_sales(scenario: Scenario, question: Question) -> Scenario:
    """Return the scenario with an order in each perpetual, which waits until its size and time are set."""
    own = scenario.model_dump(mode="json", include={"shocks"}, exclude_none=True)["shocks"]
    how: dict[str, Any] = {}
    if question.shock is not None:
        shock = orders_of(scenario)[row_of_order(scenario, question.by, question.shock)]
        how = shock.model_dump(mode="json", include={"over", "schedule"}, exclude_none=True)
    orders = [
        {
            "type": "market_order",
            "market": market.name,
            "side": question.side,
            "notional": "1M",
            "at": "0s",
            **how,
        }
        for market in sources_of(units_of(scenario))
    ]
    changes: dict[str, Any] = {"shocks": [*own, *orders], "published": [], "outputs.trades": False}
    return scenario.replace(**changes)

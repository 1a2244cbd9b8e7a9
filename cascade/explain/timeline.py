"""What happens when: start, shocks, funding stamps, anchors, end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

from cascade.core.params import PERPETUAL, Params
from cascade.scenario.schedules import front_load
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_prices import AnchorsNews, BarsNews
from cascade.scenario.schema_shocks import (
    DepthShock,
    HaltShock,
    MarketOrderShock,
    NewsShock,
    OracleOutage,
    PovSchedule,
    Shock,
)  # fmt: skip
from cascade.units import format_duration, format_instant


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happens at a time, in seconds from the start."""

    t_s: float
    kind: str
    text: str
    time: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return {"t_s": self.t_s, "time": self.time or None, "kind": self.kind, "text": self.text}


def timeline(scenario: Scenario, p: Params) -> tuple[Moment, ...]:
    """Return every scheduled moment of a run, in order."""
    found = [Moment(0.0, "start", _start(scenario)), Moment(scenario.duration, "end", "the run ends")]
    for name, asset in scenario.assets.items():
        if isinstance(asset.news, AnchorsNews):
            found += _anchors(scenario, name, asset.news)
        elif isinstance(asset.news, BarsNews):
            found.append(Moment(0.0, "news", f"{name} follows the bars of {asset.news.file}"))
    for shock in scenario.shocks:
        found += _shock(scenario, shock)
    found += _funding(scenario, p)
    found.sort(key=lambda moment: moment.t_s)
    return tuple(_dated(scenario, moment) for moment in found)


def _start(scenario: Scenario) -> str:
    steps = round(scenario.duration / scenario.dt)
    return f"{steps:,} steps of {format_duration(scenario.dt)}"


def _dated(scenario: Scenario, moment: Moment) -> Moment:
    if scenario.start is None:
        return moment
    time = format_instant(scenario.start + timedelta(seconds=moment.t_s))
    return Moment(moment.t_s, moment.kind, moment.text, time)


def _anchors(scenario: Scenario, name: str, news: AnchorsNews) -> list[Moment]:
    points = [(scenario.seconds(time), price) for time, price in news.points]
    found = [Moment(points[0][0], "anchor", f"{name} at {points[0][1]:,g} USD")]
    for (_, before), (t_s, price) in pairwise(points):
        found.append(Moment(t_s, "anchor", f"{name} at {price:,g} USD ({price / before - 1:+.2%})"))
    return [moment for moment in found if moment.t_s >= 0]


def _shock(scenario: Scenario, shock: Shock) -> list[Moment]:
    """Return when a shock begins, and when it ends if it lasts."""
    at = scenario.seconds(shock.at)
    over = f" over {format_duration(shock.over)}" if shock.over > 0 else ""
    if isinstance(shock, MarketOrderShock):
        over = " to the end of the run" if shock.is_open_ended else over
        size = "all" if shock.notional is None else f"{shock.notional / 1e6:,.10g}M USD"
        whose = "" if shock.account is None else f" for {shock.account}, who holds it"
        backing = "" if shock.margin is None else f" on {shock.margin / 1e6:,.10g}M USD of margin"
        text = f"{shock.side} {size} of {shock.market}{over}{whose}{backing}{_schedule(scenario, shock)}"
    elif isinstance(shock, NewsShock):
        text = f"the news value of {shock.asset} moves {shock.move:+.2%}{over}"
    elif isinstance(shock, DepthShock):
        text = f"makers of {', '.join(shock.markets)} quote {shock.factor:g}x their depth{_lasting(shock)}"
    else:
        text = f"{shock.subject}{_lasting(shock)}{_told(shock)}"
    found = [Moment(at, "shock", text)]
    if shock.over > 0 and at + shock.over <= scenario.duration:
        found.append(Moment(at + shock.over, "shock ends", _LAST.get(type(shock), "the shock is over")))
    return found


_LAST: dict[type, str] = {
    DepthShock: "depth is back",
    HaltShock: "the halt is over",
    OracleOutage: "the index is back",
}


def _lasting(shock: DepthShock | HaltShock | OracleOutage) -> str:
    return f" for {format_duration(shock.over)}" if shock.over > 0 else " from now on"


def _told(shock: HaltShock | OracleOutage) -> str:
    """Return what a halt does with orders and accounts."""
    if isinstance(shock, OracleOutage):
        return ""
    orders = "orders wait" if shock.orders == "queue" else "orders are refused"
    cancels = "can" if shock.cancels else "cannot"
    goes_on = shock.halts == "users" or shock.liquidation == "continue"
    engine = "liquidation goes on" if goes_on else "nobody is liquidated"
    return f": {orders}, {cancels} be cancelled, {engine}"


def _schedule(scenario: Scenario, shock: MarketOrderShock) -> str:
    """Return how an order is worked that is not worked evenly."""
    if isinstance(shock.schedule, PovSchedule):
        return f", {shock.schedule.participation:.3g} of what is traded"
    rate = front_load(scenario, shock)
    if rate == 0.0:
        return ""
    return f", front-loaded: the rest falls to 37 % in {format_duration(round(1.0 / rate, 1))}"


def _funding(scenario: Scenario, p: Params) -> list[Moment]:
    """Return the funding stamps of each venue with perpetuals."""
    found: list[Moment] = []
    names = list(scenario.venues)
    for v, stamps in enumerate(p.funding):
        if not ((p.markets.venue == v) & (p.markets.kind == PERPETUAL)).any():
            continue
        step = int(stamps.first)
        while step * scenario.dt < scenario.duration:
            found.append(
                Moment(step * scenario.dt, "funding", f"longs and shorts of {names[v]} settle funding")
            )
            step += int(stamps.steps)
    return found

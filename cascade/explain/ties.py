"""Who ties the markets of a scenario, who hunts in them, and with how much."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cascade.scenario.schema import Scenario
from cascade.scenario.schema_agents import Hunter
from cascade.scenario.schema_makers import Maker
from cascade.scenario.schema_ties import Arbitrage, CarryTraders
from cascade.units import format_duration, format_usd


@dataclass(frozen=True, slots=True)
class Tie:
    """A group that ties markets, or hunts in one."""

    name: str
    kind: str
    markets: tuple[str, ...]
    text: str

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return {"name": self.name, "kind": self.kind, "markets": self.markets, "text": self.text}


def ties_of(scenario: Scenario) -> tuple[Tie, ...]:
    """Return all that tie markets and are not switched off, and those who hunt, in the order in which they act."""
    on = scenario.channels
    found: list[Tie] = []
    for pair in sorted(scenario.arbitrage, key=lambda each: isinstance(each, CarryTraders)):
        is_carry = isinstance(pair, CarryTraders)
        if on.carry if is_carry else on.arbitrage:
            kind = "carry" if is_carry else "arbitrage"
            found.append(Tie(pair.name, kind, (pair.perpetual, pair.other), "; ".join(_pair(pair))))
    for name, groups in _desks(scenario).items():
        if on.hedging:
            markets = scenario.select_markets(pattern for group in groups for pattern in group.markets)
            found.append(Tie(name, "desks", tuple(markets), _desk(groups[0])))
    hunters = [each for each in scenario.agents if isinstance(each, Hunter) and on.hunting]
    found += [
        Tie(each.name, "hunters", tuple(scenario.select_markets(each.markets)), _hunter(each))
        for each in hunters
    ]
    return tuple(found)


def _pair(pair: Arbitrage) -> Iterator[str]:
    """Yield when those of a pair trade, what it costs them, and with how much they do."""
    if isinstance(pair, CarryTraders):
        yield f"in above {pair.enter:.2g} a year, out below {pair.leave:.2g}"
    else:
        yield f"beyond {pair.threshold_bps:g} bps"
    if pair.wallets is None:
        yield f"capital for {format_usd(pair.most)} on both, at once and free of fees"
        return
    own = pair.wallets
    if not isinstance(pair, CarryTraders):
        yield f"fees of {4e4 * own.fee:.2g} bps both ways" + (
            f", funding over {format_duration(pair.hold)}" if pair.hold else ""
        )
    ready = format_usd(own.ready * own.capital)
    yield (
        f"{format_usd(own.capital)}, {ready} ready on each at {own.leverage:g}x, "
        f"the rest {format_duration(own.transfer)} away"
    )


def _desks(scenario: Scenario) -> dict[str, list[Maker]]:
    """Return the groups of makers of each desk."""
    found: dict[str, list[Maker]] = {}
    for group in scenario.makers:
        if group.desk is not None:
            found.setdefault(group.desk, []).append(group)
    return found


def _desk(group: Maker) -> str:
    """Return how many desks there are, what each has, and when and how they hedge."""
    hedge, count = group.hedge, group.count
    assert hedge is not None
    how = f"quoted for {format_duration(hedge.quoted)}, then at market" if hedge.quoted else "at market"
    return (
        f"{count} an asset, {format_usd(hedge.capital)} each; beyond {format_usd(hedge.threshold)} they hedge "
        f"after {format_duration(hedge.delay)}, {how}"
    )


def _hunter(hunter: Hunter) -> str:
    """Return what a hunter has, may lose, sees, and attacks."""
    return (
        f"{format_usd(hunter.capital)} at {hunter.leverage:g}x, {hunter.max_loss:.0%} to lose; they see "
        f"{hunter.reach_bps:g} bps, and go where fuel is {hunter.worth:g}x the book"
    )

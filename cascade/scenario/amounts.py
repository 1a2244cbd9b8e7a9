"""What a market has to count: the money and stock that everybody starts with, by the figure it comes from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from cascade.scenario.schema_agents import PythonAgent, SplittersFlow
from cascade.scenario.schema_shocks import MarketOrderShock
from cascade.scenario.schema_venues import DOLLAR, SpotMarket
from cascade.scenario.source import Steps

if TYPE_CHECKING:
    from cascade.scenario.checks import Context

MONEY, COIN = 1_000_000, 100_000_000
"""Money units of one USD, and of one unit of any other asset in which markets settle."""

STOCK_USD = 2e9
"""Cash, and value in spot, that an unlevered agent without a cap of its own starts with."""

ENDOWMENT = 2.0
"""Cash, and value in spot, of other agents: in caps, or in notionals of their shock."""

MOVE = 10.0
"""Prices may rise to so many times those at the start."""


def money_units(asset: str) -> int:
    """Return the money units of one unit of a settlement asset."""
    return MONEY if asset == DOLLAR else COIN


class Amount(NamedTuple):
    """A figure, and the money units of one asset that each unit of it stands for."""

    steps: Steps
    asset: str
    figure: float
    weight: float
    unit: str = DOLLAR

    def joined(self, other: Amount | None) -> Amount:
        """Return this amount with another that comes from the same figure, in another market."""
        if other is None:
            return self
        figure = max(self.figure, other.figure)
        return self._replace(figure=figure, weight=(self.money + other.money) / figure)

    @property
    def money(self) -> float:
        """Return the money units that are to be counted."""
        return self.figure * self.weight


def amounts(context: Context) -> Iterator[Amount]:
    """Yield what funds and agents without leverage start with, at prices that have risen by MOVE."""
    yield from _funds(context)
    scenario = context.scenario
    for number, maker in enumerate(scenario.makers):
        names = scenario.select_markets(maker.markets)
        yield from _held(context, ("makers", number, "cap"), maker.cap, ENDOWMENT * maker.count, names)
    for section in ("news_takers", "flow"):
        for number, agent in enumerate(getattr(scenario, section)):
            names = scenario.select_markets(agent.markets)
            key, each = "markets", STOCK_USD
            if isinstance(agent, SplittersFlow):
                key, each = "capital", agent.capital
            yield from _held(context, (section, number, key), each, agent.traders, names)
    for number, agent in enumerate(scenario.agents):
        if isinstance(agent, PythonAgent):
            yield Amount(("agents", number, "cash"), DOLLAR, agent.cash, MONEY)
            continue
        names = scenario.select_markets(agent.markets)
        yield from _held(context, ("agents", number, "capital"), agent.capital, 1.0, names)
    for number, pair in enumerate(scenario.arbitrage):
        names = [name for name in (pair.other, pair.perpetual) if name in scenario.markets]
        if pair.wallets is None:
            yield from _held(context, ("arbitrage", number, "cap"), pair.most, ENDOWMENT, names)
        else:
            times = ENDOWMENT * pair.wallets.leverage
            yield from _held(
                context, ("arbitrage", number, "wallets", "capital"), pair.wallets.capital, times, names
            )
    yield from _ordered(context)


def _ordered(context: Context) -> Iterator[Amount]:
    """Yield what those have whose orders are scheduled."""
    for number, shock in enumerate(context.scenario.shocks):
        if not isinstance(shock, MarketOrderShock) or shock.account is not None:
            continue
        if shock.market in context.scenario.markets:
            assert shock.notional is not None  # said of whoever has no account
            on_margin = shock.margin is not None
            usd, times = (shock.margin, 1.0) if shock.margin is not None else (shock.notional, ENDOWMENT)
            steps: Steps = ("shocks", number, "margin" if on_margin else "notional")
            yield from _held(context, steps, usd, times, [shock.market], with_stock=not on_margin)


def _funds(context: Context) -> Iterator[Amount]:
    """Yield what the funds of venues hold, and what liquidators of lending venues have."""
    markets = context.scenario.markets.items()
    for name, venue in context.scenario.venues.items():
        rulebook = context.rulebooks.get(name)
        if rulebook is not None and rulebook.kind == "lending":
            steps: Steps = ("venues", name, "rules", "liquidators", "capital_usd")
            names = list(context.scenario.markets)
            yield from _held(context, steps, rulebook.liquidators.capital_usd, 1.0, names, with_stock=False)
        steps = ("venues", name, "fund")
        if isinstance(venue.fund, dict):
            for asset, figure in venue.fund.items():
                yield Amount((*steps, asset), asset, figure, money_units(asset), asset)
            continue
        own = dict.fromkeys(market.settles for key, market in markets if key.partition(":")[0] == name)
        for asset in own:
            yield Amount(steps, asset, venue.fund, worth(context, asset))


def _held(
    context: Context,
    steps: Steps,
    figure: float,
    times: float,
    names: Sequence[str],
    *,
    with_stock: bool = True,
) -> Iterator[Amount]:
    """Yield cash in what each market settles in, and on spot stock as well, `times` the figure."""
    weights: dict[str, float] = {}
    for name in names:
        market = context.scenario.markets[name]
        stock = MOVE if with_stock and isinstance(market, SpotMarket) else 0.0
        weights[market.settles] = weights.get(market.settles, 0.0) + times * (1.0 + stock)
    for asset, weight in weights.items():
        yield Amount(steps, asset, figure, weight * worth(context, asset))


def whole(amount: float, towards: Callable[[float], int]) -> int:
    """Return an amount in whole steps; what is whole but for the last bits of a division is taken as it is."""
    nearest = round(amount)
    return nearest if math.isclose(amount, nearest, rel_tol=1e-12, abs_tol=1e-9) else towards(amount)


def worth(context: Context, asset: str) -> float:
    """Return the money units that one USD is worth in a settlement asset, at the start price."""
    return money_units(asset) / (1.0 if asset == DOLLAR else context.start_price(asset) or 1.0)

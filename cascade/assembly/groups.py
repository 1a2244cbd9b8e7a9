"""Makers, news-takers, background flow, arbitrageurs and shocks as parameters and accounts."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from cascade.assembly.entities import Entities, rows
from cascade.assembly.venues import decay, variance_of
from cascade.core import params as k
from cascade.core.exact import INVERSE
from cascade.core.flow import N_QUANTILES, quantile_grid
from cascade.core.state import Array
from cascade.rng import decision_key
from cascade.scenario.amounts import ENDOWMENT, MONEY, STOCK_USD
from cascade.scenario.distributions import AnyDistribution
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_agents import Depth, LadderMaker
from cascade.scenario.schema_shocks import DepthShock, MarketOrderShock, NewsShock
from cascade.scenario.tables import read_depth

VARIANCE_S = 60.0
"""Volatility is followed on one-minute returns: on shorter ones bounce alone empties the book."""


class Quantiles:
    """Quantile functions of the distributions of a scenario, tabulated once each."""

    def __init__(self) -> None:
        self.tables: list[Array] = []
        self._known: dict[str, int] = {}
        self._grid = quantile_grid()

    def add(self, distribution: AnyDistribution, scale: float = 1.0) -> int:
        """Return the number of a distribution's table, its values multiplied by `scale`."""
        name = f"{distribution!r}*{scale}"
        if name not in self._known:
            self._known[name] = len(self.tables)
            values = np.asarray(distribution.ppf(self._grid), np.float64) * scale
            self.tables.append(np.clip(values, 0.0, 9e17))
        return self._known[name]

    def array(self) -> Array:
        """Return the tables, one a row."""
        return np.stack(self.tables) if self.tables else np.zeros((1, N_QUANTILES))


class Groups(NamedTuple):
    """Agent groups as parameters."""

    makers: Array
    quote_levels: Array
    news_takers: Array
    flows: Array
    arbitrage: Array
    shocks: Array
    n_quotes: int


class GroupBuilder:
    """Adds the agents of a scenario to its entities."""

    def __init__(
        self, scenario: Scenario, replicate: int, markets: Array, prices: Array, entities: Entities, quantiles: Quantiles
    ) -> None:  # fmt: skip
        self.scenario, self.replicate, self.markets, self.prices = scenario, replicate, markets, prices
        self.entities, self.quantiles = entities, quantiles
        self.names = list(scenario.markets)
        self.makers: list[tuple[object, ...]] = []
        self.levels: list[tuple[float, float]] = []
        self.n_quotes = 0

    def key(self, group: str, market: str) -> np.uint64:
        """Return the key of a group's draws in one market."""
        return decision_key(self.scenario.seed, f"{group}/{market}", self.replicate)

    def lots(self, m: int, usd: float) -> float:
        """Return USD as lots of a market at its start price."""
        if self.markets[m].contract == INVERSE:
            return usd / self.markets[m].lot_size
        return usd / (self.prices[self.markets[m].asset] * self.markets[m].lot_size)

    def agent(self, kind: int, m: int, usd: float) -> tuple[int, int]:
        """Add an account with cash, and on a spot market with as much stock; return position and stock."""
        stock = int(self.lots(m, usd)) if self.markets[m].kind == k.SPOT else 0
        _, position = self.entities.add(kind, int(self.markets[m].venue), [m], usd, [stock])
        return position, stock

    def build(self) -> Groups:
        """Return all groups."""
        for group in self.scenario.makers:
            for name in self.scenario.select_markets(group.markets):
                self._makers(group, name)
        return Groups(
            makers=rows(k.MAKER, self.makers),
            quote_levels=rows(k.QUOTE_LEVEL, self.levels),
            news_takers=self._news_takers(),
            flows=self._flows(),
            arbitrage=self._arbitrage(),
            shocks=self._shocks(),
            n_quotes=self.n_quotes,
        )

    def _makers(self, group: LadderMaker, name: str) -> None:
        """Add the makers of one market, and what the market learns and fears."""
        m = self.names.index(name)
        dt = self.scenario.dt
        _set_learning(self.markets[m], group, dt)
        sizes = level_sizes(group) * group.depth.scale / group.count * MONEY
        generator = np.random.Generator(
            np.random.Philox(key=int(self.key(f"maker.level/{group.name}", name)))
        )
        key = self.key(f"maker/{group.name}", name)
        for slot in range(group.count):
            position, stock = self.agent(k.MAKER_ACCOUNT, m, ENDOWMENT * group.cap)
            jitter = generator.uniform(*group.level_jitter, len(sizes))
            self.makers.append((
                position, len(self.levels), len(sizes), self.n_quotes, min(group.requote_rate * dt, 1.0),
                group.tolerance, group.fair_noise_bps * 1e-4, group.skew_bps * 1e-4, self.lots(m, group.cap),
                stock, key, slot,
            ))  # fmt: skip
            distances = np.array(group.levels_bps) * 1e-4 * jitter
            self.levels += list(zip(distances.tolist(), sizes.tolist(), strict=True))
            self.n_quotes += 2 * len(sizes)

    def _news_takers(self) -> Array:
        found = []
        for group in self.scenario.news_takers:
            for name in self.scenario.select_markets(group.markets):
                m = self.names.index(name)
                position, _ = self.agent(k.NEWS_TAKER_ACCOUNT, m, STOCK_USD)
                rate = group.rate * self.scenario.dt
                key = self.key(f"news taker/{group.name}", name)
                found.append((position, group.edge_bps * 1e-4, group.max_order * MONEY, rate, key))
        return rows(k.NEWS_TAKER, found)

    def _flows(self) -> Array:
        found = []
        dt = self.scenario.dt
        for group in self.scenario.flow:
            sizes = [self.quantiles.add(x.size, MONEY) for x in (group.market_orders, group.limit_orders)]
            distance = self.quantiles.add(group.limit_orders.distance, 1e-4)
            for name in self.scenario.select_markets(group.markets):
                m = self.names.index(name)
                takes, _ = self.agent(k.FLOW_ACCOUNT, m, STOCK_USD)
                rests, _ = self.agent(k.FLOW_ACCOUNT, m, STOCK_USD)
                found.append((
                    takes, rests, group.market_orders.rate * dt, group.limit_orders.rate * dt, *sizes, distance,
                    group.limit_orders.life / dt, group.scale, self.key(f"flow/{group.name}", name),
                ))  # fmt: skip
        return rows(k.FLOW, found)

    def _arbitrage(self) -> Array:
        found = []
        for group in self.scenario.arbitrage:
            s, f = self.names.index(group.spot), self.names.index(group.perpetual)
            stock = int(self.lots(s, group.cap))
            _, first = self.entities.add(
                k.ARBITRAGE_ACCOUNT, int(self.markets[f].venue), [s, f], ENDOWMENT * group.cap, [stock, 0]
            )
            gain = self.lots(f, group.gain_usd_per_bps) * 1e4
            act = min(group.rate * self.scenario.dt, 1.0)
            found.append((
                first, first + 1, group.threshold_bps * 1e-4, gain, self.lots(f, group.max_order),
                self.lots(f, group.cap), act, stock, self.key(f"arbitrage/{group.name}", group.perpetual),
            ))  # fmt: skip
        return rows(k.ARBITRAGE, found)

    def _shocks(self) -> Array:
        found: list[tuple[object, ...]] = []
        last = math.ceil(self.scenario.duration / self.scenario.dt)
        for shock in self.scenario.shocks:
            first = int(self.scenario.seconds(shock.at) / self.scenario.dt)
            until = first + max(round(shock.over / self.scenario.dt), 1)
            if isinstance(shock, MarketOrderShock):
                m = self.names.index(shock.market)
                position, stock = self.agent(k.SHOCK_ACCOUNT, m, ENDOWMENT * shock.notional)
                lots = self.lots(m, shock.notional) * (1.0 if shock.side == "buy" else -1.0)
                found.append((k.MARKET_SHOCK, m, first, until, lots, position, stock))
            elif isinstance(shock, NewsShock):
                asset = list(self.scenario.assets).index(shock.asset)
                found.append((k.NEWS_SHOCK, asset, first, until, math.log1p(shock.move), 0, 0))
            else:
                found += self._depth_shock(shock, first, until if shock.over > 0.0 else last)
        return rows(k.SHOCK, found)

    def _depth_shock(self, shock: DepthShock, first: int, until: int) -> list[tuple[object, ...]]:
        return [
            (k.DEPTH_SHOCK, self.names.index(name), first, until, shock.factor, 0, 0)
            for name in self.scenario.select_markets(shock.markets)
        ]


def _set_learning(market: Array, group: LadderMaker, dt: float) -> None:
    """Set how a market's fair value learns from flow and how its depth answers to volatility."""
    learning = group.learning
    per_unit = learning.impact_bps_per_million * 1e-4 / (1e6 * MONEY)
    market.impact = per_unit / (group.depth.scale if learning.scale_with_depth else 1.0)
    market.impact_decay = decay(learning.half_life, dt)
    fear = group.withdrawal
    if fear is None:
        return
    market.variance_steps = max(round(VARIANCE_S / dt), 1)
    seconds = float(market.variance_steps) * dt
    market.calm_variance = variance_of(fear.calm_volatility, seconds)
    market.withdrawal_threshold, market.withdrawal_exponent = fear.threshold, fear.exponent
    market.withdrawal_floor = fear.floor
    market.variance_decay = math.exp(-seconds / fear.memory)
    market.learning_floor = 1.0 if fear.in_learning_floor is None else fear.in_learning_floor


def depth_points(depth: Depth) -> tuple[Array, Array]:
    """Return a depth profile as distances in bps and cumulative USD on one side, at scale 1."""
    if depth.file is not None:
        profile = read_depth(depth.file)
        return profile.distance_bps, profile.cumulative_usd
    points = np.array(depth.profile, np.float64)
    return points[:, 0], points[:, 1]


def level_sizes(group: LadderMaker) -> Array:
    """Return USD per level and side: what the profile holds between the middles of neighbouring levels."""
    distances, cumulative = depth_points(group.depth)
    levels = np.array(group.levels_bps, np.float64)
    edges = np.concatenate([(levels[:-1] + levels[1:]) / 2.0, [max(distances[-1], levels[-1])]])
    held = np.interp(edges, np.concatenate([[0.0], distances]), np.concatenate([[0.0], cumulative]))
    return np.diff(np.concatenate([[0.0], held]))

"""Makers, news-takers, background flow, arbitrageurs and shocks as parameters and accounts."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from cascade import names as kinds
from cascade.assembly.draft import Draft
from cascade.assembly.entities import Entities, records
from cascade.assembly.memory import left_after
from cascade.assembly.orders import worked
from cascade.assembly.outages import halted
from cascade.assembly.ties import TieBuilder, Tied
from cascade.assembly.trails import Trails
from cascade.assembly.venues import decay
from cascade.assembly.withdrawals import withdrawal_of
from cascade.core import params as k
from cascade.core.flow import N_QUANTILES, quantile_grid
from cascade.core.state import Array
from cascade.names import number_of
from cascade.scenario.amounts import ENDOWMENT, MONEY, STOCK_USD
from cascade.scenario.distributions import AnyDistribution
from cascade.scenario.liquidity import learning_of
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_agents import (
    SINGLES,
    BackgroundFlow,
    Hunter,
    Lone,
    PythonAgent,
    SplittersFlow,
)
from cascade.scenario.schema_makers import LadderMaker, Maker
from cascade.scenario.schema_prices import Asset
from cascade.scenario.schema_shocks import DepthShock, HaltShock, MarketOrderShock, NewsShock, OracleOutage


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

    def mean(self, number: int) -> float:
        """Return the mean of a tabulated distribution."""
        return float(np.trapezoid(self.tables[number], self._grid))

    def array(self) -> Array:
        """Return the tables, one a row."""
        return np.stack(self.tables) if self.tables else np.zeros((1, N_QUANTILES))


class Groups(NamedTuple):
    """Agent groups as parameters."""

    makers: Array
    quote_levels: Array
    agents: Array
    flows: Array
    splitters: Array
    ties: Array
    own_fees: Array
    tied: tuple[Tied, ...]
    shocks: Array
    n_quotes: int


class _MarketDraft:
    """A market that is being drafted, as a group asks of it what its figures are to kernels."""

    def __init__(self, draft: GroupBuilder, m: int) -> None:
        self._draft, self._m = draft, m

    def lots(self, usd: float) -> float:
        """Return USD as lots, at the start price."""
        return self._draft.lots(self._m, usd)

    def money(self, usd: float) -> float:
        """Return USD as units of money."""
        return usd * MONEY

    def per_step(self, rate: float) -> float:
        """Return how likely somebody who looks at a rate does so in a step."""
        return self._draft.per_step(rate)

    def trail(self, window: float) -> int:
        """Return the number of the running mean of its log price that has this memory."""
        return self._draft.trails.add(self._m, window)


class GroupBuilder(Draft):
    """Adds the agents of a scenario to its entities."""

    def __init__(
        self, scenario: Scenario, replicate: int, markets: Array, prices: Array, entities: Entities,
        quantiles: Quantiles, trails: Trails,
    ) -> None:  # fmt: skip
        super().__init__(scenario, replicate, markets, prices, entities)
        self.quantiles, self.trails = quantiles, trails
        self.levels: list[dict[str, float]] = []
        self.flows: list[dict[str, Any]] = []
        self.splitters: list[dict[str, Any]] = []
        self.capitals: dict[str, int] = {}
        self.ties = TieBuilder(self)
        self.n_parents = 0
        self.n_quotes = 0

    def build(self) -> Groups:
        """Return all groups."""
        for group in self.scenario.makers:
            for name in self.scenario.select_markets(group.markets):
                self._makers(group, name)
        self._agents()
        return Groups(
            makers=records(k.MAKER, self.makers),
            quote_levels=records(k.QUOTE_LEVEL, self.levels),
            agents=records(k.AGENT_P, self.agents),
            flows=records(k.FLOW, self.flows),
            splitters=records(k.SPLITTERS, self.splitters),
            ties=records(k.TIE, self.ties.rows),
            own_fees=self.ties.own_fees(),
            tied=self.ties.tied(),
            shocks=self._shocks(),
            n_quotes=self.n_quotes,
        )

    def _makers(self, group: Maker, name: str) -> None:
        """Add the makers of one market, and what the market learns and fears."""
        m = self.names.index(name)
        dt = self.scenario.dt
        if isinstance(group, LadderMaker):
            if self._asset(m).impact is None:
                _set_learning(self.markets[m], group, learning_of(self.scenario, group, name), dt)
            _set_swing(self.markets[m], group, dt, self.key(f"swing/{group.name}", name))
        levels = group.levels()
        near = group.nearness(levels.distance_bps)
        refills = np.minimum(group.refills(levels.distance_bps) / min(group.requote_rate, 1.0 / dt), 1.0)
        generator = np.random.Generator(
            np.random.Philox(key=int(self.key(f"maker.level/{group.name}", name)))
        )
        key = self.key(f"maker/{group.name}", name)
        for slot in range(group.count):
            position, stock = self.agent(k.MAKER_ACCOUNT, m, ENDOWMENT * group.cap)
            distances, usd = group.ladder(generator.uniform(*group.jitter(), len(near)))
            self.makers.append({
                "kind": number_of(kinds.Maker, group.type),
                "position": position, "first_level": len(self.levels), "n_levels": len(near),
                "first_quote": self.n_quotes, "act": min(group.requote_rate * dt, 1.0),
                "tolerance": group.tolerance, "noise": group.fair_noise_bps * 1e-4,
                "skew": group.skew_bps * 1e-4, "cap": self.lots(m, group.cap), "initial": stock,
                "key": key, "slot": slot, "slack": group.slack_bps * 1e-4,
                "pace": group.looks(dt), "purse": self._purse(name), "desk": len(self.makers),
            })  # fmt: skip
            if group.hedge is not None:
                self.ties.seat(group, m, slot, len(self.makers) - 1)
            columns = (distances, usd / group.count * MONEY, refills, near)
            self.levels += [
                {"distance": distance, "money": size, "refill": refill, "nearness": nearness}
                for distance, size, refill, nearness in zip(*(each.tolist() for each in columns), strict=True)
            ]
            self.n_quotes += 2 * len(near)

    def _purse(self, market: str) -> int:
        """Return the number of the first maker of the capital that the next maker, of a market, is of."""
        rule, own = withdrawal_of(self.scenario, market), len(self.makers)
        capital = rule.losses.capital if rule is not None and rule.losses is not None else None
        return own if capital is None else self.capitals.setdefault(capital, own)

    def _agents(self) -> None:
        """Add those who send orders, kind by kind in the order in which they act."""
        self._news_takers()
        self._flow()
        self.ties.build()
        ours = [each for each in self.scenario.agents if not isinstance(each, PythonAgent)]
        for group in sorted(ours, key=lambda each: number_of(kinds.Agent, each.type)):
            for name in self.scenario.select_markets(group.markets):
                if isinstance(group, Hunter):
                    self.ties.hunter(group, name)
                else:
                    self._lone(group, name)
        for flow in self.scenario.flow:
            if isinstance(flow, SplittersFlow):
                self._splitters(flow)

    def _lone(self, group: Lone, name: str) -> None:
        """Add those of a group who trade in one market."""
        m, each = self.names.index(name), group.capital / group.traders
        market = _MarketDraft(self, m)
        for number in range(group.traders):
            position, stock = self.agent(k.FLOW_ACCOUNT, m, each, with_stock=group.has_stock)
            self.add_agent(group.type, {
                "position": position, "initial": stock,
                "key": self.key(f"{group.type}/{group.name}{group.luck_of(number)}", name),
                **group.figures(number, market),
            })  # fmt: skip

    def _news_takers(self) -> None:
        for group in self.scenario.news_takers:
            for name in self.scenario.select_markets(group.markets):
                position, _ = self.agent(k.NEWS_TAKER_ACCOUNT, self.names.index(name), STOCK_USD)
                self.add_agent("news_taker", {
                    "position": position, "threshold": group.edge_bps * 1e-4,
                    "max_order": group.max_order * MONEY, "rate": group.rate * self.scenario.dt,
                    "key": self.key(f"news taker/{group.name}", name),
                })  # fmt: skip

    def _flow(self) -> None:
        """Add background flow."""
        for group in self.scenario.flow:
            if isinstance(group, BackgroundFlow):
                self._background(group)

    def _background(self, group: BackgroundFlow) -> None:
        dt = self.scenario.dt
        market_size = self.quantiles.add(group.market_orders.size, MONEY)
        limit_size = self.quantiles.add(group.limit_orders.size, MONEY)
        distance = self.quantiles.add(group.limit_orders.distance, 1e-4)
        for name in self.scenario.select_markets(group.markets):
            m = self.names.index(name)
            takes, _ = self.agent(k.FLOW_ACCOUNT, m, STOCK_USD)
            rests, _ = self.agent(k.FLOW_ACCOUNT, m, STOCK_USD)
            self.add_agent("background", {"own": len(self.flows), "position": takes, "second": rests})
            self.flows.append({
                "market_position": takes, "limit_position": rests,
                "market_rate": group.market_orders.rate * dt, "limit_rate": group.limit_orders.rate * dt,
                "market_size": market_size, "limit_size": limit_size, "distance": distance,
                "life": group.limit_orders.life / dt, "scale": group.scale,
                "key": self.key(f"flow/{group.name}", name),
            })  # fmt: skip

    def _splitters(self, group: SplittersFlow) -> None:
        dt, split, tilt = self.scenario.dt, group.split, group.tilt
        kept, order_size = left_after(dt, tilt.memory), self.quantiles.add(group.size, MONEY)
        for name in self.scenario.select_markets(group.markets):
            added = [
                self.agent(k.FLOW_ACCOUNT, self.names.index(name), group.capital)
                for _ in range(group.traders)
            ]
            position, stock = added[0]
            self.add_agent("splitters", {"own": len(self.splitters), "position": position, "initial": stock})
            self.splitters.append({
                "first_position": position, "n_singles": SINGLES,
                "rate": group.rate * dt * math.exp(-(group.swing**2) / 2.0),
                "activity_power": group.activity_exponent, "daytime_power": group.daytime_exponent,
                "swing": group.swing, "swing_decay": left_after(dt, group.swing_memory),
                "order_size": order_size, "scale": group.scale,
                "split_share": split.share, "first_parent": self.n_parents, "n_parents": split.parents,
                "most": split.largest_piece * MONEY, "run_exponent": split.run_exponent,
                "run_most": split.longest_run, "single_tilt": tilt.single, "parent_tilt": tilt.parent,
                "holds": group.rate * tilt.balance * group.scale * self.quantiles.mean(order_size),
                "trend_decay": kept, "trend_scale": math.sqrt((1.0 + kept) / (1.0 - kept)),
                "follow_rate": min(tilt.follow_rate * dt, 1.0), "follow_size": tilt.follow_size * MONEY,
                "key": self.key(f"splitters/{group.name}", name),
            })  # fmt: skip
            self.n_parents += split.parents

    def _asset(self, m: int) -> Asset:
        """Return the asset of a market."""
        return list(self.scenario.assets.values())[int(self.markets[m].asset)]

    def _shocks(self) -> Array:
        found: list[dict[str, Any]] = []
        last = math.ceil(self.scenario.duration / self.scenario.dt)
        for shock in self.scenario.shocks:
            first = int(self.scenario.seconds(shock.at) / self.scenario.dt)
            until = first + max(round(shock.over / self.scenario.dt), 1)
            when = {"start": first, "stop": until}
            if isinstance(shock, MarketOrderShock):
                found.append({"kind": k.MARKET_SHOCK, **when, **self._order(shock, last)})
            elif isinstance(shock, NewsShock):
                asset = list(self.scenario.assets).index(shock.asset)
                found.append(
                    {"kind": k.NEWS_SHOCK, "target": asset, "amount": math.log1p(shock.move), **when}
                )
            else:
                when["stop"] = until if shock.over > 0.0 else last
                found += [{**row, **when} for row in self._of_markets(shock)]
        return records(k.SHOCK, found)

    def _of_markets(self, shock: DepthShock | HaltShock | OracleOutage) -> list[dict[str, Any]]:
        """Return a row for each market that a shock concerns, without its times."""
        if isinstance(shock, DepthShock):
            row: dict[str, Any] = {"kind": k.DEPTH_SHOCK, "amount": shock.factor}
            return [
                {**row, "target": self.names.index(name)}
                for name in self.scenario.select_markets(shock.markets)
            ]
        bits = halted(self.scenario, shock)
        return [{"kind": k.HALT_SHOCK, "target": self.names.index(name), "halt": bits[name]} for name in bits]

    def _order(self, shock: MarketOrderShock, last: int) -> dict[str, Any]:
        """Return whose order it is, its lots and how it is worked; of accounts, and on margin, see `orders`."""
        m = self.names.index(shock.market)
        row: dict[str, Any] = {"target": m, **worked(self.scenario, shock, last)}
        if shock.account is not None:
            return row | {"closes": 1}
        assert shock.notional is not None  # said of whoever has no account
        lots = self.lots(m, shock.notional) * (1.0 if shock.side == "buy" else -1.0)
        if shock.margin is not None:
            return row | {"margined": 1, "amount": lots}
        position, stock = self.agent(k.SHOCK_ACCOUNT, m, ENDOWMENT * shock.notional)
        return row | {"amount": lots, "position": position, "initial": stock}


def _set_swing(market: Array, group: LadderMaker, dt: float, key: np.uint64) -> None:
    """Set how sizes in a market come and go."""
    swing = group.swing
    if swing is None:
        return
    market.side_swing, market.side_decay = swing.side, left_after(dt, swing.side_memory)
    market.swing, market.swing_decay = swing.both, left_after(dt, swing.both_memory)
    market.activity_power, market.key = swing.activity_exponent, key
    market.error, market.error_decay = swing.error_bps * 1e-4, left_after(dt, swing.error_memory)


def _set_learning(market: Array, group: LadderMaker, impact_bps_per_million: float, dt: float) -> None:
    """Set how a market's fair value learns from its flow."""
    learning = group.learning
    per_unit = impact_bps_per_million * 1e-4 / (1e6 * MONEY)
    market.impact = per_unit / (group.depth.scale if learning.scale_with_depth else 1.0)
    market.impact_decay = decay(learning.half_life, dt)
    if group.withdrawal is not None and group.withdrawal.in_learning_floor is not None:
        market.learning_floor = group.withdrawal.in_learning_floor

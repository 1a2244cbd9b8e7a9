"""What moves the prices of a scenario: news, impact of orders, makers, flow; and what one sale would do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cascade.assembly import Assembled
from cascade.core.params import ANCHORS, Params
from cascade.explain.sale import Sale, sale_in
from cascade.explain.ties import Tie, ties_of
from cascade.scenario.liquidity import DAY_S, FAR_BPS, NEAR_BPS, daily_flow, depth_within
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_makers import LadderMaker, Maker


@dataclass(frozen=True, slots=True)
class AssetMoves:
    """What moves an asset in all its markets.

    Attributes
    ----------
    daily_volatility : float
        Of the news alone, as a share; of a path that is given, along that path.
    impact : str
        The rule by which orders move it: ``root law`` or ``learning`` of makers.
    """

    asset: str
    news: str
    daily_volatility: float
    impact: str
    rule: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return {
            "asset": self.asset, "news": self.news, "news_daily_volatility": self.daily_volatility,
            "impact": self.impact, **self.rule,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class MarketMoves:
    """What a market holds and trades.

    Attributes
    ----------
    near_usd, far_usd : float
        Quoted within 10 bps and within 1 %, on one side.
    near_back_s, far_back_s : float
        Time in which half of what was taken there is quoted again.
    """

    market: str
    near_usd: float
    far_usd: float
    near_back_s: float
    far_back_s: float
    flow_usd_per_day: float
    sale: Sale

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return {
            "market": self.market, "depth_10bps_usd": self.near_usd, "depth_1pct_usd": self.far_usd,
            "half_back_10bps_s": _finite(self.near_back_s), "half_back_1pct_s": _finite(self.far_back_s),
            "flow_usd_per_day": self.flow_usd_per_day, "sale": self.sale,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moves:
    """What moves the prices of a scenario."""

    assets: tuple[AssetMoves, ...]
    markets: tuple[MarketMoves, ...]
    ties: tuple[Tie, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return {"assets": self.assets, "markets": self.markets, "ties": self.ties}


def moves_of(scenario: Scenario, drawn: Assembled) -> Moves:
    """Return what moves the prices of a scenario, with the news as it is drawn."""
    assets = tuple(_asset(scenario, drawn.params, a) for a in range(len(scenario.assets)))
    markets = tuple(_market(scenario, drawn, name) for name in scenario.select_markets("*"))
    return Moves(assets, markets, ties_of(scenario))


def _asset(scenario: Scenario, p: Params, a: int) -> AssetMoves:
    name = list(scenario.assets)[a]
    asset, volatility = scenario.assets[name], daily_volatility(p, a, scenario.dt)
    if asset.impact is not None:
        told = {
            "daily_volume_usd": asset.impact.daily_volume,
            "daily_volatility": asset.impact.daily_volatility,
        }
        return AssetMoves(name, asset.news.type, volatility, "root law", told | {"y": asset.impact.y})
    own = (p.markets.asset == a) & (p.markets.impact > 0.0)
    half_lives = -scenario.dt * math.log(2.0) / np.log(p.markets.impact_decay[own])
    told = (
        {"half_life_s": float(half_lives.max()), "follows_depth": _follows_depth(scenario, name)}
        if own.any()
        else {}
    )
    return AssetMoves(name, asset.news.type, volatility, "learning", told)


def _follows_depth(scenario: Scenario, asset: str) -> bool:
    """Tell whether what makers of an asset learn is set by the depth of their markets."""
    return any(
        scenario.markets[name].asset == asset
        for group in scenario.makers
        if isinstance(group, LadderMaker) and group.learning.impact_bps_per_million is None
        for name in scenario.select_markets(group.markets)
    )


def daily_volatility(p: Params, a: int, dt: float) -> float:
    """Return the standard deviation of a day's news, from its variance in a step and that of jumps or anchors."""
    rule = p.assets[a]
    variance = float(rule.volatility) ** 2
    variance += float(rule.jump_rate) * (float(rule.jump_sd) ** 2 + float(rule.jump_mean) ** 2)
    if rule.news == ANCHORS:
        points = p.points[rule.first_point : rule.first_point + rule.n_points]
        lasts = float(points.step[-1] - points.step[0])
        if lasts > 0.0:
            variance += float((np.diff(points.log_price) ** 2).sum()) / lasts
    return math.sqrt(variance * DAY_S / dt)


def _market(scenario: Scenario, drawn: Assembled, name: str) -> MarketMoves:
    groups = [group for group in scenario.makers if name in scenario.select_markets(group.markets)]
    near, far = (depth_within(scenario, name, bps) for bps in (NEAR_BPS, FAR_BPS))
    near_back, far_back = (_half_back(groups, bps) for bps in (NEAR_BPS, FAR_BPS))
    flow, sale = daily_flow(scenario, name), sale_in(scenario, drawn, name)
    return MarketMoves(name, near, far, near_back, far_back, flow, sale)


def _half_back(groups: list[Maker], distance_bps: float) -> float:
    """Return the time in which the makers who quote most at a distance are back with half of it."""
    ladders = [group for group in groups if isinstance(group, LadderMaker)]
    if not ladders:
        return math.inf
    most = max(ladders, key=lambda group: group.within(distance_bps))
    rate = float(most.refills(np.array([distance_bps]))[0])
    look = math.log(2.0) / most.requote_rate if most.requote_rate > 0.0 else math.inf
    return max(look, 0.5 / rate if rate > 0.0 else math.inf)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None

"""News value and price history of each asset, in steps and minutes."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from cascade.assembly.entities import records
from cascade.core import params as k
from cascade.core.population import HISTORY
from cascade.core.start import empty
from cascade.core.state import Array
from cascade.rng import decision_key
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_prices import (
    AnchorsNews,
    BarsNews,
    ClusteredNews,
    GbmHistory,
    GbmNews,
    JumpDiffusionNews,
)
from cascade.scenario.tables import Bars, read_bars

YEAR_S = 365.0 * 86_400.0


class Prices(NamedTuple):
    """Parameters of the news processes, with the start value and the history of each asset."""

    assets: Array
    points: Array
    start: Array  # float64 (n_assets,)
    history: list[Array]  # HISTORY rows by minutes before the start


def assemble_prices(scenario: Scenario, replicate: int) -> Prices:
    """Return the prices of a scenario in one replicate."""
    assets = empty(k.ASSET_P, len(scenario.assets))
    points: list[dict[str, float]] = []
    starts: list[float] = []
    histories: list[Array] = []
    for a, (name, asset) in enumerate(scenario.assets.items()):
        news, row = asset.news, assets[a]
        row.key = decision_key(scenario.seed, f"news/{name}", replicate)
        row.common_key = decision_key(scenario.seed, "news", replicate)
        row.first_point = len(points)
        if isinstance(news, AnchorsNews | BarsNews):
            row.traded = 0 if asset.impact is None or news.free_of_impact else 1
            start, own = _news_points(scenario, news)
            points += own
        else:
            start = news.price
        row.n_points = len(points) - row.first_point
        _diffusion(row, news, scenario.dt)
        starts.append(start)
        histories.append(_history(scenario, name, start, replicate))
    return Prices(assets, records(k.POINT, points), np.array(starts), histories)


def _diffusion(row: Array, news: object, dt: float) -> None:
    """Set volatility, drift and jumps per step."""
    row.volatility = getattr(news, "volatility", 0.0) * math.sqrt(dt / YEAR_S)
    if isinstance(news, GbmNews):
        row.news, row.drift = k.GBM, news.drift * dt / YEAR_S
    elif isinstance(news, JumpDiffusionNews):
        row.news, row.drift = k.JUMP_DIFFUSION, news.drift * dt / YEAR_S
        row.jump_rate = news.jumps_per_day * dt / 86_400.0
        row.jump_mean, row.jump_sd = news.jump_mean_bps * 1e-4, news.jump_sd_bps * 1e-4
    elif isinstance(news, ClusteredNews | AnchorsNews | BarsNews):
        row.news = k.CLUSTERED if isinstance(news, ClusteredNews) else k.ANCHORS
        row.common = news.common
        row.jump_rate = news.jumps_per_day * dt / 86_400.0
        row.jump_sd = news.jump_sd_bps * 1e-4


def _path(scenario: Scenario, source: AnchorsNews | BarsNews) -> tuple[Array, Array]:
    """Return times in seconds from the start and prices of anchors, or of a file of bars."""
    if isinstance(source, AnchorsNews):
        times = np.array([scenario.seconds(time) for time, _ in source.points], np.float64)
        return times, np.array([price for _, price in source.points], np.float64)
    return bar_path(read_bars(source.file, source.time_column), scenario.start)


def bar_path(bars: Bars, start: datetime | None) -> tuple[Array, Array]:
    """Return four points for each bar: its open, its extremes in the order its close suggests, its close."""
    origin = start.astimezone(UTC).timestamp() if start is not None else float(bars.time_s[0])
    rising = bars.close >= bars.open
    second = np.where(rising, bars.low, bars.high)
    third = np.where(rising, bars.high, bars.low)
    prices = np.stack([bars.open, second, third, bars.close], axis=1).ravel()
    shares = np.array([0.0, 0.3, 0.65, 0.95])[None, :] * bars.length_s[:, None]
    times = (bars.time_s[:, None] - origin + shares).ravel()
    return times, prices


def _news_points(scenario: Scenario, source: AnchorsNews | BarsNews) -> tuple[float, list[dict[str, float]]]:
    """Return the start price, and the points after the start."""
    times, prices = _path(scenario, source)
    logs = np.log(prices) - _held(scenario, source, times)
    start = float(np.exp(np.interp(0.0, times, logs)))
    after = times > 0.0
    points = [
        {"step": float(t) / scenario.dt, "log_price": float(x)}
        for t, x in zip(times[after], logs[after], strict=True)
    ]
    return start, points or [{"step": 0.0, "log_price": math.log(start)}]


def _held(scenario: Scenario, source: AnchorsNews | BarsNews, times: Array) -> Array:
    """Return the log price by which forced orders had moved a traded path at given times."""
    if not source.held_bps:
        return np.zeros(len(times))
    at = [scenario.seconds(time) for time, _ in source.held_bps]
    return np.asarray(np.interp(times, at, [bps * 1e-4 for _, bps in source.held_bps]), np.float64)


def _history(scenario: Scenario, name: str, start: float, replicate: int) -> Array:
    """Return prices by minutes before the start, with the extremes since then."""
    source = scenario.assets[name].history
    generator = np.random.Generator(
        np.random.Philox(key=int(decision_key(scenario.seed, f"history/{name}", replicate)))
    )
    if source is None:
        prices = low = high = np.array([start])
    elif isinstance(source, GbmHistory):
        n = int(source.duration // 60) + 1
        sd = source.volatility * math.sqrt(60.0 / YEAR_S)
        steps = np.concatenate([[0.0], sd * generator.standard_normal(n - 1)])
        prices = low = high = start * np.exp(np.cumsum(steps))
    else:
        prices, low, high = _past(scenario, source, start, generator)
    table = np.zeros(len(prices), HISTORY).view(np.recarray)
    table.price, table.low, table.high = prices, np.minimum.accumulate(low), np.maximum.accumulate(high)
    return table


def _past(
    scenario: Scenario, source: AnchorsNews | BarsNews, start: float, generator: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Return price, low and high of each minute before the start, the latest first.

    Whatever the source says last, the path runs to the start price, at which the market opens.
    """
    times, prices = _path(scenario, source)
    before = times < 0.0
    times = np.append(times[before], 0.0)
    logs = np.append(np.log(prices[before]), math.log(start))
    n = int(-times[0] // 60) + 1
    minutes = -60.0 * np.arange(n)
    path = np.interp(minutes, times, logs)
    path += _bridges(minutes, times, source.volatility, generator)
    # a point between two minutes counts for the earlier one: who entered at the later has not met it
    at = np.ceil(-times / 60.0).astype(np.int64)
    met = at < n
    low, high = path.copy(), path.copy()
    np.minimum.at(low, at[met], logs[met])
    np.maximum.at(high, at[met], logs[met])
    return np.exp(path), np.exp(low), np.exp(high)


def _bridges(minutes: Array, times: Array, volatility: float, generator: np.random.Generator) -> Array:
    """Return Brownian bridges over the gaps between given times, at whole minutes before the start."""
    if volatility == 0.0:
        return np.zeros(len(minutes))
    sd = volatility * math.sqrt(60.0 / YEAR_S)
    walk = np.cumsum(sd * generator.standard_normal(len(minutes)))[::-1]
    rising = minutes[::-1]
    values = walk[::-1]
    pinned = np.interp(rising, times, np.interp(times, rising, values))
    return (values - pinned)[::-1]

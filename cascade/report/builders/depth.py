"""Depth and spread of the book over time, and open interest."""

from __future__ import annotations

import numpy as np

from cascade.output.run_units import MarketUnits
from cascade.report.builders.prices import MarketTable, slug
from cascade.report.builders.study import Bars, Missing, Study, Variant, quantile
from cascade.report.builders.table import Column, Floats, Table, text_column

DISTANCES_BPS = (100, 50, 10)
"""Distances of the depth that bars hold, from far to near."""


def depth_over_time(study: Study) -> list[MarketTable] | Missing:
    """Return the depth of both sides against that of the first bar, and the spread, medians by market."""
    return study.without("bars") or [_depth(study, market) for market in study.markets]


def _depth(study: Study, market: MarketUnits) -> MarketTable:
    bars = study.first.bars(market.name)
    columns = [study.times(study.first, market.name)]
    for side, distances in (("bid", DISTANCES_BPS), ("ask", DISTANCES_BPS[::-1])):
        for bps in distances:
            path = quantile(bars.last(f"{side}_depth_{bps}bps_usd"), 0.5)
            label = f"{side}s within {bps} bps, median"
            columns.append(Column(f"{side}_{bps}", label, path, "USD"))
            columns.append(Column(f"{side}_{bps}_share", f"{label}, of the first", _of_first(path), "%"))
    columns += _spread(study, market)
    return MarketTable(market, Table(f"depth-{slug(market.name)}", f"Book of {market.name}", tuple(columns)))


def _of_first(path: Floats) -> Floats:
    known = path[~np.isnan(path)]
    return path / known[0] * 100 if len(known) and known[0] > 0 else np.full(len(path), np.nan)


def _spread(study: Study, market: MarketUnits) -> list[Column]:
    found: list[Column] = []
    for number, variant in enumerate(study.variants):
        own = variant.bars(market.name)
        bid, ask = own.last("best_bid_price"), own.last("best_ask_price")
        spread = (ask - bid) / (0.5 * (ask + bid)) * 1e4
        found.append(
            Column(f"v{number}_spread", f"{variant.label}: spread, median", quantile(spread, 0.5), "bps")
        )
        near = own.last("bid_depth_100bps_usd") + own.last("ask_depth_100bps_usd")
        found.append(
            Column(f"v{number}_near", f"{variant.label}: depth within 100 bps", quantile(near, 0.5), "USD")
        )
    return found


def open_interest(study: Study) -> list[MarketTable] | Missing:
    """Return open interest over time by market."""
    return study.without("bars") or [_interest(study, market) for market in study.markets]


def _interest(study: Study, market: MarketUnits) -> MarketTable:
    columns = [study.times(study.first, market.name)]
    for number, variant in enumerate(study.variants):
        path = _of_start(variant.bars(market.name))
        columns.append(Column(f"v{number}", f"{variant.label}: median", quantile(path, 0.5), "%"))
        if variant.n > 1:
            columns.append(Column(f"v{number}_p05", f"{variant.label}: p05", quantile(path, 0.05), "%"))
            columns.append(Column(f"v{number}_p95", f"{variant.label}: p95", quantile(path, 0.95), "%"))
    name = f"open-interest-{slug(market.name)}"
    return MarketTable(
        market, Table(name, f"Open interest of {market.name}, of the first bar", tuple(columns))
    )


def _of_start(bars: Bars) -> Floats:
    lots = bars.last("open_interest_lots")
    first = np.where(lots[:, :1] > 0, lots[:, :1], np.nan)
    return lots / first * 100


EDGES = (0.0, 2.0, 5.0, 10.0, 25.0, 50.0, np.inf)


def leverage_before_and_after(study: Study) -> list[Table] | Missing | None:
    """Return open positions of leveraged accounts by effective leverage, at the start and at the end."""
    missing = study.without("accounts")
    if missing:
        return missing
    return [_leverage(study.first)]


def _leverage(variant: Variant) -> Table:
    """Return means over replicates of notional, accounts and equity by notional over equity."""
    kinds = variant.names("accounts", "kind")
    size, equity = variant.numbers("accounts", "position_usd"), variant.numbers("accounts", "equity_usd")
    steps = variant.numbers("accounts", "step")
    leveraged = [market.name for market in variant.result.units.markets if market.leveraged]
    traders = (kinds == "trader") & np.isin(
        variant.names("accounts", "market"), leveraged
    )  # spot is no open interest
    leverage = np.where(equity > 0, size / np.where(equity > 0, equity, 1.0), np.inf)
    labels, columns = [_edge_name(k) for k in range(len(EDGES) - 1)], []
    for name, label, at in (
        ("start", "at the start", steps == steps.min()),
        ("end", "at the end", steps == steps.max()),
    ):
        mine = traders & at
        bucket = np.searchsorted(EDGES, leverage[mine], side="right") - 1
        bucket = np.minimum(bucket, len(EDGES) - 2)
        for what, unit, weights in (
            ("notional", "USD", size),
            ("equity", "USD", equity),
            ("positions", "", np.ones(len(size))),
        ):
            values = np.bincount(bucket, weights[mine], minlength=len(labels)) / variant.n
            columns.append(Column(f"{what}_{name}", f"{what} {label}, mean", values, unit))
    return Table(
        "leverage",
        "Open positions by notional over equity",
        (text_column("label", "leverage", labels), *columns),
    )


def _edge_name(k: int) -> str:
    low, high = EDGES[k], EDGES[k + 1]
    if low == 0:
        return f"below {high:g}x"
    return f"{low:g}x and more" if np.isinf(high) else f"{low:g}x to {high:g}x"

"""Price paths over replicates, basis and funding."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cascade.output.run_units import MarketUnits
from cascade.report.builders.liquidations import by_side
from cascade.report.builders.screen import market_of
from cascade.report.builders.study import Bars, Missing, Study, quantile
from cascade.report.builders.table import Column, Table

PRICE = "USD per unit of the asset"


class MarketTable(NamedTuple):
    """A table about one market."""

    market: MarketUnits
    table: Table


def slug(name: str) -> str:
    """Return a name that may stand in a file name and in a page."""
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower())


def price_paths(study: Study) -> list[MarketTable] | Missing:
    """Return index, mark and last over time by market, with what nine replicates in ten did."""
    return study.without("bars") or [_prices(study, market) for market in study.markets]


def _prices(study: Study, market: MarketUnits) -> MarketTable:
    bars = study.first.bars(market.name)
    columns = [study.times(study.first, market.name)]
    for number, variant in enumerate(study.variants):
        own = variant.bars(market.name)
        columns += _fan(own, f"v{number}_", "mark", variant.label, PRICE)
    for name in ("index", "last"):
        columns.append(Column(name, f"{name}, median", quantile(bars.last(f"{name}_price"), 0.5), PRICE))
    return MarketTable(
        market, Table(f"price-{slug(market.name)}", f"Prices of {market.name}", tuple(columns))
    )


def _fan(bars: Bars, prefix: str, name: str, label: str, unit: str) -> list[Column]:
    """Return the median, the middle half and nine tenths of the mark; of one replicate, its range within bars."""
    last = bars.last("mark_price")
    if len(last) == 1:
        low, high = bars.lowest("mark_low_price")[0], bars.highest("mark_high_price")[0]
        ends = {"low": low, "high": high}
    else:
        ends = {f"p{round(100 * share):02d}": quantile(last, share) for share in (0.05, 0.25, 0.75, 0.95)}
    median = Column(f"{prefix}{name}", f"{label}: {name}, median", quantile(last, 0.5), unit)
    return [
        median,
        *(Column(f"{prefix}{key}", f"{label}: {name}, {key}", values, unit) for key, values in ends.items()),
    ]


def overview(study: Study) -> list[MarketTable] | Missing | None:
    """Return the mark of the market where most was liquidated, and all liquidations, on one clock."""
    missing = study.without("bars")
    if missing or not study.markets:
        return missing
    name = market_of(study)
    market = next(each for each in study.markets if each.name == name)
    columns = [study.times(study.first, name)]
    for number, variant in enumerate(study.variants):
        columns += _fan(variant.bars(name), f"v{number}_", "mark", variant.label, PRICE)
        if variant.has("liquidations"):
            long, short = by_side(variant, name)
            columns.append(
                Column(f"v{number}_long", f"{variant.label}: longs, mean", long.mean(axis=0), "USD")
            )
            columns.append(
                Column(f"v{number}_short", f"{variant.label}: shorts, mean", short.mean(axis=0), "USD")
            )
            total = quantile(np.cumsum(long + short, axis=1), 0.5)
            columns.append(Column(f"v{number}_total", f"{variant.label}: up to here, median", total, "USD"))
    return [MarketTable(market, Table("overview", f"Mark of {name}, and liquidations", tuple(columns)))]


def basis_and_funding(study: Study) -> list[MarketTable] | Missing:
    """Return the basis of the mark over the index, and the funding rate, over time by market."""
    return study.without("bars") or [_basis(study, market) for market in study.markets]


def _basis(study: Study, market: MarketUnits) -> MarketTable:
    columns = [study.times(study.first, market.name)]
    for number, variant in enumerate(study.variants):
        bars, label = variant.bars(market.name), variant.label
        basis = (bars.last("mark_price") / bars.last("index_price") - 1.0) * 100.0
        columns.append(Column(f"v{number}_basis", f"{label}: basis, median", quantile(basis, 0.5), "%"))
        if variant.n > 1:
            ends = {"p05": quantile(basis, 0.05), "p95": quantile(basis, 0.95)}
            columns += [Column(f"v{number}_{k}", f"{label}: basis, {k}", v, "%") for k, v in ends.items()]
        rate = quantile(bars.last("funding_rate_bps"), 0.5) / 100.0
        columns.append(Column(f"v{number}_funding", f"{label}: funding rate, median", rate, "%"))
    return MarketTable(
        market, Table(f"basis-{slug(market.name)}", f"Basis and funding of {market.name}", tuple(columns))
    )

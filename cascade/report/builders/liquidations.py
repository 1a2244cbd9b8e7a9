"""What was liquidated: over time, as newspapers print it, and beside what was published."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from cascade.analysis.statistics import Estimate
from cascade.report.builders.ensemble import median_of
from cascade.report.builders.study import Missing, Study, Variant, quantile
from cascade.report.builders.table import Column, Floats, Table, estimate_columns, text_column
from cascade.report.summary import Row

WORST, WINDOWS = 10, 1_000
"""The worst hundredth of time: so many of so many windows of equal length, or of each step where there are fewer."""


def newspaper(study: Study) -> Table | None:
    """Return totals, sides, assets, accounts and the largest order of the first run, complete and as published."""
    summary = study.first.summary
    rows = [row for section in summary.sections if section.title == "Liquidated" for row in section.rows]
    numbers = [row for row in rows if row.complete and not row.complete.text]
    columns = [
        text_column("label", "", [row.label.strip() for row in numbers]),
        Column(
            "unit",
            "unit",
            [row.complete.unit if row.complete else "" for row in numbers],
            None,
            "text",
            hidden=True,
        ),
    ]
    for name, label in (("complete", "complete"), ("public", "as public feeds show it")):
        figures = [getattr(row, name) for row in numbers]
        columns += estimate_columns(name, label, [f.estimate if f else None for f in figures], None)
    columns.append(text_column("where", "where", [_where(rows, row) for row in numbers]))
    columns += _published(study, numbers)
    filled = [c for c in columns if c.hidden or any(value not in (None, "") for value in c.values)]
    return Table("liquidated", "As newspapers print it", tuple(filled)) if numbers else None


def _where(rows: list[Row], row: Row) -> str:
    """Return the names that follow a number in the summary: venue and pair of the largest order."""
    found: list[str] = []
    for each in rows[rows.index(row) + 1 :]:
        if each.complete is None or not each.complete.text:
            break
        found.append(each.complete.text)
    return ", ".join(found)


def _published(study: Study, rows: list[Row]) -> list[Column]:
    """Return the published figures that the scenario carries, and who published them."""
    entries = study.first.summary.published
    values = {str(entry["what"]): float(entry["value"]) for entry in entries}
    sources = {str(entry["what"]): str(entry["source"]) for entry in entries}
    keys = [_published_key(row, values) for row in rows]
    return [
        Column("published", "published", [values.get(key) for key in keys], None),
        text_column("source", "source", [sources.get(key) for key in keys]),
    ]


def _published_key(row: Row, known: dict[str, float]) -> str:
    """Return the metric of a row that a published figure stands beside."""
    names = [figure.metric for figure in (row.public, row.complete) if figure]
    return next((name for name in names if name in known), "")


class OverTime(NamedTuple):
    """Liquidations over time of all markets together, and what stands out of them."""

    table: Table
    facts: Table
    peak: int
    """Row of the largest mean of the first run."""


def over_time(study: Study) -> list[OverTime] | Missing | None:
    """Return liquidations by side and point of time, means over replicates, and their running totals."""
    missing = study.without("bars") or study.without("liquidations")
    if missing:
        return missing
    if not study.markets:
        return None
    market = study.markets[0].name
    sides = [by_side(variant, market) for variant in study.variants]
    if not any(long.any() or short.any() for long, short in sides):
        return None
    columns = [study.times(study.first, market)]
    for number, (variant, (long, short)) in enumerate(zip(study.variants, sides, strict=True)):
        columns += _of_variant(f"v{number}_", variant, long, short)
    each = study.first.bars(market).seconds / 60
    table = Table("liquidations-over-time", f"Liquidated in each {each:.4g} min", tuple(columns))
    facts = _facts(study, market, [long + short for long, short in sides])
    return [OverTime(table, facts, int(np.argmax((sides[0][0] + sides[0][1]).mean(axis=0))))]


def _worst_share(variant: Variant, market: str) -> Floats:
    """Return, of each replicate with any, the share of all liquidations that fell into the worst hundredth of time."""
    dt = variant.result.units.dt
    length = variant.bars(market).t_s[-1] + dt  # of all steps, the last of which that bar names
    windows = min(WINDOWS, round(length / dt))
    middles = variant.numbers("liquidations", "t_s") + dt / 2
    bins = np.minimum(middles * (windows / length), windows - 1).astype(np.int64)
    rows = np.searchsorted(variant.result.replicates, variant.numbers("liquidations", "replicate"))
    found = np.zeros((variant.n, windows))
    np.add.at(found, (rows, bins), variant.numbers("liquidations", "liquidated_usd"))
    busy = found[found.sum(axis=1) > 0]
    worst = max(round(windows * WORST / WINDOWS), 1)
    return np.sort(busy, axis=1)[:, -worst:].sum(axis=1) / busy.sum(axis=1)


def by_side(variant: Variant, market: str) -> tuple[Floats, Floats]:
    """Return notional liquidated by replicate and point of time of a market's bars: of longs, and of shorts."""
    ends = variant.bars(market).t_s
    bins = np.minimum(np.searchsorted(ends, variant.numbers("liquidations", "t_s")), len(ends) - 1)
    rows = np.searchsorted(variant.result.replicates, variant.numbers("liquidations", "replicate"))
    usd, names = variant.numbers("liquidations", "liquidated_usd"), variant.names("liquidations", "side")
    found: list[Floats] = []
    for side in ("long", "short"):
        total = np.zeros((variant.n, len(ends)))
        np.add.at(total, (rows[names == side], bins[names == side]), usd[names == side])
        found.append(total)
    return found[0], found[1]


def _of_variant(prefix: str, variant: Variant, long: Floats, short: Floats) -> Iterator[Column]:
    running = np.cumsum(long + short, axis=1)
    yield Column(f"{prefix}long", f"{variant.label}: longs, mean", long.mean(axis=0), "USD")
    yield Column(f"{prefix}short", f"{variant.label}: shorts, mean", short.mean(axis=0), "USD")
    yield Column(f"{prefix}total", f"{variant.label}: up to here, median", quantile(running, 0.5), "USD")
    if variant.n > 1:
        yield Column(f"{prefix}p05", f"{variant.label}: up to here, p05", quantile(running, 0.05), "USD")
        yield Column(f"{prefix}p95", f"{variant.label}: up to here, p95", quantile(running, 0.95), "USD")


def _facts(study: Study, market: str, totals: list[Floats]) -> Table:
    """Return what stands out: the peak, and the share of the worst hundredth of time."""
    rows: list[tuple[str, str, str, Estimate | None]] = []
    for variant, total in zip(study.variants, totals, strict=True):
        busy = total[total.sum(axis=1) > 0]
        share = _worst_share(variant, market) * 100
        times = study.times(variant, market)
        when = np.asarray(times.values)[np.argmax(busy, axis=1)] if len(busy) else np.empty(0)
        for name, unit, values in (
            ("most in one bar", "USD", busy.max(axis=1) if len(busy) else np.empty(0)),
            ("its end", times.unit or "", when),
            ("share of the worst 1 % of time", "%", share),
        ):
            key = f"{variant.label}: {name}" if study.is_comparison else name
            rows.append((key, name, unit, median_of(values)))
    columns = [
        text_column("label", "", [row[0] for row in rows]),
        Column("unit", "unit", [row[2] for row in rows], kind="text", hidden=True),
        *estimate_columns("median", "median [95 % interval]", [row[3] for row in rows], None),
        Column("n", "replicates with any", [row[3].n if row[3] else 0 for row in rows], ""),
    ]
    return Table("liquidation-peaks", "Concentration in time", tuple(columns))

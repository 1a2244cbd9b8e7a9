"""The headline table, and the verdict that is read from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from cascade.analysis.metrics import column_name
from cascade.report.builders.study import Study, Variant
from cascade.report.builders.table import (
    Column,
    Ref,
    Said,
    Table,
    estimate_columns,
    join,
    said,
    text_column,
    with_interval,
)
from cascade.report.summary import Figure

_ADDING: Final = (("stops", "stops"), ("forced orders", "added"))
"""Who adds to a move, and the metric of it."""


class Row(NamedTuple):
    """A metric of the headline table."""

    metric: str
    label: str
    group: str
    unit: str


def headline(study: Study) -> Table:
    """Return each metric of the summary: median and interval by run, and the range of nine replicates in ten."""
    return study.once(_headline)


def _headline(study: Study) -> Table:
    rows = list(_rows(study))
    columns = [
        Column("metric", "metric", [row.metric for row in rows], kind="text", hidden=True),
        text_column("group", "", [row.group for row in rows]),
        text_column("label", "metric", [row.label for row in rows]),
        Column("unit", "unit", [row.unit for row in rows], kind="text", hidden=True),
    ]
    for number, variant in enumerate(study.variants):
        columns += _of_variant(study, variant, f"v{number}", rows)
    return Table("headline", "All medians", tuple(columns))


def _of_variant(study: Study, variant: Variant, name: str, rows: list[Row]) -> list[Column]:
    """Return the columns of one run."""
    label = (
        variant.label
        if study.is_comparison
        else "median [95 % interval]"
        if study.n > 5
        else "median"
        if study.n > 1
        else "value"
    )
    figures = [variant.summary.figures.get(row.metric) for row in rows]
    found = estimate_columns(name, label, [f.estimate if f else None for f in figures], None)
    if study.is_comparison or study.n < 2:
        return found
    values = [variant.metric(row.metric) for row in rows]
    spread = [[_quantile(v, share) for v in values] for share in (0.05, 0.95)]
    return [
        *found,
        Column(f"{name}_p05", "5 % of replicates lie below", spread[0], None),
        Column(f"{name}_p95", "5 % lie above", spread[1], None),
        Column(f"{name}_n", "n", [int(np.count_nonzero(~np.isnan(v))) for v in values], ""),
    ]


def _quantile(values: np.ndarray, share: float) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.quantile(known, share)) if len(known) else None


def _rows(study: Study) -> Iterator[Row]:
    """Yield the metrics that have a number in some run, in the order of the summary."""
    seen: set[str] = set()
    for variant in study.variants:
        for section in variant.summary.sections:
            for row in section.rows:
                figure = row.complete
                if (
                    figure is None
                    or figure.text
                    or figure.metric in seen
                    or not _is_known(study, figure.metric)
                ):
                    continue
                seen.add(figure.metric)
                yield Row(figure.metric, row.label.strip(), section.title, figure.unit)


def _is_known(study: Study, metric: str) -> bool:
    found: list[Figure | None] = [variant.summary.figures.get(metric) for variant in study.variants]
    return any(figure is not None and figure.estimate is not None for figure in found)


def cell(study: Study, metric: str, variant: int = 0) -> Ref | None:
    """Return the median of a metric, or None where no replicate has one."""
    table = headline(study)
    if metric not in table.names("metric"):
        return None
    found = table.refer(metric, f"v{variant}")
    return None if found.value is None else found


def verdict(study: Study) -> Said:
    """Return what happened in the first run, in sentences whose numbers are medians over replicates."""
    markets = [_market_sentence(study, market.name, market.asset) for market in study.markets]
    return join([sentence for sentence in (*markets, *_loss_sentences(study)) if sentence])


def _market_sentence(study: Study, market: str, asset: str) -> Said | None:
    """Return how far a market went, and what of its larger move stops and forced orders added."""
    fall, rise, way = (
        cell(study, column_name(f"{{market}}_{name}", market))
        for name in ("fall_bps", "rise_bps", "peak_to_trough_bps")
    )
    if fall is None or rise is None:
        return None
    is_rise = float(rise.value or 0) > float(fall.value or 0)
    move, split = (rise, _split(study, market, "rise")) if is_rise else (fall, _split(study, market, "fall"))
    if is_rise or way is None:
        whole = join([said(f"The mark of {asset} went"), with_interval(move), said("above its start")])
    elif split is None:
        whole = join([said(f"{asset} moved"), with_interval(way), said("from peak to trough")])
    else:
        whole = join([said(f"{asset} moved"), with_interval(way), said("from peak to trough; its mark fell")])
        whole = join([whole, with_interval(move), said("below its start")])
    return join([join([whole, split], "; ") if split else whole, said(".")], "")


def _split(study: Study, market: str, way: str) -> Said | None:
    """Return what was added to a move, and by whom; stops are left out where they moved nothing."""
    found = [(who, cell(study, column_name(f"{{market}}_{name}_{way}_bps", market))) for who, name in _ADDING]
    parts = [join([said(f"{who} added"), with_interval(part)]) for who, part in found if part is not None]
    return join([said("of it,"), join(parts, " and ")]) if parts else None


def _loss_sentences(study: Study) -> Iterator[Said]:
    """Yield what was liquidated, and who bore the losses."""
    total, accounts = cell(study, "complete_usd"), cell(study, "liquidated_accounts")
    if total is None or accounts is None or not total.value:
        yield said("Nothing was liquidated.")
        return
    yield join([said("Liquidated:"), with_interval(total), said("of {n} accounts.", n=accounts)])
    drawn, adl, bad = (cell(study, name) for name in ("fund_draw_usd", "adl_usd", "bad_debt_usd"))
    if drawn is not None and drawn.value:
        yield join([said("Insurance funds took over losses of"), join([with_interval(drawn), said(".")], "")])
    if adl is not None and adl.value:
        yield join([said("Auto-deleveraging closed"), join([with_interval(adl), said(".")], "")])
    if bad is not None:
        worst = bad.value or any(np.nan_to_num(study.first.metric("bad_debt_usd")) > 0)
        yield (
            join([said("Bad debt:"), join([with_interval(bad), said(".")], "")])
            if worst
            else said("No bad debt.")
        )

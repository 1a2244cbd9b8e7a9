"""What of a move came from outside, and what forced orders added."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cascade.analysis.metrics import column_name
from cascade.analysis.statistics import Estimate
from cascade.output.run_units import MarketUnits
from cascade.report.builders.ensemble import median_of
from cascade.report.builders.prices import slug
from cascade.report.builders.study import Missing, Study, Variant
from cascade.report.builders.table import Column, Table, estimate_columns, text_column


class Waterfall(NamedTuple):
    """The parts of the larger move of a market, falls and rises alike counted as positive."""

    market: MarketUnits
    way: str
    table: Table


def amplification(study: Study) -> list[Waterfall] | Missing | None:
    """Return the parts of the move of each market, for runs with a counterfactual."""
    if not any(column.endswith("_added_fall_bps") for column in study.first.result.runs.column_names):
        return Missing("the run has no counterfactual; run it with --counterfactual")
    found = [_waterfall(study, market) for market in study.markets]
    return [each for each in found if each] or None


def _waterfall(study: Study, market: MarketUnits) -> Waterfall | None:
    """Return the parts as bars that stand on each other: the medians of the parts, then of the whole."""
    falls, rises = (_metric(study.first, market, f"{way}_bps") for way in ("fall", "rise"))
    if not len(falls) or np.isnan(falls).all():
        return None
    way = "rise" if np.nanmedian(rises) > np.nanmedian(falls) else "fall"
    rows: list[tuple[str, str, str, float, Estimate]] = []
    for variant in study.variants:
        total = _metric(variant, market, f"{way}_bps") / 100
        added = _metric(variant, market, f"added_{way}_bps") / 100
        if len(added) != len(total) or np.isnan(added).all():
            continue
        outside = median_of(total - added)
        parts = median_of(added)
        whole = median_of(total)
        assert outside is not None
        assert parts is not None
        assert whole is not None
        rows += [
            (variant.label, "from outside", "outside", 0.0, outside),
            (variant.label, "added by forced orders", "added", outside.value, parts),
            (variant.label, "whole move", "total", 0.0, whole),
        ]
    keys = [f"{row[0]}: {row[2]}" if study.is_comparison else row[1] for row in rows]
    columns = (
        text_column("label", "part", keys),
        text_column("kind", "kind", [row[2] for row in rows]),
        *estimate_columns("median", "median [95 % interval]", [row[4] for row in rows], "%"),
        Column("base", "drawn from", [row[3] for row in rows], "%", hidden=True),
    )
    name = f"amplification-{slug(market.name)}"
    return Waterfall(market, way, Table(name, f"Parts of the {way} of the mark of {market.name}", columns))


def _metric(variant: Variant, market: MarketUnits, name: str) -> np.ndarray:
    return variant.metric(column_name(f"{{market}}_{name}", market.name))

"""What of a move came from outside, what stops added, and what forced orders added."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from cascade.analysis.metrics import column_name
from cascade.analysis.split import Part, split
from cascade.output.run_units import MarketUnits
from cascade.report.builders.prices import slug
from cascade.report.builders.study import Missing, Study, Variant
from cascade.report.builders.table import Column, Table, estimate_columns, scaled, text_column

NAMES: Final = {
    "outside": "from outside", "stops": "added by stops", "added": "added by forced orders", "total": "whole move",
}  # fmt: skip
"""What a reader sees of each kind of part."""


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
    """Return the parts as bars that stand on each other, and the whole: means, which sum to it."""
    falls, rises = (_metric(study.first, market, f"{way}_bps") for way in ("fall", "rise"))
    if not len(falls) or np.isnan(falls).all():
        return None
    way = "rise" if np.nanmedian(rises) > np.nanmedian(falls) else "fall"
    found = [(variant, part) for variant in study.variants for part in _parts(variant, market, way)]
    parts = [part for _, part in found]
    keys = [f"{v.label}: {part.kind}" if study.is_comparison else NAMES[part.kind] for v, part in found]
    columns = (
        text_column("label", "part", keys),
        text_column("kind", "kind", [part.kind for part in parts]),
        *estimate_columns("mean", "mean [95 % interval]", [scaled(part.mean, 100.0) for part in parts], "%"),
        Column("error", "standard error", [_of(part.error, 0.01) for part in parts], "%"),
        Column("share", "share of the whole", [_of(part.share, 100.0) for part in parts], "%"),
        Column("share_error", "its standard error", [_of(part.share_error, 100.0) for part in parts], "%"),
        Column("base", "drawn from", _bases(parts), "%", hidden=True),
    )
    name = f"amplification-{slug(market.name)}"
    return Waterfall(market, way, Table(name, f"Parts of the {way} of the mark of {market.name}", columns))


def _parts(variant: Variant, market: MarketUnits, way: str) -> tuple[Part, ...]:
    """Return the parts of a move of a run; without that of stops, where these moved nothing."""
    whole, stops, added = (_metric(variant, market, f"{name}{way}_bps") for name in ("", "stops_", "added_"))
    if len(added) != len(whole) or np.isnan(added).all():
        return ()
    if len(stops) != len(whole):  # a run of an older Cascade, which did not tell stops apart
        stops = np.zeros(len(whole))
    is_known = ~np.isnan(whole + stops + added)
    found = split(whole[is_known], stops[is_known], added[is_known])
    return found if stops.any() else tuple(part for part in found if part.kind != "stops")


def _bases(parts: list[Part]) -> list[float]:
    """Return where each bar begins: at the end of the one before it; the first part and the whole at zero."""
    bases: list[float] = []
    end = 0.0
    for part in parts:
        end = 0.0 if part.kind in ("outside", "total") else end
        bases.append(end / 100.0)
        end += part.mean.value
    return bases


def _of(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _metric(variant: Variant, market: MarketUnits, name: str) -> np.ndarray:
    return variant.metric(column_name(f"{{market}}_{name}", market.name))

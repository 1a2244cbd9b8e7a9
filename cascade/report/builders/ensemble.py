"""Figures of all replicates together: medians, and what a risk committee asks of the tail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from cascade.analysis.metrics import METRICS
from cascade.analysis.metrics.registry import EnsembleMetric
from cascade.analysis.statistics import Estimate, Quantile
from cascade.report.builders.study import Study, Variant
from cascade.report.builders.table import Column, Floats, Table, estimate_columns, text_column
from cascade.report.summary import ENSEMBLE_LABELS

_MEDIAN: Final = Quantile(0.5)


def median_of(values: Floats) -> Estimate | None:
    """Return the median of what is known, with its interval; None where nothing is."""
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    return _MEDIAN.estimate(known) if len(known) else None


def ensemble_metrics() -> Iterator[EnsembleMetric]:
    """Yield every metric of the ensemble."""
    for metric in METRICS.values():
        if isinstance(metric, EnsembleMetric):
            yield metric


def tail(study: Study) -> Table | None:
    """Return liquidation at risk, value at risk, expected shortfall and probabilities, with their intervals."""
    if study.n < 2:
        return None
    rows = [metric for metric in ensemble_metrics() if any(len(v.metric(metric.of)) for v in study.variants)]
    columns = [
        Column("metric", "metric", [metric.name for metric in rows], kind="text", hidden=True),
        text_column("label", "metric", [ENSEMBLE_LABELS[metric.name] for metric in rows]),
        Column("unit", "unit", [metric.unit for metric in rows], kind="text", hidden=True),
    ]
    found = [[_estimate(metric, variant) for metric in rows] for variant in study.variants]
    for number, variant in enumerate(study.variants):
        label = variant.label if study.is_comparison else "estimate [95 % interval]"
        columns += estimate_columns(f"v{number}", label, found[number], None)
    reasons = [next((e.reason for e in of if e and e.reason), None) for of in zip(*found, strict=True)]
    columns.append(text_column("reason", "remark", reasons))
    return Table("tail", "The tail, over all replicates", tuple(columns))


def _estimate(metric: EnsembleMetric, variant: Variant) -> Estimate | None:
    values = variant.metric(metric.of)
    known = values[~np.isnan(values)]
    return metric.statistic.estimate(known) if len(known) else None

"""Every metric of a run, with its unit, its definition and its formula."""

from cascade.analysis.metrics import liquidations, prices, waterfall
from cascade.analysis.metrics.registry import (
    METRICS,
    Absent,
    Metric,
    Replicate,
    column_name,
    compute,
    metric,
    metric_columns,
)

__all__ = [
    "METRICS",
    "Absent",
    "Metric",
    "Replicate",
    "column_name",
    "compute",
    "liquidations",
    "metric",
    "metric_columns",
    "prices",
    "waterfall",
]

"""Every metric of a run, with its unit, its definition and its formula."""

from cascade.analysis.metrics import ensemble, liquidations, orders, pools, prices, waterfall
from cascade.analysis.metrics.registry import (
    METRICS,
    Absent,
    ColumnMetric,
    EnsembleMetric,
    Fills,
    Level,
    Metric,
    Replicate,
    Worse,
    column_name,
    compute,
    metric,
    metric_columns,
    metrics_of,
    short_name,
)

__all__ = [
    "METRICS",
    "Absent",
    "ColumnMetric",
    "EnsembleMetric",
    "Fills",
    "Level",
    "Metric",
    "Replicate",
    "Worse",
    "column_name",
    "compute",
    "ensemble",
    "liquidations",
    "metric",
    "metric_columns",
    "metrics_of",
    "orders",
    "pools",
    "prices",
    "short_name",
    "waterfall",
]

"""Statistics over replicates: figures with intervals, differences with p-values, and how many it takes."""

from cascade.analysis.statistics.bootstrap import block_estimate, block_mean
from cascade.analysis.statistics.estimate import CONFIDENCE, Contrast, Estimate
from cascade.analysis.statistics.multiplicity import holm
from cascade.analysis.statistics.order import least_replicates, quantile, quantile_estimate
from cascade.analysis.statistics.planning import about, replicates_needed, replicates_to_tell
from cascade.analysis.statistics.proportion import exact_probability, probability, wilson
from cascade.analysis.statistics.signs import Signs, signs
from cascade.analysis.statistics.statistic import (
    Mean,
    Probability,
    Quantile,
    Shortfall,
    Statistic,
    higher_share,
    variance_reduction,
)

__all__ = [
    "CONFIDENCE",
    "Contrast",
    "Estimate",
    "Mean",
    "Probability",
    "Quantile",
    "Shortfall",
    "Signs",
    "Statistic",
    "about",
    "block_estimate",
    "block_mean",
    "exact_probability",
    "higher_share",
    "holm",
    "least_replicates",
    "probability",
    "quantile",
    "quantile_estimate",
    "replicates_needed",
    "replicates_to_tell",
    "signs",
    "variance_reduction",
    "wilson",
]

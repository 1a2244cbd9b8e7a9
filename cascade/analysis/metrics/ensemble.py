"""Metrics of all replicates together: what a risk committee asks of the tail.

Value at risk and liquidation at risk follow Gauntlet's definitions: the 95th percentile over simulations
of what is insolvent at the end, and of what was liquidated. The horizon is the scenario's duration.
"""

from __future__ import annotations

from typing import Final

from cascade.analysis.metrics import liquidations, waterfall
from cascade.analysis.metrics.registry import ensemble_metric
from cascade.analysis.statistics.statistic import Probability, Quantile, Shortfall

__all__ = ["TAIL", "liquidations", "waterfall"]

TAIL: Final = 0.95

ensemble_metric(
    "complete_var95_usd", "USD",
    "liquidation at risk: the notional liquidated that 95 % of replicates stay below",
    "95th percentile over replicates of complete_usd",
    of="complete_usd", statistic=Quantile(TAIL), worse="up",
)  # fmt: skip

ensemble_metric(
    "bad_debt_var95_usd", "USD",
    "value at risk: the bad debt that 95 % of replicates stay below",
    "95th percentile over replicates of bad_debt_usd",
    of="bad_debt_usd", statistic=Quantile(TAIL), worse="up",
)  # fmt: skip

ensemble_metric(
    "bad_debt_es95_usd", "USD",
    "expected shortfall: the mean bad debt of the worst 5 % of replicates",
    "q + mean over replicates of max(bad_debt_usd - q, 0) / 0.05, q the 95th percentile",
    of="bad_debt_usd", statistic=Shortfall(TAIL), worse="up",
)  # fmt: skip

ensemble_metric(
    "bad_debt_probability", "1",
    "probability that losses are left uncovered",
    "share of replicates with bad_debt_usd > 0",
    of="bad_debt_usd", statistic=Probability(), worse="up",
)  # fmt: skip

ensemble_metric(
    "fund_depletion_probability", "1",
    "probability that an insurance fund is used up",
    "share of replicates with depleted_funds > 0",
    of="depleted_funds", statistic=Probability(), worse="up",
)  # fmt: skip

ensemble_metric(
    "adl_probability", "1",
    "probability that anybody is auto-deleveraged",
    "share of replicates with adl_usd > 0",
    of="adl_usd", statistic=Probability(), worse="up",
)  # fmt: skip

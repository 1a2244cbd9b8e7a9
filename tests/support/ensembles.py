"""Runs kept in memory, with metrics drawn as real ones lie."""

from __future__ import annotations

import numpy as np

from cascade.output.columns import numbers, strings
from cascade.output.reader import Result
from cascade.output.run_units import MarketUnits, RunUnits

MARKET = MarketUnits("all:BTCUSDT", "BTC", "all", 0.1, 0.001, 100)


def units(*markets):
    return RunUnits("drawn", markets or (MARKET,), dt=1.0)


def realistic(rng, n):
    """Return metrics as they lie over replicates: totals skewed, losses mostly zero, counts whole."""
    size = rng.lognormal(0.0, 0.4, n)
    losses = rng.lognormal(13.0, 1.0, n) * (rng.random(n) < 0.3)
    return {
        "complete_usd": 2e8 * size,
        "liquidated_accounts": rng.poisson(40_000 * size).astype(float),
        "all_btcusdt_fall_bps": rng.normal(200.0, 15.0, n),
        "largest_liquidation_usd": 7e6 * rng.lognormal(0.0, 0.6, n),
        "fund_low_usd": 1e9 - rng.exponential(1e7, n),
        "adl_usd": rng.lognormal(15.0, 0.7, n) * (rng.random(n) < 0.5),
        "bad_debt_usd": losses,
    }


def result(columns, seed=1, replicates=None, manifest=None, markets=()):
    """Return a run whose table of replicates holds these metrics; NaN is null."""
    import pyarrow as pa

    n = len(next(iter(columns.values())))
    chosen = np.arange(n) if replicates is None else np.asarray(replicates)
    arrays = {
        "replicate": numbers(chosen.astype(np.int32), pa.int32()),
        "seed": numbers(np.full(n, seed, np.int64), pa.int64()),
        "notes": strings([None] * n),
        **{name: numbers(np.asarray(v, float), pa.float64(), nullable=True) for name, v in columns.items()},
    }
    facts = {"results_version": "1.1", "units": units(*markets).to_json(), "scenario": {"name": "drawn"}}
    return Result.in_memory({"runs": pa.table(arrays)}, facts | (manifest or {}))

"""How often 90 % intervals of a calibration hold the truth: 85 to 95 % of the time, in markets that are straight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cascade.calibration.fit import IDENTIFIED, fit
from tests.support.calibrations import ERROR, NAMES, straight

TRIALS = 150


@pytest.mark.parametrize("shared", [0.0, pytest.param(0.6, marks=pytest.mark.slow)])
def test_intervals_hold_the_truth_as_often_as_they_say(shared: float) -> None:
    held, identified = [], []
    for seed in range(TRIALS):
        table = straight(seed, n=96, shared=shared)
        generator = np.random.default_rng(seed)
        truth = int(generator.integers(table.n_draws))
        asked = table.as_if(truth, int(generator.integers(table.n_replicates)))
        error = ERROR * generator.standard_normal(len(asked.observed))
        posterior = fit(replace(asked, observed=asked.observed + error), "response", 400, seed)
        low, high = posterior.interval()
        held.append((low <= table.scores[truth]) & (table.scores[truth] <= high))
        identified.append(posterior.widths() <= IDENTIFIED)
    rates = dict(zip(NAMES, np.mean(held, axis=0), strict=True))
    called = dict(zip(NAMES, np.mean(identified, axis=0), strict=True))
    assert called["scale"] > 0.9
    assert called["share"] > 0.9
    assert called["idle"] == 0.0
    assert 0.85 <= (rates["scale"] + rates["share"]) / 2 <= 0.95, rates
    assert 0.83 <= rates["idle"] <= 0.97

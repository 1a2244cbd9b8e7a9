"""How often 90 % intervals of a calibration hold the truth: 85 to 95 % of the time, in markets that are straight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cascade.calibration.fit import IDENTIFIED, fit
from tests.support.calibrations import ERROR, NAMES, straight

TRIALS = 100


@pytest.mark.slow
@pytest.mark.parametrize("shared", [0.0, 0.6])
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
    called, rates = np.array(identified), np.array(held)
    shares = dict(zip(NAMES, called.mean(axis=0), strict=True))
    assert min(shares["scale"], shares["share"]) > 0.7
    assert shares["idle"] == 0.0
    assert 0.85 <= rates[called].mean() <= 0.95
    assert 0.83 <= rates[:, 2].mean() <= 0.97

"""The two methods of a calibration on figures along a plane: how often intervals hold the truth, and their CRPS.

`python -m tests.support.methods_compared` prints the figures of `docs/calibrate.md`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from cascade.calibration.fit import fit
from cascade.calibration.problem_file import Method
from cascade.calibration.reference_table import Table
from cascade.calibration.scores import crps
from tests.support.calibrations import ERROR, straight

METHODS: Final[tuple[Method, ...]] = ("response", "adjustment")
N_TABLES, N_SIMULATED, N_DRAWS = 200, 128, 400


def problems(replicates: int) -> Iterator[tuple[Table, npt.NDArray[np.float64]]]:
    """Yield tables of which a draw plays the day, with its error of observation, and the truth."""
    for seed in range(N_TABLES):
        table = straight(seed, n=N_SIMULATED, replicates=replicates)
        generator = np.random.default_rng(seed)
        truth = int(generator.integers(table.n_draws))
        asked = table.as_if(truth, int(generator.integers(table.n_replicates)))
        error = ERROR * generator.standard_normal(len(asked.observed))
        yield replace(asked, observed=asked.observed + error), table.scores[truth]


def compared(replicates: int) -> Iterator[str]:
    """Yield a line for each method: the share of the truths in its intervals, and its mean CRPS, by parameter."""
    found = [*problems(replicates)]
    for method in METHODS:
        held, scores = [], []
        for seed, (asked, truth) in enumerate(found):
            posterior = fit(asked, method, N_DRAWS, seed)
            low, high = posterior.interval()
            held.append((low <= truth) & (truth <= high))
            scores.append(
                [crps(each, at) for each, at in zip(np.sort(posterior.scores.T), truth, strict=True)]
            )
        inside, score = np.mean(held, axis=0), np.mean(scores, axis=0)
        yield f"{replicates} replicates, {method}: inside {inside}, CRPS {score.round(3)}"


if __name__ == "__main__":
    for n_replicates in (8, 4):
        sys.stdout.writelines(f"{line}\n" for line in compared(n_replicates))

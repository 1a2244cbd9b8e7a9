"""Whether the intervals of a calibration can be trusted: fits to days whose parameters are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cascade.calibration.fit import IDENTIFIED, fit
from cascade.calibration.problem_file import Method
from cascade.calibration.reference_table import Table
from cascade.rng import decision_key


@dataclass(frozen=True)
class Coverage:
    """How often the intervals of a parameter hold a truth that is known.

    Attributes
    ----------
    n, held : int
        Trials, and those whose interval holds the truth.
    n_identified, held_identified : int
        Of these, trials in which the parameter counts as identified.
    """

    name: str
    n: int
    held: int
    n_identified: int
    held_identified: int


def coverage(
    table: Table, names: Sequence[str], method: Method, n: int, seed: int, draws: int = 1000
) -> tuple[Coverage, ...]:
    """Return how often intervals hold truths that are draws of the table, each fitted without it and its luck."""
    generator = np.random.default_rng(int(decision_key(seed, "calibrate/coverage", 0)))
    truths = generator.choice(table.n_draws, n, replace=n > table.n_draws)
    errors = np.array([each.error for each in table.moments])
    held, identified = (np.empty((n, len(names)), bool) for _ in range(2))
    for number, truth in enumerate(truths):
        asked = table.as_if(int(truth), int(generator.integers(table.n_replicates)))
        asked = replace(asked, observed=asked.observed + errors * generator.standard_normal(len(errors)))
        posterior = fit(asked, method, draws, seed, number + 1)
        low, high = posterior.interval()
        held[number] = (low <= table.scores[truth]) & (table.scores[truth] <= high)
        identified[number] = posterior.widths() <= IDENTIFIED
    return tuple(
        Coverage(
            name, n, int(held[:, p].sum()), int(identified[:, p].sum()), int((held & identified)[:, p].sum())
        )
        for p, name in enumerate(names)
    )

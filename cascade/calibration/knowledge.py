"""The answer of a calibration: what is known of each parameter, by which figures, and how far to trust it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from cascade.calibration.coverage import Coverage, coverage
from cascade.calibration.fit import IDENTIFIED, INTERVAL, TOGETHER, Foretold, Posterior, fit, foretold
from cascade.calibration.identification import Informs, Profile, informs, profiles
from cascade.calibration.priors import Values
from cascade.calibration.problem import Calibration
from cascade.calibration.reference_table import Table


@dataclass(frozen=True)
class Known:
    """What is known of a parameter.

    Attributes
    ----------
    prior, interval : tuple[float, float]
        Ends of the 90 % intervals before and after.
    width : float
        Of the interval, as a share of the prior's, on the prior's scale.
    bounds : str
        On which sides the figures bound it: both, below, above or neither.
    together : tuple[str, ...]
        Parameters that it is known together with only.
    """

    name: str
    paths: Mapping[str, float]
    unit: str
    prior: tuple[float, float]
    median: float
    interval: tuple[float, float]
    width: float
    bounds: str
    together: tuple[str, ...]

    @property
    def is_identified(self) -> bool:
        """Return whether the figures narrow it enough."""
        return self.width <= IDENTIFIED


@dataclass(frozen=True)
class Answer:
    """What came of a calibration.

    Attributes
    ----------
    n_draws, n_asked : int
        Draws from the priors whose figures could be measured, and those that were run.
    widths : Values
        Standard deviations of the scores when all moments are known.
    """

    name: str
    known: tuple[Known, ...]
    correlation: Values
    foretold: tuple[Foretold, ...]
    widths: Values
    informs: tuple[Informs, ...]
    profiles: tuple[Profile, ...]
    coverage: tuple[Coverage, ...]
    n_draws: int
    n_asked: int
    n_replicates: int
    method: str
    is_bent: bool
    freedom: float

    @property
    def identified(self) -> tuple[str, ...]:
        """Return the parameters that the figures identify."""
        return tuple(each.name for each in self.known if each.is_identified)

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        names = [each.name for each in self.known]
        return {
            "name": self.name,
            "parameters": [{**asdict(each), "identified": each.is_identified} for each in self.known],
            "correlation": {
                one: dict(zip(names, row, strict=True))
                for one, row in zip(names, self.correlation.tolist(), strict=True)
            },
            "figures": [{**asdict(each), "inside": each.is_inside} for each in self.foretold],
            "informs": {
                each.name: {
                    "alone": dict(zip(names, each.alone.tolist(), strict=True)),
                    "without": dict(zip(names, each.without.tolist(), strict=True)),
                }
                for each in self.informs
            },
            "all_figures": dict(zip(names, self.widths.tolist(), strict=True)),
            "profiles": {
                name: {"values": each.values.tolist(), "drops": each.drops.tolist()}
                for name, each in zip(names, self.profiles, strict=True)
            },
            "coverage": [asdict(each) for each in self.coverage],
            "draws_used": self.n_draws, "draws_run": self.n_asked, "replicates": self.n_replicates,
            "method": self.method, "bent": self.is_bent, "freedom": self.freedom,
        }  # fmt: skip


def answer_of(calibration: Calibration, table: Table, trials: int = 0) -> tuple[Answer, Posterior]:
    """Return what a reference table says, and the draws from the posterior.

    Parameters
    ----------
    trials
        Fits to truths that are known; 0 for none.
    """
    asked = calibration.asked
    posterior = fit(table, asked.method, asked.draws, asked.seed)
    curves = profiles(posterior, asked.seed)
    widths, told = informs(posterior)
    names = [each.name for each in calibration.parameters]
    found = coverage(table, names, asked.method, trials, asked.seed) if trials else ()
    return Answer(
        asked.name, tuple(_known(calibration, posterior, curves)), posterior.correlation(),
        foretold(posterior, asked.seed), widths, told, curves, found, table.n_draws, asked.simulations,
        table.n_replicates, asked.method, posterior.response.is_bent, posterior.response.freedom,
    ), posterior  # fmt: skip


def _known(calibration: Calibration, posterior: Posterior, curves: tuple[Profile, ...]) -> list[Known]:
    """Return what is known of each parameter."""
    names = [each.name for each in calibration.parameters]
    levels = (INTERVAL[0], 0.5, INTERVAL[1])
    after = np.quantile(posterior.values, levels, axis=0)
    widths, correlation = posterior.widths(), posterior.correlation()
    found: list[Known] = []
    for place, each in enumerate(calibration.parameters):
        before = each.prior.values(ndtri(np.array(levels))).tolist()
        low, median, high = (float(value) for value in after[:, place])
        others = [other for other in range(len(names)) if other != place]
        together = tuple(names[other] for other in others if abs(correlation[place, other]) >= TOGETHER)
        found.append(
            Known(
                each.name, each.paths, each.unit, (before[0], before[2]), median, (low, high),
                float(widths[place]), curves[place].bounds, together,
            )
        )  # fmt: skip
    return found

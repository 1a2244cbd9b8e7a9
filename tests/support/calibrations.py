"""Calibrations whose truth is known: figures along a plane with normal luck, and a market of hundreds of accounts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cascade.calibration.priors import LogUniformPrior, NormalPrior, UniformPrior
from cascade.calibration.reference_table import Moment, Table, table_of
from cascade.calibration.simulate import first_scores
from cascade.scenario.load import to_yaml
from tests.support.scenarios import small_scenario

SLOPES = np.array([[1.0, 0.3, 0.0], [0.8, -0.5, 0.0], [0.0, 1.0, 0.05], [0.2, 0.8, 0.0], [1.0, 1.0, 0.0]])
"""Of five figures in the places of three parameters, the last of which hardly moves any."""

LUCK = np.array([0.3, 0.4, 0.2, 0.3, 0.5])
ERROR = 0.1

ASKED = (
    LogUniformPrior(dist="loguniform", low=0.01, high=1.0),
    UniformPrior(dist="uniform", low=0.0, high=1.0),
    NormalPrior(dist="normal", mean=2.0, sd=3.0),
)
PRIORS = tuple(each.prior(lambda key, value: float(value)) for each in ASKED)
NAMES = ("scale", "share", "idle")


def straight(seed: int, *, n: int = 128, replicates: int = 8, shared: float = 0.3) -> Table:
    """Return a reference table of a market that answers along a plane.

    Parameters
    ----------
    shared
        Share of the variance of luck that is the same at all draws.
    """
    generator = np.random.default_rng(seed)
    scores = first_scores(len(PRIORS), n, seed)
    places = np.stack(
        [prior.places(prior.values(column)) for prior, column in zip(PRIORS, scores.T, strict=True)], 1
    )
    common = LUCK * generator.standard_normal((replicates, len(LUCK)))
    own = LUCK * generator.standard_normal((n, replicates, len(LUCK)))
    figures = (places @ SLOPES.T)[:, None] + np.sqrt(shared) * common + np.sqrt(1.0 - shared) * own
    moments = [Moment(f"day.{k}", "day", 0.0, ERROR, is_log=False) for k in range(len(LUCK))]
    table, kept = table_of(PRIORS, moments, scores, figures)
    assert kept.all()
    return table


PROBLEM = """\
calibrate: 1
name: small
parameters:
  accounts: {{paths: population.crowd.accounts, prior: {{dist: loguniform, low: 100, high: 1000}}}}
  move: {{paths: shocks.fall.move, prior: {{dist: uniform, low: -2.5 %, high: -1 %}}}}
  stops: {{paths: [population.crowd.stop_loss.share], prior: {{dist: beta, a: 2, b: 3}}}}
scenarios:
  fall:
    scenario: small.yaml
    observed:
      liquidated_accounts: {{value: 60, error: 5 %}}
      complete_usd: {{value: 800k, error: 5 %}}
      {metric}: {{value: 150, error: 5}}
simulations: {simulations}
replicates: {replicates}
draws: 200
"""


def small_problem(
    folder: Path, *, simulations: int = 32, replicates: int = 3, metric: str = "venue_btcusdt_fall_bps"
) -> Path:
    """Write a problem of three parameters and a market of hundreds of accounts, and return it."""
    fall = {"name": "fall", "type": "news", "at": "3s", "asset": "BTC", "move": "-2 %"}
    scenario = small_scenario(duration="10s", shocks=[fall]).replace(**{"population.0.accounts": 300})
    (folder / "small.yaml").write_text(to_yaml(scenario), encoding="utf-8")
    problem = folder / "problem.yaml"
    text = PROBLEM.format(simulations=simulations, replicates=replicates, metric=metric)
    problem.write_text(text, encoding="utf-8")
    return problem

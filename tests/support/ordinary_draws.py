"""The draws of parameters beside `ordinary-days.yaml`: what the fit to 37 days leaves open, and how days differ.

`scale` multiplies the open interest above 10x, and `long_share` divides it: together they are what longs and shorts of
a day are off by, each with the error of the fit, that of a day, and that of a month that was not fitted; `openings` of
the layer below is what open interest changes by from day to day. All from `docs/calibration.md`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from scipy.stats import norm, qmc

from cascade.scenario.document import shipped_scenarios
from cascade.scenario.draws import Draws, draws_beside

Floats = npt.NDArray[np.float64]

N_DRAWS: Final = 500
SEED: Final = 20250726


class Coin(NamedTuple):
    """Of a coin: 90 % intervals of the fit, and standard deviations of logarithms.

    `sides` are errors of longs and shorts of a day, `months` those of the level of a month that was not fitted, and
    `interest` is of a day's change of open interest in coins, of what stops leave over.
    """

    layer: str
    level: tuple[float, float, float]
    longs: tuple[float, float, float]
    sides: tuple[float, float]
    months: float
    interest: float

    @property
    def errors(self) -> Floats:
        """Return the covariance of what longs and shorts are off by."""
        fitted = np.log(self.level[2] / self.level[0]) / _WIDTH
        logit = np.subtract(*(np.log(each / (1 - each)) for each in (self.longs[2], self.longs[0]))) / _WIDTH
        of_fit = np.array([fitted, fitted]), logit * np.array([1 - self.longs[1], -self.longs[1]])
        long, short = self.sides
        found = np.array([[long**2, TOGETHER * long * short], [TOGETHER * long * short, short**2]])
        for part in (*of_fit, np.full(2, self.months)):
            found += np.outer(part, part)
        return found


TOGETHER: Final = 0.25
"""Correlation of the errors of a day's longs and shorts."""

COINS: Final = (
    Coin("btc-high", (636, 690, 768), (0.49, 0.53, 0.58), (0.31, 0.46), 0.24, 0.027),
    Coin("eth-high", (233, 250, 279), (0.57, 0.59, 0.61), (0.25, 0.24), 0.11, 0.025),
    Coin("sol-high", (42, 43, 48), (0.59, 0.62, 0.64), (0.25, 0.35), 0.16, 0.033),
)

ALTS: Final = (
    Coin("xrp-high", (39, 46, 54), (0.66, 0.69, 0.72), (0.48, 0.51), 0.0, 0.039),
    Coin("doge-high", (15.9, 18, 20.7), (0.62, 0.64, 0.67), (0.43, 0.45), 0.0, 0.035),
    Coin("bnb-high", (4.8, 6, 6.6), (0.38, 0.51, 0.56), (0.76, 0.64), 0.0, 0.033),
    Coin("ada-high", (5.7, 6.7, 7.9), (0.71, 0.75, 0.77), (0.60, 0.55), 0.0, 0.043),
)
"""Coins whose days have the shape of others': how far days are from them holds that, too. Of theirs no other month was
looked at."""

RENEWED: Final = 0.07
"""Part of the open interest below 10x that opens anew on a day."""

LEAST_OPENINGS: Final = 0.02

_WIDTH: Final = 2 * 1.6448536


def draws() -> Draws:
    """Return the draws of all coins.

    A scorecard takes the first few of them, so these have to be like all: they fill the space as a scrambled Sobol
    sequence. Each coin has luck of its own, so that one that comes later moves no draw of the others.
    """
    parts = [part for number, coin in enumerate((*COINS, *ALTS)) for part in _columns(coin, number)]
    return Draws(
        tuple(path for path, _ in parts), ("1",) * len(parts), np.column_stack([each for _, each in parts])
    )


def _columns(coin: Coin, number: int) -> Iterator[tuple[str, Floats]]:
    """Yield a path and its draws for all that is drawn of a coin."""
    sequence = qmc.Sobol(3, rng=np.random.default_rng((SEED, number)))
    scores = norm.ppf(sequence.random_base2(9)[:N_DRAWS])
    share = coin.longs[1]
    sides = np.array([share, 1 - share]) * np.exp(scores[:, :2] @ np.linalg.cholesky(coin.errors).T)
    yield f"population.{coin.layer}.scale", sides.sum(axis=1)
    yield f"population.{coin.layer}.long_share", sides[:, 0] / sides.sum(axis=1)
    path = f"population.{coin.layer.replace('high', 'low')}.openings"
    yield path, np.maximum(1.0 + coin.interest / RENEWED * scores[:, 2], LEAST_OPENINGS)


def write() -> Path:
    """Write the file beside the scenario."""
    path = draws_beside(shipped_scenarios()["ordinary-days"])
    pq.write_table(draws().table(), path)
    return path

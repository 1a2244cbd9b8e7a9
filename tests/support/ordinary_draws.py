"""The draws of parameters beside `ordinary-days.yaml`: what the fit to 37 days leaves open, and how days differ.

`scale` multiplies the open interest above 10x: the error of the fitted level and, larger, how far days are from it;
`long_share` has the error of the fit and what longs and shorts of a day differ by; `openings` of the layer below what
open interest changes by from day to day. All from `docs/calibration.md`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from cascade.scenario.document import shipped_scenarios
from cascade.scenario.draws import Draws, draws_beside

Floats = npt.NDArray[np.float64]

N_DRAWS: Final = 500
SEED: Final = 20250726


class Coin(NamedTuple):
    """Of logs: 90 % interval of the level over the level, spread of days; of the share of longs: fit, side errors.

    `interest` is the spread of a day's change in the logarithm of open interest in coins that stops leave over.
    """

    layer: str
    level: tuple[float, float, float]
    days: float
    longs: tuple[float, float, float]
    sides: tuple[float, float]
    interest: float


COINS: Final = (
    Coin("btc-high", (636, 690, 768), 0.33, (0.49, 0.53, 0.58), (0.31, 0.46), 0.025),
    Coin("eth-high", (233, 250, 279), 0.22, (0.57, 0.59, 0.61), (0.26, 0.24), 0.026),
    Coin("sol-high", (42, 43, 48), 0.27, (0.59, 0.62, 0.64), (0.25, 0.36), 0.029),
)

ALTS: Final = (
    Coin("xrp-high", (39, 46, 54), 0.41, (0.66, 0.69, 0.72), (0.48, 0.51), 0.032),
    Coin("doge-high", (15.9, 18, 20.7), 0.32, (0.62, 0.64, 0.67), (0.43, 0.45), 0.034),
    Coin("bnb-high", (4.8, 6, 6.6), 0.60, (0.38, 0.51, 0.56), (0.76, 0.64), 0.019),
    Coin("ada-high", (5.7, 6.7, 7.9), 0.51, (0.71, 0.75, 0.77), (0.60, 0.55), 0.037),
)
"""Coins whose days have the shape of others': how far days are from them holds that, too."""

RENEWED: Final = 0.07
"""Part of the open interest below 10x that opens anew on a day."""

LEAST_OPENINGS: Final = 0.02

_WIDTH: Final = 2 * 1.6448536


def draws() -> Draws:
    """Return the draws: levels with the spread of days, shares of longs with that of sides within a day.

    Coins that came later have luck of their own, so that the draws of the others stay as they are.
    """
    parts = [*_columns(COINS, SEED), *_columns(ALTS, SEED + 1)]
    return Draws(
        tuple(path for path, _ in parts), ("1",) * len(parts), np.column_stack([each for _, each in parts])
    )


def _columns(coins: Sequence[Coin], seed: int) -> Iterator[tuple[str, Floats]]:
    """Yield a path and its draws for all that is drawn of some coins."""
    rng = np.random.default_rng(seed)
    for coin in coins:
        low, middle, high = coin.level
        fitted = np.log(high / low) / _WIDTH
        yield (
            f"population.{coin.layer}.scale",
            np.exp(rng.normal(0.0, np.hypot(fitted, coin.days), N_DRAWS)),
        )
        low, middle, high = (np.log(each / (1 - each)) for each in coin.longs)
        # errors of longs and shorts share the day's; what is left differs between the sides
        apart = np.sqrt(max(coin.sides[0] ** 2 + coin.sides[1] ** 2 - coin.days**2, 0.0))
        logit = rng.normal(middle, np.hypot((high - low) / _WIDTH, apart), N_DRAWS)
        yield f"population.{coin.layer}.long_share", 1.0 / (1.0 + np.exp(-logit))
    for coin in coins:
        openings = rng.normal(1.0, coin.interest / RENEWED, N_DRAWS)
        path = f"population.{coin.layer.replace('high', 'low')}.openings"
        yield path, np.maximum(openings, LEAST_OPENINGS)


def write() -> Path:
    """Write the file beside the scenario."""
    path = draws_beside(shipped_scenarios()["ordinary-days"])
    pq.write_table(draws().table(), path)
    return path

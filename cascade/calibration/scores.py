"""What is foretold of a figure, known by draws, and proper scores of it: CRPS, pinball loss, PIT."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from cascade.analysis.statistics.estimate import Floats

LEVELS: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles that are registered; the outer two bound the 90 % interval, the inner two that of 50 %."""

PINBALL: Final = (0.05, 0.5, 0.95)

FEWEST_RANKED: Final = 19
"""Draws from which 5 and 95 % are order statistics: 1 of n + 1 lies below the smallest."""

_OFFSETS: Final = {"USD": 1000.0, "accounts": 1.0}
"""What is added before a logarithm is taken, by unit: a day without a liquidation is a figure, too."""


class Scale(StrEnum):
    """In what a figure is scored."""

    LOG_OF_AMOUNT = "natural logarithm, of 1,000 USD or one account more"
    LOG = "natural logarithm"
    PLAIN = "its own unit"


def scale_of(what: str, unit: str) -> Scale:
    """Return in what a kind of figure is scored: amounts are heavy-tailed, prices are relative, shares are neither."""
    if what in {"low_usd", "high_usd"}:
        return Scale.LOG
    if unit in _OFFSETS:
        return Scale.LOG_OF_AMOUNT
    return Scale.LOG if what in {"range_pct", "realised_volatility_pct"} else Scale.PLAIN


@dataclass(frozen=True)
class Measured:
    """How figures of a kind are scored: in which scale, and what is added for it."""

    scale: Scale
    offset: float = 0.0

    @classmethod
    def of(cls, what: str, unit: str) -> Measured:
        """Return how a kind of figure is scored."""
        scale = scale_of(what, unit)
        return cls(scale, _OFFSETS[unit] if scale is Scale.LOG_OF_AMOUNT else 0.0)

    def to(self, values: npt.ArrayLike) -> Floats:
        """Return values on the scale; minus infinity for what has no logarithm."""
        plain = np.asarray(values, np.float64)
        if self.scale is Scale.PLAIN:
            return plain
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(plain + self.offset > 0.0, np.log(plain + self.offset), -np.inf)

    def back(self, values: npt.ArrayLike) -> Floats:
        """Return what the values on the scale stand for."""
        scaled = np.asarray(values, np.float64)
        return scaled if self.scale is Scale.PLAIN else np.exp(scaled) - self.offset


@dataclass(frozen=True)
class Forecast:
    """A predictive distribution of one figure, known by draws.

    Attributes
    ----------
    draws
        In the figure's unit, ascending.
    is_sample
        Whether they are draws by luck, as replicates are; else they are evenly spaced quantiles.
    """

    draws: tuple[float, ...]
    measured: Measured
    is_sample: bool = True

    @classmethod
    def of(cls, draws: npt.ArrayLike, measured: Measured, *, is_sample: bool = True) -> Forecast:
        """Return the forecast of some draws, in any order."""
        return cls(tuple(np.sort(np.asarray(draws, np.float64)).tolist()), measured, is_sample)

    @cached_property
    def scaled(self) -> Floats:
        """Return the draws on the scale of the score."""
        return self.measured.to(self.draws)

    @property
    def median(self) -> float:
        """Return the median."""
        found = self.quantile(0.5)
        assert found is not None
        return found

    @property
    def method(self) -> str:
        """Return what its quantiles rest on."""
        if not self.is_sample:
            return "quantiles"
        n = len(self.draws)
        return "order statistics" if n >= FEWEST_RANKED else "Student" if n > 1 else "none"

    def quantile(self, share: float) -> float | None:
        """Return a quantile, in the figure's unit; None where one draw says nothing of the spread.

        Of n draws by luck the k-th smallest is the quantile k / (n + 1), for any distribution. Where so few
        do not reach out to 5 %, it is Student's prediction of one more draw, on the scale of the score.
        """
        if len(self.draws) == 1:
            return self.draws[0] if not self.is_sample or share == 0.5 else None
        if not self.is_sample:
            return float(np.quantile(self.draws, share))
        if len(self.draws) >= FEWEST_RANKED:
            return float(np.quantile(self.draws, share, method="weibull"))
        return float(self.measured.back(_of_one_more(self.scaled, share)))

    def interval(self, share: float) -> tuple[float, float] | None:
        """Return the central interval that holds the value with a probability, or None without one."""
        low, high = self.quantile((1.0 - share) / 2.0), self.quantile((1.0 + share) / 2.0)
        return None if low is None or high is None else (low, high)

    def crps(self, observed: float) -> float:
        """Return the continuous ranked probability score, on the scale of the score."""
        return crps(self.scaled, float(self.measured.to(observed)), is_sample=self.is_sample)

    def pinball(self, observed: float, share: float) -> float | None:
        """Return the pinball loss of a quantile, on the scale of the score."""
        quantile = self.quantile(share)
        if quantile is None:
            return None
        return pinball(float(self.measured.to(quantile)), float(self.measured.to(observed)), share)

    def pit(self, observed: float) -> tuple[float, float]:
        """Return the ends of the probability integral transform: an interval, since draws are few and may tie."""
        return pit(np.asarray(self.draws), observed)


def crps(draws: Floats, observed: float, *, is_sample: bool = True) -> float:
    """Return the continuous ranked probability score: E|X - y| - E|X - X'| / 2.

    Of draws by luck the fair form, whose mean does not depend on their number (Ferro 2014, Quarterly Journal
    of the Royal Meteorological Society 140, 1917-1923); of one draw the absolute error.

    Parameters
    ----------
    draws
        Ascending.
    is_sample
        Whether they are draws by luck; else they are the whole distribution.
    """
    n = len(draws)
    error = float(np.abs(draws - observed).mean())
    if n == 1:
        return error
    # the sum of |x_i - x_j| over all pairs, each once
    apart = float((2.0 * np.arange(n) - n + 1.0) @ draws)
    return error - apart / (n * (n - 1) if is_sample else n * n)


def pinball(quantile: float, observed: float, share: float) -> float:
    """Return the loss of a quantile: least, on average, for the true one."""
    apart = observed - quantile
    return max(share * apart, (share - 1.0) * apart)


def pit(draws: Floats, observed: float) -> tuple[float, float]:
    """Return between which probabilities a value lies among draws: uniform where it is one of them.

    Of n draws, k below the value and t equal to it, k / (n + 1) to (k + t + 1) / (n + 1).
    """
    n = len(draws)
    below, equal = int((draws < observed).sum()), int((draws == observed).sum())
    return below / (n + 1), (below + equal + 1) / (n + 1)


def pit_histogram(ends: list[tuple[float, float]], bins: int) -> Floats:
    """Return how many values fall into each bin, each spread evenly over its own interval.

    The non-randomised histogram of Czado, Gneiting and Held (2009, Biometrics 65, 1254-1261).
    """
    edges = np.linspace(0.0, 1.0, bins + 1)
    found = np.zeros(bins)
    for low, high in ends:
        found += np.diff(np.clip((edges - low) / (high - low), 0.0, 1.0))
    return found


def _of_one_more(values: Floats, share: float) -> float:
    """Return a quantile of Student's predictive distribution of the next of some normal values."""
    from scipy.stats import t

    n = len(values)
    spread = float(values.std(ddof=1)) * math.sqrt(1.0 + 1.0 / n)
    return float(values.mean() + spread * t.ppf(share, n - 1))

"""What a figure would be foretold to be without a simulation: formulas and lines that a model has to beat.

Each says which figures it is for, by which formula, and where that is from; where it lacks something it is left
out, with the reason: an absent baseline is not a forecast of zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cascade.analysis.statistics.estimate import Floats
from cascade.calibration.figures import Figure
from cascade.calibration.history import History, column_of, path_column
from cascade.calibration.scores import Forecast, Measured, Scale

NODES: Final = 199
"""Quantiles that a distribution with a formula is known by."""

FEWEST_DAYS: Final = 20
"""Days that a line or a climatology takes."""

LATEST_DAYS: Final = 365
"""Days of a climatology at most: the latest."""

FEWEST_RETURNS: Final = 250
"""Daily returns that a GARCH model takes."""

AMOUNTS: Final = ("liquidated_usd", "largest_liquidation_usd", "liquidated_accounts")

_DAYS_A_YEAR: Final = 365.0


class LackError(Exception):
    """A baseline cannot be made of a figure; says what it lacks."""


@dataclass(frozen=True)
class Case:
    """A figure that is to be foretold, and what was known before.

    Attributes
    ----------
    known
        Values by what they are and the coin they are of.
    past
        Figures of the days before the event, and the path up to the figure's own day; None without a history.
    given
        Range and return of the figure's own day, the path that the simulation is given, too; or why not.
    """

    figure: Figure
    measured: Measured
    known: Mapping[tuple[str, str | None], float]
    past: History | None
    given: Mapping[str, float] | str

    def value(self, what: str) -> float:
        """Return what was known of the figure's coin."""
        found = self.known.get((what, self.figure.asset), self.known.get((what, None)))
        if found is None:
            of = f" of {self.figure.asset}" if self.figure.asset else ""
            raise LackError(f"{what}{of} is not among what was known: add it to `known:`")
        return found

    def column(self, column: str) -> Floats:
        """Return a column of the days before."""
        if self.past is None:
            raise LackError("the event names no history: add `history:`")
        found = self.past.columns.get(column)
        if found is None:
            raise LackError(f"the history has no column {column}")
        return found

    def own(self, what: str) -> float:
        """Return range or return of the figure's own day."""
        if isinstance(self.given, str):
            raise LackError(self.given)
        found = self.given.get(what)
        if found is None:
            raise LackError(f"the history has no {path_column(what, self.figure)} of the day itself")
        return found

    def among(self, *whats: str) -> None:
        """Refuse other kinds of figures."""
        if self.figure.what not in whats:
            raise LackError(f"it says nothing of {self.figure.what}")


@dataclass(frozen=True)
class Baseline:
    """A forecast without a simulation."""

    name: str
    title: str
    formula: str
    source: str
    make: Callable[[Case], Forecast]


BASELINES: Final[dict[str, Baseline]] = {}
"""Every baseline by its name, in the order of the page."""

Make = Callable[[Case], Forecast]


def baseline(name: str, title: str, *, formula: str, source: str) -> Callable[[Make], Make]:
    """Register a baseline."""

    def register(make: Make) -> Make:
        BASELINES[name] = Baseline(name, title, formula, source, make)
        return make

    return register


def _point(case: Case, value: float) -> Forecast:
    return Forecast.of([value], case.measured, is_sample=False)


@baseline(
    "none", "no cascade", formula="nothing is liquidated, and the price stays",
    source="what a desk without a model assumes",
)  # fmt: skip
def _none(case: Case) -> Forecast:
    case.among(*AMOUNTS, "return_pct", "open_interest_change_pct", "low_usd", "high_usd")
    return _point(case, case.value("price_usd") if case.figure.what in {"low_usd", "high_usd"} else 0.0)


@baseline(
    "linear_cascade", "D0/(1-n)",
    formula="move D = D0 / (1 - n), n = liquidations_usd_per_pct / depth_usd_per_pct, D0 = news_pct; liquidated: "
    "|D| liquidations_usd_per_pct of the side that loses",
    source="linear permanent impact and uniform liquidation prices: the mean of the M/G/1 busy period",
)  # fmt: skip
def _linear_cascade(case: Case) -> Forecast:
    case.among("liquidated_usd", "return_pct", "low_usd", "high_usd")
    news, density = case.value("news_pct"), case.value("liquidations_usd_per_pct")
    n = density / case.value("depth_usd_per_pct")
    if n >= 1.0:
        raise LackError(f"n is {n:.3g}: at 1 and more the formula has no finite value")
    move = news / (1.0 - n)
    if case.figure.what == "liquidated_usd":
        loses = "long" if move < 0.0 else "short"
        return _point(case, abs(move) * density if case.figure.side in {loses, "both"} else 0.0)
    return _moved(case, move)


@baseline(
    "square_root", "square-root impact",
    formula="move = -sqrt(Q / V) sd, Q = sold_usd, V = volume_usd of a day, sd = realised_volatility_pct / sqrt(365)",
    source="Toth et al. 2011, Physical Review X 1, 021006; with Y = 1",
)  # fmt: skip
def _square_root(case: Case) -> Forecast:
    case.among("return_pct", "low_usd", "high_usd")
    sold, volume = case.value("sold_usd"), case.value("volume_usd")
    if volume <= 0.0:
        raise LackError("volume_usd is not above zero")
    sd = case.value("realised_volatility_pct") / math.sqrt(_DAYS_A_YEAR)
    return _moved(case, -math.copysign(math.sqrt(abs(sold) / volume) * sd, sold))


def _moved(case: Case, move: float) -> Forecast:
    """Return the forecast of a price, or of a return, that a move leaves; on the other side of it the price stays."""
    if case.figure.what == "return_pct":
        return _point(case, move)
    is_hit = (move < 0.0) == (case.figure.what == "low_usd")
    return _point(case, case.value("price_usd") * (1.0 + 0.01 * move * is_hit))


@baseline(
    "range_line", "elasticity to range", formula="log y = a + b log range_pct, Student's prediction",
    source="least squares over the days before; Box and Cox's multiplicative error",
)  # fmt: skip
def _range_line(case: Case) -> Forecast:
    return _line(case, with_return=False)


@baseline(
    "range_and_return", "range and return", formula="log y = a + b log range_pct + c return_pct / range_pct",
    source="least squares over the days before",
)  # fmt: skip
def _range_and_return(case: Case) -> Forecast:
    return _line(case, with_return=True)


def _line(case: Case, *, with_return: bool) -> Forecast:
    """Return Student's prediction of a line that was fitted to the days before."""
    if case.measured.scale is Scale.PLAIN or case.figure.what in {"low_usd", "high_usd", "range_pct"}:
        raise LackError(f"it says nothing of {case.figure.what}")
    values = case.measured.to(case.column(column_of(case.figure)))
    ranges = case.column(path_column("range_pct", case.figure))
    returns = case.column(path_column("return_pct", case.figure)) if with_return else np.zeros_like(ranges)
    own = case.own("range_pct")
    own_return = case.own("return_pct") if with_return else 0.0
    kept = np.isfinite(values) & (ranges > 0.0) & np.isfinite(returns)
    n = int(kept.sum())
    if n < FEWEST_DAYS:
        raise LackError(f"a line takes {FEWEST_DAYS} days before the event, and the history has {n}")
    if own <= 0.0:
        raise LackError("the range of the day itself is zero")
    columns = [np.ones(n), np.log(ranges[kept]), returns[kept] / ranges[kept]]
    place = np.array([1.0, math.log(own), own_return / own])
    used = 2 + with_return
    return _student(case, np.column_stack(columns[:used]), values[kept], place[:used])


def _student(case: Case, x: Floats, y: Floats, place: Floats) -> Forecast:
    """Return the quantiles of least squares' prediction at a place."""
    from scipy.stats import t

    n, k = x.shape
    weights, _, rank, _ = np.linalg.lstsq(x, y, rcond=None)
    if rank < k:
        raise LackError("the days before are all alike")
    spread2 = float(((y - x @ weights) ** 2).sum()) / (n - k)
    leverage = float(place @ np.linalg.solve(x.T @ x, place))
    nodes = float(place @ weights) + math.sqrt(spread2 * (1.0 + leverage)) * t.ppf(_shares(), n - k)
    return Forecast.of(case.measured.back(nodes), case.measured, is_sample=False)


def _shares() -> Floats:
    return (np.arange(NODES) + 0.5) / NODES


@baseline(
    "garch_t", "GARCH-t", formula="r = m + e, var = w + a e^2 + b var, e of Student's t; one day ahead",
    source="Bollerslev 1987, Review of Economics and Statistics 69, 542-547; maximum likelihood",
)  # fmt: skip
def _garch_t(case: Case) -> Forecast:
    case.among("return_pct", "realised_volatility_pct")
    if isinstance(case.given, str):
        raise LackError(case.given)
    returns = 100.0 * np.log1p(0.01 * case.column(path_column("return_pct", case.figure)))
    returns = returns[np.isfinite(returns)]
    if len(returns) < FEWEST_RETURNS:
        raise LackError(
            f"it takes {FEWEST_RETURNS} daily returns before the event, and there are {len(returns)}"
        )
    fitted = fit_garch(returns)
    if case.figure.what == "realised_volatility_pct":
        return _point(case, math.sqrt(fitted.ahead * _DAYS_A_YEAR))
    nodes = fitted.mean + math.sqrt(fitted.ahead) * _unit_student(fitted.freedom, _shares())
    return Forecast.of(100.0 * np.expm1(0.01 * nodes), case.measured, is_sample=False)


@baseline(
    "climatology", "climatology", formula=f"the figures of the latest {LATEST_DAYS} days before, each as likely",
    source="the days before, without a model",
)  # fmt: skip
def _climatology(case: Case) -> Forecast:
    if case.figure.what in {"low_usd", "high_usd"}:
        raise LackError("prices of other days say nothing of this one's")
    if isinstance(case.given, str):
        raise LackError(case.given)
    values = case.column(column_of(case.figure))
    values = values[np.isfinite(values)][-LATEST_DAYS:]
    if len(values) < FEWEST_DAYS:
        raise LackError(f"it takes {FEWEST_DAYS} days before the event, and the history has {len(values)}")
    return Forecast.of(values, case.measured)


@dataclass(frozen=True, slots=True)
class Garch:
    """A GARCH(1,1) model with errors of Student's t, in the unit of its returns.

    Attributes
    ----------
    ahead
        Variance of the next return.
    """

    mean: float
    constant: float
    news: float
    memory: float
    freedom: float
    ahead: float


def fit_garch(returns: Floats) -> Garch:
    """Return the model that makes some returns most likely."""
    from scipy.optimize import minimize

    variance, mean = float(returns.var()), float(returns.mean())
    if variance <= 0.0:
        raise LackError("returns do not vary")

    def loss(x: npt.NDArray[np.float64]) -> float:
        found = _garch(x, returns, variance)
        return -_likelihood(returns - found.mean, _variances(found, returns, variance)[:-1], found.freedom)

    # logarithm of the constant's share of the variance, persistence and the news' share of it as logits, freedom
    start = np.array([mean / math.sqrt(variance), 0.0, 3.0, -2.0, 1.0])
    best = minimize(
        loss, start, method="Nelder-Mead", options={"maxiter": 4000, "xatol": 1e-4, "fatol": 1e-6}
    )
    return _garch(best.x, returns, variance)


def _garch(x: npt.NDArray[np.float64], returns: Floats, variance: float) -> Garch:
    """Return the model of parameters without bounds."""
    mean = float(x[0]) * math.sqrt(variance)
    persistence, share = (1.0 / (1.0 + math.exp(-min(max(float(each), -30.0), 30.0))) for each in x[2:4])
    news, memory = persistence * share, persistence * (1.0 - share)
    constant = variance * (1.0 - persistence) * math.exp(min(max(float(x[1]), -10.0), 10.0))
    freedom = 2.05 + math.exp(min(max(float(x[4]), -6.0), 6.0))
    fitted = Garch(mean, constant, news, memory, freedom, 0.0)
    ahead = float(_variances(fitted, returns, variance)[-1])
    return Garch(mean, constant, news, memory, freedom, ahead)


def _variances(model: Garch, returns: Floats, first: float) -> Floats:
    """Return the variance of each return, and of the next one."""
    from scipy.signal import lfilter

    errors2 = (returns - model.mean) ** 2
    drive = np.concatenate([[first], model.constant + model.news * errors2])
    return np.asarray(lfilter([1.0], [1.0, -model.memory], drive))


def _likelihood(errors: Floats, variances: Floats, freedom: float) -> float:
    from scipy.special import gammaln

    known = (
        gammaln((freedom + 1.0) / 2.0) - gammaln(freedom / 2.0) - 0.5 * math.log(math.pi * (freedom - 2.0))
    )
    each = 0.5 * np.log(variances) + (freedom + 1.0) / 2.0 * np.log1p(
        errors**2 / (variances * (freedom - 2.0))
    )
    return len(errors) * float(known) - float(each.sum())


def _unit_student(freedom: float, shares: Floats) -> Floats:
    """Return quantiles of Student's t with variance one."""
    from scipy.stats import t

    return t.ppf(shares, freedom) * math.sqrt((freedom - 2.0) / freedom)

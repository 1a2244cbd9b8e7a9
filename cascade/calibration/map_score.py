"""A liquidation map against what was liquidated where: by bands of the price that the path crossed.

A map says what would be liquidated at which price. Prices that the path never reached say nothing of it, and what
is liquidated follows the path whatever the map: so the null is a map without knowledge, as much in each part of
the distance that was crossed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cascade.analysis.statistics import Estimate, block_estimate
from cascade.analysis.statistics.estimate import Floats
from cascade.assembly import assemble
from cascade.errors import UsageError
from cascade.exposure.liquidation_map import WIDTH, liquidation_maps
from cascade.scenario.cells import BadCellError, Parser, is_empty, positive, shown
from cascade.scenario.schema import Scenario
from cascade.scenario.tables import check_header, read_table

HALF: Final = 0.5
"""Share of a map that its densest bands hold, whose share of what was liquidated is counted."""

FEWEST_BANDS: Final = 6
"""Bands that were crossed, under which nothing is said."""

_SIDES: Final = ("long", "short")


@dataclass(frozen=True)
class MapForecast:
    """What a map foretells: USD to be liquidated in each band of the price, from near to far, on either side."""

    market: str
    price: float
    below_usd: Floats
    above_usd: Floats


@dataclass(frozen=True)
class Realised:
    """What was liquidated, a row each."""

    price: Floats
    usd: Floats
    is_long: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Bands:
    """Bands of the price on one side of the start, from near to far, as far as the path went.

    Attributes
    ----------
    crossed
        Share of the width of each that the path crossed.
    expected_usd
        What the map has there, of the crossed part.
    realised_usd
        What was liquidated there.
    """

    side: str
    crossed: Floats
    expected_usd: Floats
    realised_usd: Floats


@dataclass(frozen=True)
class MapScore:
    """How a map did.

    Attributes
    ----------
    path
        Lowest and highest price.
    beyond_usd
        Liquidated outside of what the path crossed, from the start on: of positions that were opened later.
    rank_correlation, rank_p
        Spearman's, over bands, of the map with what was liquidated; p by turning the map along the bands.
    overlap, null_overlap, gain
        Share of what was liquidated that lies where the map has it, the same of the null, and their difference.
    coverage, half_distance
        Share of what was liquidated in the bands that hold the densest half of the map, and the share of the crossed
        distance that these are.
    level
        USD of the map, in what was crossed, to USD liquidated there.
    """

    market: str
    price: float
    path: tuple[float, float]
    sides: tuple[Bands, ...]
    beyond_usd: float
    rank_correlation: Estimate
    rank_p: float
    overlap: Estimate
    null_overlap: float
    gain: Estimate
    coverage: Estimate
    half_distance: float
    level: float

    @property
    def n(self) -> int:
        """Return the number of bands."""
        return sum(len(each.crossed) for each in self.sides)


def check_realised(path: Path) -> None:
    """Refuse a table of liquidations that is not there or lacks a column; none of its values is read.

    Raises
    ------
    ScenarioError
        With every column that it lacks.
    """
    check_header(path, tuple(_PARSERS))


def read_realised(path: Path) -> Realised:
    """Return a table of liquidations: price, side of the position, notional_usd, as `cascade data` converts them.

    Raises
    ------
    ScenarioError
        With everything that is wrong with the table, and where.
    """
    table = read_table(path, _PARSERS)
    table.raise_problems()
    prices, usd = (np.array(table.columns[name], np.float64) for name in ("price", "notional_usd"))
    return Realised(prices, usd, np.array([side == "long" for side in table.columns["side"]], np.bool_))


def _side(cell: Any) -> str:
    word = "" if is_empty(cell) else str(cell).strip().lower()
    if word not in _SIDES:
        raise BadCellError(
            f"{shown(cell)} is no side of a position", "write long or short: what was liquidated"
        )
    return word


def _amount(cell: Any) -> float:
    value = 0.0 if str(cell).strip() in {"0", "0.0"} else positive(cell)
    return float(value)


_PARSERS: Final[dict[str, Parser]] = {"price": positive, "side": _side, "notional_usd": _amount}


def map_of(scenario: Scenario, market: str | None = None) -> MapForecast:
    """Return the map of a scenario's population at its start: of a table of positions, or as open interest implies.

    Raises
    ------
    UsageError
        There is no such market, or there are several to choose from.
    """
    found = {each.market: each for each in liquidation_maps(scenario, assemble(scenario))}
    chosen = next(iter(found)) if market is None and len(found) == 1 else market
    if chosen not in found:
        names = ", ".join(found) or "none"
        problem = (
            "the scenario has several maps" if market is None else f"the scenario has no map of {market}"
        )
        raise UsageError(problem, where="--market", remedy=f"name one of the markets: {names}")
    of = found[chosen]
    return MapForecast(of.market, of.price, of.below.usd, of.above.usd)


def score_map(expected: MapForecast, realised: Realised, path: tuple[float, float] | None = None) -> MapScore:
    """Return how a map did.

    Parameters
    ----------
    path
        Lowest and highest price after the start; by default of what was liquidated.

    Raises
    ------
    UsageError
        The path crossed too few bands, or nothing was liquidated in them.
    """
    low, high = path or (float(realised.price.min()), float(realised.price.max()))
    start = expected.price
    sides = tuple(
        _bands(side, usd, reach, start, realised)
        for side, usd, reach in (
            ("long", expected.below_usd, 1.0 - low / start), ("short", expected.above_usd, high / start - 1.0)
        )
        if reach > 0.0
    )  # fmt: skip
    crossed, map_usd, real_usd = (
        np.concatenate([getattr(each, name) for each in sides]) if sides else np.empty(0)
        for name in ("crossed", "expected_usd", "realised_usd")
    )
    _refuse_little(expected.market, crossed, map_usd, real_usd)
    return _scored(expected, (low, high), sides, realised, crossed, map_usd, real_usd)


def _bands(side: str, usd: Floats, reach: float, start: float, realised: Realised) -> Bands:
    """Return the bands of one side that the path crossed; the map reaches no farther than its last."""
    n = min(len(usd), math.ceil(reach / WIDTH - 1e-9))
    crossed = np.asarray(
        np.clip(reach / WIDTH - np.arange(n), 0.0, 1.0).round(9), np.float64
    )  # equal bands tie
    away = (1.0 - realised.price / start) if side == "long" else (realised.price / start - 1.0)
    place = np.floor(away / WIDTH)
    inside = (place >= 0) & (place < n) & (realised.is_long == (side == "long"))
    found: Floats = np.zeros(n)
    np.add.at(found, place[inside].astype(np.int64), realised.usd[inside])
    return Bands(side, crossed, usd[:n] * crossed, found)


def _refuse_little(market: str, crossed: Floats, expected: Floats, realised: Floats) -> None:
    if len(crossed) < FEWEST_BANDS:
        raise UsageError(
            f"the path crossed {len(crossed)} bands of {100 * WIDTH:g} % of {market}, and a map takes {FEWEST_BANDS}",
            where="--map", remedy="score it on a longer window, or on one in which the price went farther",
        )  # fmt: skip
    for total, what in ((expected.sum(), "the map has nothing"), (realised.sum(), "nothing was liquidated")):
        if total <= 0.0:
            raise UsageError(
                f"{what} where the path of {market} went", where="--map",
                remedy="look at prices and sides of the table, and at the map: cascade explain",
            )  # fmt: skip


def _scored(
    expected: MapForecast, path: tuple[float, float], sides: tuple[Bands, ...], realised: Realised,
    crossed: Floats, map_usd: Floats, real_usd: Floats,
) -> MapScore:  # fmt: skip
    n = len(crossed)

    def over(of: Callable[[Floats, Floats, Floats], float]) -> Estimate:
        return block_estimate(lambda k: of(crossed[k], map_usd[k], real_usd[k]), n)

    held = densest_half(crossed, map_usd)
    rank = over(lambda _, a, b: spearman(a, b))
    return MapScore(
        expected.market, expected.price, path, sides, float(realised.usd.sum() - real_usd.sum()), rank,
        turned_p(map_usd, real_usd),
        over(lambda _, a, b: overlap(a, b)), overlap(crossed, real_usd),
        over(lambda c, a, b: overlap(a, b) - overlap(c, b)),
        block_estimate(lambda k: _share(real_usd[k], held[k]), n), float(crossed[held].sum() / crossed.sum()),
        float(map_usd.sum() / real_usd.sum()),
    )  # fmt: skip


def spearman(x: Floats, y: Floats) -> float:
    """Return the rank correlation; NaN where either does not vary."""
    from scipy.stats import rankdata

    a, b = (np.asarray(rankdata(each), np.float64) for each in (x, y))
    a, b = a - a.mean(), b - b.mean()
    spread = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / spread if spread > 0.0 else math.nan


def overlap(expected: Floats, realised: Floats) -> float:
    """Return the share of one distribution over bands that lies where the other has it: 1 where they are the same."""
    if expected.sum() <= 0.0 or realised.sum() <= 0.0:
        return math.nan
    return float(np.minimum(expected / expected.sum(), realised / realised.sum()).sum())


def turned_p(expected: Floats, realised: Floats) -> float:
    """Return how often a map that is turned along the bands, end to start, has as high a rank correlation.

    Neighbouring bands are alike: to shuffle them would find too much.
    """
    own = spearman(expected, realised)
    if math.isnan(own):
        return 1.0
    turned = [spearman(np.roll(expected, k), realised) for k in range(1, len(expected))]
    return (1 + sum(each >= own - 1e-12 for each in turned)) / len(expected)


def densest_half(crossed: Floats, expected: Floats) -> npt.NDArray[np.bool_]:
    """Return the fewest bands, densest first, that hold half of a map."""
    density = np.divide(expected, crossed, out=np.zeros_like(expected), where=crossed > 0.0)
    order = np.argsort(-density, kind="stable")
    total = np.cumsum(expected[order])
    n = int(np.searchsorted(total, HALF * total[-1] * (1.0 - 1e-12))) + 1
    held = np.zeros(len(expected), np.bool_)
    held[order[:n]] = True
    return held


def _share(values: Floats, held: npt.NDArray[np.bool_]) -> float:
    total = float(values.sum())
    return float(values[held].sum()) / total if total > 0.0 else math.nan

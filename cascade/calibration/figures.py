"""Figures of a real day that a run can be held against, each measured from its tables as a desk would read it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from cascade.analysis.feed import public_mask
from cascade.analysis.metrics import Replicate
from cascade.output.run_units import Feed, MarketUnits
from cascade.scenario.base import Model, Name
from cascade.units import Instant, refuse

if TYPE_CHECKING:
    from cascade.output.reader import Result

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Bounds = tuple[float, float]

What: TypeAlias = Literal[
    "liquidated_usd", "long_share", "largest_liquidation_usd", "liquidated_accounts", "open_interest_change_pct",
    "low_usd", "high_usd", "return_pct", "range_pct", "realised_volatility_pct",
]  # fmt: skip
Side: TypeAlias = Literal["long", "short", "both"]

UNKNOWN: Final = math.nan
"""What a run cannot say."""

SAMPLED_S: Final = 300.0
"""Seconds between two prices of a realised volatility."""

YEAR_S: Final = 365 * 86_400.0


class Figure(Model):
    """A figure of an event: what is measured, of which coin, in which window, on which venues."""

    what: What = Field(description="What is measured.", examples=["liquidated_usd"])
    asset: Name | None = Field(
        default=None,
        description="The coin; of liquidations, all coins where none is written.",
        examples=["BTC"],
    )
    side: Side = Field(default="both", description="Side of the positions that were liquidated.")
    from_: Instant | None = Field(
        default=None, alias="from", description="Begin of the window; that of the event if not written."
    )
    to: Instant | None = Field(
        default=None,
        description="End of the window, which it does not hold; that of the event if not written.",
    )
    venues: tuple[Name, ...] = Field(
        default=(), description="Venues whose feeds are read; all of them where none is written."
    )

    @model_validator(mode="after")
    def _fits(self) -> Figure:
        measure = MEASURES[self.what]
        if measure.is_of_a_coin and self.asset is None:
            raise refuse(f"{self.what} is of one coin", "add asset: BTC", "CAS011")
        if self.side != "both" and not measure.has_sides:
            raise refuse(f"{self.what} has no side", "remove it", "CAS017", ("side",))
        if self.from_ is not None and self.to is not None and not self.from_ < self.to:
            raise refuse("the window ends before it begins", "write a later time", "CAS014", ("to",))
        return self

    @property
    def unit(self) -> str:
        """Return the unit of its values."""
        return MEASURES[self.what].unit


@dataclass(frozen=True)
class Window:
    """What a figure is measured on: one replicate, and which of its rows count."""

    run: Replicate
    figure: Figure
    feeds: Mapping[str, Feed]
    seconds: Bounds

    @property
    def market(self) -> MarketUnits | None:
        """The market whose prices are read: on one of the figure's venues if there is one, else the first."""
        of_it = [each for each in self.run.units.markets if each.asset == self.figure.asset]
        with_leverage = [each for each in of_it if each.leveraged and not each.lending] or of_it
        named = [each for each in with_leverage if each.venue in self.figure.venues]
        return next(iter(named or with_leverage), None)

    @property
    def is_reported(self) -> bool:
        """Whether any of the figure's venues is one of the run's."""
        return not self.figure.venues or any(each in self.run.units.feeds for each in self.figure.venues)

    def liquidations(self, column: str) -> npt.NDArray[Any]:
        """Return a column of the liquidations that the feeds show."""
        return self.run.numbers("liquidations", column)[self._shown()]

    def of_side(self, side: Side) -> float:
        """Return what of a side was liquidated, in USD."""
        rows = self._shown()
        if side != "both":
            rows = rows & (self.run.names("liquidations", "side") == side)
        return float(self.run.numbers("liquidations", "liquidated_usd")[rows].sum())

    def _shown(self) -> Mask:
        run, figure = self.run, self.figure
        rows = public_mask(run.liquidations, self.feeds) & self._inside(run.numbers("liquidations", "t_s"))
        if figure.asset is not None:
            rows = rows & (run.names("liquidations", "asset") == figure.asset)
        if figure.venues:
            rows = rows & np.isin(run.names("liquidations", "reporting"), figure.venues)
        return rows

    def bars(self, column: str) -> Floats:
        """Return a column of the bars of its market inside the window, without those that have no value."""
        if self.market is None:
            return np.empty(0)
        values = self.run.bar_numbers(self.market.name, column)
        inside = values[self._inside(self.run.bar_numbers(self.market.name, "t_s"))]
        return inside[~np.isnan(inside)]

    def volatility_pct(self) -> float:
        """Return the yearly volatility of last prices."""
        if self.market is None:
            return UNKNOWN
        times = self.run.bar_numbers(self.market.name, "t_s")
        values = self.run.bar_numbers(self.market.name, "last_price")
        kept = self._inside(times) & ~np.isnan(values)
        begin = self.seconds[0] if math.isfinite(self.seconds[0]) else 0.0
        return sampled_volatility_pct(times[kept], values[kept], begin)

    def _inside(self, times: Floats) -> Mask:
        return (times >= self.seconds[0]) & (times < self.seconds[1])


@dataclass(frozen=True, slots=True)
class Measure:
    """A kind of figure; `is_of_a_coin` where it is of prices or of open interest."""

    name: What
    unit: str
    definition: str
    compute: Callable[[Window], float]
    is_of_a_coin: bool = False
    has_sides: bool = False
    bounds: Bounds = (0.0, math.inf)
    """What it can't be below or above."""


MEASURES: Final[dict[What, Measure]] = {}
"""Every kind of figure by its name."""


def _measure(
    name: What, unit: str, definition: str, *, coin: bool = False, sides: bool = False,
    bounds: Bounds = (0.0, math.inf),
) -> Callable[[Callable[[Window], float]], Callable[[Window], float]]:  # fmt: skip
    def register(compute: Callable[[Window], float]) -> Callable[[Window], float]:
        MEASURES[name] = Measure(name, unit, definition, compute, coin, sides, bounds)
        return compute

    return register


def simulated(figure: Figure, run: Replicate, feeds: Mapping[str, Feed] | None = None) -> float:
    """Return the value of a figure in one replicate; NaN where the run cannot say.

    Parameters
    ----------
    run
        Tables of the replicate: `replicate_of` returns them from a result, in memory or on disk.
    feeds
        What each venue publishes, where it differs from what the scenario says of its reporting venues.
    """
    seconds = _seconds(figure, run.units.start)
    measure = MEASURES[figure.what]
    window = Window(run, figure, {**run.units.feeds, **(feeds or {})}, seconds)
    is_known = window.market is not None if measure.is_of_a_coin else window.is_reported
    return measure.compute(window) if is_known and not math.isnan(seconds[0]) else UNKNOWN


def replicate_of(result: Result, number: int) -> Replicate:
    """Return the tables of one replicate of a result that figures are measured on."""
    bars, liquidations = (result.replicate(name, number) for name in ("bars", "liquidations"))
    return Replicate(result.units, bars, liquidations)


def sampled_volatility_pct(times: Floats, prices: Floats, begin: float) -> float:
    """Return the yearly volatility in per cent of the last prices of five minutes, or of bars that are longer."""
    span = max(SAMPLED_S, float(np.median(np.diff(times)))) if len(times) > 1 else SAMPLED_S
    number = np.floor((times - begin) / span)
    last = prices[np.append(number[1:] != number[:-1], True)] if len(times) else prices
    if len(last) < 3:
        return UNKNOWN
    return 100.0 * math.sqrt(float(np.mean(np.diff(np.log(last)) ** 2)) * YEAR_S / span)


def _seconds(figure: Figure, start: datetime | None) -> Bounds:
    """Return the window since the start of the run; all of it where none is written, NaN where it has no date."""
    if figure.from_ is None and figure.to is None:
        return -math.inf, math.inf
    if start is None:
        return math.nan, math.nan
    first = -math.inf if figure.from_ is None else (figure.from_ - start).total_seconds()
    last = math.inf if figure.to is None else (figure.to - start).total_seconds()
    return first, last


_SIGNED: Final = (-math.inf, math.inf)


@_measure("liquidated_usd", "USD", "notional liquidated that the feeds show", sides=True)
def _liquidated(window: Window) -> float:
    return window.of_side(window.figure.side)


@_measure("long_share", "1", "share of longs in the notional liquidated", bounds=(0.0, 1.0))
def _long_share(window: Window) -> float:
    total = window.of_side("both")
    return window.of_side("long") / total if total > 0 else UNKNOWN


@_measure("largest_liquidation_usd", "USD", "largest order liquidated that the feeds show")
def _largest(window: Window) -> float:
    return float(window.liquidations("liquidated_usd").max(initial=0.0))


@_measure("liquidated_accounts", "accounts", "accounts of which the feeds show a liquidation")
def _accounts(window: Window) -> float:
    lives = np.stack([window.liquidations("account"), window.liquidations("life")])
    return float(np.unique(lives, axis=1).shape[1])


@_measure(
    "open_interest_change_pct", "%",
    "change of the open interest in USD of accounts on margin, with that of the price in it: coins are counted from the "
    "end of the first bar on, and are worth then what it opens with",
    coin=True, bounds=(-100.0, math.inf),
)  # fmt: skip
def _open_interest_change(window: Window) -> float:
    recorded = window.run.bars.column_names
    values = window.bars("on_margin_usd" if "on_margin_usd" in recorded else "open_interest_usd")
    marks, opened = window.bars("mark_price"), window.bars("open_price")
    if len(values) and len(marks) and len(opened) and window.market and not window.market.inverse:
        values = np.append(values[0] * opened[0] / marks[0], values[1:])
    return _change_pct(values)


@_measure("low_usd", "USD", "lowest traded price", coin=True)
def _low(window: Window) -> float:
    lows = window.bars("low_price")
    return float(lows.min()) if len(lows) else UNKNOWN


@_measure("high_usd", "USD", "highest traded price", coin=True)
def _high(window: Window) -> float:
    highs = window.bars("high_price")
    return float(highs.max()) if len(highs) else UNKNOWN


@_measure("return_pct", "%", "last traded price against the first", coin=True, bounds=(-100.0, math.inf))
def _return(window: Window) -> float:
    first, last = window.bars("open_price"), window.bars("last_price")
    return _change_pct(np.array([first[0], last[-1]])) if len(first) and len(last) else UNKNOWN


@_measure("range_pct", "%", "highest traded price above the lowest, in per cent of the lowest", coin=True)
def _range(window: Window) -> float:
    return 100.0 * (_high(window) / _low(window) - 1.0)


@_measure(
    "realised_volatility_pct", "%", "yearly volatility of returns over five minutes, or over bars that are longer",
    coin=True,
)  # fmt: skip
def _volatility(window: Window) -> float:
    return window.volatility_pct()


def _change_pct(values: Floats) -> float:
    return 100.0 * (float(values[-1]) / float(values[0]) - 1.0) if len(values) and values[0] > 0 else UNKNOWN

"""The registry of metrics: each with a name, a unit, a definition, a formula, and which way is worse.

There are two levels: metrics of a replicate, each one small function, which are columns of `runs`; and
metrics of the ensemble, each a statistic over such a column (a quantile, a shortfall, a probability).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from cascade.analysis.feed import public_mask
from cascade.analysis.statistics.statistic import Statistic
from cascade.output.columns import to_names, to_numpy
from cascade.output.run_units import RunUnits
from cascade.output.schemas import Column

if TYPE_CHECKING:
    import pyarrow as pa

Scope = Literal["run", "asset", "market", "pool", "coin", "order", "layer", "trader"]

Worse: TypeAlias = Literal["up", "down"]
"""The direction in which a metric harms: `up` if more of it is worse."""

Level: TypeAlias = Literal["replicate", "ensemble"]
"""What a metric is of: each replicate, or all replicates together."""


@dataclass(frozen=True, slots=True)
class Absent:
    """Stands for a metric that has no value, and says why."""

    reason: str


Value: TypeAlias = float | int | str | Absent

SIGNED: Final = (-math.inf, math.inf)
"""Bounds of a metric that may be of either sign."""

FALLING: Final = (-math.inf, 0.0)
"""Bounds of a metric that is never above zero."""

SHARE: Final = (0.0, 1.0)
"""Bounds of a share of a whole."""

NO_TWIN: Final = Absent("there is no counterfactual")


@dataclass(frozen=True, slots=True)
class Fills:
    """What a scheduled order was filled of, in units of its asset, and what it found when it began."""

    asked: float
    filled: float
    value_usd: float
    arrival_price: float
    """The mid, in USD."""
    is_sale: bool


@dataclass(frozen=True)
class Replicate:
    """The tables of one replicate, and those of its counterfactuals where there are any.

    They share every draw of luck.
    """

    units: RunUnits
    bars: pa.Table
    liquidations: pa.Table
    adl: pa.Table | None = None
    funds: pa.Table | None = None
    twin: Replicate | None = None
    """The counterfactual, whose forced orders do not reach the book."""
    unstopped: Replicate | None = None
    """The same without stops as well; None where the scenario has none, and the twin is that already."""
    orders: Mapping[str, Fills] = field(default_factory=dict[str, Fills])
    """What scheduled orders did, by name."""
    capped: Mapping[str, tuple[int, float]] = field(default_factory=dict[str, tuple[int, float]])
    """Accounts above the leverage cap of their layer, by layer, and the USD of positions that went."""
    gains: Mapping[str, float] = field(default_factory=dict[str, float])
    """What those have gained who trade on finite capital, in USD, by name."""
    _cache: dict[tuple[str, ...], Any] = field(default_factory=dict[tuple[str, ...], Any], repr=False)

    def numbers(self, table: str, column: str) -> npt.NDArray[Any]:
        """Return a column of numbers; empty where the table was not recorded."""
        key = (table, column)
        if key not in self._cache:
            found = getattr(self, table)
            self._cache[key] = np.empty(0) if found is None else to_numpy(found.column(column))
        return self._cache[key]

    def names(self, table: str, column: str) -> npt.NDArray[np.str_]:
        """Return a categorical column; empty where the table was not recorded."""
        key = (table, column)
        if key not in self._cache:
            found = getattr(self, table)
            self._cache[key] = np.empty(0, np.str_) if found is None else to_names(found.column(column))
        return self._cache[key]

    def public(self) -> npt.NDArray[np.bool_]:
        """Return which liquidations the public feeds show."""
        if ("public",) not in self._cache:
            self._cache["public",] = public_mask(self.liquidations, self.units.feeds)
        return self._cache["public",]

    def bar_numbers(self, market: str, column: str) -> npt.NDArray[Any]:
        """Return a column of the bars of one market."""
        key = ("bars", column, market)
        if key not in self._cache:
            self._cache[key] = self.numbers("bars", column)[self.names("bars", "market") == market]
        return self._cache[key]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of a replicate; names of metrics of an asset, a market, a pool etc. hold `{asset}` etc."""

    name: str
    unit: str
    scope: Scope
    definition: str
    formula: str
    kind: Literal["float", "int64", "text"]
    needs_twin: bool
    worse: Worse | None
    """None where neither direction harms."""
    bounds: tuple[float, float]
    """What it can't be below or above."""
    compute: Callable[..., Value]
    level: Level = "replicate"


@dataclass(frozen=True, slots=True)
class EnsembleMetric:
    """A metric of all replicates of a run: a statistic over a metric of each."""

    name: str
    unit: str
    definition: str
    formula: str
    of: str
    """The metric of a replicate that it is made of."""
    statistic: Statistic
    worse: Worse | None
    level: Level = "ensemble"


METRICS: Final[dict[str, Metric | EnsembleMetric]] = {}
"""Every metric by its name, in the order in which a reader meets them."""


def metric(
    name: str,
    unit: str,
    definition: str,
    formula: str,
    *,
    kind: Literal["float", "int64", "text"] = "float",
    needs_twin: bool = False,
    worse: Worse | None = None,
    bounds: tuple[float, float] = (0.0, math.inf),
) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    """Register a function of a replicate, and of what its name holds in braces (see `Scope`), as a metric.

    A count (`int64`) always has a value; other metrics may be `Absent`.
    """
    scopes: tuple[Scope, ...] = ("asset", "market", "pool", "coin", "order", "layer", "trader", "run")
    scope: Scope = next(each for each in scopes if f"{{{each}}}" in name or each == "run")

    def register(compute: Callable[..., Value]) -> Callable[..., Value]:
        if name in METRICS:
            raise ValueError(f"metric {name!r} is declared twice")
        METRICS[name] = Metric(
            name, unit, scope, definition, formula, kind, needs_twin, worse, bounds, compute
        )
        return compute

    return register


def ensemble_metric(
    name: str, unit: str, definition: str, formula: str, *, of: str, statistic: Statistic,
    worse: Worse | None = None,
) -> None:  # fmt: skip
    """Register a statistic over a metric of replicates as a metric of the ensemble."""
    if name in METRICS:
        raise ValueError(f"metric {name!r} is declared twice")
    if not isinstance(METRICS.get(of), Metric):
        raise ValueError(f"metric {name!r} is made of {of!r}, which is no metric of a replicate")  # noqa: TRY004
    METRICS[name] = EnsembleMetric(name, unit, definition, formula, of, statistic, worse)


def metric_columns(units: RunUnits, *, counterfactual: bool) -> tuple[Column, ...]:
    """Return the columns that the metrics add to `runs`."""
    return tuple(
        Column(name, entry.kind, _describe(entry, subject), entry.unit, nullable=entry.kind != "int64")
        for entry, subject, name in _instances(units, counterfactual=counterfactual)
    )


@dataclass(frozen=True, slots=True)
class ColumnMetric:
    """A metric of replicates as a column of `runs`."""

    entry: Metric
    definition: str
    """Names the asset or market that it is about."""


def metrics_of(units: RunUnits) -> dict[str, ColumnMetric]:
    """Return every metric that `runs` may hold, by column, those of the counterfactual included."""
    return {
        name: ColumnMetric(entry, _describe(entry, subject))
        for entry, subject, name in _instances(units, counterfactual=True)
    }


def compute(replicate: Replicate) -> dict[str, Any]:
    """Return the metrics of a replicate as a row for `runs`, absent ones as None, with `notes` saying why."""
    row: dict[str, Any] = {}
    notes: list[str] = []
    for entry, subject, name in _instances(replicate.units, counterfactual=replicate.twin is not None):
        value = entry.compute(replicate, *subject)
        if isinstance(value, Absent):
            notes.append(f"{name}: {value.reason}")
        row[name] = None if isinstance(value, Absent) else value
    return row | {"notes": "\n".join(notes) or None}


def column_name(template: str, subject: str) -> str:
    """Return the name of a metric of an asset or a market: `{market}_peak_price` of binance:BTCUSDT."""
    plain = "".join(letter if letter.isalnum() else "_" for letter in subject).lower()
    return re.sub(r"\{\w+\}", plain, template)


def short_name(template: str) -> str:
    """Return the name of a metric without what it is about: `peak_price` of `{market}_peak_price`."""
    return re.sub(r"^\{\w+\}_", "", template)


def _instances(units: RunUnits, *, counterfactual: bool) -> Iterator[tuple[Metric, tuple[str, ...], str]]:
    """Yield every metric with what it is computed for and the name of its column."""
    subjects: dict[Scope, list[tuple[str, ...]]] = {
        "run": [()],
        "asset": [(asset,) for asset in units.assets],
        "market": [(market.name,) for market in units.markets if market.leveraged],
        "pool": [(market.name,) for market in units.markets if market.lending],
        "coin": [(name,) for name in units.coins],
        "order": [(order.name,) for order in units.orders],
        "layer": [(name,) for name in units.capped],
        "trader": [(name,) for name in units.traders],
    }
    for entry in METRICS.values():
        if isinstance(entry, EnsembleMetric) or (entry.needs_twin and not counterfactual):
            continue
        for subject in subjects[entry.scope]:
            yield entry, subject, column_name(entry.name, subject[0]) if subject else entry.name


def _describe(entry: Metric, subject: tuple[str, ...]) -> str:
    """Return the definition, naming what it is about."""
    return f"{subject[0]}: {entry.definition}" if subject else entry.definition

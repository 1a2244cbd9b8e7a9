"""What a report is about: one run, or several that are compared, read once and cut for drawing."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from cascade.analysis.verdict import first_graphs
from cascade.exposure.known import known
from cascade.output.columns import is_name, to_names, to_numpy
from cascade.output.reader import Result
from cascade.output.run_units import MarketUnits
from cascade.report.builders.table import Column, Floats
from cascade.report.summary import Summary, summarise

if TYPE_CHECKING:
    import pyarrow as pa

    from cascade.analysis.graph import CascadeGraph
    from cascade.assembly import Assembled
    from cascade.calibration.scorecard import Scorecard
    from cascade.experiment.attribution import Attribution
    from cascade.experiment.comparison import Comparison
    from cascade.experiment.contagion_found import Contagion
    from cascade.experiment.facts import Facts
    from cascade.experiment.threshold import Frontier
    from cascade.exposure.criticality import Criticality
    from cascade.scenario.schema import Scenario
    from cascade.scenario.schema_shocks import DepthShock, Shock

T = TypeVar("T")

MOST_KEPT: Final = 1_000_000
"""Rows up to which a table is read whole, about 200 MB at the most; of a larger one a column at a time."""

BINS, FEWEST_BINS = 360, 45
"""Points of time of a series on a page, and where the page would be too large; the run has every bar."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Says why a part of the report is not there, and what to ask for."""

    reason: str


@dataclass(frozen=True, slots=True)
class Shade:
    """A time at which a shock is on, in seconds from the start."""

    start: float
    end: float
    text: str
    is_whole: bool = False
    """Whether it is on from the start of the run to its end: there is no time without it to be told from."""


class Clock(NamedTuple):
    """A unit of time."""

    unit: str
    seconds: float


_SHORT_S = 3 * 3600.0


class Bars:
    """The bars of one market, replicates by points of time; several bars become one where there are many.

    Parameters
    ----------
    load
        Returns a column by its name, one value a bar; each is read when first asked for.
    dt
        Seconds of a step; a bar has the time of its last.
    bins
        Points of time at most.
    """

    def __init__(self, load: Callable[[str], npt.NDArray[Any]], dt: float, bins: int = BINS) -> None:
        self._load, self._dt = load, dt
        self._t_s, self._at = np.unique(load("t_s"), return_inverse=True)
        self._replicates, self._rows = np.unique(load("replicate"), return_inverse=True)
        self._group = max(1, math.ceil(len(self._t_s) / bins))
        self._read: dict[str, Floats] = {}

    @property
    def t_s(self) -> Floats:
        """Return the end of each point of time, in seconds from the start."""
        return self._t_s[self._ends]

    @property
    def seconds(self) -> float:
        """Return the length of a point of time, the mean where they differ."""
        return float(self._t_s[-1] + self._dt) / len(self._ends) if len(self._t_s) else 0.0

    @property
    def _ends(self) -> npt.NDArray[np.intp]:
        n = len(self._t_s)
        return np.unique(np.append(np.arange(self._group - 1, n, self._group), n - 1))

    def every(self, column: str) -> Floats:
        """Return a column as it was recorded, shape (replicates, bars)."""
        if column not in self._read:
            found = np.full((len(self._replicates), len(self._t_s)), np.nan)
            found[self._rows, self._at] = self._load(column)
            self._read[column] = found
        return self._read[column]

    def last(self, column: str) -> Floats:
        """Return the values at the ends of the points of time."""
        return self.every(column)[:, self._ends]

    def total(self, column: str) -> Floats:
        """Return the sums within the points of time."""
        return np.add.reduceat(np.nan_to_num(self.every(column)), self._starts, axis=1)

    def lowest(self, column: str) -> Floats:
        """Return the smallest values within the points of time."""
        return np.fmin.reduceat(self.every(column), self._starts, axis=1)

    def highest(self, column: str) -> Floats:
        """Return the largest values within the points of time."""
        return np.fmax.reduceat(self.every(column), self._starts, axis=1)

    @property
    def _starts(self) -> npt.NDArray[np.intp]:
        return np.concatenate([[0], self._ends[:-1] + 1]).astype(np.intp)


@dataclass(frozen=True, eq=False)
class Variant:
    """One run of a report; `number` decides its colour, dash and marker in every figure."""

    label: str
    result: Result
    number: int = 0
    bins: int = BINS
    """Points of time of a series at most."""
    _bars: dict[str, Bars] = field(default_factory=dict[str, Bars], repr=False)
    _starts: dict[int, Assembled] = field(default_factory=dict[int, "Assembled"], repr=False)
    _found: dict[tuple[str | int, ...], Any] = field(
        default_factory=dict[tuple[str | int, ...], Any], repr=False
    )

    @cached_property
    def summary(self) -> Summary:
        """Return the figures of its metrics."""
        return summarise(self.result, graphs=self.graphs)

    @cached_property
    def graphs(self) -> list[CascadeGraph]:
        """Return the graphs of its first replicates; none where it did not record liquidations."""
        return first_graphs(self.result) if self.has("liquidations") else []

    @property
    def n(self) -> int:
        """Return the number of replicates that finished."""
        return len(self.result.runs)

    @property
    def color(self) -> str:
        """Return the name of its colour."""
        return f"run{self.number}"

    def has(self, table: str) -> bool:
        """Tell whether a table was recorded and holds anything."""
        return table in self.result.tables and len(self._column(table, "replicate")) > 0

    def bars(self, market: str) -> Bars:
        """Return the bars of a market."""
        if market not in self._bars:
            mine = is_name(self._column("bars", "market"), market)
            load = lambda name: to_numpy(self._column("bars", name))[mine]  # noqa: E731
            self._bars[market] = Bars(load, self.result.units.dt, self.bins)
        return self._bars[market]

    def numbers(self, table: str, column: str) -> npt.NDArray[Any]:
        """Return a column of numbers of a table, all replicates."""
        return to_numpy(self._column(table, column))

    def names(self, table: str, column: str) -> npt.NDArray[np.str_]:
        """Return a categorical column of a table, all replicates."""
        return to_names(self._column(table, column))

    def _column(self, table: str, column: str) -> pa.ChunkedArray:
        """Return a column of a table, which is read once; of one too large to be kept, when it is asked for."""
        tables = self.result.tables
        if self.result.manifest.get("rows", {}).get(table, MOST_KEPT) < MOST_KEPT:
            return tables[table].column(column)
        return tables.columns(table, [column]).column(0)

    def metric(self, name: str) -> Floats:
        """Return a metric by replicate, in the order of `runs`; what is missing is NaN, or is empty."""
        runs = self.result.runs
        if name not in runs.column_names:
            return np.empty(0)
        return to_numpy(runs.column(name)).astype(np.float64)

    @cached_property
    def scenario(self) -> Scenario | None:
        """Return the scenario as it was run; None where this version can't read it any more."""
        from cascade.scenario.load import inspect

        if self.result.path is None:
            return None
        scenario, problems = inspect(self.result.resolved(), allow=None)
        return None if any(problem.severity == "error" for problem in problems) else scenario

    def drawn(self, scenario: Scenario) -> Assembled:
        """Return the first replicate at its start, drawn again: it is run on, where it is looked at later."""
        from cascade.assembly import assemble

        replicate = self.result.replicates[0]
        self._starts[replicate] = assemble(scenario, replicate)
        return self._starts[replicate]

    def looked_at(self, scenario: Scenario, replicate: int, step: int) -> list[Criticality]:
        """Return what was at risk after so many steps of a replicate, which is run again up to there."""
        from cascade.exposure.criticality import criticality

        start = self._starts.pop(replicate, None)  # it can be run once
        return criticality(scenario, replicate, [step], start=start)

    def found(self, scenario: Scenario, asked: tuple[str | int, ...], find: Callable[[], T]) -> T:
        """Return what was found of the run, or of its scenario on this machine, before; else find it, and keep it."""
        if asked not in self._found:
            self._found[asked] = known(scenario, asked, find)
        return self._found[asked]

    def coarser(self) -> Variant:
        """Return the same run with half as many points of time in a series, and all that is known of it besides."""
        coarse = replace(self, bins=self.bins // 2, _bars={})
        declared = {field.name for field in fields(self)}
        vars(coarse).update({name: value for name, value in vars(self).items() if name not in declared})
        return coarse

    @property
    def shades(self) -> tuple[Shade, ...]:
        """Return the times at which shocks are on."""
        scenario = self.scenario
        return tuple(_shade(scenario, shock) for shock in scenario.shocks) if scenario else ()


@dataclass(frozen=True, eq=False)
class Study:
    """What a report shows: variants, the first of which is the baseline where there are several."""

    variants: tuple[Variant, ...]
    comparison: Comparison | None = None
    """How the variants differ from the first, under the same names; None for a single run."""
    question: str = ""
    """What the sweep that the runs are of asks; empty where there is none."""
    description: str = ""
    """How that sweep describes itself."""
    attribution: Attribution | None = None
    """What each channel did, where the run is that of a sweep over channels with all of them on."""
    facts: Facts | None = None
    """Stylised facts, where the page is about them and nothing else: it has no variants then."""
    frontier: Frontier | None = None
    """What a search found, where the page is about that and nothing else: it has no variants then."""
    scorecard: Scorecard | None = None
    """What was foretold of events and observed, where the page is about that: it has no variants then."""
    contagion: Contagion | None = None
    """The matrix of contagion, where the page is about that and nothing else: it has no variants then."""
    _built: dict[Any, Any] = field(default_factory=dict[Any, Any], repr=False)

    def coarser(self) -> Study:
        """Return the same study with half as many points of time in a series."""
        return replace(self, variants=tuple(each.coarser() for each in self.variants), _built={})

    def once(self, build: Callable[[Study], T]) -> T:
        """Return what a function makes of the study, made when first asked for and then kept."""
        if build not in self._built:
            self._built[build] = build(self)
        return self._built[build]

    @property
    def first(self) -> Variant:
        """Return the run, or the baseline."""
        return self.variants[0]

    @property
    def is_comparison(self) -> bool:
        """Tell whether runs are compared."""
        return len(self.variants) > 1

    @property
    def markets(self) -> tuple[MarketUnits, ...]:
        """Return the leveraged markets that all variants have."""
        names = [{market.name for market in v.result.units.markets} for v in self.variants]
        shared = set.intersection(*names)
        return tuple(m for m in self.first.result.units.markets if m.leveraged and m.name in shared)

    @property
    def n(self) -> int:
        """Return the smallest number of replicates of a variant."""
        return min(variant.n for variant in self.variants)

    @property
    def clock(self) -> Clock:
        """Return the unit of time: minutes for what lasts a few hours at most."""
        longest = max(
            (float(v.bars(m.name).t_s[-1]) for v in self.variants for m in self.markets), default=0.0
        )
        return Clock("min", 60.0) if longest <= _SHORT_S else Clock("h", 3600.0)

    def times(self, variant: Variant, market: str) -> Column:
        """Return the points of time of a market as a column."""
        return Column("time", "time", variant.bars(market).t_s / self.clock.seconds, self.clock.unit)

    @property
    def start(self) -> str:
        """Return what times count from."""
        start = self.first.result.units.start
        return f"{start:%Y-%m-%d %H:%M} UTC" if start else "the start"

    def without(self, table: str) -> Missing | None:
        """Return why a part that needs a table is missing, or None if every variant recorded it."""
        if all(table in variant.result.tables for variant in self.variants):
            return None
        return Missing(f"the run did not record `{table}`; ask for it with `outputs: {{{table}: true}}`")


def _shade(scenario: Scenario, shock: Shock) -> Shade:
    """Return when a shock is on, and what it is."""
    from cascade.scenario.schema_shocks import DepthShock, MarketOrderShock, NewsShock

    at = scenario.seconds(shock.at)
    if isinstance(shock, MarketOrderShock):
        text = f"{shock.side} order in {shock.market}"
        end = scenario.duration if shock.is_open_ended else at + shock.over
    elif isinstance(shock, NewsShock):
        text, end = f"news of {shock.asset}", at + shock.over
    else:
        text = _depth(shock) if isinstance(shock, DepthShock) else shock.subject
        end = (at + shock.over) if shock.over else scenario.duration
    return Shade(at, max(end, at + scenario.dt), text, is_whole=at <= 0.0 and end >= scenario.duration)


def _depth(shock: DepthShock) -> str:
    """Return whose depth a shock changes."""
    every = "*" in shock.markets
    return "depth of all markets" if every else f"depth of {', '.join(shock.markets)}"


def quantile(matrix: Floats, share: float) -> Floats:
    """Return a quantile over replicates by column; NaN where no replicate has a value."""
    if not len(matrix):
        return np.full(matrix.shape[1], np.nan)
    if not np.isnan(matrix).any():
        return np.quantile(matrix, share, axis=0)  # equal to the last bit, and not column by column
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy warns of columns without values
        return np.nanquantile(matrix, share, axis=0)


def by_replicate(values: npt.NDArray[Any], replicates: npt.NDArray[Any], all_of: Sequence[int]) -> Floats:
    """Return the sum of values by replicate."""
    order = np.asarray(all_of, dtype=np.int64)
    places = np.searchsorted(order, replicates)
    return np.bincount(places, weights=values, minlength=len(order)).astype(np.float64)

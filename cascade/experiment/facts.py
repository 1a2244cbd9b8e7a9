"""`facts`: whether the market of a scenario, or of a run, behaves as a real one does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from cascade.acting import admit_code
from cascade.analysis.facts import (
    Band,
    Gathered,
    LackingError,
    Row,
    Sample,
    Verdict,
    bands_of,
    gather,
    judge,
    tally,
)
from cascade.analysis.facts.curves import Averaged, Curve, averaged, curves_of
from cascade.analysis.facts.observed import DAY_S
from cascade.analysis.facts.real import real_sample
from cascade.analysis.facts.tables import (
    BAR_COLUMNS,
    LIQUIDATION_COLUMNS,
    TRADE_COLUMNS,
    RunTables,
    Subject,
    sample_of,
    subject_of,
)
from cascade.errors import UsageError
from cascade.experiment.observe import Progress, Stopped, fall_without_forced_orders, observe, recorded
from cascade.experiment.recorder import units_of
from cascade.experiment.request import rerun_of
from cascade.experiment.sales import responses, sales_of_facts, steps_of
from cascade.experiment.threads import threads
from cascade.output.manifest import RESOLVED
from cascade.output.reader import Result, read
from cascade.scenario.load import inspect, overridden
from cascade.scenario.schema import Scenario

REPLICATES: Final = 4
"""Replicates of a scenario, unless asked for or given by it."""

SALES: Final = 2
"""Replicates of the paired sales at most, unless asked for: luck hardly differs in a pair."""

TRADES_S: Final = 4 * 3600.0
"""Length of the window whose orders are looked at, about the middle of a run."""

_COLUMNS: Final = {"bars": BAR_COLUMNS, "trades": TRADE_COLUMNS, "liquidations": LIQUIDATION_COLUMNS}

_IN_RUN: Final = {
    "length": "; record `outputs: {bars: 1s}`",
    "orders": "the run did not record its trades: ask for `outputs: {trades: true}`",
    "liquidations": "the run did not record its liquidations",
    "responses": "no sales were simulated: `--sales 4` does, or give the scenario in place of a run",
}
_IN_SCENARIO: Final = {"length": "; the scenario's step is longer", "responses": "no sales were simulated"}


@dataclass(frozen=True)
class Facts:
    """Every stylised fact with its figure, its band and the verdict.

    Attributes
    ----------
    market
        The market that was judged.
    n
        Replicates.
    hours
        Length of each.
    curves
        The curves behind the facts, for figures.
    notes
        What else to know: what was mended in files, what was not simulated.
    """

    name: str
    market: str
    n: int
    hours: float
    rows: tuple[Row, ...]
    curves: Mapping[str, Averaged]
    against: str = ""
    notes: tuple[str, ...] = ()

    @property
    def tally(self) -> dict[Verdict, int]:
        """Return the number of facts by verdict."""
        return tally(self.rows)

    @property
    def missed(self) -> tuple[Row, ...]:
        """Return the facts of list A that lie outside: no market may miss them."""
        return tuple(row for row in self.rows if row.fact.must and row.verdict is Verdict.OUTSIDE)


@dataclass
class _Replicate:
    """What one replicate gave."""

    gathered: Gathered
    curves: dict[str, Curve]
    hours: float = 0.0

    @classmethod
    def of(cls, sample: Sample) -> _Replicate:
        """Return what a sample gives."""
        hours = max((len(each) * each.seconds / 3600.0 for each in sample.bars), default=0.0)
        return cls(gather(sample), curves_of(sample), hours)

    def with_sales(self, sold: _Replicate) -> _Replicate:
        """Return the same with what the sales gave."""
        judged = {
            name: each for name, each in sold.gathered.items()
            if not any(isinstance(part, LackingError) for part in each[0])
        }  # fmt: skip
        return _Replicate(self.gathered | judged, self.curves | sold.curves, self.hours)


def facts(
    source: str | Path | Scenario | Result, overrides: Sequence[str] = (), *,
    against: str | Path | Sequence[str | Path] = (), trades: str | Path | None = None,
    market: str | None = None, replicates: int | None = None, sales: int | None = None,
    seed: int | None = None, allow_code: bool = False, jobs: int | None = None, progress: Progress | None = None,
) -> Facts:  # fmt: skip
    """Return the stylised facts of a scenario, which is run for them, or of a run that is there.

    Nothing is written, and nothing is taken from an earlier call.

    Parameters
    ----------
    source
        A scenario (a file, or one that is loaded), or a run (its folder, or what was read from it).
    against
        Files of your own bars, whose figures become the bands: of the market, and of the other asset.
    trades
        A file of your own trades.
    market
        The market to judge; by default the first perpetual.
    replicates
        By default those of the run; of a scenario its own number, but at least 4.
    sales
        Replicates in which sales are simulated, for the facts of impact; 0 for none. By default 2 of a
        scenario, and none of a run.
    allow_code
        Whether agents in Python that the scenario names may run.

    Raises
    ------
    UsageError
        No such market, or a run given with overrides or a seed.
    ScenarioError
        A scenario, or a file of data, that is not valid.
    ResultsError, InterruptedRunError
    """
    prepared = prepare_facts(
        source, overrides, against=against, trades=trades, market=market, replicates=replicates, sales=sales,
        seed=seed, allow_code=allow_code,
    )  # fmt: skip
    return prepared.run(jobs=jobs, progress=progress)


@dataclass(frozen=True)
class Prepared:
    """What is to be done for the facts, checked before anything runs."""

    name: str
    subject: Subject
    scenario: Scenario | None
    result: Result | None
    numbers: tuple[int, ...]
    n_sales: int
    real: Sample | None
    against: str
    notes: tuple[str, ...]

    @property
    def n_steps(self) -> int:
        """Return the steps that will be simulated."""
        if self.scenario is None:
            return 0
        runs = 0 if self.result else len(self.numbers) * (2 if self.scenario.published else 1)
        sold = self.n_sales * steps_of(self.scenario, sales_of_facts()) if self.n_sales else 0
        return runs * self.scenario.n_steps + sold

    def run(self, *, jobs: int | None = None, progress: Progress | None = None) -> Facts:
        """Do it."""
        observed, sold = _on_threads(self, jobs, progress)
        found = [one.with_sales(sold[k]) if k in sold else one for k, one in observed.items()]
        hours = max((each.hours for each in found), default=0.0)
        bands: dict[tuple[str, int], Band] = {}
        real: dict[str, Curve] = {}
        if self.real is not None:
            windows_s = max(hours * 3600.0, DAY_S)  # as long as a replicate, so that estimators see as much
            bands = bands_of(gather(self.real, run_s=windows_s), self.against)
            real = curves_of(self.real)
        rows = judge([each.gathered for each in found], bands, len(found) * hours / 24.0)
        curves = averaged([each.curves for each in found], real)
        market = self.subject.market.name
        return Facts(self.name, market, len(found), hours, rows, curves, self.against, self.notes)


def prepare_facts(
    source: str | Path | Scenario | Result, overrides: Sequence[str] = (), *,
    against: str | Path | Sequence[str | Path] = (), trades: str | Path | None = None,
    market: str | None = None, replicates: int | None = None, sales: int | None = None, seed: int | None = None,
    allow_code: bool = False,
) -> Prepared:  # fmt: skip
    """Return what is to be done; parameters are those of `facts`."""
    files = [against] if isinstance(against, str | Path) else list(against)
    real = real_sample(files, trades)
    named = ", ".join(Path(each).name for each in (*files, *([trades] if trades else ())))
    result = _result_of(source)
    if result is None:
        assert not isinstance(source, Result)
        scenario = overridden(source, overrides)
        admit_code([scenario], source, overrides, allowed=allow_code)
        scenario = scenario if seed is None else scenario.replace(seed=seed)
        n = replicates or max(scenario.replicates, REPLICATES)
        numbers = tuple(range(n))
        n_sales = min(n, SALES) if sales is None else min(n, sales)
        return Prepared(
            scenario.name, subject_of(units_of(scenario), market), scenario, None, numbers, n_sales, real, named, ()
        )  # fmt: skip
    if overrides or seed is not None:
        raise UsageError(
            "a run is what it is: overrides and a seed are for a scenario",
            remedy="give the scenario's file, or leave them out",
        )
    numbers = tuple(result.replicates[:replicates])
    scenario = _scenario_of(result)
    n_sales = min(len(numbers), sales or 0) if scenario else 0
    if n_sales:
        rerun_of(result, allow_code=allow_code)
    return Prepared(
        result.name, subject_of(result.units, market), scenario, result, numbers, n_sales, real, named, ()
    )  # fmt: skip


def _result_of(source: str | Path | Scenario | Result) -> Result | None:
    """Return the run that is given, or None for a scenario."""
    if isinstance(source, Result):
        return source
    return read(source) if not isinstance(source, Scenario) and Path(source).is_dir() else None


def _scenario_of(result: Result) -> Scenario | None:
    """Return the scenario of a run; None where there is none, or this version cannot read it."""
    if result.path is None or not (result.path / RESOLVED).is_file():
        return None
    scenario, problems = inspect(result.resolved(), allow=None)
    return None if any(problem.severity == "error" for problem in problems) else scenario


def _on_threads(
    prepared: Prepared, jobs: int | None, progress: Progress | None
) -> tuple[dict[int, _Replicate], dict[int, _Replicate]]:
    """Return what was observed of each replicate, and of its sales; kernels let go of the interpreter's lock."""
    with threads("the facts were", jobs) as (pool, stopped):
        work = _Work(prepared, progress, stopped)
        if prepared.result is not None:
            _ = work.tables
        observed = {k: pool.submit(work.observed, k) for k in prepared.numbers}
        sold = {k: pool.submit(work.sold, k) for k in prepared.numbers[: prepared.n_sales]}
        return _results(observed), _results(sold)


def _results(futures: Mapping[int, Future[_Replicate]]) -> dict[int, _Replicate]:
    return {k: future.result() for k, future in futures.items()}


@dataclass(frozen=True)
class _Work:
    """What is done on a thread."""

    prepared: Prepared
    progress: Progress | None
    stopped: Stopped

    @cached_property
    def tables(self) -> RunTables:
        """Return what the facts need of a run, read once for all replicates."""
        assert self.prepared.result is not None
        return RunTables(self.prepared.result)

    def observed(self, number: int) -> _Replicate:
        """Return what one replicate gives."""
        prepared = self.prepared
        if prepared.result is not None:
            units = prepared.result.units
            return _Replicate.of(
                sample_of(self.tables, number, units, prepared.subject, prepared.scenario, _IN_RUN)
            )
        assert prepared.scenario is not None
        asked = recorded(prepared.scenario)
        subject = prepared.subject
        markets = [each.name for each in (subject.market, subject.reference, subject.pair) if each]
        seen = observe(asked, number, _COLUMNS, markets, _middle(asked), self.progress, self.stopped)
        unforced = self._unforced_fall(number)
        return _Replicate.of(sample_of(seen, number, seen.units, subject, asked, _IN_SCENARIO, unforced))

    def sold(self, number: int) -> _Replicate:
        """Return what the sales of one replicate give."""
        prepared = self.prepared
        assert prepared.scenario is not None
        found = responses(
            prepared.scenario, prepared.subject.market.name, sales_of_facts(), number,
            progress=self.progress, stopped=self.stopped,
        )  # fmt: skip
        return _Replicate.of(Sample(responses=found))

    def _unforced_fall(self, number: int) -> float | None:
        """Return the fall without forced orders, of a real day of which it was published what was liquidated."""
        scenario = self.prepared.scenario
        if scenario is None or not scenario.published:
            return None
        market = self.prepared.subject.market.name
        return fall_without_forced_orders(scenario, number, market, self.progress, self.stopped)


def _middle(scenario: Scenario) -> tuple[int, int]:
    """Return the first and the last step of the window whose orders are looked at."""
    n = min(round(TRADES_S / scenario.dt), scenario.n_steps)
    first = (scenario.n_steps - n) // 2
    return first, first + n

"""What the page asks: runs that are stored or under way, and one of them again with one value changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from cascade.acting import admit_code
from cascade.errors import ScenarioError, UsageError
from cascade.experiment.execute import Ongoing
from cascade.experiment.request import scenario_of
from cascade.output.reader import Result
from cascade.output.run_units import MarketUnits, RunUnits
from cascade.output.sweep import named_results
from cascade.scenario.load import overridden, to_data
from cascade.scenario.schema import Scenario
from cascade.view import payload
from cascade.view.running import Running

if TYPE_CHECKING:
    import pyarrow as pa

KEPT: Final = 8
"""Tables of stored runs that are kept in memory."""

UNPAIRED: Final = frozenset(
    {
        "cascade", "name", "description", "references", "published", "seed", "replicates", "start", "duration", "dt",
        "outputs",
    }
)  # fmt: skip
"""Keys of a scenario that a what-if may not change: the two runs would not share their luck or their clock."""


class Stored:
    """A run in a folder; each file is verified as it is read."""

    expected_bars = 0

    def __init__(self, result: Result) -> None:
        self.result = result
        self.table = lru_cache(maxsize=KEPT)(self._table)

    @property
    def replicates(self) -> list[int]:
        """Numbers of its replicates."""
        return self.result.replicates

    @cached_property
    def scenario(self) -> Scenario:
        """What was run."""
        return scenario_of(self.result)

    @cached_property
    def units(self) -> RunUnits:
        """Markets and step, also of a run that has not finished."""
        from cascade.experiment.recorder import units_of

        return self.result.units if self.result.manifest else units_of(self.scenario)

    def _table(self, name: str, replicate: int) -> pa.Table:
        return self.result.replicate(name, replicate)


Course: TypeAlias = Stored | Running
"""A run that can be looked at."""


@dataclass(frozen=True)
class WhatIf:
    """A replicate that runs again with one value changed."""

    course: str
    replicate: int
    change: str
    run: Running


class Session:
    """What one page looks at.

    Parameters
    ----------
    title
        What it is called.
    courses
        Runs by name.
    allow_code
        Whether agents in Python that a scenario names may run for a what-if.
    before_run
        Called before the first what-if runs: what is stored is shown without anything that a run needs.
    """

    def __init__(
        self, title: str, courses: Mapping[str, Course], *, allow_code: bool = False,
        before_run: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self.title, self.courses, self.allow_code = title, dict(courses), allow_code
        self._before_run = cache(before_run)
        self.what_if: WhatIf | None = None
        self._lock = threading.Lock()

    @classmethod
    def of_results(
        cls, folder: str | Path, *, allow_code: bool = False, before_run: Callable[[], None] = lambda: None
    ) -> Session:
        """Return the session of a run or a sweep.

        Raises
        ------
        ResultsError
            The folder is not there, not of Cascade, damaged, or nothing in it has finished.
        """
        named = named_results([folder], partial=True)
        courses = {each.name: Stored(each.result) for each in named}
        for name, course in courses.items():
            if "bars" not in course.result.tables:
                raise UsageError(f"the run {name!r} has no bars to look at", where=str(folder))
            if (
                course.result.files is not None and course.result.manifest
            ):  # of one that goes on, files come and go
                course.result.files.refuse_damage()
        title = named[0].result.name if len(named) == 1 else Path(folder).name
        return cls(title, courses, allow_code=allow_code, before_run=before_run)

    @classmethod
    def of_scenario(
        cls, scenario: Scenario, replicate: int, *, allow_code: bool = False, kept: Ongoing | None = None
    ) -> Session:
        """Return the session of a replicate, which begins at once, in its folder if it is to be kept."""
        admit_code([scenario], scenario, allowed=allow_code)
        run = Running(scenario, replicate, kept)
        run.start()
        return cls(scenario.name, {scenario.name: run}, allow_code=allow_code)

    def about(self) -> dict[str, Any]:
        """Return what there is to choose from."""
        return {
            "title": self.title,
            "courses": [
                {
                    "name": name,
                    "replicates": course.replicates,
                    "markets": [market.name for market in _by_interest(course.units.markets)],
                }
                for name, course in self.courses.items()
            ],
        }

    def fields(self, course: str) -> list[dict[str, Any]]:
        """Return what of a scenario a what-if may change: paths and present values."""
        return [
            {"path": path, "value": value}
            for path, value in _leaves(to_data(self._course(course).scenario))
            if path.partition(".")[0] not in UNPAIRED
        ]

    def course(self, course: str, replicate: int, market: str) -> dict[str, Any]:
        """Return how a market went."""
        return _course(self._of(course, replicate, market), replicate, market)

    def tape(self, course: str, replicate: int, market: str, until: float, skip: int) -> dict[str, Any]:
        """Return a page of its forced orders."""
        run = self._of(course, replicate, market)
        if isinstance(run, Stored) and "liquidations" not in run.result.tables:
            return {"n": None, "skip": 0, "liquidated_usd": None, "rows": []}
        return payload.tape(run.table("liquidations", replicate), market, until, max(skip, 0))

    def ask(self, course: str, replicate: int, path: str, value: str) -> None:
        """Run a replicate again with one value changed, in place of what was asked before.

        Raises
        ------
        ScenarioError
            The scenario with the change is not valid.
        UsageError
            The change is none, or one after which the two runs can't be held together.
        """
        base = self._course(course)
        if not path.strip() or not value.strip():
            raise UsageError("a what-if needs a field and its new value", remedy="fill in both")
        if path.strip().partition(".")[0] in UNPAIRED:
            raise UsageError(
                f"'{path}' is not for a what-if: the two runs would not share their luck or their clock",
                remedy="change a value of the market, of who trades in it, or of its rules",
            )
        change = f"{path.strip()}={value.strip()}"
        try:
            changed = overridden(base.scenario, [change])
        except ScenarioError as error:  # what was only remarked of the run as it is, is not about the change
            raise ScenarioError(error.errors) from None
        admit_code([changed], changed, allowed=self.allow_code)
        run = Running(changed, replicate)
        with self._lock:
            self._before_run()
            if self.what_if is not None:
                self.what_if.run.stop()
            self.what_if = WhatIf(course, replicate, change, run)
            run.start()

    def changed(self, market: str) -> dict[str, Any]:
        """Return how a market went with the value changed."""
        run = self._asked().run
        return _course(run, run.replicate, market)

    def difference(self, market: str, until: float) -> list[dict[str, Any]]:
        """Return what the change did by a time, as far as both runs are."""
        asked = self._asked()
        base = self._of(asked.course, asked.replicate, market)
        one, other = (each.table("bars", asked.replicate) for each in (base, asked.run))
        leveraged = _is_leveraged(base, market)
        return payload.difference(
            *(payload.moment(bars, market, until, leveraged=leveraged) for bars in (one, other))
        )

    def status(self) -> dict[str, Any]:
        """Return how far what runs is, as plain data."""
        runs = {name: run.status() for name, run in self.courses.items() if isinstance(run, Running)}
        asked = self.what_if
        what_if = None
        if asked is not None:
            what_if = {
                "course": asked.course, "replicate": asked.replicate, "change": asked.change, **asked.run.status()
            }  # fmt: skip
        return {"runs": runs, "what_if": what_if}

    def close(self) -> None:
        """End whatever runs."""
        under_way = [run for run in self.courses.values() if isinstance(run, Running)]
        for run in [*under_way, *([self.what_if.run] if self.what_if else [])]:
            run.stop()

    def _course(self, name: str) -> Course:
        if name not in self.courses:
            raise UsageError(f"there is no run {name!r} here", remedy=f"runs are: {', '.join(self.courses)}")
        return self.courses[name]

    def _of(self, course: str, replicate: int, market: str) -> Course:
        """Return a run, if it has a replicate and a market."""
        run = self._course(course)
        if replicate not in run.replicates:
            raise UsageError(f"the run {course!r} has no replicate {replicate} that finished")
        if market not in [each.name for each in run.units.markets]:
            raise UsageError(f"the run {course!r} has no market {market!r}")
        return run

    def _asked(self) -> WhatIf:
        if self.what_if is None:
            raise UsageError("no what-if was asked")
        return self.what_if


def _course(run: Course, replicate: int, market: str) -> dict[str, Any]:
    """Return how a market of a run went."""
    leveraged = _is_leveraged(run, market)
    return payload.course(run.table("bars", replicate), market, run.expected_bars, leveraged=leveraged)


def _is_leveraged(run: Course, market: str) -> bool:
    """Tell whether accounts are liquidated in a market: what is held on spot is nobody's open interest."""
    return not any(each.name == market and not each.leveraged for each in run.units.markets)


def _by_interest(markets: Sequence[MarketUnits]) -> list[MarketUnits]:
    """Return markets, those first in which accounts are liquidated."""
    return sorted(markets, key=lambda market: not market.leveraged)


def _leaves(data: Any, path: str = "") -> Iterator[tuple[str, float | bool]]:
    """Yield the numbers and switches of plain data; items that have a name go by it."""
    if isinstance(data, bool | int | float):
        yield path, data
        return
    items: list[tuple[str, Any]] = []
    if isinstance(data, dict):
        items = [(str(key), value) for key, value in data.items()]  # pyright: ignore
    elif isinstance(data, list) and all(isinstance(each, dict) for each in data):  # pyright: ignore
        items = [(str(each.get("name", place)), each) for place, each in enumerate(data)]  # pyright: ignore
    for key, value in items:
        yield from _leaves(value, f"{path}.{key}" if path else key)

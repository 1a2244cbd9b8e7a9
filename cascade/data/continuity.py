"""Whether each series of a file goes on: without a gap, and without standing still."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from cascade.data.faults import FROZEN, GAP, Faults, Place
from cascade.data.quality import Times, placed, stamp
from cascade.data.reading import Batch
from cascade.data.repeats import codes_of
from cascade.units import format_span

LEAST_ROWS: Final = 12
"""Rows of a series that stand still before it is called frozen."""

_AGAIN: Final = "fetch it again; if it is published so, leave the stretch out"


@dataclass
class Gaps:
    """Whether each series goes on without a gap, and how long its steps are."""

    faults: Faults
    series: tuple[str, ...]
    every_s: float | None
    quiet_s: float | None
    is_grid: bool
    steps: dict[int, int] = field(default_factory=dict[int, int])
    last: dict[Any, int] = field(default_factory=dict[Any, int])
    wide: list[tuple[int, int, Place]] = field(default_factory=list[tuple[int, int, Place]])

    def see(self, batch: Batch) -> None:
        """Look at a batch."""
        times = batch.time_us
        for name, rows in rows_of_series(batch, self.series):
            own = times[rows]
            rows = rows[np.argsort(own, kind="stable")]  # noqa: PLW2901
            before = np.concatenate([np.array([self.last.get(name, times[rows[0]])]), times[rows[:-1]]])
            steps = times[rows] - before
            self.last[name] = max(int(times[rows[-1]]), self.last.get(name, 0))
            if self.is_grid:
                for step, n in zip(*np.unique(steps[steps > 0], return_counts=True), strict=True):
                    self.steps[int(step)] = self.steps.get(int(step), 0) + int(n)
            least = (self.quiet_s or 0.0) * 1e6 if not self.is_grid else self._usual() * 1.5
            for k in np.flatnonzero(steps > least) if least else ():
                self._note(int(before[k]), int(times[rows[k]]), batch, int(rows[k]))

    def _usual(self) -> float:
        """Return the step of the grid, in microseconds."""
        if self.every_s:
            return self.every_s * 1e6
        return max(self.steps, key=lambda step: self.steps[step]) if self.steps else 0.0

    @property
    def interval_s(self) -> float | None:
        """Return the step that most rows are apart."""
        usual = self._usual()
        return usual / 1e6 if usual and self.is_grid else None

    def _note(self, before: int, after: int, batch: Batch, row: int) -> None:
        usual = self._usual()
        missing = f": {round((after - before) / usual) - 1:,} rows are missing" if self.is_grid else ""
        told = f"nothing between {stamp(before)} and {stamp(after)}{missing}"
        self.faults.note(GAP, told, _AGAIN, lambda: placed(batch, "time")(row), alike="gap")

    def end(self) -> None:
        """Say what only the whole file tells."""
        return


@dataclass
class Frozen:
    """Whether a series stands still for longer than one of a market that lives does.

    Where one of its values is zero nothing was traded, or nothing rested, and nothing has to move.
    """

    faults: Faults
    series: tuple[str, ...]
    moves: tuple[str, ...]
    least_s: float
    runs: dict[Any, tuple[tuple[float, ...], int, int, Place]] = field(
        default_factory=dict[Any, tuple[tuple[float, ...], int, int, Place]]
    )
    """Of each series its last values, since when they stand, in how many rows, and where that began."""
    ends: dict[Any, int] = field(default_factory=dict[Any, int])

    def see(self, batch: Batch) -> None:
        """Look at a batch."""
        values = np.stack([batch.number(name) for name in self.moves])
        times = batch.time_us
        for name, rows in rows_of_series(batch, self.series):
            own = values[:, rows]
            same = (own[:, 1:] == own[:, :-1]) | (np.isnan(own[:, 1:]) & np.isnan(own[:, :-1]))
            starts = np.flatnonzero(np.concatenate([[True], ~same.all(axis=0)]))
            for begin, until in zip(starts, [*starts[1:], len(rows)], strict=True):
                self._run(name, tuple(own[:, begin].tolist()), rows[begin:until], times, batch)

    def _run(self, name: Any, value: tuple[float, ...], rows: Times, times: Times, batch: Batch) -> None:
        """Go on with a run of equal values, or begin one."""
        known = self.runs.get(name)
        if known is not None and np.array_equal(known[0], value, equal_nan=True):
            self.runs[name] = (value, known[1], known[2] + len(rows), known[3])
        else:
            self._close(name)
            place = placed(batch, self.moves[0])(int(rows[0]))
            self.runs[name] = (value, int(times[rows[0]]), len(rows), place)
        self.ends[name] = int(times[rows[-1]])

    def _close(self, name: Any) -> None:
        if name not in self.runs:
            return
        value, since, n, place = self.runs[name]
        stood_s = (self.ends[name] - since) / 1e6
        if n < LEAST_ROWS or stood_s < self.least_s or not np.isfinite(value).any() or 0.0 in value:
            return
        of = " ".join(
            f"{each:g}" if isinstance(each, float) else str(each) for each in name if each not in ("", None)
        )
        told = (
            f"{', '.join(self.moves)} of {of or 'all'} stood still for {format_span(stood_s)}, in {n:,} rows"
        )
        hint = f"the feed was frozen from {stamp(since)} to {stamp(self.ends[name])}: leave that out"
        self.faults.note(FROZEN, told, hint, place, alike="frozen")

    def end(self) -> None:
        """Say what only the whole file tells."""
        for name in [*self.runs]:
            self._close(name)


def rows_of_series(batch: Batch, series: tuple[str, ...]) -> Iterator[tuple[Any, npt.NDArray[np.int64]]]:
    """Yield the rows of each series of a batch."""
    codes = codes_of(batch.table, series)
    order = np.argsort(codes, kind="stable")
    edges = np.flatnonzero(np.concatenate([[True], np.diff(codes[order]) != 0]))
    for begin, until in zip(edges, [*edges[1:], len(order)], strict=True):
        rows = order[begin:until]
        yield tuple(batch.table.column(name)[int(rows[0])].as_py() for name in series), rows

"""`replay`: one replicate of a finished run again, with everything recorded around its worst minutes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from cascade.errors import ResultsError, UsageError
from cascade.experiment.request import scenario_of
from cascade.experiment.run import Progress, Say, run
from cascade.output import log
from cascade.output.columns import to_numpy
from cascade.output.reader import Result, read
from cascade.output.run_units import Floats
from cascade.scenario.schema import Scenario
from cascade.units import format_duration, parse_duration, parse_instant

if TYPE_CHECKING:
    import pyarrow as pa

WORST: Final = "worst"

WORST_S: Final = 600.0
"""Seconds of the worst window."""

COMPARED: Final = ("bars", "liquidations", "adl")
"""Tables that a replay must repeat row by row."""


class Span(NamedTuple):
    """A part of a run, in seconds from its start."""

    start: float
    end: float

    def __str__(self) -> str:
        return f"{format_duration(self.start)}..{format_duration(self.end)}"


@dataclass(frozen=True)
class Replay:
    """A replicate that was run again.

    Attributes
    ----------
    compared : dict[str, int]
        Rows that were compared with the stored ones, and equal them, by table.
    """

    result: Result
    window: Span
    compared: Mapping[str, int]

    def rows(self) -> dict[str, int]:
        """Return the rows of each table."""
        return {name: len(self.result.tables[name]) for name in self.result.tables}


def replay(
    folder: str | Path,
    replicate: int,
    *,
    window: str = WORST,
    allow_code: bool = False,
    out: str | Path = "results",
    force: bool = False,
    progress: Progress | None = None,
    say: Say | None = None,
) -> Replay:
    """Run one replicate of a finished run again, with trades, book and accounts recorded in a window.

    Parameters
    ----------
    folder
        The run, or the variant of a sweep.
    window
        ``worst``, the ten minutes in which most notional was liquidated, or ``START..END``: times from the
        start (``2h..2h20m``) or dates.
    allow_code
        Whether agents in Python that the scenario names may run.
    out
        Folder of all results; the replay is a run of its own there.

    Raises
    ------
    ResultsError
        The run is not there, does not have the replicate, or the replay does not repeat its rows.
    UsageError
        The window means nothing, or lies outside of the run.
    """
    stored = read(folder)
    if replicate not in stored.replicates:
        raise ResultsError(
            f"the run has no replicate {replicate} that finished",
            where=str(folder),
            remedy=f"it has {_listed(stored.replicates)}",
            code="CAS607",
        )
    scenario = scenario_of(stored)
    span = worst_window(stored, replicate, scenario) if window == WORST else parse_window(window, scenario)
    again = run(
        _recording(scenario, span), replicate=replicate, out=out, jobs=1, force=force, progress=progress,
        allow_code=allow_code, counterfactual=bool(stored.manifest["request"].get("counterfactual")), say=say,
    )  # fmt: skip
    return Replay(again, span, _compare(stored, again, replicate))


def _listed(replicates: list[int]) -> str:
    return f"replicates {replicates[0]} to {replicates[-1]}" if replicates else "none"


def _recording(scenario: Scenario, span: Span) -> Scenario:
    """Return the scenario with all of a window recorded, snapshots as often as bars."""
    outputs = scenario.outputs
    changes: dict[str, Any] = {
        "outputs.trades": True,
        "outputs.book": True,
        "outputs.accounts": True,
        "outputs.snapshots": format_duration(min(outputs.bars, outputs.snapshots)),
        "outputs.window": {"start": format_duration(span.start), "end": format_duration(span.end)},
    }
    return scenario.replace(**changes)


def worst_window(stored: Result, replicate: int, scenario: Scenario) -> Span:
    """Return the ten minutes of a replicate in which most notional was liquidated, in whole bars.

    What the fund took over and what auto-deleveraging closed counts, too. Of equal windows it is the first;
    without any liquidation, the one in which marks moved most.
    """
    length = scenario.outputs.bars
    hit = _per_bar(
        stored, "liquidations", replicate, scenario, lambda rows: to_numpy(rows.column("liquidated_usd"))
    )
    if not hit.any():
        hit = _per_bar(stored, "bars", replicate, scenario, _mark_range)
    n = min(max(round(WORST_S / length), 1), len(hit))
    totals = np.convolve(hit, np.ones(n), mode="valid")
    first = int(np.argmax(totals >= totals.max() * (1 - 1e-12)))
    return Span(first * length, min((first + n) * length, scenario.duration))


def _per_bar(
    stored: Result, table: str, replicate: int, scenario: Scenario, weigh: Callable[[pa.Table], Floats]
) -> Floats:
    """Return the weight of a table's rows in each interval of a bar; nothing where it was not recorded."""
    length = scenario.outputs.bars
    sums = np.zeros(max(math.ceil(scenario.duration / length - 1e-9), 1))
    if table in stored.tables:
        rows = stored.replicate(table, replicate)
        slots = np.floor(to_numpy(rows.column("t_s")) / length + 1e-9).astype(np.int64)
        np.add.at(sums, np.minimum(slots, len(sums) - 1), weigh(rows))
    return sums


def _mark_range(bars: pa.Table) -> Floats:
    """Return the range of the mark in each bar, relative to its highest."""
    high, low = (np.nan_to_num(to_numpy(bars.column(f"mark_{name}_price"))) for name in ("high", "low"))
    return np.divide(high - low, high, out=np.zeros_like(high), where=high > 0)


def parse_window(text: str, scenario: Scenario) -> Span:
    """Return the span that ``START..END`` means."""
    first, dots, last = text.partition("..")
    if not dots:
        raise UsageError(
            f"'{text}' is not a window",
            where="--window",
            remedy="write worst, or START..END such as 2h..2h20m or 2025-07-01T09:00Z..2025-07-01T09:20Z",
        )
    span = Span(*(_seconds(part.strip(), scenario) for part in (first, last)))
    if not 0 <= span.start < span.end <= scenario.duration:
        raise UsageError(
            f"the window {span} does not lie within the run",
            where="--window",
            remedy=f"write START..END between 0s and {format_duration(scenario.duration)}",
        )
    return span


def _seconds(text: str, scenario: Scenario) -> float:
    """Return a moment in seconds from the start."""
    seconds = parse_duration(text)
    if seconds is not None:
        return seconds
    try:
        return scenario.seconds(parse_instant(text))
    except ValueError as error:
        reason = (getattr(error, "context", None) or {}).get("message", str(error))
        raise UsageError(
            f"'{text}' is no time in the run: {reason}", where="--window", remedy="write it as 2h20m"
        ) from None


def _compare(stored: Result, again: Result, replicate: int) -> dict[str, int]:
    """Return how many rows of each table are equal, or raise with what may be the cause."""
    equal: dict[str, int] = {}
    for name in COMPARED:
        if name not in stored.tables or name not in again.tables:
            continue
        ours, theirs = again.tables[name], stored.replicate(name, replicate)
        row = _first_difference(ours, theirs)
        if row is not None:
            raise ResultsError(
                f"the replay differs from the stored run: {name}, row {row} of {len(theirs)}. "
                f"{_other_software(stored)}",
                where=str(again.path),
                remedy="replay with the software that made the run; what was replayed is kept",
                code="CAS611",
            )
        equal[name] = len(ours)
    return equal


def _first_difference(ours: pa.Table, theirs: pa.Table) -> int | None:
    """Return the first row that differs, or None where tables are equal."""
    pairs = zip(ours.to_pylist(), theirs.to_pylist(), strict=False)
    differing = (number for number, (one, other) in enumerate(pairs) if repr(one) != repr(other))
    return next(differing, None if len(ours) == len(theirs) else min(len(ours), len(theirs)))


def _other_software(stored: Result) -> str:
    """Return what differs between the software that made a run and ours, as a sentence."""
    then: Mapping[str, Any] = stored.manifest
    now = log.software()
    facts = {
        "cascade": then.get("cascade", {}).get("version"),
        "fingerprint": then.get("platform", {}).get("fingerprint"),
        "results_version": then.get("results_version"),
    }
    differing = [f"{name} {facts[name]} then, {now[name]} now" for name in facts if facts[name] != now[name]]
    if differing:
        return f"It was made by other software: {', '.join(differing)}."
    return "Versions and platform are the same: the rules or data it was made with may have changed."

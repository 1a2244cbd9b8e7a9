"""`threshold` and `frontier`: from which value of a field on an event happens in a share of replicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cascade.analysis.statistics import Estimate, probability
from cascade.analysis.statistics.crossing import Crossing, Status
from cascade.errors import ResultsError
from cascade.experiment.bounds import event_of
from cascade.experiment.question import Question
from cascade.experiment.replicate import Progress
from cascade.experiment.run import Say
from cascade.experiment.search import WITHIN, Told, flags_of, prepare_search
from cascade.output import manifest as manifests
from cascade.output.checksums import crc_of
from cascade.output.parquet import write_parquet
from cascade.output.refusals import writing
from cascade.output.schemas import table_of
from cascade.output.sweep import Sweep
from cascade.scenario.files import Allowed
from cascade.scenario.schema import Scenario

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Tried:
    """A value that was tried, and in how many replicates the event happened."""

    value: float
    variant: str
    happened: int
    probability: Estimate
    """With Wilson's interval."""


@dataclass(frozen=True)
class Threshold:
    """From which value on an event happens in a share of replicates, or no longer does, and how sure that is.

    Attributes
    ----------
    against
        Value of the other field of a frontier; None where there is none.
    rises
        Whether the event comes as the value rises; else it goes away.
    value
        The smallest value tried from which on every one tried reaches the share; None where none does.
    low, high
        Interval of the exact value; None where it is not bounded within the range, or by so few replicates.
    needed
        Replicates, about, after which the interval is as narrow as the resolution.
    least
        Replicates that bound the value on both sides at all.
    back
        Replicates that cross back at some value tried: the interval takes each to cross once.
    absent
        Values and replicates without a value of the metric; the event counts as not having happened there.
    """

    question: Question
    unit: str
    against: float | str | None
    status: Status
    rises: bool
    value: float | None
    low: float | None
    high: float | None
    n: int
    needed: int | None
    least: int
    back: int
    absent: int
    tried: tuple[Tried, ...]
    path: Path

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return {
            **self.question.as_dict(), "unit": self.unit, "against_value": self.against, "status": str(self.status),
            "rises": self.rises, "value": self.value, "low": self.low, "high": self.high, "replicates": self.n,
            "replicates_needed": self.needed, "least_replicates": self.least, "cross_back": self.back,
            "absent": self.absent, "path": str(self.path),
            "tried": [
                {
                    "value": each.value, "variant": each.variant, "happened": each.happened,
                    "probability": each.probability.value, "low": each.probability.low, "high": each.probability.high,
                }
                for each in self.tried
            ],
        }  # fmt: skip


@dataclass(frozen=True)
class Frontier:
    """The threshold of one field for each value of another: a critical line with its band."""

    scenario: str
    question: Question
    against_unit: str
    thresholds: tuple[Threshold, ...]
    """By the value of the other field, rising where it is a number."""
    path: Path

    @property
    def unit(self) -> str:
        """Return the unit of the field that is searched."""
        return self.thresholds[0].unit

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return {
            **self.question.as_dict(), "unit": self.unit, "against_unit": self.against_unit, "path": str(self.path),
            "thresholds": [each.as_dict() for each in self.thresholds],
        }  # fmt: skip


def threshold(
    scenario: str | Path | Scenario, vary: str, until: str, overrides: Sequence[str] = (), *, share: float | str = 0.5,
    within: float | str = WITHIN, seed: int | None = None, replicates: int | None = None, allow: Allowed = (),
    allow_code: bool = False,
    out: str | Path = "results", jobs: int | None = None, processes: bool = False, cluster: str | None = None,
    force: bool = False, retry_failed: bool = False, progress: Progress | None = None, told: Told | None = None,
    say: Say | None = None,
) -> Threshold:  # fmt: skip
    """Return from which value of a field on an event happens in a share of replicates.

    Parameters
    ----------
    vary
        ``"path=low..high"`` in the units of the scenario; ``"path"`` looks from a tenth to ten times of its value.
    until
        The event: a metric, an operator and a number, ``"liquidated_usd > 10M"``.
    overrides
        ``"path=value"`` for what all values share.
    share
        Of the replicates, between 0 and 1. Where the event goes away as the value rises, the threshold is the
        value from which on it happens in at most this share.
    within
        Resolution: as a share of the value, or of the range where that does not begin above zero.
    told
        Told before each round the values it runs, and about how many are to follow.

    Other parameters are those of `run`. All values are variants of one sweep, with the same luck, in
    ``<out>/<scenario>-threshold-<hash8>``; asked again, the search goes on where it stopped.

    Raises
    ------
    ScenarioError, UsageError, ReplicatesError, InterruptedRunError, ResultsError
    """
    search = prepare_search(
        scenario, vary, until, overrides, share=share, within=within, seed=seed, replicates=replicates, allow=allow,
        allow_code=allow_code,
    )  # fmt: skip
    found = search.run(
        out=out, jobs=jobs, processes=processes, cluster=cluster, force=force, retry_failed=retry_failed,
        progress=progress, told=told, say=say,
    )  # fmt: skip
    return write_frontier(found).thresholds[0]


def frontier(
    scenario: str | Path | Scenario, vary: str, against: str, until: str, overrides: Sequence[str] = (), *,
    share: float | str = 0.5, within: float | str = WITHIN, seed: int | None = None, replicates: int | None = None,
    allow: Allowed = (), allow_code: bool = False, out: str | Path = "results",
    jobs: int | None = None, processes: bool = False,
    cluster: str | None = None, force: bool = False, retry_failed: bool = False, progress: Progress | None = None,
    told: Told | None = None, say: Say | None = None,
) -> Frontier:  # fmt: skip
    """Return the threshold of one field for each value of another.

    Parameters
    ----------
    against
        ``"path=value,value"``, or ``"path=low..high"`` for five values spread over a range.

    Other parameters are those of `threshold`.
    """
    search = prepare_search(
        scenario, vary, until, overrides, against=against, share=share, within=within, seed=seed,
        replicates=replicates, allow=allow, allow_code=allow_code,
    )  # fmt: skip
    found = search.run(
        out=out, jobs=jobs, processes=processes, cluster=cluster, force=force, retry_failed=retry_failed,
        progress=progress, told=told, say=say,
    )  # fmt: skip
    return write_frontier(found)


def is_searched(sweep: Sweep) -> bool:
    """Tell whether a sweep is one over the values that a search tried."""
    search = sweep.manifest.get("request", {}).get("search", {})
    return "until" in search  # that of a calibration asks other things


def frontier_of(sweep: Sweep) -> Frontier:
    """Return what the sweep of a search found; of a search without another field, a frontier of one value.

    Raises
    ------
    ResultsError
        If it is not the sweep of a search.
    """
    if not is_searched(sweep):
        remedy = "cascade threshold and cascade frontier write what it takes"
        raise ResultsError("the sweep is not one of a search", where=str(sweep.path), remedy=remedy)
    asked = sweep.manifest["request"]["search"]
    first = sweep.variants[next(iter(sweep.variants))]
    event = event_of(asked["until"], first.units)
    question = Question(
        asked["vary"], event, asked["share"], asked["within"], asked["against"], asked["confidence"]
    )
    parameters = {each["path"]: each for each in sweep.parameters}
    values = _values(
        sweep, [parameters[path]["column"] for path in (asked["vary"], asked["against"]) if path]
    )
    unit = parameters[question.vary]["unit"]
    lines: dict[float | str | None, dict[str, float]] = {}
    for name, (value, *other) in values.items():
        lines.setdefault(other[0] if other else None, {})[name] = value
    in_order = sorted(
        lines, key=lambda other: (isinstance(other, str), other if isinstance(other, float) else 0.0)
    )
    thresholds = [_threshold(sweep, question, unit, lines[other], other) for other in in_order]
    against_unit = parameters[question.against]["unit"] if question.against else ""
    return Frontier(first.name, question, against_unit, tuple(thresholds), sweep.path)


def _values(sweep: Sweep, columns: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """Return what each variant sets."""
    rows = sweep.runs.select(["variant", *columns]).to_pylist()
    return {row["variant"]: tuple(row[name] for name in columns) for row in rows}


def _threshold(
    sweep: Sweep, question: Question, unit: str, values: Mapping[str, float], against: float | str | None
) -> Threshold:
    """Return the threshold of the variants of one value of the other field."""
    names = sorted(values, key=lambda name: values[name])
    at = np.array([values[name] for name in names])
    happened = np.array([flags_of(sweep.variants[name], question.event) for name in names])
    found = Crossing(at, happened, question.share, question.confidence)
    shares = [probability(float(each.mean()), found.n, question.confidence) for each in happened]
    is_crossed = found.status is Status.CROSSED
    missing = sum(sweep.variants[name].runs.column(question.event.metric).null_count for name in names)
    tried = tuple(
        Tried(float(value), name, int(flags.sum()), share)
        for value, name, flags, share in zip(at, names, happened, shares, strict=True)
    )
    fine = question.within * (found.value or 0.0 if at[0] > 0.0 else float(at[-1] - at[0]))
    ends = (None, None) if found.status is Status.TURNS else (found.low, found.high)
    return Threshold(
        question, unit, against, found.status, found.is_rising, found.value if is_crossed else None, *ends, found.n,
        found.needed(fine) if is_crossed else None, found.least, found.back, missing,
        tried, sweep.path,
    )  # fmt: skip


# --- tables -------------------------------------------------------------------------------------------


def write_frontier(sweep: Sweep) -> Frontier:
    """Return what the sweep of a search found, and write its tables into the folder of the sweep."""
    import pyarrow.csv

    found = frontier_of(sweep)
    tables = {"tried": _tried_table(found), "frontier": _frontier_table(found)}
    with writing(sweep.path):
        sums = {
            f"{name}.parquet": write_parquet(sweep.path / f"{name}.parquet", table)
            for name, table in tables.items()
        }
        path = sweep.path / "frontier.csv"
        pyarrow.csv.write_csv(tables["frontier"], path)
        sums[path.name] = crc_of(path)
        manifests.add_files(sweep.path, sums)
    sweep.files.update(sums)
    return found


def _tried_table(found: Frontier) -> pa.Table:
    """Return a row for each value that was tried."""
    return table_of("tried", [
        {
            **_common(found, each), "value": tried.value, "variant": tried.variant, "replicates": each.n,
            "happened": tried.happened, "probability": tried.probability.value,
            "probability_low": tried.probability.low, "probability_high": tried.probability.high,
        }
        for each in found.thresholds
        for tried in each.tried
    ])  # fmt: skip


def _frontier_table(found: Frontier) -> pa.Table:
    """Return a row for each threshold."""
    return table_of("frontier", [
        {
            **_common(found, each), "value": each.value, "value_low": each.low, "value_high": each.high,
            "status": str(each.status), "replicates": each.n,
        }
        for each in found.thresholds
    ])  # fmt: skip


def _common(found: Frontier, each: Threshold) -> dict[str, Any]:
    """Return what says which threshold a row is of."""
    other = each.against
    return {
        "scenario": found.scenario, "against": other if isinstance(other, float) else None,
        "against_as": other if isinstance(other, str) else None, "against_unit": found.against_unit, "unit": found.unit,
    }  # fmt: skip

"""What was found of contagion: the matrices, what each channel does to them, and the tables they are written to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from cascade.analysis.contagion import Matrix
from cascade.analysis.games import Coalition
from cascade.analysis.statistics import Estimate, Mean
from cascade.analysis.statistics.estimate import Floats
from cascade.experiment.attribution import MetricAttribution, attributed
from cascade.experiment.contagion_check import Check, Checked, Whole, checked, figures_of, rows_of
from cascade.experiment.contagion_question import Question
from cascade.output.parquet import write_parquet
from cascade.output.refusals import writing
from cascade.output.schemas import Column, table_of


@dataclass(frozen=True)
class Closed:
    """What a channel does that is switched off alone, for one pair of places; USD per USD sold.

    Attributes
    ----------
    measured
        By how much it lowers what a dollar in `source` brings in `target`, over all generations.
    predicted
        The same by the two direct matrices.
    gap
        Measured less predicted.
    """

    channel: str
    source: str
    target: str
    measured: Estimate
    predicted: Estimate | None
    gap: Estimate | None


@dataclass(frozen=True)
class Contagion:
    """The matrices of contagion, and what each channel does to them.

    Attributes
    ----------
    direct
        The first generation: what a forced sale trips by itself.
    total
        All generations, within the horizon.
    sold
        USD that were sold in each place at a time, the mean.
    channels
        Of each pair of places, what each channel does to `total`; by Shapley values, which sum to it.
    closed
        Of each pair, what switching one channel off does.
    rows
        Rows of the table `attribution`, of `channels`.
    checked
        What is found of a shock in whole runs of other luck, beside what `total` says of it.
    whole_runs
        Rows of the table `contagion_check`.
    """

    name: str
    question: Question
    n: int
    direct: Matrix
    total: Matrix
    sold: Floats
    channels: tuple[MetricAttribution, ...] = ()
    closed: tuple[Closed, ...] = ()
    rows: tuple[Mapping[str, Any], ...] = ()
    checked: tuple[Checked, ...] = ()
    whole_runs: tuple[Mapping[str, Any], ...] = ()

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Return every pair of two places."""
        return pairs_of(self.direct.names)


def pairs_of(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return every pair of two places."""
    return [(a, b) for a in names for b in names if a != b]


class Matrices(NamedTuple):
    """The matrices under one coalition of channels, and what was sold at a time, by place."""

    direct: Matrix
    total: Matrix
    sold: Floats


def contagion_of(
    name: str, question: Question, channels: tuple[str, ...], found: Mapping[Coalition, Matrices],
    check: Check | None = None, seen: Mapping[Coalition, Sequence[Whole]] | None = None,
) -> Contagion:  # fmt: skip
    """Return what was found under each coalition of channels that are on, and in whole runs."""
    everyone = frozenset(channels)
    whole = found[everyone]
    shared, closed, rows = [], [], []
    is_game = len(found) == 2 ** len(channels)
    for source, target in pairs_of(whole.direct.names) if channels else []:
        if is_game:
            metric, more = _shares(source, target, channels, found)
            shared.append(metric)
            rows += more
        closed += [_closed(each, source, target, whole, found[everyone - {each}]) for each in channels]
    result = Contagion(
        name, question, len(whole.direct.values), whole.direct, whole.total, whole.sold,
        tuple(shared), tuple(closed), tuple(rows),
    )  # fmt: skip
    if check is None or seen is None:
        return result
    figures = figures_of(check, {members: each.total for members, each in found.items()}, seen)
    names = whole.total.names
    return replace(
        result,
        checked=tuple(checked(check, names, figures)),
        whole_runs=tuple(rows_of(check, names, figures)),
    )


def _shares(
    source: str, target: str, channels: tuple[str, ...], found: Mapping[Coalition, Matrices]
) -> tuple[MetricAttribution, list[dict[str, Any]]]:
    """Return what each channel did to what a dollar in one place brings in another."""
    values = {
        members: dict(enumerate(each.total.of(source, target).tolist())) for members, each in found.items()
    }
    said = f"USD liquidated in {target} for each USD sold by force in {source}"
    column = Column(f"{source} to {target}", "float", said, unit="1")
    n = len(next(iter(found.values())).total.values)
    metric, rows = attributed(column, channels, values, range(n))
    assert metric is not None, "every replicate has a value under every coalition"
    return metric, rows


def _closed(channel: str, source: str, target: str, whole: Matrices, without: Matrices) -> Closed:
    """Return what switching a channel off does, against what the direct matrices say."""
    measured = whole.total.of(source, target) - without.total.of(source, target)
    series = whole.direct.generations(), without.direct.generations()
    if series[0] is None or series[1] is None:
        return Closed(channel, source, target, Mean().estimate(measured), None, None)
    predicted = series[0].of(source, target) - series[1].of(source, target)
    figures = (Mean().estimate(each) for each in (measured, predicted, measured - predicted))
    return Closed(channel, source, target, *figures)


# --- tables -------------------------------------------------------------------------------------------


def written(found: Contagion, folder: Path) -> None:
    """Write the matrices by replicate into a folder, and what each channel did."""
    rows = [
        {
            "scenario": found.name, "replicate": k, "source": a, "target": b,
            "first_generation": found.direct.of(a, b)[k], "all_generations": found.total.of(a, b)[k],
        }
        for k in range(found.n) for a in found.direct.names for b in found.direct.names
    ]  # fmt: skip
    shares, runs = (
        [{"scenario": found.name, **row} for row in each] for each in (found.rows, found.whole_runs)
    )
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, each in (("contagion", rows), ("attribution", shares), ("contagion_check", runs)):
            if each:
                write_parquet(folder / f"{name}.parquet", table_of(name, each))

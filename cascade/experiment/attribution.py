"""`attribute`: how much of a metric came through which channel, by running every coalition of channels.

A coalition is an ordinary variant of the scenario in which the other channels are off, under the same
luck; all of them are one sweep, which resumes and is found again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cascade.analysis import metrics as registry
from cascade.analysis.games import Coalition, coalitions, increments, rounded, shapley
from cascade.analysis.statistics import Estimate, Mean
from cascade.errors import ResultsError, UsageError
from cascade.experiment.coalitions import chosen_of
from cascade.experiment.recorder import units_of
from cascade.experiment.request import scenario_of
from cascade.experiment.run import Say, start_of
from cascade.experiment.sweep import Prepared, prepare, run_prepared
from cascade.output import manifest as manifests
from cascade.output.columns import to_numpy
from cascade.output.parquet import read_files, write_parquet
from cascade.output.reader import Result
from cascade.output.refusals import writing
from cascade.output.schemas import Column, table_of
from cascade.output.sweep import Sweep
from cascade.scenario.files import Allowed
from cascade.scenario.load import overridden
from cascade.scenario.schema import Scenario
from cascade.scenario.schema_channels import CHANNELS
from cascade.scenario.words import did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

FILE: Final = "attribution.parquet"


@dataclass(frozen=True)
class Share:
    """What one channel did to a metric, over replicates."""

    channel: str
    waterfall: Estimate
    """What switching it on added, after the channels before it."""
    shapley: Estimate
    """What it added on average over all orders."""


@dataclass(frozen=True)
class MetricAttribution:
    """A metric split into what came from outside and what each channel added.

    The values of `waterfall`, and those of `shapley`, sum to that of `effect`, exactly (`math.fsum`).
    """

    metric: str
    unit: str
    definition: str
    n: int
    """Replicates in which the metric has a value under every coalition; the others are left out."""
    outside: Estimate
    """With all chosen channels off."""
    total: Estimate
    """With all of them on."""
    effect: Estimate
    """`total` less `outside`, replicate by replicate."""
    shares: tuple[Share, ...]
    """In the order of the waterfall."""


@dataclass(frozen=True)
class Attribution:
    """What each channel did, with the sweep it was computed from.

    Attributes
    ----------
    channels
        In the order in which the waterfall switches them on.
    table
        One row per replicate, metric and channel: the table `attribution`.
    notes
        What was left out, and why.
    """

    scenario: str
    path: Path
    channels: tuple[str, ...]
    n: int
    metrics: tuple[MetricAttribution, ...]
    table: pa.Table
    notes: tuple[str, ...] = ()


def prepare_attribution(
    scenario: str | Path | Scenario, overrides: Sequence[str] = (), *, channels: Sequence[str] | None = None,
    replicates: int | None = None, metrics: Sequence[str] | None = None, seed: int | None = None,
    allow: Allowed = (), allow_code: bool = False,
) -> Prepared:  # fmt: skip
    """Return the sweep over every coalition, checked before anything runs; parameters are those of `attribute`."""
    asked = overridden(scenario, overrides, allow=allow)
    chosen = chosen_of(asked, channels)
    _columns(_known(asked), metrics)
    source = asked if isinstance(scenario, Scenario) else Path(scenario)
    options = [] if isinstance(scenario, Scenario) else list(overrides)
    options += [f"channels.{name}=true,false" for name in chosen]
    return prepare(source, options, seed=seed, replicates=replicates, allow=allow, allow_code=allow_code)


def attribute(
    scenario: str | Path | Scenario, overrides: Sequence[str] = (), *, channels: Sequence[str] | None = None,
    replicates: int | None = None, metrics: Sequence[str] | None = None, seed: int | None = None,
    allow: Allowed = (), allow_code: bool = False, out: str | Path = "results", jobs: int | None = None,
    processes: bool = False, cluster: str | None = None, force: bool = False, progress: Any = None,
    say: Say | None = None,
) -> Attribution:  # fmt: skip
    """Run every coalition of channels and return what each channel did.

    Parameters
    ----------
    channels
        Which to switch off and on, in the order of the waterfall; by default those of amplification that the scenario
        has, and `contagion` alone for those of contagion.
        k channels take 2^k runs of every replicate.
    metrics
        Columns of `runs`; by default the fall (or rise) of each mark, what was liquidated, and bad debt.

    Other parameters are those of `run`.

    Raises
    ------
    UsageError
        A channel or a metric that there is not.
    ScenarioError, ReplicatesError, InterruptedRunError, ResultsError
    """
    prepared = prepare_attribution(
        scenario, overrides, channels=channels, replicates=replicates, metrics=metrics, seed=seed, allow=allow,
        allow_code=allow_code,
    )  # fmt: skip
    found = run_prepared(
        prepared, out=out, jobs=jobs, processes=processes, cluster=cluster,
        start=start_of(force=force, retry_failed=False), fail_fast=False, progress=progress, say=say,
    )  # fmt: skip
    return attribution_of(found, metrics)


def attribution_of(sweep: Sweep, metrics: Sequence[str] | None = None) -> Attribution:
    """Return the attribution of a sweep over channels, and write its table into the sweep's folder.

    Raises
    ------
    ResultsError
        If the sweep is not one over every coalition of some channels, and nothing else.
    """
    found = _computed(sweep, metrics)
    with writing(sweep.path):
        sums = {FILE: write_parquet(sweep.path / FILE, found.table)}
        manifests.add_files(sweep.path, sums)
    sweep.files.update(sums)
    return found


def recorded(sweep: Sweep) -> Attribution | None:
    """Return the attribution that was written into the folder of a sweep, or None if none was."""
    if FILE not in sweep.files:
        return None
    metrics = read_files([sweep.files.path(FILE)], ordered=False).column("metric").unique().to_pylist()
    return _computed(sweep, metrics)


def whole_of(sweep: Sweep) -> Result:
    """Return the run of a sweep over channels in which all of them are on."""
    channels, names = _coalitions_of(sweep)
    return sweep.variants[names[frozenset(channels)]]


def _computed(sweep: Sweep, metrics: Sequence[str] | None) -> Attribution:
    channels, names = _coalitions_of(sweep)
    whole = sweep.variants[names[frozenset(channels)]]
    known = _known(scenario_of(whole))
    chosen = _columns(known, metrics) or _default_metrics(whole, known)
    found, rows, notes = [], [], []
    for column in chosen:
        values = {members: _values(sweep, name, column.name) for members, name in names.items()}
        metric, more = attributed(column, channels, values, whole.replicates)
        if metric is None:
            notes.append(f"{column.name}: no replicate has a value under every coalition")
            continue
        if metric.n < len(whole.replicates):
            notes.append(
                f"{metric.metric}: {metric.n} of {len(whole.replicates)} replicates have a value throughout"
            )
        found.append(metric)
        rows += more
    table = table_of("attribution", [row | {"scenario": whole.name} for row in rows])
    return Attribution(
        whole.name, sweep.path, channels, len(whole.replicates), tuple(found), table, tuple(notes)
    )


# --- metrics ------------------------------------------------------------------------------------------


def _known(scenario: Scenario) -> dict[str, Column]:
    """Return the metrics of a scenario's replicates that are numbers."""
    columns = registry.metric_columns(units_of(scenario), counterfactual=False)
    return {column.name: column for column in columns if column.kind != "text"}


def _columns(known: Mapping[str, Column], metrics: Sequence[str] | None) -> list[Column]:
    """Return the metrics that are asked for.

    Raises
    ------
    UsageError
        If one of them is none of the scenario's.
    """
    for name in metrics or ():
        if name not in known:
            raise UsageError(
                f"the scenario has no metric '{name}'{did_you_mean(name, list(known))}",
                remedy="cascade docs metrics lists them; names of markets and assets are in lower case",
            )
    return [known[name] for name in metrics or ()]


def _default_metrics(whole: Any, known: Mapping[str, Column]) -> list[Column]:
    """Return the larger of fall and rise of each mark, what was liquidated, and bad debt."""
    names: list[str] = []
    for market in whole.units.markets:
        ways = [registry.column_name(f"{{market}}_{way}_bps", market.name) for way in ("fall", "rise")]
        if all(way in known for way in ways):
            moves = [float(to_numpy(whole.runs.column(way)).mean()) for way in ways]
            names.append(ways[int(np.argmax(moves))])
    names += [name for name in ("complete_usd", "bad_debt_usd") if name in known]
    return [known[name] for name in names]


# --- coalitions ---------------------------------------------------------------------------------------


def _coalitions_of(sweep: Sweep) -> tuple[tuple[str, ...], dict[Coalition, str]]:
    """Return the channels of a sweep in their order, and the variant of each coalition."""
    paths = {each["path"]: each["column"] for each in sweep.parameters}
    channels = tuple(path.removeprefix("channels.") for path in paths)
    rows = sweep.runs.select(["variant", *paths.values()]).to_pylist()
    on = {row["variant"]: frozenset(c for c, column in zip(channels, paths.values(), strict=True) if row[column])
          for row in rows}  # fmt: skip
    names = {members: name for name, members in on.items()}
    if not set(channels) <= set(CHANNELS) or set(names) != set(coalitions(channels)):
        raise ResultsError(
            "the sweep is not one over every coalition of channels",
            where=str(sweep.path), remedy="cascade attribute FILE runs what it takes",
        )  # fmt: skip
    return channels, names


def _values(sweep: Sweep, variant: str, metric: str) -> dict[int, float]:
    """Return a metric by replicate, where it has a value."""
    runs = sweep.variants[variant].runs
    values = zip(runs.column("replicate").to_pylist(), runs.column(metric).to_pylist(), strict=True)
    return {number: float(value) for number, value in values if value is not None}


def attributed(
    column: Column, channels: tuple[str, ...], values: Mapping[Coalition, Mapping[int, float]],
    replicates: Sequence[int],
) -> tuple[MetricAttribution | None, list[dict[str, Any]]]:  # fmt: skip
    """Return the attribution of one metric, and its rows by replicate; None where none has all values."""
    whole: list[int] = [number for number in replicates if all(number in each for each in values.values())]
    if not whole:
        return None, []
    everyone: Coalition = frozenset(channels)
    steps: list[dict[str, Fraction]] = []
    shares: list[dict[str, Fraction]] = []
    rows: list[dict[str, Any]] = []
    for number in whole:
        game = {members: each[number] for members, each in values.items()}
        steps.append(increments(game, channels))
        shares.append(shapley(game, channels))
        effect = float(Fraction(game[everyone]) - Fraction(game[frozenset()]))
        added, share = rounded(steps[-1], effect), rounded(shares[-1], effect)
        rows += [
            {
                "replicate": number, "metric": column.name, "unit": column.unit, "channel": name, "place": place,
                "outside": game[frozenset()], "total": game[everyone], "effect": effect,
                "waterfall": added[name], "shapley": share[name],
            }
            for place, name in enumerate(channels)
        ]  # fmt: skip
    outside, total = (
        Mean().estimate(np.array([values[members][k] for k in whole]))
        for members in (frozenset[str](), everyone)
    )
    effects = [Fraction(values[everyone][k]) - Fraction(values[frozenset()][k]) for k in whole]
    effect = _mean(effects)
    added, share = (_closing(each, channels, effect.value) for each in (steps, shares))
    found = tuple(Share(name, added[name], share[name]) for name in channels)
    metric = MetricAttribution(
        column.name, column.unit, column.description, len(whole), outside, total, effect, found
    )
    return metric, rows


def _mean(values: Sequence[Fraction]) -> Estimate:
    """Return the mean over replicates, exactly rounded, with the interval of a mean of pairs."""
    floats = np.array([float(value) for value in values])
    estimate = Mean().contrast(np.zeros(len(floats)), floats, paired=True).difference
    return replace(estimate, value=float(sum(values, Fraction(0)) / len(values)))


def _closing(
    parts: Sequence[Mapping[str, Fraction]], channels: Sequence[str], total: float
) -> dict[str, Estimate]:
    """Return the means of the parts over replicates, their values rounded so that they sum to the total."""
    sums = {name: sum((each[name] for each in parts), Fraction(0)) / len(parts) for name in channels}
    values = rounded(sums, total)
    return {name: replace(_mean([each[name] for each in parts]), value=values[name]) for name in channels}

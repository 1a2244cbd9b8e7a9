"""`compare`: runs in, differences with intervals and verdicts out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cascade.analysis.metrics import METRICS, EnsembleMetric
from cascade.analysis.statistics import (
    CONFIDENCE,
    Estimate,
    Mean,
    Quantile,
    Statistic,
    higher_share,
    holm,
    replicates_needed,
    replicates_to_tell,
    signs,
    variance_reduction,
)
from cascade.analysis.statistics.estimate import TIED, Contrast, Floats
from cascade.errors import UsageError
from cascade.experiment.comparison import compatibility
from cascade.experiment.comparison.changes import changes
from cascade.experiment.comparison.sample import Pairing, Sample, pair
from cascade.experiment.comparison.selection import default_headline, inputs, select
from cascade.experiment.comparison.types import (
    SAME,
    Comparison,
    Difference,
    Measure,
    Spread,
    Variant,
    Verdict,
)
from cascade.output.reader import Result
from cascade.output.sweep import Sweep, named_results
from cascade.scenario.words import did_you_mean

_MEDIAN = Quantile(0.5)

_PRECISION = 0.01
"""Of the baseline's figure: what `Difference.needed` is about."""

_LITTLE = 1.5
"""A variance reduction below this is hardly one."""


def compare(
    runs: Iterable[str | Path | Result | Sweep] | Mapping[str, Result],
    baseline: str | None = None,
    metrics: Sequence[str] | None = None,
    *,
    confidence: float = CONFIDENCE,
) -> Comparison:
    """Return how runs differ from a baseline, and how sure that is.

    Replicates of the same seed and number share their luck, and are compared pair by pair.

    Parameters
    ----------
    runs
        At least two: folders of runs, sweeps (all their variants), or results; or results by name.
    baseline
        Name of the run that the others are held against; by default the first.
    metrics
        Names of the metrics to show first, `amplification` standing for that of every market; by default
        a selection that does not depend on the results.
    confidence
        Of every interval, and of the verdicts as a whole: between 0.5 and 1.

    Raises
    ------
    UsageError
        Fewer than two runs, or a name that is none.
    ResultsError
        Runs that cannot be read, of which a file is not what was written, or that have nothing to be compared.
    """
    if not 0.5 <= confidence < 1.0:
        raise UsageError(f"a confidence of {confidence:g} makes no interval", remedy="write one such as 0.95")
    samples = _samples(runs, baseline)
    for other in samples[1:]:
        compatibility.refuse_unrelated(samples[0], other)
    # figures are those of `runs`; nobody is to defend them beside bars that were altered
    for sample in samples:
        if sample.result.files is not None:
            sample.result.files.refuse_damage()
    pairings = [pair(samples[0], other) for other in samples]
    measures = _measures(samples)
    stops = any(sample.has_stops for sample in samples)
    usual = default_headline(samples[0].result.units, measures, stops=stops)
    headline = select(metrics, measures) if metrics else usual
    found = {
        other.name: dict(_differences(measures, samples[0], other, pairing, confidence))
        for other, pairing in zip(samples[1:], pairings[1:], strict=True)
    }
    return Comparison(
        variants=tuple(_variant(samples[0], *each) for each in zip(samples, pairings, strict=True)),
        confidence=confidence,
        measures=measures,
        headline=headline,
        differences=_judged(found, measures, headline, confidence),
        spreads={each.name: dict(_spreads(each, measures, confidence)) for each in samples},
        ensembles={each.name: dict(_ensembles(each, measures, confidence)) for each in samples},
        notes=tuple(_notes(samples, pairings)),
    )


def _samples(
    runs: Iterable[str | Path | Result | Sweep] | Mapping[str, Result], baseline: str | None
) -> list[Sample]:
    """Return the runs, the baseline first."""
    named = [*runs.items()] if isinstance(runs, Mapping) else named_results(runs)
    samples = [Sample(str(name), result) for name, result in named]
    if len(samples) < 2:
        raise UsageError(
            f"{len(samples)} run is nothing to compare" if samples else "there is nothing to compare",
            remedy="give two runs, or a sweep: cascade compare results/a-1a2b3c4d results/b-5e6f7a8b",
        )
    names = [each.name for each in samples]
    if baseline is None:
        return samples
    if baseline not in names:
        raise UsageError(
            f"no run is called '{baseline}'{did_you_mean(baseline, names)}",
            where="--baseline",
            remedy=f"runs are: {', '.join(names)}",
        )
    samples.insert(0, samples.pop(names.index(baseline)))
    return samples


def _measures(samples: Sequence[Sample]) -> dict[str, Measure]:
    """Return what any variant shares with the baseline, in the order of the registry."""
    base, others = samples[0], samples[1:]
    shared = {
        name: found for name, found in base.metrics.items() if any(name in other.metrics for other in others)
    }
    measures = {
        name: Measure(
            name, found.entry.name, found.entry.unit, found.definition, found.entry.formula,
            found.entry.worse, "replicate",
        )
        for name, found in shared.items()
    }  # fmt: skip
    measures |= {
        entry.name: Measure(
            entry.name, entry.name, entry.unit, entry.definition, entry.formula, entry.worse, "ensemble"
        )
        for entry in METRICS.values()
        if isinstance(entry, EnsembleMetric) and entry.of in shared
    }
    return measures


def _source(measure: Measure) -> tuple[str, Statistic]:
    """Return the column that a measure is made of, and how."""
    entry = METRICS[measure.entry]
    if isinstance(entry, EnsembleMetric):
        return entry.of, entry.statistic
    return measure.name, Mean(entry.bounds)


def _differences(
    measures: Mapping[str, Measure], baseline: Sample, other: Sample, pairing: Pairing, confidence: float
) -> Iterator[tuple[str, Difference]]:
    """Yield each metric of a variant against the baseline, not yet judged."""
    is_same = compatibility.are_identical(baseline, other, pairing)
    given = inputs(changes(baseline.scenario, other.scenario))
    for name, measure in measures.items():
        found = _difference(measure, baseline, other, pairing, confidence)
        if measure.entry in given:
            found = replace(found, verdict=Verdict.INPUT, reason="what the scenario gives it differs")
        if is_same and found.is_tied and found.difference is not None:
            exact = Estimate(0.0, 0.0, 0.0, found.difference.n, SAME)
            found = replace(found, difference=exact, reason="")
        yield name, found


def _difference(
    measure: Measure, baseline: Sample, other: Sample, pairing: Pairing, confidence: float
) -> Difference:
    """Return a metric of a variant against the baseline, not yet judged."""
    column, statistic = _source(measure)
    if column not in other.columns:
        return _incomparable(measure, other, pairing, f"{other.name} does not have it")
    before, after = pairing.values(baseline.columns[column], other.columns[column])
    if len(before) == 0 or len(after) == 0:
        return _incomparable(measure, other, pairing, "it has no value in any replicate of one of them")
    contrast = statistic.contrast(before, after, paired=pairing.paired, confidence=confidence)
    first = statistic.estimate(before, confidence)
    by_pair = pairing.paired and measure.level == "replicate"
    reduction = variance_reduction(before, after) if by_pair else None
    return Difference(
        metric=measure.name,
        variant=other.name,
        baseline=first,
        value=statistic.estimate(after, confidence),
        difference=contrast.difference,
        paired=pairing.paired,
        p=contrast.p,
        least_p=contrast.least_p,
        adjusted_p=None,
        verdict=Verdict.NONE if before.any() or after.any() else Verdict.UNTESTED,
        variance_reduction=reduction,
        needed=replicates_needed(contrast.difference, _PRECISION * abs(first.value)),
        higher=higher_share(before, after, confidence) if by_pair else None,
        pairs=signs(before, after) if by_pair else None,
        reason="; ".join(_remarks(contrast.difference, len(before), len(after), pairing, reduction)),
        direction=_direction(contrast.difference.value, measure),
    )


def _remarks(
    difference: Estimate, n_before: int, n_after: int, pairing: Pairing, reduction: float | None
) -> Iterator[str]:
    """Yield what to know of a difference."""
    if difference.reason:
        yield difference.reason
    elif reduction is not None and reduction < _LITTLE:
        yield "the luck hardly carries over"
    absent = max(len(pairing.left) - n_before, len(pairing.right) - n_after)
    if absent:
        yield f"no value in {absent} {'pairs' if pairing.paired else 'replicates'}"


def _incomparable(measure: Measure, other: Sample, pairing: Pairing, reason: str) -> Difference:
    return Difference(
        measure.name, other.name, None, None, None, pairing.paired, None, 1.0, None, Verdict.UNKNOWN,
        None, None, None, None, reason,
    )  # fmt: skip


def _judged(
    found: Mapping[str, Mapping[str, Difference]], measures: Mapping[str, Measure],
    headline: Sequence[str], confidence: float,
) -> dict[str, dict[str, Difference]]:  # fmt: skip
    """Return the differences with their verdicts: of headline metrics among themselves, others among all."""
    everything, first = (_adjusted(found, names) for names in (list(measures), headline))
    levels = [_level(p_values, confidence) for p_values in (everything, first)]
    adjusted = everything | first
    return {
        variant: {
            name: _with_verdict(
                each, measures[name], adjusted.get((variant, name)), confidence, levels[name in headline]
            )
            for name, each in differences.items()
        }
        for variant, differences in found.items()
    }


def _level(adjusted: Mapping[tuple[str, str], float], confidence: float) -> float:
    """Return what one more p-value would have to reach for a verdict, beside those that have one."""
    return (1.0 - confidence) / max(1, sum(p > 1.0 - confidence for p in adjusted.values()))


def _adjusted(
    found: Mapping[str, Mapping[str, Difference]], names: Sequence[str]
) -> dict[tuple[str, str], float]:
    """Return adjusted p-values over all variants and some metrics, of what is tested."""
    keys = [
        (variant, name)
        for variant, differences in found.items()
        for name in names
        if differences[name].is_tested
    ]
    p_values = [found[variant][name].p or 0.0 for variant, name in keys]
    return dict(zip(keys, holm(p_values), strict=True))


def _with_verdict(
    difference: Difference, measure: Measure, adjusted: float | None, confidence: float, level: float
) -> Difference:
    """Return a difference with its verdict; `level` is what its p-value would have had to reach."""
    found = difference.difference
    if found is None or difference.verdict is Verdict.INPUT:
        return difference
    if found.method == SAME:
        return replace(difference, adjusted_p=1.0, verdict=Verdict.NONE)
    if difference.verdict is Verdict.UNTESTED:
        return replace(difference, adjusted_p=1.0, reason="zero in every replicate of both")
    if adjusted is not None and adjusted <= 1.0 - confidence:
        return replace(difference, adjusted_p=adjusted, verdict=difference.direction or Verdict.NONE)
    contrast = Contrast(found, difference.p, difference.least_p)
    tells = replicates_to_tell(contrast, level, _source(measure)[1].least(1.0 - level))
    verdict = Verdict.NONE if tells is None else Verdict.UNDECIDED
    adjusted = 1.0 if found.method == TIED else adjusted
    return replace(difference, adjusted_p=adjusted, verdict=verdict, tells=tells)


def _direction(difference: float, measure: Measure) -> Verdict | None:
    """Return what a difference is, in the terms of its metric; None for none."""
    if difference == 0.0:
        return None
    if measure.worse is None:
        return Verdict.HIGHER if difference > 0.0 else Verdict.LOWER
    return Verdict.WORSE if (difference > 0.0) == (measure.worse == "up") else Verdict.BETTER


def _spreads(
    sample: Sample, measures: Mapping[str, Measure], confidence: float
) -> Iterator[tuple[str, Spread]]:
    """Yield how each metric lies over all replicates of a run."""
    for name, measure in measures.items():
        values = sample.columns.get(name)
        if values is not None and not np.isnan(values).all():
            yield name, _spread(values, sample, measure, confidence)


def _spread(values: Floats, sample: Sample, measure: Measure, confidence: float) -> Spread:
    known = ~np.isnan(values)
    here = values[known]
    worst = int(np.argmin(here) if measure.worse == "down" else np.argmax(here))
    low, high = (float(limit) for limit in np.quantile(here, (0.05, 0.95)))
    return Spread(
        n=len(here),
        mean=_source(measure)[1].estimate(here, confidence),
        median=_MEDIAN.estimate(here, confidence),
        low=low,
        high=high,
        worst=float(here[worst]),
        worst_replicate=int(sample.replicates[known][worst]),
    )


def _ensembles(
    sample: Sample, measures: Mapping[str, Measure], confidence: float
) -> Iterator[tuple[str, Estimate]]:
    """Yield the metrics of all replicates of a run."""
    for name, measure in measures.items():
        column, statistic = _source(measure)
        values = sample.columns.get(column)
        if measure.level == "ensemble" and values is not None and not np.isnan(values).all():
            yield name, statistic.estimate(values[~np.isnan(values)], confidence)


def _variant(baseline: Sample, sample: Sample, pairing: Pairing) -> Variant:
    seeds = {*sample.seeds.tolist()}
    has_scenarios = bool(baseline.scenario and sample.scenario)
    return Variant(
        name=sample.name,
        path=str(sample.result.path or ""),
        n=len(sample.replicates),
        n_failed=int(sample.result.manifest.get("outcome", {}).get("replicates_failed", 0)),
        seed=seeds.pop() if len(seeds) == 1 else None,
        paired=pairing.paired,
        n_pairs=len(pairing.left) if pairing.paired else 0,
        luck=pairing.reason,
        changes=changes(baseline.scenario, sample.scenario) if has_scenarios else (),
    )


def _notes(samples: Sequence[Sample], pairings: Sequence[Pairing]) -> Iterator[str]:
    """Yield each note once."""
    said = (
        note
        for other, pairing in zip(samples[1:], pairings[1:], strict=True)
        for note in compatibility.notes(samples[0], other, pairing)
    )
    yield from dict.fromkeys(said)

"""What a user will not accept: `bad_debt_usd>1e6`, `worse:bad_debt_usd`, `worse`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic_core import PydanticCustomError

from cascade.analysis.formats import format_value
from cascade.errors import ThresholdError, UsageError
from cascade.experiment.bounds import BOUND, OPERATORS
from cascade.experiment.comparison.types import Comparison, Verdict
from cascade.scenario.words import did_you_mean
from cascade.units import NUMBER

_REMEDY: Final = 'write "bad_debt_usd>1e6", "worse:bad_debt_usd", or "worse" for any of the metrics shown'


@dataclass(frozen=True, slots=True)
class Threshold:
    """A bound on a metric of every run, or, without an operator, a verdict that is not accepted."""

    text: str
    metric: str
    """Empty: any metric shown."""
    operator: str = ""
    bound: float = 0.0


@dataclass(frozen=True, slots=True)
class Breach:
    """A threshold that a run breaches."""

    threshold: Threshold
    variant: str
    metric: str
    value: float
    """The figure (for a verdict: the difference) that breaches it, in the unit of the metric."""


def parse_threshold(text: str, remedy: str = _REMEDY) -> Threshold:
    """Return the threshold that a user wrote.

    Parameters
    ----------
    remedy
        What is told to write instead, where it is none.

    Raises
    ------
    UsageError
        With what to write instead.
    """
    word, colon, metric = text.partition(":")
    if word.strip() == "worse" and (metric.strip() or not colon):
        return Threshold(text, metric.strip())
    match = BOUND.fullmatch(text)
    if match is None:
        raise UsageError(f"'{text}' is not a threshold", where="--fail-if", remedy=remedy)
    try:
        bound = float(NUMBER.parse(match[3]))
    except PydanticCustomError as error:
        message = f"'{match[3]}' is not a number"
        raise UsageError(message, where="--fail-if", remedy=remedy) from error
    return Threshold(text, match[1], match[2], bound)


def breaches(comparison: Comparison, threshold: Threshold) -> list[Breach]:
    """Return what breaches a threshold.

    A bound holds every run, the baseline included, to the figure that the comparison shows of it: the mean
    over replicates, or the metric of the ensemble.

    Raises
    ------
    UsageError
        No run has the metric.
    """
    if threshold.metric and threshold.metric not in comparison.measures:
        raise UsageError(
            f"no run has a metric '{threshold.metric}'" + did_you_mean(threshold.metric, comparison.measures),
            where="--fail-if",
            remedy="metrics that can be compared: cascade compare ... --all",
        )
    return list(_beyond(comparison, threshold) if threshold.operator else _worse(comparison, threshold))


def refuse_breaches(comparison: Comparison, thresholds: Sequence[Threshold]) -> None:
    """Stop if a run breaches a threshold.

    Raises
    ------
    ThresholdError
        With every breach.
    """
    found = [breach for threshold in thresholds for breach in breaches(comparison, threshold)]
    if found:
        said = [_sentence(breach, comparison.measures[breach.metric].unit) for breach in found]
        raise ThresholdError("; ".join(said), where="--fail-if")


def _sentence(breach: Breach, unit: str) -> str:
    value = format_value(breach.value, unit)
    if breach.threshold.operator:
        return (
            f"{breach.metric} of {breach.variant} is {value}, which '{breach.threshold.text}' does not accept"
        )
    return f"{breach.metric} of {breach.variant} is worse than that of the baseline, by {value}"


def _beyond(comparison: Comparison, threshold: Threshold) -> Iterator[Breach]:
    """Yield the runs whose figure lies beyond a bound."""
    is_beyond = OPERATORS[threshold.operator]
    for variant in comparison.variants:
        found = comparison.figure(variant.name, threshold.metric)
        if found is not None and is_beyond(found.value, threshold.bound):
            yield Breach(threshold, variant.name, threshold.metric, found.value)


def _worse(comparison: Comparison, threshold: Threshold) -> Iterator[Breach]:
    """Yield the variants that are detectably worse."""
    metrics = (threshold.metric,) if threshold.metric else comparison.headline
    for variant, differences in comparison.differences.items():
        for metric in metrics:
            found = differences[metric]
            if found.verdict is Verdict.WORSE and found.difference is not None:
                yield Breach(threshold, variant, metric, found.difference.value)

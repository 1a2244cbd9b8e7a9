"""What a scorecard has to meet: `coverage_90<0.75`, `worse:climatology`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from cascade.calibration.baselines import BASELINES
from cascade.calibration.scorecard import AMOUNTS, Scorecard
from cascade.errors import ThresholdError, UsageError
from cascade.experiment.bounds import OPERATORS
from cascade.experiment.comparison import Threshold, parse_threshold
from cascade.scenario.words import did_you_mean, listing

_WHERE: Final = "--fail-if"

_REMEDY: Final = (
    'write "coverage_90<0.75", "liquidated_usd.BTC.log_correlation<0.9", "worse:climatology", or "worse" for any '
    "baseline"
)


def parse_demand(text: str) -> Threshold:
    """Return what a user will not accept of a scorecard.

    Raises
    ------
    UsageError
        With what to write instead.
    """
    found = parse_threshold(text, _REMEDY)
    if not found.operator and found.metric and found.metric not in BASELINES:
        message = f"there is no baseline '{found.metric}'{did_you_mean(found.metric, BASELINES)}"
        raise UsageError(message, where=_WHERE, remedy=f"baselines: {listing(BASELINES)}")
    return found


def refuse_breaches(card: Scorecard, demands: Sequence[Threshold]) -> None:
    """Stop if a scorecard has what is not accepted.

    Raises
    ------
    ThresholdError
        With every breach.
    UsageError
        The scorecard has no such figure.
    """
    said = [sentence for demand in demands for sentence in _breaches(card, demand)]
    if said:
        raise ThresholdError("; ".join(said), where=_WHERE)


def _breaches(card: Scorecard, demand: Threshold) -> Iterator[str]:
    if not demand.operator:
        yield from _worse(card, demand.metric)
        return
    value = card.measures.get(demand.metric)
    if value is None:
        raise UsageError(
            f"the scorecard has no figure '{demand.metric}'{did_you_mean(demand.metric, card.measures)}",
            where=_WHERE, remedy="`measures` of --json lists them",
        )  # fmt: skip
    if OPERATORS[demand.operator](value, demand.bound):
        yield f"{demand.metric} is {value:.4g}, which '{demand.text}' does not accept"


def _worse(card: Scorecard, baseline: str) -> Iterator[str]:
    """Yield the baselines whose CRPS over all amounts is lower for certain.

    Raises
    ------
    UsageError
        If none that is asked for has an interval: a test that cannot fail tests nothing.
    """
    scored = [each for each in card.differences if each.series == AMOUNTS and baseline in {"", each.baseline}]
    if not any(each.difference.low is not None for each in scored):
        told = (
            f"{baseline or 'no baseline'} was not made for what was liquidated"
            if not scored
            else (
                f"{len(card.rows)} figures are too few for an interval against {baseline or 'any baseline'}"
            )
        )
        raise UsageError(
            told, where="--fail-if", remedy="give more events, or a history: see cascade docs score"
        )
    for each in scored:
        low = each.difference.low
        if low is not None and low > 0.0:
            yield f"the simulation scores worse than {each.baseline}, by {each.difference.value:.3g} of CRPS"

"""A threshold and a frontier as a reader sees them: the answer in a sentence, then what was tried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cascade.analysis.formats import MISSING, format_share, format_value, with_ends
from cascade.analysis.statistics import Estimate, about
from cascade.analysis.statistics.crossing import Status
from cascade.experiment.threshold import Frontier, Threshold
from cascade.report.metric_words import event_words
from cascade.report.plain_table import rich_table
from cascade.units import format_duration

if TYPE_CHECKING:
    from rich.console import RenderableType


def field_text(value: float | str | None, unit: str) -> str:
    """Return a value of a scenario's field, in its unit, with four digits."""
    if value is None or isinstance(value, str):
        return value or MISSING
    if unit == "USD":
        return format_value(value, unit)
    if unit == "s":
        return format_duration(float(f"{value:.4g}"))
    if unit == "fraction":
        return format_share(value, 4)
    return f"{value:,.4g}{unit}" if unit == "x" else f"{value:,.4g} {unit}".rstrip()


def probability(estimate: Estimate) -> str:
    """Return a probability with its interval."""
    return with_ends(estimate, format_share)


def interval(found: Threshold) -> str:
    """Return the interval of a threshold; of one that is bounded on one side only, that side."""
    if _is_flat(found):
        return MISSING
    low, high = (None if end is None else field_text(end, found.unit) for end in (found.low, found.high))
    if low and high:
        return f"{low} to {high}"
    return f"above {low}" if low else f"up to {high}" if high else MISSING


def _is_flat(found: Threshold) -> bool:
    """Tell whether the event is as frequent at both ends: nothing says on which side of the range a threshold lies."""
    return found.status is not Status.CROSSED and found.tried[0].happened == found.tried[-1].happened


def threshold_text(found: Threshold) -> str:
    """Return what was found, in a sentence or two."""
    asked, event, share = (
        found.question,
        event_words(found.question.event),
        format_share(found.question.share),
    )
    first, last = found.tried[0], found.tried[-1]
    if found.status is Status.TURNS:
        return (
            f"{event} has no single threshold in {asked.vary}: it comes and goes between "
            f"{field_text(first.value, found.unit)} and {field_text(last.value, found.unit)}."
        )
    if found.status is Status.CROSSED:
        sure = interval(found)
        with_it = f" ({format_share(asked.confidence)} interval: {sure})" if sure != MISSING else ""
        return f"{event} happens {beside(found, field_text(found.value, found.unit) + with_it)}."
    often = "at least" if found.rises else "more than"
    rare = "fewer than" if found.rises else "at most"
    bound = often if (found.status is Status.ALWAYS) is found.rises else rare
    ends = " and ".join(
        f"{probability(each.probability)} at {field_text(each.value, found.unit)}" for each in (first, last)
    )
    known = f" It lies {interval(found)}." if interval(found) != MISSING else ""
    return (
        f"{event} happens in {bound} {share} of replicates over the whole range of {asked.vary}: in {ends}. The "
        f"threshold is not in the range.{known}"
    )


def beside(found: Threshold, value: str) -> str:
    """Return in which replicates the event happens on which side of a value."""
    asked, share = found.question, format_share(found.question.share)
    if found.rises:
        return f"in at least {share} of replicates from {asked.vary} = {value} on"
    return f"in more than {share} of replicates below {asked.vary} = {value}, and in at most {share} from there on"


def remarks(found: Threshold) -> Iterator[str]:
    """Yield what to know of a threshold."""
    asked, n = found.question, found.n
    if found.status is Status.TURNS:
        yield (
            "More replicates turn back between two of these values than luck explains. Look at one part of the "
            f"range: --vary {asked.vary}=LOW..HIGH."
        )
    elif found.status in {Status.NEVER, Status.ALWAYS}:
        yield f"Look elsewhere with --vary {asked.vary}=LOW..HIGH."
    if found.back and found.status is not Status.TURNS:
        yield (
            f"{found.back} of {n} replicates turn back between two of these values; the interval takes each to "
            "turn once."
        )
    if found.status is Status.CROSSED and n < found.least:
        yield f"{n} replicates bound it on one side at most: both take -n {found.least}."
    elif found.needed and found.needed > n:
        of = " of the range" if found.tried[0].value <= 0.0 else ""
        yield f"An interval of ±{format_share(asked.within)}{of} takes about {about(found.needed):,} replicates."
    if found.absent:
        yield (
            f"{asked.event.metric} has no value in {found.absent} of {n * len(found.tried)} runs, which count as ones "
            "in which it did not happen."
        )


def how(found: Threshold) -> str:
    """Return what the figures are."""
    return (
        f"{found.n} replicates of the same luck at each value. The interval is by order statistics, those of "
        "probabilities are Wilson's: cascade docs threshold."
    )


def threshold_rich(found: Threshold) -> list[RenderableType]:
    """Return a threshold for a terminal."""
    rows = [(field_text(each.value, found.unit), f"{each.happened} of {found.n}", probability(each.probability))
            for each in found.tried]  # fmt: skip
    titles = (found.question.vary, "happened", "probability")
    return [threshold_text(found), "", rich_table(titles, rows), "", *remarks(found), how(found)]


def frontier_rich(found: Frontier) -> list[RenderableType]:
    """Return a frontier for a terminal."""
    asked = found.question
    titles = (asked.against, asked.vary, f"{format_share(asked.confidence)} interval", "")
    rows = [
        (
            field_text(each.against, found.against_unit), field_text(each.value, each.unit), interval(each),
            "" if each.status is Status.CROSSED else str(each.status),
        )
        for each in found.thresholds
    ]  # fmt: skip
    said = dict.fromkeys(remark for each in found.thresholds for remark in remarks(each))
    return [line_text(found), "", rich_table(titles, rows), "", *said, how(found.thresholds[0])]


def line_text(found: Frontier) -> str:
    """Return how far a frontier reaches, in a sentence."""
    crossed = [each for each in found.thresholds if each.value is not None]
    event, asked = event_words(found.question.event), found.question
    if not crossed:
        return f"{event}: no threshold in {asked.vary} for any of {len(found.thresholds)} values of {asked.against}."
    ends = [
        f"{field_text(each.value, each.unit)} where {asked.against} = {field_text(each.against, found.against_unit)}"
        for each in (crossed[0], crossed[-1])
    ]
    return f"{event} happens {beside(crossed[0], ', and '.join(dict.fromkeys(ends)))}."


def question_text(found: Threshold) -> str:
    """Return what was asked, in a sentence."""
    asked = found.question
    for_each = f", for each {asked.against}" if asked.against else ""
    event = event_words(asked.event)
    return (
        f"At which {asked.vary} does {event[0].lower()}{event[1:]} begin, or cease, to happen in "
        f"{format_share(asked.share)} of replicates{for_each}?"
    )

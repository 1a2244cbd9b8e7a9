"""A calibration as a reader sees it: what is known in a sentence, each parameter, each figure, and what says what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from cascade.analysis.formats import format_value
from cascade.calibration.fit import Foretold
from cascade.calibration.knowledge import Answer, Known
from cascade.report.plain_table import rich_table
from cascade.report.threshold import field_text

if TYPE_CHECKING:
    from rich.console import RenderableType

_BOUNDS: Final = {
    "both": "",
    "below": "bounded from below only",
    "above": "bounded from above only",
    "neither": "bounded on neither side",
}


def sentences(answer: Answer) -> Iterator[str]:
    """Yield what came of a calibration, in a few sentences."""
    known, fitted = answer.identified, [each for each in answer.foretold if each.is_fitted]
    others = [each.name for each in answer.known if not each.is_identified]
    days = {each.name.partition(".")[0] for each in fitted}
    by = f"{_count(len(fitted), 'figure')} of {_count(len(days), 'day')}"
    if known:
        yield f"Identified by {by}: {', '.join(known)}."
    if others:
        yield f"Not identified by {'these figures' if known else by}: {', '.join(others)}."
    inside = sum(each.is_inside for each in answer.foretold)
    yield f"The 90 % intervals that are foretold hold {inside} of {len(answer.foretold)} observed figures."
    yield from (
        f"No simulation reaches {each.name}: the priors, or the scenario, leave out what happened."
        for each in answer.foretold
        if not each.in_reach
    )


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"


def calibration_rich(answer: Answer) -> Iterator[RenderableType]:
    """Yield what came of a calibration, as rich prints it."""
    yield " ".join(sentences(answer))
    yield _table(
        ("parameter", "prior, 90 %", "median", "90 % interval", "width", ""),
        [
            (
                each.name, _range(*each.prior, each.unit), field_text(each.median, each.unit),
                _range(*each.interval, each.unit), f"{100 * each.width:.0f} %", _said(each),
            )
            for each in answer.known
        ],
    )  # fmt: skip
    yield _table(
        ("figure", "observed", "foretold", "90 % interval", ""),
        [
            (
                each.name, format_value(each.observed, each.unit), format_value(each.median, each.unit),
                f"{format_value(each.low, each.unit)} to {format_value(each.high, each.unit)}", _held(each),
            )
            for each in answer.foretold
        ],
    )  # fmt: skip
    yield _table(
        ("informs (sd, % of the prior's)", *(f"{each.name}: alone, without" for each in answer.known)),
        [
            (each.name, *(f"{100 * alone:.0f}, {100 * without:.0f}" for alone, without in
                          zip(each.alone, each.without, strict=True)))
            for each in answer.informs
        ] + [("all of them", *(f"{100 * width:.0f}" for width in answer.widths))],
    )  # fmt: skip
    if answer.coverage:
        yield _table(
            ("coverage of known truths", "held", "of", "where identified", "of"),
            [
                (each.name, str(each.held), str(each.n), str(each.held_identified), str(each.n_identified))
                for each in answer.coverage
            ],
        )


def _said(known: Known) -> str:
    """Return what is to be said of a parameter."""
    said = ["identified" if known.is_identified else "not identified by these figures", _BOUNDS[known.bounds]]
    said += [f"known with {', '.join(known.together)} only"] if known.together else []
    return "; ".join(filter(None, said))


def _held(each: Foretold) -> str:
    """Return what is to be said of a figure."""
    held = "inside" if each.is_inside else "outside"
    return held if each.is_fitted else f"{held}, not fitted to"


def _range(low: float, high: float, unit: str) -> str:
    return f"{field_text(low, unit)} to {field_text(high, unit)}"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> RenderableType:
    places = range(len(head))
    return rich_table(head, rows, left=places, wraps=places, has_edge=True)

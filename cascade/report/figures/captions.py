"""What captions say of numbers of replicates, bands and time."""

from __future__ import annotations

from cascade.analysis.formats import format_replicates
from cascade.report.builders.study import Study
from cascade.report.figures.spec import Axis, Span

MIDDLE = "bands: 5 to 95 % of the replicates (pale) and the middle half (darker); lines: medians"
NINE_TENTHS = "band: 5 to 95 % of the replicates; line: median"
WHISKERS = "whiskers: 95 % order-statistic interval of the median"


def count(study: Study) -> str:
    """Return the number of replicates the figure rests on."""
    return format_replicates(study.n)


def time(study: Study) -> Axis:
    """Return the axis of time."""
    return Axis(f"time since {study.start}", study.clock.unit)


def spans(study: Study) -> tuple[Span, ...]:
    """Return the shocks as shaded spans."""
    seconds = study.clock.seconds
    return tuple(
        Span(shade.start / seconds, shade.end / seconds, shade.text)
        for shade in study.first.shades if not shade.is_whole
    )  # fmt: skip


def shocks(study: Study) -> str:
    """Return what the grey spans and lines mean, where there are any."""
    shades = study.first.shades
    some, whole = (
        "; ".join(dict.fromkeys(shade.text for shade in shades if shade.is_whole is is_whole))
        for is_whole in (False, True)
    )
    return (f" In grey: {some}." if some else "") + (f" All the time: {whole}." if whole else "")


def of_first(study: Study) -> str:
    """Return of which run a title speaks, where there are several."""
    return f" in {study.first.label}" if study.is_comparison else ""

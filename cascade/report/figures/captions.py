"""What captions say of numbers of replicates, bands and time."""

from __future__ import annotations

from cascade.report.builders.study import Study
from cascade.report.figures.spec import Axis, Span

MIDDLE = "bands: 5 to 95 % of the replicates (pale) and the middle half (darker); lines: medians"
NINE_TENTHS = "band: 5 to 95 % of the replicates; line: median"
WHISKERS = "whiskers: 95 % order-statistic interval of the median"


def count(study: Study) -> str:
    """Return the number of replicates the figure rests on."""
    return f"{study.n:,} replicates" if study.n > 1 else "1 replicate"


def time(study: Study) -> Axis:
    """Return the axis of time."""
    return Axis(f"time since {study.start}", study.clock.unit)


def spans(study: Study) -> tuple[Span, ...]:
    """Return the shocks as shaded spans."""
    seconds = study.clock.seconds
    return tuple(Span(shade.start / seconds, shade.end / seconds, shade.text) for shade in study.first.shades)


def shocks(study: Study) -> str:
    """Return what the grey spans and lines mean, where there are any."""
    texts = list(dict.fromkeys(shade.text for shade in study.first.shades))
    return f" In grey: {'; '.join(texts)}." if texts else ""

"""What is foretold of an event: by a simulation of its scenario, and by each baseline that can be made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from cascade.calibration.baselines import BASELINES, Case, LackError
from cascade.calibration.event_file import Event
from cascade.calibration.figures import Figure, replicate_of, simulated
from cascade.calibration.history import PATH, History, path_column
from cascade.calibration.scores import Forecast, Measured
from cascade.output.reader import Result

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Prediction:
    """What is foretold of one figure.

    Attributes
    ----------
    model
        By the simulation; None where no replicate has a value.
    absent
        Replicates without a value.
    baselines
        By those that could be made.
    lacking
        Why the others could not.
    given
        Range and return of its own day, where the history has them.
    """

    figure: Figure
    model: Forecast | None
    absent: int
    baselines: Mapping[str, Forecast]
    lacking: Mapping[str, str]
    given: Mapping[str, float]

    @property
    def measured(self) -> Measured:
        """Return how it is scored."""
        return Measured.of(self.figure.what, self.figure.unit)


def foretell(event: Event, result: Result, history: History | None) -> dict[str, Prediction]:
    """Return what is foretold of each figure that an event asks for, by its name.

    Parameters
    ----------
    result
        Replicates of the event's scenario.
    """
    replicates = [replicate_of(result, number) for number in result.replicates]
    feeds = event.scope.venues
    return {
        name: _predicted(event, figure, [simulated(figure, each, feeds) for each in replicates], history)
        for name, figure in event.asked.items()
    }


def _predicted(event: Event, figure: Figure, values: Sequence[float], history: History | None) -> Prediction:
    measured = Measured.of(figure.what, figure.unit)
    known = [value for value in values if math.isfinite(value)]
    case = case_of(event, figure, history)
    baselines: dict[str, Forecast] = {}
    lacking: dict[str, str] = {}
    for name, baseline in BASELINES.items():
        try:
            baselines[name] = baseline.make(case)
        except LackError as lack:
            lacking[name] = str(lack)
    model = Forecast.of(known, measured) if known else None
    given = {} if isinstance(case.given, str) else dict(case.given)
    return Prediction(figure, model, len(values) - len(known), baselines, lacking, given)


def case_of(event: Event, figure: Figure, history: History | None) -> Case:
    """Return what was known of a figure before the event, and the path of its day."""
    known = {(each.what, each.asset): each.value for each in event.known}
    measured = Measured.of(figure.what, figure.unit)
    day = day_of(figure)
    if history is None or day is None:
        reason = "the event names no history: add `history:`" if day else _not_a_day(figure)
        return Case(figure, measured, known, history and _before(history, event), reason)
    found = {what: history.value(path_column(what, figure), day) for what in PATH}
    given = {what: value for what, value in found.items() if value is not None}
    return Case(figure, measured, known, history.known(event.start.date(), day), given)


def _before(history: History, event: Event) -> History:
    return history.known(event.start.date(), event.start.date())


def day_of(figure: Figure) -> date | None:
    """Return the day that a figure is of: the only one of which its window holds the better part, and little else."""
    start, end = window_of(figure)
    first = datetime(start.year, start.month, start.day, tzinfo=start.tzinfo)
    n = math.ceil((end - first) / _DAY)
    held = [
        (first + k * _DAY, min(end, first + (k + 1) * _DAY) - max(start, first + k * _DAY)) for k in range(n)
    ]
    mostly = [day for day, share in held if share > _DAY / 2]
    return mostly[0].date() if len(mostly) == 1 else None


def window_of(figure: Figure) -> tuple[datetime, datetime]:
    """Return the window of a figure of an event, which is written out."""
    assert figure.from_ is not None
    assert figure.to is not None
    return figure.from_, figure.to


def _not_a_day(figure: Figure) -> str:
    start, end = window_of(figure)
    hours = (end - start) / timedelta(hours=1)
    return f"the history is by day, and the window of the figure is not: {hours:.3g} h from {start:%Y-%m-%d %H:%M}"

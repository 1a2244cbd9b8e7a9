"""Events that were foretold, without a simulation: draws of a known law, and values of the same or of another."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from cascade.calibration.event_file import Event, load_event
from cascade.calibration.figures import Figure
from cascade.calibration.predictions import Prediction
from cascade.calibration.registration import Registration, Request, open_observed, register
from cascade.calibration.scorecard import Scorecard, card_of
from cascade.calibration.scores import Forecast, Measured

START = datetime(2025, 6, 20, tzinfo=UTC)
USD = Measured.of("liquidated_usd", "USD")
REQUEST = Request("e" * 64, "s" * 64, "", 1, 20)


def of_a_day(number: int, what: str = "liquidated_usd", **changes: object) -> Figure:
    """Return a figure of one of consecutive days."""
    start = START + timedelta(days=number)
    return Figure.model_validate(
        {"what": what, "asset": "BTC", "from": start, "to": start + timedelta(days=1), **changes}
    )


def event_of(folder: Path, figures: dict[str, Figure], values: dict[str, float], name: str = "days") -> Event:
    """Write an event, and return it as it is read."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scenario.yaml").write_text("cascade: 1\n", encoding="utf-8")
    asked = "".join(
        f"  {key}: {{what: {each.what}, asset: {each.asset}, side: {each.side}, "
        f"from: {each.from_:%Y-%m-%dT%H:%MZ}, to: {each.to:%Y-%m-%dT%H:%MZ}}}\n"
        for key, each in figures.items()
    )
    end = max(each.to for each in figures.values() if each.to)
    (folder / "event.yaml").write_text(
        f"event: 1\nname: {name}\ntitle: Days <of June>\nstart: {START:%Y-%m-%dT%H:%MZ}\nend: {end:%Y-%m-%dT%H:%MZ}\n"
        f"scope: {{coins: [BTC]}}\nasked:\n{asked}",
        encoding="utf-8",
    )
    observed = "".join(f"  {key}: {{value: {value:.6f}, source: drawn}}\n" for key, value in values.items())
    (folder / "observed.yaml").write_text(
        f"observed: 1\nevent: {name}\nfigures:\n{observed}", encoding="utf-8"
    )
    return load_event(folder)


def foretold_days(
    folder: Path, n: int, *, replicates: int = 20, spread: float = 0.4, truth: float = 0.4, bias: float = 0.0,
    seed: int = 1,
) -> Scorecard:  # fmt: skip
    """Return the scorecard of days whose totals follow the range of the day with lognormal luck.

    Parameters
    ----------
    spread, truth
        Of the logarithms: of what is foretold, and of what is observed.
    bias
        Added to the logarithms of what is foretold.
    """
    generator = np.random.default_rng(seed)
    ranges = np.exp(generator.normal(1.0, 0.5, n))
    centres = 15.0 + 1.8 * np.log(ranges)
    figures = {f"total_{day:02d}": of_a_day(day) for day in range(n)}
    values = np.exp(centres + truth * generator.normal(size=n))
    line = np.exp(centres[:, None] + 0.6 * np.linspace(-2.0, 2.0, 41))
    nothing = Forecast.of([0.0], USD, is_sample=False)
    predictions = {
        name: Prediction(
            figure,
            Forecast.of(np.exp(centres[day] + bias + spread * generator.normal(size=replicates)), USD),
            0,
            {"none": nothing, "range_line": Forecast.of(line[day], USD, is_sample=False)},
            {"garch_t": "it says nothing of liquidated_usd", "climatology": "the event names no history"},
            {"range_pct": float(ranges[day]), "return_pct": 0.0},
        )
        for day, (name, figure) in enumerate(figures.items())
    }  # fmt: skip
    event = event_of(folder / "days", figures, dict(zip(figures, values.tolist(), strict=True)))
    return scorecard(folder, [(event, predictions)])


def scorecard(folder: Path, foretold: Iterable[tuple[Event, dict[str, Prediction]]]) -> Scorecard:
    """Return the scorecard of events with predictions, registered and opened."""
    made: list[tuple[Event, Registration]] = [
        (event, register(folder, event, REQUEST, predictions)) for event, predictions in foretold
    ]
    return Scorecard(
        tuple(
            card_of(event, registration, open_observed(event, registration)) for event, registration in made
        )
    )

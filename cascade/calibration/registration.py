"""Predictions are written down, with their checksum and the time, before the observed values are opened.

A registration is a file that is written once. Its name has the digest of what was asked: the event, the scenario
with its data, the history, seed and replicates. What is asked again finds it, and it must be what was written; what
is asked differently gets another, beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from cascade.calibration.event_file import Event, load_observed
from cascade.calibration.figures import Figure
from cascade.calibration.predictions import Prediction
from cascade.calibration.scores import LEVELS, Forecast, Measured
from cascade.calibration.sealed import REGISTERED, Opened, Sealed, hash8_of, opened_for, read_sealed, seal
from cascade.data.opening import sha256_of

VERSION: Final = 1


class Request(NamedTuple):
    """What is asked for when an event is foretold."""

    event_sha256: str
    scenario_sha256: str
    history_sha256: str
    seed: int
    replicates: int

    @property
    def hash8(self) -> str:
        """Return the eight digits that name a registration."""
        return hash8_of(VERSION, *self)


Registration: TypeAlias = Sealed[Request, Mapping[str, Prediction]]
"""Predictions of the figures of an event, as they are written down."""


def place_of(folder: Path, event: Event, request: Request) -> Path:
    """Return the file of a registration."""
    return folder / f"{event.name}-{request.hash8}{REGISTERED}"


def register(
    folder: Path, event: Event, request: Request, predictions: Mapping[str, Prediction]
) -> Registration:
    """Write predictions down, once, and return them as they were written.

    Raises
    ------
    ResultsError
        The file is there: what was registered is never written again.
    """
    path = place_of(folder, event, request)
    said = {
        "cascade_registration": VERSION, "event": event.name, "title": event.title, **request._asdict(),
        "predictions": {name: _record(each) for name, each in predictions.items()},
    }  # fmt: skip
    seal(path, said, event.observed)
    return read_registration(path)


def registered(folder: Path, event: Event, request: Request) -> Registration | None:
    """Return the registration of a request, or None if there is none yet.

    Raises
    ------
    ResultsError
        It is not what was written.
    """
    path = place_of(folder, event, request)
    return read_registration(path) if path.exists() else None


def read_registration(path: Path) -> Registration:
    """Return the registration in a file, once it is found to be what was written.

    Raises
    ------
    ResultsError
        If it is not, or cannot be read.
    """
    return read_sealed(path, ("cascade_registration", VERSION), _parsed)


def open_observed(event: Event, registration: Registration) -> Opened[Mapping[str, float]]:
    """Return what was observed; it takes a registration, and no other function opens these values.

    Raises
    ------
    ScenarioError
        With everything that is wrong with the observed file, and where.
    """
    moment = datetime.now(UTC)
    values = {name: each.value for name, each in load_observed(event).items()}
    kin = f"{event.name}-????????{REGISTERED}"
    return opened_for(registration, kin, values, moment, sha256_of(event.observed))


def _parsed(said: Mapping[str, Any]) -> tuple[Request, Mapping[str, Prediction]]:
    request = Request(*(said[name] for name in Request._fields))
    return request, {name: _prediction(each) for name, each in said["predictions"].items()}


def _record(prediction: Prediction) -> dict[str, Any]:
    """Return a prediction as JSON: each distribution with its quantiles and all its draws."""
    figure = prediction.figure.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {
        "figure": figure, "scale": str(prediction.measured.scale), "absent": prediction.absent,
        "model": None if prediction.model is None else _distribution(prediction.model),
        "baselines": {name: _distribution(each) for name, each in prediction.baselines.items()},
        "lacking": dict(prediction.lacking), "given": dict(prediction.given),
    }  # fmt: skip


def _distribution(forecast: Forecast) -> dict[str, Any]:
    quantiles = {f"{100 * share:g}": forecast.quantile(share) for share in LEVELS}
    return {
        "quantiles": quantiles, "method": forecast.method, "is_sample": forecast.is_sample,
        "draws": list(forecast.draws),
    }  # fmt: skip


def _prediction(said: Mapping[str, Any]) -> Prediction:
    figure = Figure.model_validate(said["figure"])
    measured = Measured.of(figure.what, figure.unit)

    def forecast(each: Mapping[str, Any]) -> Forecast:
        return Forecast.of(each["draws"], measured, is_sample=each["is_sample"])

    model = None if said["model"] is None else forecast(said["model"])
    baselines = {name: forecast(each) for name, each in said["baselines"].items()}
    return Prediction(figure, model, said["absent"], baselines, said["lacking"], said["given"])

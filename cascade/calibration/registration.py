"""Predictions are written down, with their checksum and the time, before the observed values are opened.

A registration is a file that is written once. Its name has the digest of what was asked: the event, the scenario
with its data, the history, seed and replicates. What is asked again finds it, and it must be what was written; what
is asked differently gets another, beside it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from cascade import provenance
from cascade.calibration.event_file import Event, load_observed
from cascade.calibration.figures import Figure
from cascade.calibration.predictions import Prediction
from cascade.calibration.scores import LEVELS, Forecast, Measured
from cascade.errors import ResultsError
from cascade.output.checksums import record_of
from cascade.output.manifest import software_version, write_atomically

VERSION: Final = 1

ALTERED, UNREADABLE = "CAS320", "CAS321"

_SEAL: Final = "sha256"
_REGISTERED, _OPENED = ".registered.json", ".opened.json"


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
        return _sha256(json.dumps([VERSION, *self]))[:8]


@dataclass(frozen=True)
class Registration:
    """Predictions as they are written down.

    Attributes
    ----------
    sha256
        Of all that the file says.
    """

    path: Path
    event: str
    registered: datetime
    sha256: str
    request: Request
    predictions: Mapping[str, Prediction]


@dataclass(frozen=True)
class Opened:
    """The observed values, and when they were opened.

    Attributes
    ----------
    opened
        When they first were for this registration.
    sha256
        Of the file of observed values.
    is_changed
        Whether that file was another when it was first opened.
    seen
        When another registration of the event opened values before this one was made; None if none did.
    others
        Further registrations of the event in the folder.
    """

    values: Mapping[str, float]
    opened: datetime
    sha256: str
    is_changed: bool
    seen: datetime | None
    others: int


def place_of(folder: Path, event: Event, request: Request) -> Path:
    """Return the file of a registration."""
    return folder / f"{event.name}-{request.hash8}{_REGISTERED}"


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
        "registered": _text(datetime.now(UTC)), **provenance.software(software_version()),
        "predictions": {name: _record(each) for name, each in predictions.items()},
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    _write_once(path, {**said, _SEAL: _sum(said)})
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
    said = _record_in(path)
    sealed = said.pop(_SEAL, "")
    if said.get("cascade_registration") != VERSION:
        raise ResultsError(
            "this is no registration that this version of Cascade reads", where=str(path), code=UNREADABLE,
            remedy=f"it reads version {VERSION}; move the file away, and the predictions are registered anew, now",
        )  # fmt: skip
    if sealed != _sum(said):
        raise ResultsError(
            "this registration was altered after it was written: its checksum differs",
            where=str(path), code=ALTERED,
            remedy="put the file back as it was; or move it away, and the predictions are registered anew, now",
        )  # fmt: skip
    request = Request(*(said[name] for name in Request._fields))
    predictions = {name: _prediction(each) for name, each in said["predictions"].items()}
    moment = datetime.fromisoformat(said["registered"])
    return Registration(path, said["event"], moment, sealed, request, predictions)


def open_observed(event: Event, registration: Registration) -> Opened:
    """Return what was observed; it takes a registration, and no other function opens these values.

    Raises
    ------
    ScenarioError
        With everything that is wrong with the observed file, and where.
    """
    moment = datetime.now(UTC)
    values = {name: each.value for name, each in load_observed(event).items()}
    sha256 = _sha256(event.observed.read_bytes())
    path = registration.path.with_name(registration.path.name.replace(_REGISTERED, _OPENED))
    if not path.exists():
        said = {
            "opened": _text(moment),
            "observed_sha256": sha256,
            "registration_sha256": registration.sha256,
        }
        write_atomically(path, json.dumps(said, indent=2) + "\n")
    first = _record_in(path)
    return Opened(
        values, datetime.fromisoformat(first["opened"]), sha256, first["observed_sha256"] != sha256,
        *_others(event, registration),
    )  # fmt: skip


def _others(event: Event, registration: Registration) -> tuple[datetime | None, int]:
    """Return when other registrations of the event had opened values before this one, and how many there are."""
    folder, own = registration.path.parent, registration.path.name
    known = [each for each in folder.glob(f"{event.name}-????????{_REGISTERED}") if each.name != own]
    opened = [each.with_name(each.name.replace(_REGISTERED, _OPENED)) for each in known]
    times = [datetime.fromisoformat(_record_in(each)["opened"]) for each in opened if each.exists()]
    before = [each for each in times if each < registration.registered]
    return min(before, default=None), len(known)


def _write_once(path: Path, said: Mapping[str, Any]) -> None:
    """Write a file that is whole or absent, and never takes the place of another."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    write_atomically(temporary, json.dumps(said, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise ResultsError(
            "another process has just registered the same", where=str(path), code="CAS605",
            remedy="ask again: what was registered is taken as it is",
        ) from None  # fmt: skip
    finally:
        temporary.unlink()


def _record_in(path: Path) -> dict[str, Any]:
    try:
        return record_of(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultsError(
            f"this file cannot be read: {error}", where=str(path), code=UNREADABLE,
            remedy="put the file back as it was; or move it away, and it is made anew, now",
        ) from None  # fmt: skip


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


def _sum(said: Mapping[str, Any]) -> str:
    return _sha256(json.dumps(said, sort_keys=True, ensure_ascii=True, allow_nan=False))


def _sha256(content: str | bytes) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")

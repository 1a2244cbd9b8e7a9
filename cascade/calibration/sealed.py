"""Records that are written once, with a checksum of all that they say, and when the values they foretell were opened."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from cascade import provenance
from cascade.data.opening import sha256_of
from cascade.errors import ResultsError
from cascade.output.checksums import record_of
from cascade.output.manifest import software_version, write_atomically

ALTERED, UNREADABLE = "CAS320", "CAS321"

REGISTERED: Final = ".registered.json"
"""End of the name of a registration, after that of the event and eight digits of what was asked."""

_OPENED: Final = ".opened.json"
_SEAL: Final = "sha256"

Asked = TypeVar("Asked")
Foretold = TypeVar("Foretold")
Values = TypeVar("Values")


@dataclass(frozen=True)
class Sealed(Generic[Asked, Foretold]):
    """A registration: what was asked, what is foretold, and when that was written down.

    Attributes
    ----------
    sha256
        Of all that the file says.
    observed_sha256
        Of the file of observed values that lay there then and was not opened; empty where there was none.
    """

    path: Path
    event: str
    registered: datetime
    sha256: str
    request: Asked
    predictions: Foretold
    observed_sha256: str = ""


@dataclass(frozen=True)
class Opened(Generic[Values]):
    """The observed values, and when they were opened.

    Attributes
    ----------
    opened
        When they first were for this registration.
    sha256
        Of the file of observed values.
    is_changed
        Whether that file was another when predictions were registered, or when it was first opened.
    seen
        When another registration of the event opened values before this one was made; None if none did.
    others
        Further registrations of the event in the folder.
    """

    values: Values
    opened: datetime
    sha256: str
    is_changed: bool
    seen: datetime | None
    others: int


def hash8_of(*asked: Any) -> str:
    """Return the eight digits that name a registration of what was asked."""
    return provenance.sha256(json.dumps(asked))[:8]


def seal(path: Path, said: Mapping[str, Any], observed: Path) -> None:
    """Write a registration down, once; of the observed values there is only the checksum of their file in it.

    Raises
    ------
    ResultsError
        The file is there: what was registered is never written again.
    """
    whole = {
        **said, "observed_sha256": sha256_of(observed) if observed.is_file() else "",
        "registered": _text(datetime.now(UTC)), **provenance.software(software_version()),
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    _write_once(path, {**whole, _SEAL: _sum(whole)})


def read_sealed(
    path: Path, version: tuple[str, int], parsed: Callable[[Mapping[str, Any]], tuple[Asked, Foretold]]
) -> Sealed[Asked, Foretold]:
    """Return a registration, once it is found to be what was written.

    Parameters
    ----------
    version
        That is read, and the key under which a registration says its own.

    Raises
    ------
    ResultsError
        If it is not, or cannot be read.
    """
    said = _record_in(path)
    sealed = said.pop(_SEAL, "")
    if said.get(version[0]) != version[1]:
        raise ResultsError(
            "this is no registration that this version of Cascade reads", where=str(path), code=UNREADABLE,
            remedy=f"it reads version {version[1]}; move the file away, and the predictions are registered anew, now",
        )  # fmt: skip
    if sealed != _sum(said):
        raise ResultsError(
            "this registration was altered after it was written: its checksum differs",
            where=str(path), code=ALTERED,
            remedy="put the file back as it was; or move it away, and the predictions are registered anew, now",
        )  # fmt: skip
    registered = datetime.fromisoformat(said["registered"])
    return Sealed(path, said["event"], registered, sealed, *parsed(said), said.get("observed_sha256", ""))


def opened_for(
    made: Sealed[Any, Any], kin: str, values: Values, moment: datetime, sha256: str
) -> Opened[Values]:
    """Return values that were just opened for a registration, and keep when they first were.

    Parameters
    ----------
    kin
        Pattern of the names of all registrations of the event that foretell the same.
    sha256
        Of the file of the values.
    """
    path = _opening_of(made.path)
    if not path.exists():
        said = {"opened": _text(moment), "observed_sha256": sha256, "registration_sha256": made.sha256}
        write_atomically(path, json.dumps(said, indent=2) + "\n")
    first = _record_in(path)
    is_changed = bool({first["observed_sha256"], made.observed_sha256 or sha256} - {sha256})
    opened = datetime.fromisoformat(first["opened"])
    return Opened(values, opened, sha256, is_changed, *_others(made, kin))


def _opening_of(registration: Path) -> Path:
    return registration.with_name(registration.name.replace(REGISTERED, _OPENED))


def _others(made: Sealed[Any, Any], kin: str) -> tuple[datetime | None, int]:
    """Return when other registrations of the event had opened values before this one, and how many there are."""
    known = [each for each in made.path.parent.glob(kin) if each.name != made.path.name]
    opened = [_opening_of(each) for each in known]
    times = [datetime.fromisoformat(_record_in(each)["opened"]) for each in opened if each.exists()]
    before = [each for each in times if each <= made.registered]
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


def _sum(said: Mapping[str, Any]) -> str:
    return provenance.sha256(json.dumps(said, sort_keys=True, ensure_ascii=True, allow_nan=False))


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")

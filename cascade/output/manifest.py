"""The manifest of a run: written last and atomically, so that its presence means complete."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cascade import provenance
from cascade.errors import ResultsError
from cascade.output.checksums import forbidden, record_of, sealed, unsealed
from cascade.output.schemas import RESULTS_VERSION

MANIFEST: Final = "manifest.json"
SCENARIO: Final = "scenario.yaml"
RESOLVED: Final = "scenario.resolved.yaml"

FILES: Final = "files"
"""Key of the files that the results are made of, each with its checksum."""


def software_version() -> str:
    """Return the version of Cascade."""
    import cascade

    return cascade.__version__


def made_by(kind: str) -> dict[str, Any]:
    """Return the beginning of a manifest: of what it is, and the software that made it."""
    return {
        "results_version": ".".join(map(str, RESULTS_VERSION)),
        **provenance.software(software_version()),
        "kind": kind,
    }


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that it is either absent, as before, or whole, even after a power cut."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def write(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest of a run whose every other file is already in place."""
    text = json.dumps(sealed(manifest), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomically(folder / MANIFEST, text)


def add_files(folder: Path, sums: Mapping[str, int]) -> None:
    """Count files that were written later among those of complete results."""
    manifest = load(folder)
    write(folder, {**manifest, FILES: {**manifest[FILES], **sums}})


def load(folder: Path) -> dict[str, Any]:
    """Return the manifest of a complete run of a version this Cascade can read."""
    path = folder / MANIFEST
    try:
        record = record_of(path.read_text(encoding="utf-8"))
        if "results_version" not in record:
            raise _foreign(folder)
        _refuse_newer(str(record["results_version"]), folder)
        return unsealed(record)
    except (FileNotFoundError, NotADirectoryError):
        raise _missing(folder) from None
    except PermissionError:
        raise forbidden(path, "CAS603") from None
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(error)) from error


def _refuse_newer(version: str, folder: Path) -> None:
    """Raise if results are of a version whose parts may mean something else."""
    if int(version.partition(".")[0]) > RESULTS_VERSION[0]:
        raise ResultsError(
            f"these results have version {version}, newer than the "
            f"{'.'.join(map(str, RESULTS_VERSION))} that this Cascade ({software_version()}) reads",
            where=str(folder),
            remedy="upgrade Cascade, or run the scenario again with this version",
            code="CAS604",
        )


def _unreadable(path: Path, why: str) -> ResultsError:
    return ResultsError(
        f"the manifest cannot be read: {why}",
        where=str(path),
        remedy="ask for the same again: the manifest is written anew, and nothing else",
        code="CAS603",
    )


def _foreign(folder: Path) -> ResultsError:
    return ResultsError(
        "this folder does not hold results of Cascade",
        where=str(folder),
        remedy="give a folder with a manifest.json, as `cascade run` makes it",
        code="CAS601",
    )


def _missing(folder: Path) -> ResultsError:
    """Return the error for a path without a manifest: a file, unfinished, foreign or not there."""
    if folder.is_file():
        return ResultsError(
            "this is a file, not a folder of results",
            where=str(folder),
            remedy=f"give its folder: {folder.parent}",
            code="CAS601",
        )
    if not folder.is_dir():
        return ResultsError(
            "there is no such folder",
            where=str(folder),
            remedy="give the folder that `cascade run` printed",
            code="CAS600",
        )
    if not any((folder / name).exists() for name in (RESOLVED, "variants")):
        return _foreign(folder)
    return ResultsError(
        "the run has not finished: there is no manifest.json",
        where=str(folder),
        remedy="ask for the run again: it goes on where it stopped; or read the finished replicates with "
        "cascade.read(folder, partial=True)",
        code="CAS602",
    )

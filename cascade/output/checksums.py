"""Whether what is on disk is still what was written: checksums of whole files, and of records in themselves.

A checksum finds what a disk, a copy or an editor did. It keeps nobody out who writes a new one.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from cascade.errors import ResultsError

BLOCK: Final = 1 << 20

FORBIDDEN: Final = "you have no permission to read it"
"""What is wrong with a file that may be sound for all we know."""

SEAL: Final = "checksum"
"""Key under which a record carries the checksum of all else in it."""


def crc_of(path: Path) -> int:
    """Return the CRC-32 of a file."""
    crc = 0
    with path.open("rb", buffering=0) as file:
        while block := file.read(BLOCK):
            crc = zlib.crc32(block, crc)
    return crc


def crc_of_text(text: str) -> int:
    """Return the CRC-32 of a file of this text."""
    return zlib.crc32(text.encode())


def fault(path: Path, crc: int) -> Iterator[str]:
    """Yield what is wrong with a file, if anything is."""
    try:
        if crc_of(path) != crc:
            yield "its checksum differs"
    except FileNotFoundError:
        yield "it is gone"
    except PermissionError:
        yield FORBIDDEN
    except OSError as error:
        yield " ".join(str(error).split())


def damaged(path: Path, problem: str) -> ResultsError:
    """Return the error for a file that is missing or damaged, or that may not be read."""
    if problem == FORBIDDEN:
        return forbidden(path, "CAS609")
    return ResultsError(
        f"this file of the results is missing or damaged: {problem}",
        where=str(path),
        remedy="ask for the same again: what is damaged is found and made anew",
        code="CAS609",
    )


def forbidden(path: Path, code: str) -> ResultsError:
    """Return the error for a file that the user may not read."""
    return ResultsError(
        f"of this file of the results nothing is known: {FORBIDDEN}", where=str(path),
        remedy="have its owner give you leave to read the folder and all in it", code=code,
    )  # fmt: skip


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record that carries its own checksum."""
    return {**record, SEAL: _sum_of(record)}


def record_of(text: str) -> dict[str, Any]:
    """Return the record that a text in JSON is; raises ValueError where it is none."""
    try:
        record = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(record, dict):
        raise ValueError("it is no record")  # noqa: TRY004
    return record


def unsealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a record was before it was sealed; raises ValueError where it is no longer what was sealed."""
    if SEAL not in record:
        raise ValueError("it carries no checksum of its own")
    if record[SEAL] != _sum_of(record):
        raise ValueError("it is not what was written")
    return {name: value for name, value in record.items() if name != SEAL}


def _sum_of(record: Mapping[str, Any]) -> int:
    said = {name: value for name, value in record.items() if name != SEAL}
    return zlib.crc32(json.dumps(said, sort_keys=True).encode())

"""The log of a run: what was done when, and by which version, across interruptions."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from functools import cache
from os import getpid
from pathlib import Path
from typing import Any, Final

from cascade import provenance
from cascade.output.checksums import record_of
from cascade.output.manifest import software_version
from cascade.output.schemas import RESULTS_VERSION

LOG: Final = "log.jsonl"


def note(folder: Path, event: str, **facts: Any) -> None:
    """Add a line to the log of a run."""
    line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **facts}
    with (folder / LOG).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def events(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a log; one that a kill cut short, or that is damaged, is left out."""
    try:
        lines = (folder / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [line for line in map(_parsed, lines) if "event" in line]


def _parsed(line: str) -> dict[str, Any]:
    """Return a line as a record, an empty one where it is damaged."""
    try:
        return record_of(line)
    except ValueError:
        return {}


def checksums(folder: Path) -> dict[str, int]:
    """Return the files below a folder, as each was written last, with its checksum; those removed are left out."""
    found: dict[str, Any] = {}
    for each in events(folder):
        sums = each.get("checksums")
        found |= sums if isinstance(sums, dict) else {}
    return {name: crc for name, crc in found.items() if crc is not None}


@cache
def software() -> dict[str, str]:
    """Return what decides whether two processes give identical rows."""
    return {
        "results_version": ".".join(map(str, RESULTS_VERSION)),
        "cascade": software_version(),
        "fingerprint": provenance.platform_facts()["fingerprint"],
    }


def session() -> dict[str, Any]:
    """Return the line that opens a session."""
    return {**software(), "host": platform.node(), "process": getpid()}

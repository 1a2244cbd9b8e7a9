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
from cascade.output.manifest import software_version
from cascade.output.schemas import RESULTS_VERSION

LOG: Final = "log.jsonl"

DECISIVE: Final = ("results_version", "cascade", "fingerprint")
"""What must be the same for rows of two sessions to stand in one run."""


def note(folder: Path, event: str, **facts: Any) -> None:
    """Add a line to the log of a run."""
    line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **facts}
    with (folder / LOG).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def events(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a log; one that a kill cut short is left out."""
    try:
        lines = (folder / LOG).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    found: list[dict[str, Any]] = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


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

"""Which software made what a folder holds: rows of different versions do not fit together."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, Final

from cascade.errors import ResultsError
from cascade.output import log
from cascade.output import manifest as manifests

DECISIVE: Final = ("results_version", "cascade", "fingerprint")
"""What must be the same for rows of two sessions to stand in one run."""


def refuse_other_software(folder: Path) -> None:
    """Raise if the rows in a folder come from a version that may give others."""
    now = log.software()
    for then in _makers(folder):
        differing = [name for name in DECISIVE if then.get(name) != now[name]]
        if differing:
            facts = ", ".join(f"{name} {then.get(name)} then, {now[name]} now" for name in differing)
            raise ResultsError(
                f"this run was begun by other software ({facts}): its rows and ours would not fit together",
                where=str(folder),
                remedy="use --force to start over, -o to run it elsewhere, or the software that began it; "
                "what is complete can be read as it is",
                code="CAS604",
            )


def _makers(folder: Path) -> list[dict[str, Any]]:
    """Return what the log and the manifest of a folder say of the software that made it."""
    found = [each for each in log.events(folder) if each["event"] in ("started", "resumed")][:1]
    with contextlib.suppress(ResultsError):  # one that cannot be read says nothing
        made = manifests.load(folder)
        found.append(
            {
                "results_version": made["results_version"],
                "cascade": made["cascade"]["version"],
                "fingerprint": made["platform"]["fingerprint"],
            }
        )
    return found

"""One writer per results folder: a claim file that names the process which writes it."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Final

from cascade.errors import ResultsError

CLAIM: Final = ".writing"


def claim(folder: Path) -> None:
    """Claim a folder for this process, or refuse while another living process holds it.

    The claim of a process that was killed is void; on another host that can't be told, and it counts.
    """
    refuse_if_held(folder)
    path = folder / CLAIM
    path.unlink(missing_ok=True)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        raise _held(folder) from None
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{platform.node()} {os.getpid()}")


def refuse_if_held(folder: Path) -> None:
    """Raise if another living process is writing the folder."""
    try:
        host, _, process = (folder / CLAIM).read_text().rpartition(" ")
    except FileNotFoundError:
        return
    if process == str(os.getpid()) or (host == platform.node() and not _is_alive(process)):
        return
    raise _held(folder)


def release(folder: Path) -> None:
    """Give up the claim on a folder."""
    (folder / CLAIM).unlink(missing_ok=True)


def _is_alive(process: str) -> bool:
    """Tell whether a process of this host may still be alive; only POSIX lets us ask."""
    if os.name != "posix" or not process.isdecimal():
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _held(folder: Path) -> ResultsError:
    """Return the error for a folder that somebody else is writing."""
    return ResultsError(
        "another process is writing this run",
        where=str(folder),
        remedy=f"wait for it, or, if it is gone, delete {folder / CLAIM}",
        code="CAS606",
    )

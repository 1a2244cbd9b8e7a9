"""One writer per results folder: a claim file that names the process which writes it, and is touched while it lives.

A claim holds for all folders below, so a sweep has one. It is void once its process is gone. Where that can't be
told (on another host, in another container, where a new process may have its number), it is void after a silence.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import platform
import threading
import time
from pathlib import Path
from typing import Any, Final

from cascade.errors import ResultsError
from cascade.output.checksums import record_of

CLAIM: Final = ".writing"

BEAT_S: Final = 10.0
"""Seconds between two touches of a claim."""

SILENCE_S: Final = 120.0
"""Seconds without a touch after which a process counts as gone."""

_held: Final[set[Path]] = set()
"""Folders that this process has claimed."""


def claim(folder: Path) -> None:
    """Claim a folder for this process, or refuse while another living process holds it."""
    refuse_if_held(folder)
    if _is_ours(folder):
        return
    path = folder / CLAIM
    path.unlink(missing_ok=True)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        raise _refusal(folder, {}, 0.0) from None
    with os.fdopen(descriptor, "w") as file:
        json.dump({"host": _host(), "process": os.getpid(), "born": _born(os.getpid())}, file)
    _held.add(folder.resolve())
    _start_beating()


def refuse_if_held(folder: Path) -> None:
    """Raise if another living process is writing the folder."""
    path = folder / CLAIM
    if _is_ours(folder):
        return
    try:
        holder, touched = _holder(path), path.stat().st_mtime
    except FileNotFoundError:
        return
    silence = _now(folder) - touched
    if _may_live(holder, silence):
        raise _refusal(folder, holder, silence)


def release(folder: Path) -> None:
    """Give up the claim on a folder; one that holds for it from above stays."""
    if folder.resolve() in _held:
        _held.discard(folder.resolve())
        (folder / CLAIM).unlink(missing_ok=True)


def _is_ours(folder: Path) -> bool:
    place = folder.resolve()
    return not _held.isdisjoint((place, *place.parents))


def _holder(path: Path) -> dict[str, Any]:
    """Return who a claim names; nobody, while it is being written."""
    try:
        found = record_of(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    kinds = {"host": str, "process": int, "born": str}
    return found if all(isinstance(found.get(key), kind) for key, kind in kinds.items()) else {}


def _may_live(holder: dict[str, Any], silence: float) -> bool:
    """Tell whether the process that holds a claim may be alive."""
    if holder.get("host") != _host():
        return silence < SILENCE_S
    if not _is_there(holder["process"]):
        return False
    born = _born(holder["process"])
    return holder["born"] == born if born else silence < SILENCE_S


def _is_there(process: int) -> bool:
    """Tell whether there may be a process of this number; only POSIX lets us ask."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _born(process: int) -> str:
    """Return when a process began, in ticks since the machine did; empty where the system does not say."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _host() -> str:
    """Return a name for where numbers of processes mean the same: a host, or a container on it."""
    try:
        return f"{platform.node()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return platform.node()


def _now(folder: Path) -> float:
    """Return the time by the clock of the disk, which another host may keep."""
    probe = folder / f"{CLAIM}-{os.getpid()}"
    try:
        probe.touch()
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


@functools.cache
def _start_beating() -> None:
    threading.Thread(target=_beat, name="claims", daemon=True).start()


def _beat() -> None:
    """Touch what we hold, for as long as we live."""
    while True:
        time.sleep(BEAT_S)
        for folder in tuple(_held):
            with contextlib.suppress(OSError):
                os.utime(folder / CLAIM)


def _refusal(folder: Path, holder: dict[str, Any], silence: float) -> ResultsError:
    """Return the error for a folder that somebody else is writing."""
    who = f", number {holder['process']} on {holder['host'].partition(' ')[0]}," if holder else ""
    return ResultsError(
        f"another process{who} is writing this run; it was heard of {max(silence, 0):.0f} s ago",
        where=str(folder),
        remedy=f"wait for it; if it is gone, ask again {SILENCE_S:.0f} s after it was last heard of, "
        f"or delete {folder / CLAIM}",
        code="CAS606",
    )

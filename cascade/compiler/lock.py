"""A lock that processes of one machine share, so that one compiles while the others wait for what it leaves."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a POSIX system: there, everybody compiles
    fcntl = None


@contextlib.contextmanager
def locked(path: Path) -> Generator[None]:
    """Hold the lock of a file, which the system releases if the process dies.

    Where the file system has no locks nobody waits, and the same is compiled more than once.
    """
    with path.open("w") as file:
        if fcntl is not None:
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield

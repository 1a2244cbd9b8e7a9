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

    Where the file system has no locks, or no room for the file, nobody waits, and the same is compiled more than once.
    """
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            file = held.enter_context(path.open("w"))
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
        yield

"""What the file system refuses, in the user's words."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Generator
from pathlib import Path

from cascade.errors import ResultsError

_KEPT = "everything finished is kept; ask for the same again to go on"

_SAYINGS = {
    errno.ENOSPC: ("the disk is full", f"make room, or choose another disk with -o; {_KEPT}"),
    errno.EDQUOT: ("the disk quota is used up", f"make room, or choose another disk with -o; {_KEPT}"),
    errno.EROFS: ("the file system is read-only", "choose a folder you may write to with -o"),
    errno.EACCES: ("this folder may not be written to", "choose a folder you may write to with -o"),
    errno.EPERM: ("this folder may not be written to", "choose a folder you may write to with -o"),
    errno.ENOTDIR: ("a part of this path is a file", "choose another folder with -o"),
    errno.EMFILE: ("too many files are open", f"raise the limit (ulimit -n) or lower --jobs; {_KEPT}"),
}


@contextlib.contextmanager
def writing(folder: Path) -> Generator[None]:
    """Turn what the file system says while results are written into an error with its remedy."""
    try:
        yield
    except OSError as error:
        raise refusal(folder, error) from error


def refusal(folder: Path, error: OSError) -> ResultsError:
    """Return the error for results that could not be written."""
    problem, remedy = _SAYINGS.get(error.errno or 0, (f"results cannot be written: {error}", _KEPT))
    return ResultsError(problem, where=str(error.filename or folder), remedy=remedy, code="CAS608")

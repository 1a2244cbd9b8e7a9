"""Where this copy of Cascade was installed from, the command that installs more, its cache, and the cores it may use."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Final, TypeVar

DISTRIBUTION: Final = "cascade-liquidations"
"""The name that installers know. On the public index `cascade` alone is somebody else's package."""

T = TypeVar("T")

_PACKAGE = Path(__file__).resolve().parent


def install_command(extra: str = "") -> str:
    """Return what installs this copy again, with an extra, into the Python that runs.

    Never by a name that an index may have given to others: a checkout is installed from its folder, any
    other copy from the address that its installer wrote down.
    """
    extras = f"[{extra}]" if extra else ""
    if (_PACKAGE.parent / "pyproject.toml").is_file():
        words = ["-e", f"{_PACKAGE.parent}{extras}"]
    elif (origin := _origin()) is not None:
        words = [_requirement(extras, origin)]
    else:
        return f"install Cascade{extras} again from where this copy was taken"
    return shlex.join([sys.executable, "-m", "pip", "install", *words])


def _origin() -> dict[str, Any] | None:
    """Return what the installer wrote down (PEP 610), nothing if an index had it; None if nobody installed it."""
    try:
        found = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return None
    if Path(str(found.locate_file(_PACKAGE.name))).resolve() != _PACKAGE:
        return None  # another copy than the one that runs
    return json.loads(found.read_text("direct_url.json") or "{}")


def _requirement(extras: str, origin: dict[str, Any]) -> str:
    """Return what the installer is told to install."""
    if not origin:
        return f"{DISTRIBUTION}{extras}"
    url = str(origin["url"])
    if "dir_info" in origin:
        from urllib.parse import urlsplit
        from urllib.request import url2pathname  # with it come http, ssl and mail

        return f"{url2pathname(urlsplit(url).path)}{extras}"
    if "vcs_info" in origin:
        url = f"{origin['vcs_info']['vcs']}+{url}@{origin['vcs_info']['commit_id']}"
    if "subdirectory" in origin:
        url = f"{url}#subdirectory={origin['subdirectory']}"
    return f"{DISTRIBUTION}{extras} @ {url}"


def cores() -> int:
    """Return the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cache_folder(name: str) -> Path | None:
    """Return a folder that can be written and is kept from run to run; None where this machine has none.

    Tried in order: CASCADE_CACHE_DIR, the user's cache, temporary files of this user.
    """
    for root in _roots():
        folder = root / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return None


def _roots() -> Iterator[Path]:
    if named := os.environ.get("CASCADE_CACHE_DIR"):
        yield Path(named)
    with contextlib.suppress(RuntimeError):  # a user who has no home
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "cascade"
    with contextlib.suppress(OSError):  # a machine that keeps no temporary files
        root = Path(tempfile.gettempdir()) / f"cascade-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
        if _is_own(root):
            yield root


def _is_own(root: Path) -> bool:
    """Make a folder among everybody's files; tell whether no other user can write there: what is kept is run."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = root.lstat()
    others = stat.S_IWGRP | stat.S_IWOTH
    return not hasattr(os, "getuid") or (
        stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & others
    )


def keep(path: Path, content: bytes) -> None:
    """Write a file of the cache whole: whoever reads it meanwhile, or writes it too, finds one or the other."""
    begun = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        begun.write_bytes(content)
        begun.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            begun.unlink()  # of a full disk nothing is taken
        raise


def digest_of(folder: Path, files: Iterable[Path], also: str = "") -> str:
    """Return what names a version of some files below a folder, by their places in it and all they say."""
    import hashlib

    found = hashlib.sha256(also.encode())
    for path in sorted(files):
        found.update(f"{path.relative_to(folder).as_posix()}\n".encode())
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def keep_hashed(path: Path, content: bytes) -> None:
    """Write a file of the cache whole, with a hash by which `hashed` knows it."""
    keep(path, f"{_hash(content)}\n".encode() + content)


def hashed(path: Path) -> bytes | None:
    """Return what was kept with its hash; None where nothing was, or not all of it is there as it was written."""
    try:
        digest, _, content = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return content if digest.decode(errors="replace") == _hash(content) else None


def kept_or_made(path: Path, make: Callable[[], T]) -> T:
    """Return what a file of the cache holds, where it is there and whole; else make it, and keep it."""
    import pickle

    content = hashed(path)
    if content is not None:
        return pickle.loads(content)
    made = make()
    with contextlib.suppress(OSError):
        keep_hashed(path, pickle.dumps(made))
    return made


def _hash(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()

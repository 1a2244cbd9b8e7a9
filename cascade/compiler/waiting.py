"""Who waits for the compiler: told what is compiled, and for how long, as far as this machine has shown.

Beside the code of an entry point lies a file that says how many seconds it took. Folders of earlier
kernels stay, so that an upgrade knows what compiling takes here.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator
from pathlib import Path

_SUFFIX = ".seconds"

Watcher = Callable[[str, float | None], None]
"""Takes the name of an entry point and the seconds that all which is missing may take, if any is known."""

_watchers: list[Watcher] = []


def watch(watcher: Watcher) -> None:
    """Have somebody told before each entry point that this process compiles, in place of whoever was."""
    _watchers[:] = [watcher]


def tell(directory: Path, name: str) -> None:
    """Tell the watcher that an entry point is compiled into a folder, by whoever it is."""
    for watcher in _watchers:
        watcher(name.rpartition(".")[2], seconds_left(directory))


@contextlib.contextmanager
def timed(directory: Path, name: str) -> Generator[None]:
    """Keep how long an entry point takes to compile, unless it fails."""
    begun = time.perf_counter()
    yield
    with contextlib.suppress(OSError):
        (directory / f"{name}{_SUFFIX}").write_text(f"{time.perf_counter() - begun:.3f}\n")


def seconds_left(directory: Path) -> float | None:
    """Return the seconds that entry points missing in a folder took in an earlier one: the fullest, then newest."""
    earlier = [_seconds(other) for other in directory.parent.glob("kernels-*") if other != directory]
    known = max(
        earlier, key=lambda found: (len(found), max(found.values(), default=(0.0, 0.0))[0]), default={}
    )
    done = {path.name for path in directory.glob(f"*{_SUFFIX}")}
    return sum(took for name, (_, took) in known.items() if name not in done) if known else None


def _seconds(directory: Path) -> dict[str, tuple[float, float]]:
    """Return when each entry point of a folder was compiled, and the seconds it took."""
    found = {}
    for path in directory.glob(f"*{_SUFFIX}"):
        with contextlib.suppress(OSError, ValueError):
            found[path.name] = path.stat().st_mtime, float(path.read_text())
    return found

"""What can be wrong with an installation, and how fast it is."""

from __future__ import annotations

import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "numba", "scipy", "pyarrow", "pydantic", "ruamel.yaml", "typer", "mesa", "networkx")

_STEPS = 50_000_000


@dataclass(frozen=True, slots=True)
class Symptom:
    """One thing that was looked at."""

    what: str
    value: str
    is_well: bool = True
    remedy: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the record ``--json`` prints."""
        return {"what": self.what, "value": self.value, "ok": self.is_well, "remedy": self.remedy}


def examine() -> list[Symptom]:
    """Look at everything; takes about a second."""
    return [*_software(), *_machine(), _kernel_cache(), _writable(), _speed()]


def _software() -> Iterator[Symptom]:
    from cascade import __version__
    from cascade.installation import install_command

    yield Symptom("cascade", __version__)
    running = ".".join(str(part) for part in sys.version_info[:3])
    is_new = sys.version_info >= (3, 11)
    yield Symptom("python", running, is_new, "" if is_new else "install Python 3.11 or later")
    for package in PACKAGES:
        try:
            yield Symptom(package, version(package))
        except PackageNotFoundError:
            yield Symptom(package, "not installed", False, install_command())


def _machine() -> Iterator[Symptom]:
    from cascade.installation import cores

    yield Symptom("platform", f"{platform.system()} {platform.machine()}")
    yield Symptom("cores", str(cores()))


def _kernel_cache() -> Symptom:
    from cascade.compiler.cache import cache_directory, is_compiled
    from cascade.compiler.jit import JIT_ENABLED

    if not JIT_ENABLED:
        remedy = "unset NUMBA_DISABLE_JIT unless you are debugging: runs are hundreds of times slower"
        return Symptom("compiled kernels", "switched off", False, remedy)
    directory = cache_directory()
    if directory is None:
        remedy = "set CASCADE_CACHE_DIR to a folder you can write: every start compiles anew"
        return Symptom("compiled kernels", "no folder to keep them in", True, remedy)
    state = "ready" if is_compiled() else "compiled at the first run"
    return Symptom("compiled kernels", f"{state}, in {directory}")


def _writable() -> Symptom:
    folder = Path("results") if Path("results").is_dir() else Path()
    try:
        with tempfile.TemporaryFile(dir=folder):
            return Symptom("results folder", f"{folder.resolve()} can be written")
    except OSError as error:
        remedy = "run cascade in a folder you may write to, or give one with -o"
        return Symptom("results folder", f"{folder.resolve()}: {error.strerror}", False, remedy)


def _chain(n: int) -> int:
    x = 1
    for _ in range(n):
        x = (x * 1103515245 + 12345) & 0x7FFFFFFF
        x ^= x >> 7
    return x


def _speed() -> Symptom:
    """Time a compiled loop of dependent integer operations, as an order book is made of."""
    from cascade.compiler.jit import entry

    chain = entry(_chain)
    chain(1)
    begun = time.perf_counter()
    chain(_STEPS)
    nanoseconds = (time.perf_counter() - begun) / _STEPS * 1e9
    is_well = nanoseconds < 20
    remedy = "" if is_well else "the machine is busy or slow: expect long runs"
    return Symptom("speed", f"{nanoseconds:.2f} ns for a dependent step (1 to 3 is usual)", is_well, remedy)

"""Where the code of kernels is kept on disk, and how an entry point finds its own there.

It is found by what the sources say, not by where they are: a second installation of the same ones compiles nothing.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from cascade.compiler.calling import Kind, text_of
from cascade.compiler.machine import processor
from cascade.installation import cache_folder

STEP: Final = "cascade.core.step.advance"
"""The entry point that is needed last in a first run, and compiled longest."""


def sources_digest() -> str:
    """Return a hash of every source file whose code can end up in a compiled kernel."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    rooms = (*package.glob("compiler/**/*.py"), *package.glob("core/**/*.py"))
    for path in sorted((*rooms, package / "names.py", package / "rng.py")):
        digest.update(path.relative_to(package).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@functools.cache
def cache_directory() -> Path | None:
    """Return a writable cache directory keyed by the kernel sources, or None to compile without one.

    Where machines share it, each kind of processor has a directory, and each version of the compiler.
    """
    python = f"py{sys.version_info[0]}{sys.version_info[1]}"
    kind = hashlib.sha256(processor().encode()).hexdigest()[:8]
    return cache_folder(f"kernels-{sources_digest()}-{python}-nb{metadata.version('numba')}-{kind}")


def path_of(directory: Path, function: Callable[..., Any], kinds: Sequence[Kind]) -> Path | None:
    """Return the file of an entry point for arguments of some kinds; None for one that no source alone tells.

    That is a function which depends on variables of another one, or which was read from no file.
    """
    source = Path(function.__code__.co_filename)
    if function.__closure__ or not source.is_file():
        return None
    told = [str(function.__code__.co_firstlineno), *map(text_of, kinds)]
    digest = hashlib.sha256(source.read_bytes() + "\n".join(told).encode()).hexdigest()[:16]
    return directory / f"{name_of(function)}-{digest}.code"


def name_of(function: Callable[..., Any]) -> str:
    """Return the name of an entry point: its module and its own."""
    return f"{function.__module__}.{function.__qualname__}"


def is_compiled() -> bool:
    """Tell whether the cache already holds the step, which takes most of the time to compile."""
    directory = cache_directory()
    return directory is not None and any(directory.glob(f"{STEP}-*.code"))

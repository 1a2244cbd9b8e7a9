"""Where the code of kernels is kept on disk, and how an entry point finds its own there.

It is found by what is compiled, not by where its sources are: a second installation of the same ones compiles nothing.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final

import llvmlite
import numpy as np

from cascade.compiler.calling import Kind, text_of
from cascade.compiler.machine import processor
from cascade.installation import cache_folder, digest_of

STEP: Final = "cascade.core.step.advance"
"""The entry point that is needed last in a first run, and compiled longest."""


_PACKAGE: Final = Path(__file__).parents[1]


@functools.cache
def _rooms() -> tuple[Path, ...]:
    """Return every source file of kernels that others are made of."""
    rooms = (*_PACKAGE.glob("compiler/**/*.py"), *_PACKAGE.glob("core/**/*.py"))
    return (*rooms, _PACKAGE / "names.py", _PACKAGE / "rng.py")


@functools.cache
def sources_digest() -> str:
    """Return a hash of every source file whose code can end up in any compiled kernel, as it was when first asked.

    That is before any of them is imported: what is edited later is not what this process compiles.
    """
    return digest_of(_PACKAGE, _rooms())


@functools.cache
def cache_directory() -> Path | None:
    """Return a writable cache directory keyed by the kernel sources, or None to compile without one.

    Where machines share it, each kind of processor has a directory, and each version of the compiler.
    """
    python = f"py{sys.version_info[0]}{sys.version_info[1]}"
    kind = hashlib.sha256(processor().encode()).hexdigest()[:8]
    compilers = f"nb{metadata.version('numba')}-ll{llvmlite.__version__}"
    return cache_folder(f"kernels-{sources_digest()}-{python}-{compilers}-{kind}")


def path_of(directory: Path, function: Callable[..., Any], kinds: Sequence[Kind]) -> Path | None:
    """Return the file of an entry point for arguments of some kinds; None for one that its code does not tell all of.

    That is a function which depends on variables of another one, or has another one in it.
    """
    digest = hashlib.sha256("\n".join(map(text_of, kinds)).encode())
    for reached in _with_helpers(function):
        code = reached.__code__
        if reached.__closure__ or any(isinstance(value, CodeType) for value in code.co_consts):
            return None
        means = {name: _told(value) for name, value in _named(reached).items()}
        told = code.co_code, code.co_consts, code.co_names, code.co_varnames, reached.__defaults__, means
        digest.update(f"\n{told}".encode())
    return directory / f"{name_of(function)}-{digest.hexdigest()[:16]}.code"


def _with_helpers(function: Callable[..., Any]) -> list[Any]:
    """Return an entry point, and the kernels that it reaches of which the name of the folder does not tell."""
    found = [function]
    for reached in found:  # which grows meanwhile
        helpers = [getattr(value, "py_func", None) for value in _named(reached).values()]
        found += [
            helper for helper in dict.fromkeys(helpers)
            if helper is not None and helper not in found and Path(helper.__code__.co_filename) not in _rooms()
        ]  # fmt: skip
    return found


def _told(value: Any) -> Any:
    """Return what tells what a name means: a number, which compiled code has in it, or what something is called."""
    if isinstance(value, int | float | np.generic):
        return value
    if isinstance(value, tuple):
        return tuple(map(_told, value))
    return [getattr(value, name, "") for name in ("__module__", "__qualname__", "__name__")]


def _named(function: Any) -> dict[str, Any]:
    """Return what a function means by names that are not its own, and by names in the modules among it."""
    names, room = function.__code__.co_names, function.__globals__
    found = {name: room[name] for name in names if name in room}
    modules = [value for value in found.values() if isinstance(value, ModuleType)]
    inside = {
        f"{module.__name__}.{name}": vars(module)[name]
        for module in modules
        for name in names
        if name in vars(module)
    }
    return found | inside


def name_of(function: Callable[..., Any]) -> str:
    """Return the name of an entry point: its module and its own."""
    return f"{function.__module__}.{function.__qualname__}"


def is_compiled() -> bool:
    """Tell whether the cache already holds the step, which takes most of the time to compile."""
    directory = cache_directory()
    return directory is not None and any(directory.glob(f"{STEP}-*.code"))

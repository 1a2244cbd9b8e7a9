"""The compiler decorator of every kernel, and the cache directory its code is kept in."""

from __future__ import annotations

import functools
import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

import numba
import numpy as np
from numba.core import config as numba_config
from numba.core.registry import cpu_target

from cascade.compiler.lock import locked
from cascade.compiler.pipeline import (
    PartCompiler,
    PartDispatcher,
    WholeCompiler,
    WholeDispatcher,
    undisturbed,
)
from cascade.compiler.plain import wide_view
from cascade.compiler.tables import received_as, viewing
from cascade.compiler.waiting import compiling, is_kept
from cascade.installation import cache_folder

F = TypeVar("F", bound=Callable[..., Any])

config: Any = numba_config  # its options are set at import, where no type checker sees them

if TYPE_CHECKING:

    def int64(value: Any) -> int:
        """Return a float or a truth value as a 64-bit integer."""
        ...
else:
    int64 = np.int64

JIT_ENABLED = not config.DISABLE_JIT
"""False under ``NUMBA_DISABLE_JIT=1``: kernels then run as the plain Python they are written in."""

STEP = "cascade.core.step.advance"
"""The entry point that is needed last in a first run, and compiled longest."""

# `_nrt=False` forbids allocation and removes reference counting (a factor of 13 in a book);
# inlining everything is 2 to 5 times faster than inlining some.
_OPTIONS: dict[str, Any] = {
    "_nrt": False,
    "error_model": "numpy",
    "nogil": True,
    "boundscheck": False,
}

_INNER: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, **_OPTIONS}


class Kernel:
    """A kernel that only other kernels call: numba hears of it when the first of them is compiled."""

    def __init__(self, function: Callable[..., Any], *, inlined: bool) -> None:
        functools.update_wrapper(self, function)
        self.py_func = function
        self._options = {"nopython": True, "forceinline": inlined, **_INNER}

    def __call__(self, *arguments: Any) -> Any:
        """Refuse: Python calls an `entry`."""
        msg = f"{self.py_func.__name__} is called by kernels only; from Python, call entry({self.py_func.__name__})"
        raise TypeError(msg)

    @functools.cached_property
    def compiled(self) -> Any:
        """What numba compiles, and remembers the code of."""
        return PartDispatcher(self.py_func, targetoptions=self._options, pipeline_class=PartCompiler)

    @property
    def _numba_type_(self) -> Any:
        """What numba types a call by."""
        return self.compiled._numba_type_


def kernel(function: F) -> F:
    """Compile a kernel that only other kernels call: inlined, no wrappers, not cached."""
    return Kernel(function, inlined=True) if JIT_ENABLED else function  # type: ignore[return-value]


def outlined(function: F) -> F:
    """Compile a kernel that LLVM may keep as a function of its own, where it is long or called often.

    With everything inlined the step was one function of 130,000 instructions, which took minutes to
    compile and ran no faster.
    """
    return Kernel(function, inlined=False) if JIT_ENABLED else function  # type: ignore[return-value]


def wrapping(function: F) -> F:
    """Compile a kernel whose uint64 arithmetic wraps around on purpose."""
    if JIT_ENABLED:
        return kernel(function)

    @functools.wraps(function)
    def quiet(*args: Any) -> Any:
        with np.errstate(over="ignore"):
            return function(*args)

    return quiet  # type: ignore[return-value]


def entry(function: F) -> F:
    """Compile a kernel that Python calls, be it one that others call as well; cached by the sources of all."""
    function = getattr(function, "py_func", function)
    if not JIT_ENABLED:
        return viewing(function, wide_view)  # type: ignore[return-value]
    directory = cache_directory()
    before = config.CACHE_DIR
    if directory is not None:
        config.CACHE_DIR = str(directory)
    try:
        options = {"nopython": True, **_OPTIONS}
        compiled: Any = WholeDispatcher(function, targetoptions=options, pipeline_class=WholeCompiler)
        if directory is not None:
            compiled.enable_caching()
    finally:
        config.CACHE_DIR = before
    _take_turns(compiled, directory, f"{function.__module__}.{function.__qualname__}")
    return viewing(compiled)  # type: ignore[return-value]


def _take_turns(compiled: Any, directory: Path | None, name: str) -> None:
    """Let one process compile an entry point while others wait, who then load what it has kept."""
    compile_or_load = compiled.compile

    @functools.wraps(compile_or_load)
    def in_turn(signature: Any) -> Any:
        with undisturbed():
            if directory is None or is_kept(directory, name):  # who only loads waits for nobody
                return compile_or_load(signature)
            with compiling(directory, name), locked(directory / f"{name}.lock"):
                return compile_or_load(signature)

    compiled.compile = in_turn


def compile_now(function: Callable[..., Any]) -> None:
    """Compile an entry point, or load it, for arguments of the types that it is annotated with."""
    compiled = function.compiled  # type: ignore[attr-defined]
    named = get_type_hints(compiled.py_func)
    named.pop("return", None)
    compiled.compile(tuple(map(received_as, named.values())))


def sources_digest() -> str:
    """Return a hash of every source file whose code can end up in a compiled kernel."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    rooms = (*package.glob("compiler/*.py"), *package.glob("core/**/*.py"))
    for path in sorted((*rooms, package / "names.py", package / "rng.py")):
        digest.update(path.relative_to(package).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@functools.cache
def cache_directory() -> Path | None:
    """Return a writable cache directory keyed by the kernel sources, or None to compile without one.

    Numba watches only the file of the entry point, so an edited helper would return stale code
    from a directory that is not keyed; and where machines share it, each kind of processor has a directory.
    """
    python = f"py{sys.version_info[0]}{sys.version_info[1]}"
    target: Any = cpu_target.target_context
    kind = hashlib.sha256(repr(target.codegen().magic_tuple()).encode()).hexdigest()[
        :8
    ]  # as numba tells them apart
    return cache_folder(f"kernels-{sources_digest()}-{python}-nb{numba.__version__}-{kind}")


def is_compiled() -> bool:
    """Tell whether the cache already holds the step, which takes most of the time to compile."""
    directory = cache_directory()
    return directory is not None and is_kept(directory, STEP)

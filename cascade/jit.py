"""The compiler decorator of every kernel, and the cache directory its code is kept in."""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import BaseNativeLowering, NativeLowering

from cascade.tables import viewing

F = TypeVar("F", bound=Callable[..., Any])

JIT_ENABLED = not numba.config.DISABLE_JIT
"""False under ``NUMBA_DISABLE_JIT=1``: kernels then run as the plain Python they are written in."""

# `_nrt=False` forbids allocation and removes reference counting (a factor of 13 in a book);
# inlining everything is 2 to 5 times faster than inlining some.
_OPTIONS: dict[str, Any] = {
    "_nrt": False,
    "error_model": "numpy",
    "nogil": True,
    "boundscheck": False,
}


def kernel(function: F) -> F:
    """Compile a kernel that only other kernels call: inlined, no wrappers, not cached."""
    if not JIT_ENABLED:
        return function
    return numba.njit(
        forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, **_OPTIONS
    )(function)


class _NeverInlined(Lower):
    """Lower a function that LLVM must not copy into its callers."""

    def pre_lower(self) -> None:
        """Set the attribute before the body is written."""
        super().pre_lower()
        self.function.attributes.add("noinline")


@register_pass(mutates_CFG=True, analysis_only=False)
class _OutlinedLowering(BaseNativeLowering):
    _name = "outlined_lowering"

    @property
    def lowering_class(self) -> type[Lower]:
        """Return the class that lowers the function."""
        return _NeverInlined


class _OutlinedCompiler(CompilerBase):
    """Numba's own pipeline with the lowering replaced."""

    def define_pipelines(self) -> list[PassManager]:
        """Return the passes of a compilation."""
        passes = PassManager("outlined")
        for step, what in DefaultPassBuilder.define_nopython_pipeline(self.state).passes:
            passes.add_pass(_OutlinedLowering if step is NativeLowering else step, what)
        passes.finalize()
        return [passes]


def outlined(function: F) -> F:
    """Compile a kernel as one function that is called, not copied into each caller.

    A call costs a few nanoseconds. With everything inlined the step was one function of 130,000
    instructions, which took minutes to compile and ran no faster.
    """
    if not JIT_ENABLED:
        return function
    return numba.njit(
        forceinline=False,
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
        pipeline_class=_OutlinedCompiler,
        **_OPTIONS,
    )(function)


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
    """Compile a kernel that Python calls: cached on disk, keyed by the sources of all kernels."""
    if not JIT_ENABLED:
        return function
    directory = cache_directory()
    before = numba.config.CACHE_DIR
    if directory is not None:
        numba.config.CACHE_DIR = str(directory)
    try:
        return viewing(numba.njit(cache=directory is not None, **_OPTIONS)(function))  # type: ignore[return-value]
    finally:
        numba.config.CACHE_DIR = before


def sources_digest() -> str:
    """Return a hash of every source file whose code can end up in a compiled kernel."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted([*package.glob("core/*.py"), *(package / f"{name}.py" for name in ("jit", "rng", "tables"))]):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@functools.cache
def cache_directory() -> Path | None:
    """Return a writable cache directory keyed by the kernel sources, or None to compile without one.

    Numba watches only the file of the entry point, so an edited helper would return stale code
    from a directory that is not keyed. Tried in order: CASCADE_CACHE_DIR, the user cache, temp.
    """
    tag = f"kernels-{sources_digest()}-py{sys.version_info[0]}{sys.version_info[1]}-nb{numba.__version__}"
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    named = os.environ.get("CASCADE_CACHE_DIR")
    roots = ([Path(named)] if named else []) + [
        Path(home) / "cascade",
        Path(tempfile.gettempdir()) / f"cascade-{os.getuid() if hasattr(os, 'getuid') else 'user'}",
    ]
    for root in roots:
        directory = root / tag
        try:
            directory.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=directory):
                return directory
        except OSError:
            continue
    return None


def is_compiled() -> bool:
    """Tell whether the cache already holds compiled kernels, so that a first run need not wait."""
    directory = cache_directory()
    return directory is not None and any(directory.rglob("*.nbc"))

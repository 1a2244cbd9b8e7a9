"""The compiler decorator of every kernel, and the cache directory its code is kept in."""

from __future__ import annotations

import functools
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numba
import numpy as np
from llvmlite.binding import Linkage
from numba.core import config as numba_config
from numba.core import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.lowering import Lower
from numba.core.registry import CPUDispatcher
from numba.core.typed_passes import BaseNativeLowering, NativeLowering

from cascade.compiler.plain import wide_view
from cascade.compiler.tables import viewing

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

# `_nrt=False` forbids allocation and removes reference counting (a factor of 13 in a book);
# inlining everything is 2 to 5 times faster than inlining some.
_OPTIONS: dict[str, Any] = {
    "_nrt": False,
    "error_model": "numpy",
    "nogil": True,
    "boundscheck": False,
}


class _Part(JITCodeLibrary):
    """The code of a kernel that only other kernels call: kept as it is lowered.

    Numba would link, optimise and load every kernel together with all it calls, and again in each of
    its callers. Here the entry point does so, once, for all. So only an `entry` may call a kernel,
    not a function that plain numba has compiled.
    """

    @property
    def codegen(self) -> Any:
        """Return what `get_executable` writes a function's environment to: nothing, it has none."""
        return _Nowhere

    def finalize(self) -> None:
        """Declare the code complete."""
        self._raise_if_finalized()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Return no address: the code is not loaded by itself."""
        return 0


class _Nowhere:
    """Takes environments, which only code that raises or calls Python needs."""

    @staticmethod
    def set_env(name: str, environment: object) -> None:
        """Forget it."""


class _Whole(JITCodeLibrary):
    """The code of an entry point with that of every kernel it reaches."""

    def finalize(self) -> None:
        """Link all parts, then optimise and load them together."""
        queue = list(self._linking_libraries)
        reached = dict.fromkeys(queue)
        while queue:
            for library in queue.pop()._linking_libraries:
                if library not in reached:
                    reached[library] = None
                    queue.append(library)
        self._linking_libraries = list(reached)
        super().finalize()

    def _optimize_final_module(self) -> None:
        """Tell LLVM that nobody else calls the parts, then optimise."""
        for function in self._final_module.functions:
            if function.linkage == Linkage.linkonce_odr:
                function.linkage = Linkage.internal
        super()._optimize_final_module()


class _LoweringInto(BaseNativeLowering):
    """Numba's lowering, into a library of ours."""

    _name = "lowering_into"
    library: type[JITCodeLibrary]

    @property
    def lowering_class(self) -> type[Lower]:  # type: ignore[override]
        """Return the class that lowers the function."""
        return Lower

    def run_pass(self, state: Any) -> Any:
        """Lower the function."""
        state.library = self.library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return super().run_pass(state)


@register_pass(mutates_CFG=True, analysis_only=False)
class _PartLowering(_LoweringInto):
    _name = "part_lowering"
    library = _Part


@register_pass(mutates_CFG=True, analysis_only=False)
class _WholeLowering(_LoweringInto):
    _name = "whole_lowering"
    library = _Whole


class _Compiler(CompilerBase):
    """Numba's own pipeline with the lowering replaced."""

    lowering: type[BaseNativeLowering] = _PartLowering

    def define_pipelines(self) -> list[PassManager]:
        """Return the passes of a compilation."""
        passes = PassManager("kernel")
        for step, what in DefaultPassBuilder.define_nopython_pipeline(self.state).passes:
            passes.add_pass(self.lowering if step is NativeLowering else step, what)
        passes.finalize()
        return [passes]


class _WholeCompiler(_Compiler):
    lowering = _WholeLowering


class _Kernel(CPUDispatcher):
    """A kernel, which is compiled for one list of types only."""

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Take a constant for a number like any other: numba would compile the kernel for each anew."""
        plain = {name: types.unliteral(kind) for name, kind in kws.items()}
        return super().get_call_template(tuple(map(types.unliteral, args)), plain)


_INNER: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, **_OPTIONS}


def _part(function: F, *, inlined: bool) -> F:
    options = {"nopython": True, "forceinline": inlined, **_INNER}
    return _Kernel(function, targetoptions=options, pipeline_class=_Compiler)  # type: ignore[return-value]


def kernel(function: F) -> F:
    """Compile a kernel that only other kernels call: inlined, no wrappers, not cached."""
    return _part(function, inlined=True) if JIT_ENABLED else function


def outlined(function: F) -> F:
    """Compile a kernel that LLVM may keep as a function of its own, where it is long or called often.

    With everything inlined the step was one function of 130,000 instructions, which took minutes to
    compile and ran no faster.
    """
    return _part(function, inlined=False) if JIT_ENABLED else function


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
        return viewing(function, wide_view)  # type: ignore[return-value]
    directory = cache_directory()
    before = config.CACHE_DIR
    if directory is not None:
        config.CACHE_DIR = str(directory)
    try:
        decorate = numba.njit(cache=directory is not None, pipeline_class=_WholeCompiler, **_OPTIONS)
        return viewing(decorate(function))  # type: ignore[return-value]
    finally:
        config.CACHE_DIR = before


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
    from a directory that is not keyed. Tried in order: CASCADE_CACHE_DIR, the user cache, temp.
    """
    tag = f"kernels-{sources_digest()}-py{sys.version_info[0]}{sys.version_info[1]}-nb{numba.__version__}"
    home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
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

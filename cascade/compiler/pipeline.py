"""From a kernel to machine code: how a kernel is compiled, found again when it is called, and kept on disk."""

from __future__ import annotations

import contextlib
import gc
import hashlib
from collections.abc import Generator
from pathlib import Path
from typing import Any

from numba.core import sigutils, types
from numba.core.caching import CompileResultCacheImpl, FunctionCache, UserProvidedCacheLocator
from numba.core.compiler import CompilerBase
from numba.core.compiler_machinery import PassManager
from numba.core.registry import CPUDispatcher, cpu_target
from numba.core.typed_passes import AnnotateTypes, BaseNativeLowering, NoPythonBackend, NopythonTypeInference
from numba.core.typing.context import Context
from numba.core.untyped_passes import FixupArgs

from cascade.compiler.passes import Joining, Naming, PartLowering, Reading, WholeLowering


class _Typing(Context):
    """Numba's typing, which remembers how it resolved a call: kernels ask the same over and over."""

    def __init__(self, plain: Any) -> None:
        self.__dict__ = plain.__dict__  # what is declared to the one is known to the other
        self._resolved: dict[Any, Any] = {}

    def resolve_function_type(self, func: Any, args: Any, kws: Any) -> Any:
        """Return the signature of a call."""
        asked = func, tuple(args), tuple(dict(kws).items())
        found = self._resolved.get(asked)
        if found is None:
            found = self._resolved[asked] = super().resolve_function_type(func, args, kws)
        return found


_TYPING = _Typing(cpu_target.typing_context)


class PartCompiler(CompilerBase):
    """What numba does to a function, but for closures, contexts, raising, arrays as values."""

    lowering: type[BaseNativeLowering] = PartLowering

    def __init__(self, plain: Context, *others: Any) -> None:
        super().__init__(_TYPING, *others)  # in place of the plain one

    def define_pipelines(self) -> list[PassManager]:
        """Return the passes of a compilation."""
        passes = PassManager("kernel")
        for step in (
            Reading, FixupArgs, Naming, NopythonTypeInference, Joining, AnnotateTypes, self.lowering, NoPythonBackend,
        ):  # fmt: skip
            passes.add_pass(step, step.__name__)
        passes.finalize()
        return [passes]


class WholeCompiler(PartCompiler):
    """The same, for an entry point."""

    lowering = WholeLowering


class PartDispatcher(CPUDispatcher):
    """A kernel, which is compiled for one list of types only."""

    _compiler: Any

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Take a constant for a number like any other: numba would compile the kernel for each anew."""
        plain = {name: types.unliteral(kind) for name, kind in kws.items()}
        return super().get_call_template(tuple(map(types.unliteral, args)), plain)

    def compile(self, sig: Any) -> Any:
        """Compile for a list of types unless that is done: no part is timed, or looked for on disk."""
        arguments, returned = sigutils.normalize_signature(sig)
        found = self.overloads.get(tuple(arguments))
        if found is None:
            found = self._compiler.compile(arguments, returned)
            self.add_overload(found)
        return found.entry_point


class _Anywhere(UserProvidedCacheLocator):
    """Where code is kept: found again by what its source says, not by the folder and the time of its file.

    So a second installation of the same sources, be it in another environment, compiles nothing.
    """

    _py_file: str
    _lineno: int

    def __init__(self, function: Any, file: str) -> None:
        super().__init__(function, file)
        self._module = function.__module__

    @classmethod
    def get_suitable_cache_subpath(cls, py_file: str) -> str:
        """Return the folder itself, which is of these sources alone."""
        return ""

    def get_source_stamp(self) -> bytes:
        """Return a hash of the file's content."""
        return hashlib.sha256(Path(self._py_file).read_bytes()).digest()

    def get_disambiguator(self) -> str:
        """Return what tells a function from another one of its name."""
        return f"{self._module}-{self._lineno}"


class _KeptCode(CompileResultCacheImpl):
    _locator_classes = (_Anywhere,)


class _Kept(FunctionCache):
    """The code of an entry point on disk."""

    _impl_class = _KeptCode

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Load it without numba's library of functions, which only compiling needs, and which takes half a second."""
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)


class WholeDispatcher(CPUDispatcher):
    """An entry point."""

    def enable_caching(self) -> None:
        """Keep its code on disk."""
        self._cache = _Kept(self.py_func)


@contextlib.contextmanager
def undisturbed() -> Generator[None]:
    """Keep the collector of garbage away: of the millions of objects of a compilation it finds hardly any."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()

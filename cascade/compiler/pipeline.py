"""From a kernel to machine code: numba's own steps, without those that kernels have no use for.

Numba would link, optimise and load every kernel together with all it calls, and again in each of its
callers. Here a kernel is typed and lowered once, and stays as it is; the entry point that reaches it
links, optimises and loads, once, for all.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
from collections.abc import Generator
from pathlib import Path
from typing import Any

from llvmlite.binding import Linkage, create_pass_builder, create_pipeline_tuning_options
from numba.core import cgutils, sigutils, types
from numba.core.caching import CompileResultCacheImpl, FunctionCache, UserProvidedCacheLocator
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.lowering import Lower
from numba.core.registry import CPUDispatcher, cpu_target
from numba.core.typed_passes import (
    AnnotateTypes,
    BaseNativeLowering,
    IRLegalization,
    NoPythonBackend,
    NopythonTypeInference,
    PreLowerStripPhis,
)
from numba.core.typing.context import Context
from numba.core.untyped_passes import FixupArgs, IRProcessing, ReconstructSSA, TranslateByteCode


class _Part(JITCodeLibrary):
    """The code of a kernel that only other kernels call: kept as it is lowered.

    So only an `entry` may call a kernel, not a function that plain numba has compiled.
    """

    @property
    def codegen(self) -> Any:
        """Return what `get_executable` writes a function's environment to: nothing, it has none."""
        return _Nowhere

    def _optimize_functions(self, ll_module: Any) -> None:
        """Leave them as they are: all is optimised together with what calls it."""

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
        """Tell LLVM that nobody else calls the parts, then optimise: once, as no references are counted.

        No loop of a kernel is one over numbers side by side, so none is unrolled or made one of vectors: a step
        gains nothing by it, and a quarter of LLVM's time goes there.
        """
        for function in self._final_module.functions:
            if function.linkage == Linkage.linkonce_odr:
                function.linkage = Linkage.internal
        wanted = create_pipeline_tuning_options(speed_level=3)
        wanted.loop_vectorization = wanted.loop_interleaving = wanted.loop_unrolling = False
        builder = create_pass_builder(self._codegen._tm, wanted)  # pyright: ignore[reportPrivateUsage]
        builder.getModulePassManager().run(self._final_module, builder)


class _Lower(Lower):
    """Numba's writer of LLVM's language, which tells no debugger about variables."""

    def alloca_lltype(self, name: str, lltype: Any, datamodel: Any = None) -> Any:
        """Return the place of a variable on the stack."""
        return cgutils.alloca_once(self.builder, lltype, name=name, zfill=False)


class _LoweringInto(BaseNativeLowering):
    """Numba's lowering, into a library of ours."""

    _name = "lowering_into"
    library: type[JITCodeLibrary]

    @property
    def lowering_class(self) -> type[Lower]:  # type: ignore[override]
        """Return the class that lowers the function."""
        return _Lower

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

    lowering: type[BaseNativeLowering] = _PartLowering

    def __init__(self, plain: Context, *others: Any) -> None:
        super().__init__(_TYPING, *others)  # in place of the plain one

    def define_pipelines(self) -> list[PassManager]:
        """Return the passes of a compilation."""
        passes = PassManager("kernel")
        for step in (
            TranslateByteCode, FixupArgs, IRProcessing, ReconstructSSA,
            NopythonTypeInference, PreLowerStripPhis, IRLegalization, AnnotateTypes,
            self.lowering, NoPythonBackend,
        ):  # fmt: skip
            passes.add_pass(step, step.__name__)
        passes.finalize()
        return [passes]


class WholeCompiler(PartCompiler):
    """The same, for an entry point."""

    lowering = _WholeLowering


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

"""From a kernel to machine code: how a kernel is compiled, and found again when another calls it."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Generator, Sequence
from typing import Any

from numba.core import sigutils, types
from numba.core.compiler import CompilerBase
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import PassManager
from numba.core.registry import CPUDispatcher, cpu_target
from numba.core.typed_passes import AnnotateTypes, BaseNativeLowering, NoPythonBackend, NopythonTypeInference
from numba.core.typing.context import Context
from numba.core.untyped_passes import FixupArgs

from cascade.compiler.backend.passes import Joining, Naming, PartLowering, Reading, WholeLowering
from cascade.compiler.backend.received import letters, received
from cascade.compiler.calling import Kind
from cascade.compiler.machine import Code


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


class _PartCompiler(CompilerBase):
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


class _WholeCompiler(_PartCompiler):
    """The same, for an entry point."""

    lowering = WholeLowering


class _Dispatcher(CPUDispatcher):
    """A kernel, as numba calls it while it compiles others."""

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


# `_nrt=False` forbids allocation and removes reference counting (a factor of 13 in a book);
# inlining everything is 2 to 5 times faster than inlining some.
_OPTIONS: dict[str, Any] = {
    "nopython": True, "_nrt": False, "error_model": "numpy", "nogil": True, "boundscheck": False,
    "no_cpython_wrapper": True,
}  # fmt: skip


def part(function: Callable[..., Any], *, inlined: bool) -> Any:
    """Return what numba compiles where other kernels call a kernel."""
    options = {**_OPTIONS, "no_cfunc_wrapper": True, "forceinline": inlined}
    return _Dispatcher(function, targetoptions=options, pipeline_class=_PartCompiler)


def whole(function: Callable[..., Any], kinds: Sequence[Kind]) -> Any:
    """Compile an entry point; return what numba knows of it, its library with the machine code."""
    compiler = _Dispatcher(function, targetoptions=_OPTIONS, pipeline_class=_WholeCompiler)
    types_ = tuple(received(place, kind) for place, kind in enumerate(kinds))
    with undisturbed(), global_compiler_lock:
        compiler.compile(types_)
        found = compiler.overloads[types_]
        found.library.finalize()
    return found


def code_of(function: Callable[..., Any], kinds: Sequence[Kind]) -> Code:
    """Compile an entry point into machine code."""
    found = whole(function, kinds)
    return Code(letters(found.signature.return_type), found.library.needs, found.library.binary)

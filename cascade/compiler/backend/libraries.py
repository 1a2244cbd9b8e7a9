"""The code of kernels between numba's lowering and the machine: parts as text, and the whole that is made of them.

Numba would link, optimise and load every kernel together with all it calls, and again in each of its
callers. Here a kernel stays as it is lowered; the entry point that reaches it joins all of them, and
optimises once.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import llvmlite.ir
from llvmlite.binding import Linkage, create_pass_builder, create_pipeline_tuning_options, parse_assembly
from numba.core import cgutils
from numba.core.codegen import CodeLibrary, JITCodeLibrary
from numba.core.intrinsics import INTR_MATH

from cascade.compiler.machine import ENTRANCE


class _Unloaded:
    """Code that numba does not load: a part waits for a whole, and a whole is loaded like one that was kept."""

    @property
    def codegen(self) -> Any:
        """Return what `get_executable` writes a function's environment to: nothing, it has none."""
        return _Nowhere

    def get_pointer_to_function(self, name: str) -> int:
        """Return no address."""
        return 0


class Part(_Unloaded, CodeLibrary):
    """The code of a kernel that only other kernels call: text, which waits for an entry point that reaches it.

    All parts of a process are written into one module, whose text can be put together without linking. So only an
    `entry` may call a kernel, not a function that plain numba has compiled.
    """

    _together: ClassVar[Any] = None

    def __init__(self, codegen: Any, name: str) -> None:
        super().__init__(codegen, name)
        self.linked: list[Any] = []
        self.text = ""

    def create_ir_module(self, name: str) -> Any:
        """Return the module of all parts."""
        if Part._together is None:
            Part._together = self._codegen._create_empty_module("parts")  # pyright: ignore[reportPrivateUsage]
        self._before = len(Part._together.globals)
        return Part._together

    def add_ir_module(self, ir_module: Any) -> None:
        """Keep what has been written into the module since it was asked for."""
        written = [
            value
            for value in itertools.islice(ir_module.globals.values(), self._before, None)
            if _is_defined(value)
        ]
        for value in written:
            value.linkage = "linkonce_odr"
        self.text = "".join(map(str, written))

    def add_linking_library(self, library: Any) -> None:
        """Remember what is called."""
        self.linked.append(library)

    def finalize(self) -> None:
        """Declare the code complete."""
        self._finalized = True

    def get_defined_functions(self) -> Iterator[Any]:
        """Return none: the code is in no module of its own."""
        return iter(())

    def get_function(self, name: str) -> None:
        """Return none."""

    def get_llvm_str(self) -> Any:
        """Return the text."""
        return self.text

    def get_asm_str(self) -> Any:
        """Return nothing: there is machine code of a whole only."""
        return ""

    @classmethod
    def joined(cls, parts: Iterable[Part]) -> str:
        """Return a module of some parts."""
        body = "".join(part.text for part in parts)
        called = set(re.findall(r'@"([^"]+)"', body))
        module = cls._together
        declared = [
            str(value)
            for name, value in module.globals.items()
            if _is_constant(value) or (name in called and not _is_defined(value))
        ]
        header = [f'target triple = "{module.triple}"', f'target datalayout = "{module.data_layout}"']
        kinds = [kind.get_declaration() for kind in module.get_identified_types().values()]
        return cgutils.normalize_ir_text(
            "\n".join((*header, *kinds, *declared, body, *module._get_metadata_lines()))
        )


def _is_defined(value: Any) -> bool:
    return isinstance(value, llvmlite.ir.Function) and not value.is_declaration


def _is_constant(value: Any) -> bool:
    return not isinstance(value, llvmlite.ir.Function)


class _Nowhere:
    """Takes environments, which only code that raises or calls Python needs."""

    @staticmethod
    def set_env(name: str, environment: object) -> None:
        """Forget it."""


class Whole(_Unloaded, JITCodeLibrary):
    """The code of an entry point with that of every kernel it reaches."""

    def finalize(self) -> None:
        """Join all parts, then optimise them together and write machine code."""
        queue = list(self._linking_libraries)
        reached = dict.fromkeys(queue)
        while queue:
            library = queue.pop()
            for called in library.linked if isinstance(library, Part) else library._linking_libraries:
                if called not in reached:
                    reached[called] = None
                    queue.append(called)
        parts = [library for library in reached if isinstance(library, Part)]
        self._linking_libraries = [library for library in reached if not isinstance(library, Part)]
        if parts:
            self._final_module.link_in(parse_assembly(Part.joined(parts)))
        super().finalize()

    def _optimize_final_module(self) -> None:
        """Tell LLVM that nobody calls anything but the entrance, then optimise: once, as no references are counted.

        No loop of a kernel is one over numbers side by side, so none is unrolled or made one of vectors: a step
        gains nothing by it, and a quarter of LLVM's time goes there. Nor does a step by what LLVM does at its highest
        levels, for another two fifths of it: measured slice by slice, 0.999 times the time.
        """
        for function in self._final_module.functions:
            if not function.is_declaration and function.name != ENTRANCE:
                function.linkage = Linkage.internal
        wanted = create_pipeline_tuning_options(speed_level=1)
        wanted.loop_vectorization = wanted.loop_interleaving = wanted.loop_unrolling = False
        builder = create_pass_builder(self._codegen._tm, wanted)  # pyright: ignore[reportPrivateUsage]
        builder.getModulePassManager().run(self._final_module, builder)

    def _finalize_final_module(self) -> None:
        """Leave machine code, which whoever loads it later loads in the same way."""
        self.needs = _functions_of_mathematics(self._final_module)
        self.binary = self._codegen._tm.emit_object(self._final_module)  # pyright: ignore[reportPrivateUsage]
        self._finalized = True


def _functions_of_mathematics(module: Any) -> tuple[str, ...]:
    """Return the names of what the code may call.

    Raises
    ------
    LookupError
        If it calls what only a process with numba has.
    """
    known, found = set(INTR_MATH), set[str]()
    for function in module.functions:
        if function.is_declaration:
            intrinsic = function.name.startswith("llvm.")
            name = function.name.split(".")[1] if intrinsic else function.name
            if name in known:
                found.add(name)
            elif not intrinsic:
                msg = f"a kernel calls {name}, which only a process with numba has"
                raise LookupError(msg)
    return tuple(sorted(found))

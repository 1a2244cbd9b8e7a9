"""Machine code as it is kept and loaded: without the compiler that wrote it."""

from __future__ import annotations

import ctypes
import functools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from llvmlite import binding

from cascade.installation import hashed, keep_hashed

ENTRANCE: Final = "entrance"
"""What the machine code of every entry point is found under; it takes two addresses of words."""

_NATIVE = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_void_p)


class Code(NamedTuple):
    """The machine code of an entry point."""

    found: str
    """Letters of `struct` for what it returns (`cascade.compiler.calling`)."""
    needs: tuple[str, ...]
    """Functions of mathematics that it may call, which the process has."""
    binary: bytes
    """An object file."""


def processor() -> str:
    """Return what tells a kind of machine from others, as numba tells them apart."""
    asked = [os.environ.get(f"NUMBA_{what}", "") for what in ("CPU_NAME", "CPU_FEATURES", "ENABLE_AVX")]
    found = binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()
    return " ".join((binding.get_process_triple(), *asked, *found))


@functools.cache
def _target() -> Any:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding.Target.from_triple(binding.get_process_triple())


_engines: list[Any] = []
"""Whatever holds loaded code, for as long as the process lives."""


def load(code: Code) -> Callable[..., None]:
    """Load machine code into this process; what is called lets go of Python's lock."""
    _name_functions(code.needs)
    machine = _target().create_target_machine(opt=3, jit=True)
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
    engine.add_object_file(binding.ObjectFileRef.from_data(code.binary))
    engine.finalize_object()
    _engines.append(engine)
    return _NATIVE(engine.get_function_address(ENTRANCE))


@functools.cache
def _name_functions(names: tuple[str, ...]) -> None:
    """Tell LLVM where functions of mathematics are in this process; where a system names none of them, numba knows."""
    try:
        process = ctypes.CDLL(None)
        for name in names:
            binding.add_symbol(name, ctypes.cast(getattr(process, name), ctypes.c_void_p).value)
    except (AttributeError, OSError, TypeError):
        from numba.core.externals import c_math_functions
        from numba.core.registry import cpu_target

        c_math_functions.install(cpu_target.target_context)


def read(path: Path) -> Code | None:
    """Return the code that a file keeps; None if there is no file, or not a whole one."""
    content = hashed(path)
    if content is None:
        return None
    head, _, binary = content.partition(b"\n")
    found, *needs = json.loads(head)
    return Code(found, tuple(needs), binary)


def write(path: Path, code: Code) -> None:
    """Keep code in a file, which is there as a whole or not at all."""
    keep_hashed(path, json.dumps([code.found, *code.needs]).encode() + b"\n" + code.binary)

"""The decorators of kernels, and the entry points by which Python calls them."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_type_hints

import numpy as np

from cascade.compiler import machine
from cascade.compiler.cache import cache_directory, name_of, path_of, sources_digest
from cascade.compiler.calling import Call, Kind, kind_of
from cascade.compiler.lock import locked
from cascade.compiler.machine import Code
from cascade.compiler.plain import wide
from cascade.compiler.waiting import tell, timed

F = TypeVar("F", bound=Callable[..., Any])

sources_digest()  # of the kernels as they are imported, after this module which all of them need

if TYPE_CHECKING:

    def int64(value: Any) -> int:
        """Return a float or a truth value as a 64-bit integer."""
        ...
else:
    int64 = np.int64


def _is_disabled(said: str) -> bool:
    """Tell whether a value of NUMBA_DISABLE_JIT switches compiling off; as numba reads it, which takes numbers only."""
    try:
        return int(said) != 0
    except ValueError:
        return False


JIT_ENABLED: Final = not _is_disabled(os.environ.get("NUMBA_DISABLE_JIT", ""))
"""False under ``NUMBA_DISABLE_JIT=1``: kernels then run as the plain Python they are written in."""


class Kernel:
    """A kernel that only other kernels call: numba hears of it when the first of them is compiled."""

    def __init__(self, function: Callable[..., Any], *, inlined: bool) -> None:
        functools.update_wrapper(self, function)
        self.py_func = function
        self._inlined = inlined

    def __call__(self, *arguments: Any) -> Any:
        """Refuse: Python calls an `entry`."""
        msg = f"{self.py_func.__name__} is called by kernels only; from Python, call entry({self.py_func.__name__})"
        raise TypeError(msg)

    @functools.cached_property
    def compiled(self) -> Any:
        """What numba compiles, and remembers the code of."""
        from cascade.compiler.backend.pipeline import part

        return part(self.py_func, inlined=self._inlined)

    @property
    def _numba_type_(self) -> Any:
        """What numba types a call by."""
        return self.compiled._numba_type_


class Instruction:
    """Something that processors do and Python has no word for; what it wraps does it in plain Python."""

    def __init__(self, plain: Callable[..., Any]) -> None:
        functools.update_wrapper(self, plain)
        self._name = plain.__name__

    def __call__(self, *arguments: Any) -> Any:
        """Refuse: only kernels call it."""
        msg = f"{self._name} is called by kernels only"
        raise TypeError(msg)

    @functools.cached_property
    def _numba_type_(self) -> Any:
        """What numba types a call by."""
        from cascade.compiler.backend.emitted import type_of

        return type_of(self._name)


class Entry:
    """A kernel that Python calls: compiled for each list of kinds of arguments, or loaded from where it is kept."""

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self.py_func = function
        self.calls: dict[tuple[Kind, ...], Call] = {}
        self._by_type: dict[tuple[type, ...], Call] = {}

    def __reduce__(self) -> str:
        """Return what it is found under by another process: machine code stays where it is loaded."""
        return self.py_func.__qualname__

    def __call__(self, *arguments: Any) -> Any:
        """Call it."""
        call = self._by_type.get(tuple(map(type, arguments)))
        return (call or self._asked(arguments))(*arguments)

    def _asked(self, arguments: tuple[Any, ...]) -> Call:
        """Return it for these arguments; where types tell kinds, it is found by them the next time."""
        call = self.of(tuple(map(kind_of, arguments)))
        types = tuple(map(type, arguments))
        if not any(issubclass(given, np.ndarray) for given in types):
            self._by_type[types] = call
        return call

    def of(self, kinds: tuple[Kind, ...]) -> Call:
        """Return it for arguments of some kinds, compiled or loaded by now."""
        known = self.calls.get(kinds)
        if known is None:
            wanted = self.py_func.__code__.co_argcount
            if len(kinds) != wanted:
                msg = f"{self.py_func.__name__} takes {wanted} arguments, not {len(kinds)}"
                raise TypeError(msg)
            code = _code_of(self.py_func, kinds)
            known = self.calls[kinds] = Call(name_of(self.py_func), machine.load(code), kinds, code.found)
        return known

    def compile_now(self) -> None:
        """Compile it, or load it, for arguments of the types that it is annotated with."""
        named = get_type_hints(self.py_func)
        named.pop("return", None)
        self.of(tuple(named.values()))


def _code_of(function: Callable[..., Any], kinds: Sequence[Kind]) -> Code:
    """Return the code of an entry point: what is kept, or else one process compiles it while others wait."""
    directory = cache_directory()
    path = path_of(directory, function, kinds) if directory is not None else None
    if directory is None or path is None:
        return _compiled(function, kinds)
    kept = machine.read(path)
    if kept is not None:  # who only loads waits for nobody
        return kept
    name = name_of(function)
    tell(directory, name)
    with locked(directory / f"{name}.lock"):
        code = machine.read(path)
        if code is None:
            with timed(directory, name):
                code = _compiled(function, kinds)
            with contextlib.suppress(OSError):
                machine.write(path, code)
    return code


def _compiled(function: Callable[..., Any], kinds: Sequence[Kind]) -> Code:
    from cascade.compiler.backend.pipeline import code_of

    return code_of(function, kinds)


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


def instruction(plain: F) -> F:
    """Have kernels do by one instruction of the processor what a function does in plain Python."""
    return Instruction(plain) if JIT_ENABLED else plain  # type: ignore[return-value]


def entry(function: F) -> F:
    """Compile a kernel that Python calls, be it one that others call as well; cached by the sources of all."""
    function = getattr(function, "py_func", function)
    if JIT_ENABLED:
        return Entry(function)  # type: ignore[return-value]

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        return function(*map(wide, arguments))

    return call  # type: ignore[return-value]

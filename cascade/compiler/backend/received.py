"""What an entry point receives, as numba types it, and the entrance that makes it of words."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types as numba_types
from numba.core.datamodel import models
from numba.core.errors import NumbaTypeError
from numba.core.extending import register_model
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr

from cascade.compiler.backend.columns import WORD, Column
from cascade.compiler.calling import Items, Kind
from cascade.compiler.machine import ENTRANCE
from cascade.compiler.tables import DECLARED, WORDS

types: Any = numba_types  # whose own annotations say less than is so

_NUMBERS: dict[Kind, Any] = {
    int: types.int64, float: types.float64, bool: types.boolean, np.uint64: types.uint64,
}  # fmt: skip


class TablesType(numba_types.Type):
    """Numba's view of one NamedTuple class of arrays."""

    def __init__(self, cls: type) -> None:
        layout, fixed = DECLARED[cls]
        self.fields = {
            field: Column(f"{cls.__name__}.{field}", dtype, ndim, fixed)
            for field, (dtype, ndim) in layout.items()
        }
        self.order = tuple(layout)
        super().__init__(name=cls.__name__)


register_model(TablesType)(models.OpaqueModel)


@infer_getattr
class _TablesAttribute(AttributeTemplate):
    key = TablesType

    def generic_resolve(self, tables: TablesType, attribute: str) -> Any:
        """Return the array type of a field."""
        return tables.fields.get(attribute)


@lower_getattr_generic(TablesType)
def _lower_field(context: Any, builder: Any, tables: TablesType, pointer: Any, attribute: str) -> Any:
    """Return where the table has the address and shape of a field."""
    at = WORDS * tables.order.index(attribute)
    return builder.gep(builder.bitcast(pointer, WORD.as_pointer()), [ir.Constant(WORD, at)])


@functools.cache
def _tables(cls: type) -> TablesType:
    return TablesType(cls)


def received(place: int, kind: Kind) -> Any:
    """Return numba's type of an argument; two arrays that are arguments of one call do not overlap."""
    if isinstance(kind, Items):
        written = "read-only " * kind.fixed + str(kind.dtype)
        return Column(f"argument {place}: {kind.ndim} {written}", kind.dtype, kind.ndim, kind.fixed)
    return _NUMBERS.get(kind) or _tables(kind)


def write_entrance(context: Any, module: Any, described: Any) -> None:
    """Write into a module the function that turns words into arguments, calls, and turns what it gets into words."""
    words = WORD.as_pointer()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [words, words]), ENTRANCE)
    builder = ir.IRBuilder(function.append_basic_block())
    given, left = function.args
    arguments = [
        _from_word(builder, kind, builder.load(builder.gep(given, [ir.Constant(WORD, place)])))
        for place, kind in enumerate(described.argtypes)
    ]
    callee = context.declare_function(module, described)
    _, value = context.call_conv.call_function(
        builder, callee, described.restype, described.argtypes, arguments
    )
    for place, (kind, part) in enumerate(_parts(builder, described.restype, value)):
        builder.store(_to_word(context, builder, kind, part), builder.gep(left, [ir.Constant(WORD, place)]))
    builder.ret_void()


def letters(returned: Any) -> str:
    """Return how what an entry point returns is read from words (`cascade.compiler.calling.Call`).

    Raises
    ------
    NumbaTypeError
        If it is something else than numbers, which only a process with numba could make an object of.
    """
    if isinstance(returned, types.Tuple | types.UniTuple):
        return f"({''.join(map(_letter, returned))})"
    return "" if returned == types.none else _letter(returned)


def _letter(kind: Any) -> str:
    if isinstance(kind, types.Integer):
        return "q" if kind.signed else "Q"
    if isinstance(kind, types.Boolean):
        return "?"
    if isinstance(kind, types.Float):
        return "d"
    msg = f"an entry point returns nothing, a number, or a plain tuple of numbers, not {kind}"
    raise NumbaTypeError(msg)


def _from_word(builder: Any, kind: Any, word: Any) -> Any:
    if isinstance(kind, types.Float):
        return builder.bitcast(word, ir.DoubleType())
    if isinstance(kind, types.Boolean):
        return builder.icmp_unsigned("!=", word, ir.Constant(WORD, 0))
    if isinstance(kind, types.Integer):
        return word
    return builder.inttoptr(word, (WORD if isinstance(kind, Column) else ir.IntType(8)).as_pointer())


def _parts(builder: Any, returned: Any, value: Any) -> Sequence[tuple[Any, Any]]:
    if returned == types.none:
        return ()
    if not isinstance(returned, types.BaseTuple):
        return ((returned, value),)
    return [(kind, builder.extract_value(value, place)) for place, kind in enumerate(returned)]


def _to_word(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    if isinstance(kind, types.Float):
        return builder.bitcast(context.cast(builder, value, kind, types.float64), WORD)
    if isinstance(kind, types.Boolean):
        return builder.zext(value, WORD)
    return context.cast(builder, value, kind, types.int64 if kind.signed else types.uint64)

"""How each instruction of `cascade.compiler.instructions` is written in LLVM's language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import make_intrinsic_template

from cascade.compiler.backend.columns import place


def _counting(operation: str) -> Callable[..., Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        zero_is_undefined = ir.Constant(ir.IntType(1), 1)
        return getattr(builder, operation)(arguments[0], zero_is_undefined)

    def count(typing_context: Any, word: Any) -> Any:
        return types.int64(types.uint64), generate

    return count


def _write_fetch(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    column, number, address = signature.args[0], ir.IntType(32), cgutils.voidptr_t
    words, first = arguments
    indices = [first, *[ir.Constant(ir.IntType(64), 0)] * (column.ndim - 1)]
    item = place(context, builder, column, words, indices)
    call = ir.FunctionType(ir.VoidType(), [address, number, number, number])
    prefetch = builder.module.declare_intrinsic("llvm.prefetch", [address], call)
    to_write, keep, data = (ir.Constant(number, flag) for flag in (1, 3, 1))
    builder.call(prefetch, [builder.bitcast(item, address), to_write, keep, data])
    return context.get_dummy_value()


def _fetch(typing_context: Any, array: Any, index: Any) -> Any:
    return types.void(array, types.int64), _write_fetch


_WRITTEN = {"trailing_zeros": _counting("cttz"), "leading_zeros": _counting("ctlz"), "fetch": _fetch}


def type_of(name: str) -> Any:
    """Return numba's type of an instruction."""
    written = _WRITTEN[name]
    return types.Function(make_intrinsic_template(written, written, name))

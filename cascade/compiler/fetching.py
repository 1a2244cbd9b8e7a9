"""Asking the processor for an item of an array that is about to be used, and that its caches seldom hold."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from cascade.compiler.columns import place
from cascade.compiler.jit import JIT_ENABLED


def _generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
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
    """Have an item, or the first of a row, in the cache soon."""
    return types.void(array, types.int64), _generate


def _nothing(array: Any, index: int) -> None:
    """Do nothing: plain Python has no say in what is cached."""


fetch: Any = intrinsic(_fetch) if JIT_ENABLED else _nothing

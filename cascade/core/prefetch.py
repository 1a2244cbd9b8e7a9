"""Asking the processor for memory that is about to be used, and that its caches seldom hold.

Those are levels far from the touch, and whatever belongs to one trader of a million.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from cascade.compiler.columns import place
from cascade.compiler.jit import JIT_ENABLED, kernel
from cascade.core.params import Params
from cascade.core.state import State

if JIT_ENABLED:

    def _fetching() -> Any:
        @intrinsic
        def fetch(typing_context: Any, array: Any, index: Any) -> Any:
            def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                column, number, address = signature.args[0], ir.IntType(32), cgutils.voidptr_t
                words, first = arguments
                indices = [first, *[ir.Constant(ir.IntType(64), 0)] * (column.ndim - 1)]
                row = place(context, builder, column, words, indices)
                call = ir.FunctionType(ir.VoidType(), [address, number, number, number])
                fetch = builder.module.declare_intrinsic("llvm.prefetch", [address], call)
                to_write, keep, data = (ir.Constant(number, flag) for flag in (1, 3, 1))
                builder.call(fetch, [builder.bitcast(row, address), to_write, keep, data])
                return context.get_dummy_value()

            return types.void(array, types.int64), generate

        return fetch

    _fetch = _fetching()
else:

    def _fetch(array: Any, index: int) -> None:
        """Do nothing: plain Python has no say in what is cached."""


@kernel
def expect_level(st: State, p: Params, m: int, tick: int) -> None:
    """Say that the queue at a tick of market m is about to change."""
    slot, n = tick - st.markets[m].window, p.run[0].n_ticks
    if 0 <= slot < n:
        _fetch(st.levels, m * n + slot)


@kernel
def expect_trader(st: State, p: Params, trader: int) -> None:
    """Say that a trader is about to decide."""
    _fetch(st.traders, trader)
    _fetch(st.accounts, p.run[0].first_trader + trader)


@kernel
def expect_order(st: State, position: int) -> None:
    """Say that an order of an account's position is about to be matched."""
    _fetch(st.triggers, 2 * position)
    _fetch(st.balances, st.positions[position].account)

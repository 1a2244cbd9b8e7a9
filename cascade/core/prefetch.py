"""Who and what is about to be used, asked for before its time, as caches seldom hold it.

Those are levels far from the touch, and whatever belongs to one trader of a million.
"""

from __future__ import annotations

from cascade.compiler.instructions import fetch
from cascade.compiler.jit import kernel
from cascade.core.params import Params
from cascade.core.state import State


@kernel
def expect_level(st: State, p: Params, m: int, tick: int) -> None:
    """Say that the queue at a tick of market m is about to change."""
    slot, n = tick - st.markets[m].window, p.run[0].n_ticks
    if 0 <= slot < n:
        fetch(st.levels, m * n + slot)


@kernel
def expect_trader(st: State, p: Params, trader: int) -> None:
    """Say that a trader is about to decide."""
    fetch(st.traders, trader)
    fetch(st.accounts, p.run[0].first_trader + trader)


@kernel
def expect_order(st: State, position: int) -> None:
    """Say that an order of an account's position is about to be matched."""
    fetch(st.triggers, 2 * position)
    fetch(st.balances, st.positions[position].account)

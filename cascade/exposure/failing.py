"""Where margins fail: the move of prices at which the margin test of each leveraged account does, exactly.

The integers are those of a run. An account with one position fails at the tick that its trigger hangs
at. One that margins several together is followed while the marks of all it holds move by the same
share; what it holds of spot keeps its price.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from cascade.assembly import Assembled
from cascade.compiler.jit import entry, int64, kernel
from cascade.core.collateral import counted_value
from cascade.core.exact import lot_value
from cascade.core.margin import MAX_TICK, failing_tick, failing_upwards, is_flat, maintenance
from cascade.core.params import SPOT, Params
from cascade.core.state import NONE, Array, State

FALL, RISE = -1.0, 3.0
"""The farthest moves that accounts with several positions are followed to."""

PRECISION = 1e-9
"""To which their move is found, as a share of the price: finer than a tick of most markets."""


class Moves(NamedTuple):
    """Moves by account, as positive shares of the marks; NaN where the margin does not fail on that side."""

    fall: Array
    rise: Array


def failing_moves(now: Assembled) -> Moves:
    """Return at what fall, and at what rise, the margin of each account fails."""
    moves = Moves(*(np.full(len(now.state.accounts), np.nan) for _ in range(2)))
    write_moves(now.state, now.params, *moves)
    return moves


@entry
def write_moves(st: State, p: Params, falls: Array, rises: Array) -> None:
    """Write where the margin of each leveraged account fails."""
    for account in range(p.run[0].first_trader, len(st.accounts)):
        if is_flat(st, account):
            continue
        if st.accounts[account].n_positions == 1:
            _write_single(st, p, account, falls, rises)
        else:
            falls[account] = -_failing_move(st, p, account, FALL)
            rises[account] = _failing_move(st, p, account, RISE)


@kernel
def _write_single(st: State, p: Params, account: int, falls: Array, rises: Array) -> None:
    """Write where an account with one position fails; with whole tiers one that grows in value may, too."""
    row = st.positions[st.accounts[account].first_position]
    m = row.market
    mark, balance = st.markets[m].mark, st.balances[account, p.markets[m].settlement]
    adverse = failing_tick(p, m, row.lots, balance, mark)
    favourable = failing_upwards(p, m, row.lots, balance, mark)
    low, high = (adverse, favourable) if row.lots > 0 else (favourable, adverse)
    if low != NONE:
        falls[account] = max(1.0 - float(low) / float(mark), 0.0)
    if high != NONE:
        rises[account] = max(float(high) / float(mark) - 1.0, 0.0)


@kernel
def _failing_move(st: State, p: Params, account: int, farthest: float) -> float:
    """Return the smallest move towards the farthest at which an account fails, NaN where it does not there.

    It is looked for by halving: of linear contracts excess is concave in a move that all share, and so
    crosses zero once.
    """
    safe, failing = 0.0, farthest
    if _excess_after(st, p, account, failing) > 0:
        return math.nan
    while abs(failing - safe) > PRECISION:
        middle = 0.5 * (safe + failing)
        if _excess_after(st, p, account, middle) > 0:
            safe = middle
        else:
            failing = middle
    return failing


@kernel
def _excess_after(st: State, p: Params, account: int, move: float) -> int:
    """Return `margin.excess_of` after a move of all marks but those of spot."""
    row = st.accounts[account]
    excess = st.balances[account, row.settlement]
    for k in range(row.first_position, row.first_position + row.n_positions):
        position = st.positions[k]
        m = position.market
        if position.lots == 0:
            continue
        if p.markets[m].kind == SPOT:
            excess += counted_value(st, p, k)
            continue
        tick = int64(min(max(float(st.markets[m].mark) * (1.0 + move) + 0.5, 1.0), float(MAX_TICK)))
        value = position.lots * lot_value(p.markets[m], tick)
        excess += value - maintenance(p, m, abs(value))
    return excess


__all__ = ["Moves", "failing_moves"]

"""Carry traders: long spot and short the perpetual, or the reverse, while funding and basis pay for it."""

from __future__ import annotations

from cascade.compiler.jit import kernel, outlined
from cascade.core.agents.pairs import AT_ANY_PRICE, NO_GAP, carry_of, gap_of, is_cut, trade_pair
from cascade.core.agents.wallets import fill_wallets, receive, room_of, strain_of
from cascade.core.inbox import has_room
from cascade.core.params import Params
from cascade.core.state import State
from cascade.rng import ALONE, FIRST, uniform


@outlined
def act(st: State, p: Params, k: int) -> bool:
    """Let agent k build up its position, or leave it, a slice at a time; what a wallet no longer bears goes first."""
    trader = p.agents[k]
    receive(st, p, k)
    if uniform(trader.key, st.clock[0].step, ALONE, FIRST) >= trader.rate:
        return True
    if not has_room(st, 2):
        return False
    if is_cut(st, p, k):
        return True
    room = room_of(st, p, k)
    strain = strain_of(st, p, k, room)
    size = strain if strain != 0.0 else _wanted(st, p, k, min(room, trader.cap))
    trade_pair(st, p, k, size, AT_ANY_PRICE)
    fill_wallets(st, p, k)
    return True


@kernel
def _wanted(st: State, p: Params, k: int, room: float) -> float:
    """Return the lots of the perpetual to buy (sell, < 0) now.

    A position gains, over the time that is looked ahead, what funding brings and what the basis is to lose.
    """
    trader, gap = p.agents[k], gap_of(st, p, k)
    if gap.dear == NO_GAP:
        return 0.0
    rule, held, carry = p.ties[trader.own], float(st.positions[trader.position].lots), carry_of(st, p, k)
    slice_ = min(trader.max_order, max(room - abs(held), 0.0))
    if held < 0.0 and carry - gap.cheap < rule.leave:
        return min(trader.max_order, -held)
    if held > 0.0 and -carry - gap.dear < rule.leave:
        return -min(trader.max_order, held)
    if held <= 0.0 and carry + gap.dear - rule.cost > trader.threshold:
        return -slice_
    if held >= 0.0 and -carry + gap.cheap - rule.cost > trader.threshold:
        return slice_
    return 0.0

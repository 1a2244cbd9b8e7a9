"""Arbitrageurs tie two markets of an asset: a perpetual and its spot, or perpetuals of two venues."""

from __future__ import annotations

from typing import NamedTuple

from cascade.compiler.jit import kernel, outlined
from cascade.core.agents.pairs import AT_ANY_PRICE, NO_GAP, carry_of, gap_of, is_cut, trade_pair
from cascade.core.agents.wallets import fill_wallets, receive, room_of, strain_of
from cascade.core.inbox import has_room
from cascade.core.params import Params
from cascade.core.state import NONE, State
from cascade.rng import ALONE, FIRST, uniform


class Wish(NamedTuple):
    """The lots of the first leg to buy (sell, < 0), and the part of the gap beyond the hurdle."""

    lots: float
    spare: float


@outlined
def act(st: State, p: Params, k: int) -> bool:
    """Let agent k trade the gap between its two markets, and hedge what is left open.

    It sells the dear one and buys the cheap one, in proportion to the gap beyond its hurdle, within its cap and
    what its wallets allow.
    """
    arb = p.agents[k]
    receive(st, p, k)
    if uniform(arb.key, st.clock[0].step, ALONE, FIRST) >= arb.rate:
        return True
    if not has_room(st, 2):
        return False
    if is_cut(st, p, k):
        return True
    wish, cap, strain, spare = _wanted(st, p, k), arb.cap, 0.0, AT_ANY_PRICE
    if arb.own != NONE:
        room = room_of(st, p, k)
        cap, strain, spare = min(cap, room), strain_of(st, p, k, room), wish.spare
    size = wish.lots
    held = float(st.positions[arb.position].lots)
    if held == 0.0 or (size > 0.0) == (held > 0.0):
        room = max(cap - abs(held), 0.0)
        size = max(min(size, room), -room)
    elif arb.own != NONE:  # who leaves a position does not open the opposite one on the way
        size = max(min(size, abs(held)), -abs(held))
    if strain != 0.0:
        trade_pair(st, p, k, strain, AT_ANY_PRICE)
    else:
        trade_pair(st, p, k, size, spare)
    fill_wallets(st, p, k)
    return True


@kernel
def _wanted(st: State, p: Params, k: int) -> Wish:
    """Return what to do about the gap between the books."""
    arb, gap = p.agents[k], gap_of(st, p, k)
    if gap.dear == NO_GAP:
        return Wish(0.0, 0.0)
    sells, buys = arb.threshold, arb.threshold
    if arb.own != NONE:
        # what is held already has paid for both ways; what funding brings, or costs, lowers the hurdle or raises it
        held, carry = st.positions[arb.position].lots, carry_of(st, p, k)
        adds = arb.threshold + p.ties[arb.own].cost
        sells, buys = (adds if held <= 0 else 0.0) - carry, (adds if held >= 0 else 0.0) + carry
    dear, cheap = gap.dear - sells, gap.cheap - buys
    if dear > 0.0:
        return Wish(-min(arb.gain * dear, arb.max_order), dear)
    if cheap > 0.0:
        return Wish(min(arb.gain * cheap, arb.max_order), cheap)
    return Wish(0.0, 0.0)

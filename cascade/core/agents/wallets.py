"""Wallets: finite capital on each venue, which returns from its treasury, or goes there, only after a delay.

Whoever ties a pair has a wallet for either leg. A wallet's equity bounds the position on its venue; what lies on
one venue helps on no other until it has arrived. Wallets are the owner's own rule: no venue liquidates them.
"""

from __future__ import annotations

import math

from cascade.compiler.jit import int64, kernel, outlined
from cascade.core.agents.pairs import ratio_of
from cascade.core.exact import lot_value
from cascade.core.ledger import pay
from cascade.core.params import Params
from cascade.core.state import NONE, State

STRAINED = 1.25
"""A position larger than this multiple of what its wallet may hold is reduced."""

ASKS_BELOW, SENDS_ABOVE = 0.8, 1.25
"""Parts of what a wallet should have below which it asks for money, and above which it sends some away."""

TO_WALLET, TO_TREASURY = 0, 1


@kernel
def receive(st: State, p: Params, k: int) -> None:
    """Let money of agent k that has been on its way for long enough arrive; an agent without wallets has none."""
    own = p.agents[k].own
    if own != NONE:
        _arrive(st, p, p.agents[k].position, own)
        _arrive(st, p, p.agents[k].second, own + 1)


@outlined
def _arrive(st: State, p: Params, position: int, w: int) -> None:
    """Let what is on its way to or from wallet w arrive, once it is due."""
    rule, desk = p.ties[w], st.desks[w]
    if desk.due == 0 or st.clock[0].step < desk.due:
        return
    row = st.positions[position]
    settlement = p.markets[row.market].settlement
    target = row.account if desk.stage == TO_WALLET else rule.treasury
    pay(st, rule.transit, target, settlement, st.balances[rule.transit, settlement])
    desk.due = 0


@outlined
def room_of(st: State, p: Params, k: int) -> float:
    """Return the lots of its first leg that agent k may hold, long or short: what the poorer wallet allows."""
    arb = p.agents[k]
    first = _allowed(st, p, arb.position, 0, arb.own)
    return min(first, _allowed(st, p, arb.second, arb.initial, arb.own + 1) * ratio_of(st, p, k))


@kernel
def _equity(st: State, p: Params, position: int, initial: int) -> float:
    """Return what a wallet is worth at mark, in money units; the coins that it was lent are not its own."""
    row = st.positions[position]
    market = p.markets[row.market]
    value = lot_value(market, st.markets[row.market].mark)
    return float(st.balances[row.account, market.settlement] + (row.lots - initial) * value)


@kernel
def _allowed(st: State, p: Params, position: int, initial: int, w: int) -> float:
    """Return the lots that wallet w may hold."""
    return lots_borne(st, p, position, p.ties[w].leverage, _equity(st, p, position, initial))


@kernel
def lots_borne(st: State, p: Params, position: int, leverage: float, equity: float) -> float:
    """Return the lots of a position's market that an equity bears at a leverage."""
    m = st.positions[position].market
    value = abs(float(lot_value(p.markets[m], st.markets[m].mark)))
    return max(leverage * equity, 0.0) / value


@kernel
def strain_of(st: State, p: Params, k: int, room: float) -> float:
    """Return the lots that agent k has to trade since a wallet no longer bears its position; 0 where both do."""
    held = float(st.positions[p.agents[k].position].lots)
    over = abs(held) - room if abs(held) > STRAINED * room else 0.0
    return -math.copysign(min(over, p.agents[k].max_order), held)


@kernel
def fill_wallets(st: State, p: Params, k: int) -> None:
    """Let the wallets of agent k, if it has any, ask their treasury for what they lack, and send it what is over."""
    arb = p.agents[k]
    if arb.own != NONE:
        _fill(st, p, arb.position, 0, arb.own)
        _fill(st, p, arb.second, arb.initial, arb.own + 1)


@outlined
def _fill(st: State, p: Params, position: int, initial: int, w: int) -> None:
    """Send money to wallet w or from it, one sum at a time.

    It should have twice the margin of what it holds, and at least what it is to keep ready.
    """
    rule, desk, row = p.ties[w], st.desks[w], st.positions[position]
    if desk.due != 0:
        return
    market = p.markets[row.market]
    value = abs(float(lot_value(market, st.markets[row.market].mark)))
    equity = _equity(st, p, position, initial)
    wanted = max(rule.ready, 2.0 * value * abs(float(row.lots - initial)) / rule.leverage)
    amount, source, stage = 0, row.account, TO_TREASURY
    if equity < ASKS_BELOW * wanted:
        has = max(st.balances[rule.treasury, market.settlement], 0)
        amount, source, stage = min(int64(wanted - equity), has), rule.treasury, TO_WALLET
    elif equity > SENDS_ABOVE * wanted:
        amount = int64(equity - wanted)
    if amount > 0:
        pay(st, source, rule.transit, market.settlement, amount)
        desk.stage, desk.due = stage, st.clock[0].step + rule.delay

"""Reduce to a lower tier and test again, position by position (Binance, OKX, BitMEX, Bybit)."""

from __future__ import annotations

from typing import Any

from cascade.compiler.jit import kernel, outlined
from cascade.core.exact import lot_value
from cascade.core.margin import Standing, is_flat, is_safe, standing_of, tier_of
from cascade.core.params import SPOT, Params
from cascade.core.procedures.forced_order import SAFE, in_turn, left_unfilled, send
from cascade.core.rules import beyond_cap
from cascade.core.state import NONE, State


@kernel
def liquidate(st: State, p: Params, account: int, standing: Standing) -> int:
    """Reduce positions down the tiers until the account is safe or the book is dry."""
    return reduce(st, p, account, standing, p.venues[st.accounts[account].venue].tiers_down)


@outlined
def reduce(st: State, p: Params, account: int, standing: Standing, tiers: int) -> int:
    """Reduce position by position, each by so many tiers at a time, or at once where that is none."""
    part = 0
    for turn in range(2 * st.accounts[account].n_positions):
        k = in_turn(st, p, account, turn)
        if k == NONE:
            continue
        position = st.positions[k]
        while position.lots != 0 and not _goes_whole(st, p, account, position.market, position.lots):
            wanted = _size(st, p, position.market, abs(position.lots), tiers)
            filled = send(st, p, k, wanted, NONE, part, standing)
            part += 1
            standing = standing_of(st, p, account)
            if is_safe(standing) or is_flat(st, account):
                return SAFE
            if filled != wanted:
                break
    return left_unfilled(st, p, account, standing, part)


@kernel
def _goes_whole(st: State, p: Params, account: int, m: int, lots: int) -> bool:
    """Tell whether the venue takes over a position of this size without sending an order."""
    market, venue = p.markets[m], p.venues[st.accounts[account].venue]
    if venue.whole_tiers == 0 or market.kind == SPOT or p.run[0].forced_orders == 0:
        return False
    notional = abs(lots * lot_value(market, st.markets[m].mark))
    return tier_of(p, m, notional) - market.first_tier < venue.whole_tiers


@kernel
def _size(st: State, p: Params, m: int, held: int, tiers: int) -> int:
    """Return the unsigned size of the next forced order: down by some tiers, or all of it."""
    market, size = p.markets[m], held
    if tiers > 0:
        value = abs(lot_value(market, st.markets[m].mark))
        tier = tier_of(p, m, held * value)
        if tier > market.first_tier and _reduces(p, market, tier):
            size = beyond_cap(held, value, p.tiers[max(tier - tiers, market.first_tier)].cap)
    return max(min(size, market.max_order), 1)


@kernel
def _reduces(p: Params, market: Any, tier: int) -> bool:
    """Tell whether the venue reduces a position in a tier: closing a part frees its rate and costs the fee."""
    return p.venues[market.venue].only_where_it_frees == 0 or p.tiers[tier].rate > market.liquidation_fee

"""Policies of auto-deleveraging: the score of a counterparty, and how a batch is shared out.

A policy is a kernel of its name, which returns the rank score or the weight of a position
(venues.md 1.5, 2, 3.3). Those that do not take counterparties whole, the highest score first, have
one more, `share_` and the name, which writes the lots that each is to give up.
"""

from __future__ import annotations

import math

from cascade.compiler.choice import choice
from cascade.compiler.jit import int64, kernel, outlined
from cascade.core.exact import INVERSE, from_usd, lot_value
from cascade.core.margin import equity_in, maintenance_of
from cascade.core.params import PERPETUAL, Params
from cascade.core.rules import pnl_leverage_score, pnl_margin_score, price_leverage_score
from cascade.core.state import State
from cascade.names import Ranking, names_of
from cascade.rng import FIRST, uniform

TURN = 30
"""Number of the draw of a trader's turn, in its first position."""

BISECTIONS = 100
"""Halvings of the leverage to which water-filling levels: beyond what a float resolves."""

# --- what scores are made of ----------------------------------------------------------------------


@kernel
def notional_in(st: State, p: Params, account: int, settlement: int) -> float:
    """Return the notional at mark of an account's perpetuals that settle in an asset: spot it owns is no leverage."""
    row = st.accounts[account]
    notional = 0.0
    for k in range(row.first_position, row.first_position + row.n_positions):
        position = st.positions[k]
        market = p.markets[position.market]
        if market.kind == PERPETUAL and market.settlement == settlement:
            notional += abs(float(position.lots * lot_value(market, st.markets[position.market].mark)))
    return notional


@kernel
def leverage_of(st: State, p: Params, account: int, settlement: int) -> float:
    """Return an account's notional in an asset over its equity in it; huge where there is none."""
    return notional_in(st, p, account, settlement) / max(float(equity_in(st, p, account, settlement)), 1.0)


@kernel
def _unrealised_in(st: State, p: Params, account: int, settlement: int) -> int:
    """Return the profit at mark of all perpetuals of an account that settle in an asset."""
    row = st.accounts[account]
    profit = 0
    for k in range(row.first_position, row.first_position + row.n_positions):
        position = st.positions[k]
        market = p.markets[position.market]
        if market.kind == PERPETUAL and market.settlement == settlement:
            profit += (
                position.lots * lot_value(market, st.markets[position.market].mark) - position.entry_value
            )
    return profit


@kernel
def _value(st: State, p: Params, position: int) -> int:
    """Return the signed value of a position at its mark."""
    row = st.positions[position]
    return row.lots * lot_value(p.markets[row.market], st.markets[row.market].mark)


@kernel
def _profit(st: State, p: Params, position: int) -> float:
    """Return the profit of a position at its mark."""
    return float(_value(st, p, position) - st.positions[position].entry_value)


@kernel
def _equity_behind(st: State, p: Params, position: int) -> float:
    """Return the equity of a position's account in the asset that the position settles in."""
    row = st.positions[position]
    return float(equity_in(st, p, row.account, p.markets[row.market].settlement))


@kernel
def _leverage_behind(st: State, p: Params, position: int) -> float:
    """Return the leverage of a position's account in the asset that the position settles in."""
    row = st.positions[position]
    return leverage_of(st, p, row.account, p.markets[row.market].settlement)


@kernel
def _entered(st: State, position: int) -> float:
    """Return what a position was worth when it was entered, at least one unit."""
    return max(abs(float(st.positions[position].entry_value)), 1.0)


@kernel
def _size(st: State, p: Params, position: int) -> float:
    """Return what a position is worth at its mark, without its sign."""
    return abs(float(_value(st, p, position)))


@kernel
def _own_leverage(st: State, p: Params, position: int) -> float:
    """Return what a position is worth over the equity behind it."""
    return _size(st, p, position) / max(_equity_behind(st, p, position), 1.0)


# --- scores ---------------------------------------------------------------------------------------


@kernel
def queue_pnl_margin(st: State, p: Params, position: int) -> float:
    """Return profit over wallet times margin ratio (Binance until 2023 at least)."""
    row = st.positions[position]
    market, equity = p.markets[row.market], _equity_behind(st, p, position)
    ratio = float(maintenance_of(st, p, row.account)) / equity if equity > 0.0 else 0.0
    least = from_usd(market, st.markets[row.market].mark, 1_000_000)
    wallet = equity - float(_unrealised_in(st, p, row.account, market.settlement))
    return pnl_margin_score(_profit(st, p, position), wallet, ratio, float(least))


@kernel
def queue_pnl_leverage(st: State, p: Params, position: int) -> float:
    """Return profit over notional times leverage (Binance of late 2025)."""
    gain = _profit(st, p, position) / max(_size(st, p, position), 1.0)
    return pnl_leverage_score(gain, _own_leverage(st, p, position))


@kernel
def queue_entry_leverage(st: State, p: Params, position: int) -> float:
    """Return profit over entry value times leverage (BitMEX, Bybit)."""
    gain = _profit(st, p, position) / _entered(st, position)
    return pnl_leverage_score(gain, _own_leverage(st, p, position))


@kernel
def queue_return_leverage(st: State, p: Params, position: int) -> float:
    """Return mark over entry price times leverage, for a short the inverse (Hyperliquid)."""
    row = st.positions[position]
    now, entry = max(_size(st, p, position), 1.0), _entered(st, position)
    if p.markets[row.market].contract == INVERSE:  # worth less of the asset as its price rises
        now, entry = entry, now
    return price_leverage_score(now, entry, _own_leverage(st, p, position), row.lots > 0)


@kernel
def random(st: State, p: Params, position: int) -> float:
    """Return the draw of a counterparty: a trader's own, whoever else there is; another's by its place (dYdX v4)."""
    account = st.positions[position].account
    trader = account - p.run[0].first_trader
    step = st.clock[0].step
    if 0 <= trader < len(st.traders):
        layer = p.layers[st.traders[trader].layer]
        place = layer.first_place + position - st.accounts[account].first_position
        return uniform(layer.key, step, trader - layer.first_trader, TURN + place)
    return uniform(p.venues[p.markets[st.positions[position].market].venue].key, step, position, FIRST)


@kernel
def pro_rata_pnl(st: State, p: Params, position: int) -> float:
    """Return the profit: all winners give way in proportion to it."""
    return max(_profit(st, p, position), 0.0)


@kernel
def risk_aware_pro_rata(st: State, p: Params, position: int) -> float:
    """Return profit times leverage: winners give way in proportion to it."""
    return max(_profit(st, p, position), 0.0) * _leverage_behind(st, p, position)


@kernel
def water_filling_leverage(st: State, p: Params, position: int) -> float:
    """Return the leverage of the account, which is levelled."""
    return _leverage_behind(st, p, position)


@kernel
def socialise(st: State, p: Params, position: int) -> float:
    """Return the lots held: everybody pays by size (Drift, Vega)."""
    return float(abs(st.positions[position].lots))


@kernel
def smallest_first(st: State, p: Params, position: int) -> float:
    """Return less the larger a position is: the smallest give way first, so that large hedges stand longest."""
    return -_size(st, p, position)


score = choice(names_of(Ranking), globals(), decorator=outlined)
"""Return the rank score, or the weight, of a counterparty under the policy of a number."""


# --- shares ---------------------------------------------------------------------------------------


@kernel
def _take_whole(st: State, p: Params, wanted: int) -> None:
    """Leave each counterparty to give up all it holds before the next."""


@kernel
def share_pro_rata_pnl(st: State, p: Params, wanted: int) -> None:
    """Share in proportion to profits."""
    _share_by_score(st, wanted)


@kernel
def share_risk_aware_pro_rata(st: State, p: Params, wanted: int) -> None:
    """Share in proportion to profits times leverage."""
    _share_by_score(st, wanted)


@outlined
def _share_by_score(st: State, wanted: int) -> None:
    """Share lots in proportion to scores, none giving up more than it holds; then, by what is still held.

    What a capped counterparty cannot bear is shared again among the others, until nothing is left.
    """
    clock = st.clock[0]
    n = clock.n_ranked
    left = wanted
    for k in range(n):  # `lots` counts what is given up; what may be is in the position
        st.ranked[k].lots = 0
    winners = True
    while left > 0:
        total, room = 0.0, 0
        for k in range(n):
            free = _free(st, k)
            room += free
            if free > 0:
                total += st.ranked[k].score if winners else float(free)
        if room == 0:
            return
        if total <= 0.0:
            winners = False
            continue
        left -= _share_once(st, n, left, total, winners)


@kernel
def _free(st: State, k: int) -> int:
    """Return the lots that ranked row k could still give up."""
    row = st.ranked[k]
    return abs(st.positions[row.position].lots) - row.lots


@kernel
def _share_once(st: State, n: int, left: int, total: float, winners: bool) -> int:
    """Give each its part of `left`, at most what it holds; return what was given out, at least one lot."""
    passed, given, out = 0.0, 0, 0
    for k in range(n):
        free = _free(st, k)
        if free == 0:
            continue
        weight = st.ranked[k].score if winners else float(free)
        if weight <= 0.0:
            continue
        passed += weight
        upto = min(int64(math.ceil(float(left) * (passed / total))), left)
        part = min(upto - given, free)
        given = max(upto, given)
        st.ranked[k].lots += part
        out += part
    return out


@outlined
def share_water_filling_leverage(st: State, p: Params, wanted: int) -> None:
    """Let those of the highest leverage give up positions until all of them have the same (arXiv 2603.15963).

    It is the leverage of accounts that is levelled: what one holds elsewhere counts, and stays.
    """
    n = st.clock[0].n_ranked
    low, high = 0.0, 0.0
    for k in range(n):
        st.ranked[k].lots = _account_in_lots(st, p, st.ranked[k].position)
        high = max(high, st.ranked[k].score)
    for _ in range(BISECTIONS):
        level = 0.5 * (low + high)
        total = 0
        for k in range(n):
            total += _above(st, k, level)
        if total >= wanted:
            low = level
        else:
            high = level
    left = wanted
    for k in range(n):
        part = min(_above(st, k, low), left)
        st.ranked[k].lots = part
        left -= part


@kernel
def _account_in_lots(st: State, p: Params, position: int) -> int:
    """Return the lots of a position's market that the notional of its whole account amounts to."""
    row = st.positions[position]
    market = p.markets[row.market]
    notional = notional_in(st, p, row.account, market.settlement)
    return int64(notional / float(abs(lot_value(market, st.markets[row.market].mark))) + 0.5)


@kernel
def _above(st: State, k: int, level: float) -> int:
    """Return the lots that bring the account of ranked row k, whose `lots` are its notional, to a level of leverage."""
    row = st.ranked[k]
    if row.score <= level:
        return 0
    over = int64(math.ceil(float(row.lots) * (1.0 - level / row.score)))
    return min(over, abs(st.positions[row.position].lots))


share = choice(
    names_of(Ranking),
    {f"share_{name}": globals().get(f"share_{name}", _take_whole) for name in names_of(Ranking)},
    "share_{}",
)
"""Share the lots of a batch among its ranked counterparties under the policy of a number."""

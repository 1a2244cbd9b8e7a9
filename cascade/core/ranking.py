"""Who gives way in auto-deleveraging: the score of each counterparty, their ranking, and their shares."""

from __future__ import annotations

import math

import numpy as np

from cascade.compiler.jit import int64, kernel, outlined
from cascade.core.exact import INVERSE, from_usd, lot_value
from cascade.core.margin import equity_in, maintenance_of
from cascade.core.params import (
    ABSORBER,
    FUND,
    PERPETUAL,
    PRO_RATA_PNL,
    QUEUE_ENTRY_LEVERAGE,
    QUEUE_PNL_MARGIN,
    QUEUE_RETURN_LEVERAGE,
    RANDOM,
    RISK_AWARE_PRO_RATA,
    SOCIALISE,
    WATER_FILLING_LEVERAGE,
    Params,
)  # fmt: skip
from cascade.core.rules import pnl_leverage_score, pnl_margin_score, price_leverage_score
from cascade.core.state import INSOLVENT, State
from cascade.rng import FIRST, uniform

TURN = 30  # number of the draw of a trader's turn, in its first position

BISECTIONS = 100
"""Halvings of the leverage to which water-filling levels: beyond what a float resolves."""


# --- scores ---------------------------------------------------------------------------------------


@kernel
def notional_in(st: State, p: Params, account: int, settlement: int) -> float:
    """Return the notional at mark of an account's perpetuals that settle in an asset: spot it owns is no leverage."""
    row = st.accounts[account]
    first = row.first_position
    notional = 0.0
    for k in range(first, first + row.n_positions):
        position = st.positions[k]
        m = position.market
        if p.markets[m].kind == PERPETUAL and p.markets[m].settlement == settlement:
            notional += abs(float(position.lots * lot_value(p.markets[m], st.markets[m].mark)))
    return notional


@kernel
def leverage_of(st: State, p: Params, account: int, settlement: int) -> float:
    """Return an account's notional in an asset over its equity in it; huge where there is none."""
    return notional_in(st, p, account, settlement) / max(float(equity_in(st, p, account, settlement)), 1.0)


@kernel
def unrealised_in(st: State, p: Params, account: int, settlement: int) -> int:
    """Return the profit at mark of all perpetuals of an account that settle in an asset."""
    first = st.accounts[account].first_position
    profit = 0
    for k in range(first, first + st.accounts[account].n_positions):
        position = st.positions[k]
        m = position.market
        if p.markets[m].kind == PERPETUAL and p.markets[m].settlement == settlement:
            profit += position.lots * lot_value(p.markets[m], st.markets[m].mark) - position.entry_value
    return profit


@outlined
def score(st: State, p: Params, position: int) -> float:
    """Return the rank score, or the weight, of a counterparty under its venue's policy (venues.md 1.5, 2, 3.3)."""
    row = st.positions[position]
    m, account = row.market, row.account
    market, venue = p.markets[m], p.venues[p.markets[m].venue]
    policy, settlement = venue.adl_ranking, market.settlement
    if policy == RANDOM:
        return _luck(st, p, venue.key, position)
    if policy == SOCIALISE:
        return float(abs(row.lots))
    if policy == WATER_FILLING_LEVERAGE:
        return leverage_of(st, p, account, settlement)
    value = row.lots * lot_value(market, st.markets[m].mark)
    profit = float(value - row.entry_value)
    if policy == PRO_RATA_PNL:
        return max(profit, 0.0)
    if policy == RISK_AWARE_PRO_RATA:
        return max(profit, 0.0) * leverage_of(st, p, account, settlement)
    equity = float(equity_in(st, p, account, settlement))
    if policy == QUEUE_PNL_MARGIN:
        ratio = float(maintenance_of(st, p, account)) / equity if equity > 0.0 else 0.0
        least = from_usd(market, st.markets[m].mark, 1_000_000)
        wallet = equity - float(unrealised_in(st, p, account, settlement))
        return pnl_margin_score(profit, wallet, ratio, float(least))
    now, entry = max(abs(float(value)), 1.0), max(abs(float(row.entry_value)), 1.0)
    leverage = abs(float(value)) / max(equity, 1.0)
    if policy == QUEUE_RETURN_LEVERAGE:
        if market.contract == INVERSE:  # worth less of the asset as its price rises
            now, entry = entry, now
        return price_leverage_score(now, entry, leverage, row.lots > 0)
    return pnl_leverage_score(profit / (entry if policy == QUEUE_ENTRY_LEVERAGE else now), leverage)


@kernel
def _luck(st: State, p: Params, key: np.uint64, position: int) -> float:
    """Return the draw of a counterparty: a trader's own, whoever else there is; another's by its place."""
    account = st.positions[position].account
    trader = account - p.run[0].first_trader
    step = st.clock[0].step
    if 0 <= trader < len(st.traders):
        layer = p.layers[st.traders[trader].layer]
        place = layer.first_place + position - st.accounts[account].first_position
        return uniform(layer.key, step, trader - layer.first_trader, TURN + place)
    return uniform(key, step, position, FIRST)


# --- the ranking ----------------------------------------------------------------------------------


@kernel
def is_counterparty(st: State, p: Params, position: int, m: int, long: bool) -> bool:
    """Tell whether a position may bear a residual on the other side of market m, or on any if socialised."""
    row = st.positions[position]
    if row.market != m or row.lots == 0 or p.run[0].deleveraging == 0:
        return False
    if (row.lots > 0) != long and p.venues[p.markets[m].venue].adl_ranking != SOCIALISE:
        return False
    account = st.accounts[row.account]
    return account.kind != FUND and account.kind != ABSORBER and account.standing & INSOLVENT == 0


@kernel
def count_counterparties(st: State, p: Params, m: int, long: bool) -> int:
    """Return how many positions a batch may touch."""
    n = 0
    for k in range(len(st.positions)):
        if is_counterparty(st, p, k, m, long):
            n += 1
    return n


@outlined
def rank_counterparties(st: State, p: Params, m: int, long: bool, wanted: int) -> None:
    """Rank the counterparties of a batch at its start, and share `wanted` lots out among them.

    Queues are a heap, the highest score first; others keep the order of positions.
    """
    policy = p.venues[p.markets[m].venue].adl_ranking
    n = 0
    for k in range(len(st.positions)):
        if is_counterparty(st, p, k, m, long):
            row = st.ranked[n]
            row.score, row.position, row.lots = score(st, p, k), k, abs(st.positions[k].lots)
            n += 1
    clock = st.clock[0]
    clock.n_ranked, clock.adl_rank, clock.adl_lots = n, 0, 0
    for k in range(n):
        clock.adl_lots += st.ranked[k].lots
    if policy == PRO_RATA_PNL or policy == RISK_AWARE_PRO_RATA:
        _share_by_score(st, wanted)
    elif policy == WATER_FILLING_LEVERAGE:
        _level_leverage(st, p, wanted)
    for root in range(n // 2 - 1, -1, -1):
        _sift_down(st, root, n)


@kernel
def _precedes(st: State, a: int, b: int) -> bool:
    """Tell whether ranked row a comes before row b: the higher score, ties by position number."""
    x, y = st.ranked[a], st.ranked[b]
    return x.score > y.score or (x.score == y.score and x.position < y.position)


@kernel
def _sift_down(st: State, root: int, n: int) -> None:
    """Restore the heap below `root`."""
    while True:
        child = 2 * root + 1
        if child >= n:
            return
        if child + 1 < n and _precedes(st, child + 1, child):
            child += 1
        if not _precedes(st, child, root):
            return
        x, y = st.ranked[root], st.ranked[child]
        score_, position, lots = x.score, x.position, x.lots
        x.score, x.position, x.lots = y.score, y.position, y.lots
        y.score, y.position, y.lots = score_, position, lots
        root = child


@kernel
def pop_ranked(st: State) -> None:
    """Take the first counterparty out of the ranking."""
    clock = st.clock[0]
    clock.adl_rank += 1
    clock.n_ranked -= 1
    first, last = st.ranked[0], st.ranked[clock.n_ranked]
    first.score, first.position, first.lots = last.score, last.position, last.lots
    _sift_down(st, 0, clock.n_ranked)


# --- shares ---------------------------------------------------------------------------------------


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
        upto = min(math.ceil(float(left) * (passed / total)), left)
        part = min(upto - given, free)
        given = max(upto, given)
        st.ranked[k].lots += part
        out += part
    return out


@outlined
def _level_leverage(st: State, p: Params, wanted: int) -> None:
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
    return int64(notional / float(abs(lot_value(market, st.markets[int64(row.market)].mark))) + 0.5)


@kernel
def _above(st: State, k: int, level: float) -> int:
    """Return the lots that bring the account of ranked row k, whose `lots` are its notional, to a level of leverage."""
    row = st.ranked[k]
    if row.score <= level:
        return 0
    over = math.ceil(float(row.lots) * (1.0 - level / row.score))
    return min(over, abs(st.positions[row.position].lots))

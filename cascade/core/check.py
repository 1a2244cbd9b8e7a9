"""The invariants of a running market, exactly, with no tolerance.

A breach is a defect of the simulator, never of a scenario: the run stops and names what broke.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cascade.core.audit import AUDIT, audit, count_free
from cascade.core.bitmap import words
from cascade.core.exact import INVERSE, lot_values_of
from cascade.core.params import LIQUIDATORS, POOL, SPOT, UNMARGINED, Params
from cascade.core.state import NONE, Array, State

Endowment = Array
"""Lots of each spot market that the accounts were given at the start."""


def breaches(st: State, p: Params, endowment: Endowment) -> list[str]:
    """Return a sentence for every invariant that does not hold; none where all is well."""
    found = np.zeros(len(st.markets), AUDIT).view(np.recarray)
    n_listed = int(audit(st, p, found))
    return [
        *_positions(st, p, endowment, found),
        *_vaults(st, p),
        *_money(st, p),
        *_books(st, p),
        *_queues(st, found, n_listed),
        *_triggers(st, p, found),
        *_flags(st, p),
    ]


def lot_values(p: Params, ticks: Array) -> Array:
    """Return v(tick) of each market at its given tick, as Python integers."""
    return lot_values_of(p.markets.unit, p.markets.contract == INVERSE, ticks).astype(object)


def _sum(values: Array) -> int:
    """Return the exact sum of an int64 column, beyond 64 bits if need be."""
    high, low = values >> 32, values & 0xFFFFFFFF
    return (int(high.sum()) << 32) + int(low.sum())


def _positions(st: State, p: Params, endowment: Endowment, found: Array) -> Iterator[str]:
    """Positions of a perpetual or a pool sum to zero; holdings of a spot asset to what was endowed."""
    for m, row in enumerate(found):
        wanted = int(endowment[m]) if p.markets[m].kind == SPOT else 0
        if row.lots != wanted:
            yield f"positions of market {m} sum to {row.lots} lots, not {wanted}"
        if row.longs != st.markets[m].open_interest:
            yield f"open interest of market {m} is {st.markets[m].open_interest} lots, longs are {row.longs}"
        if row.on_margin != st.markets[m].on_margin:
            yield f"interest on margin of market {m} is {st.markets[m].on_margin} lots, longs are {row.on_margin}"
        if row.unentered:
            yield f"market {m}: a flat position has an entry value"


def _vaults(st: State, p: Params) -> Iterator[str]:
    """Spot in the vault of a lending venue equals the claims on it."""
    for v in np.flatnonzero(p.venues.procedure == LIQUIDATORS):
        first = int(st.accounts.first_position[p.lending[v].vault])
        owed = np.zeros(len(p.markets), np.int64)
        for m in np.flatnonzero((p.markets.kind == POOL) & (p.markets.venue == v)):
            owed[p.markets[m].spot] += _sum(np.maximum(st.positions.lots[st.positions.market == m], 0))
        for m in np.flatnonzero(p.markets.kind == SPOT):
            held = int(st.positions.lots[first + m])
            if held != owed[m]:
                yield f"the vault of venue {v} holds {held} lots of market {m}, claims are {owed[m]}"


def _money(st: State, p: Params) -> Iterator[str]:
    """Balances sum to deposits less withdrawals; equities sum to balances at any marks."""
    for k in range(st.balances.shape[1]):
        total = _sum(st.balances[:, k])
        wanted = int(st.ledger[k].deposits) - int(st.ledger[k].withdrawals)
        if total != wanted:
            yield f"balances of settlement asset {k} sum to {total}, deposits less withdrawals are {wanted}"
    if (st.accounts.reserved < 0).any():
        yield "an account holds back a negative margin"
    live = np.flatnonzero(st.orders.lots != 0)
    owners = st.positions.account[st.orders.position[live]]
    margined = st.accounts.margin[owners] != UNMARGINED
    reserved = np.zeros(len(st.accounts), np.int64)
    for order, owner in zip(live[margined], owners[margined], strict=True):
        reserved[owner] += _reserve(st, p, int(order))
    if (reserved != st.accounts.reserved).any():
        yield "the margin that an account holds back is not that of its resting orders"


def _reserve(st: State, p: Params, order: int) -> int:
    """Return the margin that a resting order of a margined account holds back."""
    row = st.orders[order]
    market = p.markets[st.positions[row.position].market]
    tick, lots = int(row.tick), int(row.lots)
    unit = int(market.unit)
    value = tick * unit if market.contract != INVERSE else (2 * unit + tick) // (2 * tick)
    notional = abs(lots) * value
    if market.kind == SPOT:
        return notional if lots > 0 else 0
    tiers = p.tiers[int(market.first_tier) : int(market.first_tier + market.n_tiers)]
    tier = tiers[min(int((tiers.cap < notional).sum()), len(tiers) - 1)]
    rate = int(1e8 / float(tier.max_leverage) + 0.5)
    return -(-notional * rate // 100_000_000)


def _bitmap(occupied: Array) -> Array:
    """Return the words of all three levels of a bitmap in which the given slots are set."""
    levels: list[Array] = []
    for _ in range(3):
        padded = np.zeros(-(-len(occupied) // 64) * 64, np.uint8)
        padded[: len(occupied)] = occupied
        levels.append(np.packbits(padded, bitorder="little").view(np.uint64))
        occupied = levels[-1] != 0
    return np.concatenate(levels)


def _books(st: State, p: Params) -> Iterator[str]:
    """No book is crossed; best prices and bitmaps say what the orders are."""
    n = int(p.run[0].n_ticks)
    size = sum(words(n))
    live = np.flatnonzero(st.orders.lots != 0)
    if len(live) != st.clock[0].n_orders:
        yield f"{len(live)} orders rest, {st.clock[0].n_orders} are counted"
    market = st.positions.market[st.orders.position[live]]
    for m in range(len(p.markets)):
        row = st.markets[m]
        mine = live[market == m]
        ticks, lots = st.orders.tick[mine].astype(np.int64), st.orders.lots[mine]
        bids, asks = ticks[lots > 0], ticks[lots < 0]
        if row.best_bid != (bids.max() if len(bids) else 0):
            yield f"market {m}: best bid is {row.best_bid}, orders say otherwise"
        if row.best_ask != (asks.min() if len(asks) else 2_147_483_647):
            yield f"market {m}: best ask is {row.best_ask}, orders say otherwise"
        if row.best_bid >= row.best_ask:
            yield f"market {m}: the book is crossed, {row.best_bid} bid, {row.best_ask} asked"
        if (len(bids), len(asks)) != (row.n_bids, row.n_asks):
            yield f"market {m}: {row.n_bids} bids and {row.n_asks} asks counted, {len(bids)} and {len(asks)} rest"
        slots = ticks - row.window
        inside = (slots >= 0) & (slots < n)
        for which, side in ((0, lots > 0), (1, lots < 0)):
            occupied = np.zeros(n, np.bool_)
            occupied[slots[inside & side]] = True
            at = (4 * m + which) * size
            if (st.bits[at : at + size] != _bitmap(occupied)).any():
                yield f"market {m}: a bitmap of the book is wrong"


def _queues(st: State, found: Array, n_listed: int) -> Iterator[str]:
    """Every resting order is reached exactly once from its level or the far list; free ones from the free list."""
    n, n_rest = len(st.orders), int(st.clock[0].n_orders)
    queued = int(found.queued.sum())
    for m, row in enumerate(found):
        if row.empty != NONE:
            yield f"order {row.empty} is queued but empty"
        if row.levels:
            yield f"market {m}: a level's total is not that of its orders"
    if n_listed != n_rest:
        yield f"accounts list {n_listed} orders, {n_rest} rest"
    if queued != n_rest:
        yield f"queues hold {queued} orders, {n_rest} rest"
    n_free = int(count_free(st))
    if n_free + queued != n:
        yield f"{n - n_free - queued} orders are lost"


def _triggers(st: State, p: Params, found: Array) -> Iterator[str]:
    """Every trigger node hangs in the bucket of its tick, linked both ways from the bucket's head."""
    n, size = int(p.run[0].n_ticks), sum(words(int(p.run[0].n_ticks)))
    heads = st.trigger_heads.reshape(-1, n + 1)
    for m, row in enumerate(found):
        for which, wrong in ((2, row.low), (3, row.high)):
            if wrong:
                yield f"market {m}: {wrong} {'low' if which == 2 else 'high'} triggers hang where they should not"
            at = (4 * m + which) * size
            if (st.bits[at : at + size] != _bitmap(heads[2 * m + which - 2, :n] != NONE)).any():
                yield f"market {m}: a bitmap of the triggers is wrong"


def _flags(st: State, p: Params) -> Iterator[str]:
    """As many accounts are flagged for liquidation as are counted."""
    run = p.run[0]
    flags = st.bits[run.flags_at : run.flags_at + run.f0]
    flagged = int(np.unpackbits(flags.view(np.uint8)).sum())
    if flagged != st.clock[0].n_flagged:
        yield f"{flagged} accounts are flagged, {st.clock[0].n_flagged} are counted"

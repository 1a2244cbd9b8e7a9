"""What only following every link can tell: which orders and triggers are reached from where they should hang.

`check` asks for it at each verification of a running market, so it is compiled; it allocates nothing and
changes nothing, and a circle of links ends it as surely as a whole market.
"""

from __future__ import annotations

from cascade.compiler.jit import entry, int64, kernel
from cascade.core.buckets import HIGH, LOW, bucket_at, bucket_of
from cascade.core.params import UNMARGINED, Params
from cascade.core.state import NONE, Array, State, record

AUDIT = record(
    ("lots", "i8"), ("longs", "i8"), ("on_margin", "i8"), ("unentered", "i8"), ("queued", "i8"), ("empty", "i8"),
    ("levels", "i8"), ("low", "i8"), ("high", "i8"),
)  # fmt: skip
"""Of a market: sum of all lots, of those long, and of those long on margin, flat positions with an entry value, orders
reached from its levels and its far list, one of them that is empty (or NONE), levels whose total or order is wrong,
and low and high triggers that hang where they should not."""


@entry
def audit(st: State, p: Params, markets: Array) -> int:
    """Fill an AUDIT for each market, given as zeros; return the orders that accounts list."""
    for k in range(len(st.positions)):
        row = st.positions[k]
        found = markets[row.market]
        found.lots += row.lots
        found.longs += max(row.lots, 0)
        found.on_margin += max(row.lots, 0) if st.accounts[row.account].margin != UNMARGINED else 0
        found.unentered += int64(row.lots == 0 and row.entry_value != 0)
        found.low += _astray(st, p, 2 * k)
        found.high += _astray(st, p, 2 * k + 1)
    for m in range(len(st.markets)):
        markets[m].empty = NONE
        _follow_levels(st, p, m, markets[m])
        markets[m].low += _count_heads(st, p, m, LOW)
        markets[m].high += _count_heads(st, p, m, HIGH)
    listed = 0
    for account in range(len(st.accounts)):
        order = st.accounts[account].first_order
        while order != NONE and listed <= len(st.orders):
            listed += 1
            order = st.orders[order].own_next
    return listed


@entry
def count_free(st: State) -> int:
    """Return how many orders the free list holds; more than there are if it is a circle."""
    n = 0
    order = st.clock[0].free_order
    while order != NONE and n <= len(st.orders):
        n += 1
        order = st.orders[order].next
    return n


@kernel
def _follow_levels(st: State, p: Params, m: int, found: Array) -> None:
    """Follow the queue of each level, whose orders have its tick and sum to its total, and the far list."""
    n, window = p.run[0].n_ticks, st.markets[m].window
    for slot in range(n):
        level = st.levels[m * n + slot]
        total, is_wrong = 0, False
        order = level.head
        while order != NONE and found.queued <= len(st.orders):
            row = st.orders[order]
            total += row.lots
            is_wrong = is_wrong or row.tick != window + slot or st.positions[row.position].market != m
            _count(st, order, found)
            order = row.next
        if is_wrong or total != level.lots:
            found.levels += 1
    order = st.markets[m].far_head
    while order != NONE and found.queued <= len(st.orders):
        row = st.orders[order]
        is_inside = window <= row.tick < window + n
        found.levels += int64(is_inside or st.positions[int64(row.position)].market != m)
        _count(st, order, found)
        order = row.next


@kernel
def _count(st: State, order: int, found: Array) -> None:
    found.queued += 1
    if st.orders[order].lots == 0:
        found.empty = order


@kernel
def _astray(st: State, p: Params, node: int) -> int:
    """Return the share of a trigger node in the number of its market's that hang wrong.

    A node counts 1 and a bucket that is not empty counts 1 (`_count_heads`); the first node of the right
    bucket takes back both, and 1 for each node that it leads to by links that lead both ways. So most nodes
    are looked at one after the other as they lie in memory, and only those that share a bucket are followed.
    """
    row, side, m = st.triggers[node], node & 1, st.positions[node >> 1].market
    if row.tick == NONE:
        return 0
    if row.prev != NONE:
        return 1
    slot = bucket_of(st, p, m, row.tick, side)
    if st.trigger_heads[bucket_at(p, m, side) + slot] != node:
        return 1
    led, followed, before, other = 1, 0, node, row.next
    while other != NONE and followed <= len(st.positions):
        after = st.triggers[other]
        if after.tick == NONE:
            led -= 1
        elif after.prev == before and st.positions[other >> 1].market == m and other & 1 == side:
            led += int64(bucket_of(st, p, m, after.tick, side) == slot)
        followed += 1
        before, other = other, after.next
    return -led


@kernel
def _count_heads(st: State, p: Params, m: int, side: int) -> int:
    """Return how many buckets of triggers on one side of market m are not empty."""
    n, at = 0, bucket_at(p, m, side)
    for slot in range(p.run[0].n_ticks + 1):
        n += int64(st.trigger_heads[at + slot] != NONE)
    return n

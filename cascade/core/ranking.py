"""Who gives way in auto-deleveraging, in which order: a batch's counterparties, ranked at its start."""

from __future__ import annotations

from cascade.compiler.jit import kernel, outlined
from cascade.core.adl_policies import score, share
from cascade.core.params import ABSORBER, FUND, SOCIALISE, Params
from cascade.core.state import INSOLVENT, State


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
            row.score, row.position, row.lots = score(policy, st, p, k), k, abs(st.positions[k].lots)
            n += 1
    clock = st.clock[0]
    clock.n_ranked, clock.adl_rank, clock.adl_lots = n, 0, 0
    for k in range(n):
        clock.adl_lots += st.ranked[k].lots
    share(policy, st, p, wanted)
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

"""How venues mark a perpetual: a kernel for each name of a rule, in quote units (venues.md 1.3, 2).

The mean basis that some of them add to the index is followed with time: by a window of samples, or as
`follow_` and the name of the rule says.
"""

from __future__ import annotations

from cascade.compiler.choice import choice
from cascade.compiler.jit import kernel, outlined
from cascade.core.book import NO_ASK
from cascade.core.index import mid_price
from cascade.core.params import PERPETUAL, Params
from cascade.core.rules import carried_index, has_deviated
from cascade.core.state import State
from cascade.names import MarkRule, names_of


@kernel
def index(st: State, p: Params, m: int) -> float:
    """Return the index."""
    return st.markets[m].index


@kernel
def last(st: State, p: Params, m: int) -> float:
    """Return the last price."""
    return float(st.markets[m].last) * p.markets[m].tick_size


@kernel
def oracle(st: State, p: Params, m: int) -> float:
    """Return what an oracle says: its last answer, until the index has moved away or its time is up."""
    market, rule = st.markets[m], p.marks[p.markets[m].venue]
    answer = float(market.mark) * p.markets[m].tick_size
    if has_deviated(market.index, answer, rule.oracle_deviation) or st.clock[0].step >= market.oracle_at:
        market.oracle_at = st.clock[0].step + rule.oracle_steps
        return market.index
    return answer


@kernel
def carried(st: State, p: Params, m: int) -> float:
    """Return the index carried by funding to the next stamp."""
    market = st.markets[m]
    remaining = float(market.next_funding - st.clock[0].step) / float(p.funding[p.markets[m].venue].steps)
    return carried_index(market.index, float(market.funding_rate) * 1e-8, remaining)


@kernel
def books(st: State, p: Params, m: int) -> float:
    """Return the median of index with mean basis, of the market's own book, and of the mids elsewhere."""
    market, tick_size = st.markets[m], p.markets[m].tick_size
    traded = last(st, p, m)
    average = market.index + market.basis_mean
    bid, ask = float(market.best_bid) * tick_size, float(market.best_ask) * tick_size
    own = _median(bid, ask, traded) if market.best_ask != NO_ASK else max(bid, traded)
    return _median(average, own, _mid_elsewhere(st, p, m, average))


@kernel
def median(st: State, p: Params, m: int) -> float:
    """Return the median of the carried index, the index with mean basis, and the last price."""
    market = st.markets[m]
    return _median(carried(st, p, m), market.index + market.basis_mean, last(st, p, m))


@kernel
def _median(a: float, b: float, c: float) -> float:
    """Return the median of three."""
    return max(min(a, b), min(max(a, b), c))


@kernel
def _mid_elsewhere(st: State, p: Params, m: int, otherwise: float) -> float:
    """Return the mean mid of the asset's perpetuals on other venues, or `otherwise` where there is none."""
    total, n = 0.0, 0
    for other in range(len(p.markets)):
        row = p.markets[other]
        if row.kind == PERPETUAL and row.asset == p.markets[m].asset and row.venue != p.markets[m].venue:
            total += mid_price(st, p, other)
            n += 1
    return total / float(n) if n > 0 else otherwise


mark_price = choice(names_of(MarkRule), globals(), decorator=outlined)
"""Return the mark of a perpetual in quote units under the rule of a number."""


# --- the mean basis -------------------------------------------------------------------------------


@kernel
def follow_books(st: State, p: Params, m: int) -> None:
    """Let the mean basis follow the book as an exponential average."""
    market, decay = st.markets[m], p.marks[p.markets[m].venue].decay
    market.basis_mean = decay * market.basis_mean + (1.0 - decay) * (mid_price(st, p, m) - market.index)


@kernel
def _follow_samples(st: State, p: Params, m: int) -> None:
    """Let the mean basis be that of a window of samples; add one where it is due."""
    market, rule = st.markets[m], p.marks[p.markets[m].venue]
    if st.clock[0].step < market.basis_at:
        return
    st.basis[m, market.n_basis % rule.n_basis] = mid_price(st, p, m) - market.index
    market.n_basis += 1
    market.basis_at += rule.basis_steps
    held = min(market.n_basis, rule.n_basis)
    total = 0.0
    for k in range(held):
        total += st.basis[m, k]
    market.basis_mean = total / float(held)


follow_basis = choice(
    names_of(MarkRule),
    {f"follow_{name}": globals().get(f"follow_{name}", _follow_samples) for name in names_of(MarkRule)},
    "follow_{}",
)
"""Let the mean basis of a perpetual follow its book under the rule of a number."""

"""What a spot holding counts for as margin: its collateral price, less the venue's haircut.

A venue takes the price from its own spot book, from the median of all spot markets of the asset, from
what the issuer redeems it at, or from its own book but no lower than a floor. All rise with every spot
price, which is what lets a box of prices prove that an account is safe (`triggers`).
"""

from __future__ import annotations

import math

from cascade.compiler.choice import choice
from cascade.compiler.jit import entry, kernel, outlined
from cascade.core.exact import lot_value, times_rate
from cascade.core.params import MEDIAN, OWN_SPOT, REDEMPTION, SPOT, UNMARGINED, Params
from cascade.core.state import State
from cascade.names import CollateralPrice, names_of


@kernel
def counted_value(st: State, p: Params, position: int) -> int:
    """Return what a position adds to the equity of its account at the present marks.

    Of a spot holding of a margined account that is its value at the collateral price less the haircut,
    rounded down. Whatever else there is counts in full, at its mark.
    """
    row = st.positions[position]
    m, account = row.market, st.accounts[row.account]
    if p.markets[m].kind != SPOT or account.margin == UNMARGINED:
        return row.lots * lot_value(p.markets[m], st.markets[m].mark)
    at = account.venue * len(p.markets) + m
    tick = st.markets[m].mark if p.collateral[at].price == OWN_SPOT else st.collateral[at]
    return kept_value(p, at, m, row.lots, tick)


@kernel
def kept_value(p: Params, at: int, m: int, lots: int, tick: int) -> int:
    """Return what lots of spot market m count for at a collateral price under row `at` of the rules."""
    value = lots * lot_value(p.markets[m], tick)
    return times_rate(value, p.collateral[at].kept) if lots > 0 else value


# --- prices, a kernel for each name, of spot market m when every spot price has fallen by `reach` -----


@kernel
def by_own_spot(st: State, p: Params, at: int, m: int, reach: float) -> int:
    """Return the price of the book that the holding is in."""
    return fallen(st.markets[m].mark, reach)


@kernel
def by_redemption(st: State, p: Params, at: int, m: int, reach: float) -> int:
    """Return what the issuer pays, whatever the books say."""
    return p.collateral[at].given


@kernel
def by_floor(st: State, p: Params, at: int, m: int, reach: float) -> int:
    """Return the price of the holding's own book, at least a part of what the issuer pays."""
    return max(fallen(st.markets[m].mark, reach), p.collateral[at].given)


@kernel
def fallen(mark: int, reach: float) -> int:
    """Return the lowest tick within `reach` below a mark."""
    return max(math.ceil(float(mark) * (1.0 - reach)), 1)


@outlined
def by_median(st: State, p: Params, at: int, m: int, reach: float) -> int:
    """Return the median of all spot prices of the asset, as a tick of market m."""
    asset, n = p.markets[m].asset, 0
    for k in range(len(p.markets)):
        n += 1 if _is_source(p, k, asset) else 0
    price = 0.5 * (_ranked(st, p, asset, (n - 1) // 2, reach) + _ranked(st, p, asset, n // 2, reach))
    return max(math.floor(price / p.markets[m].tick_size + 0.5), 1)


@kernel
def _is_source(p: Params, k: int, asset: int) -> bool:
    """Tell whether market k is a spot market of an asset."""
    return p.markets[k].kind == SPOT and p.markets[k].asset == asset


@kernel
def _price(st: State, p: Params, k: int, reach: float) -> float:
    """Return the price of market k, fallen by `reach`, in quote units."""
    return float(fallen(st.markets[k].mark, reach)) * p.markets[k].tick_size


@kernel
def _ranked(st: State, p: Params, asset: int, rank: int, reach: float) -> float:
    """Return the fallen spot price of an asset that `rank` others lie below (few sources: counted)."""
    for k in range(len(p.markets)):
        if not _is_source(p, k, asset):
            continue
        price = _price(st, p, k, reach)
        below, level = 0, 0
        for other in range(len(p.markets)):
            if _is_source(p, other, asset):
                there = _price(st, p, other, reach)
                below += 1 if there < price else 0
                level += 1 if there == price else 0
        if below <= rank < below + level:
            return price
    return 0.0


_by_source = choice(names_of(CollateralPrice), globals(), "by_{}")


@kernel
def collateral_tick(st: State, p: Params, at: int, m: int, reach: float) -> int:
    """Return the collateral price of spot market m, under row `at` of the rules, when spot has fallen by `reach`."""
    return _by_source(p.collateral[at].price, st, p, at, m, reach)


@outlined
def update_collateral(st: State, p: Params) -> None:
    """Set the price of all collateral that has another than its own book's."""
    n = len(p.markets)
    for at in range(len(p.collateral)):
        if p.collateral[at].price != OWN_SPOT:
            st.collateral[at] = collateral_tick(st, p, at, at % n, 0.0)


@kernel
def moves_collateral(p: Params, venue: int, m: int, lots: int) -> bool:
    """Tell whether an account that holds lots of spot market m may lose margin by its price.

    Under redemption it does not, but where the venue takes a median for any market of the asset it may,
    even if it holds the asset only there.
    """
    n = len(p.markets)
    if lots > 0 and p.collateral[venue * n + m].price != REDEMPTION:
        return True
    asset = p.markets[m].asset
    for k in range(n):
        if _is_source(p, k, asset) and p.collateral[venue * n + k].price == MEDIAN:
            return True
    return False


@entry
def price_collateral(st: State, p: Params) -> None:
    """Set the price of all collateral at the start."""
    update_collateral(st, p)

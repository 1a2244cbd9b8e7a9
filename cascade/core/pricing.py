"""News value, index, mark and funding."""

from __future__ import annotations

import math

from cascade.compiler.jit import kernel, outlined
from cascade.core.bitmap import first_from, last_until
from cascade.core.book import BUYS, NO_ASK, NO_BID, SELLS
from cascade.core.exact import lot_value, tick_where
from cascade.core.ladder import ASKS, BIDS, bitmap_at, recentre
from cascade.core.params import (
    ANCHORS,
    FUNDING_FIXED,
    GBM,
    JUMP_DIFFUSION,
    MARK_BOOKS,
    MARK_CARRIED,
    MARK_INDEX,
    MARK_LAST,
    MARK_ORACLE,
    NEWS_SHOCK,
    PERPETUAL,
    POOL,
    SPOT,
    UNMARGINED,
    Params,
)  # fmt: skip
from cascade.core.rules import carried_index, funding_payment, funding_rate, has_deviated, premium_index
from cascade.core.state import NONE, State
from cascade.core.triggers import retrigger
from cascade.rng import ALONE, FIRST, FOURTH, THIRD, normal, uniform


@outlined
def advance_news(st: State, p: Params, a: int) -> None:
    """Move the news value of an asset by one step: diffusion, jumps, anchors with a bridge, shocks."""
    asset, row = p.assets[a], st.assets[a]
    step = st.clock[0].step
    if asset.news == ANCHORS:
        _bridge(st, p, a, step)
    elif asset.news == GBM or asset.news == JUMP_DIFFUSION:
        sd = asset.volatility
        row.log_value += asset.drift - 0.5 * sd * sd + sd * normal(asset.key, step, ALONE, FIRST)
    if asset.news == JUMP_DIFFUSION and uniform(asset.key, step, ALONE, THIRD) < asset.jump_rate:
        row.log_value += asset.jump_mean + asset.jump_sd * normal(asset.key, step, ALONE, FOURTH)
    for k in range(len(p.shocks)):
        shock = p.shocks[k]
        if shock.kind == NEWS_SHOCK and shock.target == a and shock.start <= step < shock.stop:
            row.shift += shock.amount / float(shock.stop - shock.start)
    row.value = math.exp(row.log_value + row.shift)


@kernel
def _bridge(st: State, p: Params, a: int, step: int) -> None:
    """Move a Brownian bridge one step on, through the anchors inside the step and towards the next.

    Each anchor is met exactly, at its own time; after the last the value stays.
    """
    asset, row = p.assets[a], st.assets[a]
    since, now = float(step), float(step + 1)  # the value moves from the end of the last step to that of this
    end = asset.first_point + asset.n_points
    while row.point < end and p.points[row.point].step < now:
        row.log_value, since = p.points[row.point].log_price, max(p.points[row.point].step, since)
        row.point += 1
    if row.point == end:
        return
    point = p.points[row.point]
    ahead, part = point.step - since, now - since
    sd = asset.volatility * math.sqrt(part * (ahead - part) / ahead)
    row.log_value += (point.log_price - row.log_value) * part / ahead
    row.log_value += sd * normal(asset.key, step, ALONE, FIRST)


@kernel
def update_mid(st: State, m: int) -> None:
    """Take twice the mid of market m, in ticks; a side that is empty leaves the last one standing."""
    market = st.markets[m]
    if market.best_bid != NO_BID and market.best_ask != NO_ASK:
        market.mid2 = market.best_bid + market.best_ask


@kernel
def mid_price(st: State, p: Params, m: int) -> float:
    """Return the mid of market m in quote units."""
    return 0.5 * float(st.markets[m].mid2) * p.markets[m].tick_size


@outlined
def index_price(st: State, p: Params, asset: int, limit: float) -> float:
    """Return the weighted mean of the spot mids of an asset, with the guard against outliers.

    A source farther than `limit` from the median of all has no weight; where that befalls more than
    one, the index is the median (Binance; venues.md 1.3).
    """
    total, weight, n = 0.0, 0.0, 0
    for m in range(len(p.markets)):
        if _is_source(p, m, asset):
            total += p.markets[m].index_weight * mid_price(st, p, m)
            weight += p.markets[m].index_weight
            n += 1
    if n < 2:
        return total / weight
    median = 0.5 * (_ranked_mid(st, p, asset, (n - 1) // 2) + _ranked_mid(st, p, asset, n // 2))
    outliers = 0
    for m in range(len(p.markets)):
        mid = mid_price(st, p, m)
        if _is_source(p, m, asset) and abs(mid - median) > limit * median:
            total -= p.markets[m].index_weight * mid
            weight -= p.markets[m].index_weight
            outliers += 1
    return median if outliers > 1 or weight <= 0.0 else total / weight


@kernel
def _is_source(p: Params, m: int, asset: int) -> bool:
    """Tell whether market m is one of those the index of an asset is made of."""
    market = p.markets[m]
    return market.kind == SPOT and market.asset == asset and market.index_weight > 0.0


@outlined
def _ranked_mid(st: State, p: Params, asset: int, rank: int) -> float:
    """Return the spot mid of an asset that `rank` others lie below (few sources: counted, not sorted)."""
    for m in range(len(p.markets)):
        if not _is_source(p, m, asset):
            continue
        mid = mid_price(st, p, m)
        below, level = 0, 0
        for other in range(len(p.markets)):
            if _is_source(p, other, asset):
                price = mid_price(st, p, other)
                below += 1 if price < mid else 0
                level += 1 if price == mid else 0
        if below <= rank < below + level:
            return mid
    return 0.0


@kernel
def _median(a: float, b: float, c: float) -> float:
    """Return the median of three."""
    return max(min(a, b), min(max(a, b), c))


@outlined
def update_mark(st: State, p: Params, m: int, sample: bool) -> None:
    """Set index and mark of market m; `sample` advances the average of the basis with time.

    Waves inside a step pass sample=False: time has not passed.
    """
    market, fixed = st.markets[m], p.markets[m]
    venue = p.venues[fixed.venue]
    if venue.index_steps == 1 or (sample and st.clock[0].step % venue.index_steps == 0):
        market.index = index_price(st, p, fixed.asset, venue.outlier_limit)
    market.mark_before = market.mark
    if fixed.kind == SPOT:
        market.mark = max((market.mid2 + 1) // 2, 1)
    else:
        if sample:
            _follow_basis(st, p, m)
        price = _mark_price(st, p, m)
        market.mark = max(math.floor(price / fixed.tick_size + 0.5), 1)
    if fixed.kind == POOL:  # nobody trades there: its prices are the oracle's
        market.last, market.mid2 = market.mark, 2 * market.mark
        market.high, market.low = max(market.high, market.mark), min(market.low, market.mark)
    market.mark_high = max(market.mark_high, market.mark)
    market.mark_low = min(market.mark_low, market.mark)
    n = p.run[0].n_ticks
    if not market.window + n // 8 <= market.mark < market.window + n - n // 8:
        recentre(st, p, m, market.mark)


@outlined
def _mark_price(st: State, p: Params, m: int) -> float:
    """Return the mark of a perpetual in quote units under its venue's rule (venues.md 1.3, 2)."""
    market, fixed = st.markets[m], p.markets[m]
    venue = p.venues[fixed.venue]
    index, last = market.index, float(market.last) * fixed.tick_size
    if venue.mark == MARK_INDEX:
        return index
    if venue.mark == MARK_LAST:
        return last
    if venue.mark == MARK_ORACLE:
        return _oracle_price(st, p, m)
    remaining = float(market.next_funding - st.clock[0].step) / float(venue.funding_steps)
    carried = carried_index(index, float(market.funding_rate) * 1e-8, remaining)
    if venue.mark == MARK_CARRIED:
        return carried
    if venue.mark == MARK_BOOKS:
        average = index + market.basis_mean
        bid, ask = float(market.best_bid) * fixed.tick_size, float(market.best_ask) * fixed.tick_size
        own = _median(bid, ask, last) if market.best_ask != NO_ASK else max(bid, last)
        return _median(average, own, _mid_elsewhere(st, p, m, average))
    return _median(carried, index + market.basis_mean, last)


@kernel
def _oracle_price(st: State, p: Params, m: int) -> float:
    """Return what an oracle says: its last answer, until the index has moved away or its time is up."""
    market, venue = st.markets[m], p.venues[p.markets[m].venue]
    answer = float(market.mark) * p.markets[m].tick_size
    if has_deviated(market.index, answer, venue.oracle_deviation) or st.clock[0].step >= market.oracle_at:
        market.oracle_at = st.clock[0].step + venue.oracle_steps
        return market.index
    return answer


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


@kernel
def _follow_basis(st: State, p: Params, m: int) -> None:
    """Let the mean basis follow the book with time: a moving window, or an exponential average."""
    market = st.markets[m]
    venue = p.venues[p.markets[m].venue]
    basis = mid_price(st, p, m) - market.index
    if venue.mark == MARK_BOOKS:
        market.basis_mean = venue.mark_decay * market.basis_mean + (1.0 - venue.mark_decay) * basis
    elif st.clock[0].step >= market.basis_at:
        _sample_basis(st, p, m, basis)


@kernel
def _sample_basis(st: State, p: Params, m: int, basis: float) -> None:
    """Add a sample to the ring of the basis and take the mean of those it holds."""
    market = st.markets[m]
    venue = p.venues[p.markets[m].venue]
    st.basis[m, market.n_basis % venue.n_basis] = basis
    market.n_basis += 1
    market.basis_at += venue.basis_steps
    held = min(market.n_basis, venue.n_basis)
    total = 0.0
    for k in range(held):
        total += st.basis[m, k]
    market.basis_mean = total / float(held)


# --- funding --------------------------------------------------------------------------------------


@outlined
def impact_price(st: State, p: Params, m: int, buys: bool) -> float:
    """Return the average price of buying (or selling) the impact notional at market, or the far side's best."""
    market, fixed = st.markets[m], p.markets[m]
    run = p.run[0]
    wanted, value, lots = fixed.impact_notional, 0, 0
    tick = market.best_ask if buys else market.best_bid
    if tick == NO_ASK or tick == NO_BID:
        return mid_price(st, p, m)
    while value < wanted and market.window <= tick < market.window + run.n_ticks:
        unit = lot_value(fixed, tick)
        held = abs(st.levels[m * run.n_ticks + tick - market.window].lots)
        part = min(held, (wanted - value) // abs(unit) + 1)
        value += part * abs(unit)
        lots += part
        following = next_level(st, p, m, tick, buys)
        if following == NONE:
            break
        tick = following
    average = math.copysign(float(value), float(lot_value(fixed, 1))) / float(lots)
    return tick_where(fixed, average) * fixed.tick_size


@kernel
def next_level(st: State, p: Params, m: int, tick: int, asks: bool) -> int:
    """Return the next occupied tick away from the touch, or NONE at the window's edge."""
    from_ = tick - st.markets[m].window
    run = p.run[0]
    if asks:
        slot = first_from(st.bits, bitmap_at(p, m, ASKS), run.n0, run.n1, from_ + 1)
    else:
        slot = last_until(st.bits, bitmap_at(p, m, BIDS), run.n0, run.n1, from_ - 1)
    return NONE if slot == NONE else st.markets[m].window + slot


@outlined
def sample_premium(st: State, p: Params, m: int) -> None:
    """Add a linearly weighted sample of the premium index (venues.md 1.6)."""
    market = st.markets[m]
    index = market.index
    premium = premium_index(impact_price(st, p, m, SELLS), impact_price(st, p, m, BUYS), index)
    market.premium_at += 1.0
    market.premium_sum += market.premium_at * premium
    market.premium_weight += market.premium_at


@kernel
def _next_rate(st: State, p: Params, m: int) -> int:
    """Return the funding rate of the interval that begins: the schedule's, or the venue's formula."""
    market, fixed = st.markets[m], p.markets[m]
    venue = p.venues[fixed.venue]
    if fixed.funding == FUNDING_FIXED:
        rate = market.funding_rate
        for k in range(fixed.first_rate, fixed.first_rate + fixed.n_rates):
            if p.rates[k].step <= st.clock[0].step:
                rate = p.rates[k].rate
        return rate
    premium = market.premium_sum / market.premium_weight if market.premium_weight > 0.0 else 0.0
    average = math.floor(premium * 1e8 + 0.5)
    return funding_rate(
        average, venue.funding_interest, venue.funding_clamp, venue.funding_part, venue.funding_whole,
        fixed.funding_cap,
    )  # fmt: skip


@outlined
def settle_funding(st: State, p: Params, m: int) -> None:
    """Exchange funding between all positions of a perpetual at its stamp; longs pay M x Q x F.

    Each payment is rounded against its account; the difference goes to the rounding account. A
    margin that shrinks moves its triggers.
    """
    market, fixed = st.markets[m], p.markets[m]
    if fixed.funding != FUNDING_FIXED:
        market.funding_rate = _next_rate(st, p, m)
    value = lot_value(fixed, market.mark)
    if p.venues[fixed.venue].funding_at_index != 0:
        value = lot_value(fixed, max(math.floor(market.index / fixed.tick_size + 0.5), 1))
    collected = 0
    for k in range(len(st.positions)):
        position = st.positions[k]
        if position.market == m and position.lots != 0:
            payment = funding_payment(position.lots * abs(value), market.funding_rate)
            account = position.account
            st.balances[account, fixed.settlement] -= payment
            collected += payment
            if st.accounts[account].margin != UNMARGINED:
                retrigger(st, p, account)
    st.balances[p.venues[fixed.venue].rounding, fixed.settlement] += collected
    if fixed.funding == FUNDING_FIXED:
        market.funding_rate = _next_rate(st, p, m)
    market.next_funding += p.venues[fixed.venue].funding_steps
    market.premium_sum, market.premium_weight, market.premium_at = 0.0, 0.0, 0.0


@kernel
def fund_markets(st: State, p: Params) -> None:
    """Sample premiums and settle every perpetual whose funding stamp has come."""
    step = st.clock[0].step
    for m in range(len(p.markets)):
        fixed = p.markets[m]
        if fixed.kind != PERPETUAL:
            continue
        venue = p.venues[fixed.venue]
        if fixed.funding != FUNDING_FIXED and step % venue.premium_steps == 0:
            sample_premium(st, p, m)
        if step >= st.markets[m].next_funding:
            settle_funding(st, p, m)


@outlined
def update_withdrawal(st: State, p: Params, m: int) -> None:
    """Follow one-minute returns of the mid, and let makers' depth fall as they exceed the calm.

    factor = clamp((sqrt(var / calm) / threshold)^-exponent, floor, 1); one-minute returns with a
    floor, since bounce alone would otherwise empty the book (science.md 1.4).
    """
    market, fixed = st.markets[m], p.markets[m]
    if st.clock[0].step < market.variance_at:
        return
    mid = float(market.mid2)
    change = math.log(mid / market.variance_mid)
    market.variance = fixed.variance_decay * market.variance + (1.0 - fixed.variance_decay) * change * change
    market.variance_mid = mid
    market.variance_at += fixed.variance_steps
    ratio = math.sqrt(market.variance / fixed.calm_variance) / fixed.withdrawal_threshold
    factor = ratio**-fixed.withdrawal_exponent if ratio > 1.0 else 1.0
    market.depth_factor = max(factor, fixed.withdrawal_floor)


@kernel
def learn(st: State, p: Params, m: int) -> None:
    """Let the makers' fair value follow the signed flow of the last step, and forget with time.

    The same flow moves a thinner book farther.
    """
    market, fixed = st.markets[m], p.markets[m]
    thin = max(market.depth_factor, fixed.learning_floor) * market.depth_shock
    market.impact = market.impact * fixed.impact_decay + fixed.impact * float(market.flow_learnt) / thin
    market.flow_learnt = 0


@kernel
def fair_value(st: State, p: Params, m: int) -> float:
    """Return what makers of market m think it is worth: news value times what they learnt from flow."""
    return st.assets[p.markets[m].asset].value * math.exp(st.markets[m].impact)

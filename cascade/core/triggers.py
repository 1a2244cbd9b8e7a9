"""The trigger index: which accounts a mark has reached, at a cost that follows those it reaches.

Every position has a node below the mark and one above, hung into buckets by tick. A position that
is margined alone hangs at the exact tick where its margin fails, or at a nearer stop or top-up.
A cross-margined account gets a box, one adverse face per position, inside which its excess margin
is positive: excess is monotone in every adverse move, so an exact test at the worst corner proves
the whole box. Both legs of a hedge move along one side of it: there excess is concave, so that the
worse of its ends counts.
"""

from __future__ import annotations

import math

from cascade.compiler.jit import kernel, outlined
from cascade.core.bitmap import clear_bit, first_from, has_bit, set_bit
from cascade.core.buckets import LOW, drop, hang
from cascade.core.collateral import collateral_tick, fallen, kept_value, moves_collateral
from cascade.core.exact import lot_value
from cascade.core.margin import MAX_TICK, excess_of, failing_tick, failing_upwards, maintenance_between
from cascade.core.params import SPOT, UNMARGINED, Params
from cascade.core.state import NONE, STALE, State


@outlined
def set_triggers(st: State, p: Params, position: int, low: int, high: int) -> None:
    """Hang a position's nodes at the given ticks; NONE takes a node out."""
    m = st.positions[position].market
    for side in range(2):
        node, tick = 2 * position + side, low if side == LOW else high
        if st.triggers[node].tick != tick:
            drop(st, p, m, node)
            if tick != NONE:
                st.triggers[node].tick = tick
                hang(st, p, m, node)


@kernel
def retrigger(st: State, p: Params, account: int) -> None:
    """Hang all nodes of a margined account where its next decision lies."""
    row = st.accounts[account]
    if row.margin == UNMARGINED:
        return
    row.standing = row.standing & ~STALE
    if row.n_positions == 1:
        _retrigger_single(st, p, account, row.first_position)
    else:
        _retrigger_box(st, p, account)


@outlined
def _retrigger_single(st: State, p: Params, account: int, position: int) -> None:
    """Hang the nodes of an account with one position: liquidation, stop, top-up and take-profit."""
    row = st.positions[position]
    if row.lots == 0:
        set_triggers(st, p, position, NONE, NONE)
        return
    m = row.market
    balance = st.balances[account, p.markets[m].settlement]
    mark = st.markets[m].mark
    adverse = failing_tick(p, m, row.lots, balance, mark)
    if adverse == mark and p.markets[m].step_tiers != 0:  # it fails already: due at any mark
        adverse = MAX_TICK if row.lots > 0 else 1
    favourable = NONE
    trader = account - p.run[0].first_trader
    if 0 <= trader < len(st.traders):
        seat = st.traders[trader]
        favourable = seat.take_tick
        stop, top_up = seat.stop_tick, seat.top_up_tick
        if row.lots > 0:
            adverse = max(adverse, stop, top_up)
        else:
            last = MAX_TICK + 1
            adverse = min(
                adverse if adverse != NONE else last, stop if stop != NONE else last,
                top_up if top_up != NONE else last,
            )  # fmt: skip
            adverse = NONE if adverse == last else adverse
    favourable = _nearer(favourable, failing_upwards(p, m, row.lots, balance, mark), row.lots > 0)
    if row.lots > 0:
        set_triggers(st, p, position, adverse, favourable)
    else:
        set_triggers(st, p, position, favourable, adverse)


@kernel
def _nearer(one: int, other: int, upwards: bool) -> int:
    """Return which of two ticks a mark reaches first on its way up, or down; NONE is never reached."""
    if one == NONE or other == NONE:
        return max(one, other)
    return min(one, other) if upwards else max(one, other)


@outlined
def _retrigger_box(st: State, p: Params, account: int) -> None:
    """Give a cross-margined account the widest box found by halving that its excess margin survives."""
    row = st.accounts[account]
    first = row.first_position
    last = first + row.n_positions
    excess = float(excess_of(st, p, account))
    reach = 0.9 if excess > 0.0 else 0.0
    exposure = _net_exposure(st, p, first, last)
    if exposure > 0.0:
        reach = min(max(excess / exposure, 0.0), reach)
    while reach > 0.0 and _corner_excess(st, p, account, reach) <= 0:
        reach *= 0.75
        if reach < 1e-9:
            reach = 0.0
    for k in range(first, last):
        position = st.positions[k]
        if p.markets[position.market].kind == SPOT and position.lots >= 0:
            _hang_spot(st, p, k, reach, excess > 0.0)
            continue
        if position.lots == 0:
            set_triggers(st, p, k, NONE, NONE)
            continue
        mark = st.markets[position.market].mark
        face = _face(mark, position.lots, reach)  # it lies inside the box: the trigger is one beyond
        back = NONE  # with whole tiers a position that grows in value may fail too
        if p.markets[position.market].step_tiers != 0:
            back = _face(mark, -position.lots, reach)
        if position.lots > 0:
            low = face - 1 if face > 1 else NONE
            high = back + 1 if back != NONE else back
            set_triggers(st, p, k, low if excess > 0.0 else MAX_TICK, high)
        else:  # an account that fails already is due at any mark
            low = back - 1 if back > 1 else NONE
            set_triggers(st, p, k, low, face + 1 if excess > 0.0 else 1)


@kernel
def _hang_spot(st: State, p: Params, position: int, reach: float, safe: bool) -> None:
    """Hang a spot holding, or the place of one whose price counts for another, below the box."""
    row = st.positions[position]
    m, venue = row.market, st.accounts[row.account].venue
    matters = moves_collateral(p, venue, m, row.lots)
    low = fallen(st.markets[m].mark, reach) - 1
    if not safe:
        low = MAX_TICK if row.lots > 0 or matters else NONE
    elif not matters or low < 1:
        low = NONE
    set_triggers(st, p, position, low, NONE)


@kernel
def _face(mark: int, lots: int, reach: float) -> int:
    """Return the adverse face of a box: the last tick inside it."""
    if lots > 0:
        return fallen(mark, reach)
    return min(math.floor(float(mark) * (1.0 + reach)), MAX_TICK - 1)


@kernel
def _is_hedged(st: State, k: int, last: int) -> bool:
    """Tell whether positions k and k + 1 of an account are the legs of a hedge; `last` is one beyond its last."""
    return k + 1 < last and st.positions[k].market == st.positions[k + 1].market


@kernel
def _net_exposure(st: State, p: Params, first: int, last: int) -> float:
    """Return the sum over markets of what an account is worth there, the legs of a hedge against each other."""
    exposure, k = 0.0, first
    while k < last:
        m = st.positions[k].market
        lots = st.positions[k].lots
        if _is_hedged(st, k, last):
            k += 1
            lots += st.positions[k].lots
        exposure += abs(float(lots * lot_value(p.markets[m], st.markets[m].mark)))
        k += 1
    return exposure


@kernel
def _excess_at_face(st: State, p: Params, k: int, lots: int, reach: float) -> int:
    """Return value less maintenance margin of position k at the face that is adverse to `lots`."""
    position = st.positions[k]
    m = position.market
    if p.markets[m].kind == SPOT and position.lots > 0:
        at = st.accounts[position.account].venue * len(p.markets) + m
        return kept_value(p, at, m, position.lots, collateral_tick(st, p, at, m, reach))
    mark = st.markets[m].mark
    value = position.lots * lot_value(p.markets[m], _face(mark, lots, reach))
    back = abs(position.lots * lot_value(p.markets[m], _face(mark, -lots, reach)))
    return value - maintenance_between(p, m, abs(value), back)


@kernel
def _corner_excess(st: State, p: Params, account: int, reach: float) -> int:
    """Return the excess margin at the corner where every position is at its adverse face."""
    row = st.accounts[account]
    first = row.first_position
    total = st.balances[account, row.settlement]
    last = first + row.n_positions
    k = first
    while k < last:
        if _is_hedged(st, k, last):
            down = _excess_at_face(st, p, k, 1, reach) + _excess_at_face(st, p, k + 1, 1, reach)
            up = _excess_at_face(st, p, k, -1, reach) + _excess_at_face(st, p, k + 1, -1, reach)
            total += min(down, up) - 2  # what rounding margins up may cost between the ends
            k += 2
        else:
            total += _excess_at_face(st, p, k, st.positions[k].lots, reach)
            k += 1
    return total


@kernel
def flag(st: State, p: Params, account: int) -> None:
    """Flag an account for liquidation in the present wave."""
    run = p.run[0]
    if not has_bit(st.bits, run.flags_at, account):
        set_bit(st.bits, run.flags_at, run.f0, run.f1, account)
        st.clock[0].n_flagged += 1


@kernel
def first_flagged(st: State, p: Params) -> int:
    """Return the flagged account of the lowest number, or NONE."""
    run = p.run[0]
    return first_from(st.bits, run.flags_at, run.f0, run.f1, 0)


@kernel
def unflag(st: State, p: Params, account: int) -> None:
    """Take an account out of the present wave."""
    run = p.run[0]
    clear_bit(st.bits, run.flags_at, run.f0, run.f1, account)
    st.clock[0].n_flagged -= 1

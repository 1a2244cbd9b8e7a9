"""Small compiled entry points through which tests reach kernels that Python cannot call."""

from __future__ import annotations

from typing import Any

import numpy as np

from cascade import rng
from cascade.compiler.jit import entry
from cascade.core import bitmap, book, collateral, exact, firing, inbox, margin, triggers
from cascade.core.params import Params
from cascade.core.state import NONE, State

SET, CLEAR, HAS, FIRST_FROM, LAST_UNTIL = range(5)
"""What `bitmap_script` can be told to do."""


@entry
def send(st: State, rows: Any, first: int) -> int:
    """Append intents `first`.. to the inbox; return the first one for which it has no room."""
    for k in range(first, len(rows)):
        if not inbox.has_room(st, 1):
            return k
        row = rows[k]
        number = inbox.append(
            st,
            np.int64(row.position),
            row.lots,
            row.tick,
            np.int64(row.kind),
            np.int64(row.purpose),
            row.offset,
            row.reduce_only,
        )
        st.inbox[number].ref = row.ref
        st.inbox[number].generation = row.generation
        st.inbox[number].life_steps = row.life_steps
    return len(rows)


@entry
def bitmap_script(bits: Any, at: int, n0: int, n1: int, orders: Any, answers: Any) -> None:
    """Carry out (what, slot) orders on a bitmap; write what the questions among them answer."""
    for k in range(len(orders)):
        what, i = orders[k, 0], orders[k, 1]
        if what == 0:
            bitmap.set_bit(bits, at, n0, n1, i)
        elif what == 1:
            bitmap.clear_bit(bits, at, n0, n1, i)
        elif what == 2:
            answers[k] = 1 if bitmap.has_bit(bits, at, i) else 0
        elif what == 3:
            answers[k] = bitmap.first_from(bits, at, n0, n1, i)
        else:
            answers[k] = bitmap.last_until(bits, at, n0, n1, i)


@entry
def arithmetic(rows: Any, answers: Any) -> None:
    """Write times_rate, charge (amount, rate) and proportion (amount, part, whole) of each row."""
    for k in range(len(rows)):
        answers[k, 0] = exact.times_rate(rows[k, 0], rows[k, 1])
        answers[k, 1] = exact.charge(rows[k, 0], rows[k, 1])
        answers[k, 2] = exact.proportion(rows[k, 0], rows[k, 2], rows[k, 3])


@entry
def margins(p: Params, rows: Any, answers: Any) -> None:
    """Write liquidation tick, bankruptcy tick and excess at a tick for rows (market, lots, balance, tick)."""
    for k in range(len(rows)):
        m, lots, balance, tick = rows[k, 0], rows[k, 1], rows[k, 2], rows[k, 3]
        answers[k, 0] = margin.liquidation_tick(p, m, lots, balance)
        answers[k, 1] = margin.bankruptcy_tick(p, m, lots, balance)
        answers[k, 2] = margin.excess_at(p, m, lots, balance, tick)


@entry
def maintenances(p: Params, m: int, notionals: Any, answers: Any) -> None:
    """Write the maintenance margin and the tier of each notional."""
    for k in range(len(notionals)):
        answers[k, 0] = margin.maintenance(p, m, notionals[k])
        answers[k, 1] = margin.tier_of(p, m, notionals[k]) - p.markets[m].first_tier


@entry
def draws(key: Any, rows: Any, numbers: Any, words: Any) -> None:
    """Write uniform, normal and exponential variates and the bits of each (step, slot, number)."""
    for k in range(len(rows)):
        step, slot, number = rows[k, 0], rows[k, 1], rows[k, 2]
        numbers[k, 0] = rng.uniform(key, step, slot, number)
        numbers[k, 1] = rng.normal(key, step, slot, number)
        numbers[k, 2] = rng.exponential(key, step, slot, number)
        words[k] = rng.bits(key, step, slot, number)


@entry
def _draw(key: int, step: int, slot: int, number: int) -> float:
    """Return a uniform variate of a decision."""
    return rng.uniform(np.uint64(key), step, slot, number)


def draw(key: int, step: int, slot: int, number: int) -> float:
    """Return a uniform variate of a decision, for Python."""
    return float(_draw(np.uint64(key), step, slot, number))


@entry
def counted(st: State, p: Params, marks: Any, values: Any) -> None:
    """Set the marks and write what every position adds to the equity of its account."""
    for m in range(len(p.markets)):
        st.markets[m].mark = marks[m]
    collateral.update_collateral(st, p)
    for position in range(len(st.positions)):
        values[position] = collateral.counted_value(st, p, position)


@entry
def at_marks(st: State, p: Params, marks: Any, found: Any) -> int:
    """Set the marks, fire what they reach, and write the accounts flagged; then let them go again."""
    n = p.run[0].n_ticks
    for m in range(len(p.markets)):
        market = st.markets[m]
        market.mark = marks[m]
        if not market.window + n // 8 <= market.mark < market.window + n - n // 8:
            book.recentre(st, p, m, market.mark)
    collateral.update_collateral(st, p)
    if not firing.fire_triggers(st, p):
        return -1
    count = 0
    account = triggers.first_flagged(st, p)
    while account != NONE:
        found[count] = account
        count += 1
        triggers.unflag(st, p, account)
        account = triggers.first_flagged(st, p)
    for k in range(count):
        triggers.retrigger(st, p, found[k])
    return count

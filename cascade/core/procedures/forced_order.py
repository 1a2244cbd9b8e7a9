"""A forced order: sent within its bounds, its fee charged, and what came of it logged."""

from __future__ import annotations

from cascade.compiler.jit import kernel, outlined
from cascade.core.backstop import pay_fund, quote_of_part, settle_with_fund
from cascade.core.book import offered, take
from cascade.core.exact import charge, lot_value, proportion, times_rate, usd_value
from cascade.core.ledger import apply_fill, held_at
from cascade.core.liquidation_log import close_row, open_row
from cascade.core.margin import Standing, equity_of
from cascade.core.matching import drawn_in
from cascade.core.params import FORCED, SPOT, Params
from cascade.core.state import NONE, State

SAFE, OPEN, FAILED = 0, 1, 2
"""What a procedure leaves: margin that suffices, a position for the next test, or one to hand over."""

FOREVER = 2_000_000_000
"""A step that no run reaches."""


@kernel
def in_turn(st: State, p: Params, account: int, turn: int) -> int:
    """Return which position of an account is liquidated at a turn: of 2n, or NONE.

    First the perpetuals, in the order of its positions, which venues do not publish; then the spot that
    backs them.
    """
    row = st.accounts[account]
    k = row.first_position + turn % row.n_positions
    is_spot = p.markets[st.positions[k].market].kind == SPOT
    return k if is_spot == (turn >= row.n_positions) else NONE


@kernel
def is_for_backstop(p: Params, venue: int, standing: Standing) -> bool:
    """Tell whether equity is below the part of maintenance margin at which a venue sends no more orders."""
    return standing.equity < times_rate(standing.maintenance, p.venues[venue].backstop)


@kernel
def left_unfilled(st: State, p: Params, account: int, standing: Standing, sent: int) -> int:
    """Tell what becomes of an account that still fails after its orders: they are sent again, or it is handed over.

    The wait counts from the first such test, and on through a short recovery. It begins anew where the account
    was safe when it ended.
    """
    row, step = st.accounts[account], st.clock[0].step
    venue = p.venues[row.venue]
    if venue.patience == 0 or sent == 0 or is_for_backstop(p, row.venue, standing):
        return FAILED
    if row.cooling_until == NONE or step > row.cooling_until + venue.wave_steps:
        row.cooling_until = min(step + venue.patience, FOREVER)
    return OPEN if step < row.cooling_until else FAILED


@outlined
def send(st: State, p: Params, position: int, size: int, worst: int, part: int, standing: Standing) -> int:
    """Send one forced order and charge the clearance fee; return the lots that filled.

    It trades at no worse a tick than `worst`; NONE stands for that of bankruptcy.
    """
    account, m = st.positions[position].account, st.positions[position].market
    row = open_row(st, p, position, size, part, standing)
    lots, value = _fill(
        st, p, position, size, st.liquidations[row].bankruptcy_tick if worst == NONE else worst
    )
    fee = max(min(charge(abs(value), p.markets[m].liquidation_fee), equity_of(st, p, account)), 0)
    pay_fund(st, p, account, m, fee)
    close_row(st, p, row, abs(lots), abs(value), fee)
    _count(st, p, position, row)
    return abs(lots)


@outlined
def send_to_fund(
    st: State, p: Params, position: int, size: int, worst: int, part: int, standing: Standing
) -> int:
    """Send one forced order whose gain or loss against bankruptcy is the fund's; return the lots that filled."""
    account, m, held = (
        st.positions[position].account,
        st.positions[position].market,
        st.positions[position].lots,
    )
    quote = quote_of_part(p, m, held, st.markets[m].mark, size, standing)
    row = open_row(st, p, position, size, part, standing)
    lots, value = _fill(st, p, position, size, worst)
    fee = settle_with_fund(st, p, account, m, value, proportion(quote, abs(lots), size))
    close_row(st, p, row, abs(lots), abs(value), fee)
    _count(st, p, position, row)
    return abs(lots)


@outlined
def _fill(st: State, p: Params, position: int, size: int, worst: int) -> tuple[int, int]:
    """Trade up to `size` lots off a position; return the signed lots that filled and their signed value.

    In the counterfactual an absorber takes them at mark.
    """
    held, m = st.positions[position].lots, st.positions[position].market
    venue = p.venues[st.accounts[st.positions[position].account].venue]
    lots = -size if held > 0 else size
    if p.run[0].forced_orders == 0:
        value = lots * lot_value(p.markets[m], st.markets[m].mark)
        apply_fill(st, p, position, lots, value, 0)
        apply_fill(st, p, held_at(st, venue.absorber, m), -lots, -value, 0)
        return lots, value
    limit = drawn_in(st, m, lots, worst, p.markets[m].take_bound)
    if venue.fill_or_kill != 0 and size < abs(held) and offered(st, p, position, lots, limit)[0] != lots:
        return 0, 0
    return take(st, p, position, lots, limit, FORCED)


@kernel
def _count(st: State, p: Params, position: int, row: int) -> None:
    """Add what a forced order closed to the bar of its market."""
    m, log = st.positions[position].market, st.liquidations[row]
    liquidated = log.filled_lots * usd_value(p.markets[m], st.markets[m].mark)
    if log.side > 0:
        st.markets[m].long_liquidated += liquidated
    else:
        st.markets[m].short_liquidated += liquidated
    st.clock[0].events += 1

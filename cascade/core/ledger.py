"""The ledger: every way in which lots and money change hands, in exact integers.

A fill of dQ lots at tick q changes the quote balance by -dQ x v(q) and nothing else; an average
entry is kept beside it, for what is reported, never for what is owned.
"""

from __future__ import annotations

from cascade.compiler.jit import kernel, outlined
from cascade.core.exact import charge, proportion
from cascade.core.params import UNMARGINED, Params
from cascade.core.state import NONE, State


@kernel
def change_position(st: State, position: int, lots: int, value: int) -> None:
    """Change a position by signed lots at a cost of signed value; open interest follows."""
    row = st.positions[position]
    held = row.lots
    after = held + lots
    if held == 0 or (held > 0) == (lots > 0):
        row.entry_value += value
    elif abs(lots) <= abs(held):
        row.entry_value -= proportion(row.entry_value, abs(lots), abs(held))
    else:  # through zero: what is left was entered now
        row.entry_value = value - proportion(value, abs(held), abs(lots))
    row.lots = after
    longs = max(after, 0) - max(held, 0)
    st.markets[row.market].open_interest += longs
    if st.accounts[row.account].margin != UNMARGINED:
        st.markets[row.market].on_margin += longs


@outlined
def apply_fill(st: State, p: Params, position: int, lots: int, value: int, rate: int) -> None:
    """Book a fill of signed lots worth signed value to a position, and charge its fee."""
    change_position(st, position, lots, value)
    row = st.positions[position]
    market = p.markets[row.market]
    fee = charge(abs(value), rate)
    st.balances[row.account, market.settlement] -= value + fee
    st.balances[p.venues[market.venue].fees, market.settlement] += fee
    st.ledger[market.settlement].fees += fee


@outlined
def move_position(st: State, p: Params, source: int, target: int, lots: int, value: int) -> None:
    """Move signed lots, and the quote balance `value` that goes with them, between two positions."""
    giver, taker = st.positions[source], st.positions[target]
    settlement = p.markets[giver.market].settlement
    change_position(st, source, -lots, value)
    change_position(st, target, lots, -value)
    st.balances[giver.account, settlement] -= value
    st.balances[taker.account, settlement] += value


@kernel
def pay(st: State, source: int, target: int, settlement: int, amount: int) -> None:
    """Move money from one account to another."""
    st.balances[source, settlement] -= amount
    st.balances[target, settlement] += amount


@kernel
def transfer(st: State, account: int, settlement: int, amount: int) -> None:
    """Deposit (amount > 0) into an account from outside, or withdraw from it."""
    st.balances[account, settlement] += amount
    ledger = st.ledger[settlement]
    ledger.deposits += max(amount, 0)
    ledger.withdrawals += max(-amount, 0)


@kernel
def held_at(st: State, account: int, m: int) -> int:
    """Return the position in market m of an account that has one in every market: a fund, an absorber."""
    return st.accounts[account].first_position + m


@kernel
def fund_of(st: State, p: Params, account: int) -> int:
    """Return the account of the insurance fund that stands behind an account: its venue's."""
    return p.venues[st.accounts[account].venue].fund


@outlined
def settle_flat(st: State, p: Params, account: int) -> None:
    """Close the wallet of a margined account without positions.

    The owner withdraws what is left; the fund of the account's venue makes good what is missing.
    """
    row = st.accounts[account]
    row.cooling_until = NONE
    settlement = row.settlement
    balance = st.balances[account, settlement]
    if balance < 0:
        st.balances[account, settlement] = 0
        st.balances[fund_of(st, p, account), settlement] += balance
        st.ledger[settlement].fund_losses -= balance
    elif account >= p.run[0].first_trader:
        transfer(st, account, settlement, -balance)

"""The state at step zero: arrays allocated, free lists chained, marks at their start, seats taken."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cascade.compiler.jit import entry
from cascade.core import state as s
from cascade.core.bitmap import words
from cascade.core.collateral import price_collateral
from cascade.core.exact import INVERSE, lot_values_of
from cascade.core.inbox import N_BUCKETS
from cascade.core.params import REASONS, UNMARGINED, Params
from cascade.core.propagator import N_MEANS, N_MODES
from cascade.core.recording import write_funds
from cascade.core.seats import schedule
from cascade.core.state import NONE, Array, State
from cascade.core.triggers import retrigger


class Capacity(NamedTuple):
    """First lengths of the buffers that grow on demand. Tests run with all of them at 1."""

    orders: int = 16_384
    inbox: int = 4_096
    waiting: int = 64
    residuals: int = 1_024
    ranked: int = 1_024
    liquidations: int = 8_192
    adl: int = 1_024
    trades: int = 65_536
    bars: int = 4_096
    funds: int = 512


def empty(dtype: np.dtype[np.void], n: int) -> Array:
    """Return n zeroed records."""
    return np.zeros(max(n, 1), dtype=dtype).view(np.recarray)


def chain_free(orders: Array, first: int, last: int, then: int) -> None:
    """Chain free orders first..last-1 through their links, ending in `then`."""
    orders.next[first:last] = np.arange(first + 1, last + 1)
    orders.next[last - 1] = then
    orders.lots[first:last] = 0


def allocate(
    p: Params, accounts: Array, positions: Array, balances: Array, traders: Array, n_quotes: int,
    capacity: Capacity,
) -> State:  # fmt: skip
    """Return a state with the given entities, empty books and empty buffers."""
    run = p.run[0]
    n_markets, n_ticks = len(p.markets), int(run.n_ticks)
    levels = empty(s.LEVEL, n_markets * n_ticks)
    levels.head[:], levels.tail[:] = NONE, NONE
    triggers = empty(s.TRIGGER, 2 * len(positions))
    triggers.tick[:] = NONE
    accounts.cooling_until[:] = NONE
    orders = empty(s.ORDER, capacity.orders)
    chain_free(orders, 0, len(orders), NONE)
    clock = empty(s.CLOCK, 1)
    clock.next_bar, clock.next_funds = min(run.bar_steps, run.n_steps), min(run.fund_steps, run.n_steps)
    n_basis = max(int(p.marks.n_basis.max()), 1)
    return State(
        clock=clock,
        assets=empty(s.ASSET, len(p.assets)),
        swings=np.zeros((1 + len(p.assets), len(p.scales))),
        modes=np.zeros((2 * len(p.assets), N_MODES)),
        means=np.zeros((len(p.assets), N_MEANS)),
        crowds=empty(s.CROWD, len(p.splitters)),
        desks=empty(s.DESK, len(p.ties)),
        parents=empty(s.PARENT, int(p.splitters.n_parents.sum())),
        works=empty(s.WORK, len(p.shocks)),
        trails=np.zeros(len(p.trails)),
        markets=empty(s.MARKET, n_markets),
        pressures=empty(s.PRESSURE, n_markets),
        purses=empty(s.PURSE, len(p.makers)),
        levels=levels,
        bits=np.zeros(4 * n_markets * sum(words(n_ticks)) + int(run.flags_words), np.uint64),
        trigger_heads=np.full(2 * n_markets * (n_ticks + 1), NONE, np.int32),
        orders=orders,
        accounts=accounts,
        positions=positions,
        triggers=triggers,
        balances=balances,
        traders=traders,
        quotes=np.full(max(n_quotes, 1), NONE, np.int32),
        calendars=np.full((2, int(run.n_steps) + 1), NONE, np.int32),
        basis=np.zeros((n_markets, n_basis)),
        venues=empty(s.VENUE, len(p.venues)),
        fund_levels=np.zeros((len(p.venues) * balances.shape[1], s.N_LEVELS), np.int64),
        ledger=empty(s.LEDGER, balances.shape[1]),
        collateral=np.zeros(len(p.collateral), np.int64),
        inbox=empty(s.INTENT, capacity.inbox),
        buckets=np.full((2, N_BUCKETS), NONE, np.int32),
        arrivals=np.zeros(N_BUCKETS // 64, np.uint64),
        waiting=empty(s.INTENT, capacity.waiting),
        residuals=empty(s.RESIDUAL, capacity.residuals),
        ranked=empty(s.RANKED, capacity.ranked),
        liquidations=empty(s.LIQUIDATION, capacity.liquidations),
        adl=empty(s.ADL, capacity.adl),
        trades=empty(s.TRADE, capacity.trades),
        bars=empty(s.BAR, capacity.bars),
        funds=empty(s.FUND, max(capacity.funds, balances.shape[1])),
        counts=np.zeros(len(REASONS), np.int64),
        noted=np.full(max(int(accounts.n_positions.max()), 1), NONE, np.int64),
    )


def set_prices(st: State, p: Params, prices: Array, funding: Array) -> None:
    """Set news values, marks and averages of all markets to the start price of their asset."""
    for a, price in enumerate(prices):
        st.assets[a].log_value, st.assets[a].value = np.log(price), price
        st.assets[a].point = p.assets[a].first_point
        st.assets[a].activity = 1.0
    for m in range(len(p.markets)):
        fixed, row = p.markets[m], st.markets[m]
        price = prices[fixed.asset]
        tick = max(round(price / fixed.tick_size), 1)
        row.window = max(tick - int(p.run[0].n_ticks) // 2, 0)
        row.best_bid, row.best_ask = 0, 2_147_483_647
        row.last = row.mark = row.mark_before = row.open = row.high = row.low = row.mark_high = (
            row.mark_low
        ) = tick
        row.mid2, row.index = 2 * tick, price
        row.far_head, row.far_tail = NONE, NONE
        row.variance, row.variance_mid = p.withdrawals[m].calm_variance, 2.0 * tick
        row.variance_at = p.withdrawals[m].steps
        row.depth_factor, row.depth_shock = 1.0, 1.0
        row.bid_thickness, row.ask_thickness = 1.0, 1.0
        st.pressures[m].bids_left, st.pressures[m].asks_left = 1.0, 1.0
        row.funding_rate = funding[m]
        row.next_funding = p.funding[fixed.venue].first
    for k in range(len(p.makers)):
        held = st.positions[p.makers[k].position]
        st.purses[k].start = st.balances[held.account, p.markets[held.market].settlement]
        st.purses[k].left, st.purses[k].room = 1.0, 1.0
    price_collateral(st, p)


@entry
def take_seats(st: State, p: Params) -> None:
    """Count open interest, wake every trader at the end of its life, hang all triggers, and look at the funds."""
    for k in range(len(st.positions)):
        row = st.positions[k]
        st.markets[row.market].open_interest += max(row.lots, 0)
        if st.accounts[row.account].margin != UNMARGINED:
            st.markets[row.market].on_margin += max(row.lots, 0)
    for account in range(len(st.accounts)):
        if st.accounts[account].margin != UNMARGINED:
            retrigger(st, p, account)
    for k in range(len(st.traders) - 1, -1, -1):
        schedule(st, k, st.traders[k].life_ends)
    write_funds(st, p)


def entry_values(p: Params, markets: Array, lots: Array, ticks: Array) -> Array:
    """Return lots x v(entry tick) for positions of the given markets, exactly."""
    ticks = np.where(lots == 0, 1, ticks)  # a seat that begins in its pause has no entry
    is_inverse = (p.markets.contract == INVERSE)[markets]
    return lots * lot_values_of(p.markets.unit[markets], is_inverse, ticks)

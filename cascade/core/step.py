"""The step: one list of stages, in one order, everywhere. `advance` runs many steps in one call.

(step, stage, cursor) lives in the state. Before each item a stage checks that the item's worst
case fits; where it does not, `advance` returns a status with nothing begun, the caller drains or
grows that buffer, and calls again.
"""

from __future__ import annotations

from typing import NamedTuple

from cascade.compiler.jit import entry, kernel, outlined
from cascade.core import (
    activity,
    agents,
    backstop,
    deleveraging,
    expiries,
    funding,
    halts,
    liquidation,
    margin_test,
    marks,
    matching,
    news,
    ranking,
    recording,
)
from cascade.core.agents import fund, makers, shocks
from cascade.core.agents.makers import opinion, withdrawal
from cascade.core.collateral import update_collateral
from cascade.core.index import update_mid
from cascade.core.margin import excess_of, is_flat
from cascade.core.params import SOCIALISE, SPOT, UNMARGINED, Params
from cascade.core.prefetch import expect_trader
from cascade.core.seats import wake
from cascade.core.state import INSOLVENT, NONE, STALE, State
from cascade.core.trails import advance_trails
from cascade.core.triggers import first_flagged, retrigger, unflag


class Stage(NamedTuple):
    """A stage of the step, with what it reads and what it writes."""

    name: str
    what: str
    reads: str
    writes: str


STEP = (
    Stage("news", "news values and running means of mids move", "process, anchors, shocks, mids", "news values, means"),
    Stage("shocks", "scheduled orders are sent; depth shocks and halts apply", "timeline", "inbox, depth factors"),
    Stage("expiries", "orders whose life ends are cancelled", "calendar of orders", "inbox"),
    Stage("makers", "makers learn from flow and renew their quotes", "news, flow, inventory, volatility", "inbox"),
    Stage("takers", "news-takers, background flow and arbitrageurs send orders", "fair value, best prices", "inbox"),
    Stage("traders", "leveraged accounts open, work, close", "calendar of traders", "inbox"),
    Stage("fund", "the fund works off what it took over", "fund positions", "inbox"),
    Stage("agents", "agents written in Python act", "the market", "inbox"),
    Stage("match", "the inbox is matched by arrival offset", "inbox", "books, positions, balances, triggers"),
    Stage("marks", "index from spot mids, then all marks", "books, last, basis", "index, mark, averages"),
    Stage("funding", "funding is exchanged at its stamps", "marks, premium", "balances, triggers"),
    Stage("margin test", "triggers that the marks have reached fire", "marks, trigger index", "flags, inbox"),
    Stage("liquidation", "flagged accounts are liquidated, marks frozen", "flags, marks", "books, fund, residuals"),
    Stage("deleveraging", "residuals meet ranked counterparties", "residuals, ranking", "positions, balances"),
    Stage("wave", "new marks, if the venue's clock ticks again in this step", "books", "marks, flags"),
    Stage("record", "bars and the funds are written", "markets, funds, ledger", "bars, funds"),
)  # fmt: skip
"""The order of a step. A wave repeats the stages from the margin test on, each at a new mark."""

(
    NEWS, SHOCKS, EXPIRIES, MAKERS, TAKERS, TRADERS, FUND, AGENTS,
    MATCH, MARKS, FUNDING, MARGIN_TEST, LIQUIDATION, DELEVERAGING, WAVE, RECORD,
) = range(len(STEP))  # fmt: skip

(
    RUNNING, FINISHED, AGENTS_DUE, INBOX_FULL, ORDERS_FULL, TRADES_FULL, LIQUIDATIONS_FULL, RESIDUALS_FULL,
    RANKED_FULL, ADL_FULL, BARS_FULL, FUNDS_FULL, WAITING_FULL,
) = range(13)  # fmt: skip


@entry
def count_failing(st: State, p: Params) -> int:
    """Return how many margined accounts hold a position and fail the margin test at the present marks."""
    n = 0
    for account in range(len(st.accounts)):
        if st.accounts[account].margin != UNMARGINED and not is_flat(st, account):
            n += 1 if excess_of(st, p, account) <= 0 else 0
    return n


SAMPLE, HOLD_AVERAGES = True, False


@entry
def advance(st: State, p: Params, until: int) -> int:
    """Run steps until step `until`; return FINISHED, AGENTS_DUE or the name of a full buffer."""
    clock = st.clock[0]
    while clock.step < until:
        if clock.stage <= AGENTS:
            status = _intents(st, p)
        elif clock.stage <= FUNDING:
            status = _prices(st, p)
        else:
            status = _waves(st, p)
        if status != RUNNING:
            return status
    return FINISHED


@kernel
def _next_stage(st: State) -> None:
    """Go on to the next stage."""
    st.clock[0].stage += 1
    st.clock[0].cursor = 0


@outlined
def _intents(st: State, p: Params) -> int:
    """Run the stages in which the news moves and everybody writes what they want done."""
    clock = st.clock[0]
    stage = clock.stage
    if stage == NEWS:
        activity.advance_activity(st, p)
        advance_trails(st, p)
        for a in range(len(p.assets)):
            news.advance_news(st, p, a)
        shocks.set_states(st, p)
        opinion.form_opinions(st, p)
        for m in range(len(p.markets)):
            withdrawal.count_flow(st, p, m)
        for m in range(len(p.markets)):  # learning forgets the flow
            opinion.learn(st, p, m)
            opinion.update_swings(st, p, m)
    elif stage == EXPIRIES:
        if not expiries.expire_orders(st, p):
            return INBOX_FULL
    elif stage == TRADERS:
        if not _wake_traders(st, p):
            return INBOX_FULL
    elif stage == AGENTS:
        if p.run[0].python_agents != 0:
            _next_stage(st)
            return AGENTS_DUE
    elif not _groups(st, p, stage):
        return INBOX_FULL
    _next_stage(st)
    return RUNNING


@outlined
def _groups(st: State, p: Params, stage: int) -> bool:
    """Let the members of an agent group act in turn from the cursor on; False where the inbox is full."""
    clock = st.clock[0]
    if stage == SHOCKS:
        while clock.cursor < len(p.shocks):
            if not shocks.send_shock(st, p, clock.cursor):
                return False
            clock.cursor += 1
    elif stage == MAKERS:
        while clock.cursor < len(p.makers):
            if not makers.requote(st, p, clock.cursor):
                return False
            clock.cursor += 1
    elif stage == TAKERS:
        while clock.cursor < len(p.agents):
            if not agents.act(p.agents[clock.cursor].kind, st, p, clock.cursor):
                return False
            clock.cursor += 1
    else:
        while clock.cursor < len(p.venues) * len(p.markets):
            if not fund.unwind(st, p, clock.cursor // len(p.markets), clock.cursor % len(p.markets)):
                return False
            clock.cursor += 1
    return True


@outlined
def _wake_traders(st: State, p: Params) -> bool:
    """Wake the traders whose calendar says so; False where the inbox is full."""
    clock = st.clock[0]
    trader = st.calendars[0, clock.step]
    while trader != NONE:
        account = st.accounts[p.run[0].first_trader + trader]
        if clock.n_inbox + 2 * account.n_positions > len(st.inbox):
            clock.need = clock.n_inbox + 2 * account.n_positions
            return False
        after = st.traders[trader].due_next
        if after != NONE:
            expect_trader(st, p, after)
        st.calendars[0, clock.step] = after
        wake(st, p, trader)
        trader = st.calendars[0, clock.step]
    return True


@kernel
def _prices(st: State, p: Params) -> int:
    """Match the inbox, then set marks and exchange funding."""
    clock = st.clock[0]
    if clock.stage == MATCH:
        status = matching.match_inbox(st, p)
        if status == matching.NEEDS_ORDERS:
            return ORDERS_FULL
        if status == matching.NEEDS_TRADES:
            return TRADES_FULL
        if status == matching.NEEDS_WAITING:
            return WAITING_FULL
        if not halts.open_markets(st):
            return INBOX_FULL
    elif clock.stage == MARKS:
        _mark_all(st, p, SAMPLE)
        for m in range(len(p.markets)):
            withdrawal.update_withdrawal(st, p, m)
        withdrawal.count_losses(st, p)
    else:
        funding.fund_markets(st, p)
        backstop.sample_funds(st, p)
        clock.wave = 0
    _next_stage(st)
    return RUNNING


@outlined
def _mark_all(st: State, p: Params, sample: bool) -> None:
    """Set the index and mark of every market: mids first, then spot, since the index is made of it."""
    for m in range(len(p.markets)):
        update_mid(st, m)
    for m in range(len(p.markets)):
        if p.markets[m].kind == SPOT:
            marks.update_mark(st, p, m, sample)
    if p.run[0].priced_collateral != 0:
        update_collateral(st, p)
    for m in range(len(p.markets)):
        if p.markets[m].kind != SPOT:
            marks.update_mark(st, p, m, sample)


@outlined
def _waves(st: State, p: Params) -> int:
    """Run margin test, liquidation and deleveraging, wave by wave, then record."""
    clock = st.clock[0]
    if clock.stage == MARGIN_TEST:
        last = len(st.accounts) if clock.stale_traders != 0 else p.run[0].first_trader
        clock.stale_traders = 0
        for account in range(p.run[0].first_agent, last):
            if st.accounts[account].standing & STALE != 0:
                retrigger(st, p, account)
        if not margin_test.fire_triggers(st, p):
            return INBOX_FULL
    elif clock.stage == LIQUIDATION:
        status = _liquidate_flagged(st, p)
        if status != RUNNING:
            return status
    elif clock.stage == DELEVERAGING:
        status = _deleverage_all(st, p)
        if status != RUNNING:
            return status
    elif clock.stage == WAVE:
        if _next_wave(st, p):
            clock.stage, clock.cursor = MARGIN_TEST, 0
            return RUNNING
    else:
        return _record(st, p)
    _next_stage(st)
    return RUNNING


@outlined
def _liquidate_flagged(st: State, p: Params) -> int:
    """Liquidate the accounts of this wave in the order of their numbers."""
    clock = st.clock[0]
    while clock.n_flagged > 0:
        account = first_flagged(st, p)
        rows = liquidation.rows_needed(st, p, account)
        if clock.n_liquidations + rows > len(st.liquidations):
            clock.need = rows
            return LIQUIDATIONS_FULL
        if clock.n_residual + st.accounts[account].n_positions > len(st.residuals):
            clock.need = clock.n_residual + st.accounts[account].n_positions
            return RESIDUALS_FULL
        if p.run[0].record_trades != 0:
            most = rows + clock.n_orders  # an order is filled in part once at most by each
            if clock.n_trades + most > len(st.trades):
                clock.need = most
                return TRADES_FULL
        unflag(st, p, account)
        liquidation.liquidate(st, p, account)
    return RUNNING


@outlined
def _deleverage_all(st: State, p: Params) -> int:
    """Close the wave's residuals, market by market and side by side, one counterparty at a time.

    The cursor is 2 x market + side; the ranking of each is made at its start and then frozen.
    """
    clock = st.clock[0]
    if clock.n_residual == 0:
        return RUNNING
    while clock.cursor < 2 * len(p.markets):
        m, long = clock.cursor // 2, clock.cursor % 2 == 1
        index = _next_residual(st, m, long)
        while index != NONE:
            if clock.ranking == 0 and not _begin_batch(st, p, m, long, index):
                return RANKED_FULL
            if clock.n_ranked > 0 and clock.n_adl + 1 > len(st.adl):
                clock.need = 1
                return ADL_FULL
            _bear(st, p, m, index)
            if st.residuals[index].lots == 0:
                index = _next_residual(st, m, long)
        clock.ranking = 0
        clock.cursor += 1
    _close_residuals(st, p)
    return RUNNING


@outlined
def _begin_batch(st: State, p: Params, m: int, long: bool, index: int) -> bool:
    """Rank the counterparties of a batch; False where the ranking has no room."""
    clock = st.clock[0]
    n = ranking.count_counterparties(st, p, m, not long)
    if n > len(st.ranked):
        clock.need = n
        return False
    wanted = 0
    for k in range(clock.n_residual):
        residual = st.residuals[k]
        if (residual.lots > 0) == long and st.positions[residual.position].market == m:
            wanted += abs(residual.lots)
    ranking.rank_counterparties(st, p, m, not long, wanted)
    if p.venues[p.markets[m].venue].adl_ranking == SOCIALISE:
        deleveraging.pool_deficits(st, p, m, long, index)
    clock.ranking = 1
    return True


@kernel
def _bear(st: State, p: Params, m: int, index: int) -> None:
    """Let the first counterparty in rank bear its part of a residual; the fund, where none is left."""
    clock = st.clock[0]
    if p.venues[p.markets[m].venue].adl_ranking == SOCIALISE:
        deleveraging.socialise(st, p, index)
    elif clock.n_ranked == 0:
        backstop.absorb_residual(st, p, index)
    else:
        deleveraging.deleverage(st, p, index)


@kernel
def _next_residual(st: State, m: int, long: bool) -> int:
    """Return the first residual left on one side of market m, or NONE."""
    for k in range(st.clock[0].n_residual):
        residual = st.residuals[k]
        if residual.lots != 0 and (residual.lots > 0) == long:
            if st.positions[residual.position].market == m:
                return k
    return NONE


@outlined
def _close_residuals(st: State, p: Params) -> None:
    """Close the wallets of the accounts whose residuals have been absorbed."""
    clock = st.clock[0]
    for k in range(clock.n_residual):
        account = st.positions[st.residuals[k].position].account
        st.accounts[account].standing &= ~INSOLVENT
        if is_flat(st, account):
            backstop.close_wallet(st, p, account, st.residuals[k].row)
        retrigger(st, p, account)
    clock.n_residual = 0


@outlined
def _next_wave(st: State, p: Params) -> bool:
    """Begin another wave where the venues' clocks allow one more in this step and someone may be hit."""
    clock, run = st.clock[0], p.run[0]
    pending = clock.n_due > 0
    clock.n_due = 0
    clock.wave += 1
    if clock.wave >= run.n_waves:
        clock.unfinished_waves += 1 if pending else 0
        return False
    if clock.events == clock.events_before and not pending:
        return False
    clock.events_before = clock.events
    _mark_all(st, p, HOLD_AVERAGES)
    return True


@outlined
def _record(st: State, p: Params) -> int:
    """Write bars and funds where they are due, and end the step."""
    clock, run = st.clock[0], p.run[0]
    is_snapshot = clock.step + 1 >= clock.next_funds
    if is_snapshot and clock.n_funds + len(st.ledger) > len(st.funds):
        clock.need = len(st.ledger)
        return FUNDS_FULL
    if clock.step + 1 >= clock.next_bar:
        if clock.n_bars + len(p.markets) > len(st.bars):
            clock.need = len(p.markets)
            return BARS_FULL
        for m in range(len(p.markets)):
            recording.write_bar(st, p, m)
        clock.next_bar = min(clock.next_bar + run.bar_steps, run.n_steps)  # the last bar may be shorter
    clock.step += 1
    if is_snapshot:
        recording.write_funds(st, p)
        following = (clock.step // run.fund_steps + 1) * run.fund_steps
        clock.next_funds = min(following, run.n_steps) if clock.step < run.n_steps else following
    clock.stage, clock.cursor, clock.wave = NEWS, 0, 0
    return RUNNING

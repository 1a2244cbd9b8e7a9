"""The running market as columns: one record array per kind of entity, mutated by kernels only.

Prices are int64 ticks, sizes int64 lots, money int64 units of the settlement asset; `NONE` marks
an absent link, order or price. Integers are 64 bit wherever they enter arithmetic; 32 bits are
for links, indices and trigger ticks.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np

from cascade.compiler.tables import declare

Array: TypeAlias = Any
"""A numpy array. Its fields are attributes that no type checker knows, hence Any."""

NONE = -1

STALE, INSOLVENT = 1, 2
"""Flags of an account: its triggers must be hung anew; its residual waits for auto-deleveraging."""

I8, I4, F8 = "i8", "i4", "f8"


def record(*fields: tuple[str, str]) -> np.dtype[np.void]:
    """Return an aligned record type."""
    return np.dtype(list(fields), align=True)


CLOCK = record(
    ("step", I8), ("stage", I8), ("cursor", I8), ("wave", I8),
    ("need", I8),  # rows the buffer named by the last status must have free
    ("free_order", I8), ("n_orders", I8), ("n_inbox", I8),
    ("n_liquidations", I8), ("n_adl", I8), ("n_trades", I8), ("n_bars", I8), ("n_funds", I8),
    ("n_flagged", I8), ("n_due", I8), ("n_residual", I8),  # due: failing since a batch of this wave
    ("next_bar", I8), ("next_funds", I8), ("events", I8), ("events_before", I8),
    ("stale_traders", I8),  # whether a trader waits for its venue's clock with no trigger hung
    ("unfinished_waves", I8),  # steps whose last wave left accounts due
    ("n_ranked", I8), ("ranking", I8), ("adl_rank", I8), ("adl_lots", I8),
    ("halted", I8), ("n_waiting", I8),  # whether any market is; orders that wait until theirs opens
)  # fmt: skip
"""The run's position: (step, stage, cursor) is where a stopped kernel resumes."""

ASSET = record(
    ("log_value", F8), ("shift", F8), ("value", F8), ("point", I8),
    ("activity", F8), ("daytime", F8), ("drawn", F8),
    ("kicks", F8), ("forced", I8), ("forced_rate", F8),
    ("impact", F8), ("forced_impact", F8),  # of its own ordinary orders, and of its own forced ones
    ("intent", F8), ("lean", F8), ("ordinary", F8), ("opinion", F8), ("moved", F8),
)  # fmt: skip
"""News value of an asset in quote units: exp(log_value + shift), the shift being that of shocks.

How busy it is, and what forced orders add to the rate of ordinary ones, in parts of the usual; kicks of ordinary
orders and money of forced ones since the last step. What makers add to the log news value (`ordinary`: lean and the
impact of ordinary orders; `opinion`: that of forced ones, too), and the log move of quotes in this step by news and
lean alone.
"""

MARKET = record(
    ("window", I8),  # tick of the first slot of the window
    ("best_bid", I8), ("best_ask", I8), ("last", I8), ("mark", I8), ("mid2", I8),  # mid2 = bid + ask
    ("mark_before", I8),
    ("index", F8), ("basis_mean", F8), ("n_basis", I8), ("basis_at", I8),
    ("oracle_at", I8),  # step at which an oracle answers anew, whatever the index does
    ("halt", I8), ("opens", I8),  # bits of what is off; the step from which orders are taken again
    ("silent", I8),  # steps since orders were taken
    ("n_bids", I8), ("n_asks", I8), ("far_head", I8), ("far_tail", I8),
    ("open_interest", I8), ("on_margin", I8),  # long lots of all, and of accounts on margin
    ("funding_rate", I8), ("next_funding", I8), ("traded", I8),  # lots, since the start
    ("premium_sum", F8), ("premium_weight", F8), ("premium_at", F8),
    ("impact", F8), ("flow_learnt", I8), ("kicks", F8), ("variance", F8), ("variance_mid", F8), ("variance_at", I8),
    ("depth_factor", F8), ("depth_shock", F8),
    ("bid_swing", F8), ("ask_swing", F8), ("swing", F8), ("error", F8), ("bid_thickness", F8), ("ask_thickness", F8),
    # since the last bar
    ("open", I8), ("high", I8), ("low", I8), ("mark_high", I8), ("mark_low", I8), ("volume", I8),
    ("flow", I8), ("n_trades", I8), ("long_liquidated", I8), ("short_liquidated", I8),
)  # fmt: skip
"""A market: its book's edges, its marks and what has happened since the last bar."""

PRESSURE = record(("net", F8), ("bids_left", F8), ("asks_left", F8))
"""Net flow of takers of late, in money units, and the share of their sizes that it leaves to each side's makers."""

PURSE = record(
    ("start", I8), ("gain", F8), ("at", F8), ("gained", F8), ("left", F8), ("room", F8), ("net", F8)
)
"""A maker: its balance at the start, and the share of its sizes that losses leave it. Of the first of those who share a
capital: what all have gained since, the loss at which they withdraw. `gained` is the running mean of that gain. `room`:
the share of what adds to inventory that the capital of its desk, as far as it is used, leaves it; `net`: what the desk
holds, net, in parts of the maker's cap."""

LEVEL = record(("lots", I8), ("head", I4), ("tail", I4))
"""A price level: total resting lots and its first-in-first-out queue. Bid or ask by place."""

ORDER = record(
    ("lots", I8), ("tick", I4), ("position", I4), ("next", I4), ("prev", I4),
    ("own_next", I4), ("own_prev", I4), ("due_next", I4), ("due_prev", I4),
    ("quote", I4), ("generation", I4), ("due", I4),
)  # fmt: skip
"""A resting order; the sign of `lots` is its side. Free orders are chained through `next`."""

ACCOUNT = record(
    ("first_position", I4), ("n_positions", I4), ("first_order", I4), ("venue", I4), ("cooling_until", I4),
    ("kind", "i2"), ("margin", "i2"), ("tag", "i2"), ("fees", "i2"),
    ("settlement", "i2"),  # asset that its margin is counted in
    ("reserved", I8), ("standing", I8),
)  # fmt: skip
"""The unit that is margined: an isolated position, a cross-margin account, or an unlevered agent."""

POSITION = record(
    ("lots", I8), ("entry_value", I8),  # entry value: sum of lots x v(entry price), signed as the lots
    ("account", I4), ("market", I4),
)  # fmt: skip
"""A signed position."""

TRIGGER = record(("tick", I4), ("next", I4), ("prev", I4))
"""A node of the trigger index: the tick it fires at, or NONE, and its neighbours in the bucket."""

TRADER = record(
    ("notional", F8), ("leverage", "f4"), ("mean_hold_s", "f4"),
    ("stop_tick", I4), ("take_tick", I4), ("top_up_tick", I4),
    ("layer", "i2"), ("phase", "i1"), ("side", "i1"), ("due", I4), ("due_next", I4), ("life", I4), ("life_ends", I4),
)  # fmt: skip
"""A leveraged seat: its habits (leverage, notional, hold) and where its present life stands."""

INTENT = record(
    ("lots", I8), ("tick", I8), ("position", I4), ("next", I4), ("ref", I4), ("generation", I4),
    ("life_steps", I4), ("kind", "i2"), ("purpose", "i2"), ("offset", F8), ("reduce_only", I8),
)  # fmt: skip
"""What an agent wants done: signed lots, limit tick, arrival offset in [0, 1) of the step."""

RANKED = record(("score", F8), ("position", I8), ("lots", I8))
"""A counterparty of auto-deleveraging, and the unsigned lots it is to give up."""

RESIDUAL = record(("position", I8), ("lots", I8), ("quote", I8), ("row", I8))
"""What an insolvent position leaves to auto-deleveraging: lots, and the balance that goes with them."""

LIQUIDATION = record(
    ("step", I8), ("wave", I8), ("account", I8), ("life", I8), ("market", I8), ("part", I8),
    ("side", I8),  # of the position: +1 long, -1 short
    ("leverage", F8), ("position_lots", I8), ("order_lots", I8), ("filled_lots", I8),
    ("filled_value", I8), ("trigger_mark", I8), ("bankruptcy_tick", I8), ("worst_tick", I8),
    ("liquidation_tick", I8), ("shortfall", I8),  # of margin, for the account; the tick NONE if it holds several
    ("best_before", I8), ("best_after", I8),  # best price of the side that the order takes from
    ("fee", I8), ("taken_over_lots", I8), ("fund_draw", I8), ("adl_lots", I8), ("deficit", I8), ("tag", I8),
    ("repaid", I8),  # debt, on a lending venue
)  # fmt: skip
"""One forced order. Ticks and money in units; `fund_draw` > 0 is the fund's loss at mark, `deficit` what
auto-deleveraging would have to find at mark."""

ADL = record(
    ("step", I8), ("wave", I8), ("account", I8), ("counterparty", I8), ("market", I8), ("side", I8), ("lots", I8),
    ("mark", I8), ("value", I8), ("mark_value", I8), ("forgone", I8), ("rank", I8), ("score", F8),
    ("leverage_after", F8),
)  # fmt: skip
"""One auto-deleveraging fill; `lots` is the change of the counterparty's position, `forgone` > 0 what it
loses against mark. A socialised loss is a row without lots."""

TRADE = record(
    ("step", I8), ("market", I8), ("tick", I8), ("lots", I8), ("maker", I8), ("taker", I8),
    ("purpose", I8),
)  # fmt: skip
"""One fill; `lots` is signed by the taker's side."""

BAR = record(
    ("step", I8), ("market", I8), ("open", I8), ("high", I8), ("low", I8), ("last", I8),
    ("mark", I8), ("mark_high", I8), ("mark_low", I8), ("index", F8), ("news_value", F8),
    ("best_bid", I8), ("best_ask", I8),
    ("bid_10", I8), ("bid_50", I8), ("bid_100", I8), ("ask_10", I8), ("ask_50", I8), ("ask_100", I8),
    ("volume", I8), ("flow", I8), ("n_trades", I8), ("long_liquidated", I8), ("short_liquidated", I8),
    ("open_interest", I8), ("on_margin", I8), ("funding_rate", I8), ("fund_equity", I8), ("depth_factor", F8),
)  # fmt: skip
"""One bar of one market. Depth and open interest in lots; volume, flow and liquidated in money units."""

FUND = record(
    ("step", I8), ("fund", I8), ("price", F8), ("equity", I8), ("income", I8), ("losses", I8), ("uncovered", I8),
    ("adl_value", I8), ("fees", I8), ("deposits", I8), ("withdrawals", I8),
)  # fmt: skip
"""The funds of a settlement asset at a moment, in its money units; `price` is that of the asset in USD.

`equity` at mark is the sum over venues and `uncovered` what some of them owe beyond what they have: nobody
stands behind them, nor one for another. All that follows is a total since the start, as in LEDGER."""

CROWD = record(("swing", F8), ("trend", F8))
"""A flow of splitters: log of its volume beyond what activity gives, and what quotes have done of late."""

DESK = record(("due", I8), ("stage", I8), ("side", I8), ("tick", I8), ("held", I8))
"""Where one who ties markets stands, a row for each TIE: the step at which money arrives, or at which a hedge or an
attack goes on, 0 for never; its stage; of an attack the side, the tick it goes for, the lots held at the last look."""

PARENT = record(("side", I8), ("piece", F8), ("left", I8))
"""An order that is worked in pieces: its side, the money of a piece, the pieces that are left."""

WORK = record(("mid2", I8), ("traded", I8), ("filled", I8), ("value", I8))
"""What a scheduled order found when it began, the mid and the lots traded by then, and its fills: signed lots, and
what they are worth in money units."""

N_LEVELS = 32
"""Samples of a fund's equity over the window in which its drawdown is measured."""

VENUE = record(("lost", I8), ("lost_at", I8), ("taken", I8), ("taken_at", I8), ("n_levels", I8))
"""What a venue's fund has lost on fills in the wave `lost_at`, what it has taken over in the window `taken_at`, in
money units of USD, and how often its equity was sampled."""

LEDGER = record(
    ("deposits", I8), ("withdrawals", I8), ("fund_income", I8), ("fund_losses", I8),
    ("fees", I8), ("adl_value", I8),
)  # fmt: skip
"""Money that entered and left, per settlement asset, and what the waterfall did with it."""


class State(NamedTuple):
    """Everything that changes during a run. `clone` it to branch a running market."""

    clock: Array  # (1,) CLOCK
    assets: Array  # (n_assets,) ASSET
    swings: Array  # float64 (1 + n_assets, n_scales): parts of log activity, the first row common to all
    modes: Array  # float64 (2 * n_assets, N_MODES): impact of ordinary orders, then of forced ones
    means: Array  # float64 (n_assets, N_MEANS): running means of the kicks of ordinary orders
    crowds: Array  # (n_splitters,) CROWD
    desks: Array  # (n_ties,) DESK
    parents: Array  # (n_parents,) PARENT
    works: Array  # (n_shocks,) WORK
    trails: Array  # float64 (n_trails,): running means of log mids
    markets: Array  # (n_markets,) MARKET
    pressures: Array  # (n_markets,) PRESSURE
    purses: Array  # (n_makers,) PURSE
    levels: Array  # (n_markets * n_ticks,) LEVEL
    bits: Array  # uint64: bitmaps of bids, asks, low and high triggers per market; flagged accounts
    trigger_heads: Array  # int32 (2 * n_markets * (n_ticks + 1),): low then high; the last slot is far
    orders: Array  # (n_orders,) ORDER
    accounts: Array  # (n_accounts,) ACCOUNT
    positions: Array  # (n_positions,) POSITION
    triggers: Array  # (2 * n_positions,) TRIGGER: below the mark, then above it
    balances: Array  # int64 (n_accounts, n_settlements): quote balances
    traders: Array  # (n_traders,) TRADER; account = first_trader + trader
    quotes: Array  # int32 (n_quotes,): resting order of each maker's quote, or NONE
    calendars: Array  # int32 (2, n_steps + 1): heads of traders and of expiring orders due at a step
    basis: Array  # float64 (n_markets, n_basis): samples of the basis, a ring
    venues: Array  # (n_venues,) VENUE
    fund_levels: Array  # int64 (n_venues * n_settlements, N_LEVELS): past equity of each fund, a ring
    ledger: Array  # (n_settlements,) LEDGER
    collateral: Array  # int64 (n_venues * n_markets,): tick at which a venue counts a spot holding
    inbox: Array  # (n,) INTENT
    buckets: Array  # int32 (2, N_BUCKETS): heads and tails of the inbox by arrival offset
    arrivals: Array  # uint64 (N_BUCKETS / 64,): a bit for each bucket that holds an intent
    waiting: Array  # (n,) INTENT: orders that wait until their market opens, in the order of arrival
    residuals: Array  # (n,) RESIDUAL
    ranked: Array  # (n,) RANKED: a heap
    liquidations: Array  # (n,) LIQUIDATION: drained by the engine
    adl: Array  # (n,) ADL: drained by the engine
    trades: Array  # (n,) TRADE: drained by the engine
    bars: Array  # (n,) BAR: drained by the engine
    funds: Array  # (n,) FUND: drained by the engine
    counts: Array  # int64 (n_reasons,): rejected intents by reason
    noted: Array  # int64 (most positions of an account,): log row of each of the account that is liquidated

    def clone(self) -> State:
        """Return an independent copy."""
        return State(*(array.copy() for array in self))


U64 = np.dtype(np.uint64)
I64 = np.dtype(np.int64)
I32 = np.dtype(np.int32)
F64 = np.dtype(np.float64)

declare(
    State,
    {
        "clock": (CLOCK, 1), "assets": (ASSET, 1),
        "swings": (F64, 2), "modes": (F64, 2), "means": (F64, 2), "crowds": (CROWD, 1),
        "desks": (DESK, 1), "parents": (PARENT, 1), "works": (WORK, 1),
        "trails": (F64, 1), "markets": (MARKET, 1),
        "pressures": (PRESSURE, 1), "purses": (PURSE, 1), "levels": (LEVEL, 1),
        "bits": (U64, 1), "trigger_heads": (I32, 1), "orders": (ORDER, 1),
        "accounts": (ACCOUNT, 1), "positions": (POSITION, 1), "triggers": (TRIGGER, 1), "balances": (I64, 2),
        "traders": (TRADER, 1),
        "quotes": (I32, 1), "calendars": (I32, 2), "basis": (F64, 2), "venues": (VENUE, 1),
        "fund_levels": (I64, 2), "ledger": (LEDGER, 1), "collateral": (I64, 1),
        "inbox": (INTENT, 1), "buckets": (I32, 2), "arrivals": (U64, 1), "waiting": (INTENT, 1),
        "residuals": (RESIDUAL, 1), "ranked": (RANKED, 1),
        "liquidations": (LIQUIDATION, 1), "adl": (ADL, 1), "trades": (TRADE, 1), "bars": (BAR, 1),
        "funds": (FUND, 1),
        "counts": (I64, 1), "noted": (I64, 1),
    },
)  # fmt: skip

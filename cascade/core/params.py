"""The parameters of a run as numbers and arrays, derived once from a scenario, never mutated.

Sizes in lots, prices in ticks, time in steps, money in units, rates in 1e-8, unless a name says otherwise.
"""

from __future__ import annotations

from typing import NamedTuple

from cascade.compiler.tables import declare
from cascade.core.state import F8, F64, I8, I64, Array, record
from cascade.names import CollateralPrice, Procedure, Ranking, number_of

U8 = "u8"

# market kinds
SPOT, PERPETUAL, POOL = 0, 1, 2
"""A pool is one collateral of a lending venue: claims on spot held there, which nobody trades."""

# account kinds
ACCOUNT_KINDS = (
    "fund", "fees", "rounding", "absorber", "holder", "maker", "news taker", "flow",
    "arbitrage", "shock", "agent", "trader", "vault", "liquidator", "carry", "hunter",
)  # fmt: skip
(
    FUND, FEES, ROUNDING, ABSORBER, HOLDER, MAKER_ACCOUNT, NEWS_TAKER_ACCOUNT, FLOW_ACCOUNT,
    ARBITRAGE_ACCOUNT, SHOCK_ACCOUNT, AGENT, TRADER_ACCOUNT, VAULT, LIQUIDATOR, CARRY_ACCOUNT, HUNTER_ACCOUNT,
) = range(len(ACCOUNT_KINDS))  # fmt: skip

# margin modes
UNMARGINED, ISOLATED, CROSS = 0, 1, 2

# what an intent asks for

LIMIT, IOC, POST_ONLY, CANCEL, CANCEL_ALL, QUOTE = range(6)

# why an order is sent
PURPOSES = ("any", "news", "opening", "closing", "stop", "take-profit", "forced", "unwinding", "seized")
ANY, NEWS, OPENING, CLOSING, STOPPING, PROFIT, FORCED, UNWINDING, SEIZED = range(len(PURPOSES))

# why an intent is rejected
REASONS = (
    "would have crossed (post-only)",
    "nothing to reduce (reduce-only)",
    "order is gone",
    "price outside the venue's band",
    "leverage above the tier's maximum",
    "margin is not enough",
    "size rounds to no lot",
    "position is not flat",
    "holding is not enough to sell",
    "the market takes no orders",
    "position above the contract's limit",
    "open interest above the contract's cap",
)
(
    CROSSED, NOT_REDUCING, GONE, OUT_OF_BAND, OVER_LEVERAGE, NO_MARGIN, NO_LOT, NOT_FLAT, NO_HOLDING,
    SUSPENDED, OVER_POSITION, OVER_INTEREST,
) = range(len(REASONS))  # fmt: skip

# rules of rulebooks that others than their own kernels ask about
SLICES_RULE, LIQUIDATORS = number_of(Procedure, "slices"), number_of(Procedure, "liquidators")
RANDOM, SOCIALISE = number_of(Ranking, "random"), number_of(Ranking, "socialise")
OWN_SPOT, MEDIAN = number_of(CollateralPrice, "own_spot"), number_of(CollateralPrice, "median")
REDEMPTION, FLOOR = number_of(CollateralPrice, "redemption"), number_of(CollateralPrice, "floor")

FUNDING_RULE, FUNDING_FIXED = 0, 1

# news processes
CONSTANT, GBM, JUMP_DIFFUSION, ANCHORS, CLUSTERED = range(5)

# shocks
MARKET_SHOCK, NEWS_SHOCK, DEPTH_SHOCK, HALT_SHOCK = range(4)

# what a halt does to a market, bits that are added up
SHUT, STILL, SPARED, QUEUED, LOCKED, FROZEN, MUTE = 1, 2, 4, 8, 16, 32, 64
"""Users' orders are not taken; nothing trades; nobody is liquidated; orders that can wait do; nobody cancels; the
index stays; a spot market is no source of any index."""

# how an order is worked
EVENLY, WITH_VOLUME, FRONT_LOADED = range(3)

RUN = record(
    ("dt", F8), ("n_steps", I8), ("n_ticks", I8), ("n0", I8), ("n1", I8),
    ("flags_at", I8), ("f0", I8), ("f1", I8), ("flags_words", I8),
    ("first_agent", I8), ("first_trader", I8),  # accounts
    ("n_waves", I8),  # the most of any venue
    ("bar_steps", I8), ("fund_steps", I8), ("record_trades", I8), ("python_agents", I8),
    ("priced_collateral", I8),  # whether any venue counts it at another price than its own book's
    ("forced_orders", I8),  # 0: the counterfactual, in which an absorber takes forced orders at mark
    ("deleveraging", I8),  # 0: nobody is deleveraged, the fund takes everything
)  # fmt: skip

ASSET_P = record(
    ("news", I8), ("volatility", F8), ("drift", F8), ("jump_rate", F8), ("jump_mean", F8), ("jump_sd", F8),
    ("first_point", I8), ("n_points", I8), ("key", U8),
    ("common", F8), ("common_key", U8),  # share of the variance that is common to all assets
    ("traded", I8),  # whether its points are prices, which hold impact and lean already
)  # fmt: skip
"""Volatility and drift per square-root step and per step; jumps per step."""

ACTIVITY = record(
    ("every", I8), ("spread", F8), ("offset", F8), ("common", F8), ("key", U8),
)  # fmt: skip
"""How busy the market is: renewed every so many steps, 0 for never; the spread is that of its log."""

SCALE = record(("decay", F8), ("weight", F8))
"""A time scale of activity: decay from one renewal to the next; the squares of the weights sum to 1."""

WAVE = record(("height", F8), ("per_step", F8), ("peak", F8))
"""A wave of the day in log activity: radians a step, and the step of a peak."""

BUSY = record(("step", F8), ("log_level", F8))
"""Log activity that is given for a moment; between two it runs straight."""

IMPACT = record(
    ("kick", F8), ("exponent", F8), ("memory", F8), ("surprise", F8), ("local", F8), ("local_decay", F8),
    ("depth_power", F8), ("drawn", F8), ("drawn_decay", F8),
)  # fmt: skip
"""How orders move an asset: kick of the log price for one money unit, 0 for none; decay per step of the rate of
forced flow; share of what is expected of ordinary flow that is taken off; part of a kick that moves the order's own
market alone, and its decay per step. A kick goes with minus `depth_power` of the depth that makers have left; a money
unit of forced flow adds `drawn` to the rate of ordinary orders, in parts of the usual, which decays."""

MODE = record(("decay", F8), ("weight", F8))
"""An exponential of the decay of impact, `propagator.N_MODES` an asset; the weights sum to about 1."""

MEMORY = record(("decay", F8), ("share", F8))
"""A running mean of past kicks, `propagator.N_MEANS` an asset, and the share of it that is expected to come."""

LEAN = record(
    ("drift", F8), ("decay", F8), ("fade", F8), ("tilt", F8), ("common", F8), ("key", U8), ("common_key", U8),
)  # fmt: skip
"""Makers' lean: drift of the log price in a step and tilt of log sizes for an intent of 1; decay of the intent and
of what has drifted, per step."""

POINT = record(("step", F8), ("log_price", F8))

MARKET_P = record(
    ("kind", I8), ("contract", I8), ("asset", I8), ("venue", I8), ("settlement", I8), ("unit", I8),
    ("tick_size", F8), ("lot_size", F8), ("face", I8),
    ("first_tier", I8), ("n_tiers", I8), ("step_tiers", I8), ("liquidation_fee", I8), ("price_band", I8),
    ("take_bound", I8), ("max_order", I8), ("impact_notional", I8), ("most_held", I8), ("most_open", I8),
    ("impact", F8), ("impact_decay", F8),  # log price per money unit of signed flow; per step
    ("learning_floor", F8),
    ("side_swing", F8), ("side_decay", F8), ("swing", F8), ("swing_decay", F8), ("activity_power", F8), ("key", U8),
    ("error", F8), ("error_decay", F8),
    ("funding", I8), ("first_rate", I8), ("n_rates", I8), ("funding_cap", I8),
    ("spot", I8), ("bonus", I8), ("protocol_fee", I8),  # of a pool: where its collateral is sold
)  # fmt: skip
"""`unit` is the K of `exact.lot_value`; `face` the USD, in money units, that a lot of an inverse contract stands for;
`most_held` of one account and `most_open` of all are money units of USD, 0 for any."""

WITHDRAWAL = record(
    ("steps", I8), ("calm_variance", F8), ("decay", F8), ("threshold", F8), ("exponent", F8), ("floor", F8),
    ("flow_at", F8), ("flow_decay", F8), ("flow_exponent", F8), ("flow_floor", F8),
    ("loss_at", F8), ("loss_decay", F8), ("loss_exponent", F8), ("loss_floor", F8),
)  # fmt: skip
"""How the makers of a market withdraw: by its variance over so many steps; by net flow beyond `flow_at` money units;
by losses beyond `loss_at`, a share of a maker's cap. 0 in one of the two: not at all."""

RATE_POINT = record(("step", I8), ("rate", I8))

VENUE_P = record(
    ("n_waves", I8), ("wave_steps", I8),  # margin tests in a step, and steps from one to the next
    ("procedure", I8), ("tiers_down", I8), ("fill_or_kill", I8), ("whole_tiers", I8),
    ("only_where_it_frees", I8),  # whether it reduces only where the rate of a tier is above the clearance fee
    ("patience", I8), ("backstop", I8),  # steps in which orders are sent again; part of maintenance margin
    ("adl_ranking", I8), ("adl_price", I8), ("key", U8),
    ("fund", I8), ("fees", I8), ("rounding", I8), ("absorber", I8),  # accounts
)  # fmt: skip

MARK = record(
    ("rule", I8), ("n_basis", I8), ("basis_steps", I8), ("decay", F8), ("outlier_limit", F8), ("index_steps", I8),
    ("index_rule", I8), ("silent_steps", I8), ("oracle_deviation", F8), ("oracle_steps", I8),
)  # fmt: skip
"""How a venue makes index and mark; `decay` is that of an exponential mean basis, per step; a spot market that has
taken no orders for `silent_steps` is no source, 0 for however long."""

FUNDING = record(
    ("steps", I8), ("first", I8), ("interest", I8), ("clamp", I8), ("premium_steps", I8),
    ("part", I8), ("whole", I8), ("at_index", I8),
)  # fmt: skip
"""Funding: stamps, the formula's figures, an interval's part of the rate, and whether it is paid at the index."""

SLICES = record(
    ("share", F8), ("above", I8), ("cooldown_steps", I8), ("cooldown_waits", I8),
)  # fmt: skip

BLOCKS = record(
    ("share", F8), ("floor", I8), ("notional", I8), ("bankruptcy_adjustment", I8), ("spread_to_maintenance", I8),
    ("max_loss", I8),
)  # fmt: skip

FUND_RULE = record(
    ("take_over", I8), ("drawdown", I8), ("drawdown_of_mean", I8), ("drawdown_floor", I8), ("level_steps", I8),
    ("most_held", I8), ("most_taken", I8), ("taken_steps", I8),  # money units of USD, 0: any; in so many steps
    ("unwind_fraction", F8), ("unwind_max", I8),  # of what is left, per step; money units per order
)  # fmt: skip

LENDING = record(
    ("close_factor", I8), ("close_health", I8), ("close_least", I8), ("leftover", I8), ("gas", I8), ("min_profit", I8),
    ("vault", I8), ("liquidator", I8),  # accounts
)  # fmt: skip

TIER = record(("cap", I8), ("rate", I8), ("deduction", I8), ("max_leverage", F8))
"""Notional cap (inclusive), maintenance rate and maintenance amount of a tier, money units."""

COLLATERAL = record(("price", I8), ("kept", I8), ("given", I8))
"""How a venue counts a spot holding as margin: where its price comes from, the part of it that is kept (1 less
the haircut), and the price in ticks that redemption, or the floor, gives."""

MAKER = record(
    ("kind", I8), ("position", I8), ("first_level", I8), ("n_levels", I8), ("first_quote", I8), ("act", F8),
    ("tolerance", F8), ("noise", F8), ("skew", F8), ("cap", F8), ("initial", I8), ("key", U8), ("slot", I8),
    ("slack", F8), ("pace", F8), ("purse", I8), ("desk", I8),
)  # fmt: skip
"""A maker. Noise and skew as log price; cap in lots around the initial position; `slack` is the log price by which a
quote may be off before it follows; `pace` are its looks in a step, where these are more than one; `purse` is the
number of the first maker of its capital, `desk` that of the next maker of its desk, the last one's being the first."""

QUOTE_LEVEL = record(("distance", F8), ("money", F8), ("refill", F8), ("nearness", F8))
"""A level of a maker's ladder: log distance from fair value, money units per side, share that returns at a look, the
power to which it takes the share that withdrawal leaves."""

FLOW = record(
    ("market_position", I8), ("limit_position", I8), ("market_rate", F8), ("limit_rate", F8),
    ("market_size", I8), ("limit_size", I8), ("distance", I8), ("life", F8), ("scale", F8), ("key", U8),
)  # fmt: skip
"""Background flow; sizes (money units) and distance (log) are quantile tables, life in steps."""

SPLITTERS = record(
    ("first_position", I8), ("n_singles", I8), ("rate", F8), ("activity_power", F8), ("daytime_power", F8),
    ("swing", F8), ("swing_decay", F8), ("order_size", I8), ("scale", F8),
    ("split_share", F8), ("first_parent", I8), ("n_parents", I8), ("most", F8), ("run_exponent", F8), ("run_most", F8),
    ("single_tilt", F8), ("parent_tilt", F8), ("holds", F8), ("trend_decay", F8), ("trend_scale", F8),
    ("follow_rate", F8), ("follow_size", F8), ("key", U8),
)  # fmt: skip
"""Flow whose signs have a memory, of traders with a position each: the follower, one a parent, those of single orders.
Sizes in money units, `most` of a child order, `holds`
the net position at which all sell; powers of activity and daytime."""

AGENT_P = record(
    ("kind", I8), ("position", I8), ("second", I8), ("initial", I8),  # lots of `second` at the start
    ("rate", F8), ("max_order", F8), ("cap", F8), ("threshold", F8), ("gain", F8), ("key", U8),
    ("own", I8),  # its first row in the records of its kind, where that has some; a dip buyer's trail
)  # fmt: skip
"""An agent who sends orders: how often it acts in a step, the largest order and inventory, from which log distance
on it acts, and how strongly for each unit beyond."""

TIE = record(
    ("treasury", I8), ("transit", I8), ("ready", F8), ("leverage", F8), ("delay", I8),  # a wallet
    ("cost", F8), ("hold", F8), ("leave", F8),  # a pair of them: of the first
    ("maker", I8), ("capital", F8), ("patience", I8),  # a desk of makers, and a hunter
    ("reach", F8), ("error", F8), ("worth", F8), ("most_lost", F8),  # a hunter
)  # fmt: skip
"""What those who tie markets have beyond other agents; an arbitrageur or carry trader has a row for either wallet.

A wallet: accounts of its treasury and of money on its way, money units kept on the venue, largest position for its
equity, and steps that money is on its way. A pair: fees of opening and closing both legs and the gain below which it
leaves, as log price, over `hold` steps. A desk: its first maker, its capital, the delay of a hedge and how long one
is quoted before it takes. A hunter: how far it sees, the deviation of the log of what it sees, fuel for the depth in
front of it, patience, and the part of its capital that it may lose."""

LAYER = record(
    ("first_trader", I8), ("first_place", I8), ("long_share", F8), ("min_hold_s", F8), ("pause_s", F8), ("turnover", I8),
    ("stop_share", F8), ("stop_distance", I8), ("take_share", F8), ("take_distance", I8),
    ("top_up_share", F8), ("top_up_at", F8), ("top_up_factor", F8), ("max_order", F8), ("key", U8),
    ("legs", I8), ("hedge_share", F8), ("hedge_size", F8),  # 2 legs in hedge mode: the second is the hedge
    ("trail", I8), ("on_return", F8), ("on_funding", F8),  # what the logit of the long share adds, for logs and 1e-8
)  # fmt: skip
"""A layer of the leveraged population; distances are quantile tables, in parts of the way to liquidation.
`first_place` is where an account's first position stands among those of the account it was parted from."""

TRAIL = record(("market", I8), ("decay", F8))
"""A running mean of the log mid of a market, and its decay per step; 0 where nobody reads it."""

SHOCK = record(
    ("kind", I8), ("target", I8), ("start", I8), ("stop", I8), ("amount", F8), ("position", I8), ("initial", I8),
    ("closes", I8), ("margined", I8), ("schedule", I8), ("pace", F8), ("halt", I8),
)  # fmt: skip
"""Market: target market, signed lots to trade; whether they close a position of the population, or open one that can be
liquidated; how it is worked, and the lots for each that others trade, or the rate of a front-loaded schedule per step.
News: asset, log move. Depth: market, factor. Halt: market, what it does."""


class Params(NamedTuple):
    """What a run is made of; see the record types for units."""

    run: Array
    assets: Array
    points: Array
    activity: Array
    scales: Array
    waves: Array
    busy: Array
    impacts: Array
    modes: Array  # (n_assets * N_MODES,)
    memories: Array  # (n_assets * N_MEANS,)
    leans: Array
    cross: Array  # float64 (n_assets, n_assets): share of a column's impact that moves a row's asset, too
    markets: Array
    sources: Array  # float64 (n_venues, n_markets): weight of a spot market in a venue's index of its asset
    withdrawals: Array  # a row for each market
    rates: Array
    venues: Array  # these and what follows up to `lending`: a row for each venue
    marks: Array
    funding: Array
    slices: Array
    blocks: Array
    funds: Array
    lending: Array
    tiers: Array
    fees: Array  # int64 (n, 2): maker and taker rate of each venue, then of those who have rates of their own
    collateral: Array  # (n_venues * n_markets,) COLLATERAL
    makers: Array
    quote_levels: Array
    agents: Array  # in the order of their kinds
    flows: Array
    splitters: Array
    ties: Array
    layers: Array
    trails: Array
    shocks: Array
    quantiles: Array  # float64 (n_tables, n_points): quantile functions on the grid of `flow.quantile`


declare(
    Params,
    {
        "run": (RUN, 1), "assets": (ASSET_P, 1), "points": (POINT, 1),
        "activity": (ACTIVITY, 1), "scales": (SCALE, 1), "waves": (WAVE, 1), "busy": (BUSY, 1), "impacts": (IMPACT, 1),
        "modes": (MODE, 1), "memories": (MEMORY, 1), "leans": (LEAN, 1), "cross": (F64, 2), "markets": (MARKET_P, 1),
        "sources": (F64, 2),
        "withdrawals": (WITHDRAWAL, 1), "rates": (RATE_POINT, 1), "venues": (VENUE_P, 1),
        "marks": (MARK, 1), "funding": (FUNDING, 1), "slices": (SLICES, 1), "blocks": (BLOCKS, 1),
        "funds": (FUND_RULE, 1), "lending": (LENDING, 1), "tiers": (TIER, 1), "fees": (I64, 2),
        "collateral": (COLLATERAL, 1),
        "makers": (MAKER, 1), "quote_levels": (QUOTE_LEVEL, 1), "agents": (AGENT_P, 1),
        "flows": (FLOW, 1), "splitters": (SPLITTERS, 1), "ties": (TIE, 1), "layers": (LAYER, 1), "trails": (TRAIL, 1),
        "shocks": (SHOCK, 1),
        "quantiles": (F64, 2),
    },
    fixed=True,
)  # fmt: skip

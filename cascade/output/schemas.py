"""The tables of a run, declared once: columns, types, units and what each of them means."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    import pyarrow as pa

RESULTS_VERSION: Final = (4, 1)
"""Major and minor version of the tables: a new column raises the minor, anything else the major."""

Kind = Literal["category", "text", "int32", "int64", "float", "time"]

UNIT_SUFFIXES: Final = {
    "_usd": "USD",
    "_bps": "bps",
    "_s": "s",
    "_lots": "lots",
    "_price": "USD per unit of the asset",
}
"""What the end of a column's name says about its unit."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `unit` is empty for names, counts and identifiers."""

    name: str
    kind: Kind
    description: str
    unit: str = ""
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its name is the folder (or file) that holds it."""

    name: str
    description: str
    columns: tuple[Column, ...]
    timed: bool = True
    """Rows belong to a step, and carry `step`, `t_s` and, where the scenario has a start, `time`."""
    of_replicate: bool = True
    """Rows belong to a replicate, else to a whole ensemble."""


def _column(name: str, kind: Kind, description: str, *, unit: str = "", null: bool = False) -> Column:
    """Declare a column whose unit, unless given, follows from the end of its name."""
    if not unit and kind in {"float", "int64", "int32"}:
        unit = next((meaning for suffix, meaning in UNIT_SUFFIXES.items() if name.endswith(suffix)), "")
    return Column(name, kind, description, unit, null)


def _owner(whose: str, prefix: str = "") -> tuple[Column, Column]:
    """Return the columns that say where a leveraged account comes from."""
    layer = f"layer of the population that the {whose} belongs to; null of others"
    label = (
        f"label of the {whose} in the user's own file, name of an agent in Python; null where there is none"
    )
    return (
        _column(f"{prefix}layer", "category", layer, null=True),
        _column(f"{prefix}label", "category", label, null=True),
    )


SCENARIO: Final = _column("scenario", "category", "name of the scenario")
REPLICATE: Final = _column("replicate", "int32", "number of the random realisation, from 0")
STEP: Final = _column("step", "int64", "step of the simulation, from 0")
T_S: Final = _column("t_s", "float", "simulated time since the start: step times the length of a step")
TIME: Final = _column("time", "time", "UTC time; only where the scenario has a start", unit="UTC")
MARKET: Final = _column("market", "category", "market, as venue:contract")

_DEPTHS: Final = (10, 50, 100)

RUNS: Final = Table(
    "runs",
    "One row per finished replicate: its outcome and every metric.",
    (
        _column("seed", "int64", "seed of the scenario, shared by all replicates"),
        _column("outcome", "category", "how the replicate ended"),
        _column("outcome_text", "text", "the outcome as a sentence"),
        _column("steps", "int64", "steps simulated"),
        _column("events", "int64", "orders, cancellations and fills processed"),
        _column("waiting_steps", "int64", "steps whose last wave left accounts waiting for the next step"),
        _column("unfilled_shocks", "int64", "market shocks that did not fill wholly"),
        _column(
            "notes",
            "text",
            "what else to know, one `subject: remark` per line: why metrics are null, orders rejected, "
            "liquidations that had to wait, market shocks that did not fill",
            null=True,
        ),
    ),
    timed=False,
)

BARS: Final = Table(
    "bars",
    "One row per market and bar; what is counted is counted since the previous bar.",
    (
        MARKET,
        _column("open_price", "float", "first traded price", null=True),
        _column("high_price", "float", "highest traded price", null=True),
        _column("low_price", "float", "lowest traded price", null=True),
        _column("last_price", "float", "last traded price", null=True),
        _column("mark_price", "float", "mark price at the end of the bar", null=True),
        _column("mark_high_price", "float", "highest mark price", null=True),
        _column("mark_low_price", "float", "lowest mark price", null=True),
        _column("index_price", "float", "index price at the end of the bar", null=True),
        _column("news_value_price", "float", "news value of the asset at the end of the bar"),
        _column("best_bid_price", "float", "highest resting bid; null where there is none", null=True),
        _column("best_ask_price", "float", "lowest resting ask; null where there is none", null=True),
        *(
            _column(
                f"{side}_depth_{bps}bps_usd",
                "float",
                f"resting {side}s within {bps} bps of the mid, at the mid",
                null=True,
            )
            for side in ("bid", "ask")
            for bps in _DEPTHS
        ),
        _column("volume_usd", "float", "traded notional, each fill counted once"),
        _column("flow_usd", "float", "taker buys less taker sells"),
        _column("n_trades", "int64", "fills"),
        _column(
            "long_liquidated_usd",
            "float",
            "longs, and on spot collateral, that forced orders sold in the book, at mark; of a pool what calls took",
        ),
        _column(
            "short_liquidated_usd", "float", "shorts that forced orders bought back in the book, at mark"
        ),
        _column("open_interest_lots", "int64", "long open interest, which equals the short"),
        _column("open_interest_usd", "float", "open interest at mark", null=True),
        _column(
            "on_margin_usd",
            "float",
            "long open interest of accounts on margin, at mark: makers and the crowd, who begin flat, are left out",
            null=True,
        ),
        _column("funding_rate_bps", "float", "funding rate of the interval; longs pay where positive"),
        _column("fund_equity_usd", "float", "equity of the venue's insurance fund at mark"),
        _column("depth_factor", "float", "size of makers' quotes relative to calm", unit="1"),
    ),
)

LIQUIDATIONS: Final = Table(
    "liquidations",
    "One row per forced order, in the order the venue sent them.",
    (
        MARKET,
        _column("asset", "category", "asset of the market"),
        _column("reporting", "category", "venue whose public feed the account reports to"),
        _column("wave", "int64", "wave within the step: liquidations of one wave see the same mark"),
        _column("account", "int64", "account, a number that stays through a replicate"),
        *_owner("account"),
        _column("life", "int64", "life of the account's seat: which of its successive positions"),
        _column("part", "int64", "how many forced orders this liquidation has sent before"),
        _column("side", "category", "side of the position: long or short"),
        _column("entry_leverage", "float", "leverage the position was opened with", unit="1"),
        _column("position_lots", "int64", "size of the position before the order"),
        _column("position_usd", "float", "size of the position before the order, at the trigger mark"),
        _column("order_lots", "int64", "size of the forced order"),
        _column("order_usd", "float", "size of the forced order at the trigger mark"),
        _column("filled_lots", "int64", "lots filled in the book"),
        _column("filled_usd", "float", "notional filled in the book, at fill prices"),
        _column("taken_over_lots", "int64", "lots the insurance fund took over at the bankruptcy price"),
        _column("taken_over_usd", "float", "lots taken over, at the trigger mark"),
        _column("adl_lots", "int64", "lots closed by auto-deleveraging"),
        _column("adl_usd", "float", "lots closed by auto-deleveraging, at the trigger mark"),
        _column(
            "liquidated_usd",
            "float",
            "filled_usd + taken_over_usd + adl_usd: what the row closed; of collateral 0",
        ),
        _column("trigger_mark_price", "float", "mark at which the margin test failed"),
        _column(
            "liquidation_price",
            "float",
            "mark at which the position begins to fail its margin test; null where the account holds several",
            null=True,
        ),
        _column("shortfall_usd", "float", "what the account's equity lacked of its maintenance margin"),
        _column("bankruptcy_price", "float", "price at which the position's margin is gone", null=True),
        _column("average_fill_price", "float", "mean fill price; null where nothing filled", null=True),
        _column("worst_fill_price", "float", "worst fill price; null where nothing filled", null=True),
        _column(
            "best_before_price",
            "float",
            "best price of the side the order takes from, before it; null where that side is empty",
            null=True,
        ),
        _column("best_after_price", "float", "the same after it; null where it emptied that side", null=True),
        _column(
            "slippage_bps",
            "float",
            "mean fill price against the trigger mark; positive is worse for the account",
            null=True,
        ),
        _column("fee_usd", "float", "clearance fee, paid into the insurance fund"),
        _column("fund_draw_usd", "float", "loss of the insurance fund at mark; negative is a gain"),
        _column(
            "deficit_usd",
            "float",
            "what the account leaves to auto-deleveraging: its loss beyond its margin at mark",
        ),
        _column("repaid_usd", "float", "debt repaid for collateral; 0 but on lending venues"),
        _column(
            "cause",
            "category",
            "against the counterfactual run without forced orders: exogenous (liquidated there by this step "
            "too), brought_forward (there later), endogenous (never there); null without a counterfactual",
            null=True,
        ),
    ),
)

ADL: Final = Table(
    "adl",
    "One row per auto-deleveraging fill, or per account that bears part of a socialised loss.",
    (
        MARKET,
        _column("wave", "int64", "wave within the step"),
        _column(
            "account",
            "int64",
            "bankrupt account whose position is closed; of a socialised loss, the first of them",
        ),
        *_owner("bankrupt account"),
        _column("counterparty", "int64", "account that is deleveraged"),
        *_owner("counterparty", "counterparty_"),
        _column("side", "category", "side of the counterparty's position: long or short"),
        _column("size_lots", "int64", "lots the counterparty gave up"),
        _column("settlement_price", "float", "price of the fill; null for a socialised loss", null=True),
        _column("value_usd", "float", "size at the price of the fill"),
        _column("mark_value_usd", "float", "size at mark"),
        _column("forgone_usd", "float", "what the counterparty loses against closing at mark"),
        _column("rank", "int64", "place in the queue, from 0"),
        _column("score", "float", "ranking score, or weight, by the venue's rule", unit="1"),
        _column(
            "leverage_after",
            "float",
            "notional of the counterparty's perpetuals over its equity after the fill",
            unit="1",
        ),
    ),
)

TRADES: Final = Table(
    "trades",
    "One row per fill.",
    (
        MARKET,
        _column("side", "category", "side of the taker: buy or sell"),
        _column("trade_price", "float", "price"),
        _column("size_lots", "int64", "size"),
        _column("size_usd", "float", "size at the price"),
        _column("maker", "int64", "account whose resting order filled"),
        _column("taker", "int64", "account whose order took"),
        _column("purpose", "category", "why the taker traded"),
    ),
)

ACCOUNTS: Final = Table(
    "accounts",
    "One row per open position at the start and at the end.",
    (
        MARKET,
        _column("account", "int64", "account"),
        *_owner("account"),
        _column("kind", "category", "kind of agent"),
        _column("reporting", "category", "venue whose public feed the account reports to"),
        _column("side", "category", "side of the position: long or short"),
        _column("position_lots", "int64", "size of the position"),
        _column("position_usd", "float", "size of the position at mark"),
        _column("mean_entry_price", "float", "mean entry price, on the market's tick"),
        _column("profit_usd", "float", "unrealised profit at mark"),
        _column("balance_usd", "float", "quote balance of the account"),
        _column("equity_usd", "float", "equity of the account, all its positions at mark"),
    ),
)

BOOK: Final = Table(
    "book",
    "One row per price level and snapshot.",
    (
        MARKET,
        _column("side", "category", "bid or ask"),
        _column("level_price", "float", "price of the level"),
        _column("distance_bps", "float", "distance from the mid; null where a side is empty", null=True),
        _column("size_lots", "int64", "resting lots"),
        _column("size_usd", "float", "resting lots at the price of the level"),
    ),
)

FUNDS: Final = Table(
    "funds",
    "One row per settlement asset and snapshot, for all insurance funds; amounts are totals since the start.",
    (
        _column("fund", "category", "asset that the funds are in"),
        _column("asset_price", "float", "price of the asset at the snapshot; 1 for USD"),
        _column("equity_units", "float", "equity of the funds in units of the asset", unit="1"),
        _column("equity_usd", "float", "equity of the fund, its positions at mark"),
        _column("income_usd", "float", "clearance fees and gains received"),
        _column("losses_usd", "float", "losses taken over"),
        _column("uncovered_usd", "float", "bad debt: losses no account, fund or counterparty has covered"),
        _column("adl_usd", "float", "notional closed by auto-deleveraging"),
        _column("fees_usd", "float", "trading fees the venue received"),
        _column("deposits_usd", "float", "money that entered the venue"),
        _column("withdrawals_usd", "float", "money that left the venue"),
    ),
)

FAILURES: Final = Table(
    "failures",
    "One row per replicate that failed.",
    (
        _column("seed", "int64", "seed of the scenario"),
        _column("code", "category", "code of the error"),
        _column("message", "text", "what went wrong, and at which step"),
        _column("command", "text", "the command that reproduces it"),
    ),
    timed=False,
)

TABLES: Final[dict[str, Table]] = {
    table.name: table for table in (RUNS, BARS, LIQUIDATIONS, ADL, TRADES, ACCOUNTS, BOOK, FUNDS, FAILURES)
}

NODES: Final = Table(
    "nodes",
    "One row per liquidated account of a cascade graph.",
    (
        _column("node", "int64", "number of the node, in the order of time"),
        MARKET,
        _column("wave", "int64", "wave within the step at which it was tripped"),
        _column("account", "int64", "account"),
        _column("life", "int64", "life of the account's seat"),
        _column("side", "category", "side of the position: long or short"),
        _column("cause", "category", "as in liquidations; null without a counterfactual", null=True),
        _column("liquidated_usd", "float", "notional closed: in the book, by the fund, by auto-deleveraging"),
        _column("root", "int64", "1 where no other liquidation tripped it, else 0"),
        _column("tree", "int64", "node that the chain of its heaviest parents begins with"),
        _column("generation", "int64", "0 of roots, else one more than the highest among its parents"),
        _column("offspring", "float", "liquidations it tripped itself, by share", unit="1"),
        _column(
            "descendants",
            "float",
            "liquidations that it set off, itself or through others, by share",
            unit="1",
        ),
        _column("transmitted_usd", "float", "their notional, without its own"),
    ),
)

EDGES: Final = Table(
    "edges",
    "One row per pair of accounts of which one tripped the other.",
    (
        _column("source", "int64", "node whose forced fills moved the mark"),
        _column("target", "int64", "node that they tripped"),
        _column("weight", "float", "its share of the push; the shares of a target sum to 1", unit="1"),
    ),
    timed=False,
)

ATTRIBUTION: Final = Table(
    "attribution",
    "One row per replicate, metric and channel of amplification.",
    (
        _column("metric", "category", "metric, a column of runs"),
        _column("unit", "category", "unit of the metric, and of all figures of the row"),
        _column("channel", "category", "channel of amplification"),
        _column("place", "int64", "place of the channel in the waterfall, from 0"),
        _column("outside", "float", "the metric with all chosen channels off", unit="see unit"),
        _column("total", "float", "the metric with all of them on", unit="see unit"),
        _column("effect", "float", "total less outside", unit="see unit"),
        _column(
            "waterfall", "float", "what switching the channel on added after those before", unit="see unit"
        ),
        _column("shapley", "float", "what it added on average over all orders", unit="see unit"),
    ),
    timed=False,
)

_AGAINST: Final = (
    _column("against", "float", "value of the other field", unit="see against_unit", null=True),
    _column("against_as", "text", "the same where it is no number", null=True),
    _column("against_unit", "category", "unit of the other field"),
    _column("unit", "category", "unit of the value"),
)

TRIED: Final = Table(
    "tried",
    "One row per value that a search tried.",
    (
        *_AGAINST,
        _column("value", "float", "value of the field that is varied", unit="see unit"),
        _column("variant", "category", "variant of the sweep that ran it"),
        _column("replicates", "int64", "replicates that ran"),
        _column("happened", "int64", "replicates in which the event happened"),
        _column("probability", "float", "their share", unit="1"),
        _column("probability_low", "float", "lower end of its interval", unit="1"),
        _column("probability_high", "float", "upper end of its interval", unit="1"),
    ),
    timed=False,
    of_replicate=False,
)

FRONTIER: Final = Table(
    "frontier",
    "One row per threshold: one for each value of the other field of a frontier.",
    (
        *_AGAINST,
        _column(
            "value",
            "float",
            "smallest value tried from which on the share is reached",
            unit="see unit",
            null=True,
        ),
        _column(
            "value_low", "float", "lower end of the interval of the threshold", unit="see unit", null=True
        ),
        _column(
            "value_high", "float", "upper end of the interval of the threshold", unit="see unit", null=True
        ),
        _column("status", "category", "crossed, not reached, reached throughout, or not monotone"),
        _column("replicates", "int64", "replicates of each value tried"),
    ),
    timed=False,
    of_replicate=False,
)

CONTAGION: Final = Table(
    "contagion",
    "One row per replicate and pair of places: what is liquidated in one for what is sold by force in the other.",
    (
        _column("source", "category", "place where it is sold, or bought: an asset, a market or a venue"),
        _column("target", "category", "place where it brings liquidations"),
        _column("first_generation", "float", "USD liquidated for a USD, by that alone", unit="1"),
        _column("all_generations", "float", "the same with forced orders in the book", unit="1"),
    ),
    timed=False,
)

CONTAGION_CHECK: Final = Table(
    "contagion_check",
    "One row per replicate, closed channel and place: what a shock brings, by branches and in whole runs of other luck.",
    (
        _column("runs", "category", "`branched`: what the matrix says; `whole`: what is found"),
        _column("channel", "category", "channel that is off; `none` where all are on"),
        _column("source", "category", "place that the shock trades in"),
        _column("target", "category", "place where it brings liquidations"),
        _column("sold_usd", "float", "what the shock traded; branched: the mean of whole runs", unit="USD"),
        _column("liquidated_usd", "float", "liquidated more than without the shock", unit="USD"),
    ),
    timed=False,
)

DERIVED: Final[dict[str, Table]] = {
    table.name: table for table in (NODES, EDGES, ATTRIBUTION, TRIED, FRONTIER, CONTAGION, CONTAGION_CHECK)
}
"""Tables that an analysis writes, by name; they are no part of a run."""

SINGLE_FILES: Final = ("runs", "failures")
"""Tables that a complete run holds as one file rather than as a folder of parts."""


def columns(table: str, *, dated: bool, extra: tuple[Column, ...] = ()) -> tuple[Column, ...]:
    """Return the columns of a table in order; `dated` adds `time`, `extra` follows (metrics of runs)."""
    declared = (TABLES | DERIVED)[table]
    timing = (STEP, T_S, *([TIME] if dated else [])) if declared.timed else ()
    return (SCENARIO, *([REPLICATE] if declared.of_replicate else []), *timing, *declared.columns, *extra)


@cache
def schema(table: str, *, dated: bool, extra: tuple[Column, ...] = ()) -> pa.Schema:
    """Return the Arrow schema of a table, with units and descriptions as field metadata."""
    import pyarrow as pa

    declared = columns(table, dated=dated, extra=extra)
    fields = [
        pa.field(
            column.name,
            arrow_type(column.kind),
            nullable=column.nullable,
            metadata={"unit": column.unit, "description": column.description},
        )
        for column in declared
    ]
    return pa.schema(fields, metadata={"cascade": _file_metadata(table, declared)})


def table_of(table: str, rows: list[dict[str, Any]]) -> pa.Table:
    """Return rows as a table of no run, and so without dates."""
    import pyarrow as pa

    return pa.Table.from_pylist(rows, schema=schema(table, dated=False))


def arrow_type(kind: Kind) -> pa.DataType:
    """Return the Arrow type of a kind of column."""
    import pyarrow as pa

    types: dict[Kind, pa.DataType] = {
        "category": pa.dictionary(pa.int32(), pa.string()),
        "text": pa.string(),
        "int32": pa.int32(),
        "int64": pa.int64(),
        "float": pa.float64(),
        "time": pa.timestamp("us", tz="UTC"),
    }
    return types[kind]


def _file_metadata(table: str, declared: tuple[Column, ...]) -> str:
    """Return the file-level description that readers without Arrow field metadata can still find."""
    return json.dumps(
        {
            "results_version": ".".join(map(str, RESULTS_VERSION)),
            "table": table,
            "columns": {column.name: [column.unit, column.description] for column in declared},
        }
    )

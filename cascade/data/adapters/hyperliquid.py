"""Files of Hyperliquid's buckets, answers of its `info` address, and snapshots of positions."""

from __future__ import annotations

from typing import Final

from cascade.data.adapter import Adapter, Csv, Group, JsonDocument, JsonLines, Keep, Parquet
from cascade.data.origins import (
    Cell,
    Fixed,
    Known,
    Origin,
    Plain,
    Product,
    Sign,
    Size,
    amount,
    moment,
    number,
    price,
    spare,
    text,
    word,
)

_ARCHIVE, _NODES = "s3://hyperliquid-archive/", "s3://hl-mainnet-node-data/node_fills_by_block/hourly/DATE/"

_PX, _SZ = Cell(("1.px",), "number", "above 0"), Cell(("1.sz",), "number", "above 0")
_USER, _LIQUIDATED = Cell(("0",), "text"), Cell(("1.liquidation.liquidatedUser",), "text", null=True)

_FILL: Final[dict[str, Origin]] = {
    "time": moment("1.time", units=("ms",)), "symbol": text("1.coin"), "id": text("1.tid"),
    "price": Plain(_PX), "size": Plain(_SZ), "notional_usd": Product(_PX, _SZ),
}  # fmt: skip

_LEVEL: Final[dict[str, Origin]] = {
    "price": price("px"),
    "size": amount("sz"),
    "orders": amount("n", null=True),
}

_SIGNED: Final = Cell(("position.szi",), "number")
_UNSIGNED: Final = Cell(("size",), "number")

ADAPTERS: Final = (
    Adapter(
        "hyperliquid", "asset_ctxs", "ticker", Csv(),
        {
            "time": moment("time", units=("text",)), "symbol": text("coin"),
            "mark_price": price("mark_px", null=True), "index_price": price("oracle_px", null=True),
            "mid_price": price("mid_px", null=True), "funding_rate": number("funding", null=True),
            "open_interest": amount("open_interest", null=True), "premium": number("premium", null=True),
            "impact_bid_price": price("impact_bid_px", null=True),
            "impact_ask_price": price("impact_ask_px", null=True),
            "day_notional_usd": amount("day_ntl_vlm", null=True),
        },
        file="DATE.csv.lz4", fetch=f"{_ARCHIVE}asset_ctxs/", key=("symbol", "time"), quiet_s=150.0,
        moves=("mark_price", "index_price", "mid_price"), is_sorted=False,
        traps=("about a row a minute and coin, at odd seconds; cells may be blank or null",),
    ),
    Adapter(
        "hyperliquid", "l2Book", "book", JsonLines(('"l2Book"', '"levels"')),
        {
            "time": moment("^raw.data.time", units=("ms",)), "symbol": text("^raw.data.coin"),
            "update": Fixed("snapshot"), "level": number("#"), **_LEVEL,
        },
        groups=(
            Group({"side": Fixed("bid")}, "raw.data.levels.0"), Group({"side": Fixed("ask")}, "raw.data.levels.1"),
        ),
        file="DATE/HOUR/l2Book/SYMBOL.lz4", fetch=f"{_ARCHIVE}market_data/DATE/HOUR/l2Book/", folder="l2Book",
        quiet_s=60.0,
    ),
    Adapter(
        "hyperliquid", "node_fills", "trades", JsonLines(('"events"', '"block_number"')),
        _FILL | {"taker_side": word("1.side", {"b": "buy", "a": "sell"})},
        groups=(Group(rows="events"),), keep=(Keep(Cell(("1.crossed",), "text"), "true"),),
        file="DATE/HOUR.lz4", fetch=_NODES, folder="hourly", key=("id",), is_sorted=False, quiet_s=600.0,
        side="B bought, A sold; the leg that crossed is the taker's",
        traps=("a trade has a line for either side: the taker's is kept",),
    ),
    Adapter(
        "hyperliquid", "node_liquidations", "liquidations", JsonLines(('"events"', '"block_number"')),
        _FILL | {
            "side": word("1.side", {"a": "long", "b": "short"}), "account": Plain(_LIQUIDATED),
            "method": text("1.liquidation.method", null=True),
        },
        groups=(Group(rows="events"),), keep=(Keep(_LIQUIDATED, other=_USER),),
        file="DATE/HOUR.lz4", fetch=_NODES, folder="hourly", key=("account", "id"), is_sorted=False,
        side="of the one who was liquidated: A sold, a long; B bought, a short", price_is="price of the fill",
        traps=("`liquidation` is in both legs: that of the liquidated account is kept",),
    ),
    Adapter(
        "hyperliquid", "clearinghouseState", "positions", JsonDocument(('"assetPositions"', '"marginSummary"')),
        {
            "time": moment("^time", units=("ms",)), "symbol": text("position.coin"), "account": Known("account"),
            "side": Sign(_SIGNED, "short", "long"), "size": Size(_SIGNED),
            "notional_usd": amount("position.positionValue"),
            "entry_price": price("position.entryPx", null=True), "leverage": amount("position.leverage.value"),
            "margin_mode": word("position.leverage.type", {"cross": "cross", "isolated": "isolated"}),
            "liquidation_price": price("position.liquidationPx", null=True),
            "margin_usd": amount("position.marginUsed"),
            "account_value_usd": number("^marginSummary.accountValue"),
        },
        groups=(Group(rows="assetPositions"),), file="ACCOUNT", fetch="POST /info, type clearinghouseState",
        side="below zero: short", traps=("the answer does not say whose it is: name the file by the account",),
    ),
    Adapter(
        "hyperliquid", "positions", "positions", Parquet(),
        {
            "time": Known("time"), "symbol": text("market"), "account": text("user"),
            "side": Sign(_UNSIGNED, "short", "long"), "size": Size(_UNSIGNED),
            "notional_usd": Size(Cell(("notional",), "number")), "entry_price": price("entry_price", null=True),
            "leverage": amount("leverage", null=True), "margin_mode": text("leverage_type", null=True),
            "liquidation_price": spare("liquidation_price"),
            "account_value_usd": number("account_value", null=True),
        },
        file="date=DATE/BLOCK_STAMP.parquet", fetch="global/snapshots/perp/all/date=DATE/ of Hydromancer's reservoir",
        key=("account", "symbol"), side="below zero: short",
    ),
    Adapter(
        "hyperliquid", "position_table", "positions", Csv(),
        {
            "time": Known("time"), "symbol": text("coin"), "account": text("account"),
            "side": word("side", {"long": "long", "short": "short"}), "size": amount("size"),
            "notional_usd": amount("value_usd"), "entry_price": price("entry_price", null=True),
            "leverage": amount("set_leverage", null=True),
            "liquidation_price": price("liquidation_price", null=True),
            "account_value_usd": number("account_value_usd", null=True),
        },
        file="positions_DATE.csv", fetch="made of the same snapshots", key=("account", "symbol"),
        side="in words",
    ),
)  # fmt: skip

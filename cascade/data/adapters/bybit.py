"""Files of Bybit's public archives, and recorded lines of its stream `allLiquidation`."""

from __future__ import annotations

from typing import Any, Final

from cascade.data.adapter import Adapter, Csv, Group, JsonLines
from cascade.data.origins import (
    Cell,
    Fixed,
    Origin,
    Plain,
    Product,
    amount,
    moment,
    number,
    price,
    text,
    word,
)

_TRADES: Final[dict[str, Origin]] = {
    "time": moment("timestamp", units=("s",)), "symbol": text("symbol"), "id": text("trdMatchID"),
    "taker_side": word("side", {"buy": "buy", "sell": "sell"}), "price": price("price"),
    "size": amount("homeNotional"),
}  # fmt: skip

_TRADES_FACTS: Final[dict[str, Any]] = {
    "file": "SYMBOLDATE", "fetch": "public.bybit.com/trading/SYMBOL/", "key": ("id",), "is_sorted": False,
    "quiet_s": 600.0, "side": "the taker's",
}  # fmt: skip

_LEVEL: Final[dict[str, Origin]] = {"price": price("0"), "size": amount("1")}

_BANKRUPTCY, _CLOSED = Cell(("p",), "number", "above 0"), Cell(("v",), "number", "above 0")

ADAPTERS: Final = (
    Adapter(
        "bybit", "trades", "trades", Csv(), _TRADES | {"notional_usd": amount("foreignNotional")},
        traps=("times are in seconds with 4 decimals; rows are in no order",), **_TRADES_FACTS,
    ),
    Adapter(
        "bybit", "inverse_trades", "trades", Csv(),
        _TRADES | {"size": amount("foreignNotional"), "notional_usd": amount("homeNotional")},
        symbols=r"\w+USD([FGHJKMNQUVXZ]\d\d)?", traps=("sizes are in contracts of 1 USD",), **_TRADES_FACTS,
    ),
    Adapter(
        "bybit", "orderbook", "book", JsonLines(('"orderbook.',)),
        {
            "time": moment("^ts", units=("ms",)), "symbol": text("^data.s"),
            "update": word("^type", {"snapshot": "snapshot", "delta": "update"}), "sequence": number("^data.u"),
            **_LEVEL,
        },
        groups=(Group({"side": Fixed("bid")}, "data.b"), Group({"side": Fixed("ask")}, "data.a")),
        file="DATE_SYMBOL_obLEVELS.data", fetch="quote-saver.bycsi.com/orderbook/linear/SYMBOL/", quiet_s=60.0,
        traps=("500 levels to 20 August 2025, 200 since; size 0 takes a level away",),
    ),
    Adapter(
        "bybit", "allLiquidation", "liquidations", JsonLines(('"allLiquidation.',)),
        {
            "time": moment("T", units=("ms",)), "symbol": text("s"),
            "side": word("S", {"buy": "long", "sell": "short"}), "price": Plain(_BANKRUPTCY),
            "size": Plain(_CLOSED), "notional_usd": Product(_BANKRUPTCY, _CLOSED),
        },
        groups=(Group(rows="data"),), file="allLiquidation-DATE",
        fetch="recorded from the stream allLiquidation.SYMBOL; it has no archive",
        side="the position's: Buy is a long that was liquidated, the opposite of Binance and OKX",
        price_is="bankruptcy price", is_sorted=False,
    ),
)  # fmt: skip

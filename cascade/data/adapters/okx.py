"""Files of OKX's public archive."""

from __future__ import annotations

from typing import Any, Final

from cascade.data.adapter import Adapter, Csv, Group, JsonLines
from cascade.data.contract import Contract
from cascade.data.origins import (
    Cell,
    Contracts,
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

LINEAR: Final = Contract(coin={"BTC-USDT-*": 0.01})
"""A contract that is not listed has to be told: OKX's page of the instrument calls it `ctVal`."""

INVERSE: Final = Contract(usd={"BTC-USD-*": 100.0, "*": 10.0})

_PRICE, _SIZE = Cell(("price",), "number", "above 0"), Cell(("size",), "number", "above 0")
_NAME: Final = Cell(("instrument_name",), "text")

_TRADES: Final[dict[str, Origin]] = {
    "time": moment("created_time", units=("ms",)), "symbol": Plain(_NAME), "id": text("trade_id"),
    "taker_side": word("side", {"buy": "buy", "sell": "sell"}), "price": Plain(_PRICE),
}  # fmt: skip
_TRADES_FACTS: Final[dict[str, Any]] = {
    "file": "INST-trades-DATE", "fetch": "static.okx.com/cdn/okex/traderecords/trades/daily/DATE/", "key": ("id",),
    "quiet_s": 600.0, "side": "the taker's", "day_from_h": -8,
    "traps": ("a day is one of UTC+8: it begins at 16:00 UTC of the day before",),
}  # fmt: skip

_LEVEL: Final[dict[str, Origin]] = {
    "price": price("0"),
    "size": amount("1"),
    "orders": amount("2", null=True),
}

_CONTRACTS: Final = _TRADES | {
    "size": Contracts(_SIZE, _PRICE, "coin", (_NAME,)), "notional_usd": Contracts(_SIZE, _PRICE, "usd", (_NAME,)),
}  # fmt: skip

ADAPTERS: Final = (
    Adapter(
        "okx", "trades", "trades", Csv(), _TRADES | {"size": Plain(_SIZE), "notional_usd": Product(_PRICE, _SIZE)},
        symbols=r"\w+-\w+", **_TRADES_FACTS,
    ),
    Adapter(
        "okx", "swap_trades", "trades", Csv(), _CONTRACTS, contract=LINEAR, symbols=r"\w+-USD[TC]-(SWAP|\d{6})",
        **_TRADES_FACTS,
    ),
    Adapter(
        "okx", "inverse_trades", "trades", Csv(), _CONTRACTS, contract=INVERSE, symbols=r"\w+-USD-(SWAP|\d{6})",
        **_TRADES_FACTS,
    ),
    Adapter(
        "okx", "funding", "funding", Csv(),
        {
            "time": moment("funding_time", units=("ms",)), "symbol": Plain(_NAME), "venue": Fixed("okx"),
            "rate": number("funding_rate"),
        },
        file="allswap-fundingrates-DATE", fetch="static.okx.com/cdn/okex/traderecords/swaprates/daily/DATE/",
        key=("symbol", "time"), is_sorted=False, day_from_h=-8,
    ),
    Adapter(
        "okx", "orderbook", "book", JsonLines(('"instId"', '"action"', '"asks"')),
        {
            "time": moment("^ts", units=("ms",)), "symbol": text("^instId"),
            "update": word("^action", {"snapshot": "snapshot", "update": "update"}),
            **_LEVEL,
        },
        groups=(Group({"side": Fixed("bid")}, "bids"), Group({"side": Fixed("ask")}, "asks")),
        file="INST-L2orderbook-LEVELSlv-DATE", fetch="static.okx.com/cdn/okex/match/orderbook/L2/400lv/daily/DATE/",
        quiet_s=60.0, traps=("of swaps, sizes are in contracts: they are kept as published",),
    ),
)  # fmt: skip

"""Files of datasets.tardis.dev, the same for every exchange."""

from __future__ import annotations

from typing import Final

from cascade.data.adapter import Adapter, Csv, Group
from cascade.data.contract import Contract
from cascade.data.origins import (
    Cell,
    Contracts,
    Fixed,
    Origin,
    Plain,
    amount,
    moment,
    number,
    price,
    text,
    word,
)

_HOST: Final = "datasets.tardis.dev/v1/EXCHANGE/"
_PRICE, _AMOUNT = Cell(("price",), "number", "above 0"), Cell(("amount",), "number", "above 0")
_NAMES: Final = (Cell(("exchange",), "text"), Cell(("symbol",), "text"))
_KEY: Final[dict[str, Origin]] = {"time": moment("timestamp", units=("us",)), "symbol": text("symbol")}
_TRADE: Final[dict[str, Origin]] = _KEY | {
    "id": text("id", null=True), "price": Plain(_PRICE),
    "size": Contracts(_AMOUNT, _PRICE, "coin", _NAMES), "notional_usd": Contracts(_AMOUNT, _PRICE, "usd", _NAMES),
}  # fmt: skip

_DATED: Final = "[FGHJKMNQUVXZ][0-9][0-9]"

AMOUNTS: Final = Contract(
    usd={
        "binance-delivery/BTCUSD_*": 100.0, "binance-delivery/*": 10.0,
        "bitmex/XBTUSD": 1.0, f"bitmex/XBT{_DATED}": 1.0,
        "bybit/*USD": 1.0, f"bybit/*USD{_DATED}": 1.0,
        "cryptofacilities/[PF]I_*": 1.0,
        "deribit/???-PERPETUAL": 1.0, "deribit/???-[0-9]*[0-9]": 1.0,
        "okex-swap/BTC-USD-*": 100.0, "okex-swap/*-USD-*": 10.0,
        "okex-futures/BTC-USD-*": 100.0, "okex-futures/*-USD-*": 10.0,
    },
    coin={
        "cryptofacilities/PF_*": 1.0, "deribit/*_USDC-PERPETUAL": 1.0,
        "okex-swap/BTC-USDT-*": 0.01, "okex-futures/BTC-USDT-*": 0.01,
        **dict.fromkeys([
            "bitmex/*", "cryptofacilities/*", "deribit/*", "okex-swap/*", "okex-futures/*", "*options/*", "huobi-dm*/*",
            "gate-io-futures/*", "kucoin-futures/*", "phemex/*", "delta/*", "bitnomial/*",
        ]),
        "*": 1.0,
    },
)  # fmt: skip
"""Tardis keeps amounts as each exchange counts them; of these exchanges, what is not listed has to be told.

Published files confirm Binance's 100 USD of BTC, Bybit's 1 USD and OKX's 0.01 BTC against USDT; the others are what
the exchanges' rules are known to say, which no file here has shown.
"""

_COUNTED: Final = (
    "amounts are as the exchange counts them; conversion makes units of the asset and USD of them. No file confirms "
    "sizes of inverse contracts of BitMEX, Deribit, Kraken and OKX, nor of Binance's but BTC: --contract overrules them"
)
_KEPT: Final = "of contracts, amounts are numbers of contracts: they are kept as published"


def _levels(n: int) -> tuple[Group, ...]:
    """Return the rows of a snapshot of n levels: asks and bids, from the best."""
    return tuple(
        Group({
            "side": Fixed(side), "level": Fixed(k),
            "price": price(f"{side}s[{k}].price", null=True), "size": amount(f"{side}s[{k}].amount", null=True),
        })
        for side in ("bid", "ask")
        for k in range(n)
    )  # fmt: skip


def _snapshot(n: int) -> Adapter:
    return Adapter(
        "tardis", f"book_snapshot_{n}", "book", Csv(),
        _KEY | {"update": Fixed("snapshot")},
        groups=_levels(n),
        file=f"book_snapshot_{n}/DATE/SYMBOL.csv", fetch=f"{_HOST}book_snapshot_{n}/YYYY/MM/01/",
        folder=f"book_snapshot_{n}",
        is_sorted=False, quiet_s=60.0, traps=(_KEPT,),
    )  # fmt: skip


ADAPTERS: Final = (
    Adapter(
        "tardis", "trades", "trades", Csv(),
        _TRADE | {"taker_side": word("side", {"buy": "buy", "sell": "sell", "unknown": "unknown"})},
        file="trades/DATE/SYMBOL.csv", fetch=f"{_HOST}trades/YYYY/MM/01/", folder="trades", key=("id",), is_sorted=False,
        quiet_s=600.0, side="the taker's", traps=(_COUNTED,), contract=AMOUNTS,
    ),
    Adapter(
        "tardis", "liquidations", "liquidations", Csv(),
        _TRADE | {"side": word("side", {"buy": "short", "sell": "long"})},
        file="liquidations/DATE/SYMBOL.csv", fetch=f"{_HOST}liquidations/YYYY/MM/01/", folder="liquidations",
        is_sorted=False, price_is="as the venue sends it", traps=(_COUNTED,), contract=AMOUNTS,
        side="buy: a short was liquidated, sell: a long",
    ),
    Adapter(
        "tardis", "derivative_ticker", "ticker", Csv(),
        _KEY | {
            "last_price": price("last_price", null=True), "mark_price": price("mark_price", null=True),
            "index_price": price("index_price", null=True), "funding_rate": number("funding_rate", null=True),
            "open_interest": Contracts(
                amount("open_interest", null=True).cell, price("mark_price", null=True).cell, "coin", _NAMES
            ),
        },
        file="derivative_ticker/DATE/SYMBOL.csv", fetch=f"{_HOST}derivative_ticker/YYYY/MM/01/",
        folder="derivative_ticker",
        is_sorted=False, quiet_s=600.0, moves=("last_price", "mark_price", "index_price"),
        contract=AMOUNTS, traps=("empty cells have not been sent yet", _COUNTED),
    ),
    _snapshot(25),
    _snapshot(5),
    Adapter(
        "tardis", "incremental_book_L2", "book", Csv(),
        _KEY | {
            "update": word("is_snapshot", {"true": "snapshot", "false": "update"}),
            "side": word("side", {"bid": "bid", "ask": "ask"}), "price": Plain(_PRICE),
            "size": amount("amount"),
        },
        file="incremental_book_L2/DATE/SYMBOL.csv", fetch=f"{_HOST}incremental_book_L2/YYYY/MM/01/",
        folder="incremental_book_L2",
        is_sorted=False, quiet_s=60.0, traps=(_KEPT,),
    ),
)  # fmt: skip

"""Files of data.binance.vision, and recorded lines of the stream `forceOrder`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from cascade.data.adapter import Adapter, Csv, JsonLines, Label
from cascade.data.canonical import PriceOf
from cascade.data.contract import Contract
from cascade.data.origins import (
    Cell,
    Contracts,
    Either,
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
    spare,
    text,
    word,
)

_HOST: Final = "data.binance.vision/data/futures/um/daily/"
_COIN_HOST: Final = _HOST.replace("/um/", "/cm/")
COIN_MARGINED: Final = Contract(usd={"BTCUSD_*": 100.0, "*": 10.0})
_COIN_SYMBOLS: Final = r"\w+USD_\w+"

_BUYER_IS_MAKER: Final = {"false": "buy", "true": "sell"}
_TAKER: Final = "is_buyer_maker true: the taker sold"

_KLINES: Final = (
    "open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count",
    "taker_buy_volume", "taker_buy_quote_volume", "ignore",
)  # fmt: skip

_PRICE: Final = Cell(("price",), "number", "above 0")
_CLOSE: Final = Cell(("close",), "number", "above 0")

_VOLUME: Final = ("volume",)
_VALUE: Final = ("quote_volume", "quote_asset_volume")
_TAKER_VOLUME: Final = ("taker_buy_volume", "taker_buy_base_volume", "taker_buy_base_asset_volume")
_TAKER_VALUE: Final = ("taker_buy_quote_volume", "taker_buy_quote_asset_volume")


def _bars(of: PriceOf) -> dict[str, Origin]:
    """Return the columns of bars without what was traded."""
    bound = "" if of == "premium" else "above 0"
    return {
        "time": moment("open_time", units=("ms", "us")),
        "symbol": Known("symbol"),
        "price_of": Fixed(of),
        "interval_s": Known("interval_s"),
        **{each: number(each, bound=bound) for each in ("open", "high", "low", "close")},
    }


def _klines(kind: str, of: PriceOf, traded: dict[str, Origin], **changes: Any) -> Adapter:
    facts: dict[str, Any] = {
        "file": "SYMBOL-INTERVAL-DATE", "fetch": f"{_HOST}{kind}/SYMBOL/INTERVAL/", "folder": kind,
        "label": Label(), "key": ("symbol", "time"),
        "moves": ("high", "low", "notional_usd") if traded else ("open", "high", "low", "close"),
        "traps": ("spot is in microseconds since 2025 and has no header, nor have futures before 2022",),
    }  # fmt: skip
    return Adapter("binance", kind, "bars", Csv((_KLINES,)), _bars(of) | traded, **(facts | changes))


_TRADED: Final[dict[str, Origin]] = {
    "size": amount(*_VOLUME), "notional_usd": amount(*_VALUE),
    "trades": spare("count", "number_of_trades", "trades"),
    "taker_buy_size": spare(*_TAKER_VOLUME), "taker_buy_usd": spare(*_TAKER_VALUE),
}  # fmt: skip

_TRADED_COINS: Final[dict[str, Origin]] = {
    "size": amount(*_VALUE),
    "notional_usd": Contracts(Cell(_VOLUME, "number", "at least 0"), _CLOSE, "usd"),
    "trades": spare("count", "number_of_trades", "trades"),
    "taker_buy_size": spare(*_TAKER_VALUE),
    "taker_buy_usd": Contracts(spare(*_TAKER_VOLUME).cell, _CLOSE, "usd"),
}  # fmt: skip


def _trades(kind: str, id_: str, size: tuple[str, ...], *times: str) -> Iterator[Adapter]:
    """Yield trades of USD-M futures and spot, and of COIN-M futures."""
    header = {
        "trades": ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker"),
        "aggTrades": (
            "agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id", "transact_time", "is_buyer_maker",
        ),
    }[kind]  # fmt: skip
    quantity = Cell(size, "number", "above 0")
    shared: dict[str, Origin] = {
        "time": moment(*times, units=("ms", "us")), "symbol": Known("symbol"), "id": text(id_, "id", "trade_id"),
        "taker_side": word(("is_buyer_maker", "isBuyerMaker"), _BUYER_IS_MAKER), "price": Plain(_PRICE),
    }  # fmt: skip
    notional = Either(spare("quote_qty", "quote_quantity"), Product(_PRICE, quantity))
    shape = Csv((header, (*header, "is_best_match")))
    facts: dict[str, Any] = {"file": f"SYMBOL-{kind}-DATE", "side": _TAKER, "key": ("id",), "quiet_s": 600.0}
    yield Adapter(
        "binance", kind, "trades", shape, shared | {"size": Plain(quantity), "notional_usd": notional},
        fetch=f"{_HOST}{kind}/SYMBOL/", traps=("spot is in microseconds since 2025",), **facts,
    )  # fmt: skip
    yield Adapter(
        "binance", f"coinm_{kind}", "trades", shape,
        shared | {
            "size": Contracts(quantity, _PRICE, "coin"),
            "notional_usd": Contracts(quantity, _PRICE, "usd"),
        },
        fetch=f"{_COIN_HOST}{kind}/SYMBOL/", contract=COIN_MARGINED, symbols=_COIN_SYMBOLS, **facts,
    )  # fmt: skip


_METRICS_RATIOS: Final[dict[str, Origin]] = {
    "long_short_accounts": amount("count_long_short_ratio", null=True),
    "long_short_top_accounts": amount("count_toptrader_long_short_ratio", null=True),
    "long_short_top_positions": amount("sum_toptrader_long_short_ratio", null=True),
    "taker_buy_sell": amount("sum_taker_long_short_vol_ratio", null=True),
}
_METRICS_KEY: Final[dict[str, Origin]] = {
    "time": moment("create_time", units=("text",)),
    "symbol": text("symbol"),
    "venue": Fixed("binance"),
}
_METRICS_FACTS: Final[dict[str, Any]] = {
    "file": "SYMBOL-metrics-DATE", "key": ("symbol", "time"), "is_sorted": False, "every_s": 300.0,
    "moves": ("open_interest", "open_interest_usd"), "frozen_s": 7200.0,
}  # fmt: skip

_AVERAGE: Final = Cell(("average_price",), "number", "above 0")
_FILLED: Final = Cell(("accumulated_fill_quantity",), "number", "above 0")
_CLOSES: Final = {"buy": "short", "sell": "long"}
_CLOSED: Final = "the order's: BUY closes a short, SELL closes a long"

_LAST, _ORDER_SIZE = Cell(("o.ap",), "number", "above 0"), Cell(("o.z",), "number", "above 0")

ADAPTERS: Final = (
    _klines("klines", "trade", _TRADED),
    _klines(
        "coinm_klines", "trade", _TRADED_COINS, folder="klines", fetch=f"{_COIN_HOST}klines/SYMBOL/INTERVAL/",
        contract=COIN_MARGINED, symbols=_COIN_SYMBOLS,
    ),
    _klines("markPriceKlines", "mark", {}),
    _klines("indexPriceKlines", "index", {}),
    _klines("premiumIndexKlines", "premium", {}),
    Adapter(
        "binance", "metrics", "open_interest", Csv(),
        _METRICS_KEY | _METRICS_RATIOS | {
            "open_interest": amount("sum_open_interest"), "open_interest_usd": amount("sum_open_interest_value"),
        },
        fetch=f"{_HOST}metrics/SYMBOL/", label=Label("end", "2026-06-25", "start"),
        traps=("rows may be in any order", "a day ran 00:05 to 00:00 of the next day before the label changed"),
        **_METRICS_FACTS,
    ),
    Adapter(
        "binance", "coinm_metrics", "open_interest", Csv(),
        _METRICS_KEY | _METRICS_RATIOS | {
            "open_interest": amount("sum_open_interest_value"),
            "open_interest_usd": Contracts(
                Cell(("sum_open_interest",), "number", "at least 0"),
                Cell(("sum_open_interest_value",), "number", "at least 0"), "usd",
                (Cell(("symbol",), "text"),),
            ),
        },
        fetch=f"{_COIN_HOST}metrics/SYMBOL/", label=Label("start"), contract=COIN_MARGINED, symbols=_COIN_SYMBOLS,
        traps=("rows may be in any order", "open interest is in contracts, its value in coin"), **_METRICS_FACTS,
    ),
    Adapter(
        "binance", "bookDepth", "depth", Csv(),
        {
            "time": moment("timestamp", units=("text",)), "symbol": Known("symbol"),
            "side": Sign(Cell(("percentage",), "number"), "bid", "ask"),
            "distance_bps": Size(Cell(("percentage",), "number"), 100.0),
            "size": amount("depth"), "notional_usd": amount("notional"),
        },
        file="SYMBOL-bookDepth-DATE", fetch=f"{_HOST}bookDepth/SYMBOL/", side="below zero per cent: bids",
        key=("symbol", "time", "side", "distance_bps"), quiet_s=300.0, series=("symbol", "side", "distance_bps"),
        moves=("size", "notional_usd"),
        traps=(
            "cumulative from the mid; 10 bands to late 2025, 12 since",
            "bands stood still on 10 October 2025 and since 3 September 2026",
        ),
    ),
    Adapter(
        "binance", "fundingRate", "funding", Csv(),
        {
            "time": moment("calc_time", units=("ms",), step_us=1_000_000), "symbol": Known("symbol"),
            "venue": Fixed("binance"),
            "rate": number("last_funding_rate"),
            "interval_s": number("funding_interval_hours", bound="above 0", times=3600.0),
        },
        file="SYMBOL-fundingRate-DATE", fetch=f"{_HOST.replace('daily', 'monthly')}fundingRate/SYMBOL/",
        key=("symbol", "time"), quiet_s=9 * 3600.0,
        traps=("times are some milliseconds late: conversion takes the second",),
    ),
    *_trades("aggTrades", "agg_trade_id", ("quantity",), "transact_time"),
    *_trades("trades", "id", ("qty", "quantity"), "time", "time_ms"),
    Adapter(
        "binance", "liquidationSnapshot", "liquidations", Csv(),
        {
            "time": moment("time", units=("ms",)), "symbol": Known("symbol"),
            "side": word("side", _CLOSES), "price": Plain(_AVERAGE),
            "size": Contracts(_FILLED, _AVERAGE, "coin"),
            "notional_usd": Contracts(_FILLED, _AVERAGE, "usd"),
        },
        file="SYMBOL-liquidationSnapshot-DATE", fetch=f"{_COIN_HOST}liquidationSnapshot/SYMBOL/", side=_CLOSED,
        contract=COIN_MARGINED, symbols=_COIN_SYMBOLS, copies=2, price_is="average price of the fills",
        traps=("COIN-M alone, 25 June 2023 to 14 October 2024; every row is written twice",),
    ),
    Adapter(
        "binance", "forceOrder", "liquidations", JsonLines(('"forceOrder"',)),
        {
            "time": moment("o.T", units=("ms",)), "symbol": text("o.s"), "side": word("o.S", _CLOSES),
            "price": Plain(_LAST), "size": Plain(_ORDER_SIZE), "notional_usd": Product(_LAST, _ORDER_SIZE),
        },
        file="forceOrder-DATE", fetch="recorded from the stream SYMBOL@forceOrder; it has no archive",
        side=_CLOSED, price_is="average price of the fills",
        traps=("at most one order of a symbol in a second is sent",),
    ),
)  # fmt: skip

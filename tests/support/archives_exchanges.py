"""Made-up files of Binance, Bybit and OKX, and what each line of them is in the canonical table."""

from __future__ import annotations

import json
from typing import Any

from tests.support.packing import DAY_MS, Example, Told, at, cells, iso

DAY_S, DAY_US = DAY_MS // 1000, DAY_MS * 1000
SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
"""Microseconds, as `at` counts them."""

OHLC = ("open", "high", "low", "close")
TRADED = ("size", "notional_usd", "trades", "taker_buy_size", "taker_buy_usd")


def price(k: int, first: float = 60_000.5) -> float:
    """Return the price of trade k: it rises with every odd one, which is a taker's purchase."""
    return first + 3 * (k // 2 % 50) + 7 * (k % 2)


def size(k: int) -> float:
    """Return the size of trade k in units of the asset."""
    return (1 + 5 * k % 37) / 1000


def contracts(k: int) -> int:
    """Return the size of trade k in contracts."""
    return 5 + 3 * k % 11


def taker(k: int) -> str:
    """Return what the taker of trade k did."""
    return "buy" if k % 2 else "sell"


def is_buyer_maker(k: int) -> str:
    return "false" if k % 2 else "true"


def trade(symbol: str, us: int, k: int, amount: float, at_price: float, **more: Any) -> Told:
    """Return trade k as the canonical table has it."""
    row = {"time": at(us), "symbol": symbol, "taker_side": taker(k), "price": at_price, "size": amount,
           "notional_usd": amount * at_price}  # fmt: skip
    return row | more


def liquidation(symbol: str, us: int, side: str, at_price: float, amount: float, **more: Any) -> Told:
    """Return a liquidation as the canonical table has it."""
    row = {"time": at(us), "symbol": symbol, "side": side, "price": at_price, "size": amount,
           "notional_usd": amount * at_price}  # fmt: skip
    return row | more


def bids(k: int, n: int = 3) -> list[tuple[float, float]]:
    """Return levels from the best down."""
    return [(price(k) - j, size(k + j)) for j in range(n)]


def klines(
    kind: str, at_price: float = 60_000.0, symbol: str = "BTCUSDT", price_of: str = "trade"
) -> Example:
    """Return bars of a minute near a price; what is traded of them in coins and USD, or in contracts of 100 USD."""
    step = abs(at_price) / 1e5
    is_coin = symbol.endswith("_PERP")

    def prices(k: int) -> tuple[float, float, float, float]:
        first = at_price + (k % 7) * step
        last = first + (k % 5 - 2) * step
        return first, max(first, last) + (3 + k % 11) * step, min(first, last) - (3 + k % 13) * step, last

    def traded(k: int) -> tuple[float, float, int, float, float]:
        usd, bought, o = 750_000.0 + 100 * (7 * k % 1009), 330_000.0 + 100 * (3 * k % 1013), prices(k)[0]
        return usd / o, usd, 30 + k % 17, bought / o, bought

    def line(k: int) -> str:
        coins, usd, n, coins_bought, bought = traded(k)
        if is_coin:
            coins, usd, coins_bought, bought = usd / 100, coins, bought / 100, coins_bought
        if price_of != "trade":
            coins = usd = coins_bought = bought = 0
        begin = DAY_MS + 60_000 * k
        return cells(begin, *prices(k), coins, begin + 59_999, usd, n, coins_bought, bought, 0)

    def makes(k: int) -> list[Told]:
        told: dict[str, Any] = {"time": at(MINUTE * k), "symbol": symbol, "price_of": price_of}
        told["interval_s"] = 60.0
        told |= zip(OHLC, prices(k), strict=True)
        if price_of == "trade":
            told |= zip(TRADED, traded(k), strict=True)
        return [told]

    header = (
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
        "taker_buy_quote_volume,ignore"
    )
    folder = kind.removeprefix("coinm_")
    return Example(f"binance.{kind}", f"{folder}/{symbol}/1m/{symbol}-1m-2025-07-01.zip", header, line, makes)


AGG_TRADES = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"
TRADES = "id,price,qty,quote_qty,time,is_buyer_maker"
METRICS = (
    "create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,"
    "sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio"
)


def ratios(k: int) -> tuple[float, float, float, float]:
    """Return accounts and positions of top traders, all accounts, and takers: longs over shorts, buys over sells."""
    return (70 + k % 11) / 100, (180 + k % 13) / 100, (60 + k % 17) / 100, (110 + k % 19) / 100


def _metrics(k: int) -> list[Told]:
    accounts, positions, all_, takers = ratios(k)
    return [{
        "time": at(5 * MINUTE * (k + 1)), "symbol": "BTCUSDT", "venue": "binance", "open_interest": 80_000.5 + k,
        "open_interest_usd": (80_000 + k) * 60_000 + 0.25, "long_short_accounts": all_,
        "long_short_top_accounts": accounts, "long_short_top_positions": positions, "taker_buy_sell": takers,
    }]  # fmt: skip


def _depth(k: int) -> list[Told]:
    side, bps = ("bid", 20.0) if k % 2 else ("ask", 100.0)
    return [{"time": at(30 * SECOND * (k // 2)), "symbol": "BTCUSDT", "side": side, "distance_bps": bps,
             "size": 2000.5 + k, "notional_usd": (2000 + k) * 60_000 + 0.5}]  # fmt: skip


def _coin_liquidation(k: int) -> list[Told]:
    """Every row is written twice."""
    n = k // 2
    paid = price(n, 50_000.0)
    return [liquidation("BTCUSD_PERP", SECOND * n, "long" if n % 2 else "short", paid, (5 + n) * 100 / paid)]


BINANCE = (
    klines("klines"),
    klines("coinm_klines", 50_000.0, "BTCUSD_PERP"),
    klines("markPriceKlines", price_of="mark"),
    klines("indexPriceKlines", price_of="index"),
    klines("premiumIndexKlines", -0.0004, price_of="premium"),
    Example(
        "binance.metrics", "BTCUSDT-metrics-2025-07-01.zip", METRICS,
        lambda k: cells(iso(300 * k + 300, " ", ""), "BTCUSDT", 80_000.5 + k, (80_000 + k) * 60_000 + 0.25, *ratios(k)),
        _metrics,
    ),
    Example(
        "binance.coinm_metrics", "BTCUSD_PERP-metrics-2025-07-01.zip", METRICS,
        lambda k: cells(iso(300 * k, " ", ""), "BTCUSD_PERP", 600_000.0 + k, 1000.5 + k, '"",""', '""', ratios(k)[3]),
        lambda k: [{"time": at(5 * MINUTE * k), "symbol": "BTCUSD_PERP", "venue": "binance",
                    "open_interest": 1000.5 + k, "open_interest_usd": (600_000.0 + k) * 100,
                    "taker_buy_sell": ratios(k)[3]}],
    ),
    Example(
        "binance.bookDepth", "BTCUSDT-bookDepth-2025-07-01.zip", "timestamp,percentage,depth,notional",
        lambda k: cells(iso(30 * (k // 2), " ", ""), "-0.20" if k % 2 else "1", 2000.5 + k, (2000 + k) * 60_000 + 0.5),
        _depth,
    ),
    Example(
        "binance.fundingRate", "BTCUSDT-fundingRate-2025-07.zip", "calc_time,funding_interval_hours,last_funding_rate",
        lambda k: f"{DAY_MS + 28_800_000 * k + k % 3},{8 if k % 5 else 4},{(k % 201 - 100) / 1e6:.8f}",
        lambda k: [{"time": at(8 * HOUR * k), "symbol": "BTCUSDT", "venue": "binance", "rate": (k % 201 - 100) / 1e6,
                    "interval_s": 28_800.0 if k % 5 else 14_400.0}],
    ),
    Example(
        "binance.aggTrades", "BTCUSDT-aggTrades-2025-07-01.zip", AGG_TRADES,
        lambda k: cells(9000 + k, price(k), size(k), 2 * k, 2 * k + 1, DAY_MS + 1001 * k, is_buyer_maker(k)),
        lambda k: [trade("BTCUSDT", 1_001_000 * k, k, size(k), price(k), id=str(9000 + k))],
    ),
    Example(
        "binance.coinm_aggTrades", "BTCUSD_PERP-aggTrades-2025-07-01.zip", AGG_TRADES,
        lambda k: cells(9000 + k, price(k, 5e4), contracts(k), k, k + 1, DAY_MS + 1001 * k, is_buyer_maker(k)),
        lambda k: [trade("BTCUSD_PERP", 1_001_000 * k, k, contracts(k) * 100 / price(k, 5e4), price(k, 5e4),
                         id=str(9000 + k))],
    ),
    Example(
        "binance.trades", "BTCUSDT-trades-2025-07-01.zip", TRADES,
        lambda k: cells(7000 + k, price(k), size(k), round(size(k) * price(k), 2), DAY_MS + 1001 * k, is_buyer_maker(k)),
        lambda k: [trade("BTCUSDT", 1_001_000 * k, k, size(k), price(k), id=str(7000 + k),
                         notional_usd=round(size(k) * price(k), 2))],
    ),
    Example(
        "binance.coinm_trades", "BTCUSD_PERP-trades-2025-07-01.zip", "id,price,qty,base_qty,time,is_buyer_maker",
        lambda k: cells(7000 + k, price(k, 5e4), contracts(k), round(contracts(k) * 100 / price(k, 5e4), 8),
                        DAY_MS + 1001 * k, is_buyer_maker(k)),
        lambda k: [trade("BTCUSD_PERP", 1_001_000 * k, k, contracts(k) * 100 / price(k, 5e4), price(k, 5e4),
                         id=str(7000 + k))],
    ),
    Example(
        "binance.liquidationSnapshot", "BTCUSD_PERP-liquidationSnapshot-2025-07-01.zip",
        "time,side,order_type,time_in_force,original_quantity,price,average_price,order_status,"
        "last_fill_quantity,accumulated_fill_quantity",
        lambda k: cells(DAY_MS + 1000 * (k // 2), "SELL" if k // 2 % 2 else "BUY", "LIMIT", "IOC", 9 + k // 2, 51_000.5,
                        price(k // 2, 5e4), "FILLED", 4, 5 + k // 2),
        _coin_liquidation,
    ),
    Example(
        "binance.forceOrder", "forceOrder-2025-07-01.jsonl", "",
        lambda k: json.dumps({"e": "forceOrder", "E": DAY_MS + 1000 * k + 7, "o": {
            "s": "BTCUSDT" if k % 3 else "ETHUSDT", "S": "SELL" if k % 2 else "BUY", "o": "LIMIT", "f": "IOC",
            "q": f"{size(k) + 1}", "p": f"{price(k) - 900}", "ap": f"{price(k)}", "X": "FILLED", "l": "0.0005",
            "z": f"{size(k)}", "T": DAY_MS + 1000 * k}}),
        lambda k: [liquidation("BTCUSDT" if k % 3 else "ETHUSDT", SECOND * k, "long" if k % 2 else "short", price(k),
                               size(k))],
    ),
)  # fmt: skip


def _decimals(k: int) -> int:
    """Return the ten thousandths of a second at which trade k is."""
    return (2296 + 1789 * k) % 10_000


BYBIT_TRADES = (
    "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional"
)


def _bybit_book(k: int) -> list[Told]:
    update = {"time": at(100_000 * k), "symbol": "BTCUSDT", "update": "update" if k % 50 else "snapshot",
              "sequence": 40 + k}  # fmt: skip
    found = [update | {"side": "bid", "price": px, "size": sz} for px, sz in bids(k)]
    return [*found, update | {"side": "ask", "price": price(k) + 1, "size": size(k) if k % 4 else 0.0}]


def _bybit_liquidations(k: int) -> list[Told]:
    """A message tells of one or two."""
    return [
        liquidation("BTCUSDT", SECOND * k + 1000 * j, "short" if k % 2 else "long", price(k) + j, size(k + j))
        for j in range(1 + (k % 3 == 0))
    ]


BYBIT = (
    Example(
        "bybit.trades", "BTCUSDT2025-07-01.csv.gz", f"{BYBIT_TRADES},RPI",
        lambda k: cells(f"{DAY_S + k}.{_decimals(k):04}", "BTCUSDT", taker(k).title(), size(k), price(k), "PlusTick",
                        f"id-{k}", "3.0e+12", size(k), round(size(k) * price(k), 2), k % 2),
        lambda k: [trade("BTCUSDT", SECOND * k + 100 * _decimals(k), k, size(k), price(k), id=f"id-{k}",
                         notional_usd=round(size(k) * price(k), 2))],
    ),
    Example(
        "bybit.inverse_trades", "BTCUSD2025-07-01.csv.gz", BYBIT_TRADES,
        lambda k: cells(f"{DAY_S + k}.{_decimals(k):04}", "BTCUSD", taker(k).title(), contracts(k), price(k), "PlusTick",
                        f"id-{k}", "2.0e+05", contracts(k), contracts(k) / price(k)),
        lambda k: [trade("BTCUSD", SECOND * k + 100 * _decimals(k), k, contracts(k) / price(k), price(k), id=f"id-{k}")],
    ),
    Example(
        "bybit.orderbook", "2025-07-01_BTCUSDT_ob200.data.zip", "",
        lambda k: json.dumps({
            "topic": "orderbook.200.BTCUSDT", "type": "delta" if k % 50 else "snapshot", "ts": DAY_MS + 100 * k,
            "data": {"s": "BTCUSDT", "b": [[f"{px}", f"{sz}"] for px, sz in bids(k)],
                     "a": [[f"{price(k) + 1}", f"{size(k)}" if k % 4 else "0"]], "u": 40 + k, "seq": 7 * k},
            "cts": DAY_MS + 100 * k - 5}),
        _bybit_book,
    ),
    Example(
        "bybit.allLiquidation", "allLiquidation-2025-07-01.jsonl", "",
        lambda k: json.dumps({
            "topic": "allLiquidation.BTCUSDT", "type": "snapshot", "ts": DAY_MS + 1000 * k + 490, "data": [
                {"T": DAY_MS + 1000 * k + j, "s": "BTCUSDT", "S": "Sell" if k % 2 else "Buy", "v": f"{size(k + j)}",
                 "p": f"{price(k) + j}"}
                for j in range(1 + (k % 3 == 0))]}),
        _bybit_liquidations,
    ),
)  # fmt: skip


OKX_TRADES = "instrument_name,trade_id,side,price,size,created_time"
_FROM_16 = 16 * HOUR
"""A day of OKX begins at 16:00 UTC."""


def _okx(k: int, symbol: str, at_price: float, amount: Any) -> str:
    return cells(symbol, 100 + k, taker(k), at_price, amount, DAY_MS + 57_600_000 + 1001 * k)


def _okx_trade(symbol: str, k: int, amount: float, at_price: float) -> list[Told]:
    return [trade(symbol, _FROM_16 + 1_001_000 * k, k, amount, at_price, id=str(100 + k))]


def _swaps(k: int) -> float:
    return (1407 + 300 * k % 7001) / 100


def _coin(k: int) -> str:
    return f"{'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[k % 26]}-USDT-SWAP"


def _okx_book(k: int) -> list[Told]:
    update = {"time": at(50_000 * k), "symbol": "BTC-USDT", "update": "update" if k % 50 else "snapshot"}
    found = [update | {"side": "bid", "price": px, "size": sz, "orders": 4 + k % 3} for px, sz in bids(k, 2)]
    return [*found, update | {"side": "ask", "price": price(k) + 1, "size": 3.0 * (k % 4), "orders": k % 5}]


OKX = (
    Example(
        "okx.swap_trades", "BTC-USDT-SWAP-trades-2025-07-02.zip", f"{OKX_TRADES},source",
        lambda k: f"{_okx(k, 'BTC-USDT-SWAP', price(k, 6e4), _swaps(k))},{k % 2}",
        lambda k: _okx_trade("BTC-USDT-SWAP", k, _swaps(k) * 0.01, price(k, 6e4)),
    ),
    Example(
        "okx.trades", "BTC-USDT-trades-2025-07-02.zip", OKX_TRADES,
        lambda k: _okx(k, "BTC-USDT", price(k), size(k)), lambda k: _okx_trade("BTC-USDT", k, size(k), price(k)),
    ),
    Example(
        "okx.inverse_trades", "BTC-USD-SWAP-trades-2025-07-02.zip", OKX_TRADES,
        lambda k: _okx(k, "BTC-USD-SWAP", price(k, 5e4), contracts(k)),
        lambda k: _okx_trade("BTC-USD-SWAP", k, contracts(k) * 100 / price(k, 5e4), price(k, 5e4)),
    ),
    Example(
        "okx.funding", "allswap-fundingrates-2025-07-01.zip", "instrument_name,funding_rate,funding_time",
        lambda k: f"{_coin(k)},{(k % 201 - 100) / 1e6:.8f},{DAY_MS + 28_800_000 * (k // 26)}",
        lambda k: [{"time": at(8 * HOUR * (k // 26)), "symbol": _coin(k), "venue": "okx",
                    "rate": (k % 201 - 100) / 1e6}],
    ),
    Example(
        "okx.orderbook", "BTC-USDT-L2orderbook-400lv-2025-07-01.tar.gz", "",
        lambda k: json.dumps({
            "instId": "BTC-USDT", "action": "update" if k % 50 else "snapshot", "ts": str(DAY_MS + 50 * k),
            "asks": [[f"{price(k) + 1}", f"{3 * (k % 4)}", f"{k % 5}"]],
            "bids": [[f"{px}", f"{sz}", f"{4 + k % 3}"] for px, sz in bids(k, 2)]}),
        _okx_book,
    ),
)  # fmt: skip

"""Made-up files of Hyperliquid, Tardis, CoinGlass and a user's own, and what each line is in the canonical table."""

from __future__ import annotations

import json
from typing import Any

from tests.support.archives_exchanges import (
    DAY,
    DAY_US,
    HOUR,
    MINUTE,
    OHLC,
    SECOND,
    TRADED,
    bids,
    liquidation,
    price,
    size,
    taker,
    trade,
)
from tests.support.packing import DAY_MS, Example, Told, at, cells, iso


def _context(k: int) -> dict[str, Any]:
    """Return what a minute of a coin is: at an odd second, with a cell left out now and then."""
    return {
        "time": at(MINUTE * k + SECOND * (k % 3)), "symbol": "DOGE" if k % 2 else "POPCAT",
        "funding_rate": (k % 61 - 30) / 1e5, "open_interest": 440.0 + k, "day_notional_usd": 133.5 + k % 41,
        "premium": None if k % 3 == 1 else (k % 31 - 15) / 1e4, "index_price": 0.1 + (k % 97) / 1e4,
        "mark_price": 0.2 + (k % 89) / 1e4, "mid_price": None if k % 4 == 1 else 0.3 + (k % 83) / 1e4,
        "impact_bid_price": 0.4 + (k % 79) / 1e4, "impact_ask_price": 0.5 + (k % 73) / 1e4,
    }  # fmt: skip


def _asset_ctxs(k: int) -> str:
    it = _context(k)
    premium = "null" if it["premium"] is None else it["premium"]
    return cells(
        iso(60 * k + k % 3), it["symbol"], it["funding_rate"], it["open_interest"], 0.15 + k % 7,
        it["day_notional_usd"], premium, it["index_price"], it["mark_price"], it["mid_price"],
        it["impact_bid_price"], it["impact_ask_price"],
    )  # fmt: skip


def _l2(k: int) -> dict[str, list[tuple[float, float, int]]]:
    """Return price, size and orders of levels."""
    return {
        "bid": [(px, sz, 4 + (k + j) % 9) for j, (px, sz) in enumerate(bids(k, 2))],
        "ask": [(price(k) + 1 + j, size(3 * k + j), 20 + (k + j) % 11) for j in range(2)],
    }


def _l2_book(k: int) -> str:
    levels = [[{"px": f"{px}", "sz": f"{sz}", "n": n} for px, sz, n in side] for side in _l2(k).values()]
    data = {"coin": "BTC" if k % 2 else "ETH", "time": DAY_MS + 5000 * k + k % 7, "levels": levels}
    return json.dumps({"time": iso(5 * k), "ver_num": 1, "raw": {"channel": "l2Book", "data": data}})


def _l2_rows(k: int) -> list[Told]:
    book = {
        "time": at(5 * SECOND * k + 1000 * (k % 7)),
        "symbol": "BTC" if k % 2 else "ETH",
        "update": "snapshot",
    }
    return [
        book | {"side": side, "level": j, "price": px, "size": sz, "orders": n}
        for side, levels in _l2(k).items()
        for j, (px, sz, n) in enumerate(levels)
    ]


def _coin(k: int) -> str:
    return "SOL" if k % 5 else "ETH"


def _fill(k: int) -> str:
    """Return a trade with both its legs: every second is a liquidation, which is the taker's, and said of both."""
    word = "B" if taker(k // 2) == "buy" else "A"
    leg = {
        "coin": _coin(k), "px": f"{price(k)}", "sz": f"{size(k)}", "side": word, "time": DAY_MS + 1000 * k,
        "startPosition": "4.0", "dir": "Close Long", "closedPnl": "-1.0", "hash": "0x0", "oid": k, "crossed": True,
        "fee": "0.1", "tid": 500 + k, "feeToken": "USDC", "twapId": None,
    }  # fmt: skip
    if k % 2:
        leg |= {"liquidation": {"liquidatedUser": f"0xaaa{k % 7}", "markPx": "3000.0", "method": _method(k)}}
    other = leg | {"side": "A" if word == "B" else "B", "crossed": False, "dir": "Open Long"}
    events = [[f"0xaaa{k % 7}", leg], ["0xbbb2", other]]
    return json.dumps({
        "local_time": iso(k), "block_time": iso(k), "block_number": 900 + k, "events": events[:: 1 if k % 3 else -1],
    })  # fmt: skip


def _method(k: int) -> str:
    return "market" if k % 4 == 1 else "backstop"


def _closed(k: int) -> str:
    """Return the position that a purchase or a sale closes."""
    return "short" if taker(k // 2) == "buy" else "long"


def _taken(k: int) -> list[Told]:
    return [trade(_coin(k), SECOND * k, k, size(k), price(k), id=str(500 + k), taker_side=taker(k // 2))]


def _liquidated(k: int) -> list[Told]:
    if k % 2 == 0:
        return []
    who = {"id": str(500 + k), "account": f"0xaaa{k % 7}", "method": _method(k)}
    return [liquidation(_coin(k), SECOND * k, _closed(k), price(k), size(k), **who)]


def position(k: int) -> dict[str, Any]:
    """Return position k as the canonical table has it: every second is a short, and some are not liquidated."""
    return {
        "symbol": "BTC" if k % 3 else "ETH", "account": f"0x{k:x}", "side": "short" if k % 2 else "long",
        "size": 1.5 + k % 43, "notional_usd": 90_000.25 + 11 * (k % 97), "entry_price": 59_000.5 + k % 89,
        "leverage": float(5 + k % 21), "liquidation_price": None if k % 4 == 1 else 50_000.5 + k % 83,
        "account_value_usd": 5000.5 + 3 * (k % 79),
    }  # fmt: skip


def _position_row(k: int) -> str:
    it = position(k)
    return cells(
        it["account"], it["account_value_usd"], it["symbol"], it["side"].title(), it["size"], it["entry_price"],
        it["leverage"], it["notional_usd"], it["liquidation_price"],
    )  # fmt: skip


HYPERLIQUID = (
    Example(
        "hyperliquid.asset_ctxs", "asset_ctxs/20250701.csv.lz4",
        "time,coin,funding,open_interest,prev_day_px,day_ntl_vlm,premium,oracle_px,mark_px,mid_px,impact_bid_px,"
        "impact_ask_px",
        _asset_ctxs, lambda k: [_context(k)],
    ),
    Example("hyperliquid.l2Book", "market_data/20250701/0/l2Book/BTC.lz4", "", _l2_book, _l2_rows),
    Example("hyperliquid.node_fills", "hourly/20250701/0.lz4", "", _fill, _taken),
    Example("hyperliquid.node_liquidations", "hourly/20250701/0.lz4", "", _fill, _liquidated),
    Example(
        "hyperliquid.position_table", "positions_20250701.csv.gz",
        "account,account_value_usd,coin,side,size,entry_price,set_leverage,value_usd,liquidation_price",
        _position_row, lambda k: [position(k) | {"time": at(0)}],
    ),
)  # fmt: skip


def _stamps(k: int) -> str:
    """Return when row k was and when it came, in microseconds."""
    return f"{DAY_US + 1_000_001 * k},{DAY_US + 1_000_001 * k + 500}"


def _ticker(k: int) -> dict[str, Any]:
    """Return a row of the ticker: a cell is blank until it is sent."""
    values = {
        "funding_rate": (k % 61 - 30) / 1e5, "open_interest": 80_000.5 + k % 59, "last_price": price(k),
        "index_price": price(k) + 20.25, "mark_price": price(k) + 40.75,
    }  # fmt: skip
    sent = {name: value for j, (name, value) in enumerate(values.items()) if (k + j) % 4}
    return {"time": at(1_000_001 * k), "symbol": "BTCUSDT", **sent}


def _derivative_ticker(k: int) -> str:
    it = _ticker(k)
    names = ("funding_rate", "", "open_interest", "last_price", "index_price", "mark_price")
    return cells("binance-futures", "BTCUSDT", _stamps(k), DAY_US + 7, *(it.get(name) for name in names))


def _levels(k: int) -> dict[str, list[tuple[float, float]]]:
    """Return price and size of three levels of either side."""
    return {"bid": bids(k), "ask": [(price(k) + 1 + j, size(3 * k + j)) for j in range(3)]}


def _snapshot(k: int, n: int) -> str:
    it = _levels(k)
    there = [cells(*it["ask"][j], *it["bid"][j]) if j < 3 else ",,," for j in range(n)]
    return cells("bybit", "BTCUSDT", _stamps(k), *there)


def _snapshot_rows(k: int) -> list[Told]:
    book = {"time": at(1_000_001 * k), "symbol": "BTCUSDT", "update": "snapshot"}
    return [
        book | {"side": side, "level": j, "price": px, "size": sz}
        for side, levels in _levels(k).items()
        for j, (px, sz) in enumerate(levels)
    ]


def _tardis(kind: str, header: str, line: Any, makes: Any) -> Example:
    names = f"exchange,symbol,timestamp,local_timestamp,{header}"
    return Example(f"tardis.{kind}", f"{kind}/2025/07/01/BTCUSDT.csv.gz", names, line, makes)


def _book_snapshot(n: int) -> Example:
    header = ",".join(f"asks[{j}].price,asks[{j}].amount,bids[{j}].price,bids[{j}].amount" for j in range(n))
    return _tardis(f"book_snapshot_{n}", header, lambda k: _snapshot(k, n), _snapshot_rows)


def _tardis_side(k: int) -> str:
    return taker(k) if k % 5 else "unknown"


TARDIS = (
    _tardis(
        "trades", "id,side,price,amount",
        lambda k: cells("binance-futures", "BTCUSDT", _stamps(k), k, _tardis_side(k), price(k), size(k)),
        lambda k: [trade("BTCUSDT", 1_000_001 * k, k, size(k), price(k), id=str(k), taker_side=_tardis_side(k))],
    ),
    _tardis(
        "liquidations", "id,side,price,amount",
        lambda k: cells("bybit", "BTCUSDT", _stamps(k), k if k % 2 else None, taker(k // 2), price(k), size(k)),
        lambda k: [liquidation("BTCUSDT", 1_000_001 * k, _closed(k), price(k), size(k), id=str(k) if k % 2 else None)],
    ),
    _tardis(
        "derivative_ticker",
        "funding_timestamp,funding_rate,predicted_funding_rate,open_interest,last_price,index_price,mark_price",
        _derivative_ticker, lambda k: [_ticker(k)],
    ),
    _book_snapshot(25),
    _book_snapshot(5),
    _tardis(
        "incremental_book_L2", "is_snapshot,side,price,amount",
        lambda k: cells("bybit", "BTCUSDT", _stamps(k), "false" if k % 50 else "true", "bid" if k % 2 else "ask",
                        price(k), size(k) if k % 3 else 0),
        lambda k: [{"time": at(1_000_001 * k), "symbol": "BTCUSDT", "update": "update" if k % 50 else "snapshot",
                    "side": "bid" if k % 2 else "ask", "price": price(k), "size": size(k) if k % 3 else 0.0}],
    ),
)  # fmt: skip


def _of_day(k: int) -> tuple[str, str]:
    return "BTC", iso(86_400 * k)[:10]


def _on_day(k: int, **more: Any) -> Told:
    return {"time": at(DAY * k), "symbol": "BTC"} | more


def _day_bar(k: int, step: int) -> dict[str, Any]:
    """Return prices of a bar: a high above, a low below, and a close that is not its open."""
    o, c = 100.0 + k % 7, 101.5 + k % 5
    high, low = max(o, c) + 3 + k % 11, min(o, c) - 3 - k % 13
    return {"time": at(step * k), "price_of": "trade", "interval_s": step / 1e6, "open": o, "high": high, "low": low,
            "close": c}  # fmt: skip


def _ohlcv(kind: str) -> Example:
    def bar(k: int) -> dict[str, Any]:
        return _day_bar(k, DAY) | {"symbol": "BTCUSDT", "notional_usd": 5000.5 + k % 101}

    return Example(
        f"coinglass.{kind}", f"{kind}.csv", "symbol,ts_utc,open,high,low,close,volume_usd",
        lambda k: cells("BTCUSDT", iso(86_400 * k)[:10], *(bar(k)[name] for name in (*OHLC, "notional_usd"))),
        lambda k: [bar(k)],
    )  # fmt: skip


def _own_bar(k: int) -> dict[str, Any]:
    bar: dict[str, Any] = {"symbol": "BTC", **_day_bar(k, 5 * MINUTE)}
    amount, bought = 5.5 + k % 29, 2.5 + k % 3
    values = (amount, amount * bar["open"], 40 + k % 37, bought, bought * bar["close"])
    return bar | dict(zip(TRADED, values, strict=True))


def _ratios(k: int) -> dict[str, float | None]:
    return {"long_short_accounts": 3.5 + k % 11, "long_short_top_accounts": None if k % 3 else 2.25 + k % 13,
            "long_short_top_positions": 1.5 + k % 17}  # fmt: skip


COINGLASS = (
    Example(
        "coinglass.liquidations", "liquidations.csv.gz", "symbol,ts_utc,liq_long_usd,liq_short_usd",
        lambda k: cells(*_of_day(k), 1000.5 + k, 2000.25 + k),
        lambda k: [_on_day(k, side="long", notional_usd=1000.5 + k), _on_day(k, side="short", notional_usd=2000.25 + k)],
    ),
    Example(
        "coinglass.open_interest", "open_interest.csv.gz",
        "symbol,ts_utc,oi_total_close,oi_stable_close,oi_coinm_close,unit",
        lambda k: cells(*_of_day(k), 3000 + k, 20.5 + k % 7, 100.25 + k % 11, "usd"),
        lambda k: [_on_day(k, venue="all", open_interest_usd=3000.0 + k),
                   _on_day(k, venue="binance, okx and bybit, stable-margined", open_interest=20.5 + k % 7),
                   _on_day(k, venue="binance, okx and bybit, coin-margined", open_interest_usd=100.25 + k % 11)],
    ),
    Example(
        "coinglass.taker_volume", "taker_volume.csv", "symbol,ts_utc,taker_buy_usd,taker_sell_usd",
        lambda k: cells(*_of_day(k), 1000.5 + k, 900 + k % 17),
        lambda k: [_on_day(k, taker_buy_usd=1000.5 + k, taker_sell_usd=900.0 + k % 17)],
    ),
    Example(
        "coinglass.book", "book_within_1pct.csv", "symbol,ts_utc,range_pct,bids_usd,asks_usd,bids_qty,asks_qty",
        lambda k: cells(*_of_day(k), 2.5 if k % 2 else 1.0, 5000 + k, 6000.5 + k, 0.5 + k % 7, 0.75 + k % 11),
        lambda k: [_on_day(k, side=side, distance_bps=250.0 if k % 2 else 100.0, size=amount, notional_usd=usd)
                   for side, amount, usd in (("bid", 0.5 + k % 7, 5000.0 + k), ("ask", 0.75 + k % 11, 6000.5 + k))],
    ),
    Example(
        "coinglass.funding", "funding_oi_weighted.csv", "symbol,ts_utc,funding_close",
        lambda k: cells(*_of_day(k), (k % 41 - 20) / 1000),
        lambda k: [_on_day(k, venue="all", rate=(k % 41 - 20) / 100_000, interval_s=28_800.0)],
    ),
    Example(
        "coinglass.long_short_ratios", "long_short_ratios.csv",
        "symbol,ts_utc,lsr_global,lsr_top_accounts,lsr_top_positions",
        lambda k: cells(*_of_day(k), *_ratios(k).values()), lambda k: [_on_day(k, **_ratios(k))],
    ),
    _ohlcv("perp_ohlcv"),
    _ohlcv("spot_ohlcv"),
)  # fmt: skip


def _whose(k: int) -> tuple[str, str]:
    """Return venue and coin."""
    return "kraken" if k % 2 else "okx", "SOL" if k % 3 else "BTC"


def _of_venue(k: int, **more: Any) -> Told:
    venue, coin = _whose(k)
    return {"time": at(HOUR * (k // 2)), "venue": venue, "symbol": coin} | more


OWN = (
    Example(
        "any.bars", "BTC-5m-20250701.csv",
        "time_utc,open,high,low,close,volume,quote_volume,count,taker_buy_volume,taker_buy_quote_volume",
        lambda k: cells(iso(300 * k), *(_own_bar(k)[name] for name in (*OHLC, *TRADED))), lambda k: [_own_bar(k)],
    ),
    Example(
        "any.funding", "funding_BTCUSDT_202507_202507.csv", "time_utc,funding_rate_8h",
        lambda k: cells(iso(28_800 * k), (k % 41 - 20) / 1e6),
        lambda k: [{"time": at(8 * HOUR * k), "symbol": "BTCUSDT", "rate": (k % 41 - 20) / 1e6, "interval_s": 28_800.0}],
    ),
    Example(
        "any.venue_funding", "funding_rates_by_venue.csv.gz", "timestamp,venue,coin,funding_rate",
        lambda k: cells(iso(3600 * (k // 2), " ", ".000+00:00"), *_whose(k), (k % 41 - 20) / 1e6),
        lambda k: [_of_venue(k, rate=(k % 41 - 20) / 1e6)],
    ),
    Example(
        "any.venue_open_interest", "open_interest_hourly.csv.gz", "timestamp,venue,coin,oi_usd",
        lambda k: cells(iso(3600 * (k // 2), " ", "+00:00"), *_whose(k), 5000.5 + k),
        lambda k: [_of_venue(k, open_interest_usd=5000.5 + k)],
    ),
)  # fmt: skip

"""Synthetic files in the formats of public archives: made-up rows, as each venue would write them."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

DAY_MS = 1_751_328_000_000
"""1 July 2025, midnight UTC."""

Row = Callable[[int], str]


@dataclass(frozen=True)
class Example:
    """A file of a kind: where it lies, its rows, and what the second of them is in the canonical table."""

    kind: str
    path: str
    header: str
    row: Row
    second: Mapping[str, Any]
    per_line: int = 1

    def lines(self, n: int) -> list[str]:
        return [*([self.header] if self.header else []), *(self.row(k) for k in range(n))]


def packed(path: Path, text: str) -> Path:
    """Write a text as the name of the file says it is packed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw, inner = text.encode(), path.name
    if path.name.endswith(".tar.gz"):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            member = tarfile.TarInfo(inner.removesuffix(".tar.gz"))
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
        path.write_bytes(gzip.compress(buffer.getvalue(), mtime=0))
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(raw, mtime=0))
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(inner.replace(".zip", ".csv"), raw)
    elif path.suffix == ".lz4":
        buffer = pa.BufferOutputStream()
        with pa.CompressedOutputStream(buffer, "lz4") as stream:
            stream.write(raw)
        path.write_bytes(buffer.getvalue().to_pybytes())
    else:
        path.write_bytes(raw)
    return path


def write(folder: Path, example: Example, n: int = 20, *, lines: Sequence[str] | None = None) -> Path:
    """Write the file of an example below a folder."""
    found = example.lines(n) if lines is None else lines
    return packed(folder / example.path, "\n".join(found) + "\n")


def iso(seconds: float, between: str = "T", end: str = "Z") -> str:
    import numpy as np

    return str(np.datetime64(DAY_MS // 1000 + int(seconds), "s")).replace("T", between) + end


def at(us: int) -> Any:
    import datetime as dt

    return dt.datetime.fromtimestamp(DAY_MS / 1e3, dt.UTC) + dt.timedelta(microseconds=us)


MINUTE = 60_000_000


def level(k: int, n: int = 3) -> list[list[str]]:
    return [[f"{60_000 - k - j}.5", f"{1 + j}.25"] for j in range(n)]


def klines(
    kind: str, traded: str = "12.5,{end},750000.0,30,5.5,330000.0,0", at_price: float = 60_000.0
) -> Example:
    def row(k: int) -> str:
        p = at_price + (k % 7) * at_price / 1e5
        prices = f"{p},{p + abs(at_price) / 6e3},{p - abs(at_price) / 6e3},{p}"
        return f"{DAY_MS + 60_000 * k},{prices},{traded.format(end=DAY_MS + 60_000 * k + 59_999)}"

    header = (
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
        "taker_buy_quote_volume,ignore"
    )
    second = {"time": at(MINUTE), "symbol": "BTCUSDT", "interval_s": 60.0, "close": at_price * (1 + 1e-5)}
    return Example(f"binance.{kind}", f"{kind}/BTCUSDT/1m/BTCUSDT-1m-2025-07-01.zip", header, row, second)


def _fill(k: int) -> str:
    leg = {
        "coin": "ETH", "px": f"{3000 + k % 5}.5", "sz": "0.25", "side": "A", "time": DAY_MS + 1000 * k,
        "startPosition": "4.0", "dir": "Close Long", "closedPnl": "-1.0", "hash": "0x0", "oid": k, "crossed": True,
        "fee": "0.1", "tid": 500 + k, "feeToken": "USDC", "twapId": None,
    }  # fmt: skip
    if k % 2:
        leg |= {"liquidation": {"liquidatedUser": "0xaaa1", "markPx": "3000.0", "method": "market"}}
    other = leg | {"side": "B", "crossed": False, "dir": "Open Long"}
    events = [["0xaaa1", leg], ["0xbbb2", other]]
    return json.dumps({"local_time": iso(k), "block_time": iso(k), "block_number": 900 + k, "events": events})


def _fills(kind: str, second: Mapping[str, Any]) -> Example:
    return Example(f"hyperliquid.{kind}", "hourly/20250701/0.lz4", "", _fill, second)


def _deriv(k: int) -> str:
    price = "" if k == 0 else f"{60_000 + k}.5"
    stamp = DAY_MS * 1000 + 1_000_000 * k
    return f"binance-futures,BTCUSDT,{stamp},{stamp + 5},,,,,{price},,"


def _snapshot(k: int) -> str:
    stamp = DAY_MS * 1000 + 1_000_000 * k
    cells = [f"{60_000 + k + j}.5,{j}.5,{60_000 + k - 1 - j}.5,{j}.25" if j < 3 else ",,," for j in range(25)]
    return f"bybit,BTCUSDT,{stamp},{stamp + 5},{','.join(cells)}"


EXAMPLES: dict[str, Example] = {
    each.kind: each
    for each in (
        klines("klines"),
        klines("markPriceKlines", "0,{end},0,60,0,0,0"),
        klines("indexPriceKlines", "0,{end},0,60,0,0,0"),
        klines("premiumIndexKlines", "0,{end},0,12,0,0,0", -0.0004),
        Example(
            "binance.metrics", "BTCUSDT-metrics-2025-07-01.zip",
            "create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,"
            "sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio",
            lambda k: f"{iso(300 * k + 300, ' ', '')},BTCUSDT,{80_000 + k}.5,{(80_000 + k) * 60_000}.25,0.7,1.8,0.6,1.1",
            {"time": at(10 * MINUTE), "open_interest": 80_001.5, "open_interest_usd": 80_001 * 60_000 + 0.25,
             "long_short_accounts": 0.6, "long_short_top_positions": 1.8, "taker_buy_sell": 1.1},
        ),
        Example(
            "binance.coinm_metrics", "BTCUSD_PERP-metrics-2025-07-01.zip",
            "create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,"
            "sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio",
            lambda k: f'{iso(300 * k, " ", "")},BTCUSD_PERP,{600_000 + k}.0,{1000 + k}.5,"","","",0.9',
            {"time": at(5 * MINUTE), "symbol": "BTCUSD_PERP", "open_interest": 1001.5,
             "open_interest_usd": 60_000_100.0, "long_short_accounts": None, "taker_buy_sell": 0.9},
        ),
        Example(
            "binance.bookDepth", "BTCUSDT-bookDepth-2025-07-01.zip", "timestamp,percentage,depth,notional",
            lambda k: f"{iso(30 * (k // 2), ' ', '')},{'-0.20' if k % 2 else '1'},{2000 + k}.5,{(2000 + k) * 60_000}.5",
            {"time": at(0), "symbol": "BTCUSDT", "side": "bid", "distance_bps": 20.0, "size": 2001.5,
             "notional_usd": 2001 * 60_000 + 0.5},
        ),
        Example(
            "binance.fundingRate", "BTCUSDT-fundingRate-2025-07.zip",
            "calc_time,funding_interval_hours,last_funding_rate",
            lambda k: f"{DAY_MS + 28_800_000 * k + k % 3},8,-0.0000{k + 10}",
            {"time": at(480 * MINUTE), "symbol": "BTCUSDT", "rate": -0.000011, "interval_s": 28_800.0},
        ),
        Example(
            "binance.aggTrades", "BTCUSDT-aggTrades-2025-07-01.zip",
            "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker",
            lambda k: f"{9000 + k},{60_000 + k % 2}.5,0.25,{k},{k},{DAY_MS + 1000 * k},{'false' if k % 2 else 'true'}",
            {"time": at(1_000_000), "symbol": "BTCUSDT", "id": "9001", "taker_side": "buy", "price": 60_001.5,
             "size": 0.25, "notional_usd": 15_000.375},
        ),
        Example(
            "binance.trades", "BTCUSDT-trades-2025-07-01.zip", "id,price,qty,quote_qty,time,is_buyer_maker",
            lambda k: f"{7000 + k},{60_000 + k % 2}.5,0.5,{30_000.25 + 0.5 * (k % 2)},{DAY_MS + 1000 * k},"
                      f"{'false' if k % 2 else 'true'}",
            {"time": at(1_000_000), "id": "7001", "taker_side": "buy", "size": 0.5, "notional_usd": 30_000.75},
        ),
        Example(
            "binance.coinm_trades", "BTCUSD_PERP-trades-2025-07-01.zip", "id,price,qty,base_qty,time,is_buyer_maker",
            lambda k: f"{7000 + k},50000.0,5,0.01,{DAY_MS + 1000 * k},true",
            {"symbol": "BTCUSD_PERP", "taker_side": "sell", "size": 0.01, "notional_usd": 500.0},
        ),
        Example(
            "binance.liquidationSnapshot", "BTCUSD_PERP-liquidationSnapshot-2025-07-01.zip",
            "time,side,order_type,time_in_force,original_quantity,price,average_price,order_status,"
            "last_fill_quantity,accumulated_fill_quantity",
            lambda k: f"{DAY_MS + 1000 * (k // 2)},{'SELL' if k // 2 % 2 else 'BUY'},LIMIT,IOC,9,51000.5,50000.0,FILLED,"
                      f"4,{5 + k // 2}",
            {"time": at(0), "symbol": "BTCUSD_PERP", "side": "short", "price": 50_000.0, "size": 0.01,
             "notional_usd": 500.0},
        ),
        Example(
            "binance.forceOrder", "forceOrder-2025-07-01.jsonl", "",
            lambda k: json.dumps({"e": "forceOrder", "E": DAY_MS + 1000 * k, "o": {
                "s": "BTCUSDT", "S": "SELL" if k % 2 else "BUY", "o": "LIMIT", "f": "IOC", "q": "0.3", "p": "59000.1",
                "ap": "60000.5", "X": "FILLED", "l": "0.1", "z": "0.2", "T": DAY_MS + 1000 * k}}),
            {"time": at(1_000_000), "symbol": "BTCUSDT", "side": "long", "price": 60_000.5, "size": 0.2},
        ),
        Example(
            "bybit.trades", "BTCUSDT2025-07-01.csv.gz",
            "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional,RPI",
            lambda k: f"{DAY_MS // 1000 + k}.2296,BTCUSDT,{'Buy' if k % 2 else 'Sell'},0.5,{60_000 + k % 2}.5,PlusTick,"
                      f"id-{k},3.0e+12,0.5,{30_000.25 + 0.5 * (k % 2)},0",
            {"time": at(1_229_600), "symbol": "BTCUSDT", "id": "id-1", "taker_side": "buy", "size": 0.5,
             "notional_usd": 30_000.75},
        ),
        Example(
            "bybit.inverse_trades", "BTCUSD2025-07-01.csv.gz",
            "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional",
            lambda k: f"{DAY_MS // 1000 + k}.5,BTCUSD,Sell,100,50000.00,PlusTick,id-{k},200000.0,100,0.002",
            {"symbol": "BTCUSD", "taker_side": "sell", "size": 0.002, "notional_usd": 100.0},
        ),
        Example(
            "bybit.orderbook", "2025-07-01_BTCUSDT_ob200.data.zip", "",
            lambda k: json.dumps({"topic": "orderbook.200.BTCUSDT", "type": "delta" if k else "snapshot",
                                  "ts": DAY_MS + 100 * k, "data": {
                                      "s": "BTCUSDT", "b": level(k), "a": [["60001.5", "0"]],
                                                                   "u": 40 + k, "seq": 1}, "cts": DAY_MS}),
            {"time": at(0), "symbol": "BTCUSDT", "update": "snapshot", "side": "bid", "price": 59_999.5, "size": 2.25,
             "sequence": 40},
            per_line=4,
        ),
        Example(
            "bybit.allLiquidation", "allLiquidation-2025-07-01.jsonl", "",
            lambda k: json.dumps({"topic": "allLiquidation.BTCUSDT", "type": "snapshot", "data": [
                {"T": DAY_MS + 1000 * k, "s": "BTCUSDT", "S": "Buy", "v": "0.5", "p": f"{60_000 + k}.5"}]}),
            {"time": at(1_000_000), "symbol": "BTCUSDT", "side": "long", "size": 0.5, "price": 60_001.5},
        ),
        Example(
            "okx.swap_trades", "BTC-USDT-SWAP-trades-2025-07-02.zip",
            "instrument_name,trade_id,side,price,size,created_time,source",
            lambda k: f"BTC-USDT-SWAP,{100 + k},{'buy' if k % 2 else 'sell'},{60_000 + k % 2}.0,14.07,"
                      f"{DAY_MS + 57_600_000 + 1000 * k},0",
            {"symbol": "BTC-USDT-SWAP", "id": "101", "taker_side": "buy", "size": 0.1407, "notional_usd": 8442.1407},
        ),
        Example(
            "okx.trades", "BTC-USDT-trades-2025-07-02.zip", "instrument_name,trade_id,side,price,size,created_time",
            lambda k: f"BTC-USDT,{100 + k},sell,60000.0,0.5,{DAY_MS + 57_600_000 + 1000 * k}",
            {"symbol": "BTC-USDT", "taker_side": "sell", "size": 0.5, "notional_usd": 30_000.0},
        ),
        Example(
            "okx.inverse_trades", "BTC-USD-SWAP-trades-2025-07-02.zip",
            "instrument_name,trade_id,side,price,size,created_time",
            lambda k: f"BTC-USD-SWAP,{100 + k},sell,50000.0,5,{DAY_MS + 57_600_000 + 1000 * k}",
            {"symbol": "BTC-USD-SWAP", "taker_side": "sell", "size": 0.01, "notional_usd": 500.0},
        ),
        Example(
            "okx.funding", "allswap-fundingrates-2025-07-01.zip", "instrument_name,funding_rate,funding_time",
            lambda k: f"{'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[k % 26]}-USDT-SWAP,-0.0001,{DAY_MS + 28_800_000 * (k // 26)}",
            {"time": at(0), "symbol": "B-USDT-SWAP", "rate": -0.0001, "interval_s": None},
        ),
        Example(
            "okx.orderbook", "BTC-USDT-L2orderbook-400lv-2025-07-01.tar.gz", "",
            lambda k: json.dumps({"instId": "BTC-USDT", "action": "update" if k else "snapshot",
                                  "ts": str(DAY_MS + 50 * k),
                                  "asks": [["60001.5", "3", "2"]], "bids": [["60000.5", "1", "4"]]}),
            {"time": at(0), "symbol": "BTC-USDT", "update": "snapshot", "side": "ask", "price": 60_001.5, "size": 3.0,
             "orders": 2},
            per_line=2,
        ),
        Example(
            "hyperliquid.asset_ctxs", "asset_ctxs/20250701.csv.lz4",
            "time,coin,funding,open_interest,prev_day_px,day_ntl_vlm,premium,oracle_px,mark_px,mid_px,impact_bid_px,"
            "impact_ask_px",
            lambda k: f"{iso(60 * k + k % 3)},DOGE,-0.0003,{440 + k},0.15,133.5,null,0.1{k:03},0.2{k:03},,0.1,0.3",
            {"time": at(61_000_000), "symbol": "DOGE", "funding_rate": -0.0003, "open_interest": 441.0,
             "index_price": 0.1001, "mark_price": 0.2001, "mid_price": None, "premium": None},
        ),
        Example(
            "hyperliquid.l2Book", "market_data/20250701/0/l2Book/BTC.lz4", "",
            lambda k: json.dumps({"time": iso(5 * k), "ver_num": 1, "raw": {"channel": "l2Book", "data": {
                "coin": "BTC", "time": DAY_MS + 5000 * k, "levels": [
                    [{"px": f"{60_000 - k}.0", "sz": "0.5", "n": 4}], [{"px": "60001.0", "sz": "13.2", "n": 30}]]}}}),
            {"time": at(0), "symbol": "BTC", "update": "snapshot", "side": "ask", "level": 0, "price": 60_001.0,
             "size": 13.2, "orders": 30},
            per_line=2,
        ),
        _fills("node_fills", {"time": at(1_000_000), "symbol": "ETH", "id": "501", "taker_side": "sell", "size": 0.25,
                              "price": 3001.5}),
        Example(
            "hyperliquid.position_table", "positions_20250701.csv.gz",
            "account,account_value_usd,coin,side,size,entry_price,set_leverage,value_usd,liquidation_price",
            lambda k: f"{k},1000.5,ETH,Short,2.5,3000.5,10,7500.25,{'' if k == 1 else '3500.5'}",
            {"time": at(0), "account": "1", "symbol": "ETH", "side": "short", "size": 2.5, "leverage": 10.0,
             "liquidation_price": None, "account_value_usd": 1000.5},
        ),
        Example(
            "tardis.trades", "trades/2025/07/01/BTCUSDT.csv.gz",
            "exchange,symbol,timestamp,local_timestamp,id,side,price,amount",
            lambda k: f"binance-futures,BTCUSDT,{DAY_MS * 1000 + 1_000_000 * k},{DAY_MS * 1000},{k},buy,60000.5,0.5",
            {"time": at(1_000_000), "symbol": "BTCUSDT", "id": "1", "taker_side": "buy", "size": 0.5},
        ),
        Example(
            "tardis.liquidations", "liquidations/2025/07/01/BTCUSDT.csv.gz",
            "exchange,symbol,timestamp,local_timestamp,id,side,price,amount",
            lambda k: f"bybit,BTCUSDT,{DAY_MS * 1000 + 1_000_000 * k},{DAY_MS * 1000},,sell,60000.5,0.5",
            {"time": at(1_000_000), "symbol": "BTCUSDT", "id": None, "side": "long", "size": 0.5,
             "notional_usd": 30_000.25},
        ),
        Example(
            "tardis.derivative_ticker", "derivative_ticker/2025/07/01/BTCUSDT.csv.gz",
            "exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,predicted_funding_rate,"
            "open_interest,last_price,index_price,mark_price",
            _deriv, {"time": at(1_000_000), "last_price": 60_001.5, "mark_price": None, "funding_rate": None},
        ),
        Example(
            "tardis.book_snapshot_25", "book_snapshot_25/2025/07/01/BTCUSDT.csv.gz",
            "exchange,symbol,timestamp,local_timestamp,"
            + ",".join(f"asks[{j}].price,asks[{j}].amount,bids[{j}].price,bids[{j}].amount" for j in range(25)),
            _snapshot, {"time": at(0), "side": "bid", "level": 1, "price": 59_998.5, "size": 1.25}, per_line=6,
        ),
        Example(
            "tardis.incremental_book_L2", "incremental_book_L2/2025/07/01/BTCUSDT.csv.gz",
            "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount",
            lambda k: f"bybit,BTCUSDT,{DAY_MS * 1000 + 1_000_000 * k},{DAY_MS * 1000},"
                      f"{'false' if k else 'true'},ask,60000.5,0",
            {"update": "update", "side": "ask", "price": 60_000.5, "size": 0.0},
        ),
        Example(
            "coinglass.liquidations", "liquidations.csv.gz", "symbol,ts_utc,liq_long_usd,liq_short_usd",
            lambda k: f"BTC,{iso(86_400 * k)[:10]},{1000 + k}.5,{2000 + k}.25",
            {"time": at(0), "symbol": "BTC", "side": "short", "notional_usd": 2000.25, "size": None}, per_line=2,
        ),
        Example(
            "coinglass.open_interest", "open_interest.csv.gz",
            "symbol,ts_utc,oi_total_close,oi_stable_close,oi_coinm_close,unit",
            lambda k: f"BTC,{iso(86_400 * k)[:10]},{1000 + k},1,2,usd",
            {"time": at(0), "open_interest": 1.0, "open_interest_usd": None,
             "venue": "binance, okx and bybit, stable-margined"},
            per_line=3,
        ),
        Example(
            "coinglass.taker_volume", "taker_volume.csv", "symbol,ts_utc,taker_buy_usd,taker_sell_usd",
            lambda k: f"BTC,{iso(86_400 * k)[:10]},{1000 + k}.5,2", {"taker_buy_usd": 1001.5, "taker_sell_usd": 2.0},
        ),
        Example(
            "coinglass.book", "book_within_1pct.csv", "symbol,ts_utc,range_pct,bids_usd,asks_usd,bids_qty,asks_qty",
            lambda k: f"BTC,{iso(86_400 * k)[:10]},1.0,{5000 + k},6000,0.5,0.6",
            {"time": at(0), "side": "ask", "distance_bps": 100.0, "notional_usd": 6000.0, "size": 0.6}, per_line=2,
        ),
        Example(
            "coinglass.funding", "funding_oi_weighted.csv", "symbol,ts_utc,funding_close",
            lambda k: f"BTC,{iso(86_400 * k)[:10]},0.01", {"rate": 0.0001, "interval_s": 28_800.0},
        ),
        Example(
            "coinglass.long_short_ratios", "long_short_ratios.csv",
            "symbol,ts_utc,lsr_global,lsr_top_accounts,lsr_top_positions",
            lambda k: f"BTC,{iso(86_400 * k)[:10]},3.5,,1.5",
            {"long_short_accounts": 3.5, "long_short_top_accounts": None, "long_short_top_positions": 1.5},
        ),
        Example(
            "coinglass.perp_ohlcv", "perp_ohlcv.csv", "symbol,ts_utc,open,high,low,close,volume_usd",
            lambda k: f"BTCUSDT,{iso(86_400 * k)[:10]},100,103,98,{101 + k % 2},5000.5",
            {"time": at(1440 * MINUTE), "close": 102.0, "notional_usd": 5000.5, "interval_s": 86_400.0},
        ),
        Example(
            "any.bars", "BTC-5m-20250701.csv", "time_utc,open,high,low,close,volume",
            lambda k: f"{iso(300 * k)},100,103,98,{101 + k % 2},5.5",
            {"time": at(5 * MINUTE), "symbol": "BTC", "close": 102.0, "size": 5.5, "notional_usd": None},
        ),
        Example(
            "any.funding", "funding_BTCUSDT_202507_202507.csv", "time_utc,funding_rate_8h",
            lambda k: f"{iso(28_800 * k)},-5.8e-06", {"time": at(480 * MINUTE), "symbol": "BTCUSDT", "rate": -5.8e-6},
        ),
        Example(
            "any.venue_funding", "funding_rates_by_venue.csv.gz", "timestamp,venue,coin,funding_rate",
            lambda k: f"{iso(3600 * k, ' ', '.000+00:00')},kraken,BTC,5.5e-06",
            {"time": at(60 * MINUTE), "venue": "kraken", "symbol": "BTC", "rate": 5.5e-6},
        ),
        Example(
            "any.venue_open_interest", "open_interest_hourly.csv.gz", "timestamp,venue,coin,oi_usd",
            lambda k: f"{iso(3600 * k, ' ', '+00:00')},okx,BTC,{5000 + k}.5",
            {"time": at(60 * MINUTE), "venue": "okx", "open_interest_usd": 5001.5},
        ),
    )
}  # fmt: skip
"""By kind, a file of it that is sound."""

STATE = {
    "marginSummary": {"accountValue": "5000.5", "totalNtlPos": "9000.0", "totalMarginUsed": "900.0"},
    "assetPositions": [
        {"type": "oneWay", "position": {
            "coin": "ETH", "szi": "-3.0", "leverage": {"type": "cross", "value": 10}, "entryPx": "3000.5",
            "positionValue": "9001.5", "unrealizedPnl": "0.0", "returnOnEquity": "0.0", "liquidationPx": None,
            "marginUsed": "900.15", "maxLeverage": 25, "cumFunding": {}}},
    ],
    "withdrawable": "1.0", "time": DAY_MS,
}  # fmt: skip


def snapshot_of_positions(folder: Path) -> Path:
    """Write a snapshot of positions, as the reservoir publishes it."""
    path = folder / "date=2025-07-01" / f"777_{DAY_MS}.parquet"
    path.parent.mkdir(parents=True)
    table = pa.table({
        "user": ["0xa", "0xb"], "market": ["BTC", "ETH"], "size": [1.5, -2.5], "notional": [90_000.0, -7500.0],
        "entry_price": [59_000.5, 3000.0], "liquidation_price": [50_000.0, None],
        "leverage_type": ["isolated", "cross"], "leverage": [20, 5], "funding_pnl": [0.0, 0.0],
        "account_value": [5000.5, 100.0],
    })  # fmt: skip
    pq.write_table(table, path)
    return path

"""Adapters read the example rows of the reference on archives, which lies beside the project, to the value.

The rows are real, so none is written here: what each has to become is made of its own cells, by the names of columns.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cascade.data.faults import Faults
from cascade.data.reading import batches
from cascade.data.recognise import recognise
from tests.support.packing import Told, hold, packed

REFERENCE = (
    Path(os.environ.get("CASCADE_SHARED") or Path(__file__).parents[3] / "shared")
    / "reference"
    / "archives.md"
)

pytestmark = pytest.mark.skipif(not REFERENCE.is_file(), reason="the reference is not here")


def spans() -> list[str]:
    """Return what the reference has in backticks: a header, and after it the rows of it."""
    return re.findall(r"`([^`]+)`", REFERENCE.read_text(encoding="utf-8"))


def whole(text: str) -> str:
    """Return a row or a message without the dots of what it leaves out."""
    return text.replace('":…', '":0').replace(",…", "").replace("…", "")


def ms(cell: Any) -> dt.datetime:
    return dt.datetime.fromtimestamp(0, dt.UTC) + dt.timedelta(milliseconds=int(cell))


def utc(cell: str) -> dt.datetime:
    return dt.datetime.fromisoformat(cell.replace("Z", "")).replace(tzinfo=dt.UTC)


def numbers(cells: dict[str, str], **names: str) -> dict[str, float]:
    """Return columns of the canonical table by the columns that are published."""
    return {name: float(cells[of]) for name, of in names.items()}


def _metrics(c: dict[str, str]) -> Told:
    return {"time": utc(c["create_time"]), "symbol": "BTCUSDT", "venue": "binance"} | numbers(
        c, open_interest="sum_open_interest", open_interest_usd="sum_open_interest_value",
        long_short_accounts="count_long_short_ratio", long_short_top_accounts="count_toptrader_long_short_ratio",
        long_short_top_positions="sum_toptrader_long_short_ratio", taker_buy_sell="sum_taker_long_short_vol_ratio",
    )  # fmt: skip


def _coin_metrics(c: dict[str, str]) -> Told:
    told = {"time": utc(c["create_time"]), "symbol": "BTCUSD_PERP", "venue": "binance"}
    told |= numbers(
        c, open_interest="sum_open_interest_value", taker_buy_sell="sum_taker_long_short_vol_ratio"
    )
    return told | {"open_interest_usd": 100 * float(c["sum_open_interest"])}


def _klines(c: dict[str, str]) -> Told:
    told = {"time": ms(c["open_time"]), "symbol": "ETHBTC", "price_of": "trade", "interval_s": 604_800.0}
    return told | {"trades": int(c["count"])} | numbers(
        c, open="open", high="high", low="low", close="close", size="volume", notional_usd="quote_volume",
        taker_buy_size="taker_buy_volume", taker_buy_usd="taker_buy_quote_volume",
    )  # fmt: skip


def _depth(c: dict[str, str]) -> Told:
    told = {"time": utc(c["timestamp"]), "symbol": "BTCUSDT", "side": "bid"}
    return (
        told
        | {"distance_bps": -100 * float(c["percentage"])}
        | numbers(c, size="depth", notional_usd="notional")
    )


def _funding(c: dict[str, str]) -> Told:
    told = {"time": ms(c["calc_time"]).replace(microsecond=0), "symbol": "BTCUSDT", "venue": "binance"}
    return told | {"interval_s": 28_800.0} | numbers(c, rate="last_funding_rate")


def _liquidated(c: dict[str, str]) -> Told:
    contracts, paid = float(c["accumulated_fill_quantity"]), float(c["average_price"])
    return {"time": ms(c["time"]), "symbol": "BTCUSD_PERP", "side": "short", "price": paid,
            "size": 100 * contracts / paid, "notional_usd": 100 * contracts}  # fmt: skip


def _bybit(c: dict[str, str], symbol: str, size: str, notional_usd: str) -> Told:
    whole_s, decimals = c["timestamp"].split(".")
    told = {"time": ms(1000 * int(whole_s)) + dt.timedelta(microseconds=100 * int(decimals)), "symbol": symbol,
            "id": c["trdMatchID"], "taker_side": "sell"}  # fmt: skip
    return told | numbers(c, price="price", size=size, notional_usd=notional_usd)


def _okx(c: dict[str, str]) -> Told:
    size, price = float(c["size"]) / 100, float(c["price"])
    return {"time": ms(c["created_time"]), "symbol": "BTC-USDT-SWAP", "id": c["trade_id"], "taker_side": "sell",
            "price": price, "size": size, "notional_usd": size * price}  # fmt: skip


def _context(c: dict[str, str]) -> Told:
    return {"time": utc(c["time"]), "symbol": c["coin"]} | numbers(
        c, mark_price="mark_px", index_price="oracle_px", mid_price="mid_px", funding_rate="funding",
        open_interest="open_interest", premium="premium", impact_bid_price="impact_bid_px",
        impact_ask_price="impact_ask_px", day_notional_usd="day_ntl_vlm",
    )  # fmt: skip


def _ticker(c: dict[str, str]) -> Told:
    time = ms(0) + dt.timedelta(microseconds=int(c["timestamp"]))
    return {"time": time, "symbol": c["symbol"]} | numbers(c, last_price="last_price")


ROWS: list[tuple[str, str, int, Callable[[dict[str, str]], Told]]] = [
    ("binance.metrics", "BTCUSDT-metrics-2025-10-07.csv", 1, _metrics),
    ("binance.coinm_metrics", "BTCUSD_PERP-metrics-2023-06-25.csv", 2, _coin_metrics),
    ("binance.klines", "klines/ETHBTC-1w-2017-07-03.csv", 1, _klines),
    ("binance.bookDepth", "BTCUSDT-bookDepth-2025-05-19.csv", 1, _depth),
    ("binance.bookDepth", "BTCUSDT-bookDepth-2026-06-01.csv", 2, _depth),
    ("binance.fundingRate", "BTCUSDT-fundingRate-2025-06.csv", 1, _funding),
    ("binance.liquidationSnapshot", "BTCUSD_PERP-liquidationSnapshot-2023-06-25.csv", 1, _liquidated),
    ("bybit.trades", "BTCUSDT2026-08-22.csv", 1, lambda c: _bybit(c, "BTCUSDT", "homeNotional", "foreignNotional")),
    ("bybit.inverse_trades", "BTCUSD2026-09-01.csv", 2,
     lambda c: _bybit(c, "BTCUSD", "foreignNotional", "homeNotional")),
    ("okx.swap_trades", "BTC-USDT-SWAP-trades-2026-09-01.csv", 1, _okx),
    ("okx.funding", "allswap-fundingrates-2024-07-01.csv", 1,
     lambda c: {"time": ms(c["funding_time"]), "symbol": c["instrument_name"], "venue": "okx",
                "rate": float(c["funding_rate"])}),
    ("hyperliquid.asset_ctxs", "20251113.csv", 1, _context),
    ("tardis.derivative_ticker", "derivative_ticker/2020/02/01/BTCUSDT.csv", 1, _ticker),
]  # fmt: skip
"""Kind, name, which of the rows after its header, and what it is."""

HEADERS = {
    "binance.metrics": "create_time,symbol", "binance.coinm_metrics": "create_time,symbol",
    "binance.klines": "open_time,", "binance.bookDepth": "timestamp,percentage", "binance.fundingRate": "calc_time,",
    "binance.liquidationSnapshot": "time,side,order_type", "bybit.trades": "timestamp,symbol,side,size,price,tick",
    "bybit.inverse_trades": "timestamp,symbol,side,size,price,tick", "okx.swap_trades": "instrument_name,trade_id",
    "okx.funding": "instrument_name,funding_rate", "hyperliquid.asset_ctxs": "time,coin,funding",
    "tardis.derivative_ticker": "exchange,symbol,timestamp,local_timestamp,funding",
}  # fmt: skip
"""How the header of each kind begins."""


def hold_file(path: Path, kind: str, rows: list[Told]) -> None:
    """Hold what an adapter reads of a file to its value."""
    found = recognise(path)
    (adapter,) = (each for each in found.adapters if each.name == kind)
    faults = Faults(path.name)
    tables = [batch.table for batch in batches(path, adapter, found.about, faults)]
    assert faults.problems == ()
    if rows or tables:
        hold(pa.concat_tables(tables), rows)


@pytest.mark.parametrize(("kind", "name", "place", "told"), ROWS, ids=[row[1] for row in ROWS])
def test_an_example_row(kind: str, name: str, place: int, told: Callable[..., Told], tmp_path: Path) -> None:
    found = spans()
    at = next(k for k, text in enumerate(found) if text.startswith(HEADERS[kind]))
    row = whole(found[at + place])
    names = re.sub(r"\[(.*)\]", r"\1", found[at]).split(",")[: row.count(",") + 1]
    path = packed(tmp_path / name, f"{','.join(names)}\n{row}\n")
    cells = dict(zip(names, row.replace('"', "").split(","), strict=True))
    hold_file(path, kind, [told(cells)])


def _force_order(m: dict[str, Any]) -> list[Told]:
    o = m["o"]
    price, size = float(o["ap"]), float(o["z"])
    return [{"time": ms(o["T"]), "symbol": o["s"], "side": "long", "price": price, "size": size,
             "notional_usd": price * size}]  # fmt: skip


def _book(m: dict[str, Any]) -> list[Told]:
    ((price, size),) = m["data"]["b"]
    return [{"time": ms(m["ts"]), "symbol": "BTCUSDT", "update": "snapshot", "sequence": m["data"]["u"], "side": "bid",
             "price": float(price), "size": float(size)}]  # fmt: skip


def _all_liquidation(m: dict[str, Any]) -> list[Told]:
    (it,) = m["data"]
    price, size = float(it["p"]), float(it["v"])
    return [{"time": ms(it["T"]), "symbol": it["s"], "side": "long", "price": price, "size": size,
             "notional_usd": price * size}]  # fmt: skip


def _l2(m: dict[str, Any]) -> list[Told]:
    book = m["raw"]["data"]
    return [
        {"time": ms(book["time"]), "symbol": book["coin"], "update": "snapshot", "side": side, "level": 0,
         "price": float(level["px"]), "size": float(level["sz"]), "orders": level["n"]}
        for side, (level,) in zip(("bid", "ask"), book["levels"], strict=True)
    ]  # fmt: skip


def _fill(m: dict[str, Any]) -> Told:
    ((_, leg),) = m["events"]
    price, size = float(leg["px"]), float(leg["sz"])
    return {"time": ms(leg["time"]), "symbol": leg["coin"], "id": str(leg["tid"]), "price": price, "size": size,
            "notional_usd": price * size}  # fmt: skip


MESSAGES: list[tuple[str, str, str, Callable[[dict[str, Any]], list[Told]]]] = [
    ("binance.forceOrder", "a.jsonl", '{"e":"forceOrder"', _force_order),
    ("bybit.orderbook", "2026-02-01_BTCUSDT_ob200.data", '{"topic":"orderbook', _book),
    ("bybit.allLiquidation", "a.jsonl", '{"topic":"allLiq', _all_liquidation),
    ("hyperliquid.l2Book", "market_data/20260401/10/l2Book/BTC", '{"time":', _l2),
    ("hyperliquid.node_fills", "hourly/20260628/8", '{"local_time"', lambda _: []),
    ("hyperliquid.node_liquidations", "hourly/20260628/8", '{"local_time"', lambda _: []),
]
"""Kind, name, how the message begins, and what it is: the fill that is shown is the maker's, who was not liquidated."""


@pytest.mark.parametrize(("kind", "name", "begins", "told"), MESSAGES, ids=[row[0] for row in MESSAGES])
def test_an_example_message(
    kind: str, name: str, begins: str, told: Callable[..., list[Told]], tmp_path: Path
) -> None:
    text = whole(next(each for each in spans() if each.startswith(begins)))
    hold_file(packed(tmp_path / name, f"{text}\n"), kind, told(json.loads(text)))


def test_the_other_leg_of_the_fill_would_be_a_liquidation_and_a_trade(tmp_path: Path) -> None:
    text = whole(next(each for each in spans() if each.startswith('{"local_time"')))
    m = json.loads(text)
    ((_, leg),) = m["events"]
    user = leg["liquidation"]["liquidatedUser"]
    m["events"] = [[user, leg | {"crossed": True}]]
    path = packed(tmp_path / "hourly/20260628/8", json.dumps(m))
    hold_file(path, "hyperliquid.node_fills", [{**_fill(m), "taker_side": "sell"}])
    more = {"side": "long", "account": user, "method": "market"}
    hold_file(path, "hyperliquid.node_liquidations", [{**_fill(m), **more}])

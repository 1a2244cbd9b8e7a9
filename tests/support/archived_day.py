"""A folder of archives of one day, as a user fetches them: made-up rows in the published formats."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.packing import packed

DAY = datetime(2025, 7, 1, tzinfo=UTC)
KLINES = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
    "taker_buy_quote_volume,ignore"
)
METRICS = (
    "create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,"
    "sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio"
)
OPEN_INTEREST_USD = 8e9
DEPTH_USD = 200e6


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def price(moment: datetime, at: float = 107_000.0) -> float:
    """Return a price that falls by 2 % through the day, with a swing of an hour; before the day it is level."""
    hours = (moment - DAY).total_seconds() / 3600
    return at * (1 - 0.02 * max(hours, 0) / 24 + 0.001 * math.sin(2 * math.pi * hours))


def kline(moment: datetime, minutes: int, at: float = 107_000.0) -> str:
    first, last = price(moment, at), price(moment + timedelta(minutes=minutes), at)
    high, low = max(first, last) * 1.0005, min(first, last) * 0.9995
    end, size = ms(moment + timedelta(minutes=minutes)) - 1, 5 + moment.day / 100
    traded = f"{size},{end},{size * first:.10g},9,2,{2 * first:.10g},0"
    return f"{ms(moment)},{first:.7g},{high:.7g},{low:.7g},{last:.7g},{traded}"


def write_klines(
    folder: Path, symbol: str, interval: str, minutes: int, first: datetime, n: int, **options
) -> Path:
    rows = [kline(first + timedelta(minutes=minutes * k), minutes, **options) for k in range(n)]
    path = folder / f"klines/{symbol}/{interval}/{symbol}-{interval}-{first:%Y-%m-%d}.zip"
    return packed(path, "\n".join([KLINES, *rows]) + "\n")


def write_text(path: Path, header: str, rows: Iterable[str]) -> Path:
    return packed(path, "\n".join([*([header] if header else []), *rows]) + "\n")


def write_day(folder: Path, symbol: str = "BTCUSDT", at: float = 107_000.0) -> Path:
    """Write klines of five minutes and of days, metrics, depth, funding and recorded liquidations of Binance."""
    for day in (DAY - timedelta(days=1), DAY):
        write_klines(folder, symbol, "5m", 5, day, 288, at=at)
    past = DAY - timedelta(days=20)
    rows = [kline(past + timedelta(days=k), 1440, at) for k in range(19)]
    write_text(folder / f"klines/{symbol}/1d/{symbol}-1d-2025-06.zip", KLINES, rows)
    for day in (DAY - timedelta(days=1), DAY):
        stamps = [day + timedelta(minutes=5 * (k + 1)) for k in range(288)]
        usd = OPEN_INTEREST_USD * (1 if day < DAY else 0.9)
        rows = [f"{time:%F %T},{symbol},80000.5,{usd + time.minute:.2f},0.7,1.8,0.6,1.1" for time in stamps]
        write_text(folder / f"metrics/{symbol}-metrics-{day:%Y-%m-%d}.zip", METRICS, rows)
    before, header = DAY - timedelta(days=1), "timestamp,percentage,depth,notional"
    rows = [
        f"{before + timedelta(minutes=30 * k):%F %T},{band},{1000 + k}.5,{DEPTH_USD * abs(band) + (k % 2):.1f}"
        for k in range(48)
        for band in (-1, 1, -2, 2)
    ]
    write_text(
        folder / f"bookDepth/{symbol}-bookDepth-{before:%Y-%m-%d}.zip",
        "timestamp,percentage,depth,notional",
        rows,
    )
    stamps = [datetime(2025, 7, 1, tzinfo=UTC) + timedelta(hours=8 * k) for k in range(90)]
    rows = [f"{ms(time) + k % 3},8,0.0000{k + 10}" for k, time in enumerate(stamps)]
    header = "calc_time,funding_interval_hours,last_funding_rate"
    write_text(folder / f"fundingRate/{symbol}-fundingRate-2025-07.zip", header, rows)
    write_text(folder / "forceOrder-2025-07-01.jsonl", "", map(forced, range(24 * 4)))
    return folder


def forced(k: int) -> str:
    """Return a recorded order each quarter of an hour: three longs of 10 coins, then a short of 1."""
    at, size = ms(DAY + timedelta(minutes=15 * k)), "1" if k % 4 == 3 else "10"
    side = "BUY" if k % 4 == 3 else "SELL"
    order = {
        "s": "BTCUSDT", "S": side, "o": "LIMIT", "f": "IOC", "q": size, "p": "100000.1", "ap": "100000.0", "X": "FILLED",
        "l": size, "z": size, "T": at,
    }  # fmt: skip
    return json.dumps({"e": "forceOrder", "E": at, "o": order})


def write_daily(folder: Path) -> Path:
    """Write tables by day of several venues together, of 40 days up to the one of the event."""
    days = [DAY - timedelta(days=40 - k) for k in range(42)]

    def table(name: str, header: str, row) -> None:
        write_text(
            folder / f"daily/{name}.csv.gz",
            f"symbol,ts_utc,{header}",
            (f"{row(k)}" for k in range(len(days))),
        )

    def of(k: int, *cells: object, symbol: str = "BTC") -> str:
        return ",".join(map(str, (symbol, f"{days[k]:%Y-%m-%d}", *cells)))

    table("liquidations", "liq_long_usd,liq_short_usd", lambda k: of(k, 42e6 + k, 3.5e6 + k))
    table(
        "open_interest", "oi_total_close,oi_stable_close,oi_coinm_close,unit",
        lambda k: of(k, 68e9 + k, 160_000 + (1000 if days[k] < DAY else 0) + k / 1e6, 5e9 + k, "usd"),
    )  # fmt: skip
    table(
        "book_within_1pct",
        "range_pct,bids_usd,asks_usd,bids_qty,asks_qty",
        lambda k: of(k, 1.0, 500e6 + k, 460e6 + k, 5, 4),
    )
    table("funding_oi_weighted", "funding_close", lambda k: of(k, 0.004 + k / 1e5))
    table(
        "perp_ohlcv", "open,high,low,close,volume_usd",
        lambda k: of(k, *_daily_bar(days[k], k), 1e10, symbol="BTCUSDT"),
    )  # fmt: skip
    return folder


def _daily_bar(day: datetime, k: int) -> tuple[float, float, float, float]:
    """Return the bar of a day; from the day of the event on it is that of the path."""
    if day < DAY:
        return 107_000 + k, 108_000, 106_000, 107_001 + k
    ends = price(day), price(day + timedelta(days=1))
    return ends[0], 108_000, 0.999 * ends[1], ends[1]


def write_window(folder: Path, name: str = "20250701_BTC_binance_perp.csv", n: int = 24 * 12 + 144) -> Path:
    """Write bars of five minutes of a user's own, from noon of the day before."""
    first = DAY - timedelta(hours=12)
    rows = []
    for k in range(n):
        at = first + timedelta(minutes=5 * k)
        cells = kline(at, 5).split(",")[1:5]
        rows.append(f"{at:%Y-%m-%dT%H:%M:%SZ},{','.join(cells)},5")
    return write_text(folder / f"windows/{name}", "time_utc,open,high,low,close,volume", rows)


def write_checksum(path: Path) -> Path:
    """Write the checksum that is published beside a file."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    beside = path.with_name(f"{path.name}.CHECKSUM")
    beside.write_text(f"{digest}  {path.name}\n")
    return beside

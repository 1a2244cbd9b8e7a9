"""Synthetic files in the formats of public archives: made-up rows, as each venue would write them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.archives_exchanges import BINANCE, BYBIT, OKX
from tests.support.archives_others import COINGLASS, HYPERLIQUID, OWN, TARDIS, position
from tests.support.packing import DAY_MS, Example, Told, at

EXAMPLES: dict[str, Example] = {
    each.kind: each for each in (*BINANCE, *BYBIT, *OKX, *HYPERLIQUID, *TARDIS, *COINGLASS, *OWN)
}
"""By kind, a file of it that is sound."""


ACCOUNT = "0xabcdef0123456789"


def _signed(it: Told) -> float:
    return -it["size"] if it["side"] == "short" else it["size"]


def _mode(k: int) -> str:
    return "cross" if k % 3 else "isolated"


def state(k: int = 1) -> dict[str, Any]:
    """Return the state of an account that holds position k."""
    it = position(k)
    liquidation_price = it["liquidation_price"]
    held = {
        "coin": it["symbol"], "szi": f"{_signed(it)}", "leverage": {"type": _mode(k), "value": it["leverage"]},
        "entryPx": f"{it['entry_price']}", "positionValue": f"{it['notional_usd']}", "unrealizedPnl": "0.0",
        "returnOnEquity": "0.0", "liquidationPx": None if liquidation_price is None else f"{liquidation_price}",
        "marginUsed": f"{900.25 + k % 71}", "maxLeverage": 50, "cumFunding": {},
    }  # fmt: skip
    return {
        "marginSummary": {"accountValue": f"{it['account_value_usd']}", "totalNtlPos": "9.0", "totalMarginUsed": "8.0"},
        "assetPositions": [{"type": "oneWay", "position": held}], "withdrawable": "1.0", "time": DAY_MS + 1001 * k,
    }  # fmt: skip


def held(k: int = 1) -> Told:
    """Return what the canonical table has of the state of an account."""
    more = {
        "time": at(1_001_000 * k),
        "account": ACCOUNT,
        "margin_mode": _mode(k),
        "margin_usd": 900.25 + k % 71,
    }
    return position(k) | more


def snapshot_of_positions(folder: Path, n: int = 2) -> Path:
    """Write a snapshot of positions, as the reservoir publishes it."""
    path = folder / "date=2025-07-01" / f"777_{DAY_MS}.parquet"
    path.parent.mkdir(parents=True)
    found = [position(k) for k in range(n)]
    table = pa.table({
        "user": [it["account"] for it in found], "market": [it["symbol"] for it in found],
        "size": [_signed(it) for it in found],
        "notional": [math.copysign(it["notional_usd"], _signed(it)) for it in found],
        "entry_price": [it["entry_price"] for it in found],
        "liquidation_price": [it["liquidation_price"] for it in found], "leverage_type": [_mode(k) for k in range(n)],
        "leverage": [int(it["leverage"]) for it in found], "funding_pnl": [0.5] * n,
        "account_value": [it["account_value_usd"] for it in found],
    })  # fmt: skip
    pq.write_table(table, path)
    return path


def in_snapshot(k: int) -> Told:
    """Return what the canonical table has of row k of a snapshot."""
    return position(k) | {"time": at(0), "margin_mode": _mode(k)}

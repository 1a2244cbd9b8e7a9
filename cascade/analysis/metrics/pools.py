"""Metrics of lending pools: what liquidators took, what it cost borrowers, what was left unpaid."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cascade.analysis.metrics.registry import SIGNED, Replicate, Value, metric

Floats = npt.NDArray[np.float64]


def _rows(replicate: Replicate, pool: str, column: str) -> Floats:
    """Return a column of the liquidations of a pool."""
    return replicate.numbers("liquidations", column)[replicate.names("liquidations", "market") == pool]


def _seized(replicate: Replicate, pool: str) -> Floats:
    """Return what each call took, at the oracle's price: sold by liquidators, or kept by the venue."""
    sold = _rows(replicate, pool, "filled_lots") * _rows(replicate, pool, "trigger_mark_price")
    lot = next(market.lot_size for market in replicate.units.markets if market.name == pool)
    return sold * lot + _rows(replicate, pool, "taken_over_usd")


@metric(
    "{pool}_seized_usd", "USD", "collateral that calls took, at the oracle's price",
    "sum of filled_lots x lot x trigger_mark_price + taken_over_usd", worse="up",
)  # fmt: skip
def seized_usd(replicate: Replicate, pool: str) -> Value:
    """Liquidated collateral."""
    return float(_seized(replicate, pool).sum())


@metric("{pool}_repaid_usd", "USD", "debt that liquidators repaid", "sum of repaid_usd", worse="up")
def repaid_usd(replicate: Replicate, pool: str) -> Value:
    """Debt repaid."""
    return float(_rows(replicate, pool, "repaid_usd").sum())


@metric(
    "{pool}_bonus_usd", "USD", "what calls took beyond the debt repaid: the loss of borrowers",
    "seized_usd - repaid_usd", worse="up", bounds=SIGNED,
)  # fmt: skip
def bonus_usd(replicate: Replicate, pool: str) -> Value:
    """Bonus paid."""
    return float((_seized(replicate, pool) - _rows(replicate, pool, "repaid_usd")).sum())


@metric(
    "{pool}_liquidator_profit_usd", "USD", "what liquidators made of it, before fees and gas",
    "sum of filled_usd - repaid_usd", bounds=SIGNED,
)  # fmt: skip
def liquidator_profit_usd(replicate: Replicate, pool: str) -> Value:
    """Profit of liquidators."""
    return float((_rows(replicate, pool, "filled_usd") - _rows(replicate, pool, "repaid_usd")).sum())


@metric(
    "{pool}_deficit_usd", "USD", "debt left when all collateral was gone, which the venue's fund makes good",
    "sum of fund_draw_usd + taken_over_usd", worse="up",
)  # fmt: skip
def deficit_usd(replicate: Replicate, pool: str) -> Value:
    """Reserve deficit."""
    left = _rows(replicate, pool, "fund_draw_usd") + _rows(replicate, pool, "taken_over_usd")
    return float(np.maximum(left, 0.0).sum())


@metric(
    "{pool}_waiting_accounts", "accounts", "borrowers below a health of 1 whom for a time no call paid for",
    "number of distinct accounts with a row that closed nothing", kind="int64", worse="up",
)  # fmt: skip
def waiting_accounts(replicate: Replicate, pool: str) -> Value:
    """Liquidations that did not pay."""
    waited = _rows(replicate, pool, "liquidated_usd") == 0.0
    return len(np.unique(_rows(replicate, pool, "account")[waited]))

"""Metrics of who bore the losses: insurance funds, auto-deleveraging, bad debt."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from cascade.analysis.metrics.registry import SIGNED, Absent, Replicate, Value, metric

Floats = npt.NDArray[np.float64]


def _fund_equity(replicate: Replicate) -> list[Floats]:
    """Return the path of each venue's fund in each asset that it settles in."""
    leveraged = (market for market in replicate.units.markets if market.leveraged)
    one_per_fund = {(market.venue, market.settlement): market.name for market in leveraged}
    return [replicate.bar_numbers(market, "fund_equity_usd") for market in one_per_fund.values()]


def _funds(of: Callable[[Floats], float]) -> Callable[[Replicate], Value]:
    """Return the sum over funds of what is made of the path of each."""
    return lambda replicate: float(sum(of(path) for path in _fund_equity(replicate)))


def _sum(table: str, column: str) -> Callable[[Replicate], Value]:
    return lambda replicate: float(replicate.numbers(table, column).sum())


def _losses(replicate: Replicate, column: str) -> float:
    """Return the sum of what is positive in a column of liquidations."""
    return float(np.maximum(replicate.numbers("liquidations", column), 0.0).sum())


metric(
    "fund_start_usd", "USD", "equity of the insurance funds at the first bar", "sum over venues", bounds=SIGNED,
)(_funds(lambda path: path[0]))  # fmt: skip
metric(
    "fund_end_usd", "USD", "equity of the insurance funds at the last bar", "sum over venues",
    worse="down", bounds=SIGNED,
)(_funds(lambda path: path[-1]))  # fmt: skip
metric(
    "fund_low_usd", "USD", "lowest equity of each insurance fund", "sum over venues of the min over bars",
    worse="down", bounds=SIGNED,
)(_funds(np.min))  # fmt: skip


@metric(
    "{market}_fund_change_usd", "USD", "what the fund of the market's venue has more, or less, at the end",
    "change of fund_equity_usd of the market from the first bar to the last", worse="down", bounds=SIGNED,
)  # fmt: skip
def fund_change_usd(replicate: Replicate, market: str) -> Value:
    """Change of the fund behind a market."""
    path = replicate.bar_numbers(market, "fund_equity_usd")
    return float(path[-1] - path[0])


@metric(
    "depleted_funds", "funds", "insurance funds that started with money and were used up",
    "number of funds with equity above 0 at the first bar and at most 0 at a later one", kind="int64",
    worse="up",
)  # fmt: skip
def depleted_funds(replicate: Replicate) -> Value:
    """Funds used up."""
    return sum(bool(path[0] > 0.0 and np.min(path) <= 0.0) for path in _fund_equity(replicate))


metric(
    "fund_draw_usd", "USD", "losses at mark that the insurance funds took over",
    "sum of fund_draw_usd where positive", worse="up",
)(lambda replicate: _losses(replicate, "fund_draw_usd"))  # fmt: skip


@metric(
    "fund_result_usd", "USD",
    "what the insurance funds gained, or lost, on positions they held, after taking them over at mark",
    "change of (equity - income + losses) from first to last snapshot, in units of each asset, at its last price",
    bounds=SIGNED,
)  # fmt: skip
def fund_result_usd(replicate: Replicate) -> Value:
    """Gain of the funds on positions."""
    if replicate.funds is None or len(replicate.funds) == 0:
        return Absent("the run did not record `funds`")
    steps = replicate.numbers("funds", "step")
    first, last = steps == steps.min(), steps == steps.max()
    price = replicate.numbers("funds", "asset_price")
    price = np.where(price > 0.0, price, 1.0)
    equity, income, losses = (
        replicate.numbers("funds", f"{name}_usd") / price for name in ("equity", "income", "losses")
    )
    held = equity - income + losses  # in units of the asset: that its price moved is no result
    return float(((held[last] - held[first]) * price[last]).sum())


@metric(
    "collateral_sold_usd", "USD", "collateral of liquidated accounts that was sold on spot, or bought by the fund",
    "sum of filled_usd + taken_over_usd over liquidations on markets without leverage", worse="up",
)  # fmt: skip
def collateral_sold_usd(replicate: Replicate) -> Value:
    """Collateral that liquidations sold."""
    spot = [market.name for market in replicate.units.markets if not market.leveraged]
    on_spot = np.isin(replicate.names("liquidations", "market"), spot)
    sold = replicate.numbers("liquidations", "filled_usd") + replicate.numbers(
        "liquidations", "taken_over_usd"
    )
    return float(sold[on_spot].sum())


metric(
    "adl_usd", "USD", "notional closed by auto-deleveraging, at mark", "sum of mark_value_usd", worse="up",
)(_sum("adl", "mark_value_usd"))  # fmt: skip


metric(
    "adl_accounts", "accounts", "accounts that were auto-deleveraged, or bore a part of a socialised loss",
    "number of distinct counterparties", kind="int64", worse="up",
)(lambda replicate: len(np.unique(replicate.numbers("adl", "counterparty"))))  # fmt: skip


metric(
    "adl_forgone_usd", "USD", "what auto-deleveraged accounts lost against closing at mark",
    "sum of forgone_usd", worse="up", bounds=SIGNED,
)(_sum("adl", "forgone_usd"))  # fmt: skip


metric(
    "adl_needed_usd", "USD", "losses at mark that insolvent accounts left to auto-deleveraging",
    "sum of deficit_usd where positive", worse="up",
)(lambda replicate: _losses(replicate, "deficit_usd"))  # fmt: skip


@metric(
    "adl_overshoot_usd", "USD", "what counterparties lost beyond what was needed; negative: what others had to find",
    "sum of forgone_usd where positive - adl_needed_usd", worse="up", bounds=SIGNED,
)  # fmt: skip
def adl_overshoot_usd(replicate: Replicate) -> Value:
    """Excess of auto-deleveraging."""
    forgone = float(np.maximum(replicate.numbers("adl", "forgone_usd"), 0.0).sum())
    return forgone - _losses(replicate, "deficit_usd")


@metric(
    "adl_top_share", "1", "share of that loss borne by the ten accounts that lost most",
    "sum of the ten largest sums of forgone_usd by counterparty / sum of forgone_usd", worse="up",
)  # fmt: skip
def adl_top_share(replicate: Replicate) -> Value:
    """Concentration of auto-deleveraging."""
    accounts, rows = np.unique(replicate.numbers("adl", "counterparty"), return_inverse=True)
    forgone = np.bincount(rows, weights=replicate.numbers("adl", "forgone_usd"), minlength=len(accounts))
    if len(forgone) == 0 or forgone.sum() <= 0.0:
        return Absent("nobody lost by auto-deleveraging")
    return float(np.sort(forgone)[-10:].sum() / forgone.sum())


@metric(
    "adl_leverage_after", "1", "leverage of those deleveraged, after their last fill",
    "median over counterparties of leverage_after at the last row of each", bounds=SIGNED,
)  # fmt: skip
def adl_leverage_after(replicate: Replicate) -> Value:
    """Leverage that auto-deleveraging leaves."""
    counterparty, leverage = (
        replicate.numbers("adl", "counterparty"),
        replicate.numbers("adl", "leverage_after"),
    )
    if len(counterparty) == 0:
        return Absent("nobody was auto-deleveraged")
    _, last = np.unique(counterparty[::-1], return_index=True)
    return float(np.median(leverage[::-1][last]))


@metric(
    "bad_debt_usd", "USD", "losses that no account, fund or counterparty covered",
    "sum over funds of uncovered_usd at the end", worse="up",
)  # fmt: skip
def bad_debt_usd(replicate: Replicate) -> Value:
    """Socialised loss."""
    if replicate.funds is None or len(replicate.funds) == 0:
        return Absent("the run did not record `funds`")
    steps = replicate.numbers("funds", "step")
    return float(replicate.numbers("funds", "uncovered_usd")[steps == steps.max()].sum())

"""Metrics of what was liquidated: complete, and as the public feeds show it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cascade.analysis.metrics.registry import SHARE, Absent, Replicate, Value, metric

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def _liquidated(replicate: Replicate) -> Floats:
    return replicate.numbers("liquidations", "liquidated_usd")


def _everything(replicate: Replicate) -> Mask:
    return _liquidated(replicate) > 0


def _on_side(replicate: Replicate, side: str) -> Mask:
    return replicate.names("liquidations", "side") == side


def _of_asset(replicate: Replicate, asset: str) -> Mask:
    return replicate.names("liquidations", "asset") == asset


def _total(replicate: Replicate, mask: Mask) -> float:
    return float(_liquidated(replicate)[mask].sum())


@metric(
    "complete_usd", "USD",
    "notional liquidated: filled in the book, taken over and auto-deleveraged",
    "sum of liquidated_usd", worse="up",
)  # fmt: skip
def complete_usd(replicate: Replicate) -> Value:
    """All liquidations."""
    return _total(replicate, _everything(replicate))


@metric(
    "public_usd",
    "USD",
    "notional liquidated that the public feeds show",
    "sum of liquidated_usd over public rows",
    worse="up",
)
def public_usd(replicate: Replicate) -> Value:
    """Public liquidations."""
    return _total(replicate, replicate.public())


@metric(
    "complete_long_usd",
    "USD",
    "notional of long positions liquidated",
    "sum of liquidated_usd, side long",
    worse="up",
)
def complete_long_usd(replicate: Replicate) -> Value:
    """Longs."""
    return _total(replicate, _on_side(replicate, "long"))


@metric(
    "complete_short_usd",
    "USD",
    "notional of short positions liquidated",
    "sum of liquidated_usd, side short",
    worse="up",
)
def complete_short_usd(replicate: Replicate) -> Value:
    """Shorts."""
    return _total(replicate, _on_side(replicate, "short"))


@metric(
    "public_long_usd", "USD",
    "notional of long positions liquidated that the public feeds show",
    "sum of liquidated_usd over public rows, side long", worse="up",
)  # fmt: skip
def public_long_usd(replicate: Replicate) -> Value:
    """Public longs."""
    return _total(replicate, replicate.public() & _on_side(replicate, "long"))


@metric(
    "public_short_usd", "USD",
    "notional of short positions liquidated that the public feeds show",
    "sum of liquidated_usd over public rows, side short", worse="up",
)  # fmt: skip
def public_short_usd(replicate: Replicate) -> Value:
    """Public shorts."""
    return _total(replicate, replicate.public() & _on_side(replicate, "short"))


def _share(part: float, whole: float) -> Value:
    return part / whole if whole > 0 else Absent("nothing was liquidated")


@metric(
    "long_share",
    "1",
    "share of longs in the notional liquidated",
    "complete_long_usd / complete_usd",
    bounds=SHARE,
)
def long_share(replicate: Replicate) -> Value:
    """Share of longs."""
    return _share(_total(replicate, _on_side(replicate, "long")), _total(replicate, _everything(replicate)))


@metric(
    "public_long_share",
    "1",
    "share of longs in what the public feeds show",
    "public_long_usd / public_usd",
    bounds=SHARE,
)
def public_long_share(replicate: Replicate) -> Value:
    """Share of longs in public."""
    public = replicate.public()
    return _share(_total(replicate, public & _on_side(replicate, "long")), _total(replicate, public))


@metric(
    "complete_{asset}_usd",
    "USD",
    "notional liquidated",
    "sum of liquidated_usd of the asset",
    worse="up",
)
def complete_asset_usd(replicate: Replicate, asset: str) -> Value:
    """By asset."""
    return _total(replicate, _of_asset(replicate, asset))


@metric(
    "public_{asset}_usd", "USD",
    "notional liquidated that the public feeds show",
    "sum of liquidated_usd over public rows of the asset", worse="up",
)  # fmt: skip
def public_asset_usd(replicate: Replicate, asset: str) -> Value:
    """By asset, public."""
    return _total(replicate, replicate.public() & _of_asset(replicate, asset))


@metric(
    "liquidated_accounts", "accounts",
    "positions (cross margin: accounts) liquidated, in part or whole",
    "number of distinct (account, life) that closed something",
    kind="int64", worse="up",
)  # fmt: skip
def liquidated_accounts(replicate: Replicate) -> Value:
    """Accounts, complete."""
    closed = _everything(replicate)
    accounts = replicate.numbers("liquidations", "account")[closed]
    lives = replicate.numbers("liquidations", "life")[closed]
    return len(set(zip(accounts.tolist(), lives.tolist(), strict=True)))


@metric(
    "liquidations", "liquidations",
    "liquidations that closed something: a forced order with what it left to the fund and to auto-deleveraging",
    "rows with liquidated_usd > 0", kind="int64", worse="up",
)  # fmt: skip
def liquidations(replicate: Replicate) -> Value:
    """Liquidations, complete."""
    return int(_everything(replicate).sum())


@metric(
    "public_liquidations", "liquidations", "liquidations that the public feeds show", "public rows",
    kind="int64", worse="up",
)  # fmt: skip
def public_liquidations(replicate: Replicate) -> Value:
    """Liquidations, public."""
    return int(replicate.public().sum())


@metric(
    "forced_orders", "orders", "forced orders that filled in the book, in part or whole",
    "rows with filled_usd > 0", kind="int64", worse="up",
)  # fmt: skip
def forced_orders(replicate: Replicate) -> Value:
    """Orders of liquidations, those that filled."""
    return int((replicate.numbers("liquidations", "filled_usd") > 0).sum())


@metric(
    "book_usd", "USD", "notional that forced orders closed in the book", "sum of filled_usd", worse="up"
)  # fmt: skip
def book_usd(replicate: Replicate) -> Value:
    """Notional of those orders."""
    return float(replicate.numbers("liquidations", "filled_usd").sum())


@metric(
    "taken_over_usd", "USD", "notional that the insurance funds took over, at mark",
    "sum of taken_over_usd", worse="up",
)  # fmt: skip
def taken_over_usd(replicate: Replicate) -> Value:
    """Taken over by the funds."""
    return float(replicate.numbers("liquidations", "taken_over_usd").sum())


def _largest(replicate: Replicate, mask: Mask, column: str) -> Value:
    """Return a column of the largest row of a mask, the first of equals."""
    if not mask.any():
        return Absent("nothing was liquidated")
    row = int(np.argmax(np.where(mask, _liquidated(replicate), -1.0)))
    if column == "liquidated_usd":
        return float(_liquidated(replicate)[row])
    return str(replicate.names("liquidations", column)[row])


@metric(
    "largest_liquidation_usd",
    "USD",
    "largest single liquidation",
    "max of liquidated_usd",
    worse="up",
)
def largest_liquidation_usd(replicate: Replicate) -> Value:
    """Largest liquidation."""
    return _largest(replicate, _everything(replicate), "liquidated_usd")


@metric(
    "largest_liquidation_venue", "", "reporting venue of the largest single liquidation",
    "reporting at the max of liquidated_usd", kind="text",
)  # fmt: skip
def largest_liquidation_venue(replicate: Replicate) -> Value:
    """Venue of the largest liquidation."""
    return _largest(replicate, _everything(replicate), "reporting")


@metric(
    "largest_liquidation_market", "", "market of the largest single liquidation",
    "market at the max of liquidated_usd", kind="text",
)  # fmt: skip
def largest_liquidation_market(replicate: Replicate) -> Value:
    """Market of the largest liquidation."""
    return _largest(replicate, _everything(replicate), "market")


@metric(
    "public_largest_liquidation_usd", "USD", "largest single liquidation that the public feeds show",
    "max of liquidated_usd over public rows", worse="up",
)  # fmt: skip
def public_largest_liquidation_usd(replicate: Replicate) -> Value:
    """Largest public liquidation."""
    return _largest(replicate, replicate.public(), "liquidated_usd")


@metric(
    "public_largest_liquidation_venue", "", "reporting venue of the largest public liquidation",
    "reporting at the max of liquidated_usd over public rows", kind="text",
)  # fmt: skip
def public_largest_liquidation_venue(replicate: Replicate) -> Value:
    """Venue of the largest public liquidation."""
    return _largest(replicate, replicate.public(), "reporting")


@metric(
    "public_largest_liquidation_market", "", "market of the largest public liquidation",
    "market at the max of liquidated_usd over public rows", kind="text",
)  # fmt: skip
def public_largest_liquidation_market(replicate: Replicate) -> Value:
    """Market of the largest public liquidation."""
    return _largest(replicate, replicate.public(), "market")


def _caused(replicate: Replicate, cause: str) -> Value:
    return _total(replicate, replicate.names("liquidations", "cause") == cause)


@metric(
    "exogenous_usd", "USD", "liquidated also, by then, where no forced order trades",
    "sum of liquidated_usd, cause exogenous", needs_twin=True,
)  # fmt: skip
def exogenous_usd(replicate: Replicate) -> Value:
    """Not due to the cascade."""
    return _caused(replicate, "exogenous")


@metric(
    "brought_forward_usd", "USD", "liquidated earlier than where no forced order trades",
    "sum of liquidated_usd, cause brought_forward", needs_twin=True, worse="up",
)  # fmt: skip
def brought_forward_usd(replicate: Replicate) -> Value:
    """Brought forward by the cascade."""
    return _caused(replicate, "brought_forward")


@metric(
    "endogenous_usd", "USD", "liquidated only because forced orders moved the price",
    "sum of liquidated_usd, cause endogenous", needs_twin=True, worse="up",
)  # fmt: skip
def endogenous_usd(replicate: Replicate) -> Value:
    """Due to the cascade."""
    return _caused(replicate, "endogenous")

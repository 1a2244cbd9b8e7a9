"""Metrics of what was liquidated: complete, and as the public feeds show it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from cascade.analysis.metrics.registry import NO_TWIN, SHARE, Absent, Replicate, Value, metric

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Rows = Callable[..., Mask]
"""Which rows of liquidations count: from a replicate, and an asset where the metric is of one."""

# --- which rows, and what is made of them -----------------------------------------------------------


def _liquidated(replicate: Replicate) -> Floats:
    return replicate.numbers("liquidations", "liquidated_usd")


def _everything(replicate: Replicate) -> Mask:
    return _liquidated(replicate) > 0


def _public(replicate: Replicate) -> Mask:
    return replicate.public()


def _holding(column: str, name: str) -> Rows:
    return lambda replicate: replicate.names("liquidations", column) == name


def _of_asset(replicate: Replicate, asset: str) -> Mask:
    return replicate.names("liquidations", "asset") == asset


def _of_market(replicate: Replicate, market: str) -> Mask:
    return replicate.names("liquidations", "market") == market


def _both(one: Rows, other: Rows) -> Rows:
    return lambda replicate, *subject: one(replicate) & other(replicate, *subject)


def _total(rows: Rows) -> Callable[..., float]:
    """Return the notional liquidated in some rows."""
    return lambda replicate, *subject: float(_liquidated(replicate)[rows(replicate, *subject)].sum())


def _sum(column: str) -> Callable[..., Value]:
    """Return the sum of a column."""
    return lambda replicate: float(replicate.numbers("liquidations", column).sum())


def _share(part: Rows, whole: Rows) -> Callable[..., Value]:
    def share(replicate: Replicate) -> Value:
        total = _total(whole)(replicate)
        return _total(part)(replicate) / total if total > 0 else Absent("nothing was liquidated")

    return share


def _largest(rows: Rows, column: str) -> Callable[..., Value]:
    """Return a column of the largest of some rows, the first of equals."""

    def largest(replicate: Replicate) -> Value:
        mask = rows(replicate)
        if not mask.any():
            return Absent("nothing was liquidated")
        row = int(np.argmax(np.where(mask, _liquidated(replicate), -1.0)))
        if column == "liquidated_usd":
            return float(_liquidated(replicate)[row])
        return str(replicate.names("liquidations", column)[row])

    return largest


_LONGS, _SHORTS = _holding("side", "long"), _holding("side", "short")

# --- how much ---------------------------------------------------------------------------------------

metric(
    "complete_usd", "USD", "notional liquidated: filled in the book, taken over and auto-deleveraged",
    "sum of liquidated_usd", worse="up",
)(_total(_everything))  # fmt: skip
metric(
    "public_usd", "USD", "notional liquidated that the public feeds show",
    "sum of liquidated_usd over public rows", worse="up",
)(_total(_public))  # fmt: skip
metric(
    "complete_long_usd", "USD", "notional of long positions liquidated",
    "sum of liquidated_usd, side long", worse="up",
)(_total(_LONGS))  # fmt: skip
metric(
    "complete_short_usd", "USD", "notional of short positions liquidated",
    "sum of liquidated_usd, side short", worse="up",
)(_total(_SHORTS))  # fmt: skip
metric(
    "public_long_usd", "USD", "notional of long positions liquidated that the public feeds show",
    "sum of liquidated_usd over public rows, side long", worse="up",
)(_total(_both(_public, _LONGS)))  # fmt: skip
metric(
    "public_short_usd", "USD", "notional of short positions liquidated that the public feeds show",
    "sum of liquidated_usd over public rows, side short", worse="up",
)(_total(_both(_public, _SHORTS)))  # fmt: skip
metric(
    "long_share", "1", "share of longs in the notional liquidated", "complete_long_usd / complete_usd",
    bounds=SHARE,
)(_share(_LONGS, _everything))  # fmt: skip
metric(
    "public_long_share", "1", "share of longs in what the public feeds show", "public_long_usd / public_usd",
    bounds=SHARE,
)(_share(_both(_public, _LONGS), _public))  # fmt: skip
metric(
    "complete_{asset}_usd", "USD", "notional liquidated", "sum of liquidated_usd of the asset", worse="up",
)(_total(_of_asset))  # fmt: skip
metric(
    "public_{asset}_usd", "USD", "notional liquidated that the public feeds show",
    "sum of liquidated_usd over public rows of the asset", worse="up",
)(_total(_both(_public, _of_asset)))  # fmt: skip
metric(
    "complete_{market}_usd", "USD", "notional liquidated", "sum of liquidated_usd of the market", worse="up",
)(_total(_of_market))  # fmt: skip

# --- how many ---------------------------------------------------------------------------------------


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


metric(
    "liquidations", "liquidations",
    "liquidations that closed something: a forced order with what it left to the fund and to auto-deleveraging",
    "rows with liquidated_usd > 0", kind="int64", worse="up",
)(lambda replicate: int(_everything(replicate).sum()))  # fmt: skip
metric(
    "public_liquidations", "liquidations", "liquidations that the public feeds show", "public rows",
    kind="int64", worse="up",
)(lambda replicate: int(_public(replicate).sum()))  # fmt: skip
metric(
    "forced_orders", "orders", "forced orders that filled in the book, in part or whole",
    "rows with filled_usd > 0", kind="int64", worse="up",
)(lambda replicate: int((replicate.numbers("liquidations", "filled_usd") > 0).sum()))  # fmt: skip
metric(
    "book_usd", "USD", "notional that forced orders closed in the book", "sum of filled_usd", worse="up",
)(_sum("filled_usd"))  # fmt: skip
metric(
    "taken_over_usd", "USD", "notional that the insurance funds took over, at mark",
    "sum of taken_over_usd", worse="up",
)(_sum("taken_over_usd"))  # fmt: skip


def _part(column: str) -> Callable[..., Value]:
    """Return the share of a column in what was liquidated of a market."""

    def part(replicate: Replicate, market: str) -> Value:
        here = _of_market(replicate, market)
        total = float(_liquidated(replicate)[here].sum())
        if total <= 0.0:
            return Absent("nothing was liquidated")
        return float(replicate.numbers("liquidations", column)[here].sum()) / total

    return part


metric(
    "{market}_book_share", "1", "share of what was liquidated that the book took",
    "sum of filled_usd / sum of liquidated_usd of the market", bounds=SHARE,
)(_part("filled_usd"))  # fmt: skip
metric(
    "{market}_taken_over_share", "1", "share of what was liquidated that the venue's fund, or its backstop, took over",
    "sum of taken_over_usd / sum of liquidated_usd of the market", worse="up", bounds=SHARE,
)(_part("taken_over_usd"))  # fmt: skip
metric(
    "{market}_adl_share", "1", "share of what was liquidated that counterparties had to take",
    "sum of adl_usd / sum of liquidated_usd of the market", worse="up", bounds=SHARE,
)(_part("adl_usd"))  # fmt: skip

# --- the largest ------------------------------------------------------------------------------------

metric(
    "largest_liquidation_usd", "USD", "largest single liquidation", "max of liquidated_usd", worse="up",
)(_largest(_everything, "liquidated_usd"))  # fmt: skip
metric(
    "largest_liquidation_venue", "", "reporting venue of the largest single liquidation",
    "reporting at the max of liquidated_usd", kind="text",
)(_largest(_everything, "reporting"))  # fmt: skip
metric(
    "largest_liquidation_market", "", "market of the largest single liquidation",
    "market at the max of liquidated_usd", kind="text",
)(_largest(_everything, "market"))  # fmt: skip
metric(
    "public_largest_liquidation_usd", "USD", "largest single liquidation that the public feeds show",
    "max of liquidated_usd over public rows", worse="up",
)(_largest(_public, "liquidated_usd"))  # fmt: skip
metric(
    "public_largest_liquidation_venue", "", "reporting venue of the largest public liquidation",
    "reporting at the max of liquidated_usd over public rows", kind="text",
)(_largest(_public, "reporting"))  # fmt: skip
metric(
    "public_largest_liquidation_market", "", "market of the largest public liquidation",
    "market at the max of liquidated_usd over public rows", kind="text",
)(_largest(_public, "market"))  # fmt: skip

# --- why --------------------------------------------------------------------------------------------

metric(
    "exogenous_usd", "USD", "liquidated also, by then, where no forced order trades",
    "sum of liquidated_usd, cause exogenous", needs_twin=True,
)(_total(_holding("cause", "exogenous")))  # fmt: skip
metric(
    "brought_forward_usd", "USD", "liquidated earlier than where no forced order trades",
    "sum of liquidated_usd, cause brought_forward", needs_twin=True, worse="up",
)(_total(_holding("cause", "brought_forward")))  # fmt: skip
metric(
    "endogenous_usd", "USD", "liquidated only because forced orders moved the price",
    "sum of liquidated_usd, cause endogenous", needs_twin=True, worse="up",
)(_total(_holding("cause", "endogenous")))  # fmt: skip


@metric(
    "brought_forward_s", "s", "time by which half of what was brought forward came earlier, or by more",
    "median, each counted by its liquidated_usd, of first t_s of the same life without forced orders less first t_s, "
    "cause brought_forward",
    needs_twin=True, worse="up",
)  # fmt: skip
def brought_forward_s(replicate: Replicate) -> Value:
    """By how much earlier."""
    if replicate.twin is None:
        return NO_TWIN
    here, there = _first_times(replicate), _first_times(replicate.twin)
    rows = np.flatnonzero(_holding("cause", "brought_forward")(replicate) & _everything(replicate))
    if not len(rows):
        return Absent("nothing was brought forward")
    lives = _lives(replicate)
    early = np.array([there[lives[row]] - here[lives[row]] for row in rows])
    order = np.argsort(early, kind="stable")
    reached = np.cumsum(_liquidated(replicate)[rows][order])
    return float(early[order][np.searchsorted(reached, reached[-1] / 2.0)])


def _lives(replicate: Replicate) -> list[tuple[int, int]]:
    """Return whose liquidation each row is: account and life."""
    account, life = (replicate.numbers("liquidations", name) for name in ("account", "life"))
    return list(zip(account.tolist(), life.tolist(), strict=True))


def _first_times(replicate: Replicate) -> dict[tuple[int, int], float]:
    """Return when each was liquidated first, in seconds from the start."""
    first: dict[tuple[int, int], float] = {}
    for key, t_s in zip(_lives(replicate), replicate.numbers("liquidations", "t_s").tolist(), strict=True):
        first.setdefault(key, t_s)
    return first

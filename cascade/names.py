"""The names of every rule that a rulebook or a scenario may ask for and that has a kernel of its own, said once.

A kernel knows a rule by its number, which is the place of its name here; the kernel of a rule is
found by that name, in the room that each of these types points to.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

MarkRule: TypeAlias = Literal["median", "index", "last", "carried", "books", "oracle"]
"""How a venue marks a perpetual: `core/mark_rules.py`."""

IndexRule: TypeAlias = Literal["weighted_mean", "weighted_median"]
"""How a venue makes an index of spot mids: `core/index.py`."""

Procedure: TypeAlias = Literal["lower_tier", "full", "slices", "blocks", "liquidators"]
"""What a venue does with an account that fails its margin test: a module of `core/procedures/` each."""

TakeOver: TypeAlias = Literal["capacity", "notional", "solvent", "never"]
"""What an insurance fund takes over: `core/backstop.py`, kernels called `takes_` and the name."""

Ranking: TypeAlias = Literal[
    "queue_pnl_margin", "queue_pnl_leverage", "queue_entry_leverage", "queue_return_leverage", "random",
    "pro_rata_pnl", "risk_aware_pro_rata", "water_filling_leverage", "socialise", "smallest_first",
]  # fmt: skip
"""Who gives way in auto-deleveraging: `core/adl_policies.py`."""

AdlPrice: TypeAlias = Literal["bankruptcy", "mark", "mark_before"]
"""The price of auto-deleveraging: `core/deleveraging.py`, kernels called `value_at_` and the name."""

CollateralPrice: TypeAlias = Literal["own_spot", "median", "redemption", "floor"]
"""Where a venue takes the price of collateral from: `core/collateral.py`, kernels called `by_` and the name."""

Maker: TypeAlias = Literal["ladder", "touch"]
"""Kinds of makers in a scenario: a module of `core/agents/makers/` each."""

Agent: TypeAlias = Literal[
    "news_taker", "background", "arbitrage", "carry", "hedger", "hunter", "value", "dip_buyer", "splitters",
]  # fmt: skip
"""Kinds of agents who send orders, in the order in which they act: a module of `core/agents/` each."""


def names_of(rule: Any) -> tuple[str, ...]:
    """Return the names of one of the types above, in the order of their numbers."""
    return get_args(rule)


def number_of(rule: Any, name: str) -> int:
    """Return the number by which kernels know a rule."""
    return get_args(rule).index(name)

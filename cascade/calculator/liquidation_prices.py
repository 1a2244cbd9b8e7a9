"""Worked examples of liquidation and bankruptcy prices, each as the margin test of one account.

Every function takes the inputs of an example and returns what it asks for. How a variant becomes
the test of the markets is said where it differs from it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from cascade.calculator.account import (
    MarginTier,
    Position,
    bankruptcy_at,
    liquidation_at,
    single_tier,
    with_margin_of_entry,
)
from cascade.calculator.inputs import Inputs, positive
from cascade.calculator.named import named_table
from cascade.calculator.tiers import Table, table_tiers

Price = float | None

_SIZES = ("qty", "size", "contracts", "contracts_usd")
"""What the size of a position is called in examples."""


def isolated(x: Inputs) -> Price:
    """Return the liquidation price of an isolated position: WB + Q (M - EP) = q M rate - amount."""
    return _float(liquidation_at(_position(x, _one_tier(x)), _posted(x)))


def tiered(x: Inputs) -> Price:
    """Return the liquidation price of an isolated position under a table of tiers.

    A list is a table: rows (floor, cap, rate), (floor, rate), or mappings. A text names one, of `symbol`.
    """
    value = x.raw("tiers")
    named = isinstance(value, str)
    table = named_table(value, x.text("symbol"), x.folder) if named else Table(table_tiers(value))
    if table.inverse:
        position = _inverse(x, tiers=table.tiers)
        return _float(liquidation_at(position, _posted(x, inverse=True)))
    return _float(liquidation_at(_position(x, table.tiers), _posted(x)))


def cross(x: Inputs) -> Price:
    """Return the liquidation price of a cross position; marks of the other positions stay.

    The others come as positions, or as their signed profit and maintenance margin in two sums.
    """
    others = [_other(each) for each in x.parts("other")]
    free = x.either("wallet_balance", "balance") + x.number("upnl_other", 0) - x.number("tmm_other", 0)
    return _float(liquidation_at(_position(x, _one_tier(x)), free, others=others))


def _other(x: Inputs) -> Position:
    sized = _position(x, _one_tier(x))
    return Position(
        side=sized.side, size=sized.size, entry=sized.entry, mark=x.number("mark"), tiers=sized.tiers
    )


def with_taker_fee(x: Inputs) -> Price:
    """Return the liquidation price where the closing fee counts: a part of the notional, as margin is."""
    position = _position(x, _one_tier(x), fee=x.number("taker_fee", 0))
    return _float(liquidation_at(position, _posted(x)))


def at_entry(x: Inputs) -> Price:
    """Return the liquidation price where maintenance margin is that of the entry value (Bybit).

    The same test with a maintenance margin that the mark does not move: rate 0, amount -MM. What was
    added to the margin counts as margin, what funding took from it no longer does.
    """
    tiers = single_tier(x.number("mmr"), x.number(x.first("mm_deduction", "maint_amount"), 0))
    margin = _posted(x) + x.number("extra_margin", 0) - x.number("funding_paid_from_margin", 0)
    sized = _position(x, tiers, fee=x.number("taker_fee", 0))
    return _float(liquidation_at(with_margin_of_entry(sized), margin))


def from_account_value(x: Inputs) -> Price:
    """Return the liquidation price from equity at the present price (Hyperliquid, dYdX).

    Equity at the price p is the margin of a position entered at p; other positions' maintenance margin
    leaves it. Hyperliquid's rate is half the initial one at the largest leverage.
    """
    price = x.number(x.first("price", "mark", "oracle"))
    margin = x.either("equity", "account_value", "isolated_margin") - x.number("other_mmr", 0)
    if "max_leverage" in x:
        rate = 1 / (2 * positive(x.number("max_leverage"), "max_leverage"))
    else:
        rate = x.number(x.first("mmf", "mmr"))
    size = x.number(x.first("size", "qty"))
    sign = x.sign() if "side" in x else 1
    position = Position(
        side="long" if sign * size > 0 else "short",
        size=positive(abs(size), "size"),
        entry=positive(price, "price"),
        tiers=single_tier(rate, x.number("maint_amount", 0)),
    )
    return _float(liquidation_at(position, margin))


def bankruptcy_linear(x: Inputs) -> Price:
    """Return the bankruptcy price of a linear position; a taker fee is that of closing there."""
    names = ("position_margin", "wallet_balance")
    margin = sum((x.number(name) for name in names if name in x), Fraction(0))
    if not any(name in x for name in names):
        margin = _posted(x)
    return _float(bankruptcy_at(_position(x, (), fee=x.number("taker_fee", 0)), margin))


# --- inverse contracts ------------------------------------------------------------------------------


def bankruptcy_inverse_isolated(x: Inputs) -> Price:
    """Return the bankruptcy price of an inverse position whose margin is its value / leverage, in coin."""
    position = _inverse(x, fee=x.number("taker_fee", 0))
    posted = Fraction(position.size) / Fraction(position.entry) / positive(x.number("leverage"), "leverage")
    return _float(bankruptcy_at(position, posted))


def bankruptcy_inverse_cross(x: Inputs) -> Price:
    """Return the bankruptcy price of an inverse position backed by a balance in coin."""
    return _float(bankruptcy_at(_inverse(x, fee=x.number("taker_fee", 0)), _coins(x)))


def liquidation_inverse_cross(x: Inputs) -> Price:
    """Return the liquidation price of an inverse position backed by a balance in coin (Bybit).

    Maintenance margin is that of the entry value plus the fee of closing at the bankruptcy price, so
    the mark moves neither. Shown on the tick against the account where one is given.
    """
    balance, plain = _coins(x), _inverse(x)
    bankruptcy = bankruptcy_at(_inverse(x, fee=x.number("taker_fee", 0)), balance)
    fee = Fraction(0) if bankruptcy is None else Fraction(plain.size) / bankruptcy * x.number("taker_fee", 0)
    kept = Fraction(plain.size) / Fraction(plain.entry) * x.number("mmr") - x.number("maint_amount", 0)
    position = _inverse(x, tiers=single_tier(0, -(kept + fee)))
    found = liquidation_at(position, balance)
    if found is None or "tick" not in x:
        return _float(found)
    default = "up" if position.side == "long" else "down"
    return _on_tick(found, positive(x.number("tick"), "tick"), x.text("round", default))


def _coins(x: Inputs) -> Fraction:
    return x.either("balance_btc", "balance", "wallet_balance") - x.number("order_margin", 0)


def _inverse(x: Inputs, *, tiers: Sequence[MarginTier] = (), fee: Fraction = Fraction(0)) -> Position:
    name = x.first(*_SIZES)
    size = abs(x.number(name)) if name in x else Fraction(1)  # a price from leverage needs no size
    entry = positive(x.number("entry"), "entry")
    return Position(side=x.side(), size=positive(size, name), entry=entry, tiers=tiers, fee=fee, inverse=True)


def _on_tick(price: Fraction, tick: Fraction, how: str) -> float:
    """Round a price to a tick; what is within 1e-9 of one is on it."""
    ticks = price / tick
    nearest = round(ticks)
    if how == "nearest" or abs(ticks - nearest) < Fraction(1, 10**9):
        return float(nearest * tick)
    return float((math.ceil(ticks) if how == "up" else math.floor(ticks)) * tick)


# --- what examples have in common ---------------------------------------------------------------------


def _position(x: Inputs, tiers: Sequence[MarginTier], *, fee: Fraction = Fraction(0)) -> Position:
    name = x.first(*_SIZES)
    size = positive(abs(x.number(name)), name)
    entry = positive(x.number("entry"), "entry")
    return Position(side=x.side(), size=size, entry=entry, tiers=tiers, fee=fee)


def _one_tier(x: Inputs) -> tuple[MarginTier, ...]:
    return single_tier(x.number("mmr"), x.number(x.first("maint_amount", "mm_deduction"), 0))


def _posted(x: Inputs, *, inverse: bool = False) -> Fraction:
    """Return the isolated margin: as given, else entry value / leverage."""
    for name in ("wallet_balance", "position_margin", "margin", "isolated_margin"):
        if name in x:
            return x.number(name)
    size, entry = abs(x.number(x.first(*_SIZES))), positive(x.number("entry"), "entry")
    return (size / entry if inverse else size * entry) / positive(x.number("leverage"), "leverage")


def _float(price: Fraction | None) -> Price:
    return None if price is None else float(price)

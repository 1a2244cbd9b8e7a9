"""Rules of venues as plain arithmetic: integers and floats in, numbers out, no market and no state.

What a market does with an account (`liquidation`, `backstop`, `pricing`) and what the calculator
answers about one position are the same functions. Money is in whole units and rates in 1e-8 unless
a function takes the size of one (`one`), where a caller may count finer. Sources: venues.md.
"""

from __future__ import annotations

from cascade.compiler.jit import kernel
from cascade.core.exact import RATE, charge, proportion, times_rate

# --- mark and funding -----------------------------------------------------------------------------


@kernel
def carried_index(index: float, rate: float, remaining: float) -> float:
    """Return the index carried by funding over the part of its interval that remains (Binance Price 1)."""
    return index * (1.0 + rate * remaining)


@kernel
def has_deviated(index: float, answer: float, deviation: float) -> bool:
    """Tell whether an oracle's last answer is so far from the index that it answers anew."""
    return abs(index - answer) >= deviation * answer


@kernel
def premium_index(bid: float, ask: float, index: float) -> float:
    """Return the premium of impact prices over the index: above it for a bid, below it for an ask."""
    return (max(0.0, bid - index) - max(0.0, index - ask)) / index


@kernel
def funding_rate(premium: int, interest: int, clamp: int, part: int, whole: int, cap: int) -> int:
    """Return the funding rate of an interval: premium + clamp(interest - premium), scaled, then capped.

    All rates are in one unit, whatever it is. `part` of `whole` is the interval's share of the one that
    the rates are meant for: 1 of 8 where a rate for eight hours is paid hourly, 1 of 1 where it is not
    scaled. What does not divide is dropped, for either sign.
    """
    rate = premium + max(min(interest - premium, clamp), -clamp)
    scaled = proportion(abs(rate), part, whole)
    rate = scaled if rate >= 0 else -scaled
    return max(min(rate, cap), -cap)


@kernel
def funding_payment(exposure: int, rate: int) -> int:
    """Return what an account pays at a stamp, rounded against it; negative is what it receives.

    `exposure` is the notional with the sign of the position: of an inverse contract, whose value per
    lot is negative, it is not lots x value.
    """
    return charge(exposure, rate)


# --- margin ---------------------------------------------------------------------------------------


@kernel
def beyond_cap(held: int, value: int, cap: int) -> int:
    """Return how many of `held` lots, each worth `value` > 0, have to go to reach a notional of `cap`."""
    return max(held - cap // value, 0)


# --- bankruptcy and the insurance fund ------------------------------------------------------------


@kernel
def bankruptcy_quote(value: int, equity: int, maintenance: int, total: int) -> int:
    """Return what an account receives for giving up a part of a position at its bankruptcy price.

    `value` is the part's signed value at the mark and `maintenance` its maintenance margin, of `total`
    for the account: the part takes its share of the account's equity, so that giving up everything
    leaves nothing (dYdX; venues.md 2.5). Rounded up; the last part takes the rest.
    """
    return value - proportion(equity, maintenance, max(total, 1))


@kernel
def fillable_value(
    value: int, equity: int, maintenance: int, total: int, adjustment: int, spread: int
) -> int:  # fmt: skip
    """Return the least signed value at which a position may be closed by force (dYdX fillable price).

    It is `value` at the mark less the part's maintenance margin x spread x how far the account is
    from sound to bankrupt, clamp(adjustment x (1 - equity / total), 0, 1).
    """
    missing = min(max(times_rate(total - equity, adjustment), 0), total)
    return value - proportion(times_rate(maintenance, spread), missing, max(total, 1))


@kernel
def fund_change(received: int, bankruptcy: int, notional: int, rate: int) -> int:
    """Return what the fund gains from a close for `received`, given the close at bankruptcy; or pays.

    A gain is at most `rate` of the filled notional: the fee cannot exceed what is left.
    """
    change = received - bankruptcy
    return min(change, times_rate(notional, rate)) if change > 0 else change


@kernel
def fund_floor(level: int, share: int, least: int) -> int:
    """Return the level of a fund at which it counts as drawn down: by a share, and at least by an amount."""
    return level - max(times_rate(level, share), least)


@kernel
def is_fund_drawn(fund: int, floor: int) -> bool:
    """Tell whether a fund that is empty, or down to its floor, hands over to auto-deleveraging (OKX, Bybit)."""
    return fund <= 0 or fund <= floor


# --- auto-deleveraging ----------------------------------------------------------------------------


@kernel
def pnl_margin_score(profit: float, wallet: float, ratio: float, least: float) -> float:
    """Return profit / wallet x margin ratio (Binance until 2023 at least); a wallet counts as `least` or more."""
    return max(0.0, profit) / max(least, wallet) * ratio


@kernel
def pnl_leverage_score(gain: float, leverage: float) -> float:
    """Return gain x leverage, and for a loss gain / leverage (Binance of late 2025, Bybit, BitMEX)."""
    return gain * leverage if gain >= 0.0 else gain / leverage


@kernel
def price_leverage_score(mark: float, entry: float, leverage: float, long: bool) -> float:
    """Return mark / entry x leverage (Hyperliquid's page), for shorts entry / mark, which it does not state."""
    return (mark / entry if long else entry / mark) * leverage


@kernel
def deleveraged(residual: int, held: int) -> int:
    """Return the unsigned lots that a counterparty gives up: never more than it holds, so it is not flipped."""
    return min(abs(residual), abs(held))


@kernel
def overlaps(received: int, paid: int) -> bool:
    """Tell whether a counterparty can pay for a part at bankruptcy without going bankrupt itself (dYdX)."""
    return received <= paid


# --- lending pools --------------------------------------------------------------------------------


@kernel
def quotient(amount: int, whole: int, one: int) -> int:
    """Return floor(amount x one / whole) without overflow, for amount >= 0 and whole > 0."""
    times = amount // whole
    return times * one + proportion(one, amount - times * whole, whole)


@kernel
def repayable_debt(
    debt: int, total: int, collateral: int, health: int, threshold: int, share: int, least: int
) -> int:  # fmt: skip
    """Return how much of a reserve's debt one liquidation may repay (Aave v3 close factor).

    Nothing while the health factor is sound; a `share` of the total debt while it is above the
    threshold and neither side is small; otherwise all.
    """
    if health >= RATE:
        return 0
    if health > threshold and debt >= least and collateral >= least:
        return min(debt, times_rate(total, share))
    return debt


@kernel
def seized_collateral(debt: int, bonus: int, fee: int) -> tuple[int, int]:
    """Return the collateral, in money, that a repaid debt takes: to the liquidator and to the protocol.

    `bonus` is the whole factor (1.05 as 105,000,000); the protocol's fee is a share of what it adds.
    """
    total = times_rate(debt, bonus)
    protocol = times_rate(total - debt, fee)
    return total - protocol, protocol


@kernel
def covered_debt(collateral: int, bonus: int) -> int:
    """Return the debt that a collateral repays when all of it is taken."""
    return proportion(collateral, RATE, bonus)


# --- figures of a market, worked out once when it is made: plain Python, numbers of any size ------------


def tier_amount(amount: int, floor: int, step: int, one: int) -> int:
    """Return the maintenance amount of a tier: that of the one below plus floor x the step of the rate.

    `step` is in parts of `one`. It makes the maintenance margin continuous at the tier's floor.
    """
    return amount + floor * step // one


def funding_cap(mmr: int, share: int, one: int) -> int:
    """Return the cap of a funding rate: a share of the first tier's maintenance rate, all in parts of `one`."""
    return (mmr * share + one // 2) // one

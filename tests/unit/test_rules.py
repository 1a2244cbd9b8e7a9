"""Rules of venues against unbounded integers and fractions, up to the edges of their range."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as hs

from cascade.calculator import kernels as rules
from cascade.calculator.backstops import allocation
from cascade.calculator.inputs import Inputs
from cascade.compiler.jit import entry
from cascade.core import rules as core

R = 100_000_000
FINE = 10**17
MOST = 4 * 10**17

amounts = hs.integers(0, MOST)
signed = hs.integers(-MOST, MOST)
rates = hs.integers(-R, R)
shares = hs.integers(0, R)


pnl_leverage_score = entry(core.pnl_leverage_score)
price_leverage_score = entry(core.price_leverage_score)


def floor(value: Fraction) -> int:
    return math.floor(value)


@given(rates, rates, shares, hs.integers(1, 24), hs.integers(1, 24), shares)
def test_funding_rate_is_clamped_scaled_and_capped(premium, interest, clamp, part, whole, cap):
    got = rules.funding_rate(premium, interest, clamp, part, whole, cap)
    rate = premium + max(-clamp, min(clamp, interest - premium))
    scaled = int(abs(Fraction(rate * part, whole))) * (1 if rate >= 0 else -1)
    assert got == max(-cap, min(cap, scaled))
    assert rules.funding_rate(-premium, -interest, clamp, part, whole, cap) == -got


def test_funding_rate_in_the_band_is_the_interest():
    for premium in (-40_000, 0, 60_000):  # -0.04 % to 0.06 %
        assert rules.funding_rate(premium, 10_000, 50_000, 1, 1, R) == 10_000


@given(signed, rates)
def test_funding_payment_is_rounded_against_the_account(exposure, rate):
    assert rules.funding_payment(exposure, rate) == math.ceil(Fraction(exposure * rate, R))


@given(hs.floats(1, 1e6), hs.floats(-0.1, 0.1), hs.floats(0, 1))
def test_carried_index_meets_the_index_at_the_stamp(index, rate, remaining):
    assert rules.carried_index(index, rate, 0.0) == index
    assert rules.carried_index(index, rate, remaining) == pytest.approx(index + index * rate * remaining)


@given(hs.floats(90, 110), hs.floats(0, 5))
def test_premium_is_zero_where_the_index_lies_between_the_impact_prices(bid, gap):
    assert rules.premium_index(bid, bid + gap, bid + gap / 2) == 0.0
    assert rules.premium_index(bid, bid + gap, bid - 1.0) == pytest.approx(1.0 / (bid - 1.0))
    assert rules.premium_index(bid, bid + gap, bid + gap + 1.0) == pytest.approx(-1.0 / (bid + gap + 1.0))


@given(amounts, amounts, hs.integers(0, FINE))
def test_tier_amount_makes_the_margin_continuous(amount, edge, step):
    found = core.tier_amount(amount, edge, step, FINE)
    assert found == amount + edge * step // FINE


@given(shares, shares)
def test_funding_cap_is_a_share_to_the_nearest_unit(mmr, share):
    assert abs(core.funding_cap(mmr, share, R) - Fraction(mmr * share, R)) <= Fraction(1, 2)


@given(hs.integers(0, 10**9), hs.integers(1, 10**6), hs.integers(0, 10**15))
def test_what_is_beyond_a_cap_is_the_least_that_reaches_it(held, value, cap):
    gone = rules.beyond_cap(held, value, cap)
    assert (held - gone) * value <= cap or gone == held
    assert gone == 0 or (held - gone + 1) * value > cap


@given(signed, signed, amounts, amounts)
def test_bankruptcy_quote_takes_its_share_of_the_equity(value, equity, a, b):
    kept, total = min(a, b), max(a, b, 1)
    assert rules.bankruptcy_quote(value, equity, kept, total) == value - floor(Fraction(equity * kept, total))


@given(
    hs.lists(hs.tuples(hs.integers(-(10**12), 10**12), hs.integers(1, 10**11)), min_size=1, max_size=6), rates
)
def test_closing_everything_at_bankruptcy_leaves_nothing(positions, balance):
    """An invariant: to a unit for each position but the last, which takes the rest."""
    total = sum(kept for _, kept in positions)
    equity = balance + sum(value for value, _ in positions)
    left = balance + sum(rules.bankruptcy_quote(value, equity, kept, total) for value, kept in positions)
    assert 0 <= left < len(positions)


@given(signed, signed, amounts, amounts, hs.integers(0, 2 * R), hs.integers(0, 2 * R))
def test_fillable_value_falls_from_the_mark_as_the_account_nears_bankruptcy(
    value, equity, a, b, adjustment, spread
):
    kept, total = min(a, b) // 2, max(a, b, 1) // 2 or 1
    equity //= 2
    got = rules.fillable_value(value, equity, kept, total, adjustment, spread)
    missing = max(0, min(total, (total - equity) * adjustment // R))
    assert got == value - floor(Fraction(kept * spread // R * missing, total))
    if equity >= total:
        assert got == value


@given(signed, signed, amounts, shares)
def test_fund_gains_at_most_the_fee_and_pays_all_of_a_loss(received, bankruptcy, notional, rate):
    change = received - bankruptcy
    got = rules.fund_change(received, bankruptcy, notional, rate)
    assert got == (change if change <= 0 else min(change, notional * rate // R))


@given(amounts, shares, amounts, signed)
def test_fund_is_drawn_at_its_floor_or_when_empty(level, share, least, fund):
    edge = rules.fund_floor(level, share, least)
    assert edge == level - max(level * share // R, least)
    assert rules.is_fund_drawn(fund, edge) == (fund <= 0 or fund <= edge)
    assert rules.is_fund_drawn(edge, edge)


def test_scores_are_those_of_the_venues():
    assert rules.pnl_margin_score(40.2, 4.27, 0.1342, 1.0) == pytest.approx(40.2 / 4.27 * 0.1342)
    assert rules.pnl_margin_score(-40.2, 4.27, 0.1342, 1.0) == 0.0
    assert rules.pnl_margin_score(10.0, 0.1, 0.5, 1.0) == 5.0
    assert [pnl_leverage_score(gain, 10.0) for gain in (0.5, -0.5)] == pytest.approx([5.0, -0.05])
    found = [price_leverage_score(110.0, 100.0, 10.0, long) for long in (True, False)]
    assert found == pytest.approx([1.1 * 10.0, 10.0 / 1.1])


@given(hs.lists(hs.integers(0, 10**12), min_size=1, max_size=8), hs.integers(0, 10**13), hs.randoms())
def test_allocation_goes_down_the_ranking(sizes, residual, random):
    order = list(range(len(sizes)))
    random.shuffle(order)
    ranks = [-order.index(k) for k in range(len(sizes))]
    taken = allocation(Inputs({"qty": sizes, "score_rank": ranks, "size": residual}))
    assert sum(taken) == min(residual, sum(sizes))
    assert all(0 <= part <= held for part, held in zip(taken, sizes, strict=True))
    partial = [k for k in order if taken[k] < sizes[k]]
    assert all(taken[k] == 0 for k in partial[1:])  # nobody is reached before those above are closed


def test_overlap_is_where_a_counterparty_can_pay():
    assert rules.overlaps(10, 10)
    assert not rules.overlaps(11, 10)


@given(amounts, hs.integers(1, MOST), hs.sampled_from([R, 10**12]))
def test_quotient_is_exact(amount, whole, one):
    if amount // whole * one < 2**62:
        assert rules.quotient(amount, whole, one) == amount * one // whole


@given(amounts, amounts, hs.integers(0, 2 * R), amounts)
def test_only_unsound_debt_is_repaid_and_half_of_it_at_first(debt, collateral, health, least):
    got = rules.repayable_debt(debt, debt, collateral, health, 95 * R // 100, R // 2, least)
    if health >= R:
        assert got == 0
    elif health > 95 * R // 100 and min(debt, collateral) >= least:
        assert got == debt // 2
    else:
        assert got == debt


@given(hs.integers(0, MOST // 2), hs.integers(R, 2 * R), shares)
def test_seized_collateral_is_debt_and_bonus_and_the_fee_is_of_the_bonus(debt, bonus, fee):
    liquidator, protocol = rules.seized_collateral(debt, bonus, fee)
    assert liquidator + protocol == debt * bonus // R
    assert protocol == (debt * bonus // R - debt) * fee // R
    assert int(rules.covered_debt(debt, bonus)) * bonus // R <= debt

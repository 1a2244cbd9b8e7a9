"""Rules of venues against unbounded integers and fractions, up to the edges of their range."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as hs

from cascade.calculator import entries as rules
from cascade.compiler.jit import entry
from cascade.core import rules as core

R = 100_000_000
FINE = 10**17
MOST = 4 * 10**17

amounts = hs.integers(0, MOST)
signed = hs.integers(-MOST, MOST)
rates = hs.integers(-R, R)
shares = hs.integers(0, R)


@entry
def scores(gain: float, leverage: float, mark: float, other: float, answers: Any) -> None:
    """Write the scores that no example asks for."""
    answers[0] = core.pnl_leverage_score(gain, leverage)
    answers[1] = core.pnl_leverage_score(-gain, leverage)
    answers[2] = core.price_leverage_score(mark, other, leverage, True)
    answers[3] = core.price_leverage_score(mark, other, leverage, False)


def floor(value: Fraction) -> int:
    return math.floor(value)


@settings(deadline=None)
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


@settings(deadline=None)
@given(signed, rates)
def test_funding_payment_is_rounded_against_the_account(exposure, rate):
    assert rules.funding_payment(exposure, rate) == math.ceil(Fraction(exposure * rate, R))


@settings(deadline=None)
@given(hs.floats(1, 1e6), hs.floats(-0.1, 0.1), hs.floats(0, 1))
def test_carried_index_meets_the_index_at_the_stamp(index, rate, remaining):
    assert rules.carried_index(index, rate, 0.0) == index
    assert rules.carried_index(index, rate, remaining) == pytest.approx(index + index * rate * remaining)


@settings(deadline=None)
@given(hs.floats(90, 110), hs.floats(0, 5))
def test_premium_is_zero_where_the_index_lies_between_the_impact_prices(bid, gap):
    assert rules.premium_index(bid, bid + gap, bid + gap / 2) == 0.0
    assert rules.premium_index(bid, bid + gap, bid - 1.0) == pytest.approx(1.0 / (bid - 1.0))
    assert rules.premium_index(bid, bid + gap, bid + gap + 1.0) == pytest.approx(-1.0 / (bid + gap + 1.0))


@settings(deadline=None)
@given(amounts, amounts, hs.integers(0, FINE))
def test_tier_amount_makes_the_margin_continuous(amount, edge, step):
    found = core.tier_amount(amount, edge, step, FINE)
    assert found == amount + edge * step // FINE


@settings(deadline=None)
@given(shares, shares)
def test_funding_cap_is_a_share_to_the_nearest_unit(mmr, share):
    assert abs(core.funding_cap(mmr, share, R) - Fraction(mmr * share, R)) <= Fraction(1, 2)


@settings(deadline=None)
@given(hs.integers(0, 10**9), hs.integers(1, 10**6), hs.integers(0, 10**15))
def test_what_is_beyond_a_cap_is_the_least_that_reaches_it(held, value, cap):
    gone = rules.beyond_cap(held, value, cap)
    assert (held - gone) * value <= cap or gone == held
    assert gone == 0 or (held - gone + 1) * value > cap


@settings(deadline=None)
@given(signed, signed, amounts, amounts)
def test_bankruptcy_quote_takes_its_share_of_the_equity(value, equity, a, b):
    kept, total = min(a, b), max(a, b, 1)
    assert rules.bankruptcy_quote(value, equity, kept, total) == value - floor(Fraction(equity * kept, total))


@settings(deadline=None)
@given(
    hs.lists(hs.tuples(hs.integers(-(10**12), 10**12), hs.integers(1, 10**11)), min_size=1, max_size=6), rates
)
def test_closing_everything_at_bankruptcy_leaves_nothing(positions, balance):
    """The invariant of venues.md 4.3 (7): to a unit for each position but the last, which takes the rest."""
    total = sum(kept for _, kept in positions)
    equity = balance + sum(value for value, _ in positions)
    left = balance + sum(rules.bankruptcy_quote(value, equity, kept, total) for value, kept in positions)
    assert 0 <= left < len(positions)


@settings(deadline=None)
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


@settings(deadline=None)
@given(signed, signed, amounts, shares)
def test_fund_gains_at_most_the_fee_and_pays_all_of_a_loss(received, bankruptcy, notional, rate):
    change = received - bankruptcy
    got = rules.fund_change(received, bankruptcy, notional, rate)
    assert got == (change if change <= 0 else min(change, notional * rate // R))


@settings(deadline=None)
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
    answers = np.zeros(4)
    scores(0.5, 10.0, 110.0, 100.0, answers)
    assert answers.tolist() == pytest.approx([5.0, -0.05, 1.1 * 10.0, 10.0 / 1.1])


@settings(deadline=None)
@given(hs.lists(hs.integers(0, 10**12), min_size=1, max_size=8), hs.integers(0, 10**13), hs.randoms())
def test_allocation_goes_down_the_ranking(sizes, residual, random):
    order = list(range(len(sizes)))
    random.shuffle(order)
    taken = np.zeros(len(sizes), np.int64)
    rules.allocate(np.array(sizes, np.int64), np.array(order, np.int64), residual, taken)
    assert taken.sum() == min(residual, sum(sizes))
    assert all(0 <= part <= held for part, held in zip(taken.tolist(), sizes, strict=True))
    partial = [k for k in order if taken[k] < sizes[k]]
    assert all(taken[k] == 0 for k in partial[1:])  # nobody is reached before those above are closed


def test_overlap_is_where_a_counterparty_can_pay():
    assert rules.overlaps(10, 10)
    assert not rules.overlaps(11, 10)


@settings(deadline=None)
@given(amounts, hs.integers(1, MOST), hs.sampled_from([R, 10**12]))
def test_quotient_is_exact(amount, whole, one):
    if amount // whole * one < 2**62:
        assert rules.quotient(amount, whole, one) == amount * one // whole


@settings(deadline=None)
@given(amounts, amounts, hs.integers(0, 2 * R), amounts)
def test_only_unsound_debt_is_repaid_and_half_of_it_at_first(debt, collateral, health, least):
    got = rules.repayable_debt(debt, debt, collateral, health, 95 * R // 100, R // 2, least)
    if health >= R:
        assert got == 0
    elif health > 95 * R // 100 and min(debt, collateral) >= least:
        assert got == debt // 2
    else:
        assert got == debt


@settings(deadline=None)
@given(hs.integers(0, MOST // 2), hs.integers(R, 2 * R), shares)
def test_seized_collateral_is_debt_and_bonus_and_the_fee_is_of_the_bonus(debt, bonus, fee):
    answers = np.zeros(2, np.int64)
    rules.seized_collateral(debt, bonus, fee, answers)
    assert answers.sum() == debt * bonus // R
    assert answers[1] == (debt * bonus // R - debt) * fee // R
    assert int(rules.covered_debt(debt, bonus)) * bonus // R <= debt

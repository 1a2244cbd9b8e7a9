"""Money arithmetic against Python's unbounded integers, up to the edges of its range."""

import pytest
from hypothesis import given
from hypothesis import strategies as hs

from tests.support.examples import examples
from tests.support.kernels import charge, proportion, times_rate

R = 100_000_000
EDGE = 2**62 - 1

amounts = hs.integers(-EDGE, EDGE) | hs.sampled_from([0, 1, -1, R, -R, R - 1, R + 1, EDGE, -EDGE])
rates = hs.integers(-R, R) | hs.sampled_from([0, 1, -1, R, -R, R // 2])
rows = hs.tuples(amounts, rates, hs.integers(0, 2**31 - 1), hs.integers(1, 2**31 - 1))


def compute(*lines: tuple[int, int, int, int]) -> list[list[int]]:
    """Return times_rate, charge and proportion of rows (amount, rate, part, whole)."""
    return [
        [times_rate(amount, rate), charge(amount, rate), proportion(amount, part, whole)]
        for amount, rate, part, whole in lines
    ]


@examples(400)
@given(hs.lists(rows, min_size=1, max_size=40))
def test_it_equals_unbounded_integers(lines):
    lines = [(a, r, min(part, whole), whole) for a, r, part, whole in lines]
    for (amount, rate, part, whole), got in zip(lines, compute(*lines), strict=True):
        assert got == [amount * rate // R, -(-amount * rate // R), amount * part // whole]


@pytest.mark.parametrize("rate", [1, 400_000, 50_000_000, R])
@pytest.mark.parametrize("amount", [EDGE, -EDGE, 18 * 10**12, 9 * 10**18 // 2])
def test_notionals_whose_plain_product_overflows_are_exact(amount, rate):
    assert compute((amount, rate, 1, 1))[0][:2] == [amount * rate // R, -(-amount * rate // R)]


@pytest.mark.parametrize("rate", [90_000_000_000, -90_000_000_000])
def test_rates_of_900_are_exact_on_amounts_that_leave_room(rate):
    for amount in (EDGE // 1000, -EDGE // 1000, 99_999_999, -99_999_999):
        assert compute((amount, rate, 1, 1))[0][0] == amount * rate // R


@given(amounts, hs.integers(0, R))
def test_a_charge_is_never_below_the_share_and_at_most_one_unit_above(amount, rate):
    floor, ceiling, _ = compute((amount, rate, 1, 1))[0]
    assert 0 <= ceiling - floor <= 1
    assert floor * R <= amount * rate <= ceiling * R


@given(amounts, hs.lists(hs.integers(1, 10**6), min_size=1, max_size=8))
def test_proportions_taken_one_after_another_leave_nothing(amount, parts):
    left, lots = amount, sum(parts)
    for part in parts:
        left -= compute((left, 0, part, lots))[0][2]
        lots -= part
    assert left == 0

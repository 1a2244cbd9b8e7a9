"""What must not matter: the order of replicates, the unit, and which of two runs is called the baseline."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cascade.analysis.statistics import Mean, Probability, Quantile, Shortfall, holm, wilson
from tests.support.examples import examples

STATISTICS = [Mean(), Quantile(0.5), Quantile(0.9), Shortfall(0.9), Probability()]

values = st.floats(-1e9, 1e9, allow_nan=False).map(lambda x: round(x, 3))


@st.composite
def pairs(draw):
    n = draw(st.integers(1, 60))
    return tuple(draw(hnp.arrays(np.float64, n, elements=values)) for _ in range(2))


def assert_close(found, expected, scale):
    assert (found is None) == (expected is None)
    if found is not None:
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-6 * scale)


def limits(contrast):
    found = contrast.difference
    return found.value, found.low, found.high


@pytest.mark.parametrize("statistic", STATISTICS, ids=repr)
@pytest.mark.parametrize("paired", [True, False])
@examples(25)
@given(samples=pairs())
def test_swapping_two_runs_flips_the_sign(statistic, samples, *, paired):
    if isinstance(statistic, Quantile) and not paired:
        return  # each sample has draws of its own in the bootstrap, which swap with them
    first, second = samples
    there, back = (statistic.contrast(*each, paired=paired) for each in ((first, second), (second, first)))
    scale = 1.0 + float(np.abs(samples).max())
    for forward, backward in zip(
        limits(there), (back.difference.value, back.difference.high, back.difference.low), strict=True
    ):
        assert_close(forward, None if backward is None else -backward, scale)
    assert_close(there.p, back.p, 1.0)


@pytest.mark.parametrize("statistic", STATISTICS, ids=repr)
@examples(25)
@given(samples=pairs(), power=st.integers(-20, 20))
def test_the_unit_does_not_matter(statistic, samples, power):
    """A factor that is a power of two changes no bit of a mantissa."""
    factor = 2.0**power
    plain = statistic.contrast(*samples, paired=True)
    scaled = statistic.contrast(*(factor * each for each in samples), paired=True)
    by = 1.0 if isinstance(statistic, Probability) else factor
    for one, other in zip(limits(plain), limits(scaled), strict=True):
        assert_close(other, None if one is None else by * one, by * (1.0 + float(np.abs(samples).max())))
    assert_close(scaled.p, plain.p, 1.0)


@pytest.mark.parametrize("statistic", STATISTICS, ids=repr)
@examples(25)
@given(samples=pairs(), seed=st.integers(0, 99))
def test_the_order_of_replicates_does_not_matter(statistic, samples, seed):
    order = np.random.default_rng(seed).permutation(len(samples[0]))
    plain, shuffled = samples[0], samples[0][order]
    scale = 1.0 + float(np.abs(plain).max())
    one, other = statistic.estimate(plain), statistic.estimate(shuffled)
    for name in ("value", "low", "high"):
        assert_close(getattr(one, name), getattr(other, name), scale)


@pytest.mark.parametrize("statistic", STATISTICS, ids=repr)
@examples(25)
@example(samples=(np.zeros(36), np.repeat([0.0, 1.0], [32, 4])))  # four that differ exclude nothing
@given(samples=pairs())
def test_intervals_hold_their_figure_and_verdicts_agree_with_them(statistic, samples):
    found = statistic.contrast(*samples, paired=True)
    difference = found.difference
    if difference.low is None:
        assert difference.reason
        return
    slack = 1e-6 * (1.0 + float(np.abs(samples).max()))
    assert difference.low - slack <= difference.value <= difference.high + slack
    if found.p <= 0.0499:
        assert not difference.low + slack < 0.0 < difference.high - slack
    if found.p >= 0.0501:
        assert difference.low - slack <= 0.0 <= difference.high + slack


@examples(50)
@given(n=st.integers(1, 500), data=st.data(), confidence=st.floats(0.6, 0.999))
def test_wilson_is_a_probability_and_mirrors(n, data, confidence):
    k = data.draw(st.integers(0, n))
    low, high = wilson(k / n, n, confidence)
    assert 0.0 <= low <= k / n <= high <= 1.0
    assert wilson(1 - k / n, n, confidence) == (pytest.approx(1 - high), pytest.approx(1 - low))


@examples(50)
@given(st.lists(st.floats(0, 1), max_size=20))
def test_adjusted_p_values_keep_the_order_and_never_fall(p_values):
    adjusted = holm(p_values)
    assert all(p <= q <= 1.0 for p, q in zip(p_values, adjusted, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert np.all(np.diff(np.array(adjusted)[order]) >= 0)

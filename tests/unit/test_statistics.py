"""Statistics over replicates against textbook values and closed forms; coverage is in tests/theory."""

import math

import numpy as np
import pytest

from cascade.analysis.statistics import (
    Mean,
    Probability,
    Quantile,
    Shortfall,
    about,
    higher_share,
    holm,
    least_replicates,
    quantile_estimate,
    replicates_needed,
    replicates_to_tell,
    variance_reduction,
    wilson,
)
from cascade.analysis.statistics.estimate import Estimate, least_informative, p_by_inversion
from cascade.analysis.statistics.order import interval_ranks
from cascade.analysis.statistics.studentised import of_difference, of_mean

STATISTICS = [Mean(), Quantile(0.5), Quantile(0.95), Shortfall(0.95), Probability()]


def sample(*values):
    return np.array(values, dtype=np.float64)


def draws(n=200, seed=0, sigma=1.0):
    return np.random.default_rng(seed).lognormal(0.0, sigma, n)


# --- quantiles


def test_interval_of_the_median_is_the_textbook_one():
    # Conover (1999), table of the binomial: n = 16 gives order statistics 4 and 13, n = 100 gives 40 and 61
    assert [interval_ranks(n, 0.5) for n in (1, 5, 6, 16, 100)] == [None, None, (1, 6), (4, 13), (40, 61)]
    found = quantile_estimate(np.arange(1.0, 17.0), 0.5)
    assert (found.value, found.low, found.high, found.n) == (8.5, 4.0, 13.0, 16)


def test_few_values_have_no_interval_and_say_how_many_it_takes():
    found = quantile_estimate(sample(3.0, 1.0, 2.0), 0.5)
    assert (found.value, found.low, found.high, found.n) == (2.0, None, None, 3)
    assert found.reason == "an interval needs 6 replicates"
    assert (found.half_width, found.excludes(99.0)) == (None, False)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.95, 0.99])
def test_least_replicates_are_the_least(share):
    n = least_replicates(share)
    assert interval_ranks(n, share) is not None
    assert interval_ranks(n - 1, share) is None


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("n", [80, 333, 2000])
def test_ranks_hold_the_quantile_with_the_probability_they_claim(n, share):
    from scipy.stats import binom

    low, high = interval_ranks(n, share)
    assert binom.cdf(low - 1, n, share) <= 0.025 < binom.cdf(low, n, share)
    assert binom.sf(high - 1, n, share) <= 0.025 < binom.sf(high - 2, n, share)


def test_quantile_of_a_sample_with_ties_is_one_of_them():
    values = np.repeat([0.0, 5.0], [95, 5])
    found = quantile_estimate(values, 0.5)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


# --- probabilities


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_is_newcombes_table(successes, n, low, high):
    # Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3
    assert wilson(successes / n, n) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_difference_of_independent_probabilities_is_newcombes():
    # Newcombe (1998), Statistics in Medicine 17, 873-890, table II (a), method 10: 56/70 - 48/80
    before, after = np.repeat([1.0, 0.0], [48, 32]), np.repeat([1.0, 0.0], [56, 14])
    found = Probability().contrast(before, after, paired=False).difference
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))


def test_pairs_narrow_the_difference_of_probabilities():
    before, after = np.repeat([1.0, 0.0], [20, 80]), np.repeat([1.0, 0.0], [40, 60])
    paired = Probability().contrast(before, after, paired=True)
    unpaired = Probability().contrast(before, after, paired=False)
    assert paired.difference.half_width < 0.75 * unpaired.difference.half_width
    assert paired.p < unpaired.p


def test_p_is_the_level_at_which_the_interval_touches_zero():
    before, after = np.repeat([1.0, 0.0], [48, 32]), np.repeat([1.0, 0.0], [56, 14])
    p = Probability().contrast(before, after, paired=False).p
    touching = Probability().contrast(before, after, paired=False, confidence=1.0 - p).difference
    assert touching.low == pytest.approx(0.0, abs=1e-4)
    assert p_by_inversion(lambda confidence: confidence < 0.99) == pytest.approx(0.01)
    assert p_by_inversion(lambda _: True) == pytest.approx(1e-12)


# --- means


def test_interval_of_a_symmetric_sample_is_students():
    values = np.concatenate([np.arange(-10.0, 0.0), np.arange(1.0, 11.0)])
    found = Mean().estimate(values)
    half = 2.093024 * values.std(ddof=1) / math.sqrt(20)
    assert (found.value, found.low, found.high) == (0.0, pytest.approx(-half), pytest.approx(half))


def test_interval_of_a_skewed_sample_reaches_farther_on_the_long_side():
    found = Mean().estimate(draws())
    symmetric = of_mean(draws())._replace(skew=0.0).interval(0.95)
    assert found.low == pytest.approx(symmetric[0]), "where the correction would shorten, it is not used"
    assert found.high - found.value > 1.1 * (symmetric[1] - found.value)


def test_two_samples_of_no_skew_are_welchs():
    from scipy.stats import ttest_ind

    first, second = np.arange(20.0), np.arange(30.0) * 3.0
    welch = ttest_ind(second, first, equal_var=False)
    found = Mean().contrast(first, second, paired=False)
    assert found.p == pytest.approx(welch.pvalue)
    limits = welch.confidence_interval()
    assert (found.difference.low, found.difference.high) == (
        pytest.approx(limits.low),
        pytest.approx(limits.high),
    )


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_p_and_interval_of_means_say_the_same(confidence):
    for seed in range(40):
        found = of_mean(draws(15, seed) - 1.5)
        low, high = found.interval(confidence)
        assert (found.p() <= 1.0 - confidence) == (not low <= 0.0 <= high)
        found = of_difference(draws(15, seed), draws(25, seed + 1000))
        low, high = found.interval(confidence)
        assert (found.p() <= 1.0 - confidence) == (not low <= 0.0 <= high)


def test_the_long_side_agrees_with_the_bootstrap_of_t():
    """Two ways to the same first-order correction: one in closed form, one by resampling."""
    values = draws(60, seed=4, sigma=0.7)
    rng = np.random.default_rng(1)
    resampled = values[rng.integers(0, 60, (20_000, 60))]
    t = (resampled.mean(1) - values.mean()) / resampled.std(1, ddof=1)
    low, high = values.mean() - values.std(ddof=1) * np.quantile(t, [0.975, 0.025])
    found = Mean().estimate(values)
    assert found.low <= low
    assert found.high == pytest.approx(high, abs=0.05 * (high - low))


# --- shortfall


def test_shortfall_is_the_mean_of_the_worst():
    values = np.arange(1.0, 201.0)
    assert Shortfall(0.95).estimate(values).value == pytest.approx(np.arange(191.0, 201.0).mean())
    assert Shortfall(0.95).least() == 120


def test_shortfall_of_a_part_of_a_replicate():
    # the worst 5 % of 50 replicates are two and a half of them
    assert Shortfall(0.95).estimate(np.arange(1.0, 51.0)).value == pytest.approx((50 + 49 + 48 / 2) / 2.5)


# --- what few replicates cannot say


def test_six_pairs_are_the_least_for_95_percent():
    assert [least_informative(confidence) for confidence in (0.9, 0.95, 0.99)] == [5, 6, 8]


def test_pairs_that_tie_do_not_count():
    before = np.zeros(50)
    after = np.zeros(50)
    after[:5] = 1e6
    found = Mean().contrast(before, after, paired=True)
    assert (found.difference.value, found.difference.low, found.p) == (1e5, None, None)
    assert found.difference.reason == "only 5 of 50 replicates differ: an interval needs 6"
    after[5] = 1e6
    found = Mean().contrast(before, after, paired=True)
    assert found.p == pytest.approx(2.0**-5), "six labels that mean nothing agree so often"


def test_events_of_one_small_sample_prove_little():
    before, after = np.zeros(400), np.zeros(20)
    before[:7] = 1.0
    found = Mean().contrast(before, after, paired=False)
    assert found.p is None
    assert found.difference.reason.startswith("only 7 of 420 replicates differ")


def test_events_that_fill_a_small_sample_prove_much():
    """Fisher's exact test of 0 of 40 against 6 of 6: one way of the 46 over 6."""
    before, after = np.zeros(40), np.full(6, 113e6) * np.random.default_rng(1).uniform(0.8, 1.2, 6)
    for statistic in (Mean(), Probability()):
        found = statistic.contrast(before, after, paired=False)
        assert found.least_p == pytest.approx(2.0 / math.comb(46, 6))
        assert found.difference.low > 0.0
        assert found.p < 0.01
    assert Mean().contrast(np.zeros(40), np.repeat([0.0, 1.0], [1, 5]), paired=False).p is None


@pytest.mark.parametrize("statistic", STATISTICS, ids=repr)
@pytest.mark.parametrize("paired", [True, False])
def test_replicates_that_all_tie_are_counted_and_bound_nothing(statistic, *, paired):
    values = np.zeros(200)
    found = statistic.contrast(values, values.copy(), paired=paired)
    assert (found.difference.value, found.difference.low, found.difference.high, found.p) == (
        0,
        None,
        None,
        1,
    )
    assert found.difference.reason == (
        "equal in all 200 pairs" if paired else "one value in all 400 replicates"
    )


def test_what_is_equal_in_few_pairs_may_differ_in_many():
    """A loss in one replicate of five, seen in none of six: zero is no bound on it."""
    rng = np.random.default_rng(3)
    for _ in range(50):
        after = rng.lognormal(15, 1, 6) * (rng.random(6) < 0.2)
        found = Mean().contrast(np.zeros(6), after, paired=True).difference
        assert not found.excludes(0.2 * math.exp(15.5)), found


@pytest.mark.parametrize("statistic", STATISTICS, ids=repr)
def test_so_many_replicates_can_tell_as_it_says(statistic):
    """What is needed is the least with which differences that all point one way reach the level."""
    for n, level in ((4, 0.05), (5, 0.05 / 14), (12, 1e-4)):
        values = draws(n)
        least = statistic.least(1.0 - level)
        needed = replicates_to_tell(statistic.contrast(values, values, paired=True), level, least)
        assert needed == least
        before = draws(needed) if statistic != Probability() else np.zeros(needed)
        found = statistic.contrast(before, 2.0 * before + 1.0, paired=True)
        assert found.least_p <= level
        assert replicates_to_tell(found, level, least) is None


def test_sparse_events_take_more_replicates_to_tell():
    after = np.repeat([1.0, 0.0], [3, 47])
    found = Mean().contrast(np.zeros(50), after, paired=True)
    assert found.p is None
    assert replicates_to_tell(found, 0.05, 6) == 100, "six that differ, where 3 of 50 do"


def test_a_difference_that_never_varies_is_known_exactly():
    values = draws(30)
    found = Mean().contrast(values, values + 1024.0, paired=True)
    assert found.difference.low == pytest.approx(1024.0)
    assert found.difference.high == pytest.approx(1024.0)
    assert found.p < 1e-7


@pytest.mark.parametrize("statistic", STATISTICS, ids=repr)
def test_one_replicate_has_a_figure_and_no_interval(statistic):
    found = statistic.contrast(sample(1.0), sample(3.0), paired=True)
    assert found.difference.low is None or found.difference.value == 0.0
    assert statistic.estimate(sample(3.0)).value in {3.0, 1.0}


def test_difference_of_quantiles_takes_as_many_replicates_as_a_quantile():
    values = draws(71)
    found = Quantile(0.95).contrast(values, values * 2.0, paired=True)
    assert (found.p, found.difference.reason) == (None, "an interval needs 72 replicates")


def test_luck_that_is_shared_narrows_the_difference_of_quantiles():
    values = draws(300)
    noisy = values * 1.1 * np.exp(0.02 * np.random.default_rng(9).normal(size=300))
    paired = Quantile(0.95).contrast(values, noisy, paired=True)
    unpaired = Quantile(0.95).contrast(values, noisy, paired=False)
    assert paired.difference.half_width < 0.5 * unpaired.difference.half_width
    assert paired.p < 0.01 < unpaired.p


# --- several at once, and how many


def test_holm():
    # Holm (1979): each p times the number of hypotheses not yet rejected, never falling
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def test_replicates_needed_shrink_intervals_to_the_wanted_width():
    estimate = Mean().estimate(draws(100))
    n = replicates_needed(estimate, 0.01 * estimate.value)
    found = Mean().estimate(draws(n, seed=1))
    assert found.half_width == pytest.approx(0.01 * estimate.value, rel=0.4)
    assert replicates_needed(Estimate(1.0, None, None, 3), 0.1) is None
    assert replicates_needed(estimate, 0.0) is None


def test_a_number_of_replicates_is_said_as_roughly_as_it_is_known():
    assert [about(n) for n in (7, 42, 386, 3871, 40_000, 123_456)] == [7, 42, 390, 3900, 40_000, 130_000]


def test_variance_reduction():
    values = draws(100)
    noise = np.random.default_rng(3).normal(size=100)
    assert (
        variance_reduction(values, values + 5.0) == math.inf
        or variance_reduction(values, values + 5.0) > 1e20
    )
    assert variance_reduction(values, noise) == pytest.approx(1.0, abs=0.3)
    assert variance_reduction(values, 2 * values) == pytest.approx(5.0)
    assert variance_reduction(np.zeros(9), np.zeros(9)) is None
    assert variance_reduction(sample(1.0), sample(2.0)) is None


def test_share_of_pairs_that_are_higher_counts_ties_half():
    assert higher_share(sample(1, 1, 1, 1), sample(2, 2, 1, 0)).value == pytest.approx(0.625)


# --- what unequal samples can tell -------------------------------------------------------------------


@pytest.mark.parametrize("statistic", [Mean(), Shortfall(0.95), Quantile(0.9), Probability()], ids=repr)
def test_who_is_the_baseline_does_not_decide(statistic):
    rng = np.random.default_rng(5)
    few, many = rng.lognormal(size=130), rng.lognormal(size=1300) + 1000.0
    if isinstance(statistic, Probability):
        few, many = (np.arange(len(each)) % 10 == 0 for each in (few, many))
        few, many = few.astype(float), many.astype(float)
    one = statistic.contrast(few, many, paired=False)
    other = statistic.contrast(many, few, paired=False)
    assert one.least_p == pytest.approx(other.least_p)
    assert (one.p is None) == (other.p is None)


def test_a_floor_is_that_of_fishers_test():
    from scipy.stats import fisher_exact

    few, many = np.ones(6), (np.arange(200) < 40).astype(float)
    found = Probability().contrast(many, few, paired=False)
    exact = fisher_exact([[6, 0], [40, 160]]).pvalue
    assert found.least_p == pytest.approx(2.0 * exact, rel=1e-6)
    assert found.p >= exact


def test_ties_of_few_beside_many_tell_as_little_either_way():
    one, many = np.zeros(1), np.zeros(200)
    found = [Mean().contrast(*pair, paired=False) for pair in ((one, many), (many, one))]
    assert found[0].least_p == pytest.approx(found[1].least_p) == pytest.approx(2.0 / 201.0)
    assert found[0].difference.n == 1
    assert "all 201 replicates" in found[0].difference.reason


def test_a_forecast_of_replicates_is_more_than_there_are():
    values = np.zeros(40)
    values[:5] = np.arange(1.0, 6.0)
    found = Mean().contrast(np.zeros(1000), values, paired=False)
    assert found.p is None
    assert replicates_to_tell(found, 0.05, 6) > 40

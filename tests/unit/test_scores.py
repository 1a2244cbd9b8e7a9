"""Scores against their closed forms, places that are uniform for a true forecast only, and intervals that cover."""

import math

import numpy as np
import pytest
from scipy.stats import chisquare, norm

from cascade.analysis.statistics import block_mean, exact_probability
from cascade.analysis.statistics.bootstrap import block_length
from cascade.calibration.scores import Forecast, Measured, Scale, crps, pinball, pit, pit_histogram

PLAIN = Measured(Scale.PLAIN)
USD = Measured.of("liquidated_usd", "USD")


def normal_crps(y, sd=1.0):
    """Return the CRPS of a centred normal distribution (Gneiting and Raftery 2007)."""
    z = y / sd
    return sd * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / math.sqrt(math.pi))


@pytest.mark.parametrize("y", [-2.0, 0.0, 0.7])
def test_crps_of_quantiles_of_a_normal_is_its_closed_form(y):
    nodes = norm.ppf((np.arange(20_001) + 0.5) / 20_001)
    assert crps(nodes, y, is_sample=False) == pytest.approx(normal_crps(y), abs=2e-4)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("n", [2, 5, 40])
def test_the_fair_crps_is_right_on_average_for_any_number_of_draws(n):
    draws = np.sort(np.random.default_rng(n).normal(size=(20_000, n)), axis=1)
    found = np.array([crps(each, 0.7) for each in draws])
    assert found.mean() == pytest.approx(normal_crps(0.7), abs=4 * found.std() / math.sqrt(len(found)))
    plain = np.array([crps(each, 0.7, is_sample=False) for each in draws[:2000]])
    if n == 2:  # what it would be without the correction
        assert plain.mean() - normal_crps(0.7) > 0.2


def test_crps_of_one_draw_is_its_error():
    assert crps(np.array([3.0]), 1.0) == 2.0


def test_pinball_is_least_for_the_quantile():
    values = np.random.default_rng(0).normal(size=50_000)
    grid = np.linspace(0.5, 2.5, 81)
    losses = [np.mean([max(0.95 * (y - q), -0.05 * (y - q)) for y in values[:4000]]) for q in grid]
    assert grid[int(np.argmin(losses))] == pytest.approx(1.645, abs=0.12)
    assert pinball(1.0, 3.0, 0.95) == pytest.approx(1.9)
    assert pinball(3.0, 1.0, 0.95) == pytest.approx(0.1)


def places(spread, n=600, replicates=20, bias=0.0):
    generator = np.random.default_rng(3)
    return [pit(np.sort(generator.normal(bias, spread, replicates)), generator.normal()) for _ in range(n)]


def test_places_are_uniform_where_the_forecast_is_true():
    assert chisquare(pit_histogram(places(1.0), 10)).pvalue > 0.01


@pytest.mark.parametrize(
    ("spread", "bias"), [(0.5, 0.0), (2.0, 0.0), (1.0, 0.7)], ids=["sure", "unsure", "biased"]
)
def test_places_are_not_uniform_where_it_is_not(spread, bias):
    assert chisquare(pit_histogram(places(spread, bias=bias), 10)).pvalue < 1e-6


def test_the_place_of_a_tie_is_spread_over_it():
    assert pit(np.zeros(9), 0.0) == (0.0, 1.0)
    assert pit(np.arange(9.0), 4.5) == (0.5, 0.6)
    assert pit_histogram([(0.0, 1.0)], 4) == pytest.approx([0.25] * 4)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("n", [4, 2, 18, 19, 40])
def test_intervals_of_any_number_of_replicates_cover_as_they_say(n):
    generator = np.random.default_rng(n)
    inside = 0
    for _ in range(3000):
        *draws, y = np.exp(15.0 + generator.normal(size=n + 1))
        low, high = Forecast.of(draws, USD).interval(0.9)
        inside += low <= y <= high
    assert exact_probability(inside, 3000, 0.999).low < 0.9 < exact_probability(inside, 3000, 0.999).high


def test_one_replicate_has_no_interval():
    forecast = Forecast.of([5.0], PLAIN)
    assert (forecast.interval(0.9), forecast.quantile(0.5), forecast.pinball(1.0, 0.95)) == (None, 5.0, None)


def test_what_is_liquidated_is_scored_in_logarithms_that_take_zero():
    assert USD.scale is Scale.LOG_OF_AMOUNT
    assert USD.to(0.0) == pytest.approx(math.log(1000.0))
    assert USD.back(USD.to(5e6)) == pytest.approx(5e6)
    assert Forecast.of([0.0], USD, is_sample=False).crps(0.0) == 0.0
    assert Measured.of("return_pct", "%").scale is Scale.PLAIN
    assert Measured.of("low_usd", "USD").to(0.0) == -math.inf


def test_exact_intervals_of_a_share():
    found = exact_probability(68, 80)
    assert (found.low, found.high) == pytest.approx((0.7526, 0.9200), abs=1e-4)
    assert exact_probability(0, 10).low == 0.0
    assert exact_probability(10, 10).high == 1.0


def test_a_block_bootstrap_covers_the_mean_of_days_that_hang_together():
    generator = np.random.default_rng(5)
    covered = 0
    for _ in range(100):
        noise = generator.normal(size=60)
        days = np.array([noise[k] + 0.3 * noise[k - 1] for k in range(1, 41)])
        found = block_mean(days)
        covered += found.low <= 0.0 <= found.high
    assert covered >= 85
    assert block_length(37) == 3
    assert block_mean(np.ones(3)).reason == "an interval needs 6 events or days"

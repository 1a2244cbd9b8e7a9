"""Fits to tables whose posterior is known: priors, both methods, identification, what is left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from cascade.calibration.adjustment import regressed
from cascade.calibration.coverage import coverage
from cascade.calibration.fit import IDENTIFIED, fit, foretold
from cascade.calibration.identification import informs, profiles
from cascade.calibration.priors import (
    BetaPrior,
    LognormalPrior,
    LogUniformPrior,
    NormalPrior,
    Prior,
    UniformPrior,
)
from cascade.calibration.reference_table import Moment, table_of
from cascade.calibration.response import learn
from cascade.calibration.simulate import first_scores
from tests.support.calibrations import LUCK, NAMES, SLOPES, straight


def read(key, value):
    return float(value)


@pytest.mark.parametrize(
    ("prior", "law"),
    [
        (UniformPrior(dist="uniform", low=2, high=5), stats.uniform(2, 3)),
        (LogUniformPrior(dist="loguniform", low=0.1, high=10), stats.loguniform(0.1, 10)),
        (NormalPrior(dist="normal", mean=1, sd=2), stats.norm(1, 2)),
        (LognormalPrior(dist="lognormal", median=3, sigma=0.5), stats.lognorm(0.5, scale=3)),
        (BetaPrior(dist="beta", a=2, b=3, low=0, high=2), stats.beta(2, 3, 0, 2)),
    ],
    ids=lambda each: getattr(each, "dist", ""),
)
def test_scores_are_normal_under_every_prior(prior, law):
    found = prior.prior(read)
    scores = np.linspace(-3, 3, 61)
    values = found.values(scores)
    assert law.cdf(values) == pytest.approx(stats.norm.cdf(scores), abs=1e-12)
    assert np.isfinite(found.values(np.array([-40.0, 40.0]))).all()
    assert found.places(law.ppf(np.array([0.025, 0.5]))) == pytest.approx([found.places(law.ppf(0.025)), 0.0])
    low, high = found.places(law.ppf(np.array([0.025, 0.975])))
    assert high - low == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("prior", "said"),
    [
        (UniformPrior(dist="uniform", low=5, high=2), "low has to be below high"),
        (LogUniformPrior(dist="loguniform", low=0, high=2), "low has to be above zero"),
        (NormalPrior(dist="normal", mean=1, sd=0), "sd has to be above zero"),
        (LognormalPrior(dist="lognormal", median=-1, sigma=1), "median has to be above zero"),
    ],
)
def test_a_prior_that_is_none_says_why(prior, said):
    with pytest.raises(ValueError, match=said):
        prior.prior(read)


def test_more_draws_go_on_where_fewer_ended():
    assert (first_scores(3, 40, 7) == first_scores(3, 100, 7)[:40]).all()
    assert (first_scores(3, 40, 7) != first_scores(3, 40, 8)).any()


def conjugate(observed, slope=2.0, sigma=0.8, error=0.3, n=256, replicates=64):
    """Return a table of one normal parameter and one figure, and the posterior that it has."""
    generator = np.random.default_rng(3)
    scores = first_scores(1, n, 3)
    figures = slope * scores[:, :, None] + sigma * generator.standard_normal((n, replicates, 1))
    moments = [Moment("day.figure", "day", 1.0, error, is_log=False)]
    table, _ = table_of([Prior(lambda scores: scores)], moments, scores, figures)
    noise = sigma**2 + error**2
    variance = 1.0 / (1.0 + slope**2 / noise)
    return (
        replace(table, observed=np.array([observed])),
        variance * slope * observed / noise,
        np.sqrt(variance),
    )


@pytest.mark.parametrize("method", ["response", "adjustment"])
@pytest.mark.parametrize("observed", [0.0, 2.5])
def test_a_conjugate_posterior_is_recovered(method, observed):
    table, mean, sd = conjugate(observed)
    scores = fit(table, method, 4000, 1).scores[:, 0]
    assert scores.mean() == pytest.approx(mean, abs=0.12 * sd)
    assert scores.std() == pytest.approx(sd, rel=0.08)


def test_regression_alone_recovers_a_posterior_that_rejection_does_not():
    generator = np.random.default_rng(5)
    points = generator.standard_normal((20_000, 1))
    figures = 2.0 * points + 0.5 * generator.standard_normal((20_000, 1))
    off = figures - 1.0
    near = np.abs(off[:, 0]) < 2.0
    found = regressed(points[near], off[near], 1.0 - (off[near, 0] / 2.0) ** 2)
    assert points[near].std() > 2.0 * (sd := np.sqrt(1.0 / (1.0 + 16.0)))
    assert found.mean() == pytest.approx(8.0 / 17.0, abs=0.02)
    assert found.std() == pytest.approx(sd, rel=0.05)


def test_what_no_figure_moves_is_called_not_identified():
    posterior = fit(straight(1), "response", 1000, 1)
    widths = dict(zip(NAMES, posterior.widths(), strict=True))
    assert widths["scale"] < IDENTIFIED
    assert widths["share"] < IDENTIFIED
    assert widths["idle"] == pytest.approx(1.0, abs=0.1)
    bounds = dict(zip(NAMES, (each.bounds for each in profiles(posterior, 1)), strict=True))
    assert bounds == {"scale": "both", "share": "both", "idle": "neither"}


def test_two_that_only_their_sum_moves_are_known_together():
    table = straight(2).only([4])
    correlation = fit(table, "response", 2000, 1).correlation()
    assert correlation[0, 1] < -0.5


def test_a_figure_informs_what_it_moves():
    posterior = fit(straight(3), "response", 500, 1)
    widths, told = informs(posterior)
    third = told[2]  # of the second parameter, and a little of the last
    assert third.alone[0] == pytest.approx(1.0, abs=0.02)
    assert third.alone[1] < 0.4
    assert third.without[1] > widths[1]
    assert all((each.alone >= widths - 1e-9).all() and (each.without >= widths - 1e-9).all() for each in told)


def test_a_figure_without_weight_is_foretold_and_not_fitted_to():
    table = straight(4)
    shifted = table.observed.copy()
    shifted[2] += 30.0 * LUCK[2]
    moments = tuple(replace(each, weight=0.0 if k == 2 else 1.0) for k, each in enumerate(table.moments))
    plain, held_out = (fit(replace(table, moments=moments, observed=each), "response", 300, 1)
                       for each in (table.observed, shifted))  # fmt: skip
    assert (plain.scores == held_out.scores).all()
    found = {each.name: each for each in foretold(held_out, 1)}
    assert not found["day.2"].is_fitted
    assert found["day.2"].low < found["day.2"].high


def test_a_weight_of_two_is_worth_two_figures():
    table = straight(5).only([2])
    widths = [
        fit(replace(table, moments=(replace(table.moments[0], weight=weight),)), "response", 3000, 1)
        .scores[:, 1]
        .std()
        for weight in (1.0, 4.0)
    ]
    assert widths[1] < 0.75 * widths[0]


def test_what_happened_beyond_every_simulation_is_said():
    table = straight(6)
    far = replace(table, observed=table.observed + 50.0)
    found = foretold(fit(far, "response", 200, 1), 1)
    assert not any(each.in_reach for each in found)
    assert all(each.in_reach for each in foretold(fit(table, "response", 200, 1), 1))


def test_the_response_learns_the_slopes_and_the_luck_that_made_it():
    response = learn(without_error(straight(7, n=512, shared=0.0)))
    assert pytest.approx(SLOPES, abs=0.05) == response.coefficients[1:4].T
    deviation = np.sqrt(np.diagonal(response.covariance(np.zeros((1, 3)))[0] - np.diag(response.error)))
    assert deviation == pytest.approx(LUCK * np.sqrt(1 + 1 / 8), rel=0.06)
    assert response.freedom == pytest.approx(512 * 7, rel=0.2)
    paired = learn(without_error(straight(7, n=512, shared=1.0)))
    assert paired.freedom == pytest.approx(7, rel=0.05)


def without_error(table):
    return replace(table, moments=tuple(replace(each, error=0.0) for each in table.moments))


@pytest.mark.slow
def test_many_figures_of_known_error_tell_more_than_the_replicates_that_say_what_luck_is():
    """A level along 40 days, each known to a third, of two replicates: it is known to a third over the root of 40."""
    generator, error, n_days = np.random.default_rng(1), 0.33, 40
    prior = LogUniformPrior(dist="loguniform", low=0.1, high=10.0).prior(lambda key, value: float(value))
    scores = first_scores(1, 32, 1)
    luck = 0.03 * generator.standard_normal((2, n_days))
    figures = np.log(prior.values(scores[:, 0]))[:, None, None] + luck
    moments = [Moment(f"days.{k}", "days", 0.0, error, is_log=False) for k in range(n_days)]
    table, _ = table_of([prior], moments, scores, figures)
    table = replace(table, observed=error * generator.standard_normal(n_days))
    spread = np.log(fit(table, "response", 2000, 1).values).std()
    assert spread == pytest.approx(error / np.sqrt(n_days), rel=0.15)


def test_days_share_no_luck():
    table = straight(8)
    days = tuple(replace(each, day=f"day {k % 2}") for k, each in enumerate(table.moments))
    found = learn(replace(table, moments=days)).covariance(np.zeros((1, 3)))[0]
    assert (found[0::2, 1::2] == 0.0).all()
    assert found[0, 2] != 0.0


def test_a_draw_whose_figure_cannot_be_measured_is_left_out():
    scores = first_scores(1, 32, 1)
    figures = np.ones((32, 2, 1))
    figures[5, 1] = np.nan
    moments = [Moment("day.share", "day", 0.5, 0.1, is_log=False)]
    table, kept = table_of([Prior(lambda scores: scores)], moments, scores, figures)
    assert table.n_draws == 31
    assert not kept[5]


def test_logarithms_go_there_and_back_and_take_nothing_for_something():
    moment = Moment("day.usd", "day", 1e6, 0.1, is_log=True)
    values = np.array([0.0, 1e3, 1e6, 1e9])
    assert np.isfinite(moment.scaled(values)).all()
    assert moment.figures(moment.scaled(values)) == pytest.approx(values, rel=1e-9, abs=1e-6)


def test_truths_of_the_table_are_fitted_without_themselves_and_without_their_luck():
    table = straight(9)
    seen = table.as_if(5, 2)
    assert seen.n_draws == table.n_draws - 1
    assert seen.n_replicates == table.n_replicates - 1
    assert (seen.observed == table.figures[5, 2]).all()
    assert not (seen.scores == table.scores[5]).all(axis=1).any()
    assert not (seen.figures == table.figures[5, 2]).all(axis=2).any()


def test_coverage_counts_each_parameter_and_where_it_is_identified():
    found = {each.name: each for each in coverage(straight(10), NAMES, "response", 10, 1, draws=300)}
    assert all(
        each.n == 10 and each.held_identified <= min(each.held, each.n_identified) for each in found.values()
    )
    assert found["share"].n_identified >= 8
    assert found["idle"].n_identified == 0
    assert found["idle"].held >= 7

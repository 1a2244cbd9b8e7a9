"""Estimators of stylised facts against closed forms, their resampling, and the verdicts."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from cascade.analysis.facts import (
    FACTS,
    Band,
    Orders,
    Response,
    Sample,
    Series,
    Verdict,
    bands_of,
    gather,
    judge,
)
from cascade.analysis.facts import evidence as ev
from cascade.analysis.facts import measures as me
from cascade.analysis.facts.curves import CURVES, averaged, curves_of
from cascade.analysis.facts.evidence import plain
from cascade.analysis.facts.judge import estimate_of, verdict_of
from cascade.analysis.facts.observed import DAY_S, LackingError
from cascade.analysis.statistics import Estimate


def normal(n, seed=1):
    return np.random.default_rng(seed).standard_normal(n)


def ar1(n, phi, seed=1):
    from scipy.signal import lfilter

    return lfilter([1.0], [1.0, -phi], normal(n, seed))


def series(x, seconds=60.0, **columns):
    price = 100.0 * np.exp(np.concatenate([[0.0], np.cumsum(x)]))
    return Series(seconds, {"price": price} | columns, 0.0)


# --- closed forms --------------------------------------------------------------------------------------


@pytest.mark.parametrize("lag", [1, 3, 10])
def test_autocorrelation_of_an_autoregression(lag):
    n, phi = 200_000, 0.7
    # Bartlett (1946), for an autoregression of order 1
    variance = ((1 + phi**2) * (1 - phi ** (2 * lag)) / (1 - phi**2) - 2 * lag * phi ** (2 * lag)) / n
    z = (plain(ev.autocorrelation(ar1(n, phi), lag)) - phi**lag) / math.sqrt(variance)
    assert abs(z) < 4


def test_autocorrelation_of_signs_that_turn_with_a_given_probability():
    rng, n, stay = np.random.default_rng(2), 400_000, 0.8
    signs = np.cumprod(np.where(rng.random(n) < stay, 1.0, -1.0))
    for lag in (1, 2, 5, 10):
        assert plain(ev.autocorrelation(signs, lag)) == pytest.approx(
            (2 * stay - 1) ** lag, abs=4 / math.sqrt(n) * 2
        )


def test_signs_of_split_orders_have_long_memory():
    """Lillo, Mike and Farmer (2005): n splitters with runs of P(L > l) ~ l^-a give N^(a-2) / a lag^(1-a)."""
    rng, n, splitters, a = np.random.default_rng(3), 1_000_000, 5, 1.5
    chosen = rng.integers(0, splitters, n)
    signs = np.empty(n)
    for each in range(splitters):
        mine = np.flatnonzero(chosen == each)
        lengths = np.ceil(rng.pareto(a, len(mine)) + 1e-12).astype(np.int64)
        runs = np.repeat(rng.choice([-1.0, 1.0], len(mine)), lengths)[: len(mine)]
        signs[mine] = runs
    found = [plain(ev.autocorrelation(signs, lag)) for lag in (30, 300)]
    slope = math.log(found[1] / found[0]) / math.log(10.0)
    assert slope == pytest.approx(1 - a, abs=0.15)


@pytest.mark.parametrize(("freedom", "expected"), [(12, 0.75), (20, 0.375)])
def test_kurtosis_of_student(freedom, expected):
    x = np.random.default_rng(4).standard_t(freedom, 2_000_000)
    assert plain(ev.excess_kurtosis(x * 1e-4)) == pytest.approx(expected, abs=0.12)


def test_kurtosis_and_skewness_of_few_values_are_exact():
    x = np.array([1.0, -1.0, 1.0, -1.0])
    assert plain(ev.excess_kurtosis(x)) == pytest.approx(-2.0)
    from scipy import stats

    x = np.random.default_rng(5).gamma(3.0, size=500)
    assert plain(ev.skewness(x)) == pytest.approx(stats.skew(x))
    assert plain(ev.excess_kurtosis(x)) == pytest.approx(stats.kurtosis(x))
    assert plain(ev.deviation(x)) == pytest.approx(x.std())


@pytest.mark.parametrize("exponent", [1.1, 3.0])
def test_hill_of_pareto(exponent):
    x = np.random.default_rng(6).pareto(exponent, 100_000) + 1.0
    k = 5_000
    assert abs(plain(ev.hill(x, 0.05)) - exponent) < 4 * exponent / math.sqrt(k)


def test_hill_is_that_of_its_definition():
    x = np.random.default_rng(7).pareto(2.0, 1_000) + 1.0
    top = np.sort(x)[::-1]
    k = 50
    assert plain(ev.hill(x, 0.05)) == pytest.approx(1.0 / np.mean(np.log(top[:k] / top[k])))


def test_variance_ratio_of_a_random_walk_is_one_also_in_a_short_window():
    assert plain(ev.variance_ratio(normal(400_000), 10)) == pytest.approx(1.0, abs=0.03)
    short = [plain(ev.variance_ratio(normal(341, seed), 60)) for seed in range(600)]
    error = np.std(short) / math.sqrt(len(short))
    assert abs(np.mean(short) - 1.0) < 4 * error


def test_variance_ratio_of_a_moving_average():
    e, theta, k = normal(400_001), -0.4, 10
    rho = theta / (1 + theta**2)
    expected = 1 + 2 * (1 - 1 / k) * rho
    assert plain(ev.variance_ratio(e[1:] + theta * e[:-1], k)) == pytest.approx(expected, abs=0.02)


def test_correlation_leaves_out_what_is_missing():
    x, y = normal(500, 8), normal(500, 9)
    x[:40], y[100:150] = np.nan, np.nan
    known = np.isfinite(x) & np.isfinite(y)
    assert plain(ev.correlation(x, y)) == pytest.approx(np.corrcoef(x[known], y[known])[0, 1])
    assert plain(ev.share_explained(x, y)) == pytest.approx(np.corrcoef(x[known], y[known])[0, 1] ** 2)


def test_quantile_of_counts_is_the_smallest_that_enough_do_not_exceed():
    x = np.random.default_rng(10).poisson(3.0, 999).astype(float)
    for share in (0.5, 0.99):
        assert plain(ev.quantile_of_counts(x, share)) == np.quantile(x, share, method="inverted_cdf")


def test_busiest_hour_over_the_quietest():
    hour = np.tile(np.repeat(np.arange(24), 12), 3)
    x = 1.0 + (hour == 14) * 2.0 - (hour == 23) * 0.5
    assert plain(ev.busiest_over_quietest(x, hour)) == pytest.approx(3.0 / 0.5)


def test_first_passage_is_that_of_its_definition():
    x = np.cumsum(normal(300, 11))
    found = ev.first_passage(x, 2.0)
    for t in range(len(x)):
        above = np.flatnonzero(x[t + 1 :] - x[t] >= 2.0)
        assert (above[0] + 1 == found[t]) if len(above) else math.isnan(found[t])


def test_waiting_times_of_a_walk_and_of_its_mirror_are_inverse():
    x = np.cumsum(normal(5_000, 12)) * 1e-3
    assert plain(ev.waiting_ratio(x, 0.01)) == pytest.approx(1.0 / plain(ev.waiting_ratio(-x, 0.01)))
    detrended = x - np.linspace(0, x[-1] - x[0], len(x))
    waits = [np.nanmean(ev.first_passage(sign * detrended, 0.01)) for sign in (1, -1)]
    assert plain(ev.waiting_ratio(x, 0.01)) == pytest.approx(waits[0] / waits[1])


def test_volatility_ahead_sums_what_follows():
    x = normal(50, 13)
    found = me.volatility_ahead(x, 12)
    assert found[3] == pytest.approx(np.abs(x[4:16]).sum())
    assert len(found) == len(x[:-12])


def test_neighbours_and_bursts_of_liquidations():
    t = np.array([0.0, 0.5, 10.0, 11.5, 40.0, 41.0])
    assert me.has_neighbour(t, 1.0).tolist() == [1, 1, 0, 0, 1, 1]
    t = np.arange(100.0) * 10.0
    usd = np.ones(100)
    usd[[10, 12, 50, 90, 95]] = 9.0  # 20 s apart, alone, 50 s apart
    assert np.flatnonzero(me.burst_starts(t, usd)).tolist() == [10, 90]


def test_half_life_of_an_exponential_refill():
    t = np.arange(1, 60)
    share = 1.0 - 0.9 * np.exp(-(t - 1) / 8.0)
    assert me.half_life(share, 1.0) == pytest.approx(8.0 * math.log(2.0), abs=0.05)
    assert me.half_life(np.array([0.1, 0.2, 0.3]), 1.0) == math.inf


def test_exponent_of_a_power_law():
    rows = [Response(size, 3600.0, 1.0, np.full(3600, 3.0 * size**0.5)) for size in (1e6, 1e8, 1e9)]
    assert me.exponent(rows) == pytest.approx(0.5)
    flat = replace(rows[0], moved_bps=np.zeros(3600))
    assert math.isnan(me.exponent([flat, rows[1]]))


# --- resampling ----------------------------------------------------------------------------------------


def blocks_of(x, n):
    edges = np.arange(n + 1) * len(x) // n
    return [x[a:b] for a, b in itertools.pairwise(edges)]


@pytest.mark.parametrize("make", [ev.mean, ev.deviation, ev.excess_kurtosis, lambda x: ev.hill(x, 0.1)])
def test_weights_give_what_the_drawn_blocks_give(make):
    x = np.random.default_rng(14).pareto(2.0, 1_000) + 1.0
    weights = (
        np.random.default_rng(15).multinomial(ev.BLOCKS, np.full(ev.BLOCKS, 1 / ev.BLOCKS)).astype(float)
    )
    blocks = blocks_of(x, ev.BLOCKS)
    drawn = np.concatenate([block for block, w in zip(blocks, weights, strict=True) for _ in range(int(w))])
    assert float(make(x).value(weights[None])[0]) == pytest.approx(plain(make(drawn)))


def test_intervals_of_one_replicate_hold_what_they_should():
    fact, phi = FACTS["whiteness_1m"], 0.3
    held = 0
    for seed in range(150):
        evidence = ev.autocorrelation(ar1(2_000, phi, seed), 1)
        found = estimate_of(fact, [[evidence]], np.array([plain(evidence)]))
        assert found.method == "block bootstrap"
        held += found.low <= phi <= found.high
    assert 0.86 <= held / 150 <= 0.99


def test_from_six_replicates_on_the_interval_is_that_of_a_mean():
    fact = FACTS["whiteness_1m"]
    each = [[ev.autocorrelation(normal(500, seed), 1)] for seed in range(8)]
    values = np.array([plain(one[0]) for one in each])
    found = estimate_of(fact, each, values)
    assert found.value == pytest.approx(values.mean())
    assert found.n == 8
    assert found.method != "block bootstrap"


def test_hours_of_all_replicates_are_taken_together():
    calm, wild = normal(3_000, 16) * 1e-4, normal(3_000, 17) * 4e-4
    samples = [Sample((series(x, 300.0),)) for x in (calm, wild)]
    (row,) = [row for row in judge([gather(s) for s in samples], {}, 20.0) if row.fact.name == "kurtosis_1h"]
    hours = np.concatenate([me.hourly_returns(sample) for sample in samples])
    from scipy import stats

    assert row.readings[0].estimate.value == pytest.approx(stats.kurtosis(hours), rel=1e-6)
    assert row.readings[0].share is None


# --- series and windows --------------------------------------------------------------------------------


def test_bars_are_joined_by_what_they_hold():
    bars = Series(
        60.0,
        {
            "price": np.arange(1.0, 8.0), "high": np.array([2, 9, 3, 4, 5, 6, 7.0]),
            "low": np.array([1, 2, 0.5, 3, 4, 5, 6]), "volume": np.ones(7),
        },
    )  # fmt: skip
    longer = bars.every(180.0)
    assert longer["price"].tolist() == [3, 6]
    assert longer["high"].tolist() == [9, 6]
    assert longer["low"].tolist() == [0.5, 3]
    assert longer["volume"].tolist() == [3, 3]
    with pytest.raises(LackingError, match="no record of best bid and ask"):
        _ = bars["spread"]


def test_a_sample_is_cut_into_whole_windows():
    sample = Sample((series(normal(3 * 1440 - 1), 60.0),))
    days = list(sample.windows("day"))
    assert [len(day.bars[0]) for day in days] == [1440] * 3
    assert np.array_equal(days[1].bars[0]["price"], sample.bars[0]["price"][1440:2880])
    assert len(list(sample.windows("run"))) == 1
    assert len(list(Sample((series(normal(1500), 60.0),)).windows("day"))) == 1


def test_bars_that_are_too_long_say_what_to_record():
    sample = Sample((series(normal(2000)),), reasons={"length": "; record `outputs: {bars: 1s}`"})
    (row,) = [row for row in judge([gather(sample)], {}, 2.0) if row.fact.name == "kurtosis_1s"]
    assert row.verdict is Verdict.NOT_JUDGED
    assert row.readings[0].reason == "bars are 60 s long and the fact needs 1 s; record `outputs: {bars: 1s}`"


# --- verdicts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (1.5, 0.0, 3.0, Verdict.INSIDE),
        (2.0, None, None, Verdict.INSIDE),
        (2.1, 1.9, 2.3, Verdict.EDGE),
        (2.1, 2.05, 2.3, Verdict.OUTSIDE),
        (0.5, 0.4, 0.6, Verdict.OUTSIDE),
        (0.5, None, None, Verdict.OUTSIDE),
    ],
)
def test_a_figure_is_inside_on_the_edge_or_outside(value, low, high, expected):
    assert verdict_of(Estimate(value, low, high, 4), Band(1.0, 2.0, "stated", "")) is expected


@pytest.mark.slow
def test_facts_of_a_gaussian_walk_are_judged_as_such():
    rng = np.random.default_rng(18)
    samples: list[Sample] = []
    for _ in range(6):
        orders = Orders(rng.choice([-1.0, 1.0], 5_000), rng.pareto(1.5, 5_000))
        samples.append(Sample((series(rng.standard_normal(3 * 1440 - 1) * 1e-4),), orders=orders))
    rows = {row.fact.name: row for row in judge([gather(sample) for sample in samples], {}, 18.0)}
    assert rows["whiteness_1m"].verdict is Verdict.INSIDE
    assert rows["variance_ratio_10m"].verdict is Verdict.INSIDE
    assert rows["leverage_effect"].verdict is Verdict.INSIDE
    assert rows["order_size_tail"].verdict is Verdict.INSIDE
    for name in ("kurtosis_1m", "hill_1m", "clustering", "sign_memory"):
        assert rows[name].verdict is Verdict.OUTSIDE, name
    assert rows["sign_memory"].readings[0].share == 0.0
    assert rows["spread"].readings[0].reason.startswith("bars are 60 s long")


@pytest.mark.slow
def test_clustered_volatility_is_seen():
    rng, n = np.random.default_rng(19), 3 * 1440 - 1
    samples: list[Sample] = []
    for k in range(6):
        modes = [
            ar1(n, math.exp(-1 / t), 100 + 10 * k + j) * math.sqrt(2 / t) for j, t in enumerate((3, 60, 500))
        ]
        samples.append(Sample((series(rng.standard_t(6, n) * np.exp(0.32 * sum(modes)) * 1e-4),)))
    rows = {row.fact.name: row for row in judge([gather(sample) for sample in samples], {}, 18.0)}
    assert rows["clustering"].readings[0].estimate.value > 0.1
    assert rows["kurtosis_1m"].readings[0].estimate.value > 3.0


@pytest.mark.slow
def test_bands_of_own_data_replace_the_registered_ones():
    n_days = 25
    own = Sample((series(normal(n_days * 288 - 1, 20) * 1e-3, 300.0),))
    bands = bands_of(gather(own, run_s=3 * DAY_S), "mine.csv")
    band = bands["whiteness_5m", 0]
    days = [plain(ev.autocorrelation(day.every(300.0).returns, 1)) for day in own.windows("day")]
    assert (band.low, band.high) == pytest.approx(tuple(np.quantile(days, (0.05, 0.95))))
    assert band.source == "mine.csv: 25 windows"
    assert ("sign_memory", 0) not in bands
    rows = {row.fact.name: row for row in judge([gather(own)], bands, n_days)}
    assert rows["whiteness_5m"].readings[0].band is band
    assert rows["kurtosis_5m"].verdict is Verdict.INSIDE  # of itself


def test_every_fact_has_a_band_that_it_can_meet():
    assert sorted(fact.row for fact in FACTS.values()) == list(range(1, 44))
    for fact in FACTS.values():
        assert fact.parts
        for part in fact.parts:
            assert part.band.low <= part.band.high
            assert part.band.source


def test_a_week_of_days_is_needed_for_the_clock_of_the_day():
    x = series(normal(3 * 288 - 1, 21) * 1e-3, 300.0, volume=np.full(3 * 288, 1.0))
    gathered = [gather(Sample((x,)))]
    for days, expected in ((3.0, Verdict.NOT_JUDGED), (7.0, Verdict.OUTSIDE)):
        (row,) = [row for row in judge(gathered, {}, days) if row.fact.name == "busiest_hour"]
        assert row.verdict is expected


# --- curves --------------------------------------------------------------------------------------------


def test_curves_of_what_there_is():
    sample = Sample((series(normal(1440) * 1e-4),), orders=Orders(np.sign(normal(5_000)), np.ones(5_000)))
    found = curves_of(sample)
    assert {"tail_1m", "memory", "memory_absolute", "signature", "signs"} <= set(found)
    assert not {"tail_1s", "impact", "sizes", "across"} & set(found)
    assert set(found) <= set(CURVES)
    tail = found["tail_1m"]
    assert tail.y[np.searchsorted(tail.x, 1.0) - 1] == pytest.approx(0.32, abs=0.08)


def test_curves_are_averaged_over_the_replicates_that_have_them():
    each = [curves_of(Sample((series(normal(1440, seed) * 1e-4),))) for seed in (1, 2)]
    found = averaged([*each, {}], each[0])["memory"]
    assert found.n == 2
    assert found.mean == pytest.approx((each[0]["memory"].y + each[1]["memory"].y) / 2)
    assert (found.low <= found.high).all()
    assert found.real is each[0]["memory"].y

"""The branching ratio: three estimators against the truth of the reduced market.

On a Poisson ladder under linear permanent impact every liquidation trips a Poisson number (mean n) of
others, so n is known, and each estimator has to find it within its interval: not in one
market, but in 95 of 100.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from cascade.analysis.graph import (
    Branching,
    CascadeGraph,
    branching_over_time,
    build,
    counterfactual,
    genealogical,
    genealogical_of,
    structural,
)
from cascade.output.convert import to_batch
from cascade.output.parquet import concatenate
from cascade.output.run_units import MarketUnits, RunUnits
from tests.theory.reduced import UNIT, Ladder, ReducedMarket, Session, bound, scattered

SIZE, SHOCK, NEAR = 3, 30, 200
LEVELS = {0.3: 512, 0.6: 1024, 0.9: 4096}
N = 120

UNITS = RunUnits(
    "reduced",
    (
        MarketUnits("s:X", "X", "s", 1.0, 1.0, UNIT, leveraged=False),
        MarketUnits("v:X", "X", "v", 1.0, 1.0, UNIT, clock_s=1e-6),
    ),
    1.0,
    purposes=("any",),
)


class Course(NamedTuple):
    """One market: its graph, what came from outside and in all, and the sizes at risk near the start."""

    graph: CascadeGraph
    outside: int
    total: int
    at_risk: np.ndarray


def graph_of(session: Session) -> CascadeGraph:
    """Return the graph of what a session has liquidated, from the rows a run would write."""
    rows = to_batch("liquidations", session.runner.log("liquidations"), UNITS, 0)
    return build(concatenate([rows]), UNITS)


def courses(
    n: float, count: int, seed: int, side: int = 1, shocks: tuple[int, ...] = (SHOCK,)
) -> list[Course]:
    """Return the courses of independent markets in which outside flow takes lots, step by step."""
    rng, levels, density = np.random.default_rng(seed), LEVELS[n], n / SIZE
    market = ReducedMarket(
        Ladder(levels=levels, side=side), int(density * levels + 6 * levels**0.5), n_steps=len(shocks) + 4
    )
    found = []
    for _ in range(count):
        depths = scattered(rng, density, levels)
        session = market.session(depths, np.full(len(depths), SIZE))
        for lots in shocks:
            session.move(lots)
        assert session.eaten < levels, "the ladder was too short"
        at_risk = np.full(int((depths <= NEAR).sum()), float(SIZE))
        found.append(Course(graph_of(session), sum(shocks), session.eaten, at_risk))
    return found


def holds(estimate: Branching, n: float) -> bool:
    """Tell whether an interval holds the truth."""
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low <= n <= estimate.high


def covered(intervals: list[bool]) -> None:
    """Fail where fewer intervals hold the truth than 95 % can explain (three standard errors)."""
    share, error = np.mean(intervals), np.sqrt(0.95 * 0.05 / len(intervals))
    assert share >= 0.95 - 3 * error, share


@pytest.fixture(
    scope="module", params=[n if n == 0.6 else pytest.param(n, marks=pytest.mark.slow) for n in LEVELS]
)
def sample(request) -> tuple[float, list[Course]]:
    """Return markets of each branching ratio."""
    return request.param, courses(request.param, N, seed=40)


def test_all_three_agree_with_the_truth_within_their_intervals(sample):
    n, found = sample
    outside, total = (np.array([getattr(c, name) for c in found], float) for name in ("outside", "total"))
    at_risk = np.concatenate([course.at_risk for course in found])
    confidence = 1 - 0.05 / (3 * len(LEVELS))  # all nine hold at once with 95 %
    estimates = [
        structural(at_risk, float(NEAR * len(found)), confidence),
        counterfactual(outside, total, confidence),
        genealogical_of([course.graph for course in found], confidence),
    ]
    assert [estimate.method for estimate in estimates] == ["structural", "counterfactual", "genealogical"]
    for estimate in estimates:
        assert holds(estimate, n), estimate


def test_structural_intervals_cover_the_truth(sample):
    n, found = sample
    covered([holds(structural(course.at_risk, float(NEAR)), n) for course in found])


def test_counterfactual_intervals_cover_the_truth(sample):
    n, found = sample
    outside, total = (np.array([getattr(c, name) for c in found], float) for name in ("outside", "total"))
    tens = np.arange(len(found)).reshape(-1, 12)
    covered([holds(counterfactual(outside[k], total[k]), n) for k in tens])


def test_genealogical_intervals_cover_the_truth(sample):
    n, found = sample
    covered([holds(genealogical_of([course.graph]), n) for course in found if course.graph.is_root.any()])


def test_the_correction_of_finite_trees_removes_their_bias(sample):
    n, found = sample
    graphs = [course.graph for course in found if course.graph.is_root.any()]
    values = np.array([genealogical_of([graph]).value for graph in graphs])
    bound(corrected=float((values.mean() - n) / (values.std(ddof=1) / np.sqrt(len(values)))))


def test_uncorrected_mean_offspring_is_too_low_as_the_formula_says():
    """With Borel-Tanner totals of one root, E(1 - 1 / T) = n / 2; the correction doubles it."""
    n = 0.6
    k = np.arange(1, 4_000, dtype=float)
    log_p = (k - 1) * np.log(n * k) - n * k - np.cumsum(np.log(k))
    p = np.exp(log_p)
    assert (p * (1 - 1 / k)).sum() == pytest.approx(n / 2, abs=1e-9)
    corrected = [genealogical(1, int(total)).value for total in k[:200]]
    assert (p[:200] * corrected).sum() == pytest.approx(n, abs=1e-4)


def test_the_graph_of_a_step_is_the_branching_process(sample):
    """Roots are those whom the shock reached; everybody else was tripped in a later wave by the wave before."""
    n, found = sample
    for course in found:
        graph = course.graph
        np.testing.assert_array_equal(graph.is_root, graph.wave == 0)
        assert (graph.wave[graph.source] + 1 == graph.wave[graph.target]).all()
    roots = np.array([course.graph.is_root.sum() for course in found])
    mean = n / SIZE * SHOCK
    bound(roots=float((roots.mean() - mean) / np.sqrt(mean / len(found))))


def test_shorts_are_a_mirror():
    found = courses(0.6, 40, seed=41, side=-1)
    assert holds(genealogical_of([course.graph for course in found]), 0.6)


def test_a_shock_in_parts_has_the_same_branching_ratio():
    """A price worked down step by step trips roots at each; what a cascade left behind trips nobody twice."""
    found = courses(0.6, 60, seed=42, shocks=(10, 10, 10))
    assert holds(genealogical_of([course.graph for course in found]), 0.6)
    assert holds(
        counterfactual(*(np.array([getattr(c, k) for c in found], float) for k in ("outside", "total"))), 0.6
    )
    steps = {int(step) for course in found for step in course.graph.step[course.graph.is_root]}
    assert len(steps) == 3
    graph = max((course.graph for course in found), key=len)
    windows = branching_over_time(graph, 1.0)
    assert sum(estimate.value * estimate.n for _, estimate in windows) == pytest.approx(graph.weight.sum())


# --- offspring that hang together, as those of real cascades do


def cascade_of(rng, n, roots=40, dispersion=20.0, most=4000):
    """Return the graph of a process in which a wave trips as one: offspring twenty times as varied as Poisson numbers.

    The mean offspring of a wave of m is n g with g of mean one and variance `dispersion` / m: however
    large a wave is, its offspring vary by `dispersion` times their mean, and not by one.
    """
    waves, by = [np.arange(roots)], [np.full(roots, -1)]
    total = roots
    while len(waves[-1]) and total < most:
        m = len(waves[-1])
        shape = m / dispersion
        born = int(rng.poisson(n * m * rng.gamma(shape, 1.0 / shape)))
        by.append(waves[-1][rng.integers(0, m, born)])
        waves.append(np.arange(total, total + born))
        total += born
    parent, wave = np.concatenate(by), np.repeat(np.arange(len(waves)), [len(each) for each in waves])
    target = np.flatnonzero(parent >= 0)
    zeros, ones = np.zeros(total, np.int64), np.ones(total)
    text = np.full(total, "")
    return CascadeGraph(
        UNITS, 0, wave, zeros, wave.astype(float), np.arange(total), zeros, text, text, text, ones, parent < 0,
        parent[target], target, np.ones(len(target)),
    )  # fmt: skip


@pytest.mark.sampled(3)
@pytest.mark.parametrize("n", [0.6, 0.3, 0.8])
def test_intervals_over_replicates_cover_offspring_that_hang_together(n):
    rng = np.random.default_rng(7)
    found = [genealogical_of([cascade_of(rng, n) for _ in range(12)]) for _ in range(200)]
    covered([holds(each, n) for each in found])
    poisson = [genealogical(sum(int(g.is_root.sum()) for g in many), sum(map(len, many))) for many in
               ([cascade_of(rng, n) for _ in range(12)] for _ in range(60))]  # fmt: skip
    assert np.mean([holds(each, n) for each in poisson]) < 0.85, "what it was before"


@pytest.mark.sampled(3)
@pytest.mark.parametrize("n", [0.6, 0.3, 0.8])
def test_intervals_of_one_cascade_cover_offspring_that_hang_together(n):
    rng = np.random.default_rng(8)
    found = [genealogical_of([cascade_of(rng, n, roots=200)]) for _ in range(300)]
    covered([holds(each, n) for each in found])


def test_a_window_of_one_cascade_covers_too():
    rng = np.random.default_rng(9)
    found = [branching_over_time(cascade_of(rng, 0.6, roots=400), 1e9)[0][1] for _ in range(200)]
    covered([holds(each, 0.6) for each in found])


def test_a_book_that_holds_next_to_nothing_is_not_divided_by():
    at_risk = np.full(100, 10_000.0)
    for depth, part in ((0.0, "holds nothing"), (3_000.0, "holds 0.3% of what is at risk")):
        found = structural(at_risk, depth)
        assert (found.value, found.low, found.high) == (None, None, None)
        assert part in found.reason
    assert structural(at_risk, 200_000.0).value == pytest.approx(5.0)
    assert structural(np.zeros(0), 200_000.0).value == 0.0

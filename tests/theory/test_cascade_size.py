"""Size of a cascade on a Poisson ladder under linear permanent impact: exactly generalised Poisson.

Every lot that is sold uncovers 1 / per_tick ticks, each with a Poisson number (mean nu) of accounts of v
lots. So accounts are the progeny of a branching process with n = nu v / per_tick children each, and the
number T that a shock of d0 lots liquidates has P(T = k) = a (a + n k)^(k-1) e^(-a - n k) / k!, a = nu d0.
(Consul and Jain 1973.)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from scipy import special, stats

from tests.theory.reduced import Ints, Ladder, ReducedMarket, bound, least_fixed_point, scattered

SIZE, SHOCK, N = 3, 10, 600
LEVELS = {0.3: 512, 0.6: 1024, 0.9: 4096}


class Sample(NamedTuple):
    """Accounts liquidated in each market of a sample, and the parameters of their distribution."""

    sizes: Ints
    a: float
    n: float


def draw(n: float, side: int, count: int, seed: int) -> Sample:
    """Return the sizes of cascades in independent markets, each checked against its own fixed point."""
    rng, levels, density = np.random.default_rng(seed), LEVELS[n], n / SIZE
    market = ReducedMarket(Ladder(levels=levels, side=side), int(density * levels + 6 * levels**0.5))
    sizes = np.zeros(count, np.int64)
    for k in range(count):
        depths = scattered(rng, density, levels)
        lots = np.full(len(depths), SIZE)
        session = market.session(depths, lots)
        session.move(SHOCK)
        sold, hit = least_fixed_point(SHOCK, depths, lots)
        assert sold < levels, "the ladder was too short"
        assert (len(session.liquidated), session.forced) == (hit, SIZE * hit)
        assert session.last == market.ladder.tick(sold)
        assert set(depths[session.liquidated]) == set(depths[depths <= sold])
        sizes[k] = hit
        if k % 500 == 0:
            session.check()
    return Sample(sizes, density * SHOCK, n)


def pmf(a: float, n: float, k: Ints) -> np.ndarray:
    """Return the generalised Poisson probabilities of k."""
    return np.exp(np.log(a) + (k - 1) * np.log(a + n * k) - a - n * k - special.gammaln(k + 1))


def z_mean(sample: Sample) -> float:
    """Return how many standard errors the mean lies from a / (1 - n)."""
    a, n, x = sample.a, sample.n, sample.sizes
    return float((x.mean() - a / (1 - n)) / np.sqrt(a / (1 - n) ** 3 / len(x)))


def z_variance(sample: Sample) -> float:
    """Return how many standard errors the variance lies from a / (1 - n)^3, by the exact fourth moment."""
    a, n, x = sample.a, sample.n, sample.sizes
    variance = a / (1 - n) ** 3
    fourth = a * (1 + 8 * n + 6 * n * n) / (1 - n) ** 7 + 3 * variance**2
    return float((x.var(ddof=1) - variance) / np.sqrt((fourth - variance**2) / len(x)))


def z_fit(sample: Sample) -> float:
    """Return the chi-square test of the whole distribution as the normal deviate of the same probability."""
    count = len(sample.sizes)
    tail = 1 - np.concatenate([[0], np.cumsum(pmf(sample.a, sample.n, np.arange(5_000)))])
    edges = [0]
    while count * tail[edges[-1]] > 20:
        edges.append(
            next(k for k in range(edges[-1] + 1, 5_000) if count * (tail[edges[-1]] - tail[k]) >= 10)
        )
    edges[-1] = 5_000
    expected = -count * np.diff(tail[edges])
    found = np.histogram(sample.sizes, [*edges[:-1], np.inf])[0]
    chi = float(((found - expected) ** 2 / expected).sum())
    return float(stats.norm.isf(stats.chi2.sf(chi, len(expected) - 1)))


def check(sample: Sample) -> None:
    """Bound the deviates of mean, variance and distribution."""
    bound(mean=z_mean(sample), variance=z_variance(sample), pmf=z_fit(sample))


def test_the_distribution_sums_to_one_and_has_its_moments():
    k = np.arange(20_000)
    for n in LEVELS:
        p = pmf(2.0, n, k)
        mean = (p * k).sum()
        assert p.sum() == pytest.approx(1, abs=1e-9)
        assert mean == pytest.approx(2 / (1 - n), rel=1e-9)
        assert (p * (k - mean) ** 2).sum() == pytest.approx(2 / (1 - n) ** 3, rel=1e-9)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("n", LEVELS)
def test_the_number_liquidated_is_generalised_poisson(n):
    check(draw(n, 1, N, seed=20))


@pytest.mark.slow
def test_the_number_of_shorts_squeezed_is_generalised_poisson():
    check(draw(0.6, -1, N, seed=23))


@pytest.mark.slow
@pytest.mark.parametrize("n", LEVELS)
def test_the_number_liquidated_is_generalised_poisson_in_many_markets(n):
    check(draw(n, 1, 6_000, seed=21))


@pytest.mark.slow
def test_borel_tanner_when_the_shock_is_a_number_of_liquidations():
    """Let m accounts fail at the first tick, the others beyond: T is Borel-Tanner with mean m / (1 - n)."""
    n, m, levels = 0.6, 4, LEVELS[0.6]
    rng, density = np.random.default_rng(22), n / SIZE
    market = ReducedMarket(Ladder(levels=levels), int(density * levels + 6 * levels**0.5))
    sizes = np.zeros(N, np.int64)
    for k in range(N):
        depths = np.concatenate([np.ones(m, np.int64), 1 + scattered(rng, density, levels - 1)])
        lots = np.full(len(depths), SIZE)
        session = market.session(depths, lots)
        session.move(1)
        assert len(session.liquidated) == least_fixed_point(1, depths, lots)[1]
        sizes[k] = len(session.liquidated)
    z = (sizes.mean() - m / (1 - n)) / np.sqrt(m * n / (1 - n) ** 3 / N)
    bound(mean=float(z))

"""The normal distribution of the package is that of scipy, to the last bit."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from cascade.scenario.normal import normal_quantile, normal_share


def test_quantiles_are_those_of_scipy_to_the_last_bit() -> None:
    random = np.random.default_rng(1)
    shares = np.concatenate(
        [
            random.random(2000),
            10.0 ** -random.uniform(0, 300, 2000),
            1.0 - 10.0 ** -random.uniform(0, 16, 2000),
            [0.0, 0.5, 1.0, np.exp(-2.0), 1.0 - np.exp(-2.0), -1.0, 2.0, np.nan],
        ]
    )
    np.testing.assert_array_equal(normal_quantile(shares), ndtri(shares))


def test_shares_are_those_of_scipy_to_the_last_bit() -> None:
    random = np.random.default_rng(2)
    values = np.concatenate(
        [
            random.normal(0.0, 2.0, 2000),
            random.uniform(-40.0, 40.0, 2000),
            [0.0, -0.0, 2**0.5, -(2**0.5), 8 * 2**0.5, 1e-300, 1e300, np.inf, -np.inf, np.nan],
        ]
    )
    np.testing.assert_array_equal(normal_share(values), ndtr(values))


def test_a_share_and_its_quantile_belong_together() -> None:
    values = np.linspace(-5.0, 5.0, 101)
    np.testing.assert_allclose(normal_quantile(normal_share(values)), values, atol=1e-9)

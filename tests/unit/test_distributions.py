"""Distributions: quantiles, means and truncation against scipy; refusals with advice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from scipy import stats

from cascade.scenario.distribution_names import SHAPES, shapes_of
from cascade.scenario.distributions import (
    AnyDistribution,
    Constant,
    Distribution,
    LeverageDistribution,
    UsdDistribution,
)

U = np.linspace(0.001, 0.999, 97)


def make(value: Any, kind: Any = AnyDistribution) -> Distribution:
    return TypeAdapter(kind).validate_python(value)


def complaints(value: Any, kind: Any = AnyDistribution) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        make(value, kind)
    return [f"{d['msg']} | {d.get('ctx', {}).get('hint', '')}" for d in caught.value.errors()]


PAIRS = [
    ({"dist": "uniform", "low": 2, "high": 5}, stats.uniform(2, 3)),
    ({"dist": "exponential", "mean": 3}, stats.expon(scale=3)),
    ({"dist": "lognormal", "median": 1000, "sigma": 2.1}, stats.lognorm(2.1, scale=1000)),
    ({"dist": "lognormal", "mean": 1000, "sigma": 0.5}, stats.lognorm(0.5, scale=1000 * np.exp(-0.125))),
    ({"dist": "pareto", "b": 1.5, "scale": 10, "loc": 1}, stats.pareto(1.5, loc=1, scale=10)),
    ({"dist": "gamma", "a": 2, "scale": 3}, stats.gamma(2, scale=3)),
    ({"dist": "lognorm", "s": 1.2, "scale": 5}, stats.lognorm(1.2, scale=5)),
]


@pytest.mark.parametrize(("spec", "reference"), PAIRS, ids=[p[0]["dist"] for p in PAIRS])
def test_agrees_with_scipy(spec: dict[str, Any], reference: Any) -> None:
    dist = make(spec)
    np.testing.assert_allclose(dist.ppf(U), reference.ppf(U), rtol=1e-12)
    x = reference.ppf(U)
    np.testing.assert_allclose(dist.cdf(x), U, rtol=1e-9)
    assert dist.mean() == pytest.approx(reference.mean(), rel=1e-12)
    assert not dist.is_discrete


@pytest.mark.parametrize(("spec", "reference"), PAIRS, ids=[p[0]["dist"] for p in PAIRS])
def test_truncation_conditions_on_the_interval(spec: dict[str, Any], reference: Any) -> None:
    low, high = float(reference.ppf(0.2)), float(reference.ppf(0.95))
    dist = make({**spec, "min": low, "max": high})
    np.testing.assert_allclose(dist.ppf(U), reference.ppf(0.2 + U * 0.75), rtol=1e-9)
    assert dist.support() == (low, high)
    fine = (np.arange(200_000) + 0.5) / 200_000
    assert dist.mean() == pytest.approx(float(reference.ppf(0.2 + fine * 0.75).mean()), rel=1e-6)


def test_heavy_tail_has_an_infinite_mean_until_it_is_cut() -> None:
    assert make({"dist": "pareto", "b": 0.9}).mean() == np.inf
    cut = make({"dist": "pareto", "b": 1.05, "scale": 1, "max": 100}).mean()
    exact = 1.05 / 0.05 * (1 - 100**-0.05) / (1 - 100**-1.05)
    assert cut == pytest.approx(exact, rel=1e-9)


def test_bare_numbers_and_suffixes() -> None:
    assert make(5) == Constant(value=5)
    assert make("1.5M", UsdDistribution).mean() == 1.5e6
    assert make("20x", LeverageDistribution).points()[0].tolist() == [20.0]
    sizes = make({"dist": "uniform", "low": "1k USD", "high": "2k"}, UsdDistribution)
    assert sizes.support() == (1000.0, 2000.0)


def test_tables() -> None:
    table = make({"dist": "table", "values": [10, 5, 20, 5], "weights": [1, 2, 0, 1]})
    assert table.is_discrete
    values, weights = table.points()
    assert values.tolist() == [5.0, 10.0, 20.0]
    assert weights.tolist() == [0.75, 0.25, 0.0]
    assert table.mean() == 6.25
    assert table.support() == (5.0, 10.0)
    assert table.ppf([0.1, 0.74, 0.76, 0.999]).tolist() == [5, 5, 10, 10]
    cut = make({"dist": "table", "values": [1, 2, 3], "min": 1.5})
    assert cut.points()[0].tolist() == [2.0, 3.0]
    assert cut.support() == (2.0, 3.0)


def test_mixture_of_discrete_parts_is_discrete() -> None:
    parts = [{"weight": 3, "of": 5}, {"weight": 1, "of": {"dist": "table", "values": [5, 9]}}]
    mixture = make({"dist": "mixture", "parts": parts})
    assert mixture.is_discrete
    assert mixture.points()[1].tolist() == [0.875, 0.125]
    assert mixture.mean() == 5.5
    assert mixture.ppf([0.5, 0.9]).tolist() == [5, 9]


def test_mixture_inverts_its_own_cdf() -> None:
    parts = [
        {"weight": 0.92, "of": {"dist": "lognormal", "median": 1000, "sigma": 2.1}},
        {"weight": 0.08, "of": {"dist": "pareto", "b": 1.05, "scale": 1e5}},
    ]
    mixture = make({"dist": "mixture", "parts": parts, "max": 12e6})
    np.testing.assert_allclose(mixture.cdf(mixture.ppf(U)), U, rtol=1e-10)
    assert mixture.ppf([1 - 1e-12])[0] <= 12e6
    fine = (np.arange(200_000) + 0.5) / 200_000
    assert mixture.mean() == pytest.approx(float(mixture.ppf(fine).mean()), rel=2e-3)


def test_mixture_keeps_the_atoms_of_a_discrete_part() -> None:
    parts = [{"weight": 1, "of": 7}, {"weight": 1, "of": {"dist": "uniform", "low": 0, "high": 10}}]
    mixture = make({"dist": "mixture", "parts": parts, "min": 7})
    share = float(np.mean(mixture.ppf(U) == 7))
    assert share == pytest.approx(0.5 / 0.65, abs=0.02)


@given(
    st.sampled_from([spec for spec, _ in PAIRS]),
    st.floats(0.0, 0.8),
    st.floats(0.001, 0.999),
    st.floats(0.001, 0.999),
)
def test_quantiles_rise_and_stay_inside(spec: dict[str, Any], start: float, one: float, other: float) -> None:
    whole = make(spec)
    low, high = (float(q) for q in whole.ppf([start + 0.01, start + 0.15]))
    dist = make({**spec, "min": low, "max": high})
    first, second = dist.ppf(sorted((one, other)))
    assert low <= first <= second <= high


def test_round_trip_through_plain_data() -> None:
    for spec, _ in PAIRS:
        dist = make({**spec, "max": 1e9})
        assert make(dist.model_dump(mode="json", exclude_none=True)) == dist


def test_continuous_distributions_have_no_points() -> None:
    with pytest.raises(TypeError, match="continuous"):
        make({"dist": "exponential", "mean": 1}).points()


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({"dist": "lognormall", "median": 1, "sigma": 1}, "did you mean 'lognormal'"),
        ({"dist": "gamma"}, "add a: a number above 0"),
        ({"dist": "gamma", "a": -1}, "must be above 0"),
        ({"dist": "gamma", "shape": 2}, "parameters of gamma: a, loc, scale"),
        ({"dist": "truncnorm", "a": 2, "b": 1}, "do not fit together"),
        ({"dist": "lognormal", "sigma": 1}, "neither `median` nor `mean`"),
        ({"dist": "lognormal", "median": 1, "mean": 1, "sigma": 1}, "both `median` and `mean`"),
        ({"dist": "lognormal", "median": 1, "sigma": -1}, "greater than 0"),
        ({"dist": "uniform", "low": 3, "high": 1}, "swap them"),
        ({"dist": "uniform", "low": 1, "high": 3, "min": 2, "max": 1.5}, "lies above max"),
        ({"dist": "uniform", "low": 1, "high": 3, "min": 4}, "leaves no value of 1 to 3"),
        ({"dist": "table", "values": [1, 2], "weights": [1]}, "one weight for each value"),
        ({"dist": "table", "values": [1, 2], "weights": [0, 0]}, "no value is left"),
        ({"dist": "table", "values": [1, 2], "min": 1.2, "max": 1.8}, "no value is left"),
        ({"median": 5}, "needs `dist:`"),
        ([1, 2], "needs a distribution"),
        (True, "needs a distribution"),
        ("many", "is not a number"),
    ],
)
def test_refusals_say_what_to_write(spec: Any, wanted: str) -> None:
    assert any(wanted in complaint for complaint in complaints(spec))


def test_a_text_in_a_wrong_unit_is_refused_where_it_stands() -> None:
    with pytest.raises(ValidationError) as caught:
        make({"dist": "table", "values": ["1M", "2 EUR", "x"]}, UsdDistribution)
    assert [detail["loc"][-2:] for detail in caught.value.errors()] == [("values", 1), ("values", 2)]


def test_names_and_shapes_are_those_of_the_installed_scipy() -> None:
    for name in SHAPES:
        shapes = getattr(stats, name).shapes
        assert list(shapes_of(name)) == ([part.strip() for part in shapes.split(",")] if shapes else []), name

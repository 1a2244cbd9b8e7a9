"""A liquidation map that knows where it will be liquidated beats the null of crossed distance, and no other does."""

from pathlib import Path

import numpy as np
import pytest

from cascade.calibration.map_score import (
    MapForecast,
    Realised,
    densest_half,
    map_of,
    overlap,
    read_realised,
    score_map,
    spearman,
    turned_p,
)
from cascade.errors import ScenarioError, UsageError
from cascade.exposure.liquidation_map import WIDTH
from cascade.report.score import map_answer, map_dict, map_remarks
from tests.support.scenarios import small_scenario

START, N = 100_000.0, 80


def map_like(below):
    return MapForecast("venue:BTCUSDT", START, np.asarray(below, np.float64), np.ones(N))


def humps(seed=4):
    """Return a map with two clusters of longs, and liquidations that follow it."""
    generator = np.random.default_rng(seed)
    band = np.arange(N)
    usd = 1e6 * (0.1 + np.exp(-((band - 8) ** 2) / 6.0) + 2.0 * np.exp(-((band - 20) ** 2) / 6.0))
    real = usd * np.exp(0.4 * generator.normal(size=N))
    middle = START * (1.0 - WIDTH * (band + 0.5))
    return usd, Realised(middle, real, np.ones(N, np.bool_))


@pytest.mark.slow
def test_a_map_that_knows_beats_the_null():
    usd, realised = humps()
    found = score_map(map_like(usd), realised, (START * (1 - 30 * WIDTH), START))
    assert found.n == 30
    assert found.gain.low > 0.0
    assert found.overlap.value > 0.75 > found.null_overlap
    assert found.rank_correlation.low > 0.5
    assert found.rank_p == pytest.approx(1 / 30)
    assert found.coverage.value > 2 * found.half_distance
    assert found.level == pytest.approx(1.0, abs=0.25)
    assert found.beyond_usd == pytest.approx(realised.usd[30:].sum())
    assert "the map beats that null" in map_answer(found)
    assert len(list(map_remarks(found))) == 5
    assert sum(map_dict(found)["sides"][0]["realised_usd"]) == pytest.approx(realised.usd[:30].sum())


@pytest.mark.sampled(2)
@pytest.mark.parametrize("kind", ["even", "reversed"])
def test_a_map_that_knows_nothing_does_not(kind):
    usd, realised = humps()
    wrong = np.ones(N) if kind == "even" else np.concatenate([usd[:30][::-1], usd[30:]])
    found = score_map(map_like(wrong), realised, (START * (1 - 30 * WIDTH), START))
    assert found.gain.low is None or found.gain.low <= 0.0
    assert found.rank_p > 0.05
    assert "beats" not in map_answer(found)


def test_only_what_the_path_crossed_counts_and_of_a_band_its_crossed_part():
    usd, realised = humps()
    found = score_map(map_like(usd), realised, (START * (1 - 10.5 * WIDTH), START * (1 + 4 * WIDTH)))
    longs, shorts = found.sides
    assert longs.crossed.tolist() == pytest.approx([1.0] * 10 + [0.5])
    assert longs.expected_usd[-1] == pytest.approx(0.5 * usd[10])
    assert (len(shorts.crossed), shorts.realised_usd.sum()) == (4, 0.0)


def test_scores_of_bands_by_hand():
    a, b = np.array([1.0, 1.0, 2.0]), np.array([2.0, 1.0, 1.0])
    assert overlap(a, b) == pytest.approx(0.75)
    assert spearman(np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0])) == pytest.approx(0.5)
    assert np.isnan(spearman(np.ones(3), b))
    assert turned_p(np.ones(3), b) == 1.0
    assert densest_half(np.array([1.0, 1.0, 0.5]), np.array([4.0, 2.0, 2.0])).tolist() == [True, False, False]
    assert densest_half(np.array([1.0, 1.0, 0.4]), np.array([4.0, 2.0, 2.0])).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ((START * (1 - 3 * WIDTH), START), "crossed 3 bands"),
        ((START, START * (1 + 9 * WIDTH)), "nothing was liquidated"),
    ],
)  # fmt: skip
def test_too_little_is_refused(path, said):
    usd, realised = humps()
    with pytest.raises(UsageError, match=said):
        score_map(map_like(usd), realised, path)


def test_a_table_of_liquidations_is_read_and_its_faults_told(tmp_path: Path):
    file = tmp_path / "liquidations.csv"
    file.write_text("price,side,notional_usd\n99000,long,1000\n101000,Short,0\n")
    found = read_realised(file)
    assert (found.is_long.tolist(), found.usd.tolist()) == ([True, False], [1000.0, 0.0])
    file.write_text("price,side,notional_usd\n99000,buy,1000\n-1,long,x\n")
    with pytest.raises(ScenarioError) as caught:
        read_realised(file)
    said = caught.value.render()
    for part in ("'buy' is no side of a position", "must be above 0, not -1", "'x' is not a number"):
        assert part in said


def test_the_map_of_a_scenario_is_that_of_its_market():
    found = map_of(small_scenario())
    assert found.market == "venue:BTCUSDT"
    assert found.below_usd.sum() > 0
    with pytest.raises(UsageError, match="no map of venue:ETHUSDT") as caught:
        map_of(small_scenario(), "venue:ETHUSDT")
    assert "venue:BTCUSDT" in caught.value.remedy

"""Where a probability crosses a share: found by trying values, bounded by order statistics, refused where it turns."""

from __future__ import annotations

import numpy as np
import pytest

from cascade.analysis.statistics.crossing import FIRST, Crossing, Status


def searched(critical, share=0.5, within=0.01, *, falls=False):
    """Return what a search finds of replicates with these critical places, and how many places it tried."""
    critical = np.asarray(critical)
    places = list(FIRST)
    while True:
        at = np.array(sorted(places))
        crossed = at[:, None] >= critical[None, :]
        found = Crossing(at, ~crossed if falls else crossed, share)
        new = found.following(within)
        if not new:
            return found, len(places)
        assert not set(new) & set(places)
        assert found.left(within) >= len(new)
        places += new


def test_replicates_that_agree_are_found_to_the_resolution():
    found, n = searched(np.full(12, 0.3333))
    assert found.status is Status.CROSSED
    assert found.low < 0.3333 <= found.high
    assert found.value == found.high
    assert found.high - found.low <= 0.01
    assert n <= len(FIRST) + 5


def test_the_value_is_a_quantile_of_critical_values_and_its_interval_two_order_statistics():
    critical = np.sort(np.random.default_rng(1).random(40))
    for share, rank, (low, high) in ((0.5, 20, (13, 27)), (0.2, 8, (2, 13))):
        found, _ = searched(critical, share, within=1e-4)
        fine = max(1e-4, (found.high - found.low) / 8)
        assert 0 <= found.value - critical[rank - 1] <= fine
        assert 0 <= critical[low] - found.low <= fine or found.low <= critical[low]
        assert found.high >= critical[high - 1]
        assert found.status is Status.CROSSED


def test_an_event_that_goes_away_is_read_backwards():
    critical = np.sort(np.random.default_rng(2).random(50))
    found, _ = searched(critical, 0.1, within=1e-4, falls=True)
    assert not found.is_rising
    gone = (critical[None, :] > np.array([found.value])[:, None]).mean()
    assert gone <= 0.1, "from the value on it happens in at most the share"
    assert found.low < critical[44] <= found.value <= found.high


def test_finer_than_luck_allows_is_not_looked_for():
    critical = np.random.default_rng(3).random(30)
    _, coarse = searched(critical, within=0.05)
    _, fine = searched(critical, within=1e-6)
    assert fine <= coarse + 10


@pytest.mark.parametrize(
    ("critical", "status", "low", "high"),
    [
        (np.full(12, 2.0), Status.NEVER, 1.0, None),
        (np.full(12, -1.0), Status.ALWAYS, None, 0.0),
        (np.linspace(0.9, 1.4, 12), Status.NEVER, 0.75, None),
    ],
)
def test_what_lies_beyond_the_range_is_said_to(critical, status, low, high):
    found, n = searched(critical)
    assert (found.status, found.low, found.high) == (status, low, high)
    assert n == len(FIRST)


def test_few_replicates_bound_a_small_share_on_one_side_only():
    found, _ = searched(np.linspace(0.2, 0.8, 30), 0.01, falls=True)
    assert found.high is None
    assert found.low is not None
    assert found.least == 368
    assert found.needed(0.01) is None
    whole, _ = searched(np.linspace(0.2, 0.8, 400), 0.01, falls=True)
    assert whole.low < whole.value <= whole.high


def test_an_event_that_comes_and_goes_has_no_threshold():
    at, n = np.array(FIRST), 12
    happened = np.zeros((len(at), n), bool)
    happened[1:3] = True
    found = Crossing(at, happened)
    assert found.status is Status.TURNS
    assert found.following(0.01) == []
    assert found.back == n


def test_a_few_that_turn_back_are_counted_and_no_reason_to_stop():
    critical = np.linspace(0.1, 0.6, 20)
    at = np.array(FIRST)
    happened = at[:, None] >= critical[None, :]
    happened[3, :2] = False
    found = Crossing(at, happened)
    assert found.status is Status.CROSSED
    assert found.back == 2
    assert found.turn > 0.05
    assert found.following(0.01)


def test_what_is_needed_shrinks_as_one_over_the_root_of_n():
    found, _ = searched(np.random.default_rng(4).random(100), within=1e-4)
    width = found.high - found.low
    assert found.needed(width / 2) == pytest.approx(100, abs=1)
    assert found.needed(width / 4) == pytest.approx(400, abs=2)

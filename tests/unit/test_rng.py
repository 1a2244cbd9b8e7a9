"""Counter-based luck: uniform, independent across its counters, the same everywhere."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from cascade import rng
from cascade.compiler.jit import entry
from cascade.rng import decision_key

N = 200_000

GOLDEN_KEY = 15974524583462155867
GOLDEN_BITS = [5256453282831510079, 9565430330809380053, 9690386616761241950]
GOLDEN_UNIFORM = ["0x1.23cab1a4b66eap-2", "0x1.097e78697f47dp-1", "0x1.0cf656927881bp-1"]
GOLDEN_NORMAL = [0.2928358058351041, -0.28882657935605627, -1.1021297279771185]


@entry
def draws(key, rows, numbers, words):
    """Write uniform, normal and exponential variates and the bits of each (step, slot, number)."""
    for k in range(len(rows)):
        step, slot, number = rows[k, 0], rows[k, 1], rows[k, 2]
        numbers[k, 0] = rng.uniform(key, step, slot, number)
        numbers[k, 1] = rng.normal(key, step, slot, number)
        numbers[k, 2] = rng.exponential(key, step, slot, number)
        words[k] = rng.bits(key, step, slot, number)


def draw(rows, key=None):
    """Return uniforms, normals, exponentials and bits of (step, slot, number) rows."""
    rows = np.ascontiguousarray(rows, np.int64)
    numbers, words = np.zeros((len(rows), 3)), np.zeros(len(rows), np.uint64)
    draws(decision_key(7, "test", 0) if key is None else key, rows, numbers, words)
    return numbers[:, 0], numbers[:, 1], numbers[:, 2], words


def along(counter: int, n: int = N) -> np.ndarray:
    """Return rows in which one of the three counters runs and the others stand."""
    rows = np.full((n, 3), 5, np.int64)
    rows[:, counter] = np.arange(n)
    return rows


@pytest.mark.parametrize("counter", [0, 1, 2])
def test_variates_have_their_distribution_along_each_counter(counter):
    u, z, e, _ = draw(along(counter))
    assert u.min() > 0.0
    assert u.max() < 1.0
    for sample, law in ((u, "uniform"), (z, "norm"), (e, "expon")):
        assert stats.kstest(sample, law).pvalue > 1e-4


@pytest.mark.parametrize("counter", [0, 1, 2])
def test_neighbours_along_each_counter_are_independent(counter):
    u = draw(along(counter))[0]
    cells = np.histogram2d(u[:-1], u[1:], bins=16, range=[[0, 1], [0, 1]])[0]
    assert stats.chisquare(cells.ravel()).pvalue > 1e-4
    for lag in (1, 2, 3, 64):
        assert abs(np.corrcoef(u[:-lag], u[lag:])[0, 1]) < 5 / math.sqrt(N)


@pytest.mark.parametrize(("one", "other"), [(0, 1), (0, 2), (1, 2)])
def test_draws_do_not_depend_on_counters_only_through_a_sum(one, other):
    """(step, slot) = (1, 2) and (2, 1) differ, as do all pairs of a grid."""
    grid = np.array(list(itertools.product(range(300), repeat=2)), np.int64)
    rows = np.full((len(grid), 3), 3, np.int64)
    rows[:, one], rows[:, other] = grid[:, 0], grid[:, 1]
    assert len(np.unique(draw(rows)[3])) == len(rows)


def test_every_bit_is_as_often_set_as_not():
    words = draw(along(0))[3]
    ones = np.unpackbits(words.view(np.uint8)).reshape(N, 64).mean(axis=0)
    assert np.abs(ones - 0.5).max() < 5 * 0.5 / math.sqrt(N)


def test_another_seed_decision_or_replicate_is_another_key():
    keys = {
        int(decision_key(seed, name, replicate))
        for seed in range(20)
        for name in ("news", "flow 0", "flow 1", "layer")
        for replicate in range(50)
    }
    assert len(keys) == 20 * 4 * 50
    assert decision_key(1, "1/2", 3) != decision_key(1, "1", 23)


def test_streams_of_two_keys_are_independent():
    one = draw(along(0), decision_key(1, "a", 0))[0]
    other = draw(along(0), decision_key(1, "a", 1))[0]
    assert abs(np.corrcoef(one, other)[0, 1]) < 5 / math.sqrt(N)


def test_golden_values():
    """What every platform must draw: they change with nothing but a new results version."""
    assert int(decision_key(42, "news", 0)) == GOLDEN_KEY
    u, z, e, words = draw([[0, 0, 0], [1, 2, 3], [86_400, 999_999, 7]], decision_key(42, "news", 0))
    assert [int(w) for w in words] == GOLDEN_BITS
    assert [x.hex() for x in u] == GOLDEN_UNIFORM
    assert z == pytest.approx(GOLDEN_NORMAL, rel=1e-15)
    assert e == pytest.approx([-math.log(x) for x in u], rel=1e-15)


def test_bits_are_those_of_the_definition_in_unbounded_integers():
    """SplitMix64's finaliser, twice, with the three counters spread by odd constants."""
    mask = 2**64 - 1

    def mix(x):
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
        return x ^ (x >> 31)

    key, rows = int(decision_key(3, "x", 1)), [[0, 0, 0], [5, 6, 7], [2**31, 12, 1_000_000]]
    wanted = []
    for step, slot, number in rows:
        x = mix((key + step * 0x9E3779B97F4A7C15) & mask)
        wanted.append(
            mix(x ^ mix((slot * 0xD1B54A32D192ED03 + number * 0x8CB92BA72F3D8DD7 + (mask ^ key)) & mask))
        )
    assert draw(rows, np.uint64(key))[3].tolist() == wanted

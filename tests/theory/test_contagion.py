"""The matrix of contagion against its closed forms, by branching a market as the command does it.

On a Poisson ladder under linear permanent impact a lot that is sold by force trips n lots by itself, and n / (1 - n) in
all. So the one entry of the matrix is the branching ratio, and its spectral radius is, too.
"""

from __future__ import annotations

import numpy as np
import pytest

from cascade.analysis.contagion import Matrix, leading
from cascade.assembly import Assembled
from cascade.assembly.entities import records
from cascade.core import params as par
from cascade.core import state as cols
from cascade.experiment.branches import Response, respond
from cascade.experiment.contagion_check import Check, Checked, Whole, checked, figures_of
from tests.support.contagion import sale_of_bitcoin
from tests.theory.reduced import Ladder, ReducedMarket, scattered
from tests.theory.test_branching import SIZE, UNITS, covered

LEVELS = {0.3: 512, 0.6: 1024}
SOLD = 60
N = 120


def branched(n: float, count: int, seed: int) -> list[Response]:
    """Return what a forced sale does to independent reduced markets, by cloning each."""
    rng, levels, density = np.random.default_rng(seed), LEVELS[n], n / SIZE
    market = ReducedMarket(Ladder(levels=levels), int(density * levels + 6 * levels**0.5))
    order = {
        "kind": par.MARKET_SHOCK,
        "target": 1,
        "start": 2**40,
        "stop": 2**40 + 1,
        "position": market.places["flow"],
    }
    found: list[Response] = []
    for _ in range(count):
        depths = scattered(rng, density, levels)
        runner = market.session(depths, np.full(len(depths), SIZE)).runner
        run = runner.p.run.copy()
        run.python_agents = 0
        params = runner.p._replace(run=run, shocks=records(par.SHOCK, [order]))
        opening = Assembled(params, runner.st._replace(works=records(cols.WORK, [{}])), runner.endowment)
        found.append(respond(opening, UNITS, [{0: -float(SOLD)}], [-1, 0], runner.now + 2))
    return found


def matrix_of(found: list[Response], name: str) -> Matrix:
    """Return the matrix of some replicates; money is USD here."""
    return Matrix(("X",), np.stack([getattr(each, name) / each.sold[:, None] for each in found]))


@pytest.fixture(scope="module", params=[0.3, pytest.param(0.6, marks=pytest.mark.slow)])
def sample(request) -> tuple[float, list[Response]]:
    """Return branched markets of each branching ratio."""
    return request.param, branched(request.param, N, seed=50)


def test_the_spectral_radius_of_one_market_is_its_branching_ratio(sample):
    n, found = sample
    radius = matrix_of(found, "direct").radius
    assert radius.low <= n <= radius.high, radius
    assert radius.high - radius.low < 0.2


def test_all_generations_sum_to_n_over_1_less_n(sample):
    n, found = sample
    whole = matrix_of(found, "total").entry("X", "X")
    assert whole.low <= n / (1.0 - n) <= whole.high, whole
    series = matrix_of(found, "direct").generations()
    assert series is not None
    said = series.entry("X", "X")
    assert said.low <= n / (1.0 - n) <= said.high, said


def test_intervals_of_one_market_cover_the_truth(sample):
    """Of twelve markets at a time, as of twelve replicates."""
    n, found = sample
    tens = [found[k : k + 12] for k in range(0, N, 12)]
    intervals = [matrix_of(each, "direct").radius for each in tens]
    covered([each.low <= n <= each.high for each in intervals])


OPEN, CLOSED = frozenset({"forced_orders"}), frozenset[str]()


def lowered(found: list[Response], others: list[Response]) -> Checked:
    """Return by how much forced orders that stay out of the book lower what a dollar brings: said, and of other luck.

    All generations are liquidated with that channel open, the first alone with it closed.
    """
    anything = sale_of_bitcoin()  # the runs are those of the ladder
    check = Check({OPEN: anything, CLOSED: anything}, "asset", 0, "X", 2, range(len(found), 2 * len(found)))
    parts = {OPEN: "total", CLOSED: "direct"}
    totals = {members: matrix_of(found, name) for members, name in parts.items()}
    whole = {
        members: [Whole(1.0, getattr(each, name)[0] / each.sold[0]) for each in others]
        for members, name in parts.items()
    }
    return list(checked(check, ("X",), figures_of(check, totals, whole)))[-1]


def covers_what_is_known(n: float, found: list[Response], others: list[Response]) -> None:
    """Fail where intervals of a closed channel, of twelve markets each, hold what is known less often than they say."""
    rows = [lowered(found[k : k + 12], others[k : k + 12]) for k in range(0, len(found), 12)]
    truth = n / (1.0 - n) - n
    covered([not each.predicted.excludes(truth) for each in rows])
    covered([not each.found.excludes(truth) for each in rows])
    covered([each.agrees is True for each in rows])
    assert all(each.acts for each in rows)


@pytest.mark.sampled(2)
def test_a_closed_channel_lowers_what_is_known_by_the_matrix_and_in_other_luck(sample):
    n, found = sample
    covers_what_is_known(n, found, branched(n, N, seed=51))


@pytest.mark.slow
def test_intervals_of_a_closed_channel_cover_what_is_known():
    """Forty intervals of each kind."""
    covers_what_is_known(0.3, branched(0.3, 480, seed=52), branched(0.3, 480, seed=53))


# --- matrices that are known


TRUE = np.array([[0.30, 0.20, 0.05], [0.10, 0.25, 0.0], [0.05, 0.40, 0.15]])


def drawn(rng: np.random.Generator, n: int) -> Matrix:
    """Return a matrix as replicates would measure it: skewed entries that hang together, never below zero."""
    common = rng.gamma(4.0, 0.25, (n, 1, 1))
    return Matrix(("A", "B", "C"), TRUE * common * rng.gamma(2.0, 0.5, (n, 3, 3)))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("n", [8, 20, 60])
def test_intervals_of_the_spectral_radius_cover_it(n):
    rng, truth = np.random.default_rng(11), leading(TRUE).value
    covered([each.low <= truth <= each.high for each in (drawn(rng, n).radius for _ in range(400))])


@pytest.mark.sampled(2)
@pytest.mark.parametrize("n", [20, 60])
def test_intervals_of_all_generations_cover_them(n):
    rng, truth = np.random.default_rng(12), float((np.linalg.inv(np.eye(3) - TRUE) - np.eye(3))[0, 1])
    series = [drawn(rng, n).generations() for _ in range(400)]
    found = [each.entry("A", "B") for each in series if each is not None]
    assert len(found) == 400
    covered([each.low <= truth <= each.high for each in found])


def test_the_leading_vectors_say_who_spreads_and_where_it_ends():
    found = leading(TRUE)
    np.testing.assert_allclose(TRUE @ found.spreads, found.value * found.spreads, atol=1e-12)
    np.testing.assert_allclose(found.receives @ TRUE, found.value * found.receives, atol=1e-12)
    assert found.spreads.sum() == pytest.approx(1.0)
    late = np.array([1.0, 0.0, 0.0])
    for _ in range(60):
        late = late @ TRUE
    np.testing.assert_allclose(late / late.sum(), found.receives, atol=1e-9)


def test_what_only_passes_on_has_no_interval_but_a_reason():
    onward = Matrix(("A", "B"), np.array([[[0.0, 0.5 + 0.01 * k], [0.0, 0.0]] for k in range(8)]))
    radius = onward.radius
    assert (radius.value, radius.low, radius.reason) == (
        0.0, None, "nothing that is liquidated comes back to where it began",
    )  # fmt: skip
    series = onward.generations()
    assert series is not None
    np.testing.assert_allclose(series.values, onward.values)


def test_above_one_the_generations_have_no_sum():
    runaway = Matrix(("A",), np.full((8, 1, 1), 1.2))
    assert runaway.generations() is None
    assert runaway.radius.value == pytest.approx(1.2)

"""Contagion by branching: what is sold and where it spreads, channels that are closed, and what cannot be asked."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from cascade.analysis.contagion import Matrix
from cascade.assembly import MONEY, assemble
from cascade.engine import Engine, Nothing
from cascade.errors import UsageError
from cascade.experiment.contagion import prepare_contagion
from cascade.experiment.contagion_found import Contagion
from cascade.experiment.contagion_question import Question
from cascade.output.parquet import read_files
from cascade.report.contagion import answer, contagion_dict, verdict
from cascade.report.write import write_contagion
from cascade.scenario.schema_channels import CONTAGION
from tests.support.contagion import contagion_scenario
from tests.support.scenarios import small_scenario

SOLD, AT, HORIZON, N = 6e6, 60.0, 60.0, 6


def measured(n: int, *closed: str, jobs: int = 1, by: str = "asset", **changes) -> Contagion:
    """Return the contagion of the small market of two assets."""
    scenario = contagion_scenario(**changes)
    asked = prepare_contagion(
        scenario, by=by, notional=SOLD, at_s=(AT,), horizon_s=HORIZON, channels=closed or None, replicates=n
    )  # fmt: skip
    return asked.run(jobs=jobs)


@cache
def with_channels() -> Contagion:
    """Return it under every coalition of two channels."""
    return measured(N, "cross_margin", "collateral")


def test_what_is_sold_is_what_was_asked_for() -> None:
    found = with_channels()
    np.testing.assert_allclose(found.sold, SOLD, rtol=0.01)  # at prices that have fallen a little
    assert found.direct.names == found.total.names == ("BTC", "ETH")


def test_a_sale_of_bitcoin_brings_liquidations_in_ether() -> None:
    found = with_channels()
    assert (found.direct.of("BTC", "ETH") >= 0.0).all()
    assert found.total.entry("BTC", "ETH").low > 0.0
    both = found.direct.entry("BTC", "BTC"), found.direct.entry("BTC", "ETH")
    assert both[0].value == pytest.approx(both[1].value, rel=0.05)  # whoever falls holds as much of either


def test_with_the_ties_cut_nothing_spreads_at_all() -> None:
    """The negative control: the same luck, so that zero is zero, and not noise."""
    closed = dict.fromkeys(CONTAGION, False)
    apart = measured(3, channels=closed)
    for matrix in (apart.direct, apart.total):
        assert (matrix.of("BTC", "ETH") == 0.0).all()
        assert (matrix.of("ETH", "BTC") == 0.0).all()
        assert matrix.of("ETH", "ETH").sum() > 0.0


def test_channels_share_the_whole_exactly() -> None:
    found = with_channels()
    for metric, (source, target) in zip(found.channels, found.pairs, strict=True):
        assert metric.outside.value == 0.0
        assert metric.total.value == metric.effect.value == found.total.of(source, target).mean()
        assert math.fsum(share.shapley.value for share in metric.shares) == metric.effect.value
        assert math.fsum(share.waterfall.value for share in metric.shares) == metric.effect.value
    for k in range(found.n):
        mine = [row for row in found.rows if row["replicate"] == k and row["metric"] == "BTC to ETH"]
        assert math.fsum(row["shapley"] for row in mine) == found.total.of("BTC", "ETH")[k]


@pytest.mark.slow
def test_the_first_generation_says_what_a_closed_channel_does() -> None:
    closed = next(each for each in with_channels().closed if each.channel == "cross_margin")
    assert (closed.source, closed.target) == ("BTC", "ETH")
    assert closed.measured.value == pytest.approx(
        with_channels().total.mean[0, 1]
    )  # with it closed it is zero
    assert closed.predicted is not None
    assert not closed.gap.excludes(0.0), closed


def test_replicates_are_the_same_whoever_runs_them() -> None:
    one, two = measured(2), measured(2, jobs=2)
    np.testing.assert_array_equal(one.direct.values, two.direct.values)
    np.testing.assert_array_equal(one.total.values, two.total.values)
    np.testing.assert_array_equal(one.direct.values, with_channels().direct.values[:2])


def test_branching_leaves_the_market_as_it_was() -> None:
    """A run that was branched goes on as if it had not been: a second moment sees the first one's luck only."""
    asked = prepare_contagion(
        contagion_scenario(), notional=SOLD, at_s=(30.0, AT), horizon_s=30.0, replicates=1
    )
    alone = prepare_contagion(contagion_scenario(), notional=SOLD, at_s=(AT,), horizon_s=30.0, replicates=1)
    first = prepare_contagion(contagion_scenario(), notional=SOLD, at_s=(30.0,), horizon_s=30.0, replicates=1)
    whole, parts = asked.run(jobs=1), (alone.run(jobs=1), first.run(jobs=1))
    usd = sum(part.total.values[0] * part.sold[:, None] for part in parts)
    np.testing.assert_allclose(whole.total.values[0] * 2.0 * whole.sold[:, None], usd)
    np.testing.assert_allclose(whole.sold, np.mean([part.sold for part in parts], axis=0))  # at a time


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("by", "names"), [("market", ("venue:BTCUSDT", "venue:ETHUSDT")), ("venue", ("venue",))]
)
def test_markets_and_venues_are_held_against_each_other_too(by: str, names: tuple[str, ...]) -> None:
    found = measured(1, by=by)
    assert found.direct.names == names
    if by == "market":
        np.testing.assert_array_equal(found.total.values, with_channels().total.values[:1])
    else:
        assert found.sold[0] == pytest.approx(SOLD, rel=0.01)
        assert found.pairs == []
        assert answer(found).startswith("A dollar sold by force in venue brings")


@pytest.mark.slow
def test_shorts_are_squeezed_by_what_is_bought() -> None:
    layers = [
        {"type": "leveraged", "name": "shorts", "markets": "venue:*", "margin": "cross", "open_interest": "150M",
         "long_share": 0, "turnover": False, "leverage": {"dist": "uniform", "low": 30, "high": 100},
         "leverage_weight": "accounts", "size": {"dist": "constant", "value": 50_000}, "hold": {"mean": "50d"}}
    ]  # fmt: skip
    rise = [{"type": "news", "at": "5s", "over": "10s", "asset": a, "move": "0.75 %"} for a in ("BTC", "ETH")]
    scenario = contagion_scenario(population=layers, shocks=rise)
    asked = prepare_contagion(
        scenario, side="buy", notional=SOLD, at_s=(AT,), horizon_s=HORIZON, replicates=2
    )
    found = asked.run(jobs=1)
    assert found.direct.mean[0, 1] > 0.0
    assert answer(found).startswith("A dollar bought by force in")


def test_without_a_size_a_hundredth_of_open_interest_is_sold() -> None:
    asked = prepare_contagion(contagion_scenario(), at_s=(AT,), horizon_s=5.0, replicates=1)
    found = asked.run(jobs=1)
    engine = Engine(assemble(contagion_scenario(), 0), Nothing())
    engine.advance(int(AT))
    held = engine.state.markets[2:]
    usd = held.open_interest * held.mark * engine.params.markets.unit[2:] / MONEY
    np.testing.assert_allclose(found.sold, 0.01 * usd, rtol=0.01)


def test_by_default_it_is_branched_four_times_within_the_run() -> None:
    asked = prepare_contagion(small_scenario(), replicates=1).question
    assert asked.at_s == pytest.approx((15.0, 40.0, 65.0, 90.0))
    assert asked.horizon_s == 30.0


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"at_s": (200.0,), "horizon_s": 60.0}, "would end 20s after the run"),
        ({"at_s": (10.0,), "horizon_s": 0.5}, "less than a step"),
        ({"channels": ("cross_margn",)}, "there is no channel 'cross_margn'"),
        ({"channels": ("adl", "adl")}, "a channel is named twice: adl"),
        ({"channels": ("contagion", "contagion")}, "stands for all channels of contagion already"),
        ({"channels": ("contagion", "adl")}, "stands for all channels of contagion already"),
        ({"channels": ()}, "no channel is named"),
        (
            {"channels": ("makers_capital",)},
            "no makers_capital to switch off: that is a channel it does not have",
        ),
        ({"at_s": ()}, "no time to branch the market at"),
        ({"at_s": (10.0, 20.0, 10.0), "horizon_s": 5.0}, "10s is written twice"),
        ({"at_s": (10.0, 10.2), "horizon_s": 5.0}, "in one step of 1s"),
    ],
)
def test_what_cannot_be_asked_is_told(asked, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        prepare_contagion(contagion_scenario(), **asked)


def test_a_channel_that_the_scenario_has_off_already_is_told() -> None:
    scenario = contagion_scenario(channels={"arbitrage": False})
    with pytest.raises(UsageError, match="a channel it has switched off itself"):
        prepare_contagion(scenario, channels=("arbitrage",))


def test_that_nobody_is_liquidated_is_told() -> None:
    """That is an answer, not a matrix of zeros."""
    nothing, question = Matrix(("BTC",), np.zeros((8, 1, 1))), Question("asset", "buy", 1.0, (AT,), HORIZON)
    quiet = Contagion("quiet", question, 8, nothing, nothing, np.ones(1))
    said = "What was bought by force liquidated nobody, in any place: write a larger --buy"
    assert answer(quiet).startswith(said)
    assert len(contagion_dict(quiet)["notes"]) == 1  # how it was measured, and no more


def test_a_market_that_nobody_holds_is_told() -> None:
    asked = prepare_contagion(contagion_scenario(population=[]), at_s=(0.0,), horizon_s=5.0, replicates=1)
    with pytest.raises(UsageError, match="nobody holds a position in BTC"):
        asked.run(jobs=1)


def test_tables_and_a_page_are_written(tmp_path) -> None:
    found = with_channels()
    page = write_contagion(found, tmp_path / "here")
    assert page.name == "contagion.html"
    assert answer(found) in page.read_text(encoding="utf-8").replace("&#39;", "'")
    table = read_files([page.with_suffix(".parquet")], ordered=False)
    assert table.num_rows == N * 4
    rows = table.to_pylist()
    mine = [each["all_generations"] for each in rows if (each["source"], each["target"]) == ("BTC", "ETH")]
    assert mine == found.total.of("BTC", "ETH").tolist()
    shares = read_files([page.with_name("attribution.parquet")], ordered=False)
    assert set(shares.column("channel").to_pylist()) == {"cross_margin", "collateral"}
    head, first = page.with_suffix(".csv").read_text(encoding="utf-8").splitlines()[:2]
    assert head.split(",")[:4] == ["pair", "source", "target", "first (1)"]
    assert first.startswith('"BTC, BTC",BTC,BTC,')


def test_the_record_says_what_the_text_says() -> None:
    told = contagion_dict(with_channels())
    assert told["answer"] == answer(with_channels())
    assert told["spectral_radius"]["value"] == with_channels().direct.radius.value
    assert verdict(with_channels()).startswith("the market is subcritical: spectral radius 0.")
    assert [each["channel"] for each in told["closed"]] == ["cross_margin", "collateral"] * 2


@pytest.mark.slow
def test_the_market_is_whole_after_a_sale() -> None:
    """Every branch verifies its invariants: one that is broken is told."""
    seen = []
    whole = Engine.check

    def check(engine: Engine) -> None:
        seen.append(engine.step)
        whole(engine)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "check", check)
        measured(1)
    assert seen == [int(AT + HORIZON)] * 6


def test_a_place_in_which_nothing_can_be_sold_is_named() -> None:
    halt = {"type": "halt", "at": "2s", "over": "50s", "markets": "*"}
    asked = prepare_contagion(
        contagion_scenario(shocks=[halt]), notional=1e5, at_s=[10], horizon_s=5, replicates=2
    )
    with pytest.raises(UsageError, match="nothing could be traded by force in") as caught:
        asked.run()
    assert "halted" in caught.value.remedy

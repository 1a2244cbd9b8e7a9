"""A move is what came from outside, what stops added and what liquidations added, whoever is in the market."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cascade.analysis.split import split
from cascade.experiment.attribution import attribute
from cascade.experiment.comparison import compare
from cascade.experiment.replicate import Task, run_replicate
from cascade.experiment.request import Origin, runs_of
from cascade.experiment.run import run
from cascade.output.piece import piece_folder
from cascade.output.reader import Result
from cascade.scenario.schema import Scenario
from tests.support.scenarios import small_data, small_scenario

FALL = [{"type": "news", "at": "20s", "over": "20s", "asset": "BTC", "move": "-3 %"}]
SLUG = "venue_btcusdt_"
NAMES = ("outside_", "stops_", "added_", "")


def market(stops: bool, liquidations: bool) -> Scenario:
    """Return a fall of 3 % into holders at 5x, stops on some of them, and a ladder of liquidation prices."""
    crowd = small_data()["population"][0]
    holders = crowd | {
        "name": "holders", "leverage": {"dist": "constant", "value": 5}, "long_share": 1.0, "turnover": False,
        "take_profit": None, "top_up": None,
        "stop_loss": {"share": 0.6, "distance": {"dist": "uniform", "low": 0.02, "high": 0.15}},
        "size": {"dist": "constant", "value": 40_000}, "hold": {"mean": "10d", "reference_leverage": 5},
    }  # fmt: skip
    ladder = {
        "type": "ladder", "name": "fuel", "market": "venue:BTCUSDT", "notional": "20M", "from_price": 106_000,
        "to_price": 103_000,
    }  # fmt: skip
    population = [
        *([holders] if stops else []),
        *([ladder] if liquidations else []),
    ]
    return small_scenario(population=population, shocks=FALL, duration="100s")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[bool, bool], Result]:
    """Return the market with stops, with liquidations, and with both."""
    kinds = [(True, False), (False, True), (True, True)]
    out = tmp_path_factory.mktemp("split")
    return {kind: run(market(*kind), replicates=2, counterfactual=True, out=out, jobs=2) for kind in kinds}


def parts(result: Result, replicate: int = 0) -> dict[str, Any]:
    """Return the metrics of the fall."""
    found = result.metrics(replicate)
    return {name.removeprefix(SLUG): value for name, value in found.items() if name.startswith(SLUG)}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("replicate", [0, 1])
def test_where_nobody_can_be_liquidated_all_that_is_added_is_of_stops(runs, replicate):
    found = parts(runs[True, False], replicate)
    assert runs[True, False].metrics(replicate)["complete_usd"] == 0.0
    assert found["stops_fall_bps"] > 20
    assert found["stops_fall_share"] == pytest.approx(found["stops_fall_bps"] / found["fall_bps"])
    assert (found["added_fall_bps"], found["added_fall_share"], found["amplification"]) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("replicate", [0, 1])
def test_where_nobody_has_a_stop_all_that_is_added_is_of_liquidations(runs, replicate):
    found = parts(runs[False, True], replicate)
    assert found["added_fall_bps"] > 5
    assert (found["stops_fall_bps"], found["stops_fall_share"]) == (0.0, 0.0)
    assert found["amplification"] == pytest.approx(found["fall_bps"] / found["outside_fall_bps"])


@pytest.mark.parametrize("replicate", [0, 1])
def test_the_parts_are_differences_of_runs_with_channels_off(runs, replicate, tmp_path):
    """Outside, then stops, then liquidations: each run is one that a user can make, and no other."""
    found = parts(runs[True, True], replicate)
    closed = ["channels.forced_orders=off"]
    unforced, outside = (
        parts(run(market(True, True), off, replicate=replicate, out=tmp_path), replicate)["fall_bps"]
        for off in (closed, [*closed, "channels.stop_losses=off"])
    )
    assert found["outside_fall_bps"] == outside
    assert found["stops_fall_bps"] == unforced - outside > 10
    assert found["added_fall_bps"] == found["fall_bps"] - unforced > 10
    assert found["amplification"] == found["fall_bps"] / unforced


@pytest.mark.slow
def test_attribution_in_that_order_is_the_split_and_tells_the_other(runs, tmp_path):
    """What both did together is the last one's: `attribute` turns the order round."""
    told = [parts(runs[True, True], k) for k in (0, 1)]
    both = {
        order: attribute(
            market(True, True),
            channels=order,
            metrics=[f"{SLUG}fall_bps"],
            replicates=2,
            out=tmp_path,
            jobs=2,
        ).metrics[0]
        for order in (("stop_losses", "forced_orders"), ("forced_orders", "stop_losses"))
    }
    stops, added = both["stop_losses", "forced_orders"].shares
    assert stops.waterfall.value == pytest.approx(np.mean([each["stops_fall_bps"] for each in told]))
    assert added.waterfall.value == pytest.approx(np.mean([each["added_fall_bps"] for each in told]))
    first, last = both["forced_orders", "stop_losses"].shares
    assert first.waterfall.value + last.waterfall.value == pytest.approx(
        stops.waterfall.value + added.waterfall.value
    )
    assert first.waterfall.value < added.waterfall.value, "the interaction is of who comes last"


def test_a_rise_is_split_like_a_fall(tmp_path):
    crowd = market(True, False).population[0].model_dump(mode="json", exclude_none=True)
    shorts = small_scenario(
        population=[crowd | {"long_share": 0.0}], shocks=[FALL[0] | {"move": "3 %"}], duration="100s"
    )
    found = parts(run(shorts, counterfactual=True, out=tmp_path, replicate=0))
    assert found["stops_rise_bps"] > 20
    assert found["added_rise_bps"] == 0.0
    whole = found["outside_rise_bps"] + found["stops_rise_bps"]
    assert found["rise_bps"] == pytest.approx(whole)


@pytest.mark.parametrize(
    ("stops", "off", "runs"), [(True, {}, 3), (False, {}, 2), (True, {"channels.stop_losses": False}, 2)]
)
def test_only_stops_cost_a_third_run(stops, off, runs):
    scenario = market(stops, True).replace(**off)
    assert runs_of(scenario, counterfactual=True) == runs
    assert runs_of(scenario, counterfactual=False) == 1


@pytest.mark.parametrize(("stops", "n"), [(True, 3), (False, 2)])
def test_progress_counts_the_steps_that_are_made(stops, n, tmp_path):
    done: list[int] = []
    run(market(stops, True), replicate=0, counterfactual=True, out=tmp_path, progress=done.append)
    assert sum(done) == n * 100


@pytest.mark.parametrize("most", [50, 150, 250])
def test_a_replicate_that_is_interrupted_in_any_of_its_runs_leaves_nothing(most, tmp_path):
    done: list[int] = []
    task = Task(market(True, True), 0, counterfactual=True, origin=Origin("file.yaml"), pieces=tmp_path)
    ended = run_replicate(task, done.append, lambda: sum(done) >= most)
    assert ended.is_interrupted
    assert sum(done) < 300
    assert not piece_folder(tmp_path, 0).exists()


def test_any_number_of_workers_gives_the_same_split(runs, tmp_path):
    alone = run(market(True, True), replicates=2, counterfactual=True, out=tmp_path, jobs=1)
    assert alone.runs.equals(runs[True, True].runs)


# --- over replicates --------------------------------------------------------------------------------


def test_means_and_shares_sum_to_the_whole():
    whole, stops, added = np.array([[100.0, 200, 300], [10, 30, 20], [40, 20, 90]])
    found = {part.kind: part for part in split(whole, stops, added)}
    assert [found[kind].mean.value for kind in ("outside", "stops", "added", "total")] == [130, 20, 50, 200]
    assert [found[kind].share for kind in ("outside", "stops", "added", "total")] == [0.65, 0.1, 0.25, 1]
    assert found["stops"].error == pytest.approx(10 / np.sqrt(3))
    apart = stops - 0.1 * whole
    assert found["stops"].share_error == pytest.approx(apart.std(ddof=1) / np.sqrt(3) / 200)
    assert found["total"].share_error == pytest.approx(0.0)


def test_a_share_of_hardly_any_move_and_an_error_of_one_replicate_are_absent():
    (_, stops, *_) = split(np.array([9.0]), np.array([1.0]), np.array([1.0]))
    assert (stops.error, stops.share, stops.share_error) == (None, None, None)


def test_a_comparison_shows_what_stops_added_where_there_are_stops(runs, tmp_path):
    off = run(
        market(True, True), ["channels.stop_losses=off"], replicates=2, counterfactual=True, out=tmp_path
    )
    assert f"{SLUG}stops_fall_bps" in compare({"on": runs[True, True], "off": off}).headline
    assert f"{SLUG}stops_fall_bps" not in compare({"one": off, "two": runs[False, True]}).headline


def test_the_summary_names_stops_only_where_they_moved_something(runs, tmp_path: Path):
    from cascade.report.summary import summarise

    told, silent = (summarise(runs[kind]).to_text() for kind in ((True, True), (False, True)))
    assert "stops added" in told
    assert "added by stops" in told
    assert "stops" not in silent


def test_the_page_draws_parts_that_stand_on_each_other_and_says_what_stops_added(runs):
    from cascade.report.builders.amplification import amplification
    from cascade.report.page import Options, page, study_of

    study = study_of([runs[True, True]])
    (found,) = amplification(study)
    table = found.table
    assert table.names("kind") == ["outside", "stops", "added", "total"]
    means, shares = table.numbers("mean"), table.numbers("share")
    told = [np.mean([parts(runs[True, True], k)[f"{name}fall_bps"] for k in (0, 1)]) for name in NAMES]
    assert means == pytest.approx(np.array(told) / 100)
    assert table.numbers("base") == pytest.approx([0.0, means[0], means[0] + means[1], 0.0])
    assert (sum(shares[:3]), shares[3]) == (pytest.approx(100.0), pytest.approx(100.0))
    assert (table.numbers("error") > 0).all()
    assert "stops added" in page(study, Options()).replace("\n", " ")
    (quiet,) = amplification(study_of([runs[False, True]]))
    assert quiet.table.names("kind") == ["outside", "added", "total"]

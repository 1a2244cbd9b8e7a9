"""A search is one sweep that grows: paired, resumable, found again, and refused where the question means nothing."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import cascade
from cascade.analysis.statistics.crossing import FIRST, Status
from cascade.errors import InterruptedRunError, ResultsError, ScenarioError, UsageError
from cascade.experiment import workers
from cascade.experiment.bounds import event_of
from cascade.experiment.recorder import units_of
from cascade.experiment.search import prepare_search
from cascade.experiment.threshold import Threshold, frontier_of
from cascade.output.columns import to_numpy
from cascade.output.parquet import read_file
from cascade.report.page import page, study_of
from cascade.report.threshold import interval, threshold_text
from cascade.scenario.load import to_yaml
from cascade.scenario.schema import Scenario
from tests.support.scenarios import small_scenario
from tests.unit.test_sweep import contents, n_computed

VARY, UNTIL, N = "shocks.fall.move=-4 %..-0.2 %", "liquidated_usd > 100k", 6


def tiny() -> Scenario:
    """Return fifteen seconds in which the price falls at once."""
    fall = {"name": "fall", "type": "news", "at": "5s", "asset": "BTC", "move": "-2 %"}
    return small_scenario(duration="15s", shocks=[fall]).replace(**{"population.0.accounts": 100})


def asked(out: Path, **options: object) -> Threshold:
    return cascade.threshold(tiny(), VARY, UNTIL, replicates=N, within=0.1, out=out, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Threshold:
    return asked(tmp_path_factory.mktemp("found"))


def test_a_threshold_is_where_the_runs_of_its_sweep_say(found: Threshold) -> None:
    runs = cascade.read(found.path).runs
    usd, move = (to_numpy(runs.column(name)) for name in ("complete_usd", "fall_move"))
    counts = {value: int((usd[move == value] > 1e5).sum()) for value in np.unique(move)}
    assert {each.value: each.happened for each in found.tried} == counts
    assert (found.status, found.rises, found.n) == (Status.CROSSED, False, N)
    assert all(count <= N / 2 for value, count in counts.items() if value >= found.value)
    assert max(value for value in counts if value < found.value) is not None
    assert counts[max(value for value in counts if value < found.value)] > N / 2
    assert found.low < found.value <= found.high
    assert counts[found.low] >= N - 1
    assert counts[found.high] == 0


def test_every_value_has_the_same_luck(found: Threshold) -> None:
    sweep = cascade.read(found.path)
    runs = [each.runs.select(["replicate", "seed"]).to_pylist() for each in sweep.variants.values()]
    assert all(each == runs[0] for each in runs)
    assert sweep.manifest["question"] == found.question.text


def test_asked_again_nothing_is_computed(found: Threshold) -> None:
    before = n_computed(found.path)
    again = asked(found.path.parent)
    assert again == found
    assert n_computed(found.path) == before == dict.fromkeys(before, 1)


@pytest.mark.slow
def test_killed_in_its_second_round_it_goes_on(
    found: Threshold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, n = workers.Threads.submit, 0

    def interrupted(self, task):
        nonlocal n
        n += 1
        if n == len(FIRST) * N + 3:
            raise KeyboardInterrupt
        return submit(self, task)

    with monkeypatch.context() as patched:
        patched.setattr(workers.Threads, "submit", interrupted)
        with pytest.raises(InterruptedRunError, match="the sweep was interrupted"):
            asked(tmp_path, jobs=1)
    said: list[str] = []
    again = asked(tmp_path, say=said.append)
    assert contents(again.path) == contents(found.path)
    assert set(n_computed(again.path).values()) == {1}
    assert (
        said == [f"resuming: {len(FIRST) * N} of {len(FIRST) * N} replicates are there already"] or not said
    )


def test_its_tables_say_the_same(found: Threshold) -> None:
    tried, line = (read_file(found.path / f"{name}.parquet").to_pylist() for name in ("tried", "frontier"))
    assert [(row["value"], row["happened"], row["probability"]) for row in tried] == [
        (each.value, each.happened, each.happened / N) for each in found.tried
    ]
    assert [(row["value"], row["value_low"], row["value_high"]) for row in line] == [
        (found.value, found.low, found.high)
    ]
    with (found.path / "frontier.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert float(row["value"]) == found.value
    assert frontier_of(cascade.read(found.path)).thresholds == (found,)
    assert json.loads(json.dumps(found.as_dict()))["tried"][0]["happened"] == found.tried[0].happened


def test_the_answer_says_value_and_interval(found: Threshold) -> None:
    said = threshold_text(found)
    assert said.startswith(
        "Total liquidated above 100k USD happens in more than 50 % of replicates below shocks.fall.move = -"
    )
    assert "95 % interval: -" in said


def test_a_page_draws_what_was_tried(found: Threshold) -> None:
    text = page(study_of([found.path]))
    assert "values of shocks.fall.move that were tried" in text.lower()
    assert "Total liquidated above 100k USD" in text


@pytest.mark.slow
def test_other_bounds_are_found_beyond_the_range(found: Threshold, tmp_path: Path) -> None:
    never = cascade.threshold(tiny(), VARY, "liquidated_usd > 100B", replicates=2, out=tmp_path)
    assert (never.status, never.value, len(never.tried)) == (Status.NEVER, None, len(FIRST))
    said = threshold_text(never)
    assert said.startswith(
        "Total liquidated above 100B USD happens in fewer than 50 % of replicates over the whole"
    )
    assert said.endswith("at -0.2 %. The threshold is not in the range."), (
        "nor is it told on which side it lies"
    )
    assert interval(never) == "--"


@pytest.mark.slow
def test_a_frontier_is_a_threshold_for_each_value(tmp_path: Path) -> None:
    found = cascade.frontier(
        tiny(), VARY, "population.crowd.accounts=50,100", UNTIL, replicates=2, within=0.4, out=tmp_path
    )
    assert [each.against for each in found.thresholds] == [50.0, 100.0]
    assert found.thresholds[0].value is not None
    assert found.thresholds[1].value is not None
    text = page(study_of([found.path]))
    assert "The threshold of shocks.fall.move by population.crowd.accounts." in text
    assert "population.crowd.accounts = 100" in text


# --- what is asked


@pytest.mark.parametrize(
    ("vary", "said"),
    [
        ("shocks.fall.move=-4 %,-2 %", "needs a range, not values"),
        ("shocks.fall.move=-1 %..-4 %", "does not rise"),
        ("shocks.fall.move=1s..4 %", "are not in one unit"),
        ("=1..2", "names no field"),
        ("shocks.none.move=1..2", "no item 'none'"),
        ("description=1x..2x", "holds no number"),
        ("venues.venue.rules.clearance_fee", "does not write this value"),
        ("name", "is not a number with a unit"),
    ],
)
def test_a_field_that_cannot_be_searched_is_located(vary: str, said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        prepare_search(tiny(), vary, UNTIL)
    assert said in str(caught.value)
    assert "--vary:1:" in str(caught.value)
    assert caught.value.remedy


def test_a_range_the_wrong_way_round_is_written_the_right_way() -> None:
    with pytest.raises(ScenarioError, match=r"the lower first: shocks\.fall\.move=-4 %\.\.-1 %"):
        prepare_search(tiny(), "shocks.fall.move=-1 %..-4 %", UNTIL)


@pytest.mark.parametrize(
    ("until", "said", "remedy"),
    [
        ("liquidated", "is not an event", "liquidated_usd > 10M"),
        ("liquidatd_usd > 1", "did you mean 'liquidated_usd'", "cascade docs metrics"),
        ("complete_var95_usd > 10M", "figure of all replicates", '"complete_usd > 10M"'),
        ("complete_usd > much", "is not an amount of USD", "1.5M USD"),
    ],
)
def test_an_event_that_means_nothing_is_explained(until: str, said: str, remedy: str) -> None:
    with pytest.raises(UsageError) as caught:
        prepare_search(tiny(), VARY, until)
    assert said in caught.value.problem
    assert remedy in caught.value.remedy
    assert caught.value.where == "--until"


@pytest.mark.parametrize(("text", "bound"), [("fall_bps > 5 %", 500.0), ("largest_liquidation_usd>=2M", 2e6)])
def test_a_bound_is_in_the_unit_of_its_metric(text: str, bound: float) -> None:
    event = event_of(text, units_of(tiny()))
    assert event.bound == bound
    assert event.happened(np.array([bound - 1, bound + 1, np.nan])).tolist() == [False, True, False]


def test_shares_and_other_fields_are_checked() -> None:
    with pytest.raises(UsageError, match="is not between 0 and 1"):
        prepare_search(tiny(), VARY, UNTIL, share="100%")
    with pytest.raises(ScenarioError, match="is what --vary names"):
        prepare_search(tiny(), VARY, UNTIL, against="shocks.fall.move=-1 %,-2 %")
    with pytest.raises(ScenarioError, match="needs two values or more"):
        prepare_search(tiny(), VARY, UNTIL, against="venues.venue.fund=1M")
    with pytest.raises(UsageError, match="what varies here is what --vary names"):
        prepare_search(tiny(), VARY, UNTIL, ["venues.venue.fund=1M,2M"])


def test_a_path_alone_looks_about_the_scenarios_value() -> None:
    search = prepare_search(
        tiny(), "venues.venue.fund", "adl_usd > 0", ["venues.venue.fund=3M"], replicates=2
    )
    assert [search.variants[k].shown["venues.venue.fund"] for k in (0, 2, 4)] == ["0.3M", "3M", "30M"]
    assert search.variants[0].scenario.venues["venue"].fund == 3e5
    mixed = prepare_search(tiny(), "venues.venue.fund=500k..2M", "adl_usd > 0")
    assert [each.scenario.venues["venue"].fund for each in mixed.variants][::4] == [5e5, 2e6]


def test_times_of_whole_seconds_stay_whole_and_a_leverage_is_a_number() -> None:
    lasting = prepare_search(tiny(), "duration=6s..24s", UNTIL)
    assert [each.scenario.duration for each in lasting.variants] == [6, 8, 12, 17, 24]
    geared = prepare_search(tiny(), "population.crowd.leverage=10..40", UNTIL)
    assert geared.prepared().parameters[0].values == (10.0, 14.0, 20.0, 28.0, 40.0)
    assert geared.prepared().parameters[0].is_number


def test_a_metric_of_the_counterfactual_asks_for_it() -> None:
    assert prepare_search(tiny(), VARY, "amplification > 1.5").request.counterfactual
    assert not prepare_search(tiny(), VARY, UNTIL).request.counterfactual


def test_a_sweep_of_another_kind_is_no_search(tmp_path: Path) -> None:
    sweep = cascade.sweep(tiny(), ["venues.venue.fund=1M,2M"], replicates=1, out=tmp_path)
    with pytest.raises(ResultsError, match="not one of a search"):
        frontier_of(sweep)


def test_code_of_agents_runs_only_with_leave(tmp_path: Path) -> None:
    (tmp_path / "desk.py").write_text(
        f"open({str(tmp_path / 'ran')!r}, 'w').close()\nimport cascade\n\n\nclass Idle(cascade.Trader):\n    pass\n",
        encoding="utf-8",
    )
    agents = "agents: [{name: idle, python: desk:Idle, cash: 1M, venue: venue}]\n"
    file = tmp_path / "market.yaml"
    file.write_text(to_yaml(tiny()).replace("agents: []\n", agents), encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        prepare_search(file, VARY, "complete_usd > 1M", replicates=1)
    assert {problem.code for problem in caught.value.problems} == {"CAS019"}
    assert not (tmp_path / "ran").exists()
    assert prepare_search(file, VARY, "complete_usd > 1M", replicates=1, allow_code=True).variants

"""Comparing runs: pairs, verdicts, what differs, and what cannot be compared."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cascade.analysis.formats import format_difference
from cascade.analysis.statistics import Estimate, signs
from cascade.errors import ResultsError, ThresholdError, UsageError
from cascade.experiment.comparison import Verdict, breaches, compare, parse_threshold, refuse_breaches, text
from cascade.experiment.comparison.changes import changes
from cascade.experiment.comparison.selection import as_asked, inputs
from cascade.experiment.comparison.types import Change
from cascade.output.run_units import MarketUnits
from cascade.report.builders.comparison import differences_of, verdict_of
from cascade.report.builders.verdict_marks import sign_of
from tests.support.ensembles import realistic, result

ETH = MarketUnits("all:ETHUSDT", "ETH", "all", 0.01, 0.01, 100)


def drawn(seed=0, n=100):
    return realistic(np.random.default_rng(seed), n)


def twice(metrics, **factors):
    """Return the same luck with some metrics multiplied."""
    return metrics | {name: factor * metrics[name] for name, factor in factors.items()}


@pytest.fixture
def worse():
    """Return a comparison in which bad debt doubles, the fund ends lower and all else stays."""
    base = drawn()
    other = twice(base, bad_debt_usd=2.0) | {"fund_low_usd": base["fund_low_usd"] - base["bad_debt_usd"]}
    return compare({"base": result(base), "thin": result(other)})


def test_identical_scenarios_differ_by_exactly_zero(write_run, tmp_path):
    first = write_run(n=3, folder="one-00000000")
    found = compare([first, shutil.copytree(first, tmp_path / "two-00000000")])
    known = [each for each in found.differences["two-00000000"].values() if each.difference]
    assert len(known) > 20
    for each in known:
        assert (each.difference.value, each.difference.low, each.difference.high) == (0.0, 0.0, 0.0)
        assert (each.verdict, each.p, each.adjusted_p) == (Verdict.NONE, 1.0, 1.0)
    assert "every replicate is the same" in str(found)
    assert "exactly 0" in str(found)


def test_what_ties_between_other_scenarios_is_not_exactly_zero():
    found = compare({"a": result(drawn(n=160)), "b": result(drawn(n=160))})
    for each in found.differences["b"].values():
        assert each.is_tied
        assert (each.difference.low, each.difference.reason) == (None, "equal in all 160 pairs")
        assert (each.verdict, each.p, each.adjusted_p) == (Verdict.NONE, 1.0, 1.0)
    assert "no detectable difference: every replicate is the same" in str(found)
    assert "exactly" not in str(found)
    assert "equal in all 160 pairs" in text.markdown(found)


def test_few_pairs_that_tie_are_too_few():
    found = compare({"a": result(drawn(n=4)), "b": result(drawn(n=4))})
    for each in found.differences["b"].values():
        assert each.verdict is Verdict.UNDECIDED
    said = text.sentence(found, found.variants[1])
    assert "4 pairs of the same luck are too few to tell in 9, for which you need about 6 to 120" in said


def test_equal_money_summed_in_other_parts_is_equal():
    base = {"adl_usd": np.full(20, 140_959_204.7)}
    parts = {"adl_usd": np.nextafter(base["adl_usd"], np.inf)}
    found = compare({"a": result(base), "b": result(parts)}).differences["b"]["adl_usd"]
    assert found.is_tied
    more = {"adl_usd": base["adl_usd"] + 0.001}
    assert not compare({"a": result(base), "b": result(more)}).differences["b"]["adl_usd"].is_tied


def test_luck_that_saves_nearly_all_is_not_counted_out():
    base = drawn()
    near = {"complete_usd": base["complete_usd"] + np.random.default_rng(1).normal(0, 1e-3, 100)}
    assert "over 1,000 times" in str(compare({"a": result(base), "b": result(base | near)}))


def test_what_harms_is_worse_whichever_way_it_points(worse):
    found = worse.differences["thin"]
    assert found["bad_debt_usd"].verdict is Verdict.WORSE
    assert found["bad_debt_usd"].difference.value > 0
    assert found["fund_low_usd"].verdict is Verdict.WORSE
    assert found["fund_low_usd"].difference.value < 0
    assert found["complete_usd"].is_tied
    back = compare({"thin": result(drawn()), "other": result(twice(drawn(), bad_debt_usd=0.5))})
    assert back.differences["other"]["bad_debt_usd"].verdict is Verdict.BETTER


def test_without_a_direction_it_is_higher_or_lower():
    base = {"all_btcusdt_rise_bps": np.random.default_rng(0).normal(50, 5, 40)}
    found = compare(
        {"a": result(base), "b": result({"all_btcusdt_rise_bps": base["all_btcusdt_rise_bps"] + 9})}
    )
    assert found.differences["b"]["all_btcusdt_rise_bps"].verdict is Verdict.HIGHER


def test_columns_add_up(worse):
    for each in worse.differences["thin"].values():
        assert each.value.value - each.baseline.value == pytest.approx(
            each.difference.value, rel=1e-9, abs=1e-6
        )


def test_metrics_of_the_ensemble_are_compared(worse):
    found = worse.differences["thin"]["bad_debt_var95_usd"]
    assert found.difference.method == "bootstrap"
    assert found.verdict is Verdict.WORSE
    assert worse.differences["thin"]["bad_debt_probability"].is_tied
    assert worse.ensembles["base"]["complete_var95_usd"].value == pytest.approx(
        np.quantile(drawn()["complete_usd"], 0.95)
    )
    assert "fund_depletion_probability" not in worse.measures, "these runs did not record it"


def test_pairs_are_matched_by_number_whatever_their_order():
    base = drawn()
    order = np.random.default_rng(5).permutation(100)
    other = twice(base, complete_usd=1.1)
    shuffled = result({name: values[order] for name, values in other.items()}, replicates=order)
    straight = compare({"a": result(base), "b": result(other)}).differences["b"]
    assert compare({"a": result(base), "b": shuffled}).differences["b"] == straight


def test_missing_replicates_are_named_and_left_out():
    base = drawn(n=40)
    kept = np.setdiff1d(np.arange(40), [3, 7])
    other = result({name: values[kept] for name, values in base.items()}, replicates=kept)
    found = compare({"a": result(base), "b": other})
    assert found.variants[1].n_pairs == 38
    assert found.differences["b"]["complete_usd"].is_tied
    assert "Of a, replicates 3, 7 are left out: the other run has none of that luck." in found.notes


def test_other_seeds_are_compared_as_independent_samples():
    found = compare({"a": result(drawn(0)), "b": result(drawn(1), seed=2)})
    difference = found.differences["b"]["complete_usd"]
    assert not difference.paired
    assert (difference.variance_reduction, difference.higher) == (None, None)
    assert (found.variants[1].luck, found.variants[1].n_pairs) == ("the seeds differ", 0)
    assert any("do not share their luck (the seeds differ)" in note for note in found.notes)


def test_other_replicates_share_no_luck():
    found = compare({"a": result(drawn(0)), "b": result(drawn(1), replicates=np.arange(100, 200))})
    assert found.variants[1].luck == "no replicate has the same number"


def test_the_interval_of_a_mean_stays_where_its_metric_can_be():
    """Bad debt in one of eight replicates: Student's interval reaches far below zero, a mean of losses can't."""
    rng, n = np.random.default_rng(5), 8
    losses = np.repeat([1e4, 2.6e6], [7, 1]) * rng.uniform(0.9, 1.1, n)
    shares = np.repeat([0.99, 0.2], [7, 1]) * rng.uniform(0.99, 1.0, n)
    base = {"bad_debt_usd": losses, "long_share": shares, "fund_low_usd": -losses}
    found = compare({"a": result(base), "b": result(base)})
    for mean in (found.spreads["a"]["bad_debt_usd"].mean, found.differences["b"]["bad_debt_usd"].baseline):
        assert mean.low == 0.0
    assert found.spreads["a"]["long_share"].mean.high == 1.0
    assert found.spreads["a"]["fund_low_usd"].mean.high > 0.0, "a fund may end above or below zero"


def test_replicates_without_a_value_are_left_out_and_said():
    base, other = drawn(n=40), drawn(n=40)
    other["all_btcusdt_fall_bps"] = other["all_btcusdt_fall_bps"].copy()
    other["all_btcusdt_fall_bps"][:4] = math.nan
    found = compare({"a": result(base), "b": result(other)}).differences["b"]["all_btcusdt_fall_bps"]
    assert (found.difference.n, found.reason) == (36, "equal in all 36 pairs; no value in 4 pairs")
    other["all_btcusdt_fall_bps"][:] = math.nan
    found = compare({"a": result(base), "b": result(other)}).differences["b"]["all_btcusdt_fall_bps"]
    assert (found.verdict, found.difference) == (Verdict.UNKNOWN, None)


def test_few_replicates_have_figures_but_no_verdict():
    base = drawn(n=4)
    found = compare({"a": result(base), "b": result(twice(base, complete_usd=2.0))}).differences["b"]
    assert found["complete_usd"].verdict is Verdict.UNDECIDED
    assert found["complete_usd"].reason == "4 replicates: an interval needs 6"
    assert found["complete_usd"].tells == 6
    assert found["complete_var95_usd"].tells == 72
    assert found["complete_var95_usd"].reason == "an interval needs 72 replicates"


def test_differences_that_no_outcome_could_have_shown_are_undecided():
    """Eight pairs that all point one way prove nothing among 30 metrics, and nine or more are asked for."""
    base = drawn(n=8)
    other = twice(base, complete_usd=1.1) | {"bad_debt_usd": np.where(base["bad_debt_usd"] > 0, 0.0, 1e6)}
    found = compare({"a": result(base), "b": result(other)})
    each = found.differences["b"]["bad_debt_usd"]
    assert each.difference.low is not None
    assert alone(base, other).verdict is not Verdict.UNDECIDED
    many = [f"c{k}" for k in range(6)]
    found = compare({"a": result(base)} | {name: result(other) for name in many})
    each = found.differences["c0"]["bad_debt_usd"]
    assert each.verdict is Verdict.UNDECIDED
    assert each.tells > 8
    assert f"you need about {each.tells}" in str(found)
    assert f"you need about {each.tells}" in text.markdown(found)


def alone(base, other):
    """Return the difference of bad debt where nothing else is looked at."""
    found = compare({"a": result(base), "b": result(other)}, metrics=["bad_debt_usd"])
    return found.differences["b"]["bad_debt_usd"]


def test_a_verdict_is_harder_among_many_metrics():
    rng = np.random.default_rng(8)
    base = drawn(n=60)
    other = base | {"complete_usd": base["complete_usd"] + rng.normal(1.1e7, 4e7, 60)}
    other |= {name: base[name] * rng.lognormal(0, 0.1, 60) for name in ("largest_liquidation_usd", "adl_usd")}
    alone = compare({"a": result(base), "b": result(other)}, metrics=["complete_usd"]).differences["b"]
    among = compare({"a": result(base), "b": result(other)}).differences["b"]
    assert alone["complete_usd"].p == among["complete_usd"].p
    assert alone["complete_usd"].adjusted_p == alone["complete_usd"].p
    assert among["complete_usd"].adjusted_p > alone["complete_usd"].adjusted_p


def test_baseline_and_metrics_are_chosen_by_name():
    runs = {"a": result(drawn()), "b": result(twice(drawn(), complete_usd=2.0))}
    found = compare(runs, baseline="b", metrics=["fall_bps", "complete_usd"])
    assert [each.name for each in found.variants] == ["b", "a"]
    assert found.headline == ("all_btcusdt_fall_bps", "complete_usd")
    assert found.differences["a"]["complete_usd"].verdict is Verdict.BETTER


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"baseline": "bb"}, "no run is called 'bb'"),
        ({"metrics": ["complet_usd"]}, "did you mean 'complete_usd'"),
        ({"confidence": 1.0}, "a confidence of 1 makes no interval"),
    ],
)
def test_wrong_names_are_met_with_the_right_ones(arguments, problem):
    with pytest.raises(UsageError, match=problem):
        compare({"a": result(drawn()), "b": result(drawn())}, **arguments)


def test_one_run_is_nothing_to_compare():
    with pytest.raises(UsageError, match="1 run is nothing to compare"):
        compare({"a": result(drawn())})


# --- what cannot be compared


def test_results_of_another_major_version():
    other = result(drawn(), manifest={"results_version": "0.9"})
    with pytest.raises(ResultsError, match=r"its results have version 0\.9") as caught:
        compare({"a": result(drawn()), "b": other})
    assert (caught.value.code, int(caught.value.exit_code)) == ("CAS620", 6)
    assert "run the older one again" in caught.value.remedy


def test_scenarios_of_other_assets():
    with pytest.raises(ResultsError, match="are of ETH, those of the baseline a of BTC") as caught:
        compare({"a": result(drawn()), "b": result(drawn(), markets=(ETH,))})
    assert caught.value.code == "CAS621"


def test_a_run_without_replicates():
    empty = result({name: values[:0] for name, values in drawn().items()})
    with pytest.raises(ResultsError, match="no replicate of it has finished"):
        compare({"a": result(drawn()), "b": empty})


def test_other_programs_and_machines_are_compared_and_said():
    manifest = {"cascade": {"version": "0.0.9"}, "platform": {"fingerprint": "x"}}
    notes = compare({"a": result(drawn()), "b": result(drawn(), manifest=manifest)}).notes
    assert any("different versions of Cascade (0.0.9 and unknown)" in note for note in notes)
    assert any("may differ in the last bit" in note for note in notes)


def test_failed_replicates_are_said():
    manifest = {"outcome": {"replicates_failed": 2}}
    notes = compare({"a": result(drawn()), "b": result(drawn(), manifest=manifest)}).notes
    assert any(note.startswith("2 replicates of b failed.") for note in notes)


def test_a_counterfactual_in_one_run_only():
    with_twin = drawn() | {"endogenous_usd": np.ones(100), "depleted_funds": np.zeros(100)}
    found = compare({"a": result(with_twin), "b": result(drawn())})
    assert "endogenous_usd" not in found.measures
    assert any(note.startswith("b has no counterfactual") for note in found.notes)
    assert "Only a has depleted_funds: not compared." in found.notes


def test_durations_and_changes_come_from_the_folders(write_run):
    def run(number: int, resolved: str) -> Path:
        return write_run(n=2, folder=f"run-0000000{number}", resolved=resolved)

    first = run(1, "name: a\nduration: 24h\nmakers: [{name: m, scale: 1}]\n")
    second = run(2, "name: b\nduration: 24h\nmakers: [{name: m, scale: 0.5}]\n")
    found = compare([first, second])
    assert [(each.path, each.baseline, each.variant) for each in found.variants[1].changes] == [
        ("makers.m.scale", "1", "0.5")
    ]
    assert "makers.m.scale: 1 -> 0.5" in str(found)
    with pytest.raises(ResultsError, match="it lasts 1h, the baseline") as caught:
        compare([first, run(3, "name: b\nduration: 1h\n")])
    assert caught.value.remedy == "run it with -s duration=24h"
    (second / "scenario.resolved.yaml").write_text("{")
    with pytest.raises(ResultsError, match=r"scenario\.resolved\.yaml.*damaged"):
        compare([first, second])


def test_changes_go_into_mappings_and_named_items():
    before = {
        "name": "a",
        "x": {"y": 1, "z": [1, 2]},
        "l": [{"name": "p", "v": 1}, {"name": "q"}],
        "gone": True,
    }
    after = {
        "name": "b",
        "x": {"y": 1, "z": [1, 3]},
        "l": [{"name": "q"}, {"name": "p", "v": 2}],
        "new": "text",
    }
    assert [(each.path, each.baseline, each.variant) for each in changes(before, after)] == [
        ("x.z", "[1, 2]", "[1, 3]"), ("l.p.v", "1", "2"), ("gone", "true", ""), ("new", "", "text"),
    ]  # fmt: skip


# --- thresholds


@pytest.mark.parametrize(
    ("said", "n"),
    [
        ("bad_debt_usd>1M", 0),
        ("bad_debt_usd > 1", 2),
        ("fund_low_usd<=1e9", 2),
        ("worse:bad_debt_usd", 1),
        ("worse:complete_usd", 0),
        ("worse", 2),
    ],
)
def test_thresholds(worse, said, n):
    found = breaches(worse, parse_threshold(said))
    assert len(found) == n
    if n:
        with pytest.raises(ThresholdError, match="of thin") as caught:
            refuse_breaches(worse, [parse_threshold(said)])
        assert int(caught.value.exit_code) == 1


@pytest.mark.parametrize(
    "said", ["", "bad_debt_usd", "bad_debt_usd>", "bad_debt_usd>much", "worse:", "a=1", "better:x"]
)
def test_what_is_no_threshold_is_met_with_one(said):
    with pytest.raises(UsageError) as caught:
        parse_threshold(said)
    assert "bad_debt_usd>1e6" in caught.value.remedy


def test_a_threshold_on_no_metric(worse):
    with pytest.raises(UsageError, match="did you mean 'bad_debt_usd'"):
        breaches(worse, parse_threshold("bad_dept_usd>1"))


# --- how it is written


def test_every_form_says_the_same(worse):
    plain, page, notebook = str(worse), text.markdown(worse), worse._repr_html_()
    for form in (plain, page, notebook):
        for expected in ("thin", "worse", "no detectable difference", "too few", "not forecasts"):
            assert expected in form, expected
    assert plain.count("bad_debt_usd") >= 2
    assert "| `bad_debt_usd` |" in page
    assert "<td>bad_debt_usd</td>" in notebook


def test_everything_is_shown_when_asked_for(worse):
    assert "bad_debt_var95_usd" not in text.markdown(worse)
    assert "bad_debt_var95_usd" in text.markdown(worse, everything=True)


def test_json_holds_everything(worse):
    found = json.loads(json.dumps(worse.to_dict(), allow_nan=False))
    assert found["baseline"] == "base"
    assert {each["metric"] for each in found["differences"]} == set(worse.measures)
    first = next(each for each in found["differences"] if each["metric"] == "bad_debt_usd")
    assert first["verdict"] == "worse"
    assert first["difference"]["low"] > 0
    assert found["metrics"]["bad_debt_usd"]["unit"] == "USD"


def test_tests_are_the_differences_that_could_have_been_found(worse):
    found = [worse.differences["thin"][name] for name in worse.headline]
    tested = [each for each in found if not each.is_tied and each.p is not None]
    assert len(tested) == 2, "bad debt and the fund; the shortfall needs more replicates"
    assert worse.n_tests == len(tested) == sum(each.is_tested for each in found)
    assert f"all {len(tested)} tests of the first metrics" in " ".join(str(worse).split())


def test_a_tie_of_few_pairs_is_equal_and_no_open_question():
    found = compare({"a": result(drawn(n=4)), "b": result(drawn(n=4))}, metrics=["complete_usd"])
    each = found.differences["b"]["complete_usd"]
    assert each.verdict is Verdict.UNDECIDED
    assert (sign_of(each).text, sign_of(each).meaning) == ("=", "equal in every pair")
    apart = sign_of(replace(each, paired=False))
    assert (apart.text, apart.meaning) == ("=", "one value in all replicates")


@pytest.mark.parametrize(
    ("unit", "difference", "said"),
    [
        ("bps", Estimate(3.0, -1.0, 4.0, 6), "+0.03 points [-0.01, +0.04]"),
        ("%", Estimate(-3.0, None, None, 6), "-3.00 points"),
        ("USD", Estimate(999e3, 998e3, 1e6, 6), "+999k USD [+998k, +1.00M]"),
        ("", Estimate(0.0, 0.0, 0.0, 6), "exactly 0"),
    ],
)
def test_a_difference_of_percent_is_in_points(unit, difference, said):
    assert format_difference(difference, unit) == said


def test_a_sentence_says_a_difference_as_the_table_does():
    base = drawn(n=100)
    name = "all_btcusdt_fall_bps"
    found = compare({"a": result(base), "b": result(base | {name: base[name] + 3.0 + np.arange(100) / 1000})})
    each = found.differences["b"][name]
    said = verdict_of(found, differences_of(found, str)).text
    assert f"worse in {name} ({format_difference(each.difference, 'bps')})" in said
    assert " points [+" in said


def test_a_squeeze_is_asked_by_its_rise():
    medians = {"a_fall_bps": 10.0, "a_rise_bps": 900.0, "b_fall_bps": 50.0, "b_rise_bps": 40.0}
    names = [
        "accounts",
        "adl_usd",
        "b_rise_bps",
        "b_fall_bps",
        "a_fall_bps",
        "a_added_fall_bps",
        "a_rise_bps",
        "complete_usd",
    ]
    assert as_asked(names, ["a", "b", "none"], lambda name: medians.get(name, math.nan)) == [
        "complete_usd", "a_rise_bps", "b_fall_bps", "adl_usd", "accounts", "b_rise_bps", "a_fall_bps",
        "a_added_fall_bps",
    ]  # fmt: skip


def test_zero_against_23_000_in_four_of_four_pairs_is_a_finding():
    base = drawn(n=4) | {"adl_usd": np.zeros(4)}
    more = base | {"adl_usd": np.full(4, 23_000.0) + np.arange(4.0)}
    found = compare({"a": result(base), "b": result(more)})
    each = found.differences["b"]["adl_usd"]
    assert (each.verdict, each.way) == (Verdict.UNDECIDED, Verdict.WORSE)
    assert (each.pairs.higher, each.pairs.lower, each.pairs.p) == (4, 0, pytest.approx(0.125))
    assert "  worse in 4 of 4 pairs, exact p 0.12" in found.to_text(width=400), "it is what comes first"
    said = text.sentence(found, found.variants[1])
    assert "one way in every pair in 1 (adl_usd, worse)" in said
    n_open = sum(d.verdict is Verdict.UNDECIDED for d in map(found.differences["b"].get, found.headline))
    assert f"too few replicates to tell in {n_open - 1}," in said, "none is said twice"


@pytest.mark.parametrize(
    ("higher", "lower", "p"),
    [(4, 0, 0.125), (6, 0, 0.03125), (5, 1, 14 / 64), (3, 3, 1.0), (0, 0, 1.0), (1, 0, 1.0)],
)
def test_the_sign_test_is_exact(higher, lower, p):
    values = np.concatenate([np.ones(higher), -np.ones(lower), np.zeros(2)])
    found = signs(np.zeros(len(values)), values)
    assert (found.higher, found.lower, found.p) == (higher, lower, pytest.approx(p))


def test_what_never_happened_is_not_tested():
    quiet = drawn(n=20) | {"adl_usd": np.zeros(20)}
    found = compare({"a": result(quiet), "b": result(twice(quiet, complete_usd=1.1))})
    each = found.differences["b"]["adl_usd"]
    assert each.verdict is Verdict.UNTESTED
    assert "this stress does not test it" in found.to_text(width=400)
    loud = quiet | {"adl_usd": np.full(20, 5.0)}
    same = compare({"a": result(loud), "b": result(twice(loud, complete_usd=1.1))}).differences["b"][
        "adl_usd"
    ]
    assert same.verdict is not Verdict.UNTESTED


def test_what_the_scenario_sets_is_no_outcome():
    given = inputs([Change("venues.offshore.fund", "500k", "15M")])
    assert {"fund_low_usd", "fund_start_usd"} <= given
    assert "fund_draw_usd" not in given
    assert not inputs([Change("venues.offshore.rules.adl.ranking", "a", "b")])

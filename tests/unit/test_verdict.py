"""Did it cascade: the rule on constructed cases, what it reads from a run, and how it is said."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

import cascade
from cascade.analysis.metrics.liquidations import brought_forward_s
from cascade.analysis.metrics.registry import NO_TWIN, Absent, Replicate
from cascade.analysis.statistics import Estimate
from cascade.analysis.verdict import MATTERS_S, Answer, Measure, Sureness, matters, rule, verdict
from cascade.report.builders.answer import verdict_said, verdict_table
from tests.support.scenarios import small_scenario

NAMES = ("added", "set_off", "because")
HIGH, LOW, OPEN, MISSING = (0.8, 0.7, 0.9), (0.2, 0.1, 0.3), (0.6, 0.4, 0.8), None


def measures(*shares):
    return [
        Measure(name, None if share is None else Estimate(*share, 12))
        for name, share in zip(NAMES, shares, strict=False)
    ]


@pytest.mark.parametrize(
    ("shares", "n", "expected"),
    [
        ((HIGH, HIGH, HIGH), 12, (Answer.YES, Sureness.SURE)),
        ((HIGH, HIGH, OPEN), 12, (Answer.YES, Sureness.LIKELY)),
        ((HIGH, HIGH, MISSING), 12, (Answer.YES, Sureness.SURE)),
        ((HIGH, HIGH, LOW), 12, (Answer.PART, Sureness.DISPUTED)),
        ((LOW, HIGH, LOW), 12, (Answer.PART, Sureness.DISPUTED)),
        ((LOW, OPEN, LOW), 12, (Answer.NO, Sureness.LIKELY)),
        ((LOW, LOW, LOW), 12, (Answer.NO, Sureness.SURE)),
        ((HIGH, LOW), 12, (Answer.PART, Sureness.DISPUTED)),
        ((MISSING, HIGH, MISSING), 12, (Answer.UNKNOWN, Sureness.NONE)),
        ((HIGH, HIGH, HIGH), 1, (Answer.YES, Sureness.ONE)),
        ((HIGH, HIGH, LOW), 1, (Answer.YES, Sureness.ONE)),
    ],
)
def test_the_rule(shares, n, expected):
    assert rule(measures(*shares), n) == expected


def test_half_is_no_cascade_and_an_interval_that_holds_it_says_nothing():
    (on_it,) = measures((0.5, 0.4, 0.6))
    assert (on_it.leans, on_it.says) == (False, None)
    (above,) = measures((0.52, 0.51, 0.6))
    assert (above.leans, above.says) == (True, True)


def test_a_few_seconds_earlier_do_not_count():
    assert not matters(None)
    assert not matters(Estimate(MATTERS_S - 1.0, None, None, 3))
    assert matters(Estimate(MATTERS_S, None, None, 3))


@pytest.fixture(scope="module")
def fall(tmp_path_factory):
    """Return six replicates of a news of -5 %, which liquidates many who trip few."""
    scenario = small_scenario(shocks=[{"type": "news", "at": "30s", "asset": "BTC", "move": "-5 %"}])
    return cascade.run(scenario, replicates=6, counterfactual=True, out=tmp_path_factory.mktemp("fall"))


def test_measures_of_a_run_are_those_of_its_tables(fall):
    found, runs = verdict(fall), fall.runs.to_pandas()
    shares = {each.name: each.share for each in found.measures}
    market = found.market.replace(":", "_").lower()
    added, whole = (runs[f"{market}_{name}"].mean() for name in ("added_fall_bps", "fall_bps"))
    assert shares["added"].value == pytest.approx(added / whole)
    counted = runs.endogenous_usd + (runs.brought_forward_usd if matters(found.earlier_s) else 0.0)
    assert shares["because"].value == pytest.approx(counted.mean() / runs.complete_usd.mean())
    assert (found.answer, found.sureness) == rule(found.measures, 6)
    assert found.answer in {Answer.YES, Answer.NO, Answer.PART}


def liquidated(*rows):
    """Return what the metric reads of `liquidations`: account, seconds, cause and notional of each row."""
    accounts, times, causes, usd = zip(*rows, strict=True)
    return pa.table(
        {
            "account": pa.array(accounts, pa.int64()), "life": pa.array([0] * len(rows), pa.int64()),
            "t_s": pa.array(times, pa.float64()), "cause": pa.array(causes).dictionary_encode(),
            "liquidated_usd": pa.array(usd, pa.float64()),
        }
    )  # fmt: skip


def test_brought_forward_is_the_time_of_half_of_the_notional():
    here = liquidated(
        (1, 10.0, "brought_forward", 100.0), (1, 12.0, "brought_forward", 50.0), (2, 20.0, "brought_forward", 40.0),
        (3, 30.0, "exogenous", 900.0),
    )  # fmt: skip
    there = liquidated((3, 30.0, "", 1.0), (1, 100.0, "", 1.0), (1, 200.0, "", 1.0), (2, 25.0, "", 1.0))
    tables = {"bars": here, "adl": here}
    twin = Replicate(None, liquidations=there, **tables)
    assert brought_forward_s(Replicate(None, liquidations=here, twin=twin, **tables)) == 90.0
    little = liquidated((1, 10.0, "brought_forward", 1.0), (2, 20.0, "brought_forward", 40.0))
    assert brought_forward_s(Replicate(None, liquidations=little, twin=twin, **tables)) == 5.0
    none = liquidated((3, 30.0, "exogenous", 900.0))
    assert isinstance(brought_forward_s(Replicate(None, liquidations=none, twin=twin, **tables)), Absent)
    assert brought_forward_s(Replicate(None, liquidations=here, **tables)) is NO_TWIN


def test_words_say_the_answer_and_its_grounds(fall):
    found = verdict(fall)
    yes = replace(found, answer=Answer.YES, sureness=Sureness.SURE)
    text = verdict_said(yes, verdict_table(yes)).text
    assert text.startswith("Yes, it cascaded: all three measures say so beyond their 95 % intervals. ")
    assert "of the fall of venue:BTCUSDT" in text
    nothing = replace(found, answer=Answer.NOTHING, measures=())
    assert (
        verdict_said(nothing, verdict_table(nothing)).text
        == "No, it did not cascade: nothing was liquidated."
    )


def test_without_a_counterfactual_it_cannot_be_told(tmp_path):
    scenario = small_scenario(shocks=[{"type": "news", "at": "30s", "asset": "BTC", "move": "-5 %"}])
    found = verdict(cascade.run(scenario, replicates=2, out=tmp_path))
    assert found.answer is Answer.UNKNOWN
    assert "run with --counterfactual" in verdict_said(found, verdict_table(found)).text

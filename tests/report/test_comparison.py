"""The page of several runs: verdicts and differences are those of the comparison, colours those of the runs."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import cascade
from cascade.analysis.statistics import Estimate
from cascade.errors import ResultsError
from cascade.report.builders import differences
from cascade.report.builders.comparison import dominance
from cascade.report.builders.table import Table, estimate_columns, text_column
from cascade.report.draw.palette import RUNS
from cascade.report.figures.comparison import _forest_title
from cascade.report.page import MOST_BYTES, Options, page, study_of
from cascade.report.write import write_report
from tests.report.conftest import MADE, OUTPUTS
from tests.report.reading import Page, decoded
from tests.support.scenarios import small_scenario


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    """Return a stress, and the same with a larger fund and with a larger fall, under shared luck."""
    out = tmp_path_factory.mktemp("variants")
    found = []
    for fund, move in (("10k", "-5 %"), ("50M", "-5 %"), ("10k", "-8 %")):
        venues = {"spot": {"rulebook": "spot"}, "venue": {"rulebook": "binance-2025-07", "fund": fund}}
        shocks = [{"type": "news", "at": "30s", "asset": "BTC", "move": move}]
        scenario = small_scenario(name="stress", outputs=OUTPUTS, venues=venues, shocks=shocks)
        found.append(cascade.run(scenario, replicates=12, out=out))
    return found


@pytest.fixture(scope="session")
def study(results):
    return study_of(results)


@pytest.fixture(scope="session")
def text(study):
    return page(study, Options(made=MADE))


@pytest.fixture(scope="session")
def compared(text):
    return Page.of(text)


def test_every_number_is_that_of_its_table(compared):
    assert len(compared.numbers) > 500
    for number in compared.numbers:
        assert number.value == compared.cell(number.place), number


def test_differences_are_those_of_the_comparison(compared, study):
    found = study.comparison
    rows = {row["key"]: row for row in compared.csv["comparison"]}
    assert len(rows) == len(found.headline) * 2
    for variant in found.variants[1:]:
        for metric in found.headline:
            row, expected = rows[f"{variant.name}/{metric}"], found.differences[variant.name][metric]
            assert row["verdict"] == expected.verdict.value
            if expected.difference is not None:
                assert float(row["difference"]) == pytest.approx(expected.difference.value, rel=1e-9)
                assert row["n"] == str(expected.difference.n)


def test_verdict_says_what_is_worse(compared):
    said = "".join(compared.texts["verdict"])
    numbers = [
        number for number in compared.numbers if number.place.startswith("comparison/") and not number.is_cell
    ]
    assert "worse in" in said
    assert numbers
    assert all("p" in number.inside for number in numbers)


def test_runs_that_differ_in_many_values_go_by_what_sets_each_apart(monkeypatch):
    changed = {
        "venues.venue.fund": ["10000", "10000", "10000", "3000000"],
        "makers.makers.depth.scale": ["0.2", "0.5", "0.2", "0.2"],
        "shocks.fall.move": ["-0.05", "-0.05", "-0.03", "-0.05"],
    }
    monkeypatch.setattr(differences, "_changed", lambda _: changed)
    monkeypatch.setattr(differences, "Variant", lambda *_: SimpleNamespace(scenario=None))
    folders = [Path(f"results/stress-{k}") for k in range(4)]
    named = [
        SimpleNamespace(name=each.name, result=SimpleNamespace(name="stress", path=each)) for each in folders
    ]
    assert differences.labels(named) == ["stress", "scale 0.5", "move -0.03", "fund 3M"]


def test_runs_are_named_by_what_differs(study, results):
    labels = [variant.label for variant in study.variants]
    assert len(set(labels)) == 3
    assert any("0.08" in label for label in labels)
    again = study_of([results[0], results[2]])
    assert [variant.label for variant in again.variants] == ["move -0.05", "move -0.08"]


def test_what_differs_is_listed(compared):
    paths = [row["figure"] if "figure" in row else row["path"] for row in compared.csv["differences"]]
    assert any(path.endswith("fund") for path in paths)
    assert any(path.endswith("move") for path in paths)


def test_dominance_adds_up(study):
    for item in dominance(study):
        shares = np.array([item.table.numbers(f"v{k}") for k in range(3)])
        both = shares + shares.T
        assert np.isnan(np.diag(both)).all()
        assert both[~np.eye(3, dtype=bool)] == pytest.approx(np.full(6, 100.0))


def test_a_run_has_one_colour_in_every_figure(compared, study):
    names = {variant.label: RUNS[k].color for k, variant in enumerate(study.variants)}
    seen = set()
    for figure in compared.figures.values():
        for trace in figure["data"]:
            if trace.get("name") in names:
                drawn = trace["line"]["color"] if trace.get("mode") == "lines" else trace["marker"]["color"]
                assert drawn == names[trace["name"]]
                seen.add(trace["name"])
    assert seen == set(names)


def test_forest_draws_the_intervals(compared):
    rows = [row for row in compared.csv["forest"] if row["difference_low"]]
    drawn = compared.figures["forest"]["data"]
    ends = np.sort(np.concatenate([decoded(t["x"]) - decoded(t["error_x"]["arrayminus"]) for t in drawn]))
    assert ends[~np.isnan(ends)] == pytest.approx(
        sorted(float(row["difference_low"]) for row in rows), rel=1e-4, abs=1e-3
    )


@pytest.mark.parametrize(
    ("verdict", "way", "title"),
    [
        ("worse", "", "Largest difference that is not luck: b, 20.0 % of base"),
        ("undecided", "worse", "b is worse than in base in every pair; so few pairs may be luck"),
        ("undecided", "", "No difference from base can be told from luck"),
    ],
)
def test_the_title_of_differences_says_no_less_than_the_answer(verdict, way, title):
    rows = [Estimate(90.0, -5.0, 200.0, 6), Estimate(20.0, -1.0, 41.0, 6)]
    item = Table(
        "forest",
        "Differences",
        (
            text_column("label", "metric", ["a", "b"]),
            text_column("verdict", "verdict", ["no detectable difference", verdict]),
            text_column("way", "in every pair", ["", way]),
            *estimate_columns("difference", "difference", rows, "%"),
        ),
    )
    study = SimpleNamespace(first=SimpleNamespace(label="base"))
    assert _forest_title(study, item).text == title


def test_small(text):
    assert len(text.encode()) < MOST_BYTES


@pytest.mark.slow
def test_static_and_small(study):
    pytest.importorskip("matplotlib")
    static = page(study, Options(static=True, made=MADE))
    assert "<script" not in static
    assert len(static.encode()) < MOST_BYTES


def test_baseline_can_be_chosen(results):
    study = study_of([results[0], results[2]], "move -0.08")
    assert study.first.label == "move -0.08"
    assert study.first.result is results[2]
    with pytest.raises(cascade.CascadeError):
        study_of(results, "nobody")


def test_memo_of_several_runs(results, tmp_path):
    path = write_report(results, tmp_path / "memo.md", markdown=True)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# `")
    assert "no detectable difference" in text
    assert re.search(r"\| worse \|", text)


def test_results_that_cannot_be_read_are_refused(results, tmp_path):
    with pytest.raises(ResultsError):
        write_report([results[0].path, tmp_path / "nowhere"], tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()

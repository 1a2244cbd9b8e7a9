"""`cascade compare`: tables on stdout, thresholds and refusals as exit codes."""

from __future__ import annotations

import json
import shutil

import pytest
from typer.testing import CliRunner

from cascade.cli.app import build
from tests.support.forge import forge


def call(*words, code=0):
    result = CliRunner().invoke(build(words[:1]), [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def runs(write_run, tmp_path):
    """Return two folders that hold the same run."""
    first = write_run(n=6, folder="one-00000000")
    return first, shutil.copytree(first, tmp_path / "two-00000000")


def test_a_table_of_what_differs(runs):
    result = call("compare", *runs)
    assert (
        "two-00000000 against one-00000000: no detectable difference: every replicate is the same."
        in result.stdout
    )
    assert "all_btcusdt_fall_bps" in result.stdout
    assert "worst_hour" not in result.stdout
    assert result.stderr == ""


def test_all_metrics(runs):
    assert "all_btcusdt_worst_hour_bps" in call("compare", *runs, "--all").stdout


def test_json_and_markdown(runs):
    found = json.loads(call("compare", *runs, "--json", "--baseline", "two-00000000").stdout)
    assert found["baseline"] == "two-00000000"
    assert "| metric |" in call("compare", *runs, "--markdown", "--metric", "complete_usd").stdout


def test_thresholds_are_an_exit_code(runs):
    result = call("compare", *runs, "--fail-if", "complete_usd>1k", code=1)
    assert "complete_usd of one-00000000 is 214k USD" in result.stderr
    assert "no detectable difference" in result.stdout, "the table is printed all the same"
    call("compare", *runs, "--fail-if", "complete_usd>1B", "--fail-if", "worse")


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--fail-if", "bad debt"), "bad_debt_usd>1e6"),
        (("--baseline", "three"), "no run is called 'three'"),
        (("--metric", "fall"), "no run has a metric 'fall'"),
        (("--confidence", "95"), "a confidence of 95"),
    ],
)
def test_what_means_nothing_is_met_with_what_does(runs, words, expected):
    assert expected in call("compare", *runs, *words, code=2).stderr


def test_one_run_is_nothing_to_compare(runs):
    assert "give two runs, or a sweep" in call("compare", runs[0], code=2).stderr


def test_tampered_results_are_refused_with_a_remedy(runs):
    first, second = runs
    forge(second, results_version="0.3")
    assert "run the older one again" in call("compare", first, second, code=6).stderr
    forge(second, results_version="99.0")
    assert "upgrade Cascade" in call("compare", first, second, code=6).stderr
    path = second / "manifest.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"99.0"', '"2.0"'), encoding="utf-8")
    assert "it is not what was written" in call("compare", first, second, code=6).stderr
    path.unlink()
    assert "the run has not finished" in call("compare", first, second, code=6).stderr
    assert "there is no such folder" in call("compare", first, first.parent / "none", code=6).stderr

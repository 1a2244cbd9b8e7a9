"""`cascade facts`: a scenario and a run, own data, what goes where, and exit codes."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import cascade
from cascade.cli.app import build
from cascade.scenario.load import to_yaml
from tests.support.scenarios import small_scenario


def call(*words, code=0):
    done = CliRunner().invoke(build(["facts"]), ["facts", *map(str, words)])
    assert done.exit_code == code, done.output
    return done


@pytest.fixture(scope="module")
def small():
    return small_scenario(duration="40m", outputs={"bars": "1s", "trades": True})


@pytest.fixture(scope="module")
def run(small, tmp_path_factory):
    return cascade.run(small, replicates=2, out=tmp_path_factory.mktemp("facts"), jobs=1).path


@pytest.fixture
def bars(tmp_path):
    """Write five-minute bars of a month, as the archive publishes them."""
    n, rng = 30 * 288, np.random.default_rng(1)
    time = 1_751_328_000_000 + 300_000 * np.arange(n)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, n)))
    volume = rng.lognormal(10, 1, n)
    columns = [time, close, close * 1.001, close * 0.999, close, volume, time + 299_999, volume * close, 5]
    columns += [volume / 2, volume * close / 2, 0]
    frame = pd.DataFrame(dict(enumerate(columns)))
    frame.to_csv(tmp_path / "mine.csv", header=False, index=False)
    return tmp_path / "mine.csv"


def test_a_scenario_is_run_and_nothing_is_written(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(to_yaml(small), encoding="utf-8")
    done = call("small.yaml", "-n", 1, "--sales", 0, "-j", 1, "-s", "duration=6m")
    assert done.stdout.startswith("small: venue:BTCUSDT, 1 replicate of 6m: ")
    assert " 43 " in done.stdout
    assert "no sales were simulated" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


def test_json_says_all_of_it(run):
    found = json.loads(call(run, "--json").stdout)
    assert (found["market"], found["replicates"]) == ("venue:BTCUSDT", 2)
    assert sum(found["tally"].values()) == 43
    by_name = {each["name"]: each for each in found["facts"]}
    spread = by_name["spread"]["readings"][0]
    assert spread["band"]["low"] == spread["band"]["high"] == 1
    assert spread["estimate"]["value"] > 1
    assert spread["verdict"] == "outside"
    assert spread["share_inside"] == 0.0
    assert by_name["impact_exponent"]["readings"][0]["reason"].startswith("no sales")
    missed = [row for row in found["missed"] if next(f for f in found["facts"] if f["row"] == row)["must"]]
    assert missed == found["missed"] != []


def test_markdown_is_a_table(run):
    lines = call(run, "--markdown").stdout.splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert {line.count(" | ") for line in table if "---" not in line} == {7}
    assert sum(line.startswith("| 11\\*") for line in table) == 1
    assert sum("no sales were simulated: `--sales 4` does" in line for line in table) > 0


def test_what_a_file_is_called_is_no_markup(run, bars):
    hostile = bars.rename(bars.with_name("<b>_x_.csv"))
    shown = call(run, "--against", hostile, "--markdown").stdout
    assert "&lt;b&gt;\\_x\\_.csv" in shown
    assert "<b>" not in shown


def test_own_bars_give_the_bands(run, bars):
    found = json.loads(call(run, "--against", bars, "--json").stdout)
    by_name = {each["name"]: each for each in found["facts"]}
    band = by_name["whiteness_5m"]["readings"][0]["band"]
    assert band["source"] == "mine.csv: 30 windows"
    assert -0.2 < band["low"] < -0.05
    assert by_name["spread"]["readings"][0]["band"]["source"] == "BTC book of 341 s"


@pytest.mark.slow
def test_bars_may_be_given_twice_and_are_named(run, bars):
    twice = json.loads(call(run, "--against", bars, "--against", bars, "--json").stdout)
    assert twice["facts"][36]["readings"][1]["band"]["low"] == pytest.approx(1.0)
    text = call(run, "--against", bars).stdout
    assert "Bands are those of mine.csv" in text


def test_files_of_data_are_refused_with_all_that_is_wrong(run, bars):
    lines = bars.read_text().splitlines()
    lines[3] = lines[3].replace(",", ",x", 1)
    bars.write_text("\n".join(lines))
    done = call(run, "--against", bars, code=3)
    assert "mine.csv:4:" in done.stderr
    assert "is not a number" in done.stderr


def test_strict_is_for_pipelines(run):
    done = call(run, "--strict", code=1)
    assert "no market may miss" in done.stderr
    assert done.stdout


def test_what_cannot_be_asked(run, tmp_path):
    assert "no such" in call(tmp_path / "none.yaml", code=3).stderr
    assert "no leveraged market" in call(run, "--market", "venue:BTC", code=2).stderr
    assert "overrides" in call(run, "-s", "duration=2m", code=2).stderr


@pytest.mark.parametrize("words", [[], pytest.param(["--static"], marks=pytest.mark.slow)])
def test_the_page_draws_what_is_behind_the_verdicts(run, bars, tmp_path, words):
    page = tmp_path / "facts.html"
    call(run, "--against", bars, "-o", page, *words)
    text = page.read_text(encoding="utf-8")
    for figure in (
        "facts-tail-1s",
        "facts-memory",
        "facts-signature",
        "facts-signs",
        "facts-depth",
        "facts-sizes",
    ):
        assert f'id="f-{figure}"' in text, figure
    assert "your data" in text
    assert "<code>facts_impact</code>: nothing was recorded" in text
    assert "Outside of those that no market may miss" in text
    assert ("plotly" in text) == (not words)
    assert "--force" in call(run, "-o", page, code=2).stderr
    call(run, "-o", page, "--force")
    assert page.read_text(encoding="utf-8") != text

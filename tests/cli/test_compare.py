"""`cascade compare`: tables on stdout, thresholds and refusals as exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

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


def test_an_answer_in_words_stands_above_a_table(runs):
    result = call("compare", *runs)
    lines = result.stdout.splitlines()
    assert lines[0] == (
        "two-00000000 against one-00000000: every replicate is the same in the headline metrics."
    )
    at = next(k for k, line in enumerate(lines) if line.startswith("run"))
    assert [line.split()[0] for line in lines[at + 1 : at + 4]] == [
        "one-00000000",
        "baseline",
        "two-00000000",
    ]
    assert "= equal in every pair" in result.stdout
    assert "_usd" not in result.stdout, "no name of a column"
    assert result.stderr == ""


def test_signs_say_what_is_worse(write_run, liquidation_log):
    """Of twelve pairs the verdict is sure; of four that all point one way it stands in brackets."""
    more = liquidation_log(*({"step": 130 + k, "tag": 0, "account": k} for k in range(6)))
    for n, sign, how in ((12, " ✕ +", "worse in"), (4, "(✕) +", "worse in every pair in")):
        mild = write_run(n=n, folder=f"mild-{n}")
        harsh = write_run(
            n=n, folder=f"harsh-{n}", logs={"liquidations": more}, resolved="name: test\nseed: 1\nlevel: 2\n"
        )
        shown = call("compare", mild, harsh).stdout
        assert f"harsh-{n} against mild-{n}: {how} total liquidated" in " ".join(shown.split())
        assert sign in shown
        assert f"  harsh-{n}: level: (nothing) -> 2" in shown, "what differs in its scenario"


def test_a_table_fits_a_terminal(runs):
    from cascade.experiment.comparison import compare
    from cascade.report.compare_answer import _column, _that_fit, answer_rich

    found = compare(runs)
    columns = [_column(found, metric, ["all:BTCUSDT"]) for metric in found.headline]
    fit = [len(_that_fit(found, columns, width)) for width in (40, 80, 120, 1000)]
    assert fit == sorted(fit)
    assert 1 <= fit[0] < fit[1] < fit[2]
    assert fit[-1] == len(columns)
    assert answer_rich(found, ["all:BTCUSDT"], 80)


def test_all_metrics(runs):
    assert "all_btcusdt_worst_hour_bps" in call("compare", *runs, "--all").stdout


def test_json_and_markdown(runs):
    found = json.loads(call("compare", *runs, "--json", "--baseline", "two-00000000").stdout)
    assert found["baseline"] == "two-00000000"
    assert "| metric |" in call("compare", *runs, "--markdown", "--metric", "complete_usd").stdout


def test_thresholds_are_an_exit_code(runs):
    result = call("compare", *runs, "--fail-if", "complete_usd>1k", code=1)
    assert "complete_usd of one-00000000 is 214k USD" in result.stderr
    assert "every replicate is the same" in result.stdout, "the table is printed all the same"
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


@pytest.mark.parametrize("table", ["bars", "liquidations"])
def test_a_table_that_was_altered_is_refused_although_it_is_not_read(runs, table):
    part = next((runs[1] / table).glob("*.parquet"))
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data)
    said = call("compare", *runs, code=6).stderr
    assert str(part) in said
    assert "its checksum differs" in said


@pytest.mark.parametrize("name", ["manifest.json", "runs.parquet", "bars/part-00000.parquet"])
def test_what_may_not_be_read_is_not_called_damaged(runs, name, monkeypatch):
    """As root every file may be read, so that the refusal is the system's in its words only."""
    forbidden, real = runs[1] / name, Path.open

    def refused(self, *args, **options):
        if self == forbidden:
            raise PermissionError(13, "Permission denied", str(self))
        return real(self, *args, **options)

    monkeypatch.setattr(Path, "open", refused)
    said = call("compare", *runs, code=6).stderr
    assert str(forbidden) in said
    assert "no permission" in said
    assert "damaged" not in said
    assert "anew" not in said, "to run it again would not help"


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

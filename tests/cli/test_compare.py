"""`cascade compare`: tables on stdout, thresholds and refusals as exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
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


def funded(usd):
    """Return a scenario with a fund of a size."""
    return f"name: test\nseed: 1\nvenues:\n  all: {{fund: {usd}}}\n"


def test_an_answer_in_words_stands_above_a_table(runs):
    result = call("compare", *runs)
    lines = result.stdout.splitlines()
    assert lines[0] == (
        "In 6 pairs of the same luck, two-00000000 against one-00000000: every replicate is the same in the headline "
        "metrics beside what cannot be compared."
    )
    at = next(k for k, line in enumerate(lines) if line.startswith("run"))
    assert [line.split()[0] for line in lines[at + 1 : at + 4]] == [
        "one-00000000",
        "baseline",
        "two-00000000",
    ]
    assert "= equal in every pair" in result.stdout
    assert "_usd" not in "".join(lines[: at + 5]), "no name of a column"
    assert "hold together" not in result.stdout, "nothing was tested"
    assert result.stderr == ""


def test_signs_say_what_is_worse(write_run, liquidation_log):
    """Of twelve pairs the verdict is sure; of four that all point one way it stands in brackets."""
    more = liquidation_log(*({"step": 130 + k, "tag": 0, "account": k} for k in range(6)))
    exact = "worse in every pair (exact p 0.125) in"
    for n, sign, how in ((12, " ✕ +", "worse in"), (4, "(✕) +", exact)):
        mild = write_run(n=n, folder=f"mild-{n}")
        harsh = write_run(
            n=n, folder=f"harsh-{n}", logs={"liquidations": more}, resolved="name: test\nseed: 1\nlevel: 2\n"
        )
        shown = call("compare", mild, harsh).stdout
        words = " ".join(shown.split())
        assert f"In {n} pairs of the same luck, harsh-{n} against mild-{n}: {how} total liquidated" in words
        assert sign in shown
        assert f"  harsh-{n}: level: (nothing) -> 2" in shown, "what differs in its scenario"
        assert "= equal in every pair" in shown, "and no doubt about what is"


def test_what_a_scenario_sets_is_not_called_equal(write_run):
    small = write_run(n=6, folder="small", resolved=funded(1))
    large = write_run(n=6, folder="large", resolved=funded(2))
    said = "In 6 pairs of the same luck, large against small: "
    shown = call("compare", small, large, "--metric", "fund_start_usd")
    assert shown.stdout.startswith(f"{said}the scenario sets all of it.")
    marked = call("compare", small, large, "--metric", "fund_start_usd", "--markdown").stdout
    assert "of 0 metrics" not in marked
    both = ("--metric", "fund_start_usd", "--metric", "liquidated_accounts")
    shown = call("compare", small, large, *both).stdout
    assert shown.startswith(
        f"{said}every replicate is the same in the headline metrics beside what the scenario sets."
    )


def test_a_metric_without_a_value_cannot_be_compared(write_run, bar_log):
    still = {"bars": np.concatenate([bar_log([1_070_000] * 3), bar_log([250_000] * 3, market=2)])}
    first, second = (write_run(n=6, folder=name, logs=still) for name in ("first", "second"))
    shown = call("compare", first, second, "--metric", "all_btcusdt_amplification").stdout
    assert shown.startswith("In 6 pairs of the same luck, second against first: cannot be compared.")


def drawn(found, markets, width):
    """Return the lines of an answer on a terminal of so many columns."""
    from rich.console import Console

    from cascade.report.compare_answer import answer_rich

    console = Console(width=width, color_system=None, highlight=False)
    with console.capture() as capture:
        console.print(*answer_rich(found, markets, width), sep="\n")
    return capture.get().splitlines()


@pytest.fixture
def harsher(write_run, liquidation_log):
    """Return runs of which every next one liquidates more."""
    rows = [{"step": 130 + k, "tag": 0, "account": k, "position_lots": 1000 + k} for k in range(6)]
    return [
        write_run(
            n=6, folder=f"a-run-with-a-long-name-{k}", logs={"liquidations": liquidation_log(*rows[: k + 2])},
            resolved=f"name: test\nseed: 1\nlevel: {k}\n",
        )
        for k in range(5)
    ]  # fmt: skip


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_table_fits_a_terminal(harsher, n):
    from cascade.experiment.comparison import compare
    from cascade.report.metric_words import brief_words

    found = compare(harsher[:n])
    markets = {"all:BTCUSDT": "BTC", "all:ETHUSDT": "ETH"}
    lines = drawn(found, markets, 80)
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)
    # whether outcomes are rows, or columns with heads of several lines, their first words are there
    start = next(k for k, line in enumerate(lines) if line.startswith(("run ", "outcome ", " ")) and k > 2)
    words = " ".join(lines[start - 1 :]).partition("In a wider terminal")[0].split()
    heads = [brief_words(metric, markets).split() for metric in found.headline]
    assert sum(all(word in words for word in head) for head in heads) >= 3
    wide = drawn(found, markets, 400)
    assert any(line.startswith("run ") for line in wide), "runs are rows where there is room"
    assert not any(line.startswith("In a wider terminal") for line in wide)


def test_what_a_narrow_terminal_leaves_out_is_named_as_metric_takes_it(harsher):
    from cascade.experiment.comparison import compare

    lines = drawn(compare(harsher), {"all:BTCUSDT": "BTC", "all:ETHUSDT": "ETH"}, 60)
    text = " ".join(" ".join(lines).split())
    named = text.partition("or with --metric NAME: ")[2].partition(".")[0]
    names = [each.rpartition("(")[2].rstrip(")") for each in named.split("; ")]
    assert "accounts liquidated (liquidated_accounts)" in named
    assert len(names) > 3
    call("compare", *harsher, *(word for name in names for word in ("--metric", name)))


def test_a_squeeze_is_told_by_how_far_the_price_rose(write_run, bar_log):
    """A rise of the mark comes before a fall that hardly is one, as on the page."""
    marks = [1_070_000, 1_060_000, 1_290_000]
    up = {"bars": np.concatenate([bar_log(marks), bar_log([250_000] * 3, market=2)])}
    runs = [write_run(n=6, folder=name, logs=up) for name in ("one", "two")]
    shown = call("compare", *runs).stdout
    assert shown.index("BTC: rise") < shown.index("BTC: fall")


def test_a_confidence_is_not_rounded_up_to_certainty(write_run, liquidation_log):
    more = liquidation_log(*({"step": 130 + k, "tag": 0, "account": k} for k in range(6)))
    runs = write_run(n=12, folder="mild"), write_run(n=12, folder="harsh", logs={"liquidations": more})
    for words in ((), ("--markdown",)):
        shown = call("compare", *runs, "--confidence", "0.999", *words).stdout
        assert "intervals of 99.9 %" in shown or "99.9 % intervals" in shown
        assert "100 %" not in shown
        assert "100%" not in shown


@pytest.mark.parametrize("words", [("--all",), ("--markdown",), ("--markdown", "--all")])
def test_what_an_answer_has_said_no_table_says_again(write_run, liquidation_log, words):
    more = liquidation_log(*({"step": 130 + k, "tag": 0, "account": k} for k in range(6)))
    mild = write_run(n=6, folder="mild")
    harsh = write_run(n=4, folder="harsh", logs={"liquidations": more}, resolved="name: test\nlevel: 2\n")
    shown = " ".join(call("compare", mild, harsh, *words).stdout.split())
    assert shown.count("level: (nothing) -&gt; 2") + shown.count("level: (nothing) -> 2") == 1
    assert shown.count("worse in every pair") == 1
    assert shown.count("of the same luck") == 1
    assert shown.count("stress results, not forecasts") == 1
    assert shown.count("pairing saves: how many times") == 1


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

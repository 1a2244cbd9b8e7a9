"""`cascade threshold`, `frontier`, and the answer of `sweep`: what they print, and what this machine remembers."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

import cascade
from cascade.analysis.statistics import Estimate
from cascade.errors import UsageError
from cascade.explain import pace
from cascade.output import log
from cascade.report.sweep_answer import MOST_ROWS, Figure, SweepAnswer, answer_rich, answer_to
from cascade.scenario.load import to_yaml
from tests.cli.test_commands import call
from tests.unit.test_search import tiny

OPTIONS = ("--vary", "shocks.fall.move=-4 %..-0.2 %", "--until", "liquidated_usd > 100k", "--within", "30%")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "tiny.yaml").write_text(to_yaml(tiny()), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pace, "place", lambda: tmp_path / "pace.json")
    return "tiny.yaml"


def test_a_threshold_prints_its_answer_first_and_a_report_draws_it(file: str) -> None:
    lines = call("threshold", file, *OPTIONS, "-n", "2", "-q").stdout.splitlines()
    assert lines[0].startswith(
        "Total liquidated above 100k USD happens in more than 50 % of replicates below shocks.fall.move = -"
    )
    assert lines[2].split() == ["shocks.fall.move", "happened", "probability"]
    assert "2 replicates bound it on one side at most: both take -n 6." in lines
    folder = lines[-1].removeprefix("results: ")
    found = json.loads(call("threshold", file, *OPTIONS, "-n", "2", "--json").stdout)
    assert (found["status"], found["path"], found["replicates"]) == ("crossed", folder, 2)
    assert Path(call("report", folder).stdout.strip()).is_file()
    assert pace.pace_of("small").known == "of this scenario"
    line = call("frontier", file, *OPTIONS, "--against", "venues.venue.fund=1M,2M", "-n", "1", "-q").stdout
    assert line.startswith("Total liquidated above 100k USD happens in more than 50 %")
    assert "1.00M USD" in line
    assert "2.00M USD" in line


def test_a_dry_run_says_how_many_values_and_how_long(file: str) -> None:
    shown = call("threshold", file, *OPTIONS, "-n", "4", "--dry-run").stdout
    assert "variants x 4 replicates" in shown
    assert json.loads(call("frontier", file, *OPTIONS, "--against", "venues.venue.fund=1M,2M", "--dry-run",
                           "--json").stdout)["variants"] > 9  # fmt: skip
    assert not Path("results").exists()


def test_mistakes_are_told_with_what_to_write(file: str) -> None:
    said = call("threshold", file, "--vary", "shocks.fall.moves=-4 %..-1 %", *OPTIONS[2:], code=3).stderr
    assert "--vary:1:" in said
    assert "did you mean" in said
    said = call("threshold", file, *OPTIONS[:2], "--until", "liquidated > 1", code=2).stderr
    assert "--until  error[CAS800]" in said
    assert "--share" in call("threshold", file, *OPTIONS, "--share", "half", code=2).stderr


def test_a_sweep_answers_on_one_screen(file: str) -> None:
    words = ("sweep", file, "-n", "6", "-s", "shocks.fall.move=-4 %,-0.2 %")
    assert "did you mean 'complete_usd'" in call(*words, "--metric", "complete_us", code=2).stderr
    assert not Path("results").exists(), "a name that is none is told before the work"
    text = call(*words, "-q").stdout
    first, *rest = text.splitlines()
    assert re.fullmatch(
        r"Total liquidated: from \S+ USD (\[.*\]|\(in every replicate\)) in fall.move=-0.2_% to \S+ USD \[.*\] in "
        r"fall.move=-4_%\.",
        first,
    )
    assert any("liquidated" in line for line in rest)
    assert any(line.startswith("variant") for line in rest)
    found = json.loads(call(*words, "--json", "--metric", "complete_usd@50%", "--metric", "fall_bps").stdout)
    assert [each["name"] for each in found["figures"]] == ["complete_usd@50%", "venue_btcusdt_fall_bps"]
    sweep = cascade.read(found["path"])
    assert "has no quantiles" in call(*words, "--metric", "complete_var95_usd@99%", code=2).stderr
    with pytest.raises(UsageError, match="did you mean 'complete_usd'"):
        answer_to(sweep, ["complete_us"])


def test_a_wide_answer_fits_the_screen_and_says_what_is_left_out() -> None:
    estimate = Estimate(12e6, 10e6, 14e6, 9)
    n = MOST_ROWS + 3
    figures = [Figure(f"m{k}_usd", f"metric {k}", "USD", (estimate,) * n) for k in range(6)]
    nothing = Figure("adl_usd", "auto-deleveraged", "USD", (Estimate(0.0, 0.0, 0.0, 9),) * n)
    parts = answer_rich(SweepAnswer("s", tuple(f"v{k}" for k in range(n)), (*figures, nothing)), 80)
    assert parts[0] == "Metric 0: 12.0M USD in every variant."
    assert "and 3 more variants, in runs.parquet" in parts
    assert "Zero, or without a value, in all variants: auto-deleveraged." in parts
    (table,) = (each for each in parts if not isinstance(each, str))
    assert len(table.columns) == 3  # type: ignore[union-attr]
    assert table.row_count == MOST_ROWS  # type: ignore[union-attr]


def figure(name: str, *spans: tuple[float, float, float], unit: str = "USD") -> Figure:
    """Return a figure of variants, each with the ends of its interval."""
    return Figure(name, name, unit, tuple(Estimate(value, low, high, 32) for low, value, high in spans))


def answered(*figures: Figure, n: int = 2, asked: bool = False) -> tuple[str, list[str]]:
    """Return the sentence of a sweep, and the figures in the order of its table."""
    parts = answer_rich(SweepAnswer("s", tuple("abc"[:n]), figures, asked), 400)
    (table,) = (each for each in parts if not isinstance(each, str))
    return str(parts[0]), [str(column.header).replace("\n", " ") for column in table.columns[1:]]  # type: ignore[union-attr]


LIQUIDATED = figure("liquidated", (30e6, 38e6, 46e6), (31e6, 39e6, 47e6))
FALL = figure("fall", (90.0, 100.0, 110.0), (850.0, 900.0, 950.0), unit="bps")
ADL = figure("adl", (0.0, 0.0, 0.0), (2.0, 3.0, 4.0))


def test_a_sweep_tells_the_first_outcome_that_is_clear_and_not_the_largest_ratio() -> None:
    said, heads = answered(LIQUIDATED, FALL, ADL)
    assert said == "Fall: from 1.00 % [0.90, 1.10] in a to 9.00 % [8.50, 9.50] in b."
    assert heads == ["fall", "liquidated", "adl"]
    noisy = figure("rise", (0.0, 0.0, 500.0), (0.0, 400.0, 900.0), unit="bps")
    assert answered(noisy, FALL)[0].startswith("Fall: ")


def test_variants_that_are_clear_of_each_other_need_not_be_the_extremes() -> None:
    wide = figure("loss", (10.0, 11.0, 12.0), (20.0, 21.0, 22.0), (0.0, 30.0, 60.0))
    assert answered(wide, n=3)[0] == "Loss: from 11 USD [10, 12] in a to 21 USD [20, 22] in b."


def test_a_sweep_in_which_nothing_is_clear_says_so() -> None:
    said, heads = answered(LIQUIDATED)
    assert said.startswith("No headline outcome can be told apart")
    assert heads == ["liquidated"]
    assert answered(LIQUIDATED, asked=True)[0] == (
        "Liquidated: from 38.0M USD [30.0M, 46.0M] in a to 39.0M USD [31.0M, 47.0M] in b; their intervals overlap."
    )
    few = Figure("few", "few", "USD", (Estimate(1.0, None, None, 2), Estimate(9.0, None, None, 2)))
    assert answered(few, asked=True)[0] == "Few: from 1 USD in a to 9 USD in b; too few replicates to tell."


def test_what_is_written_alike_is_not_said_to_differ() -> None:
    near = figure("total", (38.1e6, 38.1e6, 38.1e6), (38.1001e6, 38.1002e6, 38.1003e6))
    assert answered(near)[0] == "Total: 38.1M USD in every variant."
    assert answered(near, asked=True)[0] == "Total: 38.1M USD in every variant."


def test_what_every_replicate_has_is_as_good_as_an_interval() -> None:
    estimates = (Estimate(0.0, None, None, 32), Estimate(3.0, 2.0, 4.0, 32))
    said = answered(Figure("adl", "adl", "USD", estimates, frozenset({0})))[0]
    assert said == "Adl: from 0 USD (in every replicate) in a to 3 USD [2, 4] in b."
    assert answered(Figure("adl", "adl", "USD", estimates))[0].startswith("No headline outcome")


def test_what_any_variant_sets_is_no_outcome(write_run) -> None:  # type: ignore[no-untyped-def]
    """The last variant has the fund of the first again; the one between has not."""
    texts = [f"name: test\nseed: 1\nvenues:\n  all: {{fund: {usd}}}\n" for usd in (1, 2, 1)]
    runs = {f"v{k}": cascade.read(write_run(folder=f"v{k}", resolved=text)) for k, text in enumerate(texts)}
    answer = answer_to(SimpleNamespace(name="s", variants=runs))  # type: ignore[arg-type]
    names = [each.name for each in answer.figures]
    assert "fund_low_usd" not in names
    assert names[:3] == ["complete_usd", "all_btcusdt_fall_bps", "all_ethusdt_fall_bps"], (
        "as a committee asks"
    )


def test_a_sweep_and_a_comparison_name_what_is_left_out_by_one_rule() -> None:
    figures = [figure(f"m{k}_usd", (10e6, 12e6, 14e6), (20e6, 22e6, 24e6)) for k in range(6)]
    parts = answer_rich(SweepAnswer("s", ("a", "b"), tuple(figures)), 80)
    (left,) = (each for each in parts if isinstance(each, str) and each.startswith("In a wider"))
    assert left.endswith("m4_usd (m4_usd); m5_usd (m5_usd).")


# --- what this machine remembers


def test_a_machine_is_known_by_the_runs_it_has_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "place", lambda: tmp_path / "pace.json")
    assert pace.pace_of("a") == pace.UNKNOWN
    for factor in (9.0, 1.0, 2.0, 3.0, 4.0, 100.0):
        pace.remember("a", factor)
    assert pace.pace_of("a") == (3.0, "of this scenario"), "the median of the last five"
    assert pace.pace_of("b") == (3.0, "of other scenarios")
    (tmp_path / "pace.json").write_text('{"a": 7, "b": ["x"')
    assert pace.pace_of("a") == pace.UNKNOWN
    monkeypatch.setattr(pace, "place", lambda: None)
    pace.remember("a", 1.0)
    assert pace.pace_of("a") == pace.UNKNOWN


def test_only_replicates_of_this_session_are_learnt_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "place", lambda: tmp_path / "pace.json")
    for seconds in (4.0, 6.0, 30.0):  # the first of a worker compiles
        log.note(tmp_path, "finished", replicate=0, seconds=seconds)
    pace.learn("a", 2.0, pace.took_since([tmp_path], datetime.now(UTC) + timedelta(minutes=1)))
    assert pace.pace_of("a") == pace.UNKNOWN
    pace.learn("a", 2.0, pace.took_since([tmp_path], datetime.now(UTC) - timedelta(minutes=1)))
    assert pace.pace_of("a").factor == 3.0

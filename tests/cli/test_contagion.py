"""`cascade contagion`: what it prints, writes and remembers, and what cannot be asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cascade.explain import pace
from cascade.scenario.load import to_yaml
from tests.cli.test_commands import call
from tests.support.contagion import contagion_scenario, sale_of_bitcoin

OPTIONS = ("--sell", "6M", "--at", "1m", "--watch", "30s", "-n", "2")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "two.yaml").write_text(to_yaml(contagion_scenario()), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pace, "place", lambda: tmp_path / "pace.json")
    return "two.yaml"


def test_the_answer_comes_first_then_the_matrix(file: str) -> None:
    shown = call("contagion", file, *OPTIONS, "--channels", "cross_margin")
    lines = shown.stdout.splitlines()
    assert lines[0].startswith("A dollar sold by force in ")
    assert "of liquidations in " in lines[0]
    assert "spectral radius 0." in lines[0]
    heads = ["a dollar in", "brings in", "first generation", "all generations", "all, by the first"]
    assert all(head in lines[2] for head in heads)
    assert "USD liquidated in ETH for each USD sold by force in BTC" in lines
    assert sum("cross_margin" in line for line in lines) == 4  # a share and a closed channel, of two pairs
    assert "An interval needs 6 replicates: -n 6." in lines
    assert "branches" in shown.stderr
    assert pace.pace_of("contagion, branched").known == "of this scenario"


def test_a_folder_holds_tables_and_a_page_and_is_not_overwritten(file: str) -> None:
    found = json.loads(call("contagion", file, *OPTIONS, "-q", "--json", "-o", "here").stdout)
    assert found["question"]["notional"] == 6e6
    assert len(found["entries"]) == 4
    folder = Path("here")
    assert {each.name for each in folder.iterdir()} == {
        "contagion.parquet",
        "contagion.csv",
        "contagion.html",
    }
    text = (folder / "contagion.html").read_text(encoding="utf-8")
    assert "What does a dollar bring?" in text
    assert text.count('"type":"heatmap"') == 2
    said = call("contagion", file, *OPTIONS, "-q", "-o", "here", code=2).stderr
    assert "overwrite it with --force" in said


def test_a_dry_run_says_what_it_would_take(file: str) -> None:
    assert call("contagion", file, *OPTIONS, "--dry-run").stdout.startswith("12 branches, ")
    told = json.loads(
        call("contagion", file, *OPTIONS, "--channels", "arbitrage", "--dry-run", "--json").stdout
    )
    assert told["branches"] == 24
    assert told["steps"] == 2 * 2 * (60 + 6 * 30)


@pytest.mark.slow
def test_a_shock_is_held_against_whole_runs(file: str) -> None:
    Path("sale.yaml").write_text(to_yaml(sale_of_bitcoin()), encoding="utf-8")
    asked = (
        "contagion",
        "sale.yaml",
        "--shock",
        "sale",
        "--channels",
        "cross_margin",
        "-n",
        "6",
        "--check",
        "6",
    )
    assert call(*asked, "--dry-run").stdout.startswith("72 branches, 24 whole runs, ")
    lines = call(*asked, "-q").stdout.splitlines()
    heads = ["whole runs", "in", "predicted", "found", "difference", "agrees"]
    assert any(all(head in line for head in heads) for line in lines)
    assert any(line.strip().startswith("cross_margin off") and line.endswith("yes") for line in lines)
    said = call("contagion", "sale.yaml", "--shock", "sale", "--sell", "1M", code=2).stderr
    assert "leave --sell out, or leave --shock out" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--by", "coin"), "write asset, market or venue"),
        (("--sell", "1M", "--buy", "1M"), "write one of them"),
        (("--sell", "0"), "the order has no size"),
        (("--at", "5m"), "after the run"),
        (("--watch", "soon"), "--watch"),
        (("--channels", "news"), "there is no channel 'news'"),
        (("--shock", "sale"), "no order among the scenario's shocks is called 'sale'"),
        (("--channels", ""), "no channel is named"),
        (("--channels", "contagion,contagion"), "stands for all channels of contagion already"),
        (("--channels", "makers_capital"), "it does not have"),
        (("--at", ""), "no time to branch the market at"),
        (("--at", "1m,60s", "--watch", "30s"), "1m is written twice"),
    ],
)
def test_mistakes_are_told_with_what_to_write(file: str, words: tuple[str, ...], told: str) -> None:
    assert told in call("contagion", file, *words, code=2).stderr

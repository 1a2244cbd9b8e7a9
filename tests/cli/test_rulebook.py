"""`cascade rulebook` and `cascade price`: what they print, and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cascade.cli.app import build

EXAMPLES = Path(__file__).parents[1] / "data" / "calculator_examples.json"
POSITION = (
    "price", "--venue", "binance-2025-07", "--contract", "BTCUSDT", "--side", "long", "--entry", "107000",
    "--size", "1.5",
)  # fmt: skip


def call(*words: str, code: int = 0):
    result = CliRunner().invoke(build(words[:1]), list(words))
    assert result.exit_code == code, result.output
    return result


@pytest.mark.parametrize("words", [(), ("list",), ("show",), ("diff",), ("check",)])
def test_help(words: tuple[str, ...]) -> None:
    assert "Usage" in call("rulebook", *words, "--help").stdout
    assert "rulebook" in call("--help").stdout


def test_a_copy_is_told_how_it_is_held_against_its_original(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for out in ("mine.yaml", str(tmp_path / "other.yaml"), "../own.yaml"):
        told = call("rulebook", "copy", "spot", "-o", out, "--force").stderr
        words = told.partition("next: cascade ")[2].splitlines()[0].split()
        assert "no figure differs" in call(*words).stderr


def test_list_and_show() -> None:
    listed = [line.split() for line in call("rulebook", "list").stdout.splitlines()]
    assert ["binance-2025-07", "2025-07-17", "Binance", "USDT-M", "futures"] in [
        words[:5] for words in listed
    ]
    assert {"name", "venue", "date"} <= json.loads(call("rulebook", "list", "--json").stdout)[0].keys()
    shown = call("rulebook", "show", "binance-2025-07")
    line = next(line for line in shown.stdout.splitlines() if line.startswith("fund.unwind.fraction"))
    assert "UNCONFIRMED" in line
    assert "figures are unconfirmed" in shown.stderr
    record = json.loads(call("rulebook", "show", "spot", "--json").stdout)[0]
    assert record.keys() == {"path", "text", "status", "source", "note"}
    assert "did you mean 'spot'" in call("rulebook", "show", "spto", code=3).stderr


def test_diff() -> None:
    assert "0.05 %" in call("rulebook", "diff", "binance-2025-07", "spot").stdout
    assert "no figure differs" in call("rulebook", "diff", "spot", "spot").stderr
    assert json.loads(call("rulebook", "diff", "spot", "spot", "--json").stdout) == []


def test_check_shows_every_example_and_passes() -> None:
    result = call("rulebook", "check", str(EXAMPLES))
    examples = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    lines = result.stdout.splitlines()
    assert len(lines) == len(examples)
    for line, example in zip(lines, examples, strict=True):
        assert line.startswith("pass" if example["consistent"] else "inconsistent")
        assert example["id"] in line
        assert all(word in line for word in ("expected", "computed", "within"))
    assert f"{len(examples)} examples" in result.stderr
    failed = call("rulebook", "check", str(EXAMPLES), "--failed").stdout.splitlines()
    assert 0 < len(failed) < len(lines)


def test_check_ends_with_one_for_what_does_not_hold(tmp_path: Path) -> None:
    example = {
        "id": "one", "venue": "bitmex", "kind": "pnl_inverse", "expected": 0.2, "tolerance": 1e-9,
        "inputs": {"contracts": 1000, "entry": 1000, "mark": 1250}, "consistent": True,
    }  # fmt: skip
    changes = [
        ({}, 0, "pass"),
        ({"expected": 0.3}, 1, "fail"),
        ({"expected": 0.3, "consistent": False}, 0, "inconsistent"),
        ({"kind": "perpetual motion"}, 1, "unknown kind"),
        ({"inputs": {"contracts": 1000, "mark": 1250}}, 1, "cannot compute"),
    ]
    for change, code, verdict in changes:
        path = tmp_path / "examples.json"
        path.write_text(json.dumps([{**example, **change}]), encoding="utf-8")
        record = json.loads(call("rulebook", "check", str(path), "--json", code=code).stdout)[0]
        assert record["verdict"] == verdict
        assert bool(record["message"]) == (verdict in ("unknown kind", "cannot compute"))


def test_check_of_a_broken_file(tmp_path: Path) -> None:
    path = tmp_path / "examples.json"
    path.write_text('[\n {"id": "a"\n "kind": 1}]', encoding="utf-8")
    told = call("rulebook", "check", str(path), code=3).stderr
    assert "examples.json:3:2" in told
    assert "CAS023" in told
    assert "CAS003" in call("rulebook", "check", str(tmp_path / "none.json"), code=3).stderr


def test_price() -> None:
    told = call(*POSITION, "--leverage", "20").stdout
    assert "102,058.23 USD" in told
    assert "first on the tick: 102,058.20" in told
    assert "101,650.00 USD" in told
    assert "support/faq" in told
    sheet = json.loads(call(*POSITION, "--margin", "8025", "--mark", "101000", "--json").stdout)
    assert sheet["leverage"] == 20
    assert sheet["margin_ratio"] is None or sheet["margin_ratio"] > 1
    assert "allows 125x" in call(*POSITION, "--leverage", "200", code=2).stderr
    assert "neither long nor short" in call(*POSITION, "--leverage", "2", "--side", "up", code=2).stderr
    assert "--contract" in call("price", "--venue", "x", code=2).stderr

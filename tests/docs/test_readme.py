"""Every block of the README does what it says, on a market so small that it takes seconds."""

from __future__ import annotations

import ast
import json
import re
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from typer.testing import CliRunner

import cascade
from cascade.cli.app import build
from tests.support.scenarios import small_data

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
INSTALLATION, COMMANDS = [text for kind, text in BLOCKS if kind == "sh"]
PANDAS, POLARS, DUCKDB, LIBRARY = [text for kind, text in BLOCKS if kind == "python"]

SCENARIO = "scenarios/btc-2025-07-01.yaml"
"""The scenario of the README; a small one lies here in its place."""

Execute: TypeAlias = Callable[[str], tuple[dict[str, Any], Any]]

HASH = "1a2b3c4d"
"""The hash of the README's results; those of the small scenario have another."""


def test_the_readme_has_no_other_kind_of_block() -> None:
    assert {kind for kind, _ in BLOCKS} == {"sh", "python"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the small scenario lies where the README's does, with results of two runs."""
    folder = tmp_path_factory.mktemp("readme")
    venues = {"spot": {"rulebook": "spot"}, "offshore": {"rulebook": "binance-2025-07", "fund": "100M"}}
    fall = [{"type": "news", "at": "30s", "asset": "BTC", "move": "-2 %"}]
    data = small_data(name="btc-2025-07-01", venues=venues, shocks=fall)
    text = json.dumps(data).replace("venue:BTCUSDT", "offshore:BTCUSDT")  # JSON is YAML, too
    (folder / "scenarios").mkdir()
    for name in (SCENARIO, "my.yaml"):
        (folder / name).write_text(text, encoding="utf-8")
    for counterfactual in (False, True):
        cascade.run(folder / SCENARIO, counterfactual=counterfactual, out=folder / "results")
    return folder


@pytest.fixture
def execute(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Execute:
    """Return what runs a block in that folder, and gives its names and the value of its last expression."""
    monkeypatch.chdir(folder)
    runs = [cascade.read(path) for path in Path("results").iterdir()]
    (plain,) = [result.path for result in runs if not result.manifest["request"]["counterfactual"]]
    assert plain is not None

    def execute(text: str) -> tuple[dict[str, Any], Any]:
        body = ast.parse(text.replace(HASH, plain.name[-len(HASH) :])).body
        last = body.pop() if isinstance(body[-1], ast.Expr) else None
        names: dict[str, Any] = {}
        exec(compile(ast.Module(body, []), "README.md", "exec"), names)
        if last is None:
            return names, None
        return names, eval(compile(ast.Expression(last.value), "README.md", "eval"), names)

    return execute


def test_the_installation_names_what_is_there() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for name in re.findall(r"\.\[(\w+)\]", INSTALLATION):
        assert name in extras
    (shipped,) = re.findall(r"scenarios/\S+\.yaml", INSTALLATION)
    assert (ROOT / shipped).is_file()
    assert shipped == SCENARIO


def test_commands(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.yaml").write_text((folder / "my.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    lines = [shlex.split(line, comments=True) for line in COMMANDS.splitlines()]
    named = ["init", "validate", "explain", "run", "report", "sweep", "replay", "compare", "facts", "docs"]
    assert [words[1] for words in lines] == named
    for program, *written in lines:
        assert program == "cascade"
        if written[0] in {"sweep", "replay", "facts"}:
            continue  # 200 replicates take too long here; their own tests are smaller
        words = [_folder_there(word) for word in written]
        result = CliRunner().invoke(build(words[:1]), words)
        assert result.exit_code == 0, (words, result.output)
        assert result.stdout
    assert (tmp_path / "example.yaml").is_file()
    (done,) = (tmp_path / "results").iterdir()
    assert cascade.read(done).outcome == "completed"


def _folder_there(word: str) -> str:
    """Return the folder of results that lies here in place of the README's."""
    return next(str(path) for path in Path("results").iterdir()) if word.startswith("results/") else word


def test_pandas(execute: Execute) -> None:
    names, _ = execute(PANDAS)
    assert len(names["runs"]) == 1
    assert len(names["liquidations"]) == names["runs"]["liquidations"][0] > 0


def test_polars(execute: Execute) -> None:
    _, lows = execute(POLARS)
    assert sorted(lows["market"]) == ["offshore:BTCUSDT", "spot:BTCUSD"]
    assert lows["mark_low_price"].min() == pytest.approx(0.98 * 107_000, rel=0.01)


def test_duckdb(execute: Execute) -> None:
    _, relation = execute(DUCKDB)
    ((scenario, complete, public, replicates),) = relation.fetchall()
    assert (scenario, replicates) == ("btc-2025-07-01", 2)
    assert 0 < public <= complete


def test_library(execute: Execute, capsys: pytest.CaptureFixture[str]) -> None:
    names, _ = execute(LIBRARY)
    result, again = names["result"], names["again"]
    assert result.outcome == "completed"
    assert result.metrics(0)["offshore_btcusdt_amplification"] is not None
    assert again.path == result.path
    assert again.runs.equals(result.runs)
    assert "amplification" in capsys.readouterr().out

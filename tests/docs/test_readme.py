"""The Python blocks of the README do what they say, on a market so small that it takes seconds."""

from __future__ import annotations

import ast
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import cascade
from tests.docs.conftest import BLOCKS, DAY, ROOT, WHOLE_MARKET, market

README = [block for block in BLOCKS if block.page == "README"]
INSTALLATION, _ = [block.text for block in README if block.kind == "sh"]
PANDAS, POLARS, DUCKDB, LIBRARY = [block.text for block in README if block.kind == "python"]

SCENARIO = f"scenarios/{DAY}.yaml"
"""The scenario of the README as a library; a small one lies here in its place."""

Execute: TypeAlias = Callable[[str], tuple[dict[str, Any], Any]]

HASH = "1a2b3c4d"
"""The hash of the README's results; those of the small scenario have another."""


def test_the_readme_has_no_other_kind_of_block() -> None:
    assert {block.kind for block in README} == {"sh", "python"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the small scenario lies where the README's does, with results of two runs."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "scenarios").mkdir()
    (folder / SCENARIO).write_text(market(DAY), encoding="utf-8")
    for counterfactual in (False, True):
        cascade.run(folder / SCENARIO, counterfactual=counterfactual, out=folder / "results")
    funds = ["venues.offshore.fund=50M,100M"]
    swept = cascade.sweep(folder / SCENARIO, funds, replicates=2, out=folder / "swept").path
    shutil.copytree(swept, folder / "results" / "my-sweep")
    return folder


@pytest.fixture
def execute(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Execute:
    """Return what runs a block in that folder, and gives its names and the value of its last expression."""
    monkeypatch.chdir(folder)
    runs = [cascade.read(path) for path in Path("results").iterdir() if path.name != "my-sweep"]
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
    assert shipped == f"scenarios/{WHOLE_MARKET}.yaml"


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
    rows = relation.fetchall()
    assert sorted(variant for variant, *_ in rows) == ["offshore.fund=100M", "offshore.fund=50M"]
    for _, complete, public, replicates in rows:
        assert replicates == 2
        assert 0 < public <= complete


def test_library(execute: Execute, capsys: pytest.CaptureFixture[str]) -> None:
    names, _ = execute(LIBRARY)
    result, again = names["result"], names["again"]
    assert result.outcome == "completed"
    assert result.metrics(0)["offshore_btcusdt_amplification"] is not None
    assert again.path == result.path
    assert again.runs.equals(result.runs)
    assert "amplification" in capsys.readouterr().out

"""Blocks of YAML and Python in the documentation do what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from cascade.manual import page, pages
from cascade.scenario.load import load
from cascade.scenario.schema import Scenario

_BLOCK = re.compile(r"^```(yaml|python)( fragment)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(name, *found) for name in pages() for found in _BLOCK.findall(page(name))]
SCENARIO = [text for name, kind, part, text in BLOCKS if name == "scenario" and kind == "yaml" and not part]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder in which the page's first scenario lies as small.yaml."""
    (tmp_path / "small.yaml").write_text(SCENARIO[0], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("name", "kind", "part", "text"), BLOCKS, ids=lambda value: str(value)[:20])
def test_block(name: str, kind: str, part: str, text: str, folder: Path) -> None:
    if kind == "python":
        code = compile(text, f"{name}.md", "exec")
        if name == "scenario":
            exec(code, {})
        return
    data = YAML(typ="safe", pure=True).load(text)
    path = folder / "block.yaml"
    if "sweep" in data:
        from cascade.experiment.sweep import prepare

        path.write_text(text, encoding="utf-8")
        assert prepare(path).n_runs == 1200
    elif not part and data.get("cascade"):
        path.write_text(text, encoding="utf-8")
        load(path)
    elif "news" in data:
        path.write_text(
            "extends: small.yaml\nassets: {BTC: {news: " + str(dict(data["news"])) + "}}\n", encoding="utf-8"
        )
        load(path)
    elif set(data) <= {*Scenario.model_fields, "extends"}:
        text = text if "extends" in data else f"extends: small.yaml\n{text}"
        path.write_text(text, encoding="utf-8")
        load(path)


def test_the_small_scenario_is_free_of_warnings(folder: Path) -> None:
    from cascade.scenario.load import inspect

    scenario, problems = inspect(folder / "small.yaml")
    assert scenario is not None
    assert problems == ()


def test_defaults_of_the_parameters_page_are_those_of_the_code() -> None:
    from cascade.scenario.schema_agents import (
        LEVELS_BPS,
        LadderMaker,
        Learning,
        SpotPerpetualArbitrage,
        Sweeper,
    )

    text = page("parameters")
    assert f"`count` | {LadderMaker.model_fields['count'].default} |" in text
    assert f"`skew_bps` | {LadderMaker.model_fields['skew_bps'].default:g} |" in text
    assert f"`learning.impact_bps_per_million` | {Learning().impact_bps_per_million:g} |" in text
    assert f"{len(LEVELS_BPS)} levels" in text
    assert f"`news_takers.edge_bps` | {Sweeper.model_fields['edge_bps'].default:g} " in text
    assert (
        f"`arbitrage.threshold_bps` | {SpotPerpetualArbitrage.model_fields['threshold_bps'].default:g} "
        in text
    )

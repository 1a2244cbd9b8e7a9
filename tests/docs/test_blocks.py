"""Blocks of YAML in the documentation are what the page says: scenarios and sweeps that load, or parts of one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from cascade.calibration.problem_reading import load_problem
from cascade.experiment.sweep import prepare
from cascade.manual import page, pages
from cascade.scenario.document import read_document
from cascade.scenario.gallery import copy_to
from cascade.scenario.load import load
from cascade.scenario.schema import Scenario
from tests.docs.conftest import BLOCKS, Block, blocks, text_of


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder with the page's first scenario as small.yaml, a shipped one, and a user's accounts and bars."""
    (tmp_path / "small.yaml").write_text(text_of("scenario", "yaml"), encoding="utf-8")
    (tmp_path / "desk.py").write_text(text_of("mesa", "python"), encoding="utf-8")
    rows = "label,side,quantity,entry_price,leverage,desk\nA,long,0.5,107000,10,north\n"
    (tmp_path / "accounts.csv").write_text(rows, encoding="utf-8")
    for name in ("clients", "others"):
        rows = "label,side,quantity,entry_price,leverage\nfund-7,long,0.5,107000,10\n"
        (tmp_path / f"{name}.csv").write_text(rows, encoding="utf-8")
    copy_to(tmp_path, "ordinary-days")
    rows = "time_utc,open,high,low,close\n"
    rows += "".join(
        f"2025-{day}T00:00:00Z,104607,104700,104500,104650\n" for day in ("06-01", "06-20", "07-27")
    )
    for name in ("btc-5m", "btc-1d"):
        (tmp_path / f"{name}.csv").write_text(rows, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


OWN = [
    each for each in blocks("yaml") if each.values[0].page != "extending"
]  # shows lines of files: test_extending


@pytest.mark.parametrize("name", pages())
def test_every_fence_opens_or_ends_a_block(name: str) -> None:
    """One that is written otherwise would hide its block, and the next, from these tests."""
    fences = re.findall(r"^```", page(name), re.MULTILINE)
    assert len(fences) == 2 * sum(each.page == name for each in BLOCKS)


@pytest.mark.parametrize("block", OWN)
def test_block(block: Block, folder: Path) -> None:
    path = folder / "block.yaml"
    path.write_text(whole(block), encoding="utf-8")
    if "calibrate:" in block.text:
        assert len(load_problem(path).parameters) == 3
    elif "sweep:" in block.text:
        assert prepare(path).n_runs == 1200
    elif "lists:" in block.text:
        path.write_text(block.text, encoding="utf-8")
        assert read_document(path).problems == [], "each item is written for every row"
    else:
        load(path)


def whole(block: Block) -> str:
    """Return a block as a document: a part of a scenario changes the small one."""
    data = YAML(typ="safe", pure=True).load(block.text)
    if (not block.is_part and {"cascade", "calibrate"} & set(data)) or "extends" in data:
        return block.text
    if set(data) <= set(Scenario.model_fields):
        return f"extends: small.yaml\n{block.text}"
    part = {"assets": {"BTC": data}} if "news" in data else {"population": {"traders": data}}
    return json.dumps({"extends": "small.yaml"} | part)  # JSON is YAML, too


def test_the_small_scenario_is_free_of_warnings(folder: Path) -> None:
    from cascade.scenario.load import inspect

    scenario, problems = inspect(folder / "small.yaml")
    assert scenario is not None
    assert problems == ()


def test_defaults_of_the_parameters_page_are_those_of_the_code() -> None:
    from cascade.scenario.liquidity import REFERENCE_LEARNING
    from cascade.scenario.schema_agents import Sweeper
    from cascade.scenario.schema_makers import LEVELS_BPS, LadderMaker, Learning
    from cascade.scenario.schema_ties import SpotPerpetualArbitrage

    text = page("parameters")
    assert f"`count` | {LadderMaker.model_fields['count'].default} |" in text
    assert f"`skew_bps` | {LadderMaker.model_fields['skew_bps'].default:g} |" in text
    assert f"`learning.impact_bps_per_million` | {REFERENCE_LEARNING:g}, follows depth |" in text
    assert Learning().impact_bps_per_million is None
    assert f"{len(LEVELS_BPS)} levels" in text
    assert f"`news_takers.edge_bps` | {Sweeper.model_fields['edge_bps'].default:g} " in text
    assert (
        f"`arbitrage.threshold_bps` | {SpotPerpetualArbitrage.model_fields['threshold_bps'].default:g} "
        in text
    )

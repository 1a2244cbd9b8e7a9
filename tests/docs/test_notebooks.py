"""The notebooks run from top to bottom, and find what they are about."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from cascade.manual import page
from tests.docs.conftest import ROOT

FOLDER = ROOT / "cascade" / "docs" / "notebooks"


def found_by(name: str) -> dict[str, Any]:
    """Return what the cells of a notebook define."""
    pytest.importorskip("marimo")
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    _, defined = module.app.run()
    return dict(defined)


@pytest.mark.slow
def test_the_first_cascade() -> None:
    found = found_by("first_cascade")
    assert found["run"].metrics(0)["binance_btcusdt_amplification"] is not None
    assert {"shock", "liquidation", "fund"} <= set(found["events"]["event"])
    assert found["mark"].shape[1] == 4


@pytest.mark.slow
def test_the_policy_question() -> None:
    answer = found_by("policy_question")["answer"]
    assert len(answer) == 3
    assert answer["adl_usd"].min() < answer["adl_usd"].max(), "the fund decides who is deleveraged"


@pytest.mark.slow
def test_the_agent_of_ones_own() -> None:
    found = found_by("own_agent")
    assert found["buyer"].position("binance:BTCUSDT") > 0.0
    assert found["fall"]["with"] < found["fall"]["without"]


def test_every_notebook_is_on_the_page() -> None:
    for path in FOLDER.glob("*.py"):
        assert f"`cascade/docs/notebooks/{path.name}`" in page("mesa"), path.name

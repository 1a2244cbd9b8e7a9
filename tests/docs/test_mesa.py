"""The three agents of the page `mesa` do what it says of them, and the books are kept."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import cascade
from cascade.core.check import breaches
from tests.docs.conftest import ROOT, text_of

MARKET = "binance:BTCUSDT"


@pytest.fixture
def model(tmp_path: Path) -> cascade.CascadeModel:
    """Return the page's market in a book so thin, and after a fall so deep, that somebody is liquidated."""
    (tmp_path / "small.yaml").write_text(text_of("scenario", "yaml"), encoding="utf-8")
    (tmp_path / "desk.py").write_text(text_of("mesa", "python"), encoding="utf-8")
    (tmp_path / "desk.yaml").write_text(text_of("mesa", "yaml"), encoding="utf-8")
    scenario = cascade.load(
        tmp_path / "desk.yaml",
        [
            "duration=2m",
            "population.traders.open_interest=50M",
            "shocks=[{type: news, at: 20s, asset: BTC, move: -3 %}]",
        ],
    )
    return cascade.CascadeModel(scenario, allow_code=True)


def test_the_three_agents_do_what_the_page_says(model: cascade.CascadeModel) -> None:
    whale, panic, fund = model.agents
    held: dict[str, list[float]] = {agent.name: [] for agent in model.agents}
    while model.running:
        model.step()
        for agent in model.agents:
            held[agent.name].append(agent.position(MARKET))
    assert held["whale"][9] < 100.0
    assert sorted(held["whale"], reverse=True) == held["whale"]
    assert held["whale"][-1] < 50.0
    liquidated = model.logs["liquidations"]["step"]
    assert len(liquidated) > 0
    assert set(held["panic"][: int(liquidated[0])]) == {40.0}
    assert held["panic"][-1] < 1.0
    assert panic.seen_usd >= 100_000.0
    assert held["fund"][-1] > 0.0
    assert 0.0 < fund.spent <= 20e6
    assert whale.equity > 0.0
    engine = model.engine
    assert breaches(engine.state, engine.params, engine.endowment) == []


def test_the_example_of_solara_names_what_there_is() -> None:
    """It runs where the extra is installed; elsewhere it is read."""
    path = ROOT / "cascade" / "docs" / "notebooks" / "market_app.py"
    text = path.read_text(encoding="utf-8")
    space: dict[str, object] = {}
    exec(compile(text[text.index("import cascade") : text.index("page = ")], str(path), "exec"), space)
    market = space["Market"]()  # pyright: ignore
    market.step()
    assert "binance:BTCUSDT mark" in market.datacollector.model_vars
    if importlib.util.find_spec("solara") is not None:
        exec(compile(text, str(path), "exec"), {})


def test_the_page_names_agents_as_its_scenario_does() -> None:
    data = YAML(typ="safe", pure=True).load(text_of("mesa", "yaml"))
    assert [agent["python"] for agent in data["agents"]] == [
        "desk:Whale",
        "desk:PanicSeller",
        "desk:CentralFund",
    ]

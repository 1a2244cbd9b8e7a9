"""The three agents of the page `mesa` do what it says of them, and the books are kept."""

from __future__ import annotations

import runpy
import time
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
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


APP = ROOT / "cascade" / "docs" / "notebooks" / "market_app.py"


def test_the_example_of_solara_names_what_there_is() -> None:
    """Its model, which needs no extra."""
    text = APP.read_text(encoding="utf-8")
    space: dict[str, object] = {}
    exec(compile(text[text.index("import cascade") : text.index("def in_full")], str(APP), "exec"), space)
    market = space["Market"]()  # pyright: ignore
    market.step()
    assert "binance:BTCUSDT mark" in market.datacollector.model_vars


def lacks_viz() -> str:
    """Return what the extra `viz` asks for and is not installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for pin in map(Requirement, (*project["optional-dependencies"]["viz"], "solara", "matplotlib")):
        try:
            if not pin.specifier.contains(version(pin.name)):
                return f"{pin.name} is {version(pin.name)}, and the extra `viz` asks for {pin.specifier}"
        except PackageNotFoundError:
            return f"the extra `viz` is not installed: {pin.name} is missing"
    return ""


@pytest.mark.filterwarnings("ignore")  # of libraries that are not ours
@pytest.mark.skipif(bool(lacks_viz()), reason=lacks_viz())
def test_the_example_of_solara_runs_and_steps() -> None:
    """The page as its server makes it: a click on Step moves the market, and the plot is drawn anew."""
    import ipyvuetify  # pyright: ignore
    import ipywidgets  # pyright: ignore
    import solara  # pyright: ignore

    space = runpy.run_path(str(APP))
    _, tree = solara.render(solara.AppLayout(children=[space["page"]]), handle_error=False)
    try:
        plot = tree.find(ipywidgets.Image)
        (before,) = [each.value for each in plot.widgets]
        assert bytes(before).startswith(b"\x89PNG")
        tree.find(ipyvuetify.Btn, children=["Step"]).widget.click()
        for _ in range(300):
            if plot.widgets[0].value != before:
                break
            time.sleep(0.1)
        assert plot.widgets[0].value != before
    finally:
        tree.close()


def test_the_page_names_agents_as_its_scenario_does() -> None:
    data = YAML(typ="safe", pure=True).load(text_of("mesa", "yaml"))
    assert [agent["python"] for agent in data["agents"]] == [
        "desk:Whale",
        "desk:PanicSeller",
        "desk:CentralFund",
    ]

"""Agents in Python that a scenario names: allowed or refused, told what happens, and as reproducible as the rest."""

from __future__ import annotations

import gc
import hashlib
import weakref
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

import cascade
from cascade.agent import Trader
from cascade.assembly import assemble
from cascade.cli.app import build
from cascade.core.check import breaches
from cascade.core.start import Capacity
from cascade.engine import Engine, Nothing, rejections
from cascade.errors import ReplicatesError, ScenarioError, SimulationError
from cascade.experiment.held import held
from cascade.experiment.order_cost import prepare_cost
from cascade.experiment.sales import Sale, responses
from cascade.floor import Floor
from cascade.model import CascadeModel
from cascade.view.session import Session
from tests.support.scenarios import small_data, small_scenario

MARKET = "venue:BTCUSDT"

DESK = """
from __future__ import annotations

from dataclasses import dataclass

from cascade import Trader

seen = []


@dataclass
class Slice:
    size: float


class Whale(Trader):
    every = 5.0

    def __init__(self, model, market, size=1.0, fails_at=None, **account):
        super().__init__(model, **account)
        self.market, self.slice, self.fails_at = market, Slice(size), fails_at
        seen.append(self.name)
        assert seen == [self.name], "the module is another replicate's"

    def step(self):
        if self.fails_at is not None and self.now >= self.fails_at:
            raise ValueError("no more")
        held = self.position(self.market)
        size = self.slice.size * self.rng.uniform(0.5, 1.5)
        self.sell(self.market, min(size, held), reduce_only=True)


class Nobody:
    pass
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Return a scenario beside the code of its agent; the price falls by 2 % after 20 seconds."""
    (tmp_path / "desk.py").write_text(DESK, encoding="utf-8")
    return written(tmp_path)


def written(folder: Path, name: str = "desk", **changes: Any) -> Path:
    agent = {
        "name": "whale", "python": "desk:Whale", "cash": "1M", "positions": {MARKET: 60},
        "parameters": {"market": MARKET, "size": 5.0},
    } | changes  # fmt: skip
    fall = {"name": "fall", "type": "news", "at": "20s", "asset": "BTC", "move": "-2 %"}
    data = small_data(name=name, duration="60s", shocks=[fall], agents=[agent])
    path = folder / f"{name}.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(data, file)
    return path


# --- leave to run ---------------------------------------------------------------------------------------


def test_code_runs_only_with_leave(desk: Path, tmp_path: Path) -> None:
    line = next(n for n, text in enumerate(desk.read_text().splitlines(), 1) if "desk:Whale" in text)
    for refused in (
        lambda: cascade.run(desk, out=tmp_path / "results"),
        lambda: cascade.sweep(desk, ["agents.whale.cash=1M,2M"], out=tmp_path / "results"),
        lambda: cascade.attribute(desk, channels=["adl"], out=tmp_path / "results"),
        lambda: CascadeModel(desk),
    ):
        with pytest.raises(ScenarioError) as caught:
            refused()
        (problem,) = caught.value.errors
        assert (problem.code, problem.path, problem.line) == ("CAS019", "agents.whale.python", line)
        assert str(tmp_path / "desk.py") in problem.message
        assert "--allow-code" in problem.hint
    with pytest.raises(ScenarioError) as caught:
        cascade.run(cascade.load(desk), out=tmp_path / "results")
    assert caught.value.code == "CAS019"
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_to_look_at_a_scenario_runs_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "desk.py").write_text("raise SystemExit\nclass Whale: pass\n", encoding="utf-8")
    path = written(tmp_path)
    for words in (["validate", str(path)], ["explain", str(path)], ["sweep", str(path), "-s", "seed=1,2"]):
        result = CliRunner().invoke(build(words[:1]), words)
        assert result.exit_code == (3 if words[0] == "sweep" else 0), result.output
    assert "CAS019" in result.output


@pytest.mark.parametrize(
    ("changes", "code", "where", "told", "hint"),
    [
        ({"python": "desk:Wale"}, "CAS165", "python", "did you mean 'Whale'", "Whale, Nobody"),
        ({"python": "moon:Whale"}, "CAS165", "python", "no module 'moon'", "moon.py in the folder"),
        ({"python": "Whale"}, "CAS012", "python", "names no class", "desk:Whale"),
        ({"python": "../far.py:Whale"}, "CAS009", "python", "outside", "--allow"),
        ({"venue": "vanue"}, "CAS166", "venue", "did you mean 'venue'", "venues: spot, venue"),
        ({"positions": {"venue:ETHUSDT": 1}}, "CAS166", "positions.venue:ETHUSDT", "cannot hold", "spot"),
        ({"positions": {"spot:BTCUSD": -1}}, "CAS166", "positions.spot:BTCUSD", "sold short", "above 0"),
        ({"cash": "1k"}, "CAS166", "cash", "too little", "write cash"),
    ],
)
def test_what_cannot_be_is_said_before_anything_runs(
    changes: dict[str, Any], code: str, where: str, told: str, hint: str, desk: Path
) -> None:
    with pytest.raises(ScenarioError) as caught:
        cascade.load(written(desk.parent, **changes))
    (problem,) = caught.value.errors
    assert (problem.code, problem.path) == (code, f"agents.whale.{where}")
    assert told in problem.message
    assert hint in problem.hint
    assert problem.line > 0


@pytest.mark.parametrize(
    ("changes", "told", "hint"),
    [
        ({"python": "desk:Nobody"}, "no kind of cascade.Trader", "class Nobody(cascade.Trader)"),
        ({"parameters": {}}, "missing a required argument: 'market'", "market, size, fails_at"),
        ({"parameters": {"market": MARKET, "sise": 1}}, "cannot be made", "market, size, fails_at"),
        ({"python": "broken:Whale"}, "ZeroDivisionError", "broken.py:3"),
    ],
)
def test_code_that_gives_no_agent_is_said_before_anything_runs(
    changes: dict[str, Any], told: str, hint: str, desk: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text("class Whale: pass\n\n1 / 0\n", encoding="utf-8")
    path = written(tmp_path, **({"parameters": {}} | changes if "python" in changes else changes))
    if changes.get("parameters", {}).get("sise"):  # whoever takes **account hands it on: Trader refuses it
        with pytest.raises(ReplicatesError, match="sise"):
            cascade.run(path, out=tmp_path / "results", allow_code=True)
        return
    with pytest.raises(ScenarioError) as caught:
        cascade.run(path, out=tmp_path / "results", allow_code=True)
    (problem,) = caught.value.errors
    assert problem.code == "CAS165"
    assert told in problem.message
    assert hint in problem.hint


def test_a_command_that_has_nobody_to_act_refuses(desk: Path) -> None:
    with pytest.raises(SimulationError) as caught:
        Engine(assemble(cascade.load(desk)), Nothing())
    assert caught.value.code == "CAS404"


# --- results --------------------------------------------------------------------------------------------


def test_a_run_with_an_agent_is_the_same_on_one_worker_and_on_two(desk: Path, tmp_path: Path) -> None:
    """With its twin, in which the agent acts for itself; and nothing is drawn from what replicates share."""
    asked = {"replicates": 3, "counterfactual": True, "allow_code": True}
    one = cascade.run(desk, jobs=1, out=tmp_path / "one", **asked)
    two = cascade.run(desk, jobs=2, out=tmp_path / "two", processes=True, **asked)
    for name in one.tables:
        if name != "failures":
            assert one.tables[name].equals(two.tables[name]), name
    assert one.metrics(0)["venue_btcusdt_fall_bps"] != one.metrics(1)["venue_btcusdt_fall_bps"]
    code = one.manifest["agents"]["whale"]
    assert code["module"] == str(tmp_path / "desk.py")
    assert code["class"] == "Whale"
    assert code["source"] == f"sha256:{hashlib.sha256(DESK.encode()).hexdigest()}"


@pytest.mark.slow
def test_a_comparison_with_and_without_an_agent_is_paired(desk: Path, tmp_path: Path) -> None:
    with_it = cascade.run(desk, replicates=6, out=tmp_path / "results", allow_code=True)
    without = cascade.run(
        small_scenario(**(small_data() | {"duration": "60s", "shocks": cascade.load(desk).shocks})),
        replicates=6, out=tmp_path / "results",
    )  # fmt: skip
    found = cascade.compare({"without": without, "with": with_it})
    fall = found.differences["with"]["venue_btcusdt_fall_bps"]
    assert fall.paired
    assert fall.difference is not None
    assert fall.difference.value > 0.0, "who sells 60 coins presses the price"


def test_other_code_is_another_run(desk: Path, tmp_path: Path) -> None:
    first = cascade.run(desk, out=tmp_path / "results", allow_code=True)
    again = cascade.run(desk, out=tmp_path / "results", allow_code=True)
    (tmp_path / "desk.py").write_text(DESK.replace("1.5", "1.4"), encoding="utf-8")
    other = cascade.run(desk, out=tmp_path / "results", allow_code=True)
    assert first.path == again.path != other.path


def test_a_replay_repeats_a_run_with_an_agent(desk: Path, tmp_path: Path) -> None:
    run = cascade.run(desk, out=tmp_path / "results", allow_code=True)
    assert run.path is not None
    again = cascade.replay(run.path, 0, window="10s..50s", out=tmp_path / "replays", allow_code=True)
    assert again.compared["bars"] == len(run.tables["bars"])
    labels = again.result.tables["accounts"].column("label").to_pylist()
    assert "whale" in labels


def test_an_agent_that_raises_is_named_with_its_time_and_its_line(desk: Path, tmp_path: Path) -> None:
    path = written(tmp_path, parameters={"market": MARKET, "fails_at": 30})
    line = next(n for n, text in enumerate(DESK.splitlines(), 1) if "raise ValueError" in text)
    with pytest.raises(ReplicatesError) as caught:
        cascade.run(path, out=tmp_path / "results", allow_code=True)
    told = str(caught.value)
    assert "agent 'whale' failed at 30s (step 30): ValueError: no more" in told
    assert f"desk.py:{line}" in told
    assert "--allow-code" in told
    words = ["run", str(path), "--allow-code", "-o", str(tmp_path / "cli")]
    result = CliRunner().invoke(build(["run"]), words)
    assert result.exit_code == 5
    assert "agent 'whale' failed at 30s" in result.output


def test_code_that_changes_while_a_run_goes_on_stops_it(desk: Path, tmp_path: Path) -> None:
    from cascade.admission import code_of, refuse_changed

    scenario = cascade.load(desk)
    begun = code_of(scenario)
    refuse_changed(scenario, begun)
    (tmp_path / "desk.py").write_text(DESK + "\n", encoding="utf-8")
    with pytest.raises(SimulationError, match="whale"):
        refuse_changed(scenario, begun)


# --- commands that run replicates of their own -----------------------------------------------------------

IDLE = "import cascade\n\n\nclass Idle(cascade.Trader):\n    pass\n"


IMPACT = {"daily_volume": "10B", "daily_volatility": "3 %"}


def idle(folder: Path) -> dict[str, Any]:
    (folder / "idle.py").write_text(IDLE, encoding="utf-8")
    return {"name": "idle", "python": f"{folder / 'idle.py'}:Idle", "cash": "1M"}


@pytest.mark.slow
def test_an_order_costs_the_same_beside_an_agent_who_does_nothing(tmp_path: Path) -> None:
    """Courses run from the start where agents act, as what they remember can't be copied: luck makes them the same."""
    fall = {"type": "news", "at": "30s", "asset": "BTC", "move": "-2 %"}
    alone = small_scenario(duration="60s", shocks=[fall])
    beside = small_scenario(duration="60s", shocks=[fall], agents=[idle(tmp_path)])
    with pytest.raises(ScenarioError) as caught:
        prepare_cost(beside, "sell", 3e6, [10.0], at_s=20.0, watch_s=20.0, replicates=1)
    assert caught.value.code == "CAS019"
    rows = [
        prepare_cost(each, "sell", 3e6, [0.0, 10.0], at_s=20.0, watch_s=20.0, replicates=1, allow_code=True)
        .run(jobs=1).rows for each in (alone, beside)
    ]  # fmt: skip
    for one, other in zip(*rows, strict=True):
        assert one.values["liquidated_usd"][0] > 0.0
        for name, values in one.values.items():
            assert values[0] == other.values[name][0], name


def test_what_forced_orders_move_is_measured_with_agents(tmp_path: Path) -> None:
    assets = {
        "BTC": {"news": {"type": "anchors", "points": [["0s", 107000], ["60s", 105000]]}, "impact": IMPACT}
    }
    alone = small_scenario(duration="60s", assets=assets)
    beside = small_scenario(duration="60s", assets=assets, agents=[idle(tmp_path)])
    found = [held(each, 1, allow_code=True, jobs=1).bps["BTC"] for each in (alone, beside)]
    assert found[0][-1] < 0.0
    assert found[0].tolist() == found[1].tolist()


def test_a_sale_is_answered_the_same_beside_an_agent_who_does_nothing(tmp_path: Path) -> None:
    sales = (Sale(2e6, 0.0, 5.0),)
    found = [
        responses(small_scenario(duration="15m", agents=agents), MARKET, sales)
        for agents in ([], [idle(tmp_path)])
    ]
    one, other = (next(iter(each.values())) for each in found if each is not None)
    assert one.moved_bps.max() > 0.0
    assert one.moved_bps.tolist() == other.moved_bps.tolist()


@pytest.mark.slow
def test_what_was_at_risk_of_a_run_with_an_agent(desk: Path, tmp_path: Path) -> None:
    run = cascade.run(desk, out=tmp_path / "results", allow_code=True)
    words = ["graph", str(run.path), "-q", "--json"]
    refused = CliRunner().invoke(build(words[:1]), words)
    assert refused.exit_code == 3, refused.output
    assert "--allow-code" in refused.output
    told = CliRunner().invoke(build(words[:1]), [*words, "--allow-code"])
    assert told.exit_code == 0, told.output
    assert "structural" in told.output
    assert CliRunner().invoke(build(words[:1]), [*words, "--no-structural"]).exit_code == 0
    (tmp_path / "desk.py").write_text(DESK.replace("1.5", "1.4"), encoding="utf-8")
    changed = CliRunner().invoke(build(words[:1]), [*words, "--allow-code"])
    assert "is not what it was when the run began" in changed.output


def test_live_and_what_if_run_code_with_leave(desk: Path, tmp_path: Path) -> None:
    run = cascade.run(desk, out=tmp_path / "results", allow_code=True)
    assert run.path is not None
    with pytest.raises(ScenarioError, match="allow-code"):
        Session.of_scenario(cascade.load(desk), 0)
    with pytest.raises(ScenarioError, match="allow-code"):
        Session.of_results(run.path).ask("desk", 0, "agents.whale.cash", "2M")
    session = Session.of_results(run.path, allow_code=True)
    session.ask("desk", 0, "agents.whale.cash", "2M")
    assert session.what_if is not None
    session.what_if.run.join()
    assert session.what_if.run.status()["stage"] == "done"


# --- what an agent has and sees -------------------------------------------------------------------------


def model_of(desk: Path, **options: Any) -> CascadeModel:
    return CascadeModel(cascade.load(desk), allow_code=True, **options)


def test_what_an_agent_holds_at_the_start_is_somebody_elses_short(desk: Path) -> None:
    model = model_of(desk)
    (whale,) = model.agents
    engine = model.engine
    assert breaches(engine.state, engine.params, engine.endowment) == []
    assert whale.position(MARKET) == pytest.approx(60.0)
    assert whale.equity == pytest.approx(1e6)
    model.run_model()
    assert breaches(engine.state, engine.params, engine.endowment) == []
    assert whale.position(MARKET) < 30.0


class Listener(Trader):
    """Writes down what it is told, and trades a little."""

    every = None

    def __init__(self, model: Floor, **account: Any) -> None:
        super().__init__(model, **account)
        self.forced: list[tuple[float, Any]] = []
        self.own: list[tuple[float, Any]] = []
        self.woken: list[float] = []
        self.wake_at(3.0)
        self.wake_at(7.5)

    def on_liquidations(self, liquidations: list[Any]) -> None:
        self.forced += [(self.now, each) for each in liquidations]

    def on_fills(self, fills: list[Any]) -> None:
        self.own += [(self.now, each) for each in fills]

    def step(self) -> None:
        self.woken.append(self.now)
        if len(self.woken) == 1:
            self.buy(MARKET, 20.0)
            self.sell(MARKET, 1.0, limit=107_010.0)


def told(capacity: Capacity | None = None) -> tuple[CascadeModel, Listener]:
    shock = [{"type": "news", "at": "20s", "asset": "BTC", "move": "-3 %"}]
    scenario = small_scenario(duration="60s", shocks=shock)
    model = CascadeModel(scenario, [lambda floor: Listener(floor, cash=60_000.0)], capacity=capacity)
    (listener,) = model.agents
    model.run_model()
    return model, listener


def test_an_agent_is_told_of_every_forced_order_and_of_its_own_fills() -> None:
    model, listener = told()
    assert listener.woken == [3.0, 8.0]
    log = model.logs["liquidations"]
    before_end = log[log["step"] < 59]
    assert [(now - 1.0, each.account) for now, each in listener.forced] == [
        (float(row["step"]), row["account"]) for row in before_end
    ]
    assert sum(each.usd for _, each in listener.forced) > 0.0
    assert {each.side for _, each in listener.forced} <= {"long", "short"}
    bought = sum(fill.quantity * (1 if fill.side == "buy" else -1) for _, fill in listener.own)
    assert bought == pytest.approx(listener.position(MARKET))
    assert listener.account in [each.account for _, each in listener.forced]
    assert {fill.purpose for _, fill in listener.own} >= {"any", "forced"}
    assert "trades" not in model.logs.tables, "they were not asked for"


def test_what_an_agent_is_told_does_not_depend_on_buffers() -> None:
    _, usual = told()
    _, tight = told(Capacity(*[1] * len(Capacity._fields)))
    assert (usual.forced, usual.own, usual.woken) == (tight.forced, tight.own, tight.woken)


def test_the_depth_that_an_agent_sees_is_that_of_the_bars() -> None:
    model = CascadeModel(small_scenario(duration="60s"))
    for _ in range(60):
        model.step()
    bars = model.result().tables["bars"].to_pylist()
    last = next(row for row in reversed(bars) if row["market"] == MARKET)
    seen = model.markets[MARKET]
    for bps in (10, 50, 100):
        for side in ("bid", "ask"):
            assert seen.depth_usd(side, bps) == pytest.approx(last[f"{side}_depth_{bps}bps_usd"], rel=0.01)
    prices = [price for price, _ in seen.book("bid")]
    assert prices == sorted(prices, reverse=True)
    assert prices[0] == seen.best_bid
    with pytest.raises(ValueError, match="bid or ask"):
        seen.book("buy")


def test_an_order_beyond_all_numbers_is_refused() -> None:
    class Giant(Trader):
        def step(self) -> None:
            self.buy(MARKET, 1e15)
            self.sell(MARKET, 1e18, reduce_only=True)

    model = CascadeModel(small_scenario(), [lambda floor: Giant(floor, cash=1_000.0)])
    model.step()
    assert rejections(model.engine) == {"margin is not enough": 1, "nothing to reduce (reduce-only)": 1}
    assert breaches(model.engine.state, model.engine.params, model.engine.endowment) == []


def test_luck_of_an_agent_is_its_own() -> None:
    class Gambler(Trader):
        def draw(self) -> tuple[float, float]:
            return self.rng.uniform(), self.random.random()

    def draws(*names: str, replicate: int = 0) -> dict[str, tuple[float, float]]:
        makers = [lambda floor, name=name: Gambler(floor, name=name) for name in names]
        model = CascadeModel(small_scenario(), makers, replicate=replicate)
        return {agent.name: agent.draw() for agent in model.agents}

    assert draws("b")["b"] == draws("a", "b")["b"]
    assert draws("b")["b"] != draws("a", "b")["a"]
    assert draws("b")["b"] != draws("b", replicate=1)["b"]
    assert list(draws("a", "a")) == ["a", "a-2"]


# --- Mesa -----------------------------------------------------------------------------------------------


def test_a_model_gives_the_rows_of_a_run(desk: Path, tmp_path: Path) -> None:
    run = cascade.run(desk, replicate=2, out=tmp_path / "results", allow_code=True)
    model = model_of(desk, replicate=2)
    with pytest.raises(cascade.CascadeError, match=r"step 0 of 60"):
        model.result()
    model.run_model()
    result = model.result()
    for table in ("bars", "liquidations", "adl", "funds", "runs"):
        assert result.tables[table].equals(run.tables[table]), table
    assert cascade.summarise(result).to_text()
    assert cascade.compare({"run": run, "model": result}).differences


def test_batches_of_mesa_run_with_its_defaults() -> None:
    import mesa

    class Market(CascadeModel):
        def __init__(self, replicate: int = 0) -> None:
            super().__init__(
                small_scenario(duration="20s"), [lambda floor: Listener(floor, cash=60_000.0)],
                replicate=replicate, model_reporters={"held": lambda model: model.agents[0].position(MARKET)},
                agent_reporters={"equity": "equity"},
            )  # fmt: skip

    rows = mesa.batch_run(Market, {"replicate": [0, 1]}, display_progress=False)
    assert [row["Step"] for row in rows] == [19, 19]
    assert [row["held"] > 10 for row in rows] == [True, True]
    assert rows[0]["equity"] == pytest.approx(60_000, rel=0.1)
    assert rows[0][f"{MARKET} mark"] != rows[1][f"{MARKET} mark"]


def test_a_model_that_has_ended_is_given_back() -> None:
    model = CascadeModel(small_scenario(duration="5s"), [Listener])
    model.run_model()
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None

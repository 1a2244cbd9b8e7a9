"""The run loop: outcomes and what is said of them, interruptions, failures as rows, snapshots, overrides."""

from __future__ import annotations

import gc
import json
import shlex
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from cascade import acting
from cascade.assembly import assemble
from cascade.engine import Engine, Outcome, simulate
from cascade.errors import InvariantError, ReplicatesError, ScenarioError
from cascade.experiment import replicate as replicates
from cascade.experiment import run as experiment
from cascade.model import Logs
from cascade.output.reader import Result, read
from cascade.report.summary import summarise
from cascade.scenario.load import load, to_yaml
from tests.support.scenarios import small_scenario


def test_a_breach_stops_the_run_and_names_the_step() -> None:
    engine = Engine(assemble(small_scenario()), Logs())
    engine.advance(10)
    engine.state.balances[0, 0] += 1
    with pytest.raises(InvariantError, match="after step 10: balances of settlement asset 0"):
        simulate(engine, 20)


def test_a_step_past_the_end_is_refused() -> None:
    """The kernels have nothing to read there: it was a segmentation fault."""
    engine = Engine(assemble(small_scenario(duration="5s")), Logs())
    for until in (6, 10**6):
        with pytest.raises(
            ValueError, match=r"the run has 5 steps, and [\d,]+ lies past its end: advance to 5"
        ):
            engine.advance(until)
    engine.advance(5)
    engine.advance(3)
    assert engine.step == 5


def test_a_market_that_nobody_holds_is_gone() -> None:
    """The table of views that kernels are called with kept its arrays: 21 MB of a finished run."""
    engine = Engine(assemble(small_scenario(duration="5s")), Logs())
    engine.advance(5)
    engine.check()
    watched = [weakref.ref(array) for array in (*engine.state, *engine.params)]
    del engine
    gc.collect()
    assert not [watch() for watch in watched if watch() is not None]


def test_a_stopped_run_is_interrupted_between_chunks() -> None:
    engine = Engine(assemble(small_scenario()), Logs())
    stop = threading.Event()
    outcome = simulate(engine, 10, progress=lambda _: stop.set(), stopped=stop.is_set)
    assert outcome is Outcome.INTERRUPTED
    assert engine.step == 10


def test_a_failed_replicate_is_a_row_with_the_command_that_reproduces_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(scenario: object, replicate: int = 0) -> object:
        if replicate == 1:
            raise InvariantError("after step 3: something")
        return assemble(scenario, replicate)

    monkeypatch.setattr(replicates, "assemble", broken)
    with pytest.raises(ReplicatesError, match="1 of 3 replicates failed") as caught:
        experiment.run(small_scenario(), replicates=3, out=tmp_path)
    result = read(caught.value.where)
    assert result.runs["replicate"].to_pylist() == [0, 2]
    (row,) = result.tables["failures"].to_pylist()
    assert row["replicate"] == 1
    resolved = result.path / "scenario.resolved.yaml"
    assert shlex.split(row["command"]) == f"cascade run {resolved} --seed 1 --replicate 1".split()
    assert load(resolved) == small_scenario()


def test_the_command_of_a_failed_replicate_repeats_the_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(scenario: object, replicate: int = 0) -> object:
        raise InvariantError("after step 3: something")

    file = tmp_path / "my market.yaml"
    file.write_text(to_yaml(small_scenario()), encoding="utf-8")
    changes = ["venues.venue.fund=1M USD", "duration=60s"]
    monkeypatch.setattr(replicates, "assemble", broken)
    with pytest.raises(ReplicatesError) as caught:
        experiment.run(file, changes, seed=5, replicate=2, counterfactual=True, out=tmp_path)
    (row,) = read(caught.value.where).tables["failures"].to_pylist()
    options = ["-s", changes[0], "-s", changes[1], "--counterfactual"]
    assert shlex.split(row["command"]) == [
        "cascade", "run", str(file), "--seed", "5", "--replicate", "2", *options
    ]  # fmt: skip


def sell(notional: str, at: str) -> list[dict[str, Any]]:
    """Return a sale that may be more than anyone bids for."""
    return [
        {
            "type": "market_order", "at": at, "over": "10s", "market": "venue:BTCUSDT", "side": "sell",
            "notional": notional,
        }
    ]  # fmt: skip


def test_a_market_shock_that_does_not_fill_is_said_in_notes_and_manifest(tmp_path: Path) -> None:
    scenario = small_scenario(shocks=[*sell("10B", "60s"), *sell("1M", "30s")])
    result = experiment.run(scenario, replicates=1, out=tmp_path)
    (note,) = [line for line in result.metrics(0)["notes"].splitlines() if line.startswith("market shock")]
    assert note.startswith("market shock at 60 s in venue:BTCUSDT: ")
    assert note.endswith(" of 93,457,943 lots did not fill")
    (said,) = result.manifest["outcome"]["notes"]
    assert said == "A market shock did not fill wholly in the replicate: see `notes` of runs.parquet."
    assert said in " ".join(summarise(result).to_text().split())


def test_a_market_shock_that_fills_is_not_mentioned(tmp_path: Path) -> None:
    result = experiment.run(small_scenario(shocks=sell("1M", "30s")), replicates=1, out=tmp_path)
    assert "market shock" not in (result.metrics(0)["notes"] or "")
    assert result.manifest["outcome"]["notes"] == []


@pytest.fixture
def waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    """Run three replicates, of which the second leaves waves unfinished and an account that fails."""

    class Flagging(Engine):
        def check(self) -> None:
            super().check()
            if self.step == self.n_steps and self.sink.replicate == 1:
                self.state.clock[0].unfinished_waves = 4
                first = int(self.params.run[0].first_trader)
                held = self.state.positions.lots[self.state.accounts.first_position[first:]] != 0
                self.state.balances[first + int(np.flatnonzero(held)[0]), 0] -= 10**15

    monkeypatch.setattr(acting, "Engine", Flagging)
    return experiment.run(small_scenario(), replicates=3, out=tmp_path)


def test_a_replicate_that_ends_with_accounts_waiting_is_said_everywhere(waiting: Result) -> None:
    assert waiting.runs["outcome"].to_pylist() == ["completed", "waiting", "completed"]
    notes = waiting.metrics(1)["notes"].splitlines()
    assert "liquidations: 4 steps left accounts waiting for the next step" in notes
    assert "liquidations: accounts were still waiting when the run ended" in notes
    assert "liquidations: " not in (waiting.metrics(0)["notes"] or "")
    outcome = waiting.manifest["outcome"]
    assert outcome["replicates_waiting"] == 1
    assert "1 of 3 replicates ended with accounts still waiting" in outcome["text"]
    assert outcome["notes"] == [
        "Liquidations had to wait for the next step in 1 of 3 replicates, in at most 4 steps of one."
    ]
    text = summarise(waiting).to_text()
    assert all(said in " ".join(text.split()) for said in (outcome["text"], *outcome["notes"]))


def test_how_often_the_ledger_is_checked_changes_no_table(tmp_path: Path) -> None:
    runs = [
        experiment.run(
            small_scenario(outputs={"bars": "10s", "snapshots": "50s", "book": True, "check_every": every}),
            replicates=1,
            out=tmp_path,
        )
        for every in ("7s", "90s")
    ]
    assert runs[0].path != runs[1].path
    for name in ("runs", "bars", "liquidations", "adl", "funds", "book"):
        ours, theirs = (run.tables[name] for run in runs)
        assert ours.equals(theirs), name
    # the book is empty until the makers' first quotes
    for name, steps in (("funds", [0, 50, 100, 120]), ("book", [50, 100, 120])):
        assert sorted(set(runs[0].tables[name]["step"].to_pylist())) == steps, name


def test_a_breach_is_found_at_the_next_check_and_not_at_a_snapshot() -> None:
    class Breaking(Logs):
        def chunk(self, engine: Engine) -> None:
            if engine.step == 10:
                engine.state.balances[0, 0] += 1

    engine = Engine(assemble(small_scenario()), Breaking())
    with pytest.raises(InvariantError, match="after step 35: "):
        simulate(engine, 10, check_steps=35)


def test_overrides_apply_to_a_scenario_that_is_loaded_already(tmp_path: Path) -> None:
    changes = ["duration=20s", "makers.makers.count=2", "venues.venue.fund=null"]
    result = experiment.run(small_scenario(), changes, replicates=1, out=tmp_path)
    assert result.metrics(0)["steps"] == 20
    scenario = load(result.path / "scenario.resolved.yaml")
    assert scenario.makers[0].count == 2
    assert scenario.venues["venue"].fund != small_scenario().venues["venue"].fund
    assert pq.read_table(result.path / "runs.parquet").num_rows == 1
    assert json.loads((result.path / "manifest.json").read_text())["rows"]["runs"] == 1


@pytest.mark.parametrize("change", ["duration", "duration=soon", "makers.nobody.count=1", "durration=1h"])
def test_an_override_that_means_nothing_is_refused(change: str, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError):
        experiment.run(small_scenario(), [change], out=tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_same_request_finds_its_result(tmp_path: Path) -> None:
    first = experiment.run(small_scenario(), replicates=1, out=tmp_path)
    again = experiment.run(small_scenario(), replicates=1, out=tmp_path)
    other = experiment.run(small_scenario(seed=2), replicates=1, out=tmp_path)
    assert first.path == again.path != other.path


def test_the_time_step_does_not_decide_the_cascade() -> None:
    """Halving dt changes what a fall liquidates by less than luck does."""
    crash = [{"type": "news", "at": "30s", "over": "30s", "asset": "BTC", "move": "-1.5 %"}]
    hit = []
    for dt in ("1s", "500ms"):
        engine = Engine(assemble(small_scenario(dt=dt, shocks=crash)), Logs())
        simulate(engine, 1_000)
        rows = engine.sink["liquidations"]  # type: ignore[index]
        hit.append(len({(row["account"], row["life"]) for row in rows}))
    assert hit[1] == pytest.approx(hit[0], rel=0.15)

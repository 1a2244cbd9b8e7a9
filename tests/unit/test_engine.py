"""The run loop: outcomes, interruptions, failures as rows, a breach that stops the run."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from cascade.assembly import assemble
from cascade.engine import Engine, Outcome, simulate
from cascade.errors import InvariantError, ReplicatesError
from cascade.experiment import run as experiment
from cascade.model import Logs
from cascade.output.reader import read
from tests.support.scenarios import small_scenario


def test_a_breach_stops_the_run_and_names_the_step() -> None:
    engine = Engine(assemble(small_scenario()), Logs())
    engine.advance(10)
    engine.state.balances[0, 0] += 1
    with pytest.raises(InvariantError, match="after step 10: balances of settlement asset 0"):
        simulate(engine, 20)


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

    monkeypatch.setattr(experiment, "assemble", broken)
    with pytest.raises(ReplicatesError, match="1 of 3 replicates failed") as caught:
        experiment.run(small_scenario(), replicates=3, out=tmp_path)
    result = read(caught.value.where)
    assert result.runs["replicate"].to_pylist() == [0, 2]
    (row,) = result.tables["failures"].to_pylist()
    assert row["replicate"] == 1
    assert row["command"] == "cascade run small --seed 1 --replicate 1"


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
